"""Notes what the shells tell, for the ring to keep, and steps aside under load.

Pure: the clock is an argument.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ...foundation.recording import By, Change
from ...functions.outcome import Failed, Outcome, Returned
from ...gateway.rules.effects import Accept, Effect, HttpAnswer, Invoke, Replied, Result, Send
from ...port.header_names import TRACE
from ...port.http import HttpRequest, HttpResponse
from .ring import CALL_BYTES, OVERHEAD_BYTES, PAYLOAD_BYTES, Record, Ring

if TYPE_CHECKING:
    from . import records

CONNECTIONS: Final = 10_000
"""Most open connections whose opening is remembered."""
UNANSWERED: Final = 10_000
"""Messages whose functions may still answer that are remembered."""
_ANSWERED_NS: Final = 6
_RESULT: Final = 7
_REPLIES: Final = 8
"""Where in what was noted of a message stands what came of it."""
_REPLIED: Final = Replied(b"")
"""That a function returned; what it returned stands in the record of the invocation."""
INVOKED_HERE: Final = 200
"""Invocations of the console that are remembered."""
CLOSED: Final = 200
"""Closed connections that are remembered."""
BUSY_MESSAGES: Final = 200
"""Messages a second from which on nothing is recorded unless somebody looks."""
LOOKING_SECONDS: Final = 30.0
"""How long after its last question a reader counts as looking."""


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
        self.invoked_here: deque[str] = deque(maxlen=INVOKED_HERE)
        """Lambda's ids of the invocations that the console asked for, the latest."""
        self.is_ours = False
        """Whether the next message is the console's own."""
        self._clock = clock
        self._post = post
        self._unanswered: dict[str, Sequence[Any] | records.Message] = {}
        """By the gateway's request id: what was noted of messages that wait for their functions, or their records."""
        ring.make = self._make_first

    def _make_first(self, noted: Sequence[Any]) -> None:
        from .making import Maker  # noqa: PLC0415 - the emulator's start does not pay for it

        self.ring.make = Maker(self.ring, self._unanswered, self.invoked_here).make
        self.ring.make(noted)

    def keep(self, record: Record) -> None:
        """Keep a record, and wake who waits for one."""
        self.ring.note(record.size, "record", record)

    @property
    def unanswered(self) -> int:
        """To how many messages the gateway waits for a function's result."""
        return len(self._unanswered)

    def pause(self) -> None:
        """Nothing is recorded for now: what is not answered yet stays as it is."""
        self._unanswered.clear()

    def clear(self) -> None:
        """Forget the records; open connections stay known."""
        self.ring.clear()
        self._unanswered.clear()

    # what the shells tell

    def opening(
        self, request: HttpRequest, connection_id: str, decision: Accept | HttpAnswer, *, began_ns: int
    ) -> None:
        """See `Recorder.opening`."""
        from . import records  # noqa: PLC0415 - the emulator's start does not pay for it

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
        # For each message once, as three more below: written to be quick, with few objects that stay.
        ring = self.ring
        first = effects[0] if effects else None
        noted: Sequence[Any]
        if type(first) is Invoke:
            # Without the event, which the invocation's record has.
            request_id, others = first.request_id, effects[1:] if len(effects) > 1 else ()
            noted = [
                "message", self._clock(), connection_id, text, others, self.is_ours, 0, None, (),
                first.function, first.timeout_seconds, request_id, first.route_key,
            ]  # fmt: skip
            unanswered = self._unanswered
            unanswered[request_id] = noted
            if len(unanswered) > UNANSWERED:
                del unanswered[next(iter(unanswered))]
        else:
            noted = ("message", self._clock(), connection_id, text, effects, self.is_ours, 0, None, ())
        ring.latest.append(noted)
        ring.room = room = ring.room - OVERHEAD_BYTES - len(text)
        if room <= 0 or ring.waker is not None:
            ring.noted()

    def answered(self, invoke: Invoke, result: Result, effects: Sequence[Effect]) -> None:
        """See `Recorder.answered`."""
        found = self._unanswered.pop(invoke.request_id, None)
        if type(result) is Replied:
            result = _REPLIED
        sent = sum(len(each.text) for each in effects if type(each) is Send)
        if type(found) is list:  # nobody has read of the message yet
            self.ring.room -= sent
            found[_ANSWERED_NS] = self._clock()
            found[_RESULT] = result
            found[_REPLIES] = effects
        elif found is not None:
            self.ring.note(OVERHEAD_BYTES + sent, "answered", self._clock(), found, result, effects)

    def closed(self, connection_id: str, code: int, reason: str, by: By, *, received: int, sent: int) -> None:
        """See `Recorder.closed`."""
        from . import records  # noqa: PLC0415 - imported by the opening

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
        ring = self.ring
        size, outcome = len(payload), _kept(outcome)
        if size > PAYLOAD_BYTES:
            payload = payload[:PAYLOAD_BYTES]
        ring.latest.append(
            (
                "run",
                self._clock(),
                function,
                payload,
                size,
                outcome,
                number,
                trace,
                waited_ms,
                duration_ms,
                init_ms,
                memory_mb,
            )
        )
        ring.room = room = ring.room - OVERHEAD_BYTES - len(payload) - len(getattr(outcome, "payload", b""))
        if room <= 0 or ring.waker is not None:
            ring.noted()

    def call(self, request: HttpRequest, response: HttpResponse, function: str | None, began_ns: int) -> None:
        """See `Recorder.call`."""
        ring = self.ring
        target, body, answer, status = request.target, request.body, response.body, response.status
        size, answer_size = len(body), len(answer)
        # Cut here and not when somebody reads: what is uploaded would put everything else out of the ring.
        if size > CALL_BYTES:
            body = body[:CALL_BYTES]
        if answer_size > CALL_BYTES:
            answer = answer[:CALL_BYTES]
        if status < 400 and "connections/" in target:
            # A frame to a client, as most calls are: of its headers only that which says what it belongs to.
            said: Any = request.fields.get(TRACE)
            headers: tuple[tuple[str, str], ...] = ()
        else:
            said, headers = request.fields, response.headers
        ring.latest.append(
            (
                "call",
                began_ns,
                request.method,
                target,
                said,
                body,
                size,
                status,
                answer,
                answer_size,
                headers,
                function,
                self._clock(),
            )
        )
        ring.room = room = ring.room - OVERHEAD_BYTES - len(body) - len(answer)
        if room <= 0 or ring.waker is not None:
            ring.noted()

    def environment(self, function: str, number: int, pid: int | None, change: Change, why: str = "") -> None:
        """See `Recorder.environment`."""
        self.ring.note(OVERHEAD_BYTES, "environment", self._clock(), function, number, pid, change, why)

    def batch(self, mapping: tuple[str, str], numbers: Sequence[str], attempt: int, outcome: Outcome, end: str) -> None:
        """See `Recorder.batch`."""
        self.ring.note(OVERHEAD_BYTES, "batch", self._clock(), mapping, numbers, attempt, _kept(outcome), end)

    def line(self, function: str, request_id: str | None, text: str) -> None:
        """See `Recorder.line`."""
        self._post(self._line, ("line", self._clock(), function, request_id, text))

    def _line(self, noted: tuple[Any, ...]) -> None:
        ring = self.ring
        ring.latest.append(noted)
        ring.room = room = ring.room - OVERHEAD_BYTES - len(noted[-1])
        if room <= 0 or ring.waker is not None:
            ring.noted()

    def note(self, text: str, level: str, fields: Mapping[str, Any]) -> None:
        """The emulator itself has something to say; called from any thread."""
        self._post(self._line, ("note", self._clock(), level, fields, text))


def _kept(outcome: Outcome) -> Outcome:
    """An outcome without what is too much of its payload to be kept."""
    if len(getattr(outcome, "payload", b"")) > PAYLOAD_BYTES and isinstance(outcome, (Returned, Failed)):
        head = outcome.payload[:PAYLOAD_BYTES]
        if isinstance(outcome, Returned):
            return Returned(head, outcome.request_id)
        return Failed(head, outcome.request_id, outcome.error_type)
    return outcome
