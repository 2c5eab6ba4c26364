"""Who guards the functions of an emulator, and where they run."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

from streamer.topology import Topology
from streamer.topology.grants import Place

from ..functions.logs import LogSink
from ..functions.variables import Endpoints
from ..iam.call_log import logged
from ..iam.guard import Guard
from .config import EmulatorConfig, guarding_mode
from .served_api import ServedApi


def place_of(apis: Iterable[ServedApi], endpoints: Endpoints) -> Place:
    """Where functions run that call these APIs."""
    known = {served.api.name: (served.api_id, served.api.stage) for served in apis}
    return Place.of(endpoints.region, endpoints.account_id, known)


def guarding(
    topology: Topology, place: Place, endpoints: Endpoints, config: EmulatorConfig, sink: LogSink
) -> AbstractContextManager[Guard]:
    """The guard of a topology's functions, which is told in their logs what they may not do and why."""

    def advise(function: str, line: str) -> None:
        sink.write(function, None, line)

    mode, folder, roles = guarding_mode(config), config.iam_log, config.roles
    return logged(topology, place, endpoints.keys, mode=mode, advise=advise, folder=folder, roles=roles)
