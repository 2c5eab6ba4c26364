"""Every exception of the runtime.

::

    StreamerError
    ├── ConfigurationError        the service is set up wrongly: one line, exit status 2
    │   └── TopologyError         … in its description of functions, routes and tables
    ├── AuthError                 the client did not prove who it is
    │   └── TenantNotAllowedError … or may not come in
    ├── ActionError               an action, or the runtime, answers with a code of the wire protocol
    │   └── RetryableError        … and another attempt may succeed
    ├── GoneError                 a connection closed
    ├── PayloadTooLargeError      a message is over 128 KB
    ├── SendError                 a message could not be delivered, though the connection may live
    ├── DispatchError             a run of a request could not be started
    └── StoreError                the store did not answer or refused
        └── ItemTooLargeError     a record is larger than the store can hold
"""

from __future__ import annotations

import copyreg
import enum
from collections.abc import Mapping
from typing import Any, Final


class StreamerError(Exception):
    """Base of all errors of the runtime; catch it to catch them all."""

    def __reduce__(self) -> tuple[Any, ...]:
        """What makes a copy, here or in another process: as it is, not anew from its message, as an Exception's is."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class ConfigurationError(StreamerError):
    """The service is set up wrongly. The message is one line that says what is wrong and what to do."""


class TopologyError(ConfigurationError):
    """The description of functions, routes, tables or streams contradicts itself or AWS's rules."""


class AuthError(StreamerError):
    """The client did not prove who it is: HTTP 401. The reason is for logs and metrics, never for the client."""

    status: int = 401

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """A short constant such as ``token_expired``; never contains the token."""


class TenantNotAllowedError(AuthError):
    """The token is good, but its tenant may not use this service: HTTP 403."""

    status = 403


class ErrorCode(enum.StrEnum):
    """Codes of the wire protocol's ``error`` message; ``docs/protocol.md`` tells when each occurs."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    INVALID_ACTION = "INVALID_ACTION"
    NOT_FOUND = "NOT_FOUND"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    RATE_LIMITED = "RATE_LIMITED"
    DUPLICATE_REQUEST = "DUPLICATE_REQUEST"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"
    PROCESSING_FAILED = "PROCESSING_FAILED"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"


FAILURES: Final = frozenset(
    {ErrorCode.TIMEOUT, ErrorCode.PROCESSING_FAILED, ErrorCode.SERVICE_UNAVAILABLE, ErrorCode.INTERNAL_ERROR}
)
"""Codes that say that the service failed; the others are refusals, which are the client's business."""


class ActionError(StreamerError):
    """What a client is told when its request fails. Actions raise it; code and message reach the client as they are."""

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode = ErrorCode.PROCESSING_FAILED,
        details: Mapping[str, Any] | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = details
        self.retryable = retryable

    @property
    def is_refusal(self) -> bool:
        """Whether the client asked for what it may not have, and nothing failed."""
        return self.code not in FAILURES


class RetryableError(ActionError):
    """An action failed in a way that another attempt may cure: a queued one is tried again while it has attempts."""

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode = ErrorCode.PROCESSING_FAILED,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details, retryable=True)


class GoneError(StreamerError):
    """The connection closed, so nothing can be sent to it any more."""

    def __init__(self, connection_id: str) -> None:
        super().__init__(f"connection {connection_id} is gone")
        self.connection_id = connection_id


class PayloadTooLargeError(StreamerError):
    """A message is over the 128 KB that API Gateway delivers."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"the message has {size_bytes} bytes; API Gateway delivers at most {limit_bytes}")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class SendError(StreamerError):
    """A message could not be delivered after all retries, though the connection may still be open."""

    def __init__(self, message: str, *, is_temporary: bool = False) -> None:
        super().__init__(message)
        self.is_temporary = is_temporary
        """Whether a further try may succeed: API Gateway throttled, failed or did not answer."""


class DispatchError(StreamerError):
    """Lambda did not accept the asynchronous invocation that runs a request; it may be asked again."""


class StoreError(StreamerError):
    """The store did not answer, or refused; the operation may or may not have happened."""


class NoTableError(StoreError):
    """The table does not exist."""


class ItemTooLargeError(StoreError):
    """A record is larger than the 400 KB that a DynamoDB item may have; nothing was written."""
