"""``streamer emulate module:attribute`` with plain Lambda handlers: API Gateway by configuration alone."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_command import Emulate, dial, streamer
from websockets.exceptions import ConnectionClosedError, InvalidStatus

SERVICE = """
    from streamer.topology import Api, Authorizer, Function, Route, Throttle, Topology

    MODEL = {"type": "object", "required": ["text"]}
    service = Topology(
        api=Api(
            name="everything",
            stage="prod",
            stage_variables={"colour": "blue"},
            route_selection_expression="$request.body.op",
            authorizers=(
                Authorizer(name="auth", function="authorize", identity_sources=("route.request.querystring.token",)),
            ),
            api_keys=("key-1",),
            routes=(
                Route(route_key="$connect", function="accept", authorizer="auth", api_key_required=True),
                Route(route_key="$disconnect", function="accept"),
                Route(route_key="tell", function="tell", route_response=True),
                Route(route_key="strict", function="tell", route_response=True, model=MODEL),
                Route(route_key="rare", function="tell", route_response=True, throttle=Throttle(rate=0.001, burst=1)),
                Route(route_key="slow", function="slow", integration_timeout_seconds=0.05),
            ),
        ),
        functions=(
            Function(name="authorize", handler="auth.authorize", timeout_seconds=30),
            Function(name="accept", handler="handlers.accept", timeout_seconds=30),
            Function(
                name="tell",
                handler="handlers.tell",
                environment={"GREETING": "hello"},
                timeout_seconds=7,
                memory_mb=256,
            ),
            Function(name="slow", handler="handlers.slow", timeout_seconds=30),
        ),
    )
    not_a_service = {"api": None}
"""
AUTH = """
    def authorize(event, context):
        effect = "Allow" if event["queryStringParameters"]["token"] == "good" else "Deny"
        statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
        return {"principalId": "ada", "policyDocument": {"Statement": [statement]}, "context": {"level": 3}}
"""
HANDLERS = """
    import json, os, threading

    def accept(event, context):
        return {"statusCode": 200}

    def tell(event, context):
        told = {
            "variables": event["stageVariables"],
            "authorizer": event["requestContext"]["authorizer"],
            "route": event["requestContext"]["routeKey"],
            "greeting": os.environ["GREETING"],
            "memory": context.memory_limit_in_mb,
            "seconds": round(context.get_remaining_time_in_millis() / 1000),
        }
        return {"statusCode": 200, "body": json.dumps(told)}

    def slow(event, context):
        threading.Event().wait(0.5)
        return {"statusCode": 200}
"""
KEY = {"x-api-key": "key-1"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("everything")
    for name, code in (("service.py", SERVICE), ("auth.py", AUTH), ("handlers.py", HANDLERS)):
        (folder / name).write_text(textwrap.dedent(code))
    return folder


@pytest.fixture(scope="module")
def running(project: Path) -> Iterator[Emulate]:
    arguments = (
        "service:service",
        "--stage",
        "prod",
        "--limit",
        "message_bytes=2000",
        "--assume",
        "throttled_message=slow down",
    )
    with Emulate(*arguments, folder=project) as emulator:
        yield emulator


def ask(emulator: Emulate, **message: Any) -> dict[str, Any]:
    with dial(f"{emulator.url}?token=good", additional_headers=KEY) as client:
        client.send(json.dumps(message))
        return dict(json.loads(client.recv(30)))


def test_a_function_has_all_that_the_topology_says(running: Emulate) -> None:
    assert running.url.endswith("/prod")
    told = ask(running, op="tell")
    assert 3 < told.pop("seconds") <= 7
    assert told == {
        "variables": {"colour": "blue"},
        "authorizer": {"level": "3", "principalId": "ada"},
        "route": "tell",
        "greeting": "hello",
        "memory": "256",
    }


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        pytest.param("", KEY, 401, id="no identity source"),
        pytest.param("?token=bad", KEY, 403, id="denied by the authorizer"),
        pytest.param("?token=good", {}, 403, id="no API key"),
    ],
)
def test_who_may_not_connect_is_refused(running: Emulate, query: str, headers: dict[str, str], status: int) -> None:
    with pytest.raises(InvalidStatus) as caught:
        dial(running.url + query, additional_headers=headers)

    assert caught.value.response.status_code == status


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        pytest.param({"op": "strict"}, "Bad request body", id="model"),
        pytest.param({"op": "slow"}, "Endpoint request timed out", id="integration timeout"),
        pytest.param({"op": "unknown"}, "Forbidden", id="no route"),
    ],
)
def test_a_message_that_cannot_be_answered_is_told_so(running: Emulate, message: dict[str, str], answer: str) -> None:
    assert ask(running, **message)["message"] == answer


def test_throttles_and_assumptions_are_in_force(running: Emulate) -> None:
    assert ask(running, op="rare")["route"] == "rare"
    assert ask(running, op="rare")["message"] == "slow down"


def test_limits_of_the_command_line_are_in_force(running: Emulate) -> None:
    with dial(f"{running.url}?token=good", additional_headers=KEY) as client:
        client.send("x" * 2001)
        with pytest.raises(ConnectionClosedError) as end:
            client.recv(30)

    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 1009


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["service:not_a_service"], id="not a topology"),
        pytest.param(["service:service", "--limit", "frame_bytes=none"], id="a limit that is none"),
        pytest.param(["service:service", "--assume", "nothing"], id="an assumption that is none"),
        pytest.param(["service:service", "--host", "192.0.2.1"], id="an address of another machine"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(project: Path, arguments: list[str]) -> None:
    done = streamer("emulate", "--port", "0", *arguments, folder=project)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("streamer: ")
    assert "Traceback" not in done.stderr


def test_an_address_that_others_may_reach_is_warned_about(project: Path) -> None:
    """The name stands for the loopback, which the emulator cannot know, so that no test listens to the network."""
    with Emulate("service:service", "--host", "127.1", folder=project) as emulator:
        emulator.log.wait_for("warning: whoever reaches this address can connect")


def test_what_is_no_app_has_no_actions_and_keeps_no_requests(running: Emulate, project: Path) -> None:
    actions, requests = (streamer(name, folder=project) for name in ("actions", "requests"))

    assert (actions.returncode, actions.stdout) == (0, "")
    assert actions.stderr.startswith("streamer: the service is no App, so it has no actions; 'streamer invoke' runs")
    assert (requests.returncode, requests.stderr.count("\n")) == (2, 1)
    assert "the service keeps no requests: it is no App" in requests.stderr
