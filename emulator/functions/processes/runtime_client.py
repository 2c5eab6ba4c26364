"""The four calls of the Lambda Runtime API that AWS's Python client leaves to its native part, in Python.

``awslambdaric`` imports a compiled module of this name, which it builds on Linux only. This one stands in its place
(`bootstrap.provide_client`), on Linux too, as it takes less than half the time; the functions' contract suite runs with
both. Like the native part it keeps one connection, and answers as that does: a body as bytes, headers by Lambda's names
with None for those that are missing. [DOC] lambda-docs:runtimes-api

The connection is not made but inherited, so that there is no port on which others could ask for the events. A result
goes out together with the request for the next event, as that is all that ``awslambdaric`` does next: a packet, its
answer and two awakenings less for each event.

It imports next to nothing, since an environment's memory and start pay for every import.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_PREFIX: Final = "/2018-06-01/runtime/invocation/"
_FIXED: Final = "Host: runtime\r\nUser-Agent: "
_HEADERS: Final = (
    "Content-Type",
    "Lambda-Runtime-Aws-Request-Id",
    "Lambda-Runtime-Trace-Id",
    "Lambda-Runtime-Client-Context",
    "Lambda-Runtime-Cognito-Identity",
    "Lambda-Runtime-Deadline-Ms",
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Aws-Tenant-Id",
    "Lambda-Runtime-Invocation-Id",
)
"""What the native part hands on of an event's headers: as text, the deadline as a number."""
_NAMES: Final = {name.lower().encode(): name for name in _HEADERS}
_DEADLINE: Final = "Lambda-Runtime-Deadline-Ms"
_ARN: Final = "Lambda-Runtime-Invoked-Function-Arn"
_RECEIVED_BYTES: Final = 64 * 1024
_TOGETHER_BYTES: Final = 64 * 1024
"""A longer result goes alone: whether it is refused is heard before anything else is asked."""
_HEAD_BYTES: Final = 2 * 1024 * 1024
"""Longest head: a client context may have 3,583 bytes on AWS, ours has the limit of a request's head."""


Headers = dict[str, "str | int | None"]


class Connection:
    """The one connection to the Runtime API of this environment."""

    def __init__(self, connected: socket.socket, user_agent: str) -> None:
        self._fixed = f"{_FIXED}{user_agent}\r\n"
        self._next = f"GET {_PREFIX}next HTTP/1.1\r\n{self._fixed}\r\n".encode("latin-1")
        self._socket = connected
        self._received = b""
        """What was read and belongs to the next answer."""
        self._unanswered: str | None = None
        """The error if the result that went out with the request for the next event is refused; None: none did."""

    def next_event(self) -> tuple[bytes, Headers]:
        """Wait for the next event, as long as it takes; its payload, and `_HEADERS`.

        Raises:
            RuntimeError: the Runtime API is gone, or answers something else, or refuses the result before.
        """
        if self._unanswered is None:
            self._write(self._next)
        else:
            failure, self._unanswered = self._unanswered, None
            status, _, answer = self._answer()
            _check(status, answer, failure)
        status, headers, body = self._answer()
        if status != 200:
            raise RuntimeError(f"Failed to get next invocation: the Runtime API answered {status}")
        return body, headers

    def post_and_ask(self, path: str, body: bytes, headers: Mapping[str, str], *, failure: str) -> None:
        """Answer an event and ask for the next one, which `next_event` then reads; it also raises what `post` does.

        Raises:
            RuntimeError: the Runtime API is gone, or refuses a result that is so long that it is sent alone.
        """
        if len(body) > _TOGETHER_BYTES:
            self.post(path, body, headers, failure=failure)
        else:
            self._write(self._request("POST", f"{_PREFIX}{path}", body, headers) + self._next)
            self._unanswered = failure

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, failure: str) -> None:
        """Answer an event; ``failure`` is the text of the error if that is refused.

        Raises:
            RuntimeError: the Runtime API refuses it, as it does for a result over 6 MB.
        """
        status, answer = self.send("POST", f"{_PREFIX}{path}", body, headers)
        _check(status, answer, failure)

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send any request; the answer's status and body.

        Raises:
            RuntimeError: the Runtime API is gone.
        """
        self._write(self._request(method, path, body, headers))
        status, _, answer = self._answer()
        return status, answer

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\n{self._fixed}{lines}Content-Length: {len(body)}\r\n\r\n"
        return head.encode("latin-1") + body

    def _write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._gone(error) from error

    def _answer(self) -> tuple[int, Headers, bytes]:
        try:
            return self._read()
        except OSError as error:
            raise self._gone(error) from error

    def _gone(self, error: OSError) -> RuntimeError:
        self.close()
        return RuntimeError(f"the Runtime API does not answer: {error}")

    def _read(self) -> tuple[int, Headers, bytes]:
        received = self._received
        while (end := received.find(b"\r\n\r\n")) < 0:
            more = self._socket.recv(_RECEIVED_BYTES) if len(received) < _HEAD_BYTES else b""
            if not more:
                raise ConnectionError("it closed the connection")
            received += more
        status_line, *lines = received[:end].split(b"\r\n")
        status = int(status_line.split(b" ", 2)[1])
        headers: Headers = {**dict.fromkeys(_HEADERS), _ARN: "", _DEADLINE: 0}
        length = 0
        for line in lines:
            name, _, value = line.partition(b":")
            lower = name.lower()
            if lower == b"content-length":
                length = int(value)
            elif lower in _NAMES:
                headers[_NAMES[lower]] = value.strip().decode("latin-1")
        headers[_DEADLINE] = int(headers[_DEADLINE] or 0)
        return status, headers, self._body(received[end + 4 :], length)

    def _body(self, begun: bytes, length: int) -> bytes:
        if len(begun) >= length:
            self._received = begun[length:]
            return begun[:length]
        parts, missing = [begun], length - len(begun)
        while missing:
            part = self._socket.recv(min(missing, 1024 * 1024))
            if not part:
                raise ConnectionError("it closed the connection")
            parts.append(part)
            missing -= len(part)
        self._received = b""
        return b"".join(parts)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _check(status: int, answer: bytes, failure: str) -> None:
    """Raise RuntimeError with the text of a failure, unless the status is that of success."""
    if not 200 <= status < 300:
        # The native part's own line and words, which people find in their logs on Lambda.
        line = f"[ERROR] [{time.time_ns() // 1_000_000}] LAMBDA_RUNTIME Failed to post handler success response. "
        os.write(2, f"{line}Http response code: {status}. {answer.decode('utf-8', 'replace')}\n".encode())
        raise RuntimeError(failure)


class _Client:
    """The environment's one connection."""

    inherited: socket.socket
    connection: Connection


def inherit(descriptor: int) -> None:
    """Take the connection over that this environment was started with; it ends here, not in programs that are run."""
    os.set_inheritable(descriptor, False)
    _Client.inherited = socket.socket(fileno=descriptor)


def initialize_client(user_agent: str) -> None:
    """Begin; called once, when ``awslambdaric`` is imported."""
    _Client.connection = Connection(_Client.inherited, user_agent)


def adapt() -> None:
    """Change what ``awslambdaric`` does around its native part, once it is imported, to what goes with this one.

    `tests/unit/emulator/functions/processes/test_awslambdaric_client_contract.py` holds what this relies on.
    """
    from awslambdaric.lambda_config import LambdaConfigProvider  # noqa: PLC0415 - it imports this module
    from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient  # noqa: PLC0415 - likewise

    BaseLambdaRuntimeClient.call_rapid = call_rapid
    # While the native part waits, no handler of a signal runs, so from Python 3.12 on it waits in a thread that is made
    # for each event. Here handlers run, and one thread less need not be frozen after each event.
    LambdaConfigProvider.use_thread_polling = False


def call_rapid(
    _client: object,
    http_method: str,
    endpoint: str,
    expected_http_code: int,
    payload: object = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """What ``awslambdaric`` asks without its native part, that the init failed: over the inherited connection."""
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClientError  # noqa: PLC0415 - only after an error
    from awslambdaric.lambda_runtime_marshaller import to_json  # noqa: PLC0415 - likewise

    body = to_json(payload).encode()
    status, answer = _Client.connection.send(http_method, endpoint, body, headers or {})
    if status != expected_http_code:
        raise LambdaRuntimeClientError(endpoint, status, answer)


def next() -> tuple[bytes, Headers]:  # noqa: A001 - the native part's name
    """See `Connection.next_event`."""
    return _Client.connection.next_event()


def post_invocation_result(
    invoke_id: str, result: bytes, content_type: str = "application/json", invocation_id: str | None = None
) -> None:
    """Answer an event with the function's result; a refusal of a short one is raised by `next`."""
    headers = {"Content-Type": content_type, **_invocation(invocation_id)}
    failure = "Failed to post invocation response"
    _Client.connection.post_and_ask(f"{invoke_id}/response", result, headers, failure=failure)


def post_error(invoke_id: str, error: str, xray_fault: str, invocation_id: str | None = None) -> None:
    """Answer an event with an error as JSON; ``xray_fault`` is X-Ray's cause as JSON, empty for none."""
    headers = {
        "Content-Type": "application/json",
        **({"Lambda-Runtime-Function-XRay-Error-Cause": _one_line(xray_fault)} if xray_fault else {}),
        **_invocation(invocation_id),
    }
    _Client.connection.post(f"{invoke_id}/error", error.encode(), headers, failure="Failed to post invocation error")


def _invocation(invocation_id: str | None) -> dict[str, str]:
    return {"Lambda-Runtime-Invocation-Id": invocation_id} if invocation_id else {}


def _one_line(text: str) -> str:
    """A header's value: no line breaks, and what is not Latin-1 escaped as JSON escapes it."""
    escaped = text.replace("\r", " ").replace("\n", " ")
    return "".join(letter if " " <= letter <= "~" else f"\\u{ord(letter):04x}" for letter in escaped)
