"""What can go wrong for a client.

::

    ClientError
    ├── CannotConnectError      nobody answers, or the service refuses this client
    ├── ConnectionLostError     the connection ended while something was under way
    ├── RequestFailedError      the service answered with an error; it has a code
    ├── RequestCancelledError   the request was cancelled
    ├── RequestTimeoutError     no final answer within the caller's time
    ├── UploadFailedError       S3 refused an upload, or did not answer
    └── GatewayError            API Gateway answered instead of the service
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

from streamer.errors import StreamerError


class ClientError(StreamerError):
    """Base of everything that the client raises for what the network or the service does."""

    def again(self) -> Self:
        """The same for one more caller: an error keeps where it was raised, with all that is there, each time."""
        another = copy.copy(self)
        another.__cause__ = self.__cause__
        return another


class CannotConnectError(ClientError):
    """The connection could not be opened."""

    def __init__(self, url: str, reason: str, *, status: int | None = None) -> None:
        super().__init__(f"cannot connect to {url}: {reason}")
        self.url = url
        """Without its query, which may hold a token."""
        self.status = status
        """The HTTP status of a refusal: 401 means the token. None: nobody answered."""


class ConnectionLostError(ClientError):
    """The connection ended before the final answer; a queued request may go on without it."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"the connection ended ({code if code is not None else 'no close code'}) {reason}".rstrip())
        self.code = code
        """The WebSocket close code, such as 1001; None: it was never established, or broke."""
        self.reason = reason


class RequestFailedError(ClientError):
    """The service answered with an ``error`` message."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        request_id: str | None,
        details: Mapping[str, Any] | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        """One of `streamer.errors.ErrorCode`, or a code of a newer service."""
        self.message = message
        self.request_id = request_id
        self.details = details
        self.retryable = retryable


class RequestCancelledError(ClientError):
    """The request was cancelled."""

    def __init__(self, request_id: str | None, reason: str) -> None:
        super().__init__(f"the request was cancelled: {reason}")
        self.request_id = request_id
        self.reason = reason


class RequestTimeoutError(ClientError):
    """No final answer came in time; the request may still finish, and ``status`` tells."""

    def __init__(self, request_id: str, timeout_seconds: float) -> None:
        super().__init__(f"no final answer to request {request_id} within {timeout_seconds:g} s")
        self.request_id = request_id


class UploadFailedError(ClientError):
    """An upload did not get to S3."""

    def __init__(self, reason: str, *, status: int | None, code: str | None = None, retryable: bool = False) -> None:
        super().__init__(f"the upload failed: {reason}")
        self.status = status
        """S3's HTTP status; None: it gave none."""
        self.code = code
        """S3's code of the error, such as ``AccessDenied``."""
        self.retryable = retryable
        """Whether it may go better another time; then it was tried several times already."""


class GatewayError(ClientError):
    """API Gateway answered instead of the service: its function failed, timed out, or no route takes the message."""

    def __init__(self, message: str, gateway_request_id: str | None) -> None:
        super().__init__(f"API Gateway answered: {message}")
        self.message = message
        """Such as ``Internal server error``, ``Endpoint request timed out``, ``Forbidden``."""
        self.gateway_request_id = gateway_request_id
        """API Gateway's own id of the message, for its logs."""
