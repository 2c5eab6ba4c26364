"""A request in one piece, and the reading of its answer: what http.client reads, however it comes in."""

from __future__ import annotations

import contextlib
import http.client
import io
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.sending.http_connection import (
    BODY_BYTES,
    HEAD_BYTES,
    BadAnswerError,
    HttpAnswer,
    HttpConnection,
    is_target,
    request_bytes,
)


class Socket:
    """What comes in, piece by piece, and what went out; the end after the last piece."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self.sent: list[bytes] = []
        self.timeouts: list[float] = []
        self.is_closed = False

    def recv(self, size: int) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]

    def sendall(self, data: bytes) -> None:
        self.sent.append(data)

    def settimeout(self, seconds: float) -> None:
        self.timeouts.append(seconds)

    def close(self) -> None:
        self.is_closed = True

    def makefile(self, _mode: str) -> io.BytesIO:
        """All of it, for http.client."""
        return io.BytesIO(b"".join(self._pieces))


def connected(*pieces: bytes) -> HttpConnection:
    connection = HttpConnection("h", 80, timeout_seconds=1.0)
    connection.sock = Socket(*pieces)  # type: ignore[assignment]
    return connection


def received(*pieces: bytes) -> HttpAnswer:
    return connected(*pieces).receive()


# requests


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [("POST", b"abc", b"Content-Length: 3\r\n"), ("POST", b"", b"Content-Length: 0\r\n"), ("GET", b"", b"")],
)
def test_a_request_has_the_headers_it_was_given_and_its_length(method: str, body: bytes, length: bytes) -> None:
    assert request_bytes(method, "/dev/c?a=b", body, {"host": "h", "x-a": "\xe4"}) == (
        f"{method} /dev/c?a=b HTTP/1.1\r\nhost: h\r\nx-a: \xe4\r\nAccept-Encoding: identity\r\n".encode("latin-1")
        + length
        + b"\r\n"
        + body
    )


@pytest.mark.parametrize("value", ["a\r\nx-b: c", "a\nb", "a\r", "a\r\n b", "a\0", "\u20ac"])
def test_a_header_that_cannot_be_one_is_refused_and_not_told(value: str) -> None:
    with pytest.raises(ValueError, match="a header") as raised:
        request_bytes("POST", "/", b"", {"host": "h", "x-amz-security-token": value})

    assert value not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize(
    ("target", "can_be_sent"),
    [("/", True), ("/a/%40c/b?x=y&z", True), ("", False), ("/a b", False), ("/a\nb", False), ("/\xe4", False)],
)
def test_a_target_has_no_spaces_no_control_characters_and_only_ascii(target: str, can_be_sent: bool) -> None:
    assert is_target(target) is can_be_sent


def test_a_request_goes_out_in_one_piece() -> None:
    connection = connected()

    connection.send(request_bytes("POST", "/", b"body", {"host": "h"}))

    assert isinstance(connection.sock, Socket)
    assert [sent.endswith(b"\r\n\r\nbody") for sent in connection.sock.sent] == [True]
    assert connection.is_sent


@pytest.mark.parametrize("error", [BrokenPipeError(), ConnectionResetError()])
def test_a_request_that_was_refused_before_it_was_read_may_have_its_answer(error: OSError) -> None:
    class Refusing(Socket):
        def sendall(self, data: bytes) -> None:
            raise error

    connection = connected()
    connection.sock = Refusing(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")  # type: ignore[assignment]
    connection.send(b"")

    assert not connection.is_sent
    assert connection.receive().status == 413


def test_a_timeout_is_that_of_the_socket_too() -> None:
    connection = connected()
    connection.set_timeout(7.0)

    assert isinstance(connection.sock, Socket)
    assert connection.sock.timeouts == [7.0]


# answers


@pytest.mark.parametrize(
    ("answer", "status", "body", "closes"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", False, id="with a length"),
        pytest.param(b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", 200, b"", False, id="without a reason"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 0\r\n\r\n", 200, b"", True, id="closing"
        ),
        pytest.param(b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", 200, b"", True, id="HTTP/1.0"),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n", 200, b"", False, id="1.0, kept"
        ),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", False, id="204"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 304, b"", False, id="304"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nall there is", 200, b"all there is", True, id="up to the end"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nall", 200, b"all", True, id="no length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nok\r\n01\r\n!\r\n0\r\nx: y\r\n\r\n",
            200,
            b"ok!",
            False,
            id="in chunks, with extensions and trailers",
        ),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n",
            410,
            b"",
            False,
            id="after 100",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok!", 200, b"ok", True, id="more than it says"),
    ],
)
def test_an_answer_is_read_as_it_is_framed(answer: bytes, status: int, body: bytes, closes: bool) -> None:
    for pieces in ([answer], [answer[at : at + 1] for at in range(len(answer))]):
        read = received(*pieces)
        assert (read.status, read.body) == (status, body)
        # What comes later than the answer is found by whoever wants to use the connection again.
        assert read.closes is closes or len(pieces) > 1


def test_of_a_header_that_comes_twice_the_first_counts_and_names_are_in_lower_case() -> None:
    read = received(
        b"HTTP/1.1 403 Forbidden\r\nX-Amzn-ErrorType:  One \r\nx-amzn-errortype: Two\r\ncontent-length: 0\r\n\r\n"
    )

    assert read.headers["x-amzn-errortype"] == "One"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent", id="half a head"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", id="half a body"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", id="half a chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n", id="too long a chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n\r\n", id="no size of a chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", id="no end of chunks"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 200, id="endless trailers"
        ),
        pytest.param(b"HTTP/1.1 99 Low\r\n\r\n", id="no status"),
        pytest.param(b"HTTP/1.1 2000 High\r\n\r\n", id="too long a status"),
        pytest.param(b"HTTP/2 200 OK\r\n\r\n", id="another version"),
        pytest.param(b"\x16\x03\x01\x00\x00\r\n\r\n", id="TLS"),
        pytest.param(b"x" * (HEAD_BYTES + 1), id="an endless line"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 101 + b"\r\n", id="endless headers"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n", id="hints"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", id="not HTTP from now on"),
        pytest.param(f"HTTP/1.1 200 OK\r\ncontent-length: {BODY_BYTES + 1}\r\n\r\n".encode(), id="an endless body"),
        pytest.param(
            f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{BODY_BYTES + 1:x}\r\n".encode(),
            id="an endless chunk",
        ),
    ],
)
def test_anything_else_is_no_answer(answer: bytes) -> None:
    with pytest.raises(BadAnswerError):
        received(answer)


@pytest.mark.parametrize("size", [1000, 1001])
def test_a_body_without_a_length_has_an_end_all_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.sending.http_connection.BODY_BYTES", 1000)  # for the real one would take seconds
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(size)

    if size == 1000:
        assert received(answer).body == bytes(size)
    else:
        with pytest.raises(BadAnswerError, match="over 1000 bytes"):
            received(answer)


HEADERS = st.dictionaries(
    st.sampled_from(["Date", "x-amzn-RequestId", "x-amzn-ErrorType", "Apigw-Requestid", "Content-Type", "Connection"]),
    st.one_of(st.sampled_from(["close", "keep-alive", "GoneException", ""]), st.text("abc ;=/:", max_size=9)),
)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Answers that are framed in any way that HTTP/1.1 knows."""
    status = draw(st.sampled_from([200, 202, 204, 304, 400, 403, 410, 413, 429, 500, 503]))
    lines = [f"HTTP/1.{draw(st.sampled_from([1, 1, 0]))} {status} Reason"]
    lines += [f"{name}: {value}" for name, value in draw(HEADERS).items()]
    body = draw(st.binary(max_size=40))
    # Of chunks in an answer that has no body http.client knows no end.
    framing = draw(st.sampled_from(["length", "end"] if status in (204, 304) else ["length", "chunks", "end"]))
    if framing == "length":
        lines.append(f"Content-Length: {len(body)}")
    elif framing == "chunks":
        lines.append("Transfer-Encoding: chunked")
        size = draw(st.integers(1, 41))
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    if status in (204, 304):
        body = b""
    return "\r\n".join([*lines, "", ""]).encode() + body


@given(answers(), st.lists(st.integers(0, 300), max_size=6))
def test_an_answer_is_what_http_client_takes_it_for_in_whatever_pieces_it_comes(answer: bytes, cuts: list[int]) -> None:
    theirs: Any = http.client.HTTPResponse(Socket(answer), method="POST")  # type: ignore[arg-type]
    theirs.begin()
    borders = [0, *sorted(cuts), len(answer)]

    ours = received(*(answer[begin:end] for begin, end in itertools.pairwise(borders)))

    assert (ours.status, ours.body) == (theirs.status, theirs.read())
    assert ours.headers.get("x-amzn-errortype", "") == theirs.getheader("x-amzn-ErrorType", "").strip(" ")
    assert ours.closes is theirs.will_close


@given(st.binary(max_size=200))
def test_whatever_comes_is_an_answer_or_none(data: bytes) -> None:
    with contextlib.suppress(BadAnswerError):
        received(b"HTTP/1.1 200 OK\r\n" + data)
