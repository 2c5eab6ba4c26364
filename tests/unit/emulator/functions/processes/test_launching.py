"""What is imported before execution environments are forked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from emulator.functions.processes.launching import IMPORT_AHEAD, PLAIN_AHEAD, ahead_for
from streamer.topology import Api, Function, Topology

OURS = Function(name="connect", handler="streamer.handlers.connect.handler")
PLAIN = Function(name="plain", handler="app.handler")
SCRIPT = Function(name="script", handler="index.handler", runtime="nodejs22.x")


@pytest.mark.parametrize(
    ("functions", "imported"),
    [
        ((SCRIPT, PLAIN, OURS), IMPORT_AHEAD),
        ((SCRIPT, PLAIN), PLAIN_AHEAD),
        ((SCRIPT,), ()),
        ((), PLAIN_AHEAD),  # some may be deployed later
    ],
)
def test_what_is_imported_ahead_is_what_the_functions_of_the_topology_run(
    functions: tuple[Function, ...], imported: Sequence[str]
) -> None:
    topology = Topology(api=Api(name="chat", routes=()), functions=functions)

    assert ahead_for(topology) == imported


def test_a_project_without_a_handler_of_ours_imports_nothing_of_ours_and_no_cryptography() -> None:
    assert not [name for name in PLAIN_AHEAD if name.startswith(("streamer", "jwt"))]
