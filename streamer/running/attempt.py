"""One attempt at a queued request: the action runs in a thread, progress goes out, the end is stored and then told.

The thread that calls `Attempt.run` watches: it stores the latest progress once a second, and ends the attempt when its
time is over. The action's own thread sends each progress message as it comes.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from streamer.actions import Action, failure_of, fault_of
from streamer.context import Cancelled, Principal, Request
from streamer.errors import ActionError, ErrorCode, ItemTooLargeError, StoreError
from streamer.observability import Logger
from streamer.protocol import answers, messages
from streamer.records import KEPT_SECONDS, Failure, RequestRecord, Status
from streamer.requests import lifecycle, retries
from streamer.running.audience import Audience
from streamer.running.execution import Running, Workers
from streamer.running.held_claim import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, HeldClaim
from streamer.running.progress import Pace, Reporter
from streamer.sending.connections import scope
from streamer.sending.sender import Sender

if TYPE_CHECKING:
    from streamer.sending.hub import Hub
    from streamer.stores.protocols import RequestStore

ABANDONED_SECONDS: Final = 30.0
"""How long nobody may be listening: time to reconnect and to subscribe again."""
ASKING_SECONDS: Final = 10.0
"""How often API Gateway is asked about connections that nothing was sent to."""


class Abandonment:
    """Watches an audience. Used by one thread."""

    def __init__(
        self,
        audience: Audience,
        *,
        monotonic: Callable[[], float],
        grace_seconds: float = ABANDONED_SECONDS,
    ) -> None:
        """Without I/O."""
        self._audience = audience
        self._monotonic = monotonic
        self._grace_seconds = grace_seconds
        self._asks_at = monotonic()
        self._since: float | None = None

    def is_complete(self) -> bool:
        """Whether nobody has been listening for all of the grace period; asks now and then, so call it often."""
        now = self._monotonic()
        if now >= self._asks_at:
            self._asks_at = now + ASKING_SECONDS
            if not self._audience.is_abandoned():
                self._since = None
            elif self._since is None:
                self._since = now
        return self._since is not None and now - self._since >= self._grace_seconds


SETTLING_SECONDS: Final = 5.0
"""What an action leaves of its invocation's time, to store and tell the end of the request."""
WRAPPING_UP_SECONDS: Final = 2.0
"""How long an action may take to notice that its run is over, before it is left to itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptParts:
    """What every attempt of an execution environment shares."""

    requests: RequestStore
    hub: Callable[[], Hub]
    """The way to connections of the tenant, made when something first takes it."""
    workers: Workers
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    """A random number from 0 to 1."""
    pace: Pace = field(default_factory=Pace)
    abandonment_seconds: float = ABANDONED_SECONDS
    """How long nobody may listen to a request that is to be cancelled then."""
    production: bool = True
    kept_seconds: int = KEPT_SECONDS
    """How long requests are kept after their end."""


class Attempt:
    """One attempt at one request, which the caller has claimed."""

    def __init__(
        self,
        record: RequestRecord,
        *,
        parts: AttemptParts,
        sender_at: Callable[[str], Sender],
        log: Logger,
        time_left_seconds: float,
    ) -> None:
        self._record = record
        self._parts = parts
        self._log = log
        self.was_refused = False
        """Whether the action itself refused, which is no failure of the service."""
        # A function with little time keeps most of it for the action.
        settling_seconds = min(SETTLING_SECONDS, time_left_seconds / 4)
        self._ends_at = parts.monotonic() + time_left_seconds
        self._action_ends_at = self._ends_at - settling_seconds
        self._audience = Audience(record, sender_at=sender_at, workers=parts.workers, log=log, clock=parts.clock)
        self._claim = HeldClaim(
            record,
            requests=parts.requests,
            clock=parts.clock,
            monotonic=parts.monotonic,
            sleep=parts.sleep,
            ends_at=self._ends_at,
            lease_seconds=parts.pace.lease_seconds,
            heartbeat_seconds=parts.pace.heartbeat_seconds,
            kept_seconds=parts.kept_seconds,
            log=log,
        )
        self._reporter = Reporter(
            self._claim,
            self._audience,
            clock=parts.clock,
            monotonic=parts.monotonic,
            pace=parts.pace,
            log=log,
        )

    def run(self, action: Action) -> Status | None:
        """Run the action, store what came of it, then tell the client.

        Returns:
            The status that follows: a final one or RETRYING; None when the request ended, or was taken over, elsewhere
            (see `found`).

        Raises:
            StoreError: the end could not be stored for as long as there was time; the request is to be taken over.
        """
        try:
            result_json = messages.result_json(self._outcome(action))
        except Exception as exc:  # noqa: BLE001 - an action or a validator may raise anything; it is logged
            if self._claim.is_lost:
                self._log.info("the request was cancelled, or was taken over elsewhere; this attempt stops")
                return None
            failure = self._failure(exc)
            is_tried_again = retries.is_worth_another(failure, self._record)
            self._log_failure(action, exc, is_tried_again=is_tried_again)
            self.was_refused = isinstance(exc, ActionError) and exc.is_refusal
            return self._retry(failure) if is_tried_again else self.fail(failure)
        return self._complete(result_json)

    @property
    def found(self) -> Status | None:
        """What the request was where it ended, or was taken over, elsewhere; None: it did not, or is not kept."""
        return self._claim.found

    def fail(self, failure: Failure) -> Status | None:
        """Store that the request failed, then tell the client; see `run`."""
        return self._tell_end(self._claim.fail(failure, told_percentage=self._reporter.newest_percentage))

    def _log_failure(self, action: Action, exc: Exception, *, is_tried_again: bool) -> None:
        if not isinstance(exc, ActionError):
            self._log.error("the action failed", error=exc, action=action.name)
        elif exc.is_refusal:
            self._log.info("the action refused", action=action.name, code=exc.code, reason=exc.message)
        elif is_tried_again:
            self._log.warning("the action failed", action=action.name, code=exc.code, reason=exc.message)
        else:
            self._log.error("the action failed", action=action.name, **fault_of(exc))

    def _failure(self, exc: Exception) -> Failure:
        return failure_of(exc, code=ErrorCode.PROCESSING_FAILED, production=self._parts.production)

    def _complete(self, result_json: str) -> Status | None:
        try:
            after = self._claim.complete(result_json)
        except ItemTooLargeError as exc:
            size_bytes = len(result_json.encode())
            self._log.warning("the result is too large to be stored", error=str(exc), size_bytes=size_bytes)
            return self.fail(messages.too_large_to_store(size_bytes))
        return self._tell_end(after)

    def _outcome(self, action: Action) -> Any:
        """What the action returns; raises what it raises, TIMEOUT, or Cancelled when the request is lost."""
        limit_seconds = self._action_ends_at - self._parts.monotonic()
        if action.timeout_seconds is not None:
            limit_seconds = min(limit_seconds, action.timeout_seconds)
        with scope(self._parts.hub, self._record.tenant_id, self._action_seconds_left):
            # What is read and validated before the action begins is part of its time, and the lease is renewed.
            running = self._parts.workers.start(lambda: action.call(self._request(action), self._reporter))
        try:
            if self._watch(running, self._parts.monotonic() + limit_seconds, self._abandonment(action)):
                return running.outcome()
        finally:
            self._reporter.end("this run is over")
        if self._claim.is_lost:
            raise Cancelled("the request ended or was taken over elsewhere")
        raise ActionError(
            f"the action did not finish within {max(limit_seconds, 0):.3g} s", code=ErrorCode.TIMEOUT, retryable=True
        )

    def _action_seconds_left(self) -> float:
        return max(0.0, self._action_ends_at - self._parts.monotonic())

    def _whole(self) -> RequestRecord:
        """The request with its payload; tries again while the store does not answer and there is time.

        Raises:
            StoreError: it did not answer in time.
        """
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._parts.requests.whole(self._record)
            except StoreError as exc:
                if self._reporter.is_over or self._parts.monotonic() + pause_seconds > self._action_ends_at:
                    raise
                self._log.warning("the payload could not be read; trying again", reason=str(exc))
            self._parts.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    def _request(self, action: Action) -> Request:
        record = self._whole()
        if record.payload_json is None or record.metadata_json is None:
            raise ActionError("the payload is not kept any more", code=ErrorCode.PROCESSING_FAILED)
        return Request(
            id=record.request_id,
            action=record.action,
            payload=action.validated(json.loads(record.payload_json)),
            metadata=json.loads(record.metadata_json),
            principal=Principal(record.user_id, record.tenant_id, record.permissions),
            connection_id=record.connection_id,
            attempt=record.attempt,
            max_attempts=record.max_attempts,
            is_over=lambda: self._reporter.is_over,
        )

    def _abandonment(self, action: Action) -> Abandonment | None:
        if not action.cancel_on_disconnect:
            return None
        grace_seconds = self._parts.abandonment_seconds
        return Abandonment(self._audience, monotonic=self._parts.monotonic, grace_seconds=grace_seconds)

    def _cancel(self, reason: str) -> None:
        if self._claim.cancel(reason):
            self._log.info("request cancelled", reason=reason)
            self._reporter.end(reason)

    def _watch(self, running: Running, ends_at: float, abandonment: Abandonment | None) -> bool:
        """Wait for the action, storing its progress meanwhile; False when the run is over before the action is."""
        tick_seconds = self._parts.pace.tick_seconds
        while not self._claim.is_lost:
            left_seconds = ends_at - self._parts.monotonic()
            if running.wait(max(0.0, min(tick_seconds, left_seconds))):
                return True
            if left_seconds <= 0:
                break
            if left_seconds > tick_seconds:
                self._reporter.keep_up()
                if abandonment is not None and abandonment.is_complete():
                    self._cancel("nobody was listening any more")
        self._reporter.end("its time is over")
        running.cancel(self._reporter.reason)
        # On Lambda whatever runs on is frozen with the environment, so give it a chance to end cleanly.
        running.wait(max(0.0, min(WRAPPING_UP_SECONDS, (self._ends_at - self._parts.monotonic()) / 2)))
        return False

    def _retry(self, failure: Failure) -> Status | None:
        """Store that another attempt is due after a pause, then tell the client; the stream starts its run."""
        record = self._record
        pause_seconds = retries.pause_seconds(record.attempt, self._parts.jitter())
        return self._tell(
            self._claim.retry(failure, pause_seconds=pause_seconds, told_percentage=self._reporter.told_percentage),
            lambda _, now: messages.retrying(
                record.request_id,
                failure,
                attempt=record.attempt,
                max_attempts=record.max_attempts,
                retry_in_seconds=pause_seconds,
                now=now,
            ),
        )

    def _tell_end(self, after: RequestRecord | None) -> Status | None:
        return self._tell(after, lambda record, now: answers.final(record, now=now))

    def _tell(self, after: RequestRecord | None, message: Callable[[RequestRecord, float], str]) -> Status | None:
        """Tell what the attempt came to; None: something else is stored, which is told elsewhere."""
        if after is None:
            return None
        # Whoever began to listen since the last progress is told the end, and nobody else has to tell them.
        self._audience.update(after)
        if lifecycle.is_final(after.status):
            self._reporter.tell_rest()
        now = self._parts.clock()
        self._audience.send(message(after, now), now=now)
        self._audience.finish(until=self._ends_at, monotonic=self._parts.monotonic)
        return after.status
