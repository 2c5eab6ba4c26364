"""Reads records: of the emulator that runs, or of a recording. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from ..recording.masking import NOBODY, Who
from ..recording.records import KINDS, Opening
from ..recording.ring import Page, Record, Ring
from .asked import Asked, BadRequestError
from .lines import line
from .telling import Teller, Told, tell_fault, who_opened
from .traces import Trace, Traces
from .verdicts import faults_of, verdict

EVENTS: Final = 500
"""Most records that are told at once, unless a reader wants fewer."""
MOST_EVENTS: Final = EVENTS * 40
WRONG: Final = ("error", "refused")
"""Statuses of what went wrong."""


class Book(Struct, frozen=True):
    """Records, and whose connections they are about."""

    ring: Ring
    who: Callable[[str], Who]

    @classmethod
    def of(cls, ring: Ring) -> Book:
        """Records that get no more: connections are looked up in their openings."""
        known = {each.connection: who_opened(each) for each in ring if isinstance(each, Opening)}
        return cls(ring, lambda connection: known.get(connection, NOBODY))

    @classmethod
    def of_records(cls, kept: Sequence[Record]) -> Book:
        """Some of a ring's records, to be told alone: nothing is looked up in them."""
        known = {each.connection: who_opened(each) for each in kept if isinstance(each, Opening)}
        return cls(Ring(), lambda connection: known.get(connection, NOBODY))

    def teller(self, *, whole: bool = False) -> Teller:
        """Tells of the records, cut as in lists or ``whole``."""
        return Teller(self.who, None) if whole else Teller(self.who)

    def page(self, asked: Asked) -> Callable[[], Page]:
        """Looks for what is asked for, anew whenever it is called; raises BadRequestError."""
        after, limit = asked.number("after", 0), min(asked.number("limit", EVENTS) or 1, MOST_EVENTS)
        wanted = self._wanted(asked, self.teller())
        return lambda: self.ring.read(after, limit=limit, wanted=wanted())

    def event(self, number: int) -> Told:
        """A record, whole; raises BadRequestError."""
        record = self.ring.find(number)
        if record is None:
            raise BadRequestError(404, f"record {number} is not kept any more, or never was")
        return self.teller(whole=True).tell(record)

    def trace(self, name: str) -> Told:
        """The trace of what an id names, see `Traces.find`; raises BadRequestError."""
        trace = Traces(self.ring).find(name)
        if trace is None:
            raise BadRequestError(404, f"nothing that is kept has the id {name}")
        return tell_trace(trace, self.teller(whole=True))

    def _wanted(self, asked: Asked, teller: Teller) -> Callable[[], Callable[[Record], bool]]:
        """Makes the test that a record has to pass, anew for each look: a trace grows."""
        kinds = asked.words("kind")
        if unknown := [kind for kind in kinds if kind not in KINDS]:
            raise BadRequestError(400, f"there is no kind {unknown[0]!r}; there are {', '.join(KINDS)}")
        fields = {name: value for name in ("connection", "user", "function", "action") if (value := asked.text(name))}
        wrong_only, trace = asked.text("errors") == "1", asked.text("trace")
        lines_only = asked.text("lines") == "1"

        def passes(numbers: frozenset[int] | None, record: Record) -> bool:
            if (kinds and record.kind not in kinds) or (numbers is not None and record.number not in numbers):
                return False
            if not fields and not wrong_only and not lines_only:
                return True
            told = teller.tell(record)
            if lines_only and line(told) is None:
                return False
            if wrong_only and told.get("status") not in WRONG:
                return False
            return all(told.get(name) == value for name, value in fields.items())

        return lambda: functools.partial(passes, self._numbers(trace) if trace else None)

    def _numbers(self, name: str) -> frozenset[int]:
        trace = Traces(self.ring).find(name)
        if trace is None:
            return frozenset()
        return frozenset(record.number for record in (trace.origin, *trace.runs, *trace.calls, *trace.logs))


def tell_trace(trace: Trace, teller: Teller) -> Told:
    """A trace as JSON; times in Unix milliseconds."""
    status, sentence = verdict(trace)
    spans = [
        {
            "kind": span.kind,
            "name": span.name,
            "begin": span.begin_ns / 1e6,
            "end": span.end_ns / 1e6,
            "depth": span.depth,
            "status": span.status,
            "note": span.note,
            "number": span.number,
        }
        for span in trace.spans
    ]
    return {
        "status": status,
        "verdict": sentence,
        "origin": teller.tell(trace.origin),
        "cause": None if trace.cause is None else teller.tell(trace.cause),
        "spans": spans,
        "faults": {request: tell_fault(fault) for request, fault in faults_of(trace).items()},
        "runs": [teller.tell(run) for run in trace.runs],
        "calls": [teller.tell(call) for call in trace.calls],
        "logs": [teller.tell(line) for line in trace.logs],
    }
