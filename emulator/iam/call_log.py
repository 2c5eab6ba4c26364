"""Writes each call that functions made of services, and whether their roles allow it, as lines of JSON.

The first line says what the roles follow from and where that is, so that the same can be asked of another IAM.
"""

from __future__ import annotations

import dataclasses
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from streamer.errors import ConfigurationError
from streamer.topology import Topology
from streamer.topology.grants import Place

from ..foundation.files import open_regular, write_all
from .guard import Guard, Mode
from .keys import Keys
from .needs import Need
from .roles import Roles

VARIABLE: Final = "STREAMER_IAM_LOG"
"""Names the folder that every emulator writes a file of its own into."""

OF_FUNCTIONS: Final = (
    "name",
    "tables",
    "posts_to_connections",
    "invokes",
    "sends_to",
    "buckets",
    "bucket_access",
    "permissions",
    "secrets",
)
"""The fields of a function that its role depends on. Others, such as its environment, hold what nobody should keep."""


class CallLog:
    """A file, written line by line, so that what is in it is whole even after SIGKILL.

    It is its user's alone: it has values of items that conditions ask for.
    """

    def __init__(self, folder: Path, topology: Topology, place: Place, roles: Roles | None = None) -> None:
        """Begin a file.

        Raises:
            ConfigurationError: there can be none in this folder.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open_regular(folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl", appends=True)
        except OSError as error:
            raise ConfigurationError(f"{VARIABLE}: no log can be written to {folder}: {error.strerror}") from error
        names = None if roles is None else {function: role.name for function, role in roles.of.items()}
        self._write({"topology": said_of(topology), "place": dataclasses.asdict(place), "roles": names})

    def note(self, function: str, need: Need, is_allowed: bool) -> None:
        """One call, or one part of a call that needs several permissions, with what conditions see of it."""
        line = {"function": function, "action": need.action, "resource": need.resource, "allowed": is_allowed}
        self._write({**line, "about": need.about} if need.about else line)

    def _write(self, line: Mapping[str, Any]) -> None:
        write_all(self._file, f"{json.dumps(line, separators=(',', ':'), default=dict)}\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@contextmanager
def logged(
    topology: Topology,
    place: Place,
    keys: Mapping[str, Keys],
    *,
    mode: Mode,
    advise: Callable[[str, str], None],
    folder: Path | None,
    roles: Roles | None = None,
) -> Iterator[Guard]:
    """A guard that writes a log into the folder, if there is one and the guard has anything to say.

    Raises:
        ConfigurationError: there can be no log in this folder.
    """
    if folder is None or mode == "off":
        yield Guard(topology, place, keys, mode=mode, advise=advise, roles=roles)
        return
    with CallLog(folder, topology, place, roles) as log:
        yield Guard(topology, place, keys, mode=mode, advise=advise, note=log.note, roles=roles)


def said_of(topology: Topology) -> dict[str, Any]:
    """What the roles of a topology follow from, by its own words. Pure."""
    whole = dataclasses.asdict(topology)
    functions = [{name: each[name] for name in OF_FUNCTIONS} for each in whole["functions"]]
    apis = [{"name": each.name, "stage": each.stage} for each in topology.all_apis()]
    kept = ("tables", "queues", "buckets", "event_source_mappings", "queue_mappings", "async_invocations")
    return {"apis": apis, "functions": functions, **{name: whole[name] for name in kept}}


def folder_from(environment: Mapping[str, str]) -> Path | None:
    """Where calls are to be written; None: nowhere."""
    named = environment.get(VARIABLE)
    return Path(named) if named else None
