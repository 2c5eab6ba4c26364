"""A request that an attempt has claimed: the one place that writes to a request while it runs.

Every write is fenced by the attempt's number (`streamer.requests.lifecycle`). The first one that is refused, since the
request ended or was taken over elsewhere, loses the claim.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from streamer.aws_limits import ITEM_BYTES
from streamer.errors import ItemTooLargeError, StoreError
from streamer.observability import Logger
from streamer.records import KEPT_SECONDS, Failure, Listener, ProgressPoint, RequestRecord, Status
from streamer.requests import lifecycle
from streamer.requests.lifecycle import Applied, Change, Refused

if TYPE_CHECKING:
    from streamer.stores.protocols import RequestStore

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 10.0
"""Between two tries to store an end; each pause is twice the one before."""


class HeldClaim:
    """Writes to the request. Safe to share between threads, of which one at a time calls `progress` and `renew`."""

    def __init__(
        self,
        record: RequestRecord,
        *,
        requests: RequestStore,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
        ends_at: float,
        lease_seconds: float,
        heartbeat_seconds: float,
        log: Logger,
        kept_seconds: int = KEPT_SECONDS,
    ) -> None:
        """Without I/O.

        Args:
            record: The request as it was claimed.
            requests: Where it is stored.
            clock: Unix seconds.
            monotonic: Seconds of a clock that never goes back.
            sleep: Waits for some seconds.
            ends_at: When to stop trying to store an end, by ``monotonic``.
            lease_seconds: How long a renewal holds.
            heartbeat_seconds: How old a lease is to be when it is renewed.
            log: Where failed writes are noted.
            kept_seconds: How long the request is kept after its end.
        """
        self._record = record
        self._requests = requests
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._ends_at = ends_at
        self._lease_seconds = lease_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._log = log
        self._kept_seconds = kept_seconds
        self._lease_ends_at = record.due_at if record.due_at is not None else clock() + lease_seconds
        self._heartbeat_at = monotonic() + heartbeat_seconds
        """When the lease is to be renewed whatever the clock shows, by ``monotonic``."""
        self._lost_because: str | None = None
        self._found: Status | None = None

    @property
    def record(self) -> RequestRecord:
        """The request as the last write left it."""
        return self._record

    @property
    def lease_ends_at(self) -> float:
        """Unix seconds from which on another attempt may take the request over."""
        return self._lease_ends_at

    @property
    def is_lost(self) -> bool:
        """Whether the request ended, or was taken over, otherwise than by this attempt's end."""
        return self._lost_because is not None

    @property
    def lost_because(self) -> str | None:
        """Why it is lost; None: it is not."""
        return self._lost_because

    @property
    def found(self) -> Status | None:
        """What the request was that is not this attempt's any more; None: it still is, or is not kept."""
        return self._found

    @property
    def is_to_be_renewed(self) -> bool:
        """Whether it is time for a heartbeat: by the clock, or by what has passed where the clock was set back."""
        is_old = self._clock() >= self._lease_ends_at - self._lease_seconds + self._heartbeat_seconds
        return is_old or self._monotonic() >= self._heartbeat_at

    def progress(self, point: ProgressPoint, *, told_percentage: float, leaving: frozenset[Listener]) -> bool:
        """Store how far the attempt is, and renew the lease if it is time; whether it is stored. See `lifecycle`."""
        lease_seconds = self._lease_seconds if self.is_to_be_renewed else None
        return self._write(
            lifecycle.progress(
                point,
                attempt=self._record.attempt,
                now=self._clock(),
                told_percentage=told_percentage,
                lease_seconds=lease_seconds,
                leaving=leaving,
            )
        )

    def renew(self) -> bool:
        """Renew the lease; whether that is stored."""
        return self._write(
            lifecycle.renew(attempt=self._record.attempt, now=self._clock(), lease_seconds=self._lease_seconds)
        )

    def complete(self, result_json: str) -> RequestRecord | None:
        """Store the result.

        Returns:
            The request as it is stored; None: it ended or was taken over elsewhere.

        Raises:
            ItemTooLargeError: the result does not fit into the request's item.
            StoreError: it could not be stored for as long as there was time.
        """
        # DynamoDB tells of an item's size only up to 2 MB of values; what is beyond, it refuses in other words.
        if len(result_json) > ITEM_BYTES:
            raise ItemTooLargeError(f"the result has {len(result_json)} characters")
        return self._conclude(lifecycle.complete(result_json, **self._end()))

    def fail(self, failure: Failure, *, told_percentage: float | None = None) -> RequestRecord | None:
        """Store that the request failed; see `complete`, and `lifecycle.fail`."""
        return self._conclude(lifecycle.fail(failure, told_percentage=told_percentage, **self._end()))

    def retry(self, failure: Failure, *, pause_seconds: float, told_percentage: float | None) -> RequestRecord | None:
        """Store that another attempt is due after a pause, whose run the stream starts; see `complete`."""
        now = self._clock()
        return self._conclude(
            lifecycle.retry(
                failure,
                attempt=self._record.attempt,
                now=now,
                due_at=now + pause_seconds,
                told_percentage=told_percentage,
            )
        )

    def cancel(self, reason: str) -> bool:
        """Cancel the request, which loses the claim; False: the store did not answer."""
        change = lifecycle.cancel(reason, **self._end())
        try:
            self._requests.apply(self._record.key, change)
        except StoreError as exc:
            self._log.warning("the request could not be cancelled; trying again", reason=str(exc))
            return False
        # Applied or refused, the request is not this attempt's any more; the stream tells whoever comes back.
        self._lost_because, self._found = reason, Status.CANCELLED
        return True

    def _end(self) -> dict[str, Any]:
        return {"attempt": self._record.attempt, "now": self._clock(), "kept_seconds": self._kept_seconds}

    def _write(self, change: Change) -> bool:
        try:
            outcome = self._requests.apply(self._record.key, change)
        except StoreError as exc:
            # The next write, or the end, will do.
            self._log.warning("progress could not be stored", reason=str(exc))
            return False
        if isinstance(outcome, Refused):
            self._lost_because = _reason(outcome.current)
            self._found = _status(outcome.current)
            return False
        if "due_at" in change.values:
            self._lease_ends_at = change.values["due_at"]
            self._heartbeat_at = self._monotonic() + self._heartbeat_seconds
        self._record = outcome.record or change.applied_to(self._record)
        return True

    def _conclude(self, change: Change) -> RequestRecord | None:
        outcome = self._stored(change)
        if not lifecycle.is_settled_by(outcome, change, attempt=self._record.attempt):
            status: Status = change.values["status"]
            self._log.warning("the request ended or was taken over elsewhere; this end is dropped", status=status)
            self._found = _status(outcome.current) if isinstance(outcome, Refused) else None
            return None
        after = outcome.record if isinstance(outcome, Applied) else outcome.current
        self._record = after or change.applied_to(self._record)
        return self._record

    def _stored(self, change: Change) -> Applied | Refused:
        """Store a change, again and again while the store does not answer and there is time."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._requests.apply(self._record.key, change)
            except ItemTooLargeError:
                raise
            except StoreError as exc:
                if self._monotonic() + pause_seconds > self._ends_at:
                    raise
                self._log.warning("the end could not be stored; trying again", reason=str(exc))
            self._sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


def _status(current: RequestRecord | None) -> Status | None:
    return current.status if current is not None else None


def _reason(current: RequestRecord | None) -> str:
    if current is not None and current.status is Status.CANCELLED:
        return "the request was cancelled"
    return "the request ended or was taken over elsewhere"
