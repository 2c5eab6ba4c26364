"""Asynchronous invocations: accepted at once, retried, and given up to a destination. Decisions are pure functions."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Self, assert_never

from msgspec import Struct

from streamer.topology import AsyncInvocation, Topology

from ..foundation import log
from ..foundation.notes import EVENTS, Notes
from ..foundation.tasks import end
from ..foundation.times import iso_time
from .admission import bytes_held
from .destinations import DestinationError, EventDestinations
from .outcome import Failed, Functions, Outcome, Refused, Returned, content_of, error_message, why_not_done
from .variables import VERSION, name_and_qualifier

QUEUED_BYTES: Final = 512 * 1024 * 1024
"""How much memory the events may take that wait or run; more are refused, since this queue lives in memory and AWS's
does not."""
TASK_BYTES: Final = 2048
"""What an event takes besides what `bytes_held` counts: the task that runs it, as `tracemalloc` shows it."""
RETRY_SECONDS: Final = (1.0, 2.0)
"""How long after its first and second failure an event is tried again. AWS waits 60 and 120 s, which would only make
developers wait. [DOC] lambda-docs:invocation-async-error-handling"""
_THROTTLED_SECONDS: Final = 1.0
_THROTTLED_MOST_SECONDS: Final = 300.0


class Retry(Struct, frozen=True, kw_only=True):
    """Try again after a while."""

    after_seconds: float


class GiveUp(Struct, frozen=True, kw_only=True):
    """Send the document to the destination, if there is one."""

    condition: str


class EventHistory(Struct, frozen=True, kw_only=True):
    """What happened to an event so far."""

    failures: int
    """How often the function failed."""
    refusals: int
    """How often Lambda refused to run it."""
    age_seconds: float
    is_stopped: bool = False
    """Whether the function may not run at all: its reserved concurrency is 0."""


def next_step(
    outcome: Outcome, history: EventHistory, rules: AsyncInvocation, retry_seconds: Sequence[float] = RETRY_SECONDS
) -> Retry | GiveUp | None:
    """What to do after an attempt; None: nothing, it succeeded.

    Errors of the function count against the retries; being throttled only against the event's age, but what a function
    without any concurrency gets is given up at once.
    [DOC] lambda-docs:invocation-async-error-handling, configuration-concurrency; [USR] LocalStack, the condition
    """
    match outcome:
        case Returned():
            return None
        case Failed():
            if history.failures > rules.maximum_retry_attempts:
                return GiveUp(condition="RetriesExhausted")
            delay = retry_seconds[min(history.failures, len(retry_seconds)) - 1] if retry_seconds else 0.0
        case Refused():
            if history.is_stopped:
                return GiveUp(condition="ZeroReservedConcurrency")
            if outcome.status != 429 and outcome.status < 500:
                return GiveUp(condition="RetriesExhausted")
            delay = min(_THROTTLED_SECONDS * 2 ** (history.refusals - 1), _THROTTLED_MOST_SECONDS)
        case _:
            assert_never(outcome)
    if history.age_seconds + delay > rules.maximum_event_age_seconds:
        return GiveUp(condition="EventAgeExceeded")
    return Retry(after_seconds=delay)


def invocation_record(
    *,
    function_arn: str,
    request_id: str,
    payload: bytes,
    outcome: Outcome,
    condition: str,
    attempts: int,
    now: datetime,
    version: str = VERSION,
) -> dict[str, Any]:
    """What a destination gets. [DOC] lambda-docs:invocation-async-retain-records"""
    document: dict[str, Any] = {
        "version": "1.0",
        "timestamp": iso_time(now.astimezone(UTC)),
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": content_of(payload),
    }
    if not isinstance(outcome, Refused):
        failed = {"functionError": "Unhandled"} if isinstance(outcome, Failed) else {}
        document["responseContext"] = {"statusCode": 200, "executedVersion": version, **failed}
        document["responsePayload"] = content_of(outcome.payload)
    return document


def dead_letter_attributes(outcome: Failed | Refused, request_id: str) -> dict[str, dict[str, str]]:
    """Attributes of the message by which a dead-letter queue gets an event.

    [DOC] lambda-docs:invocation-async-retain-records: the message has at most its first 1 KB; [INF] the status of an
    event that Lambda refused to run.
    """
    if isinstance(outcome, Refused):
        code, message = outcome.status, outcome.message
    else:
        code, message = 200, error_message(outcome.payload)
    found = {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": str(code)},
    }
    if message:
        shown = message.encode()[:1024].decode(errors="ignore")
        found["ErrorMessage"] = {"DataType": "String", "StringValue": shown}
    return found


class AsyncInvocations:
    """Runs accepted events until they succeed or are given up. An async context manager; its exit ends the others."""

    def __init__(
        self,
        topology: Topology,
        functions: Functions,
        *,
        destinations: EventDestinations | None,
        function_arn: Callable[[str], str],
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        notes: Notes | None = None,
    ) -> None:
        """``notes`` keep accepted events until they are done; None: those that are not in the end are dropped."""
        self._notes = Notes() if notes is None else notes
        self._describe(topology)
        self._functions = functions
        self._destinations = destinations
        self._arn = function_arn
        self._retry_seconds = retry_seconds
        self._sleep = sleep
        self._loads = asyncio.Event()
        """Whether the functions' code can be imported, as far as anybody knows."""
        self._loads.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0

    async def __aenter__(self) -> Self:
        """Go on with what the last run accepted and did not come to, or was doing."""
        for request_id, (function, payload) in self._notes.of(EVENTS).items():
            if name_and_qualifier(function)[0] in self._names:
                self._start(function, payload.encode(), request_id)
            else:
                log.warning("an asynchronous event is dropped: its function is gone", function=function)
                self._notes.drop(EVENTS, request_id)
        return self

    async def __aexit__(self, *_: object) -> None:
        await end(self._tasks)

    def apply(self, topology: Topology) -> None:
        """Go by other rules from the next event on."""
        self._describe(topology)

    def _describe(self, topology: Topology) -> None:
        self._names = {function.name for function in topology.functions}
        self._stopped = {function.name for function in topology.functions if function.reserved_concurrency == 0}
        self._rules = {rules.function: rules for rules in topology.async_invocations}
        self._versions = {
            f"{function.name}:{qualifier}": version
            for function in topology.functions
            for qualifier, version in function.qualifiers.items()
        }

    def _rules_of(self, name: str, qualifier: str | None) -> AsyncInvocation:
        """Those of the version or alias that is invoked; a dead-letter queue is of all of a function's.

        [DOC] lambda-api:API_PutFunctionEventInvokeConfig
        """
        own = AsyncInvocation(function=name)
        every = self._rules.get(name, own)
        if qualifier in (None, VERSION):
            return every
        return replace(self._rules.get(f"{name}:{qualifier}", own), dead_letters=every.dead_letters)

    def hold(self, *, is_held: bool) -> None:
        """Let events that fail from now on wait for their next attempt, and those that wait so go on."""
        if is_held:
            self._loads.clear()
        else:
            self._loads.set()

    def accept(self, function: str, payload: bytes, request_id: str) -> bool:
        """Run an event in the background; False: there are too many already."""
        if self._bytes >= QUEUED_BYTES:
            return False
        if self._notes.are_kept:
            self._notes.put(EVENTS, request_id, [function, payload.decode()])
            self._notes.settle()
        self._start(function, payload, request_id)
        return True

    def _start(self, function: str, payload: bytes, request_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._run(function, payload, request_id))
        self._tasks.add(task)
        size = bytes_held(payload) + TASK_BYTES
        self._bytes += size
        task.add_done_callback(functools.partial(self._done, request_id, size))

    async def _run(self, function: str, payload: bytes, request_id: str) -> None:
        name, qualifier = name_and_qualifier(function)
        rules = self._rules_of(name, qualifier)
        accepted_at = time.monotonic()
        failures = refusals = 0
        while True:
            # All attempts of one event have one request id. [DOC] lambda-docs:invocation-async-error-handling
            outcome = await self._functions.invoke(function, payload, request_id=request_id)
            if isinstance(outcome, Failed) and not self._loads.is_set():
                await self._loads.wait()  # somebody is at it; the failure says nothing of the event
                continue
            failures += isinstance(outcome, Failed)
            refusals += isinstance(outcome, Refused)
            history = EventHistory(
                failures=failures,
                refusals=refusals,
                age_seconds=time.monotonic() - accepted_at,
                is_stopped=name in self._stopped,
            )
            step = next_step(outcome, history, rules, self._retry_seconds)
            if not isinstance(step, Retry):
                break
            await self._sleep(step.after_seconds)
        if step is not None:
            why = why_not_done(outcome)
            log.warning("an asynchronous event was given up", function=function, request_id=request_id, reason=why)
        target = rules.on_success if step is None else rules.on_failure
        if target is not None:
            document = invocation_record(
                function_arn=f"{self._arn(name)}:{qualifier or VERSION}",
                request_id=request_id,
                payload=payload,
                outcome=outcome,
                condition="Success" if step is None else step.condition,
                attempts=failures + (step is None),
                now=datetime.now(UTC),
                version=self._versions.get(function, VERSION),
            )
            await self._send(target, document)
        if rules.dead_letters is not None and isinstance(outcome, Failed | Refused):
            await self._send(rules.dead_letters, payload.decode(), dead_letter_attributes(outcome, request_id))

    async def _send(
        self, target: str, document: dict[str, Any] | str, attributes: dict[str, Any] | None = None
    ) -> None:
        """Tell a destination, once; AWS counts what cannot be delivered as ``DestinationDeliveryFailures``."""
        if self._destinations is None:
            return
        try:
            await self._destinations.send(target, document, attributes)
        except DestinationError as error:
            log.error("a document could not be delivered", problem=str(error), document=document, destination=target)

    def _done(self, request_id: str, size: int, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._bytes -= size
        if task.cancelled():
            return
        self._notes.drop(EVENTS, request_id)
        if (error := task.exception()) is not None:
            log.error("an asynchronous event was lost", error=error)
