"""The processor function: runs queued requests.

It is invoked for two kinds of event. The requests table's stream tells which requests came to wait: for each of them it
invokes itself asynchronously, and does nothing else, so no request holds up another (``docs/decisions/0006``). Such a
run event names one request, which is claimed, run and settled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from streamer import requests as life
from streamer.app import App
from streamer.attempt import Attempt, Surroundings
from streamer.changes import RowChange, row_changes
from streamer.dispatcher import RUN, Dispatcher, LambdaDispatcher, key_of
from streamer.errors import DispatchError, ErrorCode
from streamer.events import LambdaContext
from streamer.execution import Workers
from streamer.handlers.environment import Environment, Once, new_id
from streamer.observability import Logger, Metrics
from streamer.sender import Sender
from streamer.stores.records import Failure, RequestKey, RequestRecord, Status

DISPATCHES: Final = 16
"""Most invocations started at once for one batch."""
LEASE_MARGIN_SECONDS: Final = 5.0
"""How long after the end of the invocation a request may be taken over; covers clocks that differ."""


class ProcessorHandler:
    """Dispatches stream records, and runs requests.

    DynamoDB calls of a run: one to claim, one to settle, and one a second while there is new progress.
    """

    def __init__(
        self,
        *,
        app: App,
        surroundings: Surroundings,
        sender_at: Callable[[str], Sender],
        dispatcher: Dispatcher,
        log: Logger,
        metrics: Metrics,
        new_id: Callable[[], str] = new_id,
    ) -> None:
        self._app = app
        self._with = surroundings
        self._sender_at = sender_at
        self._dispatcher = dispatcher
        self._log = log
        self._metrics = metrics
        self._new_id = new_id

    def __call__(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any] | None:
        """Handle a stream event (the result names the records to send again) or a run event."""
        log = self._log.bind(invocation_id=context.aws_request_id)
        if RUN in event:
            self._run(key_of(event), context, log)
            return None
        return {"batchItemFailures": self._dispatch(row_changes(event), log)}

    # stream events

    def _dispatch(self, changes: Sequence[RowChange], log: Logger) -> list[dict[str, str]]:
        waiting = [change for change in changes if change.waits_for_attempt]
        if len(waiting) <= 1:
            dispatched = [self._is_dispatched(change, log) for change in waiting]
        else:
            with ThreadPoolExecutor(min(DISPATCHES, len(waiting))) as pool:
                dispatched = list(pool.map(lambda change: self._is_dispatched(change, log), waiting))
        return [
            {"itemIdentifier": change.sequence_number}
            for change, is_dispatched in zip(waiting, dispatched, strict=True)
            if not is_dispatched
        ]

    def _is_dispatched(self, change: RowChange, log: Logger) -> bool:
        try:
            self._dispatcher.dispatch(change.key)
        except DispatchError as exc:
            log.error(
                "a request could not be dispatched; the stream will bring it again",
                request_id=change.key.request_id,
                error=exc,
            )
            return False
        return True

    # run events

    def _run(self, key: RequestKey, context: LambdaContext, log: Logger) -> None:
        log = log.bind(request_id=key.request_id)
        left_seconds = context.get_remaining_time_in_millis() / 1000
        record = self._claimed(key, left_seconds + LEASE_MARGIN_SECONDS, log)
        if record is None:
            return
        log = log.bind(connection_id=record.connection_id, user_id=record.user_id, tenant_id=record.tenant_id)
        attempt = Attempt(
            record,
            surroundings=self._with,
            sender_at=self._sender_at,
            log=log,
            time_left_seconds=left_seconds,
        )
        try:
            self._carry_out(attempt, record, log)
        finally:
            self._metrics.flush(request_id=record.request_id)

    def _claimed(self, key: RequestKey, lease_seconds: float, log: Logger) -> RequestRecord | None:
        runner = self._new_id()
        change = life.claim(runner=runner, now=self._with.clock(), lease_seconds=lease_seconds)
        outcome = self._with.requests.apply(key, change)
        record = life.claimed(outcome, runner=runner)
        if record is None:
            # Deliveries are at least once, so this is an everyday thing: another run has it, or it is over.
            current = outcome.current if isinstance(outcome, life.Refused) else None
            log.info("nothing to run", status=current.status if current is not None else None)
        return record

    def _carry_out(self, attempt: Attempt, record: RequestRecord, log: Logger) -> None:
        action = self._app.find(record.action)
        if action is None:
            log.error("the request's action does not exist any more", action=record.action)
            attempt.fail(
                Failure(code=ErrorCode.INVALID_ACTION, message=f"there is no action {record.action!r} any more")
            )
            return
        if record.attempt > record.max_attempts:
            log.error("the last attempt did not end", action=action.name, attempt=record.attempt)
            attempt.fail(
                Failure(
                    code=ErrorCode.PROCESSING_FAILED,
                    message="the last attempt was interrupted before it could finish",
                    retryable=True,
                )
            )
            return
        began = self._with.monotonic()
        status = attempt.run(action)
        latency_seconds = self._with.monotonic() - began
        failed = status is not Status.COMPLETED
        self._metrics.action(action.name, latency_seconds=latency_seconds, failed=failed)
        log.info(
            "request ended",
            action=action.name,
            status=status,
            attempt=record.attempt,
            latency_ms=round(latency_seconds * 1000, 3),
            waited_ms=round((record.updated_at - record.created_at) * 1000, 3),
        )


def _build() -> ProcessorHandler:
    environment = Environment()
    return ProcessorHandler(
        app=environment.app,
        surroundings=Surroundings(
            requests=environment.requests,
            hub=environment.hub,
            workers=Workers(),
            production=environment.settings.production,
        ),
        sender_at=environment.management_api.at,
        dispatcher=LambdaDispatcher(lambda: environment.clients.get("lambda"), environment.function_name),
        log=environment.log,
        metrics=environment.metrics,
    )


_handler = Once(_build)


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """The Lambda function."""
    return _handler()(event, context)
