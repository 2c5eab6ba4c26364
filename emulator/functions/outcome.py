"""What can come of invoking a function. Pure; shared by the gateway, the Lambda API and event source mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

from ..foundation.json_bytes import json_of, parsed_json

if TYPE_CHECKING:
    import asyncio

    from .streaming import ResponseStream


class Returned(Struct, frozen=True):
    """The function returned; Lambda's API answers 200."""

    payload: bytes
    """The result as JSON (``null`` for None)."""
    request_id: str


class Failed(Struct, frozen=True):
    """The function raised, timed out, exited or returned what is not JSON; Lambda's API answers 200 with an error."""

    payload: bytes
    """``{"errorMessage": ..., "errorType": ..., ...}`` as JSON."""
    request_id: str
    error_type: str = "Unhandled"


class Refused(Struct, frozen=True):
    """Lambda did not run the function: it is missing, throttled or may not be invoked."""

    status: int
    """404, 429 or 403: what Lambda's API answers."""
    error_type: str
    """Such as ``TooManyRequestsException``."""
    message: str
    reason: str = ""
    """Such as ``ReservedFunctionConcurrentInvocationLimitExceeded``."""


Outcome = Returned | Failed | Refused


def content_of(payload: bytes) -> Any:
    """What a function's result or error says: its JSON, or the text as it stands.

    Lambda passes on whatever a custom runtime posts, which need not be JSON. [DOC] lambda-docs:runtimes-walkthrough,
    whose function answers with a bare text
    """
    try:
        return parsed_json(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")


def unparsed(event: bytes) -> str | None:
    """Why Lambda does not take an event: it is no JSON; None: it is.

    [REC] ls-snap test_lambda_invoke_payload_encoding_error, up to what Java's parser says
    """
    try:
        json_of(event)
    except ValueError as error:
        return f"Could not parse request body into json: Could not parse payload into json: {error}"
    return None


def error_message(payload: bytes) -> str:
    """The message of a function's error; empty: it has none, or is told as a custom runtime likes."""
    content = content_of(payload)
    return str(content.get("errorMessage") or "") if isinstance(content, dict) else ""


def why_not_done(outcome: Outcome) -> str | None:
    """What went wrong: the error's type and message; None: nothing."""
    if isinstance(outcome, Returned):
        return None
    message = outcome.message if isinstance(outcome, Refused) else error_message(outcome.payload)
    return f"{outcome.error_type}: {message}" if message else outcome.error_type


class EnvironmentNow(Struct, frozen=True, kw_only=True):
    """What an execution environment does now."""

    number: int
    """Which of the function's."""
    pid: int | None
    """Its process; None: it has none yet, or is a thread."""
    state: Literal["initializing", "running", "idle", "frozen"]
    seconds: float
    """For how long; of an idle or frozen one, since its last event."""


class AcceptEvent(Protocol):
    """Takes an event for a function and runs it in the background, as Lambda does with asynchronous events."""

    def __call__(self, function: str, payload: bytes, request_id: str) -> bool:
        """False: there are too many already."""
        ...


class Functions(Protocol):
    """Runs functions: execution environments and their rules. One implementation per isolation."""

    def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        source: str | None = None,
    ) -> asyncio.Future[Outcome]:
        """Run a function once with a JSON event; the future has what comes of it, never an exception.

        Cancelling the future abandons the wait, not the function: like on Lambda it runs on to its own timeout.

        Args:
            function: its name in the topology; behind a colon the version or alias by which it is invoked, if it is
                by one, which the function sees in the ARN that it was invoked by.
            payload: the event as JSON.
            request_id: what the function sees as ``aws_request_id``; None: a new one.
            client_context: JSON that the function sees as its ``client_context``; None: there is none.
            source: who sends the event, such as a connection: events that wait are run in turn by their sources.
        """
        ...


class StreamingFunctions(Functions, Protocol):
    """Functions whose response can be had while they make it."""

    def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        source: str | None = None,
        stream: ResponseStream | None = None,
    ) -> asyncio.Future[Outcome]:
        """See `Functions.invoke`.

        ``stream`` takes the response of a function that streams it, and ends with the invocation; the outcome then has
        the beginning of the response alone. None: it is wanted whole.
        """
        ...


class Invocable(StreamingFunctions, Protocol):
    """Functions that can be given events to run in the background, too."""

    def accept(self, function: str, payload: bytes, request_id: str) -> bool:
        """See `AcceptEvent`."""
        ...
