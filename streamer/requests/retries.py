"""Which failures another attempt may cure, and how long to wait for it. Pure."""

from __future__ import annotations

from typing import Final

from streamer.errors import ErrorCode
from streamer.records import Failure, RequestRecord

BASE_SECONDS: Final = 1.0
"""The first pause is up to this long, each further one up to twice the one before."""
MOST_SECONDS: Final = 30.0
"""Longest pause. The run of the next attempt waits in an execution environment, which costs little for this long."""

_TIMEOUTS: Final = frozenset(
    {
        "ConnectTimeoutError",  # botocore, urllib3
        "ReadTimeoutError",  # botocore, urllib3
        "Timeout",  # requests
        "TimeoutException",  # httpx
    }
)
"""Names of timeouts that are no ``TimeoutError``; known by name, so that none of these libraries is needed."""
_THROTTLING: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Error codes of AWS services that ask to slow down, as the SDKs' standard retry mode has them. [DOC] sdkref:
feature-retry-behavior"""


def is_worth_another(failure: Failure, record: RequestRecord) -> bool:
    """Whether a failed attempt is to be followed by another one.

    A payload that is not valid stays so, whatever the failure says of itself.
    """
    return failure.retryable and failure.code != ErrorCode.VALIDATION_ERROR and record.attempt < record.max_attempts


def interrupted(record: RequestRecord) -> Failure | None:
    """Why a request that was claimed is not run again: its last attempt died. None: it has an attempt left."""
    if record.attempt <= record.max_attempts:
        return None
    return Failure(
        code=ErrorCode.PROCESSING_FAILED,
        message="the last attempt was interrupted before it could finish",
        retryable=True,
    )


def pause_seconds(attempt: int, jitter: float) -> float:
    """How long to wait after an attempt (from 1) failed: exponential backoff with full jitter; ``jitter`` is 0 to 1."""
    # Beyond the 6th the pause is the longest anyway, and 2 to the power of an attempt would grow without end.
    return float(min(MOST_SECONDS, BASE_SECONDS * 2 ** min(attempt - 1, 6)) * jitter)


def passing_code(exc: BaseException) -> ErrorCode | None:
    """The code of an exception that is likely to pass by itself: a timeout or throttling; None for all others."""
    names = {kind.__name__ for kind in type(exc).__mro__}
    if isinstance(exc, TimeoutError) or names & _TIMEOUTS:
        return ErrorCode.TIMEOUT
    response = getattr(exc, "response", None)
    # botocore's ClientError, without importing it.
    error = response.get("Error") if isinstance(response, dict) else None
    if isinstance(error, dict) and error.get("Code") in _THROTTLING:
        return ErrorCode.SERVICE_UNAVAILABLE
    return None
