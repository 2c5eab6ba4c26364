from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.functions.limits import RESPONSE_BYTES
from emulator.functions.processes.runtime_api import PortConnection, RuntimeApiConnection, StreamingConnection
from emulator.functions.streaming import HELD_BYTES, ResponseStream


class FakeTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.writes = 0
        self.is_aborted = False
        self.is_paused = False

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def is_closing(self) -> bool:
        return self.is_aborted

    def write(self, data: Any) -> None:
        self.written += data
        self.writes += 1

    def abort(self) -> None:
        self.is_aborted = True


class FakeRuntime:
    def __init__(self, stream: ResponseStream | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.stream = stream

    def wants_event(self, connection: RuntimeApiConnection) -> None:
        self.calls.append(("wants event",))

    def responded(self, request_id: str, payload: bytes) -> bool:
        self.calls.append(("responded", request_id, payload))
        return request_id == "known"

    def failed(self, request_id: str, payload: bytes) -> bool:
        self.calls.append(("failed", request_id, payload))
        return request_id == "known"

    def streams(self, request_id: str, content_type: str, resume: Callable[[], None]) -> ResponseStream | None:
        self.calls.append(("streams", request_id, content_type))
        if self.stream is not None:
            self.stream.begin(content_type, resume)
        return self.stream

    def init_failed(self, payload: bytes) -> bool:
        self.calls.append(("init failed", payload))
        return payload == b"{}"

    def disconnected(self, connection: RuntimeApiConnection) -> None:
        self.calls.append(("disconnected",))


def connected() -> tuple[RuntimeApiConnection, FakeRuntime, FakeTransport]:
    runtime, transport = FakeRuntime(), FakeTransport()
    connection = RuntimeApiConnection(runtime)
    connection.connection_made(transport)
    return connection, runtime, transport


def post(path: str, body: bytes) -> bytes:
    return f"POST /2018-06-01/runtime/{path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "call", "status"),
    [
        pytest.param(NEXT, ("wants event",), b"", id="next waits"),
        pytest.param(
            post("invocation/known/response", b"1"), ("responded", "known", b"1"), b"HTTP/1.1 202", id="response"
        ),
        pytest.param(
            post("invocation/other/response", b"1"), ("responded", "other", b"1"), b"HTTP/1.1 400", id="stale response"
        ),
        pytest.param(post("invocation/known/error", b"{}"), ("failed", "known", b"{}"), b"HTTP/1.1 202", id="error"),
        pytest.param(post("init/error", b"{}"), ("init failed", b"{}"), b"HTTP/1.1 202", id="init error"),
        pytest.param(
            post("init/error", b"late"), ("init failed", b"late"), b"HTTP/1.1 403", id="init error after the init"
        ),
    ],
)
def test_a_request_of_the_runtime_client_becomes_a_call(
    request_bytes: bytes, call: tuple[Any, ...], status: bytes
) -> None:
    connection, runtime, transport = connected()

    connection.data_received(request_bytes)

    assert runtime.calls == [call]
    assert transport.written.startswith(status)


@pytest.mark.parametrize("path", ["invocation/known/bogus", "invocation/next", "invocation/known"])
def test_what_is_posted_elsewhere_ends_no_event(path: str) -> None:
    connection, runtime, transport = connected()

    connection.data_received(post(path, b"1"))

    assert runtime.calls == []
    assert transport.written.startswith(b"HTTP/1.1 404")


class PortTransport(FakeTransport):
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1)


def test_a_client_that_asks_before_it_sends_a_body_is_answered_at_once() -> None:
    """As curl does with an answer of more than a megabyte; it would wait for a second."""
    transport, runtime = PortTransport(), FakeRuntime()
    connection = PortConnection(runtime, lambda _own, _other: True, "127.0.0.1:1")
    connection.connection_made(transport)

    head, _, body = post("invocation/known/response", b"12").partition(b"\r\n\r\n")
    connection.data_received(head + b"\r\nExpect: 100-continue\r\n\r\n")
    asked = transport.written
    connection.data_received(body)
    connection.data_received(post("invocation/known/response", b"12"))

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert transport.written.count(b"HTTP/1.1 202") == 2
    assert transport.written.count(b"HTTP/1.1 100") == 1
    assert runtime.calls == [("responded", "known", b"12")] * 2


def test_an_event_is_delivered_with_its_headers() -> None:
    connection, _, transport = connected()
    connection.data_received(NEXT)

    connection.deliver(
        request_id="id", payload=b"{}", deadline_ms=5, function_arn="arn", trace_id="Root=1", client_context='{"a": 1}'
    )

    head, _, body = transport.written.partition(b"\r\n\r\n")
    assert body == b"{}"
    assert set(head.decode().split("\r\n")) == {
        "HTTP/1.1 200 OK",
        "Content-Type: application/json",
        "Lambda-Runtime-Aws-Request-Id: id",
        "Lambda-Runtime-Deadline-Ms: 5",
        "Lambda-Runtime-Invoked-Function-Arn: arn",
        "Lambda-Runtime-Trace-Id: Root=1",
        'Lambda-Runtime-Client-Context: {"a": 1}',
        "Content-Length: 2",
    }


def deliver(connection: RuntimeApiConnection) -> None:
    connection.deliver(
        request_id="id", payload=b"{}", deadline_ms=5, function_arn="arn", trace_id="", client_context=None
    )


def test_a_client_that_asks_for_the_next_event_with_its_result_is_answered_both_at_once() -> None:
    connection, runtime, transport = connected()

    connection.data_received(post("invocation/known/response", b"1") + NEXT)
    before = transport.writes
    deliver(connection)

    assert runtime.calls == [("responded", "known", b"1"), ("wants event",)]
    assert (before, transport.writes) == (0, 1)
    assert transport.written.startswith(b"HTTP/1.1 202")
    assert b"HTTP/1.1 200" in transport.written


def test_a_client_that_asks_for_nothing_else_is_answered_now() -> None:
    connection, _, transport = connected()
    connection.data_received(NEXT)
    deliver(connection)
    delivered = len(transport.written)

    connection.data_received(post("invocation/known/response", b"1"))

    assert transport.written[delivered:].startswith(b"HTTP/1.1 202")


def test_a_response_over_the_limit_is_refused_and_fails_the_event() -> None:
    connection, runtime, transport = connected()

    connection.data_received(post("invocation/known/response", b"x" * (RESPONSE_BYTES + 1)))

    ((kind, request_id, payload),) = runtime.calls
    assert (kind, request_id) == ("failed", "known")
    assert json.loads(payload)["errorType"] == "Function.ResponseSizeTooLarge"
    assert transport.written.startswith(b"HTTP/1.1 413")


# responses that are streamed


def streamed(*parts: bytes, trailers: str = "") -> bytes:
    head = (
        "POST /2018-06-01/runtime/invocation/known/response HTTP/1.1\r\nContent-Type: text/plain\r\n"
        "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts]
    return head.encode() + b"".join(chunks) + f"0\r\n{trailers}\r\n".encode()


def streaming(stream: ResponseStream | None) -> tuple[StreamingConnection, FakeRuntime, FakeTransport]:
    runtime, transport = FakeRuntime(stream), FakeTransport()
    connection = StreamingConnection(runtime)
    connection.connection_made(transport)
    return connection, runtime, transport


async def test_a_streamed_response_is_passed_on_as_it_comes() -> None:
    stream = ResponseStream()
    connection, runtime, transport = streaming(stream)
    whole = streamed(b"one", b"two")
    first = whole.index(b"3\r\ntwo")

    connection.data_received(whole[:first])
    begun = await stream.read()
    connection.data_received(whole[first:])

    assert (begun, await stream.read(), stream.content_type) == (b"one", b"two", "text/plain")
    assert runtime.calls == [("streams", "known", "text/plain"), ("responded", "known", b"onetwo")]
    assert transport.written.startswith(b"HTTP/1.1 202")


async def test_a_function_waits_while_nobody_reads_what_it_streams() -> None:
    stream = ResponseStream()
    connection, runtime, transport = streaming(stream)
    whole = streamed(bytes(HELD_BYTES), b"more")
    end = whole.index(b"4\r\nmore")

    connection.data_received(whole[:end])
    waits = transport.is_paused
    await stream.read()
    goes_on = not transport.is_paused
    connection.data_received(whole[:end].partition(b"\r\n\r\n")[2] + whole[end:])

    assert (waits, goes_on) == (True, True)
    assert not transport.is_paused  # what is held does not keep the function from its next event
    assert [call[0] for call in runtime.calls] == ["streams", "responded"]


async def test_what_a_function_streams_is_thrown_away_when_its_caller_is_gone() -> None:
    stream = ResponseStream()
    connection, runtime, transport = streaming(stream)
    stream.abandon()

    connection.data_received(streamed(bytes(HELD_BYTES)))

    assert (await stream.read(), transport.is_paused) == (b"", False)
    assert runtime.calls[-1][0] == "responded"


def test_a_streamed_response_that_is_wanted_whole_is_collected() -> None:
    connection, runtime, _ = streaming(None)

    connection.data_received(streamed(b"one", b"two"))

    assert runtime.calls[-1] == ("responded", "known", b"onetwo")


@pytest.mark.parametrize(
    ("trailers", "error"),
    [
        pytest.param("Lambda-Runtime-Function-Error-Body: eyJhIjoxfQ==\r\n", b'{"a":1}', id="type and body"),
        pytest.param("", b'{"errorMessage": "", "errorType": "Runtime.X"}', id="type alone"),
        pytest.param(
            "Lambda-Runtime-Function-Error-Body: ?\r\n",
            b'{"errorMessage": "", "errorType": "Runtime.X"}',
            id="no base64",
        ),
    ],
)
@pytest.mark.parametrize("is_wanted_whole", [False, True])
def test_trailers_say_that_a_streamed_response_failed(trailers: str, error: bytes, is_wanted_whole: bool) -> None:
    connection, runtime, transport = streaming(None if is_wanted_whole else ResponseStream())

    connection.data_received(streamed(b"one", trailers=f"Lambda-Runtime-Function-Error-Type: Runtime.X\r\n{trailers}"))

    assert runtime.calls[-1] == ("failed", "known", error)
    assert transport.written.startswith(b"HTTP/1.1 202")


def test_a_streamed_response_has_a_limit_of_its_own() -> None:
    stream = ResponseStream()
    connection, runtime, _ = streaming(stream)
    stream.abandon()
    part = bytes(20 * 1024 * 1024)

    connection.data_received(streamed(*[part] * 10, b"x"))

    assert runtime.calls[-1][0] == "failed"
    assert json.loads(runtime.calls[-1][2])["errorMessage"] == (
        "Response payload size exceeded maximum allowed payload size (209715200 bytes)."
    )


def test_an_unknown_path_is_not_found() -> None:
    connection, runtime, transport = connected()

    connection.data_received(b"GET /2020-01-01/extension/register HTTP/1.1\r\n\r\n")

    assert runtime.calls == []
    assert transport.written.startswith(b"HTTP/1.1 404")


def test_what_is_not_http_ends_the_connection() -> None:
    connection, _, transport = connected()

    connection.data_received(b"\x16\x03\x01 hello")

    assert transport.is_aborted


@given(cuts=st.lists(st.integers(min_value=0, max_value=300), max_size=8))
def test_requests_may_arrive_in_any_pieces(cuts: list[int]) -> None:
    data = NEXT + post("invocation/known/response", b'{"a": 1}') + NEXT
    connection, runtime, _ = connected()

    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        connection.data_received(data[start:end])

    assert runtime.calls == [("wants event",), ("responded", "known", b'{"a": 1}'), ("wants event",)]


def test_a_client_that_closed_its_side_is_told_before_the_connection_is_lost() -> None:
    connection, runtime, _transport = connected()
    connection.data_received(NEXT)

    connection.eof_received()

    assert runtime.calls == [("wants event",), ("disconnected",)]


def test_a_lost_connection_is_told_and_delivers_nothing() -> None:
    connection, runtime, transport = connected()

    connection.connection_lost(None)
    deliver(connection)

    assert runtime.calls == [("disconnected",)]
    assert transport.written == b""
