from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamer_records import request_record

from streamer.errors import ErrorCode
from streamer.records import Failure
from streamer.requests.retries import MOST_SECONDS, interrupted, is_worth_another, passing_code, pause_seconds


class ReadTimeoutError(Exception):
    """Like botocore's and urllib3's."""


class Timeout(IOError):  # noqa: N818 - requests calls it so
    """Like that of requests."""


class ConnectTimeout(Timeout):
    """A kind of it."""


class ClientError(Exception):
    """Like botocore's."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.response = response


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        pytest.param(TimeoutError(), ErrorCode.TIMEOUT, id="built in"),
        pytest.param(ReadTimeoutError(), ErrorCode.TIMEOUT, id="botocore, urllib3"),
        pytest.param(ConnectTimeout(), ErrorCode.TIMEOUT, id="requests"),
        pytest.param(
            ClientError({"Error": {"Code": "ThrottlingException"}}), ErrorCode.SERVICE_UNAVAILABLE, id="throttled"
        ),
        pytest.param(ClientError({"Error": {"Code": "AccessDenied"}}), None, id="refused by AWS"),
        pytest.param(ClientError("HTTP 500"), None, id="another response"),
        pytest.param(ClientError({"Error": "no"}), None, id="another error"),
        pytest.param(ValueError("no"), None, id="any other"),
    ],
)
def test_timeouts_and_throttling_are_likely_to_pass(exc: Exception, code: ErrorCode | None) -> None:
    assert passing_code(exc) is code


@pytest.mark.parametrize(
    ("failure", "attempt", "worth"),
    [
        pytest.param(Failure(code="PROCESSING_FAILED", message="", retryable=True), 2, True, id="retryable"),
        pytest.param(Failure(code="PROCESSING_FAILED", message="", retryable=True), 3, False, id="no attempt is left"),
        pytest.param(Failure(code="PROCESSING_FAILED", message=""), 1, False, id="not retryable"),
        pytest.param(Failure(code="VALIDATION_ERROR", message="", retryable=True), 1, False, id="the payload is bad"),
    ],
)
def test_what_is_worth_another_attempt(failure: Failure, attempt: int, worth: bool) -> None:
    assert is_worth_another(failure, request_record(attempt=attempt, max_attempts=3)) is worth


def test_a_request_whose_last_attempt_died_is_failed_in_these_words() -> None:
    failure = interrupted(request_record(attempt=4, max_attempts=3))

    assert failure is not None
    assert (failure.code, failure.message, failure.retryable) == (
        ErrorCode.PROCESSING_FAILED, "the last attempt was interrupted before it could finish", True,
    )  # fmt: skip
    assert interrupted(request_record(attempt=3, max_attempts=3)) is None


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (10_000, 30)])
def test_pauses_grow_up_to_a_limit(attempt: int, longest: float) -> None:
    assert pause_seconds(attempt, 1.0) == longest


@given(attempt=st.integers(1, 10**6), jitter=st.floats(0, 1))
def test_a_pause_is_anything_up_to_its_longest(attempt: int, jitter: float) -> None:
    assert 0 <= pause_seconds(attempt, jitter) <= MOST_SECONDS
    assert pause_seconds(attempt, jitter) == pause_seconds(attempt, 1.0) * jitter
