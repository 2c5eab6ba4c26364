"""One kept-alive HTTP/1.1 connection to a server: a request goes out in one piece, and its answer is read to its end.

http.client reads the head of an answer with the parser of e-mails and makes a request line by line, which was half of
the CPU time of a message to a connection (docs/performance.md). What is left out, nothing here has a use for: bodies in
pieces, proxies, redirects, heads whose lines end without a carriage return.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

HEAD_BYTES: Final = 64 * 1024
"""Longest head of an answer, and longest line within a body in chunks."""
HEADERS: Final = 100
"""Most headers of an answer, and most lines behind its body; http.client's limit."""
BODY_BYTES: Final = 64 * 1024 * 1024
"""Longest body: over everything that API Gateway says, and DynamoDB, whose 16 MB of items are more as JSON."""
_RECEIVED_BYTES: Final = 64 * 1024
_TARGET: Final = re.compile(r"[!-~]+")
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_WITHOUT_BODY: Final = frozenset({204, 304})


class BadAnswerError(Exception):
    """What the server says is no answer, or not all of one."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case; of those that come twice, the first."""
    body: bytes
    closes: bool
    """Whether the connection is of no further use: it was announced, or more was said than the answer."""


def is_target(target: str) -> bool:
    """Whether it can stand in the first line of a request, as ``/path?query`` does."""
    return _TARGET.fullmatch(target) is not None


def request_bytes(method: str, target: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A request. ``headers`` have ``host`` among them, and no length.

    Raises:
        ValueError: a header has characters that headers cannot have; the text does not tell which value.
    """
    lines = [f"{method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()]]
    # Named as http.client did. Without it, a server may compress what it answers.
    lines.append("Accept-Encoding: identity")
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines)
    if head.count("\r") != len(lines) - 1 or head.count("\n") != len(lines) - 1 or "\0" in head:
        raise ValueError("a header would end its line")
    try:
        return head.encode("latin-1") + b"\r\n\r\n" + body
    except UnicodeEncodeError:
        raise ValueError("a header has characters beyond Latin-1") from None


class HttpConnection:
    """One connection, made with the first request. For one thread at a time."""

    def __init__(self, host: str, port: int, *, timeout_seconds: float, tls: ssl.SSLContext | None = None) -> None:
        """Without I/O.

        Args:
            host: A name or an address.
            port: The server's.
            timeout_seconds: Of each step: to connect, to send, and to wait for the next bytes.
            tls: Which certificates are trusted. None: plain HTTP.
        """
        self.host = host
        self.port = port
        self.tls = tls
        self.sock: socket.socket | None = None
        """None: it is not made yet, or closed."""
        self.is_sent = False
        """Whether the other side took all of the last request."""
        self._timeout_seconds = timeout_seconds
        self._received = b""
        """What was read and not used yet."""

    def set_timeout(self, seconds: float) -> None:
        """For the next request; see ``timeout_seconds``."""
        self._timeout_seconds = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def connect(self) -> None:
        """Connect, without Nagle's delay.

        Raises:
            OSError: nobody is there, or cannot prove who they are.
        """
        plain = socket.create_connection((self.host, self.port), self._timeout_seconds)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = plain if self.tls is None else self.tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    def send(self, request: bytes) -> None:
        """Send a request. One that is refused before it was read is no error: its answer may be here all the same.

        Raises:
            OSError: it cannot be sent in time.
        """
        self.is_sent = False
        if self.sock is None:
            self.connect()
        assert self.sock is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.sock.sendall(request)
            self.is_sent = True

    def receive(self) -> HttpAnswer:
        """Wait for the answer to a request.

        Raises:
            OSError: it does not come in time, or the connection broke.
            BadAnswerError: something else comes, or not all of it.
        """
        version, status, headers = self._head()
        while status == 100:
            version, status, headers = self._head()
        if status < 200:
            raise BadAnswerError(f"HTTP {status} announces an answer that is not waited for")
        length = headers.get("content-length", "")
        announced = headers.get("connection", "").lower()
        closes = "close" in announced if version == b"1" else "keep-alive" not in announced
        if status in _WITHOUT_BODY:
            body = b""
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        elif length.isascii() and length.isdigit():
            body = self._take(_within(int(length), BODY_BYTES))
        else:
            body, closes = self._rest(), True
        return HttpAnswer(status, headers, body, closes or bool(self._received))

    def close(self) -> None:
        """Close it; idempotent."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def _head(self) -> tuple[bytes, int, dict[str, str]]:
        received = self._received
        while (end := received.find(b"\r\n\r\n")) < 0:
            _within(len(received), HEAD_BYTES)
            received += self._more("the connection was closed before an answer" if not received else "half a head")
        first, *lines = received[: _within(end, HEAD_BYTES)].split(b"\r\n")
        self._received = received[end + 4 :]
        found = _STATUS_LINE.fullmatch(first)
        if found is None:
            raise BadAnswerError("it does not begin as an answer of HTTP/1.1")
        if len(lines) > HEADERS:
            raise BadAnswerError(f"over {HEADERS} headers")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.decode("latin-1").partition(":")
            headers.setdefault(name.lower(), value.strip(" \t"))
        return found[1], int(found[2]), headers

    def _take(self, size: int) -> bytes:
        """So many bytes."""
        if len(self._received) < size:
            pieces, count = [self._received], len(self._received)
            while count < size:
                pieces.append(self._more("half a body"))
                count += len(pieces[-1])
            self._received = b"".join(pieces)
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def _line(self) -> bytes:
        while (end := self._received.find(b"\r\n")) < 0:
            _within(len(self._received), HEAD_BYTES)
            self._received += self._more("half a body")
        line, self._received = self._received[:end], self._received[end + 2 :]
        return line

    def _chunks(self) -> bytes:
        pieces: list[bytes] = []
        count = 0
        while True:
            found = _CHUNK_SIZE.fullmatch(self._line())
            if found is None:
                raise BadAnswerError("no chunk of a body")
            size = int(found[1], 16)
            if not size:
                break
            count = _within(count + size, BODY_BYTES)
            pieces.append(self._take(size))
            if self._line():
                raise BadAnswerError("a chunk is longer than it says")
        for _ in range(HEADERS):
            if not self._line():
                return b"".join(pieces)
        raise BadAnswerError(f"over {HEADERS} lines behind the body")

    def _rest(self) -> bytes:
        """All that comes until the other side closes."""
        pieces, count = [self._received], _within(len(self._received), BODY_BYTES)
        self._received = b""
        while more := self._read():
            pieces.append(more)
            count = _within(count + len(more), BODY_BYTES)
        return b"".join(pieces)

    def _more(self, missing: str) -> bytes:
        more = self._read()
        if not more:
            raise BadAnswerError(missing)
        return more

    def _read(self) -> bytes:
        if self.sock is None:
            raise BadAnswerError("there is no connection")
        return self.sock.recv(_RECEIVED_BYTES)


def _within(size: int, most: int) -> int:
    if size > most:
        raise BadAnswerError(f"over {most} bytes")
    return size
