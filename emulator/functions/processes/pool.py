"""The execution environments of one function: started on demand, the one used last first, replaced when they end."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, Protocol

from streamer.topology import Function

from ... import log
from ..admission import PATIENCE_SECONDS, STOPPING, Limit, Load, environments_wanted
from ..outcome import Refused
from .environment import Sandbox, State, Surroundings
from .event import Event
from .process import demand_seconds

_CORES: Final = os.cpu_count() or 1
_AT_WORK_SHARE: Final = 0.1
"""Share of a core from which on an environment counts as at work."""


class Crowd(Protocol):
    """All environments of an emulator."""

    def has_space(self) -> bool:
        """Whether there are few."""

    def has_room(self) -> bool:
        """Whether there are few, or one could be spared."""

    def make_room(self) -> None:
        """End one that can be spared, where there are many."""

    def watch(self) -> None:
        """Look after them now and then as long as one is active."""


class Pool:
    """One function's environments and the events that wait for them. Implements `sandbox.Owner`."""

    def __init__(
        self,
        function: Function,
        around: Surroundings,
        *,
        limit: Limit,
        folder: Path,
        run: Callable[[Coroutine[Any, Any, None]], None],
        crowd: Crowd,
    ) -> None:
        self.sandboxes: set[Sandbox] = set()
        self._function = function
        self._around = around
        self._limit = limit
        self._folder = folder
        self._run = run
        self._crowd = crowd
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Event] = deque()
        self._idle: list[Sandbox] = []
        self._moved_at = 0.0
        self._patience: asyncio.TimerHandle | None = None
        self._is_ending = False

    @property
    def is_active(self) -> bool:
        """Whether an event runs or waits, or an environment does not rest yet."""
        return bool(self._waiting) or any(sandbox.has_event or sandbox.is_restless for sandbox in self.sandboxes)

    def watch(self) -> None:
        """Look after the environments, now and then; see `Sandbox.watch`."""
        for sandbox in list(self.sandboxes):
            sandbox.watch()

    def submit(self, event: Event) -> Refused | None:
        """Run an event now or when its turn comes; answers why it is turned away."""
        if self._is_ending:
            return STOPPING
        running = sum(sandbox.has_event for sandbox in self.sandboxes) if self._limit.is_reserved else 0
        refusal = self._limit.refusal(running=running, waiting=len(self._waiting))
        if refusal is not None:
            return refusal
        if self._idle:
            self._idle.pop().deliver(event)
        else:
            self._waiting.append(event)
            self._scale()
        return None

    def retire(self) -> None:
        """Replace every environment: busy ones after their event, the others now."""
        for sandbox in list(self.sandboxes):
            sandbox.is_retired = True
            if not sandbox.has_event:
                sandbox.end()

    def warm(self) -> None:
        """Start an environment before an event needs it, if there is none; on Lambda that happens too.

        [DOC] lambda-docs:lambda-runtime-environment (proactive initialization)
        """
        if not self._is_ending and all(sandbox.is_retired for sandbox in self.sandboxes):
            self._start()

    def retire_idle(self, idle_seconds: float) -> None:
        """End environments that had nothing to do for so long, but for the one used last."""
        now = self._loop.time()
        for sandbox in self._idle[:-1]:
            if now - sandbox.idle_since >= idle_seconds:
                sandbox.end()

    def spare(self, idle_seconds: float) -> Sandbox | None:
        """An environment that had nothing to do for so long and is not the only one: the longest idle, or None."""
        if not self._idle or len(self.sandboxes) == 1:
            return None
        sandbox = self._idle[0]
        return sandbox if self._loop.time() - sandbox.idle_since >= idle_seconds else None

    def end(self) -> None:
        """End every environment; what runs is answered as if it had been killed, what waits is turned away."""
        self._is_ending = True
        for event in self._waiting:
            event.settle(STOPPING)
        self._waiting.clear()
        for sandbox in list(self.sandboxes):
            sandbox.end()
        if self._patience is not None:
            self._patience.cancel()

    # sandbox.Owner

    def freed(self, sandbox: Sandbox) -> None:
        """Give it the event that waits longest, or put it on top of the idle ones."""
        self._moved_at = sandbox.idle_since = self._loop.time()
        self._crowd.watch()
        if self._waiting:
            sandbox.deliver(self._waiting.popleft())
        else:
            self._idle.append(sandbox)

    def ended(self, sandbox: Sandbox, undelivered: Event | None) -> None:
        """Forget it; its undelivered event is first in line again."""
        self.sandboxes.discard(sandbox)
        if sandbox in self._idle:
            self._idle.remove(sandbox)
        if undelivered is not None and self._is_ending:
            undelivered.settle(STOPPING)
        elif undelivered is not None:
            self._waiting.appendleft(undelivered)
        self._scale()

    def init_failed(self, sandbox: Sandbox, payload: bytes | None, error_type: str) -> None:
        """Answer all that wait: on AWS each would have had an environment that failed like this one."""
        waiting, self._waiting = self._waiting, deque()
        for event in waiting:
            sandbox.fail_init(event, payload, error_type)

    def init_timed_out(self, sandbox: Sandbox) -> None:
        """Repeat the init inside the invocation of the event that waits longest (H20)."""
        if self._waiting:
            self._start(self._waiting.popleft())

    # Starting environments

    def _scale(self, busy_share: float = 1.0, at_work: int = 1) -> None:
        """Start environments if they are wanted, and look again in a while.

        Who keeps the CPU busy shows only over time, so at first that is taken to be the reason to wait.
        """
        if not self._waiting or self._is_ending:
            return
        now = self._loop.time()
        waited_seconds = now - self._waiting[0].waiting_since
        serving = [sandbox for sandbox in self.sandboxes if not sandbox.is_retired]
        load = Load(
            environments=len(serving),
            starting=sum(sandbox.state is State.STARTING for sandbox in serving),
            at_work=at_work,
            limit=self._limit.running,
            waiting=len(self._waiting),
            waited_seconds=waited_seconds,
            still_seconds=min(waited_seconds, now - self._moved_at),
            busy_share=busy_share,
            cores=_CORES,
            has_space=self._crowd.has_space(),
            has_room=self._crowd.has_room(),
        )
        for _ in range(environments_wanted(load)):
            self._start()
        if self._patience is None and len(serving) < self._limit.running:
            before = {sandbox: sandbox.demand_seconds() for sandbox in serving}
            begin = time.perf_counter(), demand_seconds(), before
            self._patience = self._loop.call_later(PATIENCE_SECONDS, self._patience_over, *begin)

    def _patience_over(self, begin: float, own_before: float, before: dict[Sandbox, float]) -> None:
        self._patience = None
        elapsed = time.perf_counter() - begin
        busy_share = (demand_seconds() - own_before) / elapsed
        used = [sandbox.demand_seconds() - seconds for sandbox, seconds in before.items()]
        self._scale(busy_share, sum(seconds / elapsed >= _AT_WORK_SHARE for seconds in used))

    def _start(self, bound: Event | None = None) -> None:
        self._crowd.make_room()
        used = {sandbox.slot for sandbox in self.sandboxes}
        slot = next(number for number in itertools.count() if number not in used)
        folder = self._folder / str(slot)
        sandbox = Sandbox(self._function, self._around, self, slot=slot, folder=folder, bound=bound)
        self.sandboxes.add(sandbox)
        self._moved_at = self._loop.time()
        self._run(self._launch(sandbox, folder, bound))

    async def _launch(self, sandbox: Sandbox, folder: Path, bound: Event | None) -> None:
        try:
            _make(folder)
            await sandbox.start()
        except OSError as error:
            log.error("a function's environment cannot be started", error=error, function=self._function.name)
            refusal = Refused(500, "ServiceException", f"the environment cannot be started: {error}")
            for event in [bound] if bound is not None else self._waiting:
                event.settle(refusal)
            if bound is None:
                self._waiting.clear()
            sandbox.end()


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
