"""The Lambda Runtime API, by which a runtime client asks for events and answers them, one connection at a time.

It belongs to one environment. Our own client inherits a connection, so there is nothing for others to connect to. Other
clients get a port, on which each connection is looked at once: only the environment's own processes are answered.

[DOC] lambda-docs:runtimes-api. Answered from the parser's callbacks, without a task: it is on the way of every event.
With `port.http1`, whose late answers take a future and a task, an event would cost 20 us here instead of 3.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import functools
import json
import socket
import weakref
from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast

import httptools

from ...foundation import log
from ...port.peers import Address
from ..limits import RESPONSE_BYTES, STREAMED_BYTES
from ..platform_log import too_large_payload
from ..streaming import ResponseStream
from .callers import Callers

_PREFIX: Final = "/2018-06-01/runtime/"
_INVOCATION: Final = f"{_PREFIX}invocation/"
_OUTCOMES: Final = ("/response", "/error")
_ACCEPTED: Final = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"status":"OK"}\n'
)
_TYPE: Final = b"content-type"
_MODE: Final = b"lambda-runtime-function-response-mode"
_ERROR_TYPE: Final = b"lambda-runtime-function-error-type"
_ERROR_BODY: Final = b"lambda-runtime-function-error-body"
_HEADERS: Final = frozenset({_TYPE, _MODE})
_TRAILERS: Final = frozenset({_ERROR_TYPE, _ERROR_BODY})
_DEFAULT_TYPE: Final = b"application/octet-stream"
_KEPT_BYTES: Final = 64 * 1024
"""How much of a streamed response is known once it is over."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
"""What curl waits for with an answer of more than a megabyte, a second long: Lambda's server is one of Go's, which says
it. [DOC] aws/aws-lambda-runtime-interface-emulator, pkg.go.dev/net/http"""


class Runtime(Protocol):
    """The environment behind a connection."""

    def wants_event(self, connection: RuntimeApiConnection) -> None:
        """The runtime client waits for its next event on this connection."""

    def responded(self, request_id: str, payload: bytes) -> bool:
        """The function returned; False: that is not the event it has."""

    def failed(self, request_id: str, payload: bytes) -> bool:
        """The function raised; False: that is not the event it has."""

    def streams(self, request_id: str, content_type: str, resume: Callable[[], None]) -> ResponseStream | None:
        """The function begins to stream its response; None: it is wanted whole, or that is not the event it has."""

    def init_failed(self, payload: bytes) -> bool:
        """The function could not be initialised; False: it already is."""

    def disconnected(self, connection: RuntimeApiConnection) -> None:
        """The connection is closed."""


class RuntimeApi:
    """The Runtime API of one environment: `inherit`, or `listen` and then `serve`."""

    def __init__(self, runtime: Runtime, callers: Callers) -> None:
        self._runtime = runtime
        self._callers = callers
        self._listening: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._connections: weakref.WeakSet[RuntimeApiConnection] = weakref.WeakSet()

    async def inherit(self, *, may_stream: bool) -> int:
        """Serve a connection that the process inherits; answers its descriptor, which is the caller's to close.

        ``may_stream``: its client knows how to stream a response.

        Raises:
            OSError: the system has no room for another socket.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            kind = StreamingConnection if may_stream else RuntimeApiConnection
            await asyncio.get_running_loop().connect_accepted_socket(functools.partial(self._connected, kind), ours)
        except BaseException:  # the emulator stops
            theirs.close()
            raise
        return theirs.detach()

    def listen(self) -> int:
        """Take a port, on which connections wait until `serve`; answers it.

        Raises:
            OSError: the system has no room for another socket.
        """
        self._listening = socket.create_server(("127.0.0.1", 0))
        return int(self._listening.getsockname()[1])

    async def serve(self, pid: int) -> None:
        """Answer the environment whose process this is, and nobody else."""
        assert self._listening is not None
        host = "{}:{}".format(*self._listening.getsockname())
        accept = functools.partial(self._accepted, pid, host)
        self._server = await asyncio.get_running_loop().create_server(accept, sock=self._listening)

    def close(self) -> None:
        """End every connection, and take no more."""
        if self._server is not None:
            self._server.close()
        elif self._listening is not None:
            self._listening.close()
        for connection in list(self._connections):
            connection.close()

    def _connected(self, kind: type[RuntimeApiConnection]) -> RuntimeApiConnection:
        connection = kind(self._runtime)
        self._connections.add(connection)
        return connection

    def _accepted(self, pid: int, host: str) -> RuntimeApiConnection:
        connection = PortConnection(self._runtime, functools.partial(self._callers.is_of, pid), host)
        self._connections.add(connection)
        return connection


class RuntimeApiConnection(asyncio.Protocol):
    """One connection of a runtime client."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._transport: asyncio.Transport | None = None
        self._is_closed = False
        self._held = b""
        """An answer that goes out with the next one, which the client has asked for already."""
        self._awaits_event = False
        self._parser = httptools.HttpRequestParser(self)

    def deliver(
        self,
        *,
        request_id: str,
        payload: bytes,
        deadline_ms: int,
        function_arn: str,
        trace_id: str,
        client_context: str | None,
    ) -> None:
        """Answer the request for the next event."""
        self._awaits_event = False
        context = "" if client_context is None else f"Lambda-Runtime-Client-Context: {client_context}\r\n"
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {request_id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {function_arn}\r\n"
            f"Lambda-Runtime-Trace-Id: {trace_id}\r\n{context}"
            f"Content-Length: {len(payload)}\r\n\r\n"
        )
        self._write(head.encode("latin-1") + payload)

    def close(self) -> None:
        """Close the connection at once, or as soon as it is made."""
        self._is_closed = True
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)
        if self._is_closed:
            self.close()

    def eof_received(self) -> None:
        """The client has closed its side: the next event is not for this connection, even before it is lost."""
        self._runtime.disconnected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport; what the loss means is told by the end of the process."""
        self._transport = None
        self._runtime.disconnected(self)

    def data_received(self, data: bytes) -> None:
        """Parse; what is not HTTP ends the connection."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
        if self._held and not self._awaits_event:
            self._write(b"")

    # httptools callbacks

    def on_message_begin(self) -> None:
        """Start a new request."""
        self._url = b""
        self._body: list[bytes] = []
        self._size_bytes = 0
        self._limit_bytes = RESPONSE_BYTES

    def on_url(self, url: bytes) -> None:
        """Collect the request target."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to what Lambda takes; the rest is counted."""
        self._size_bytes += len(body)
        if self._size_bytes <= RESPONSE_BYTES:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request."""
        method, path = self._parser.get_method(), self._url.decode("latin-1")
        if method == b"GET" and path == f"{_INVOCATION}next":
            self._awaits_event = True
            self._runtime.wants_event(self)
        elif method == b"POST" and path.startswith(_INVOCATION) and path.endswith(_OUTCOMES):
            self._settle(path.removeprefix(_INVOCATION))
        elif method == b"POST" and path == f"{_PREFIX}init/error":
            self._init_failed()
        else:
            self._refuse(404, "Runtime.UnknownPath", f"there is no {method.decode()} {path}")

    def _init_failed(self) -> None:
        if self._runtime.init_failed(self._payload()):
            self._write(_ACCEPTED)
        else:
            self._refuse(403, "InvalidStateTransition", "State transition is not allowed")

    def _settle(self, rest: str) -> None:
        request_id, _, kind = rest.partition("/")
        if self._size_bytes > self._limit_bytes:
            error = too_large_payload(self._limit_bytes)
            known = self._runtime.failed(request_id, error)
            self._refuse(413 if known else 400, "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
            return
        if kind == "response":
            known = self._runtime.responded(request_id, self._payload())
        else:
            known = self._runtime.failed(request_id, self._payload())
        if known:
            self._held += _ACCEPTED
        else:
            self._refuse(400, "InvalidRequestID", "Invalid request ID")

    def _payload(self) -> bytes:
        return self._body[0] if len(self._body) == 1 else b"".join(self._body)

    def _refuse(self, status: int, error_type: str, message: str) -> None:
        body = json.dumps({"errorMessage": message, "errorType": error_type}).encode()
        head = f"HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._write(head.encode() + body)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(self._held + data)
        self._held = b""


class StreamingConnection(RuntimeApiConnection):
    """A connection whose client may stream a response, in chunks: what it says in headers is looked at, too.

    [DOC] lambda-docs:runtimes-custom (response streaming)
    """

    def on_message_begin(self) -> None:
        """Start a new request."""
        super().on_message_begin()
        self._in_head = True
        self._said: dict[bytes, bytes] = {}
        self._stream: ResponseStream | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Remember a header, or a trailer, that streaming is about."""
        lower = name.lower()
        if lower in (_TRAILERS if not self._in_head else _HEADERS):
            self._said[lower] = value

    def on_headers_complete(self) -> None:
        """See whether the response is streamed to whoever waits for it."""
        self._in_head = False
        if self._said.get(_MODE) == b"streaming":
            request_id = self._url.decode("latin-1").removeprefix(_INVOCATION).partition("/")[0]
            content_type = self._said.get(_TYPE, _DEFAULT_TYPE).decode("latin-1")
            self._stream = self._runtime.streams(request_id, content_type, self._read_on)
        if self._stream is not None:
            self._limit_bytes = STREAMED_BYTES

    def on_body(self, body: bytes) -> None:
        """Pass a part on; read no more while nobody takes it. The beginning is kept, for those who look on."""
        if self._stream is None:
            super().on_body(body)
            return
        if self._size_bytes < _KEPT_BYTES:
            self._body.append(body[: _KEPT_BYTES - self._size_bytes])
        self._size_bytes += len(body)
        transport = self._transport
        takes_more = self._size_bytes > self._limit_bytes or self._stream.write(body)
        if not takes_more and transport is not None and not transport.is_closing():
            transport.pause_reading()

    def on_message_complete(self) -> None:
        """Answer the request; what is held of a stream does not keep the function from its next event."""
        if self._stream is not None:
            self._read_on()
        super().on_message_complete()

    def _settle(self, rest: str) -> None:
        if _ERROR_TYPE in self._said:
            self._size_bytes, self._body = 0, [_error(self._said)]
            rest = rest.removesuffix("response") + "error"
        super()._settle(rest)

    def _read_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


def _error(said: Mapping[bytes, bytes]) -> bytes:
    """The error of a response that failed midway: its body, which is JSON in base64, or what its type says."""
    try:
        return base64.b64decode(said.get(_ERROR_BODY, b""), validate=True) or _error_of_type(said[_ERROR_TYPE])
    except binascii.Error:
        return _error_of_type(said[_ERROR_TYPE])


def _error_of_type(error_type: bytes) -> bytes:
    return json.dumps({"errorMessage": "", "errorType": error_type.decode("latin-1")}).encode()


class PortConnection(StreamingConnection):
    """A connection that came through the port: from the environment itself, and from no browser."""

    def __init__(self, runtime: Runtime, is_own: Callable[[Address, Address], bool], host: str) -> None:
        """``is_own`` is told the client's address and ours; ``host`` is what a runtime client calls us."""
        super().__init__(runtime)
        self._is_own = is_own
        self._host = host.encode()
        self._is_asked = False
        """Whether the client asks if it may send a body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Look who it is, once."""
        super().connection_made(transport)
        own, other = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if own is None or not self._is_own(own[:2], other[:2]):
            log.warning("refused a connection to a function's Runtime API that is not its environment's")
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Refuse what browsers send, wherever it comes from."""
        lower = name.lower()
        if lower == b"origin" or lower.startswith(b"sec-") or (lower == b"host" and value != self._host):
            raise ValueError("a browser's request")
        self._is_asked = self._is_asked or lower == b"expect"
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let a client go on that asks before it sends a body."""
        super().on_headers_complete()
        if self._is_asked:
            self._is_asked = False
            self._write(_CONTINUE)
