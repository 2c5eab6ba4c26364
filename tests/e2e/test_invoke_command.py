"""One function, one event: ``streamer event`` and ``streamer invoke``, and what ``streamer doctor`` says meanwhile."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_command import PATIENCE_SECONDS, STREAMER, Emulate, streamer

SERVICE = """
from streamer.topology import Api, AsyncInvocation, Function, Route, Topology

service = Topology(
    api=Api(name="echo", routes=(Route(route_key="$default", function="say"),)),
    functions=(
        Function(name="say", handler="handlers.say", timeout_seconds=30),
        Function(name="fails", handler="handlers.fails", timeout_seconds=30),
    ),
    async_invocations=(AsyncInvocation(function="say", maximum_retry_attempts=0),),
)
"""
HANDLERS = """
def say(event, context):
    print("heard", sorted(event))
    return {"heard": event}


def fails(event, context):
    raise ValueError("no such order")
"""


@pytest.fixture(scope="module")
def handlers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose emulator runs two plain handlers."""
    folder = tmp_path_factory.mktemp("invoke")
    (folder / "service.py").write_text(SERVICE)
    (folder / "handlers.py").write_text(HANDLERS)
    (folder / "event.json").write_text('{"from": "a file"}')
    with Emulate("service:service", folder=folder):
        yield folder


@pytest.mark.parametrize(
    ("event", "stdin", "heard"),
    [
        pytest.param((), "", {}, id="none"),
        pytest.param(('{"from": "the line"}',), "", {"from": "the line"}, id="JSON"),
        pytest.param(("event.json",), "", {"from": "a file"}, id="a file"),
        pytest.param(("-",), '{"from": "a pipe"}', {"from": "a pipe"}, id="standard input"),
    ],
)
def test_a_function_is_run_and_its_result_printed(
    handlers: Path, event: tuple[str, ...], stdin: str, heard: dict[str, str]
) -> None:
    done = subprocess.run(
        [STREAMER, "invoke", "say", *event],
        cwd=handlers,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert json.loads(done.stdout) == {"heard": heard}, done.stderr
    assert "heard [" in done.stderr
    assert "REPORT RequestId" in done.stderr
    assert done.returncode == 0


def test_a_function_that_fails_gives_its_error_and_status_1(handlers: Path) -> None:
    done = streamer("invoke", "fails", folder=handlers)

    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] == "ValueError"
    assert "no such order" in done.stderr


def test_an_event_may_be_queued(handlers: Path) -> None:
    done = streamer("invoke", "say", "{}", "--event", folder=handlers)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("queued: ")


def test_an_event_that_failed_for_code_that_does_not_load_runs_when_it_does_again(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "handlers.py").write_text(HANDLERS)
    with Emulate("service:service", folder=tmp_path) as emulator:
        (tmp_path / "handlers.py").write_text("def broken(:\n")
        emulator.log.wait_for("the code does not load")
        assert streamer("invoke", "say", "--event", folder=tmp_path).returncode == 0
        emulator.log.wait_for(r"say \| error: .*SyntaxError")
        (tmp_path / "handlers.py").write_text(HANDLERS)
        emulator.log.wait_for("loads again")
        emulator.log.wait_for(r"say \| heard \[\]")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("nope",), "there is no function 'nope'; there are say, fails", id="another function"),
        pytest.param(("say", "{"), "not JSON", id="no JSON"),
        pytest.param(("say", "missing.json"), "cannot read missing.json", id="no file"),
        pytest.param(("say", ""), "not JSON", id="an empty variable"),
    ],
)
def test_a_mistake_is_one_line(handlers: Path, arguments: tuple[str, ...], told: str) -> None:
    done = streamer("invoke", *arguments, folder=handlers)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert told in done.stderr


def test_without_an_emulator_it_says_what_to_start(tmp_path: Path) -> None:
    done = streamer("invoke", "say", folder=tmp_path)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "start `streamer emulate`" in done.stderr


def test_sample_events_are_taken_by_the_functions_they_are_for(tmp_path: Path) -> None:
    with Emulate("--demo", folder=tmp_path):
        for kind, function in (("connect", "connect"), ("message", "router"), ("disconnect", "disconnect")):
            (tmp_path / "event.json").write_text(streamer("event", kind, folder=tmp_path).stdout)
            done = streamer("invoke", function, "event.json", folder=tmp_path)

            assert json.loads(done.stdout) == {"statusCode": 200}, done.stderr


def test_the_doctor_knows_the_emulator_of_the_folder(handlers: Path) -> None:
    done = streamer("doctor", "--json", folder=handlers)

    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert "runs at ws://127.0.0.1:" in found["emulator"]["found"]
    assert {check["state"] for check in found.values()} <= {"ok", "warn"}


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        pytest.param("streamer.toml", "app = 1", "streamer.toml: app is 1, which is not text", id="configuration"),
        pytest.param("app.py", "import nope", "module 'app' imports 'nope', which is not installed", id="code"),
        pytest.param("app.py", "app = 1", "'app:app' is of type int; a target is an App", id="no service"),
        pytest.param("template.yaml", "Resources: {A: [}", "template.yaml:1: not YAML", id="template"),
    ],
)
def test_the_doctor_says_why_a_project_does_not_start(tmp_path: Path, file: str, text: str, told: str) -> None:
    (tmp_path / file).write_text(text)

    done = streamer("doctor", folder=tmp_path)

    assert done.returncode == 1
    assert f"fail  project     {told}" in done.stdout


def test_the_doctor_warns_of_what_an_option_gives_and_changes_nothing(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    text = """Parameters: {Stage: {Type: String}}
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: a, ProtocolType: WEBSOCKET, RouteSelectionExpression: a}}
  Dev: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: !Ref Stage}}
  F:
    Type: AWS::Lambda::Function
    Properties: {Runtime: python3.13, Handler: index.f, Role: r, Code: {ZipFile: "def f(event, context): return 1"}}
"""
    template.write_text(text)

    done = streamer("doctor", folder=tmp_path)
    assert "warn  project     template.yaml:1: Parameters.Stage: no value for Stage: add --parameter" in done.stdout

    template.write_text(text.replace("{Type: String}", "{Type: String, Default: dev}"))
    done = streamer("doctor", folder=tmp_path)
    assert "ok    project" in done.stdout
    assert list(tmp_path.iterdir()) == [template]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="this system does not tell who listens")
def test_who_has_a_port_is_found_out() -> None:
    from emulator.command.doctor_facts import port_of

    lower = [socket.socket() for _ in range(2)]  # their numbers are those of what is opened to look and then closed
    with socket.create_server(("127.0.0.1", 0)) as server:
        for each in lower:
            each.close()
        taken = port_of(server.getsockname()[1])

    assert not taken.is_free
    assert str(taken.holder).endswith(str(Path.cwd()))
