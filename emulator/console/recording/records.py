"""What is recorded: one object for a message, a call, an invocation, with references to what exists anyway. Pure.

Nothing is formatted, parsed or copied here; `telling` does that for the few records that somebody looks at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ...foundation.recording import By, Change
from ...functions.outcome import Outcome
from ...gateway.rules.effects import Accept, Effect, HttpAnswer, Result, Send
from ...port.http import HttpRequest
from .masking import Who
from .ring import OVERHEAD_BYTES, Record


@dataclass(slots=True, eq=False)
class Invoked:
    """A function's call for a message; its event stands in the record of the invocation."""

    function: str
    timeout_seconds: float
    request_id: str
    """The gateway's."""
    route_key: str


@dataclass(slots=True, eq=False, kw_only=True)
class Opening(Record):
    """An upgrade was decided; ``at_ns`` is when the client asked."""

    kind = "opening"

    connection: str
    request: HttpRequest
    decision: Accept | HttpAnswer
    decided_ns: int
    who: Who | None = None
    """Whose token it was, in a recording that was read; None: the request has the token."""


@dataclass(slots=True, eq=False, kw_only=True)
class Message(Record):
    """A client's text was taken; completed when its function has answered."""

    kind = "message"

    connection: str
    text: str
    effects: Sequence[Effect]
    """What the gateway's rules made of it, besides the function's call."""
    invoke: Invoked | None
    """The function's call; None: no function ran."""
    is_ours: bool = False
    """Whether the console sent it, not the client."""
    answered_ns: int = 0
    """0: not yet."""
    result: Result | None = None
    replies: Sequence[Effect] = ()
    """What followed from the result for the client."""

    @property
    def size(self) -> int:
        """With its text, and with what the gateway sent back."""
        sent = sum(len(each.text) for each in self.replies if isinstance(each, Send))
        return OVERHEAD_BYTES + len(self.text) + sent


@dataclass(slots=True, eq=False, kw_only=True)
class Run(Record):
    """An invocation; ``at_ns`` is when it was over."""

    kind = "run"

    function: str
    payload: bytes
    payload_bytes: int
    outcome: Outcome
    environment: int
    trace: str
    waited_ms: float
    duration_ms: float
    init_ms: float | None
    memory_mb: int | None
    is_ours: bool = False
    """Whether the console asked for it."""
    came_from: Mapping[str, Any] | None = None
    """What its event tells of that, see `meaning.source_of`; None: nobody has asked yet."""

    @property
    def size(self) -> int:
        """With event and result."""
        return OVERHEAD_BYTES + len(self.payload) + len(getattr(self.outcome, "payload", b""))


@dataclass(slots=True, eq=False, kw_only=True)
class Call(Record):
    """A call of one of AWS's APIs; ``at_ns`` is when it came."""

    kind = "call"

    method: str
    target: str
    """Path and query."""
    fields: Mapping[str, str]
    """Headers of the request that say what it is for, lower-case."""
    body: bytes
    body_bytes: int
    status: int
    answer: bytes
    answer_bytes: int
    answer_headers: tuple[tuple[str, str], ...]
    function: str | None
    """Who called; None: not a function, or not known."""
    answered_ns: int

    @property
    def size(self) -> int:
        """With both bodies."""
        return OVERHEAD_BYTES + len(self.body) + len(self.answer)


@dataclass(slots=True, eq=False, kw_only=True)
class Closed(Record):
    """A connection is over."""

    kind = "closed"

    connection: str
    code: int
    reason: str
    by: By
    opened_ns: int
    """0: its opening is not known."""
    received: int = 0
    """Messages of the client."""
    sent: int = 0
    """Messages to the client."""
    is_ours: bool = False
    """Whether it was closed, or cut, from the console."""


@dataclass(slots=True, eq=False, kw_only=True)
class Log(Record):
    """A line of a function."""

    kind = "log"

    function: str
    request_id: str | None
    text: str

    @property
    def size(self) -> int:
        """With its text."""
        return 512 + len(self.text)


@dataclass(slots=True, eq=False, kw_only=True)
class Environment(Record):
    """What became of an execution environment."""

    kind = "environment"

    function: str
    environment: int
    pid: int | None
    change: Change
    why: str = ""


@dataclass(slots=True, eq=False, kw_only=True)
class Batch(Record):
    """What became of a batch of an event source mapping."""

    kind = "batch"

    function: str
    source: str
    """The table or the queue."""
    records: Sequence[str]
    attempt: int
    outcome: Outcome
    end: str
    """Why the records are given up; empty: they are not."""


@dataclass(slots=True, eq=False, kw_only=True)
class Note(Record):
    """Something that the emulator itself had to say."""

    kind = "note"

    text: str
    level: str = "info"
    fields: Mapping[str, Any] = field(default_factory=dict)


KINDS: Final = tuple(each.kind for each in (Opening, Message, Run, Call, Closed, Log, Environment, Batch, Note))
