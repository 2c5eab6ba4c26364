"""A client that speaks HTTP and WebSocket frame by frame, so that a probe sees, and may break, every byte.

It shares no code with the emulator: what both get wrong in the same way would never be found.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import socket
import ssl
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

WAIT_SECONDS: Final = 60.0
"""How long a probe waits for something that must happen."""
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0

    @property
    def close_code(self) -> int | None:
        assert self.opcode == CLOSE, self
        return struct.unpack("!H", self.payload[:2])[0] if self.payload else None

    @property
    def close_reason(self) -> str:
        assert self.opcode == CLOSE, self
        return self.payload[2:].decode()


def encode(frame: Frame, *, masked: bool = True) -> bytes:
    """A client's frame, as RFC 6455 section 5.2 draws it."""
    size = len(frame.payload)
    mask = 0x80 if masked else 0
    first = (0x80 if frame.fin else 0) | frame.rsv << 4 | frame.opcode
    if size < 126:
        head = struct.pack("!BB", first, mask | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask | 127, size)
    if not masked:
        return head + frame.payload
    key = os.urandom(4)
    stream = int.from_bytes((key * (size // 4 + 1))[:size], "big")
    return head + key + (int.from_bytes(frame.payload, "big") ^ stream).to_bytes(size, "big")


def close_payload(code: int | None, reason: str = "") -> bytes:
    return b"" if code is None else struct.pack("!H", code) + reason.encode()


class Wire:
    """One TCP (or TLS) connection; reads time out."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None, receive_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(WAIT_SECONDS)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self._read = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def exactly(self, count: int) -> bytes:
        while len(self._read) < count:
            self._more()
        data = bytes(self._read[:count])
        del self._read[:count]
        return data

    def until(self, mark: bytes) -> bytes:
        while mark not in self._read:
            self._more()
        return self.exactly(self._read.index(mark) + len(mark))

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise EOFError(bytes(self._read))
        self._read += data

    def is_ended(self) -> bool:
        """Wait for the server to end the connection; whether it said nothing more before."""
        try:
            self.exactly(1)
        except (EOFError, ConnectionResetError):
            return True
        return False

    def answer(self, *, has_body: bool = True) -> Answer:
        """Read one HTTP answer."""
        status_line, *lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line))
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        return Answer(int(status_line.split(" ")[1]), headers, self.exactly(length) if has_body else b"")

    def drop(self) -> None:
        """End the TCP connection without a word."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def reset(self) -> None:
        """End it with RST, as the system does for a client that was killed with data unread."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def request_bytes(
    method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes = b"", *, version: str = "HTTP/1.1"
) -> bytes:
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Upgrading(Wire):
    """A client that asks for a WebSocket; `ask` first, then `answer` or `opened`."""

    def ask(
        self,
        target: str,
        *headers: tuple[str, str],
        host: str,
        method: str = "GET",
        without: Sequence[str] = (),
        version: str = "HTTP/1.1",
    ) -> None:
        self.key = base64.b64encode(os.urandom(16)).decode()
        usual = (
            ("Host", host),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", self.key),
            ("Sec-WebSocket-Version", "13"),
        )
        given = {name.lower() for name, _ in headers} | {name.lower() for name in without}
        sent = [*(pair for pair in usual if pair[0].lower() not in given), *headers]
        self.send(request_bytes(method, target, sent, version=version))

    def opened(self) -> Answer:
        """Read the 101."""
        answer = self.answer(has_body=False)
        assert answer.status == 101, (answer, self._read)
        accept = base64.b64encode(hashlib.sha1(self.key.encode() + GUID, usedforsecurity=False).digest()).decode()
        assert answer.header("Sec-WebSocket-Accept") == accept
        return answer

    # frames

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> None:
        self.send(encode(Frame(opcode, payload, fin, rsv), masked=masked))

    def text(self, text: str) -> None:
        self.frame(TEXT, text.encode())

    def json(self, **message: Any) -> None:
        self.text(json.dumps(message))

    def fragments(self, text: str, size: int) -> None:
        """One text message in frames of ``size`` bytes."""
        data = text.encode()
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        for number, piece in enumerate(pieces):
            self.frame(CONTINUATION if number else TEXT, piece, fin=number == len(pieces) - 1)

    def close(self, code: int | None = None, reason: str = "") -> Frame:
        """Say goodbye and wait for the answer."""
        self.frame(CLOSE, close_payload(code, reason))
        return self.closed()

    def next(self) -> Frame:
        first, second = self.exactly(2)
        assert not second & 0x80, "a server must not mask"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.exactly(8))
        return Frame(first & 0x0F, self.exactly(size), bool(first & 0x80), first >> 4 & 7)

    def message_frames(self) -> list[Frame]:
        """The frames of the next text message."""
        frames = [self.next()]
        assert frames[0].opcode == TEXT, frames
        while not frames[-1].fin:
            frames.append(self.next())
            assert frames[-1].opcode == CONTINUATION, frames[-1]
        return frames

    def message(self) -> str:
        return b"".join(frame.payload for frame in self.message_frames()).decode()

    def closed(self) -> Frame:
        """Read up to the server's close frame, which must be the next thing but pongs, and nothing after it."""
        frame = self.next()
        while frame.opcode == PONG:
            frame = self.next()
        assert frame.opcode == CLOSE, frame
        return frame

    def pinged(self, payload: bytes = b"are you there") -> None:
        """A round trip: everything sent before has been read by the server."""
        self.frame(PING, payload)
        frame = self.next()
        assert frame == Frame(PONG, payload)


@contextlib.contextmanager
def patience(client: Wire, seconds: float) -> Iterator[None]:
    """Wait at most this long meanwhile."""
    before = client.socket.gettimeout()
    client.socket.settimeout(seconds)
    try:
        yield
    finally:
        client.socket.settimeout(before)
