from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from typing import Self

import pytest

from emulator.functions.limits import ASYNC_EVENT_BYTES, EVENT_BYTES
from emulator.functions.logs import Tails
from emulator.functions.outcome import EnvironmentNow, Failed, Outcome, Refused, Returned
from emulator.functions.service import LambdaService
from emulator.functions.streaming import ResponseStream
from emulator.functions.target import FunctionTarget, target
from emulator.functions.variables import Endpoints
from emulator.port.http import HttpRequest, HttpResponse
from streamer.topology import Api, Function, Topology

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
TOPOLOGY = Topology(api=Api(name="a", routes=()), functions=(Function(name="f", handler="a.b"),))


class FakeFunctions:
    def __init__(self, outcome: Outcome, tails: Tails | None = None) -> None:
        self.outcome = outcome
        self.tails = tails
        self.functions: list[str] = []
        self.payloads: list[bytes] = []
        self.client_contexts: list[str | None] = []
        self.called = asyncio.Event()

    def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        source: str | None = None,
        stream: ResponseStream | None = None,
    ) -> asyncio.Future[Outcome]:
        self.functions.append(function)
        self.payloads.append(payload)
        self.client_contexts.append(client_context)
        if self.tails is not None:
            self.tails.write(function, request_id, "hello")
        self.called.set()
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        done.set_result(self.outcome)
        if stream is not None:
            stream.end()
        return done

    async def apply(self, topology: Topology) -> None:
        """It answers whatever it is asked."""

    async def reload(self) -> None:
        """There is no code."""

    async def retire(self, function: str) -> None:
        """There is no environment."""

    def now(self, function: str) -> list[EnvironmentNow]:
        """There is no environment."""
        return []

    def warm(self) -> None:
        """It is always ready."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def request(name: str = "f", body: bytes = b"{}", query: str = "", **headers: str) -> HttpRequest:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    target = f"/2015-03-31/functions/{name}/invocations{query}"
    return HttpRequest("POST", target, tuple(fields.items()), body, "127.0.0.1", fields)


def headers(response: HttpResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers}


@pytest.mark.parametrize(
    ("segment", "query", "expected"),
    [
        pytest.param("f", None, FunctionTarget(function="f", qualifier=None), id="name"),
        pytest.param("f:1", None, FunctionTarget(function="f", qualifier="1"), id="name and version"),
        pytest.param("f", "live", FunctionTarget(function="f", qualifier="live"), id="name, and alias in the query"),
        pytest.param("f:$LATEST", None, FunctionTarget(function="f", qualifier="$LATEST"), id="$LATEST"),
        pytest.param("123456789012:function:f", None, FunctionTarget(function="f", qualifier=None), id="partial ARN"),
        pytest.param("123456789012:f", None, FunctionTarget(function="f", qualifier=None), id="account and name"),
        pytest.param(ARN, None, FunctionTarget(function="f", qualifier=None), id="ARN"),
        pytest.param(f"{ARN}:live", None, FunctionTarget(function="f", qualifier="live"), id="qualified ARN"),
        pytest.param("no such name!", None, None, id="not a name"),
        pytest.param("", None, None, id="empty"),
    ],
)
def test_a_function_is_named_in_the_path_and_qualified_there_or_in_the_query(
    segment: str, query: str | None, expected: FunctionTarget | None
) -> None:
    assert target(segment, query) == expected


async def test_a_result_is_answered_with_its_version() -> None:
    service = LambdaService(TOPOLOGY, FakeFunctions(Returned(b'{"a": 1}', "id")), endpoints=Endpoints())

    response = await service.handle(request())

    assert (response.status, response.body) == (200, b'{"a": 1}')
    assert headers(response)["x-amz-executed-version"] == "$LATEST"
    assert headers(response)["x-amzn-remapped-content-length"] == "0"
    assert "x-amz-function-error" not in headers(response)


async def test_an_error_is_answered_with_200_and_a_header() -> None:
    service = LambdaService(TOPOLOGY, FakeFunctions(Failed(b'{"errorType": "E"}', "id", "E")), endpoints=Endpoints())

    response = await service.handle(request())

    assert (response.status, response.body) == (200, b'{"errorType": "E"}')
    assert headers(response)["x-amz-function-error"] == "Unhandled"


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
async def test_the_version_or_alias_that_is_asked_for_reaches_the_function(kind: str) -> None:
    functions = FakeFunctions(Returned(b"1", "id"))
    topology = replace(TOPOLOGY, functions=(Function(name="f", handler="a.b", qualifiers={"live": "7"}),))

    async with LambdaService(topology, functions, endpoints=Endpoints()) as service:
        response = await service.handle(request("f:live", x_amz_invocation_type=kind))
        await asyncio.wait_for(functions.called.wait(), 60)

    assert functions.functions == ["f:live"]
    assert headers(response).get("x-amz-executed-version") == ("7" if kind == "RequestResponse" else None)


@pytest.mark.parametrize(("beside", "status"), [("live", 200), ("1", 400), ("$LATEST", 400)])
async def test_a_name_and_a_query_have_the_same_version_or_alias(beside: str, status: int) -> None:
    topology = replace(TOPOLOGY, functions=(Function(name="f", handler="a.b", qualifiers={"1": "1", "live": "1"}),))
    service = LambdaService(topology, FakeFunctions(Returned(b"1", "id")), endpoints=Endpoints())

    response = await service.handle(request("f:live", query=f"?Qualifier={beside}"))

    refused = b"The derived qualifier from the function name does not match the specified qualifier." in response.body
    assert (response.status, refused) == (status, status == 400)


async def test_no_payload_is_an_empty_object() -> None:
    functions = FakeFunctions(Returned(b"1", "id"))
    service = LambdaService(TOPOLOGY, functions, endpoints=Endpoints())

    await service.handle(request(body=b""))

    assert functions.payloads == [b"{}"]


async def test_a_client_context_reaches_the_function() -> None:
    functions = FakeFunctions(Returned(b"1", "id"))
    service = LambdaService(TOPOLOGY, functions, endpoints=Endpoints())
    context = {"custom": {"ü": 1}}

    await service.handle(request(x_amz_client_context=base64.b64encode(json.dumps(context).encode()).decode()))

    (passed_on,) = functions.client_contexts
    assert passed_on is not None
    assert passed_on.isascii()
    assert json.loads(passed_on) == context


@pytest.mark.parametrize(
    ("asked", "status", "error"),
    [
        pytest.param(request("g"), 404, "ResourceNotFoundException", id="no such function"),
        pytest.param(request("f:live"), 404, "ResourceNotFoundException", id="no such alias"),
        pytest.param(request("f", query="?Qualifier=7"), 404, "ResourceNotFoundException", id="no such version"),
        pytest.param(request("!"), 400, "ValidationException", id="not a name"),
        pytest.param(request(body=b"{"), 400, "InvalidRequestContentException", id="not JSON"),
        pytest.param(request(body=b"\xff"), 400, "InvalidRequestContentException", id="not UTF-8"),
        pytest.param(request(body=b'{"a": NaN}'), 400, "InvalidRequestContentException", id="NaN is not JSON"),
        pytest.param(request(body=b"[-Infinity]"), 400, "InvalidRequestContentException", id="nor is Infinity"),
        pytest.param(request(body='{"a": 1}'.encode("utf-16")), 400, "InvalidRequestContentException", id="UTF-16"),
        pytest.param(request(body=b'"\xed\xa0\x80"'), 400, "InvalidRequestContentException", id="half a pair in bytes"),
        pytest.param(request(body=b"[" * 100_000), 400, "InvalidRequestContentException", id="nested too deeply"),
        pytest.param(request(x_amz_client_context="%"), 400, "InvalidRequestContentException", id="bad context"),
        pytest.param(request(x_amz_client_context="W1tb" * 999), 400, "InvalidRequestContentException", id="deep one"),
        pytest.param(
            request(body=b" " * (EVENT_BYTES + 1)), 413, "RequestTooLargeException", id="over 6 MB synchronously"
        ),
        pytest.param(
            request(body=b" " * (ASYNC_EVENT_BYTES + 1), x_amz_invocation_type="Event"),
            413,
            "RequestTooLargeException",
            id="over 1 MB asynchronously",
        ),
        pytest.param(request(x_amz_invocation_type="Sometimes"), 400, "ValidationException", id="unknown type"),
        pytest.param(request("g!", body=b"{"), 400, "ValidationException", id="names are looked at before events"),
        pytest.param(request("g", body=b"{"), 404, "ResourceNotFoundException", id="so is what there is"),
    ],
)
async def test_what_lambda_refuses_reaches_no_function(asked: HttpRequest, status: int, error: str) -> None:
    functions = FakeFunctions(Returned(b"1", "id"))
    service = LambdaService(TOPOLOGY, functions, endpoints=Endpoints())

    response = await service.handle(asked)

    assert (response.status, headers(response)["x-amzn-errortype"]) == (status, error)
    assert functions.payloads == []


NAMES = (
    "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?"
    "([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
NOT_A_NAME = "at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: " + NAMES
TOO_LONG = "at 'qualifier' failed to satisfy constraint: Member must have length less than or equal to 128"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param(request("f!"), f"1 validation error detected: Value 'f!' {NOT_A_NAME}", id="name"),
        pytest.param(
            request("f!", query=f"?Qualifier={'a' * 129}"),
            f"2 validation errors detected: Value '{'a' * 129}' {TOO_LONG}; Value 'f!' {NOT_A_NAME}",
            id="qualifier and name",
        ),
        pytest.param(
            request(query="?Qualifier=a!"),
            "1 validation error detected: Value 'a!' at 'qualifier' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
            id="qualifier",
        ),
        pytest.param(
            request(x_amz_invocation_type="event"),
            "1 validation error detected: Value 'event' at 'invocationType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [DryRun, RequestResponse, Event]",
            id="type",
        ),
        pytest.param(request("g"), f"Function not found: {ARN[:-1]}g:$LATEST", id="no such function"),
        pytest.param(request("f:$latest"), None, id="qualifiers in names have no other dollar"),
        pytest.param(request(query="?Qualifier=$latest"), f"Function not found: {ARN}:$latest", id="$latest"),
    ],
)
async def test_lambda_says_what_is_wrong(asked: HttpRequest, message: str | None) -> None:
    """[REC] ls-snap, but for the invocation type [USR] ex-aws/ex_aws #442."""
    service = LambdaService(TOPOLOGY, FakeFunctions(Returned(b"1", "id")), endpoints=Endpoints())

    said = json.loads((await service.handle(asked)).body)["message"]

    assert said == (message or f"1 validation error detected: Value 'f:$latest' {NOT_A_NAME}")


async def test_throttling_gives_its_reason() -> None:
    refusal = Refused(429, "TooManyRequestsException", "Rate Exceeded.", "ReservedFunctionConcurrentInvocationLimit")
    service = LambdaService(TOPOLOGY, FakeFunctions(refusal), endpoints=Endpoints())

    response = await service.handle(request())

    assert response.status == 429
    assert json.loads(response.body)["Reason"] == "ReservedFunctionConcurrentInvocationLimit"


async def test_a_dry_run_runs_nothing() -> None:
    functions = FakeFunctions(Returned(b"1", "id"))
    service = LambdaService(TOPOLOGY, functions, endpoints=Endpoints())

    assert (await service.handle(request(x_amz_invocation_type="DryRun"))).status == 204
    assert functions.payloads == []


async def test_an_event_is_accepted_before_it_runs() -> None:
    functions = FakeFunctions(Returned(b"1", "id"))

    async with LambdaService(TOPOLOGY, functions, endpoints=Endpoints()) as service:
        response = await service.handle(request(x_amz_invocation_type="Event"))
        assert (response.status, response.body, functions.payloads) == (202, b"", [])
        await asyncio.wait_for(functions.called.wait(), 60)

    assert functions.payloads == [b"{}"]


async def test_the_log_is_returned_on_request() -> None:
    tails = Tails()
    functions = FakeFunctions(Returned(b"1", "id"), tails)
    service = LambdaService(TOPOLOGY, functions, endpoints=Endpoints(), tails=tails)

    response = await service.handle(request(x_amz_log_type="Tail"))

    assert base64.b64decode(headers(response)["x-amz-log-result"]) == b"hello\n"
    assert "x-amz-log-result" not in headers(await service.handle(request()))


def test_only_lambdas_paths_are_handled() -> None:
    service = LambdaService(TOPOLOGY, FakeFunctions(Returned(b"1", "id")), endpoints=Endpoints())

    assert service.handles(request())
    assert not service.handles(HttpRequest("POST", "/dev/@connections/x", (), b"", "127.0.0.1"))
