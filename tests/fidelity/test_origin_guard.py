"""A web page of another origin can neither post to connections nor read anything, through a developer's browser."""

from __future__ import annotations

import json

import pytest
from fidelity_client import Answer
from fidelity_world import World

EVIL = "https://evil.example"
APIS = {
    "@connections": ("POST", "/dev/@connections/H111mc0HywMCEEf=", []),
    "@connections, reading": ("GET", "/dev/@connections/H111mc0HywMCEEf=", []),
    "Lambda": ("POST", "/2015-03-31/functions/message/invocations", []),
    "DynamoDB": (
        "POST",
        "/",
        [("X-Amz-Target", "DynamoDB_20120810.ListTables"), ("Content-Type", "application/x-amz-json-1.0")],
    ),
    "DynamoDB Streams": ("POST", "/", [("X-Amz-Target", "DynamoDBStreams_20120810.ListStreams")]),
    "a form": ("POST", "/", [("Content-Type", "application/x-www-form-urlencoded")]),
    "a preflight": ("OPTIONS", "/", [("Access-Control-Request-Method", "POST")]),
}
SERVICES = {"Lambda": "lambda", "DynamoDB": "dynamodb"}


def call(world: World, api: str, *headers: tuple[str, str], host: str | None = None) -> Answer:
    method, target, own = APIS[api]
    body = b"{}" if method == "POST" else b""
    signed = world.signature(method, target, body, scope=(SERVICES.get(api, "execute-api"), "us-east-1"))
    return world.http(method, target, *own, *headers, *signed, body=body, host=host)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("origin", [EVIL, "http://localhost:5173", "null"])
def test_a_page_of_another_origin_is_refused_even_if_it_could_sign(world: World, api: str, origin: str) -> None:
    answer = call(world, api, ("Origin", origin))

    assert answer.status == 403
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
    assert not world.events("message")


@pytest.mark.parametrize("api", APIS)
def test_a_name_that_was_rebound_to_this_machine_is_refused(world: World, api: str) -> None:
    rebound = f"evil.example:{world.port}"

    assert call(world, api, host=rebound).status == 403
    assert call(world, api, ("Origin", f"http://{rebound}"), host=rebound).status == 403


@pytest.mark.parametrize(("api", "status"), [("Lambda", 200), ("DynamoDB", 200), ("@connections", 410)])
def test_tools_and_functions_may_call(world: World, api: str, status: int) -> None:
    assert call(world, api).status == status


def test_a_page_may_open_a_websocket_as_on_aws(world: World) -> None:
    """API Gateway does not look at the origin; ``$connect`` may, which sees it."""
    world.open(("Origin", EVIL)).pinged()

    assert world.event("connect")["headers"]["Origin"] == EVIL


def test_a_page_gets_nothing_from_a_connection_that_exists(world: World) -> None:
    client = world.open()
    target = f"/dev/@connections/{world.id_of()}"
    headers = [("Origin", EVIL), *world.signature("POST", target, b"x")]

    assert world.http("POST", target, *headers, body=b"x").status == 403
    assert "identity" not in json.dumps(world.http("GET", target, ("Origin", EVIL)).json)
    client.pinged()
