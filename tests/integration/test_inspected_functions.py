"""Debuggers of Node.js in several functions at once, by a real inspector, and what time-outs do meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_inspector import Inspector
from websockets.sync.client import connect

from emulator.gateway.rules.limits import Limits
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Api, Function, Route, Topology

pytestmark = pytest.mark.needs_node

HANDLER = """\
exports.handler = async (event) => {
  let word = JSON.parse(event.body).word;
  if (word === "never") await new Promise((done) => setTimeout(done, 60000));
  return { statusCode: 200, body: process.env.AWS_LAMBDA_FUNCTION_NAME + " " + word };
};
"""
LONGER_THAN_EVERY_TIME_OUT = "{ const end = Date.now() + 1300; while (Date.now() < end); word }"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[EmulatorThread]:
    (tmp_path / "index.js").write_text(HANDLER)
    names = ("first", "second", "third")
    topology = Topology(
        api=Api(name="inspected", routes=tuple(Route(route_key=n, function=n, route_response=True) for n in names)),
        functions=tuple(
            Function(name=name, handler="index.handler", runtime="nodejs22.x", timeout_seconds=1) for name in names
        ),
    )
    config = EmulatorConfig(
        project_folder=tmp_path,
        state_folder=tmp_path / ".streamer",
        limits=Limits(integration_timeout_seconds=0.5),
        inspected={"first": 0, "second": 0},
    )
    with EmulatorThread(topology, config) as emulator:
        yield emulator


def listening(emulator: EmulatorThread, function: str) -> str:
    """Where the inspector of a function says it listens."""
    line = emulator.logs.wait_for(lambda each: each.function == function and "Debugger listening on" in each.text)
    found = re.search(r"ws://\S+", line.text)
    assert found is not None
    return found[0]


def test_two_functions_stop_at_once_for_as_long_as_it_takes(running: EmulatorThread) -> None:
    with connect(running.websocket_url, open_timeout=60) as client:
        for name in ("first", "second"):  # whose environments have started then
            client.send(json.dumps({"action": name, "word": "before"}))
            assert client.recv(30) == f"{name} before"
        with Inspector(listening(running, "first")) as first, Inspector(listening(running, "second")) as second:
            for name, inspector in (("first", first), ("second", second)):
                inspector.stop_at("index.js", 3)
                client.send(json.dumps({"action": name, "word": "asked"}))
            for inspector in (first, second):
                frame = inspector.paused()
                assert inspector.evaluate(frame, LONGER_THAN_EVERY_TIME_OUT) == "asked"
                inspector.evaluate(frame, "word = 'changed'")
            second.go_on()
            assert client.recv(30) == "second changed"
            first.go_on()
            assert client.recv(30) == "first changed"


def test_a_function_that_is_not_inspected_has_its_time_out(running: EmulatorThread) -> None:
    with connect(running.websocket_url, open_timeout=60) as client:
        client.send(json.dumps({"action": "third", "word": "never"}))
        assert json.loads(client.recv(30))["message"] == "Endpoint request timed out"
    assert not [line for line in running.logs.lines if line.function == "third" and "Debugger listening" in line.text]
