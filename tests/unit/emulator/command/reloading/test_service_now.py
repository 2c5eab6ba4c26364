"""What of a changed service takes a restart of the emulator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.command.here.identity import Identity
from emulator.command.reloading.service_now import Now, differences, now_of
from emulator.command.targets.target import Target
from streamer.topology import Api, Function, Key, Route, Table, Topology

SAY = Function(name="say", handler="handlers.say", environment={"LEVEL": "1"})
SERVICE = Topology(api=Api(name="chat", routes=(Route(route_key="$default", function="say"),)), functions=(SAY,))


def now(topology: Topology, *actions: str) -> Now:
    return now_of(Target(name="service:chat", topology=topology, is_app=False, actions=actions), Identity())


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        pytest.param(replace(SERVICE), [], id="nothing"),
        pytest.param(
            replace(SERVICE, functions=(replace(SAY, environment={"LEVEL": "2"}),)), ["function say"], id="a variable"
        ),
        pytest.param(
            replace(SERVICE, functions=(SAY, replace(SAY, name="other"))), ["function other"], id="another function"
        ),
        pytest.param(replace(SERVICE, api=Api(name="chat", routes=())), ["api"], id="a route"),
        pytest.param(replace(SERVICE, tables=(Table(name="t", key=Key(partition="id")),)), ["tables"], id="a table"),
    ],
)
def test_what_takes_a_restart_is_named(changed: Topology, named: list[str]) -> None:
    assert differences(now(SERVICE), now(changed)) == named


def test_a_new_action_takes_none() -> None:
    assert differences(now(SERVICE, "one"), now(SERVICE, "one", "two")) == []
