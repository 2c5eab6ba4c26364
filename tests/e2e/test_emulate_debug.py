"""Debuggers: what ``breakpoint()`` says in a function's process, and ``streamer emulate --debug``."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import pytest
from debug_adapter import Debugger
from running_command import Emulate, ask, dial, streamer

APP = """
from streamer import App

app = App()


@app.action("stop")
def stop(request):
    breakpoint()
    return "went on"
"""


def test_a_breakpoint_in_a_functions_process_goes_on_and_says_where_it_stops(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)

    with Emulate(folder=tmp_path) as emulator, dial(emulator.address()) as client:
        (answer,) = ask(client, "stop")
        line = emulator.log.wait_for("breakpoint\\(\\) did not stop")

    assert answer["data"] == "went on"
    assert "--isolation inline" in line
    assert "app.py, line 9" in line


SHORT = """
from streamer import App

app = App()


@app.action("add")
def add(request):
    left = request.payload["left"]
    return left + 1


@app.action("later", queued=True)
async def later(request):
    value = "later"
    return value
"""


@pytest.mark.skipif(importlib.util.find_spec("debugpy") is None, reason="needs debugpy")
def test_an_editor_stops_in_actions_sees_and_changes_their_variables_and_lets_them_go_on(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SHORT)
    answers: list[dict[str, object]] = []

    emulator = Emulate("--debug", "0", folder=tmp_path)
    port = int(emulator.log.wait_for("waiting for a debugger").rpartition(":")[2])
    with Debugger(port, tmp_path / "app.py", lines=[10, 16]) as debugger, emulator, dial(emulator.address()) as client:
        asking = threading.Thread(target=lambda: answers.extend(ask(client, "add", {"left": 2})))
        asking.start()
        stop = debugger.stopped()
        assert (stop.function, stop.line, stop.variables["left"]) == ("add", 10, "2")
        debugger.ask("evaluate", expression="left = 41", frameId=stop.frame, context="repl")
        debugger.go_on(stop)
        asking.join()
        client.send('{"action": "later", "id": "queued"}')
        stop = debugger.stopped()
        assert (stop.function, stop.line) == ("later", 16)
        debugger.go_on(stop)

    assert [each["data"] for each in answers] == [42]
    assert "Debugger warning" not in emulator.log.text


def test_debugging_in_processes_is_refused(tmp_path: Path) -> None:
    done = streamer("emulate", "--demo", "--debug", "--isolation", "process", folder=tmp_path)

    assert done.returncode == 2
    assert "--debug runs functions inline" in done.stderr


TEMPLATE = """
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: live, AutoDeploy: true}
  Send:
    Type: AWS::Lambda::Function
    Properties: {Handler: index.handler, Runtime: nodejs22.x, Code: {ZipFile: "exports.handler = async () => ({})"}}
"""


@pytest.mark.needs_node
def test_a_function_of_node_js_is_inspected_by_its_logical_id(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)

    with Emulate("template.yaml", "--inspect", "Send=0", folder=tmp_path) as emulator:
        assert "ws://127.0.0.1:" in emulator.log.wait_for("Debugger listening on")


def test_inspecting_what_is_no_function_of_node_js_is_refused(tmp_path: Path) -> None:
    done = streamer("emulate", "--demo", "--inspect", "router", folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.endswith("--inspect router: it is no function of Node.js; for Python there is --debug\n")


def test_without_debugpy_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "debugpy.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))

    done = streamer("emulate", "--demo", "--debug", folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.endswith("--debug needs debugpy, which is not installed: pip install debugpy\n")
    assert done.stderr.count("\n") == 1
