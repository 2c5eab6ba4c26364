"""How long what an authorizer answered counts."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.functions.outcome import Failed, Outcome, Refused, Returned
from emulator.functions.variables import Endpoints
from emulator.gateway.http_apis import kept_verdicts, service
from emulator.gateway.verifier import Verifier
from emulator.port.http import HttpRequest
from streamer.topology.http_apis import Cors, HttpApi, HttpAuthorizer, HttpKind, HttpRoute

API = HttpApi(
    name="shop",
    api_id="shopshopsh",
    kind=HttpKind.HTTP,
    authorizers=(
        HttpAuthorizer(
            name="door",
            kind="REQUEST",
            function="door",
            identity_sources=("$request.header.Key",),
            payload="2.0",
            simple=True,
            ttl_seconds=300,
        ),
    ),
    routes=(HttpRoute(method="GET", path="/", function="shown", authorizer="door"),),
)


class Functions:
    """The authorizer lets everybody in once it has done what it does first, and each function is counted."""

    def __init__(self, *first: Outcome | asyncio.Future[Outcome]) -> None:
        self.asked: list[str] = []
        self._first = list(first)

    def invoke(self, function: str, payload: bytes, **_: Any) -> asyncio.Future[Outcome]:
        self.asked.append(function)
        result = {"isAuthorized": True} if function == "door" else {"statusCode": 200}
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        is_first = function == "door" and bool(self._first)
        outcome = self._first.pop(0) if is_first else Returned(json.dumps(result).encode(), "id")
        if isinstance(outcome, asyncio.Future):
            return outcome
        answered.set_result(outcome)
        return answered

    def accept(self, function: str, payload: bytes, request_id: str) -> bool:
        raise AssertionError("nobody asks for it")


VERIFIER = Verifier(secrets={}, region="us-east-1", clock=time.time)


async def test_an_answer_counts_for_the_same_identity_until_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(service, "time", SimpleNamespace(time=time.time, monotonic=lambda: clock.now))
    functions = Functions()
    apis = service.HttpApis([API], functions, Endpoints(), verifier=VERIFIER, address="127.0.0.1:1", aws_domain=False)

    async def ask(key: str) -> int:
        headers = (("Key", key),)
        return (await apis.answer(API, HttpRequest("GET", "/", headers, b"", "127.0.0.1", {"key": key}))).status

    asked = []
    for key, now in (("a", 1000.0), ("a", 1299.0), ("b", 1299.0), ("a", 1300.0), ("a", 1301.0)):
        clock.now = now
        assert await ask(key) == 200
        asked.append(functions.asked.count("door"))

    assert asked == [1, 1, 2, 3, 3]
    apis.change(service.read_apis([API]))
    assert await ask("a") == 200
    assert functions.asked.count("door") == 4, "another description asks anew"


@pytest.mark.parametrize(
    ("first", "status"),
    [
        pytest.param(Failed(b'{"errorMessage": "boom"}', "id", "Exception"), 500, id="failed"),
        pytest.param(Refused(429, "TooManyRequestsException", "Rate Exceeded."), 500, id="was not run"),
        pytest.param(Returned(b'{"nothing": 1}', "id"), 500, id="answered nonsense"),
    ],
)
async def test_a_failure_is_no_answer_that_counts(first: Outcome, status: int) -> None:
    functions = Functions(first)
    apis = service.HttpApis([API], functions, Endpoints(), verifier=VERIFIER, address="127.0.0.1:1", aws_domain=False)
    request = HttpRequest("GET", "/", (("Key", "a"),), b"", "127.0.0.1", {"key": "a"})

    assert [(await apis.answer(API, request)).status for _ in range(3)] == [status, 200, 200]
    assert functions.asked.count("door") == 2


async def test_a_refusal_is_an_answer_that_counts() -> None:
    functions = Functions(Returned(b'{"isAuthorized": false}', "id"))
    apis = service.HttpApis([API], functions, Endpoints(), verifier=VERIFIER, address="127.0.0.1:1", aws_domain=False)
    request = HttpRequest("GET", "/", (("Key", "a"),), b"", "127.0.0.1", {"key": "a"})

    assert [(await apis.answer(API, request)).status for _ in range(2)] == [403, 403]
    assert functions.asked == ["door"]


async def test_an_api_that_changes_or_goes_while_its_authorizer_works_still_answers_and_keeps_nothing() -> None:
    door: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    functions = Functions(door)
    apis = service.HttpApis([API], functions, Endpoints(), verifier=VERIFIER, address="127.0.0.1:1", aws_domain=False)
    request = HttpRequest("GET", "/", (("Key", "a"),), b"", "127.0.0.1", {"key": "a"})

    answer = asyncio.ensure_future(apis.answer(API, request))
    await asyncio.sleep(0)
    apis.change(())
    door.set_result(Returned(b'{"isAuthorized": true}', "id"))
    assert (await answer).status == 200

    apis.change(service.read_apis([API]))
    await apis.answer(API, request)
    assert functions.asked.count("door") == 2


async def test_the_oldest_answers_are_forgotten_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_verdicts, "KEPT_VERDICTS", 2)
    functions = Functions()
    apis = service.HttpApis([API], functions, Endpoints(), verifier=VERIFIER, address="127.0.0.1:1", aws_domain=False)

    asked = []
    for key in ("a", "b", "c", "c", "b", "a"):
        await apis.answer(API, HttpRequest("GET", "/", (("Key", key),), b"", "127.0.0.1", {"key": key}))
        asked.append(functions.asked.count("door"))

    assert asked == [1, 2, 3, 3, 3, 4]


def guarded(*keys: str) -> HttpApi:
    """An API with CORS; routes have an authorizer but those for OPTIONS."""
    routes = []
    for key in keys:
        method, _, path = key.rpartition(" ")
        authorizer = None if method == "OPTIONS" else "door"
        routes.append(HttpRoute(method=method or "ANY", path=path, function="shown", authorizer=authorizer))
    return dataclasses.replace(API, routes=tuple(routes), cors=Cors(origins=("*",), methods=("GET",)))


@pytest.mark.parametrize(
    ("keys", "status"),
    [
        pytest.param(["GET /a"], 204, id="a route of another method"),
        pytest.param([], 204, id="no route"),
        pytest.param(["ANY /a"], 401, id="a route of any method"),
        pytest.param(["ANY /{proxy+}"], 401, id="a greedy one"),
        pytest.param(["$default"], 401, id="the default"),
        pytest.param(["ANY /a", "OPTIONS /a"], 204, id="one of its own beside one of any method"),
        pytest.param(["$default", "OPTIONS /{proxy+}"], 204, id="one of its own beside the default"),
    ],
)
async def test_a_preflight_is_held_to_the_authorizer_of_the_route_that_takes_it(keys: list[str], status: int) -> None:
    api = guarded(*keys)
    apis = service.HttpApis([api], Functions(), Endpoints(), verifier=VERIFIER, address="127.0.0.1:1", aws_domain=False)
    fields = {"origin": "https://shop.example", "access-control-request-method": "GET"}

    answer = await apis.answer(api, HttpRequest("OPTIONS", "/a", tuple(fields.items()), b"", "127.0.0.1", fields))

    assert answer.status == status
    assert ("access-control-allow-methods" in dict(answer.headers)) is (status == 204)


async def test_the_log_has_no_session_token_of_a_request_that_is_signed_wrongly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now, secret = 1_767_268_800.0, "a-session-token"
    fields = {
        "host": "shop",
        "x-amz-date": "20260101T120000Z",
        "x-amz-security-token": secret,
        "authorization": "AWS4-HMAC-SHA256 Credential=ASIA1/20260101/us-east-1/execute-api/aws4_request, "
        f"SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={'0' * 64}",
    }
    api = dataclasses.replace(API, kind=HttpKind.REST, routes=(HttpRoute(path="/", function="shown", iam=True),))
    verifier = Verifier(secrets={"ASIA1": "secret"}, region="us-east-1", clock=lambda: now)
    apis = service.HttpApis([api], Functions(), Endpoints(), verifier=verifier, address="127.0.0.1:1", aws_domain=False)

    answer = await apis.answer(api, HttpRequest("GET", "/", tuple(fields.items()), b"", "127.0.0.1", fields))

    assert secret in answer.body.decode()  # as AWS tells whoever sent it
    assert "does not match" in caplog.text
    assert secret not in caplog.text
