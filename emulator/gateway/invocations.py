"""The functions that the gateway's rules want run: invoked, waited for up to the integration's timeout, and told of."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Mapping
from typing import Final

from ..foundation import log
from ..foundation.json_bytes import json_bytes
from ..foundation.notes import Notes
from ..foundation.timer import Timer
from ..functions.outcome import Failed, Functions, Outcome, Refused, Returned, why_not_done
from .rules.effects import UNREACHABLE, Invoke, NotInvoked, Raised, Replied, Result, TimedOut

_OF_CONNECTIONS: Final = ("$connect", "$disconnect")


class Invocations:
    """Performs `Invoke` effects, and owns every wait for a function's answer."""

    def __init__(
        self, functions: Functions, notes: Notes | None = None, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """What functions did is kept with the ``notes`` before anybody hears of it.

        The ``clock``, in seconds, says how long they took; the event loop's own may know whole milliseconds only.
        """
        self._functions = functions
        self._clock = clock
        self._settle = (notes or Notes()).settle
        self._running: set[asyncio.Future[Outcome]] = set()
        """What the functions that run will answer."""
        self._is_over = False
        """Whether answers are ignored from now on."""

    @property
    def running(self) -> int:
        """How many functions have not answered."""
        return len(self._running)

    def start(
        self,
        invoke: Invoke,
        then: Callable[[Result], None],
        *,
        source: str | None = None,
        run: Callable[[str, bytes], asyncio.Future[Outcome]] | None = None,
    ) -> None:
        """Run a function, and go on with its result in a later turn of the event loop.

        ``source`` is the connection whose event it is; those of connections that send much wait for those of others.
        ``run`` runs the function, None: as `Functions.invoke` does.

        Without a task, which would cost as much as the rules do: it is on the way of every message.
        """
        payload = json_bytes(invoke.event)
        if run is None:
            outcome = self._functions.invoke(invoke.function, payload, source=source)
        else:
            outcome = run(invoke.function, payload)
        began = self._clock()
        timer = Timer(invoke.timeout_seconds, outcome.cancel)
        self._running.add(outcome)
        outcome.add_done_callback(functools.partial(self._answered, invoke, then, timer, began))

    def _answered(
        self,
        invoke: Invoke,
        then: Callable[[Result], None],
        timer: Timer,
        began: float,
        outcome: asyncio.Future[Outcome],
    ) -> None:
        timer.cancel()
        self._running.discard(outcome)
        if self._is_over:
            return
        self._settle()
        if outcome.cancelled():
            log.warning(
                f"no answer within {invoke.timeout_seconds:g} s; the function goes on",
                function=invoke.function,
                route=invoke.route_key,
            )
        failure = None if outcome.cancelled() else outcome.exception()
        if failure is not None:  # whoever waits for an answer gets one all the same
            log.error("the gateway failed", error=failure, function=invoke.function, route=invoke.route_key)
        elif log.tells_messages():
            self._tell(invoke, outcome, self._clock() - began)
        try:
            then(NotInvoked("the gateway failed") if failure is not None else _happened(outcome))
        except Exception as error:  # noqa: BLE001 - top of what a function's answer leads to
            log.error("the gateway failed", error=error, function=invoke.function, route=invoke.route_key)

    def _tell(self, invoke: Invoke, outcome: asyncio.Future[Outcome], seconds: float) -> None:
        """Tell how a message went; of connections that go well, others tell."""
        said, reason = _told(outcome)
        if said == "ok" and invoke.route_key in _OF_CONNECTIONS:
            return
        context = invoke.event.get("requestContext", {})
        authorizer = context.get("authorizer")
        log.message(
            "ran",
            route=invoke.route_key,
            function=invoke.function,
            outcome=said,
            reason=reason,
            latency_ms=round(seconds * 1000, 3),
            connection_id=context.get("connectionId"),
            principal=authorizer.get("principalId") if isinstance(authorizer, Mapping) else None,
        )

    async def finish(self, *, timeout_seconds: float) -> None:
        """Wait until every function has answered, and those that their answers lead to; after the time, give up."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while self._running:  # what was running may lead to more: a `$connect` to its `$disconnect`
                    await asyncio.wait(self._running)
        except TimeoutError:
            log.warning("stopped before every function had answered", functions=len(self._running))
            self._is_over = True
            for outcome in list(self._running):
                outcome.cancel()


def _told(outcome: asyncio.Future[Outcome]) -> tuple[str, str | None]:
    """How it went, in a word, and why."""
    if outcome.cancelled():
        return "no answer", None
    result = outcome.result()
    word = {Returned: "ok", Refused: "refused", Failed: "failed"}[type(result)]
    return word, why_not_done(result)


def _happened(outcome: asyncio.Future[Outcome]) -> Result:
    return TimedOut() if outcome.cancelled() else _result(outcome.result())


def _result(outcome: Outcome) -> Result:
    if isinstance(outcome, Returned):
        return Replied(outcome.payload)
    if isinstance(outcome, Failed):
        return Raised(outcome.payload, outcome.error_type == UNREACHABLE)
    return NotInvoked(f"{outcome.error_type}: {outcome.message}")
