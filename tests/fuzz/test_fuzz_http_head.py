"""Whatever comes to the port: an answer of HTTP or the end, no exception, no 500, and the same however it is cut."""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path

import pytest
from fuzzing import cases

from emulator.port.http import HttpRequest, HttpResponse
from emulator.port.http1 import PREFACE, HttpProtocol

CORPUS = [file.read_bytes() for file in sorted((Path(__file__).parent / "corpus" / "http").iterdir())]
WORDS = [
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b"0\r\n\r\n", b"1\r\nx\r\n", b"ffffffffffffffff"),
    *(b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"GET ", b"POST ", b"CONNECT ", b"PRI * HTTP/2.0", b"%00", b"?", b"#"),
    *(
        b"Content-Length: 0\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999\r\n",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: identity\r\n"),
    *(b"Connection: close\r\n", b"Connection: Upgrade\r\n", b"Upgrade: h2c\r\n", b"Upgrade: websocket\r\n"),
    *(b"Expect: 100-continue\r\n", b"Host: evil.example\r\n", b"X: " + b"y" * 9000 + b"\r\n", b"\xff\xfe"),
]
ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z -]*\r\n(?:Date: [^\r\n]+ GMT\r\n)?(?:[a-z-]+: [^\r\n]*\r\n)*\r\n")
DATE = re.compile(rb"Date: [^\r\n]+\r\n")
STATUSES = {100, 200, 400, 408, 413, 431}


class Client(asyncio.Transport):
    """The other end, which takes everything."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_over = False
        self.protocol: asyncio.BaseProtocol | None = None
        """Who goes on with the connection, in HTTP/2."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self.is_over

    def close(self) -> None:
        self.is_over = True

    abort = close

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""


def tried(pieces: list[bytes]) -> tuple[list[HttpRequest], bytes]:
    """What was understood, and what was answered."""
    requests: list[HttpRequest] = []

    def handle(request: HttpRequest) -> HttpResponse:
        requests.append(request)
        return HttpResponse(200, b"" if request.method == "HEAD" else b"answer")

    protocol, client = HttpProtocol(handle), Client()
    protocol.connection_made(client)
    for piece in pieces:
        if not client.is_over:
            taker = client.protocol or protocol
            assert isinstance(taker, asyncio.Protocol)
            taker.data_received(piece)
    if client.protocol is None:
        protocol.connection_lost(None)
        return requests, client.written
    assert isinstance(client.protocol, asyncio.Protocol)
    client.protocol.connection_lost(None)
    return [], b""  # what HTTP/2 answers is read by tests of its own


def statuses(written: bytes) -> list[int]:
    found = []
    while written:
        match = ANSWER.match(written)
        assert match is not None, written[:200]
        found.append(int(match[1]))
        length = re.search(rb"content-length: (\d+)", match[0])
        body = 0 if length is None or written[match.end() :].startswith(b"HTTP/1.1 ") else int(length[1])
        written = written[match.end() + body :]
    return found


async def test_any_bytes_get_answers_of_http(caplog: pytest.LogCaptureFixture) -> None:
    for whole, pieces in cases(CORPUS, WORDS):
        requests, written = tried(pieces)
        told = statuses(written)

        assert set(told) <= STATUSES, whole
        assert told.count(200) == len(requests), whole
        for request in requests:
            assert not any("\n" in value or "\r" in value or "\0" in value for _, value in request.headers), whole
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def timeless(told: tuple[list[HttpRequest], bytes]) -> tuple[list[HttpRequest], bytes]:
    return told[0], DATE.sub(b"", told[1])


async def test_how_bytes_are_cut_changes_nothing() -> None:
    for whole, pieces in cases(CORPUS, WORDS):
        one, other = tried([whole]), tried(pieces)

        # One that is refused in the middle of a piece may have been answered before.
        if 431 not in statuses(one[1] + other[1]):
            assert timeless(one) == timeless(other), whole


async def test_any_frames_get_answers_or_the_end() -> None:
    settings, headers = b"\0\0\0\x04\0\0\0\0\0", b"\0\0\x05\x01\x05\0\0\0\x01\x82\x86\x84\x41\0"
    data, reset = b"\0\0\x01\0\x01\0\0\0\x01x", b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08"
    window, goaway = b"\0\0\x04\x08\0\0\0\0\x01\x7f\xff\xff\xff", b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0"
    words = [settings, headers, data, reset, window, goaway, b"\0\0\x01\x09\x04\0\0\0\x01\xff", b"\xff" * 9]
    for _, pieces in cases([settings + headers, settings + headers + data, settings + headers + reset], words):
        tried([PREFACE, *pieces])
