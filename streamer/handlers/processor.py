"""The processor function: runs queued requests.

It is invoked for three kinds of event. The requests table's stream tells which requests came to wait, and a
schedule asks every minute whether any was left behind: for each of them it invokes itself asynchronously, and does
nothing else, so no request holds up another (``docs/decisions/0006``, ``0008``). Such a run event names one request,
which is claimed, run and settled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from streamer.app import App
from streamer.errors import ErrorCode
from streamer.handlers.events import LambdaContext
from streamer.handlers.setup import About, Environment, Once, new_id, unrecorded
from streamer.observability import REQUEST_WAIT, Logger, Metrics
from streamer.protocol import answers
from streamer.records import Failure, RequestRecord, Status
from streamer.requests import lifecycle, retries
from streamer.requests.lifecycle import Refused
from streamer.requests.runs import DELIVER, RUN, SWEEP, Run, row_changes, run_of
from streamer.running.attempt import SETTLING_SECONDS, Attempt, AttemptParts
from streamer.running.audience import Audience
from streamer.running.execution import Workers
from streamer.sending.sender import Sender

if TYPE_CHECKING:
    from streamer.handlers.dispatching import Dispatching
    from streamer.handlers.sweep import Sweep
    from streamer.requests.dispatcher import Dispatcher


class ProcessorHandler:
    """Dispatches stream records, sweeps, runs requests, and delivers what others left of a message to many.

    DynamoDB calls of a run: one to claim, one to settle, one a second while there is new progress, and one every ten
    seconds otherwise.
    """

    def __init__(
        self,
        *,
        app: App,
        parts: AttemptParts,
        sender_at: Callable[[str], Sender],
        dispatcher: Callable[[], Dispatcher],
        log: Logger,
        metrics: Metrics,
        new_id: Callable[[], str] = new_id,
        about: About = unrecorded,
    ) -> None:
        self._app = app
        self._parts = parts
        self._sender_at = sender_at
        self._dispatcher = dispatcher
        self._log = log
        self._metrics = metrics
        self._new_id = new_id
        self._about = about

    def __call__(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any] | None:
        """Handle a stream event (the result names the records to send again), a run event, a delivery or a sweep."""
        log = self._log.bind(invocation_id=context.aws_request_id)
        if RUN in event:
            self._run(run_of(event), context, log)
            return None
        if DELIVER in event:
            from streamer.sending.broadcasts import rest_of  # noqa: PLC0415 - only of messages to very many

            seconds = _left_seconds(context)
            self._parts.hub().to_rest(rest_of(event), seconds=seconds - min(SETTLING_SECONDS, seconds / 4))
            return None
        if SWEEP in event:
            self._sweep(log)
            return None
        return {"batchItemFailures": self._dispatching.stream(row_changes(event), log)}

    # An environment that runs requests pays for neither of these two in its cold start.

    @cached_property
    def _dispatching(self) -> Dispatching:
        from streamer.handlers.dispatching import Dispatching  # noqa: PLC0415

        return Dispatching(self._dispatcher())

    @cached_property
    def _sweep(self) -> Sweep:
        from streamer.handlers.sweep import Sweep  # noqa: PLC0415

        return Sweep(self._dispatching, requests=self._parts.requests, clock=self._parts.clock)

    def _run(self, run: Run, context: LambdaContext, log: Logger) -> None:
        log = log.bind(request_id=run.key.request_id)
        record = self._claimed(run, context, log)
        if record is None:
            return
        log = log.bind(connection_id=record.connection_id, user_id=record.user_id, tenant_id=record.tenant_id)
        attempt = Attempt(
            record,
            parts=self._parts,
            sender_at=self._sender_at,
            log=log,
            time_left_seconds=_left_seconds(context),
        )
        about = {"request_id": record.request_id, "connection_id": record.connection_id, "action": record.action}
        try:
            with self._about("run", **about):
                self._carry_out(attempt, record, log)
        finally:
            self._metrics.flush(request_id=record.request_id)

    def _claimed(self, run: Run, context: LambdaContext, log: Logger) -> RequestRecord | None:
        """Claim the request, as soon as it may be; None: there is nothing to run."""
        not_before = run.not_before
        while self._is_awaited(not_before, context):
            runner = lifecycle.runner_of(context.aws_request_id, self._new_id())
            change = lifecycle.claim(
                runner=runner, now=self._parts.clock(), lease_seconds=self._parts.pace.lease_seconds
            )
            outcome = self._parts.requests.apply(run.key, change)
            record = lifecycle.claimed(outcome, runner=runner)
            if record is not None:
                return record
            current = outcome.current if isinstance(outcome, Refused) else None
            not_before = self._claimable_at(current, context)
            if not_before is None:
                self._leave(run, current, context, log)
                return None
        log.info("the request is due later than this run can wait; the sweep will start another")
        return None

    def _claimable_at(self, current: RequestRecord | None, context: LambdaContext) -> float | None:
        if current is None:
            return None
        return lifecycle.claimable_at(current, invocation=context.aws_request_id, now=self._parts.clock())

    def _is_awaited(self, moment: float | None, context: LambdaContext) -> bool:
        """Wait for a moment (Unix seconds); False: most of the invocation's time would be gone by then."""
        now = self._parts.clock()
        pause_seconds = 0.0 if moment is None or lifecycle.is_due(moment, now) else moment - now
        if pause_seconds > _left_seconds(context) / 2:
            return False
        if pause_seconds > 0:
            self._parts.sleep(pause_seconds)
        return True

    def _leave(self, run: Run, current: RequestRecord | None, context: LambdaContext, log: Logger) -> None:
        """There is nothing to run: deliveries are at least once, so this is an everyday thing."""
        if current is None or not lifecycle.is_to_be_told(current, run, invocation=context.aws_request_id):
            log.info("nothing to run", status=current.status if current is not None else None)
            return
        log.info("telling how the request ended", status=current.status)
        audience = Audience(
            current, sender_at=self._sender_at, workers=self._parts.workers, log=log, clock=self._parts.clock
        )
        now = self._parts.clock()
        audience.send(answers.final(current, now=now), now=now)
        audience.finish(until=self._parts.monotonic() + _left_seconds(context), monotonic=self._parts.monotonic)

    def _carry_out(self, attempt: Attempt, record: RequestRecord, log: Logger) -> None:
        action = self._app.find(record.action)
        if action is None:
            log.error("the request's action does not exist any more", action=record.action)
            attempt.fail(
                Failure(code=ErrorCode.INVALID_ACTION, message=f"there is no action {record.action!r} any more")
            )
            return
        if (failure := retries.interrupted(record)) is not None:
            log.error("the last attempt did not end", action=action.name, attempt=record.tries)
            attempt.fail(failure)
            return
        began = self._parts.monotonic()
        status = attempt.run(action)
        latency_seconds = self._parts.monotonic() - began
        waited_ms = round((record.updated_at - record.created_at) * 1000, 3)
        refused = attempt.was_refused and status is Status.FAILED
        failed = status in (Status.FAILED, Status.RETRYING) and not refused
        self._metrics.action(action.name, latency_seconds=latency_seconds, failed=failed, refused=refused)
        if record.attempt == 1:  # later ones wait for their pause on purpose
            self._metrics.put(REQUEST_WAIT, waited_ms)
        log.info(
            "request ended",
            action=action.name,
            status=status or attempt.found,
            attempt=record.attempt,
            latency_ms=round(latency_seconds * 1000, 3),
            waited_ms=waited_ms,
        )


def _left_seconds(context: LambdaContext) -> float:
    return context.get_remaining_time_in_millis() / 1000


def _build() -> ProcessorHandler:
    environment = Environment()
    environment.prepare()
    return ProcessorHandler(
        app=environment.app,
        parts=AttemptParts(
            requests=environment.requests,
            hub=Once(lambda: environment.hub),
            workers=Workers(),
            production=environment.settings.production,
            kept_seconds=environment.settings.request_ttl_seconds,
        ),
        sender_at=environment.management_api.at,
        dispatcher=Once(lambda: environment.processor),
        log=environment.log,
        metrics=environment.metrics,
        about=environment.about,
    )


_handler = Once(_build)
_handler.in_init()


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """The Lambda function."""
    return _handler()(event, context)
