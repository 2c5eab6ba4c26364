"""Keeps the latest records within bounds, tells readers what is new since they last asked, and steps aside under load.

Pure: the clock is an argument.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from streamer.records.quick import dataclass

from ..functions.outcome import Failed, Outcome, Returned
from ..gateway.rules.effects import Accept, Effect, HttpAnswer, Invoke, Result
from ..port.http import HttpRequest, HttpResponse
from ..recording import By, Change
from . import records
from .records import CALL_BYTES, OVERHEAD_BYTES, PAYLOAD_BYTES, Invoked, Record

RECORDS: Final = 20_000
"""Most changes of records that are kept."""
BYTES: Final = 32 * 1024 * 1024
"""Most bytes of records that are kept."""
CONNECTIONS: Final = 10_000
"""Most open connections whose opening is remembered."""
UNANSWERED: Final = 10_000
"""Messages whose functions may still answer that are remembered."""
TRACE_HEADER: Final = "x-amzn-trace-id"
CLOSED: Final = 200
"""Closed connections that are remembered."""
BUSY_MESSAGES: Final = 200
"""Messages a second from which on nothing is recorded unless somebody looks."""
LOOKING_SECONDS: Final = 30.0
"""How long after its last question a reader counts as looking."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a reader is told at once, the oldest first."""

    records: tuple[Record, ...]
    next: int
    """What to ask for next."""
    missed: int
    """Changes since the reader's last question that it is not told: gone already, or more than it wants at once."""


class Ring:
    """The latest changes, within bounds. A record that changes comes again, and its older state is told to nobody.

    What happens is noted as it comes, and made into records when somebody reads: what gives way unread costs little.
    """

    def __init__(self, *, most_records: int = RECORDS, most_bytes: int = BYTES) -> None:
        self.waker: Callable[[], None] | None = None
        """Called once when something is new."""
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._last = self._bytes = 0
        self._changes: deque[tuple[Record, int]] = deque()
        """The record, and its size then; the numbers of the changes have no gaps."""
        self._gone = 0
        """Number of the latest change that is not kept any more."""
        self._noted: deque[tuple[Any, ...]] = deque()
        """What is not made into records yet: its size, what makes and adds one, and the arguments of that."""
        self._noted_bytes = 0

    def note(self, *noted: Any) -> None:
        """Keep something for whoever reads: its size in bytes, what makes a record of it, and the arguments of that."""
        # For each event once: written to be quick.
        self._noted.append(noted)
        self._noted_bytes += noted[0]
        is_over = self._bytes + self._noted_bytes > self._most_bytes
        if is_over or len(self._noted) + len(self._changes) > self._most_records:
            self._spill()
        if self.waker is not None:
            waker, self.waker = self.waker, None
            waker()

    def _spill(self) -> None:
        """Let the oldest go: records first, then what nobody has read."""
        while len(self._noted) + len(self._changes) > 1 and (
            self._bytes + self._noted_bytes > self._most_bytes
            or len(self._noted) + len(self._changes) > self._most_records
        ):
            if self._changes:
                self._drop()
            else:
                self._noted_bytes -= self._noted.popleft()[0]
                self._last += 1
                self._gone += 1

    def settle(self) -> None:
        """Make records of all that was noted."""
        while self._noted:
            size, make, *arguments = self._noted.popleft()
            self._noted_bytes -= size
            make(*arguments)

    @property
    def last(self) -> int:
        """Sequence number of the latest change."""
        self.settle()
        return self._last

    @property
    def bytes(self) -> int:
        """What is kept, about."""
        return self._bytes + self._noted_bytes

    def add(self, record: Record) -> None:
        """Keep a new record, or one that was kept before and has changed; the oldest ones give way."""
        self._last = sequence = self._last + 1
        if not record.number:
            record.number = sequence
        record.sequence = sequence
        size = record.size
        changes = self._changes
        changes.append((record, size))
        self._bytes += size
        while len(changes) > 1 and (len(changes) > self._most_records or self._bytes > self._most_bytes):
            self._drop()

    def _drop(self) -> None:
        self._gone += 1
        record, size = self._changes.popleft()
        self._bytes -= size
        if record.sequence == self._gone:
            record.sequence = 0

    @property
    def _first(self) -> int:
        return self._gone + 1

    def __iter__(self) -> Iterator[Record]:
        """Every record that is kept, by its last change, the oldest first."""
        self.settle()
        for sequence, (record, _size) in enumerate(self._changes, self._first):
            if record.sequence == sequence:
                yield record

    def __len__(self) -> int:
        self.settle()
        return len(self._changes)

    def find(self, number: int) -> Record | None:
        """The record of that number; None: it is not kept any more."""
        return next((record for record in self if record.number == number), None)

    def read(self, after: int, *, limit: int, wanted: Callable[[Record], bool] | None = None) -> Page:
        """What changed after that number, the newest if there is more than ``limit``.

        A reader that is told of nothing more than this ring ever knew begins anew.
        """
        after = after if after <= self.last else 0
        missed = max(0, self._first - 1 - after)
        found: list[Record] = []
        for sequence, (record, _size) in zip(range(self.last, after, -1), reversed(self._changes), strict=False):
            if record.sequence != sequence or (wanted is not None and not wanted(record)):
                continue
            if len(found) < limit:
                found.append(record)
            else:
                missed += 1
        return Page(tuple(reversed(found)), self.last, missed)

    def clear(self) -> None:
        """Forget everything; the numbers go on."""
        self.settle()
        while self._changes:
            self._drop()


class Gate:
    """Whether to record: while somebody looks, or while messages come at human rates. Asked about once a second."""

    def __init__(self, *, busy_messages: float = BUSY_MESSAGES, looking_seconds: float = LOOKING_SECONDS) -> None:
        self.is_open = True
        self._busy_messages = busy_messages
        self._looking_seconds = looking_seconds
        self._looked_at = float("-inf")
        self._before: tuple[float, int] | None = None
        self._shut_at_messages = 0

    def looked(self, now: float) -> None:
        """A reader asked; ``now`` in seconds of any clock."""
        self._looked_at = now

    def tick(self, now: float, messages: int) -> int | None:
        """Decide anew; ``messages`` is how many there were in all.

        Answers how many messages were not recorded, when it has just opened again; else None.
        """
        then, before = self._before or (now, messages)
        self._before = (now, messages)
        rate = (messages - before) / (now - then) if now > then else 0.0
        opens = now - self._looked_at < self._looking_seconds or rate < self._busy_messages
        if self.is_open and not opens:
            self._shut_at_messages = messages
        reopened = opens and not self.is_open
        self.is_open = opens
        return messages - self._shut_at_messages if reopened else None


class RingRecorder:
    """A `recording.Recorder`: makes records and keeps them."""

    def __init__(
        self, ring: Ring, clock: Callable[[], int], post: Callable[[Callable[[Any], None], Any], None]
    ) -> None:
        """``clock`` answers Unix nanoseconds; ``post`` calls a function in the event loop's thread, from any."""
        self.ring = ring
        self.connections: OrderedDict[str, records.Opening] = OrderedDict()
        """By id: the openings of connections that are open now, as far as they are known."""
        self.closed_ones: deque[tuple[records.Opening | None, records.Closed]] = deque(maxlen=CLOSED)
        """Connections that were closed."""
        self.ended_here: set[str] = set()
        """Ids of connections that the console closes now."""
        self.is_ours = False
        """Whether the next message is the console's own."""
        self._clock = clock
        self._post = post
        self._unanswered: dict[str, records.Message] = {}

    def keep(self, record: Record) -> None:
        """Keep a record, and wake who waits for one."""
        self.ring.note(record.size, self.ring.add, record)

    @property
    def unanswered(self) -> int:
        """To how many messages the gateway waits for a function's result."""
        self.ring.settle()
        return len(self._unanswered)

    def pause(self) -> None:
        """Nothing is recorded for now: what is not answered yet stays as it is."""
        self.ring.note(0, self._unanswered.clear)

    def clear(self) -> None:
        """Forget the records; open connections stay known."""
        self.ring.clear()
        self._unanswered.clear()

    # what the shells tell

    def opening(
        self, request: HttpRequest, connection_id: str, decision: Accept | HttpAnswer, *, began_ns: int
    ) -> None:
        """See `Recorder.opening`."""
        record = records.Opening(
            at_ns=began_ns, connection=connection_id, request=request, decision=decision, decided_ns=self._clock()
        )
        if isinstance(decision, Accept):
            self.connections[connection_id] = record
            while len(self.connections) > CONNECTIONS:
                self.connections.popitem(last=False)
        self.keep(record)

    def message(self, connection_id: str, text: str, effects: Sequence[Effect]) -> None:
        """See `Recorder.message`."""
        size = OVERHEAD_BYTES + len(text)
        first = effects[0] if effects else None
        if type(first) is not Invoke:
            self.ring.note(size, self._message, self._clock(), connection_id, text, effects, self.is_ours)
            return
        # Without the event, which the invocation's record has: of what recording costs, most is what is held.
        invoked = (first.function, first.timeout_seconds, first.request_id, first.route_key)
        others = effects[1:] if len(effects) > 1 else ()
        self.ring.note(size, self._message, self._clock(), connection_id, text, others, self.is_ours, *invoked)

    def _message(
        self, at_ns: int, connection_id: str, text: str, effects: Sequence[Effect], is_ours: bool, *invoked: Any
    ) -> None:
        invoke = Invoked(*invoked) if invoked else None
        record = records.Message(
            at_ns=at_ns, connection=connection_id, text=text, effects=effects, invoke=invoke, is_ours=is_ours
        )
        if invoke is not None:
            self._unanswered[invoke.request_id] = record
            if len(self._unanswered) > UNANSWERED:
                del self._unanswered[next(iter(self._unanswered))]
        self.ring.add(record)

    def answered(self, invoke: Invoke, result: Result, effects: Sequence[Effect]) -> None:
        """See `Recorder.answered`."""
        self.ring.note(OVERHEAD_BYTES, self._answered, self._clock(), invoke.request_id, result, effects)

    def _answered(self, at_ns: int, request_id: str, result: Result, effects: Sequence[Effect]) -> None:
        record = self._unanswered.pop(request_id, None)
        if record is not None:
            record.answered_ns = at_ns
            record.result, record.replies = result, effects
            self.ring.add(record)

    def closed(self, connection_id: str, code: int, reason: str, by: By, *, received: int, sent: int) -> None:
        """See `Recorder.closed`."""
        opening = self.connections.pop(connection_id, None)
        record = records.Closed(
            at_ns=self._clock(),
            connection=connection_id,
            code=code,
            reason=reason,
            by=by,
            opened_ns=0 if opening is None else opening.decided_ns,
            received=received,
            sent=sent,
            is_ours=connection_id in self.ended_here,
        )
        self.ended_here.discard(connection_id)
        self.closed_ones.append((opening, record))
        self.keep(record)

    def run(
        self,
        function: str,
        payload: bytes,
        outcome: Outcome,
        *,
        number: int,
        trace: str,
        waited_ms: float,
        duration_ms: float,
        init_ms: float | None,
        memory_mb: int | None,
    ) -> None:
        """See `Recorder.run`."""
        about = (number, trace, waited_ms, duration_ms, init_ms, memory_mb)
        size = OVERHEAD_BYTES + len(payload)
        self.ring.note(size, self._run, self._clock(), function, payload, outcome, about)

    def _run(self, at_ns: int, function: str, payload: bytes, outcome: Outcome, about: tuple[Any, ...]) -> None:
        number, trace, waited_ms, duration_ms, init_ms, memory_mb = about
        self.ring.add(
            records.Run(
                at_ns=at_ns,
                function=function,
                payload=_head(payload, PAYLOAD_BYTES),
                payload_bytes=len(payload),
                outcome=_kept(outcome),
                environment=number,
                trace=trace,
                waited_ms=waited_ms,
                duration_ms=duration_ms,
                init_ms=init_ms,
                memory_mb=memory_mb,
            )
        )

    def call(self, request: HttpRequest, response: HttpResponse, function: str | None, *, began_ns: int) -> None:
        """See `Recorder.call`."""
        target, body, answer, status = request.target, request.body, response.body, response.status
        size = OVERHEAD_BYTES + len(body) + len(answer)
        if status < 400 and "connections/" in target:
            # A frame to a client, as most calls are: of its headers only that which says what it belongs to.
            said: Any = request.fields.get(TRACE_HEADER)
            headers: tuple[tuple[str, str], ...] = ()
        else:
            said, headers = request.fields, response.headers
        noted = (request.method, target, said, body, status, answer, headers)
        self.ring.note(size, self._call, began_ns, noted, function, self._clock())

    def _call(self, began_ns: int, noted: tuple[Any, ...], function: str | None, answered_ns: int) -> None:
        method, target, said, body, status, answer, headers = noted
        fields = {TRACE_HEADER: said} if isinstance(said, str) else said or {}
        self.ring.add(
            records.Call(
                at_ns=began_ns,
                method=method,
                target=target,
                fields=fields,
                body=_head(body, CALL_BYTES),
                body_bytes=len(body),
                status=status,
                answer=_head(answer, CALL_BYTES),
                answer_bytes=len(answer),
                answer_headers=headers,
                function=function,
                answered_ns=answered_ns,
            )
        )

    def environment(self, function: str, number: int, pid: int | None, change: Change, why: str = "") -> None:
        """See `Recorder.environment`."""
        self.keep(
            records.Environment(
                at_ns=self._clock(), function=function, environment=number, pid=pid, change=change, why=why
            )
        )

    def batch(self, mapping: tuple[str, str], numbers: Sequence[str], attempt: int, outcome: Outcome, end: str) -> None:
        """See `Recorder.batch`."""
        self.keep(
            records.Batch(
                at_ns=self._clock(),
                function=mapping[0],
                source=mapping[1],
                records=numbers,
                attempt=attempt,
                outcome=_kept(outcome),
                end=end,
            )
        )

    def line(self, function: str, request_id: str | None, text: str) -> None:
        """See `Recorder.line`."""
        self._post(self._line, (512 + len(text), self._logged, self._clock(), function, request_id, text))

    def _line(self, noted: tuple[Any, ...]) -> None:
        self.ring.note(*noted)

    def _logged(self, at_ns: int, function: str, request_id: str | None, text: str) -> None:
        self.ring.add(records.Log(at_ns=at_ns, function=function, request_id=request_id, text=text[:PAYLOAD_BYTES]))


def _head(payload: bytes, most: int) -> bytes:
    return payload if len(payload) <= most else bytes(payload[:most])


def _kept(outcome: Outcome) -> Outcome:
    if len(getattr(outcome, "payload", b"")) > PAYLOAD_BYTES and isinstance(outcome, (Returned, Failed)):
        head = _head(outcome.payload, PAYLOAD_BYTES)
        if isinstance(outcome, Returned):
            return Returned(head, outcome.request_id)
        return Failed(head, outcome.request_id, outcome.error_type)
    return outcome
