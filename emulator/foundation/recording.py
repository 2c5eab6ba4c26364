"""What the emulator's shells tell a recorder of, if there is one. They know this protocol, and nothing of who records.

Where nobody records, each of them pays for one look whether `Recording.now` is None.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from ..functions.outcome import Outcome
    from ..gateway.rules.effects import Accept, Effect, HttpAnswer, Invoke, Result
    from ..port.http import HttpRequest, HttpResponse

By = Literal["client", "gateway", "idle", "duration", "network"]
"""Who ended a connection: a close frame of the client's, one of ours, one because it was idle or had lived too long, or
nobody: the TCP connection broke."""
Change = Literal["started", "ready", "frozen", "retired", "killed"]
"""What became of an execution environment: frozen between events until the next one, ended because it is not needed any
more, or ended because of what its function did."""


class Recorder(Protocol):
    """Takes what happened, in the event loop's thread except where it says otherwise. It must be quick, and not raise.

    It keeps references to what it is given, which nobody changes afterwards. Times are Unix nanoseconds.
    """

    def opening(
        self, request: HttpRequest, connection_id: str, decision: Accept | HttpAnswer, *, began_ns: int
    ) -> None:
        """An upgrade was decided."""
        ...

    def message(self, connection_id: str, text: str, effects: Sequence[Effect]) -> None:
        """A client's text was taken; ``effects`` are what the gateway's rules made of it."""
        ...

    def answered(self, invoke: Invoke, result: Result, effects: Sequence[Effect]) -> None:
        """The function of a message is done; ``effects`` are what follows for the client."""
        ...

    def closed(self, connection_id: str, code: int, reason: str, by: By, *, received: int, sent: int) -> None:
        """A connection is over, after so many messages of its client and to it."""
        ...

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
        """An invocation is over.

        Args:
            function: Which one.
            payload: The event.
            outcome: What came of it.
            number: Which of the function's environments ran it.
            trace: The ``X-Amzn-Trace-Id`` that the function saw.
            waited_ms: How long it waited for an environment.
            duration_ms: How long the function worked on it, the init left out.
            init_ms: How long the cold start took; None: a warm one.
            memory_mb: The most that the environment used so far; None: not known.
        """
        ...

    def call(self, request: HttpRequest, response: HttpResponse, function: str | None, began_ns: int) -> None:
        """A call of one of AWS's APIs was answered; ``function`` made it, None: somebody else."""
        ...

    def environment(self, function: str, number: int, pid: int | None, change: Change, why: str = "") -> None:
        """An execution environment changed."""
        ...

    def batch(self, mapping: tuple[str, str], numbers: Sequence[str], attempt: int, outcome: Outcome, end: str) -> None:
        """A batch of an event source mapping came to something.

        ``mapping`` is its function and its table or queue, ``numbers`` are sequence numbers or message ids, and ``end``
        says why records are given up; empty: they are not.
        """
        ...

    def line(self, function: str, request_id: str | None, text: str) -> None:
        """A function wrote a line; called from any thread."""
        ...


class Recording:
    """Where the shells look for the recorder; whoever records puts itself there and goes again."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now: Recorder | None = None
        """None: nothing is recorded, as nearly always when messages come fast."""

    async def later(
        self,
        request: HttpRequest,
        pending: Awaitable[HttpResponse],
        function: Callable[[HttpRequest], str | None],
        began_ns: int,
    ) -> HttpResponse:
        """The answer to a request of one of AWS's APIs, recorded when it comes; ``function`` tells which one calls."""
        answer = await pending
        if (recorder := self.now) is not None:
            recorder.call(request, answer, function(request), began_ns)
        return answer
