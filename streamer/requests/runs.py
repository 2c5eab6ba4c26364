"""What makes the processor run a request: changes of the requests table's stream, and events of our own. Pure.

The shape of stream records: [REC] FIDELITY I1-I11. Delivery is at least once (I19), so whatever is done about one must
bear being done twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamer.records import RequestKey, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """A row of the requests table was written or removed."""

    sequence_number: str
    """Names the record within its batch, for ``batchItemFailures``."""
    key: RequestKey
    before: Status | None
    """None: the row is new."""
    after: Status | None
    """None: the row was removed."""
    due_at: float | None = None
    """`RequestRecord.due_at` after the change."""

    @property
    def run(self) -> Run | None:
        """The run that the change calls for; None: none.

        Only the change *to* a status calls for one: while a request waits, listeners come and go.
        """
        if self.after is self.before:
            return None
        match self.after:
            case Status.PENDING:
                return Run(self.key)
            case Status.RETRYING:
                return Run(self.key, not_before=self.due_at)
            case Status.CANCELLED:
                # Whoever cancelled it could die before telling; the stream cannot forget it.
                return Run(self.key, tells=True)
            case _:
                return None


def row_changes(event: Mapping[str, Any]) -> list[RowChange]:
    """The changes of a stream event, oldest first."""
    return [_row_change(record["dynamodb"]) for record in event["Records"]]


def _row_change(change: Mapping[str, Any]) -> RowChange:
    key = change["Keys"]
    return RowChange(
        sequence_number=change["SequenceNumber"],
        key=RequestKey(key["owner"]["S"], key["request_id"]["S"]),
        before=_status(change.get("OldImage")),
        after=_status(change.get("NewImage")),
        due_at=_due_at(change.get("NewImage")),
    )


def _due_at(image: Mapping[str, Any] | None) -> float | None:
    return float(image["due_at"]["N"]) if image and "due_at" in image else None


def _status(image: Mapping[str, Any] | None) -> Status | None:
    # An image without a status is none of ours (an item put in by hand); it waits for nothing.
    return Status(image["status"]["S"]) if image and "status" in image else None


RUN: Final = "streamer:run"
"""The member of an event that makes it a run event; no stream or API Gateway event has one of that name."""

SWEEP: Final = "streamer:sweep"
"""The member of an event that makes the processor look for requests that nobody sees to."""

DELIVER: Final = "streamer:deliver"
"""The member of an event that makes the processor deliver what is left of a message to many."""

SWEEP_EVENT: Final[Mapping[str, Any]] = {SWEEP: {}}
"""What the schedule invokes the processor with."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of one request that somebody asks for. It may come twice, late or in vain."""

    key: RequestKey
    not_before: float | None = None
    """Unix seconds; None: at once."""
    tells: bool = False
    """Whether to tell how the request ended, if it has, because nobody else does: it was cancelled."""


def run_event(key: RequestKey, *, not_before: float | None = None, tells: bool = False) -> dict[str, Any]:
    """The event that makes the processor run a request; see `Run`."""
    run: dict[str, Any] = {"key": {"owner": key.owner, "request_id": key.request_id}}
    if not_before is not None:
        run["not_before"] = not_before
    if tells:
        run["tells"] = True
    return {RUN: run}


def run_of(event: Mapping[str, Any]) -> Run:
    """What a run event asks for."""
    run = event[RUN]
    key = RequestKey(run["key"]["owner"], run["key"]["request_id"])
    return Run(key, run.get("not_before"), run.get("tells", False))
