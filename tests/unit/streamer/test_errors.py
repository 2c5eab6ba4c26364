"""Errors as Python's own tools take them: copied, and passed on from other processes."""

from __future__ import annotations

import copy
import pickle

import pytest

from streamer.client import (
    CannotConnectError,
    ConnectionLostError,
    GatewayError,
    RequestCancelledError,
    RequestFailedError,
    RequestTimeoutError,
    UploadFailedError,
)
from streamer.errors import AuthError, ErrorCode, GoneError, PayloadTooLargeError, RetryableError, SendError
from streamer.errors import StreamerError as Base


class OrderError(RetryableError):
    """As users make their own."""

    def __init__(self, order: int, *, why: str) -> None:
        super().__init__(f"order {order}: {why}", code=ErrorCode.TIMEOUT)
        self.order = order


@pytest.mark.parametrize(
    "error",
    [
        CannotConnectError("ws://127.0.0.1/dev", "HTTP 401", status=401),
        ConnectionLostError(1001, "Going away"),
        RequestFailedError("NOT_FOUND", "there is none", request_id="r-1", details={"a": [1]}, retryable=True),
        RequestCancelledError("r-1", "enough"),
        RequestTimeoutError("r-1", 2.5),
        UploadFailedError("HTTP 403", status=403, code="AccessDenied"),
        GatewayError("Forbidden", "XyZ="),
        AuthError("token_expired"),
        GoneError("c-1"),
        PayloadTooLargeError(140_000, 131_072),
        SendError("throttled", is_temporary=True),
        OrderError(7, why="late"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(lambda error: pickle.loads(pickle.dumps(error)), id="pickled"),
        pytest.param(copy.copy, id="copied"),
        pytest.param(copy.deepcopy, id="copied deeply"),
    ],
)
def test_an_error_is_the_same_in_another_process(error: Base, copied: object) -> None:
    error.add_note("seen by ada")
    another = copied(error)  # type: ignore[operator]

    assert (type(another), str(another), vars(another)) == (type(error), str(error), vars(error))
    assert another is not error
