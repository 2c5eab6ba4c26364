"""The execution environments of one function: started on demand, the one used last first, replaced when they end."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, Protocol

from streamer.topology import Function

from ...foundation import log
from ..admission import AT_ONCE, PATIENCE_SECONDS, STOPPING, Limit, Load, bytes_held, environments_wanted
from ..outcome import Refused
from ..turns import InTurn
from .environment import EnvironmentState, ExecutionEnvironment
from .invocation import WaitingInvocation
from .surroundings import Surroundings

CORES: Final = os.cpu_count() or 1
_AT_WORK_SHARE: Final = 0.1
"""Share of a core from which on an environment counts as at work."""


class Siblings(Protocol):
    """All pools, which share the machine: whom a pool asks and tells what concerns the others."""

    def pools_of(self, function: str) -> list[Pool]:
        """Those of a function's versions."""

    def has_space(self) -> bool:
        """Whether an environment more disturbs nobody."""

    def make_room(self) -> None:
        """One more environment is to start."""

    def started(self) -> None:
        """An environment has started, or has ended."""

    def watch(self) -> None:
        """An environment is active."""


class Pool:
    """The environments of one version of a function, and the invocations that wait for them."""

    def __init__(
        self,
        function: Function,
        around: Surroundings,
        *,
        limit: Limit,
        folder: Path,
        version: str,
        run: Callable[[Coroutine[Any, Any, None]], None],
        siblings: Siblings,
    ) -> None:
        self.environments: set[ExecutionEnvironment] = set()
        self.function = function
        self.version = version
        self._around = around
        self._limit = limit
        self._folder = folder
        self._run = run
        self._siblings = siblings
        self._loop = asyncio.get_running_loop()
        self._waiting = _line()
        self._idle: list[ExecutionEnvironment] = []
        self._moved_at = 0.0
        self._patience: asyncio.TimerHandle | None = None
        self._at_once = AT_ONCE
        """With how many environments an event that finds none idle waits for the next look; see `AT_ONCE`."""
        self._failed_at = -math.inf
        """When an environment could not be started, by the loop's clock; minus infinity: the last one was."""
        self._is_ending = False

    @property
    def is_active(self) -> bool:
        """Whether an event runs or waits, or an environment does not rest yet."""
        return bool(self._waiting) or any(
            environment.has_event or environment.awaits_freezing for environment in self.environments
        )

    @property
    def starting(self) -> int:
        """Environments that are not ready yet."""
        return sum(environment.state is EnvironmentState.STARTING for environment in self.environments)

    def calm_seconds(self) -> float:
        """How long no event has run or waited, and no environment begun or become ready."""
        has_events = bool(self._waiting) or any(environment.has_event for environment in self.environments)
        return 0.0 if has_events else self._loop.time() - self._moved_at

    def watch(self) -> None:
        """Look after the environments, now and then; see `ExecutionEnvironment.watch`."""
        for environment in list(self.environments):
            environment.watch()

    def submit(self, event: WaitingInvocation) -> Refused | None:
        """Run an event now or when its turn comes; answers why it is turned away."""
        if self._is_ending:
            return STOPPING
        waiting = self._waiting
        pools = self._siblings.pools_of(self.function.name) if self._limit.is_reserved else ()
        refusal = self._limit.refusal(
            running=sum(environment.has_event for pool in pools for environment in pool.environments),
            waiting=sum(len(pool._waiting) for pool in pools),  # noqa: SLF001 - its siblings
            waiting_bytes=waiting.size,
        )
        if refusal is not None:
            return refusal
        if self._idle:
            self._idle.pop().deliver(event)
        else:
            self._waiting.append(event, event.source)
            if self._patience is None or len(self.environments) < self._at_once:  # else the next look decides
                self._scale()
        return None

    def retire(self, why: str) -> None:
        """Replace every environment, and say why: busy ones after their event, the others now."""
        for environment in list(self.environments):
            environment.retire(why)

    def warm(self, *, is_trial: bool) -> bool:
        """Start an environment before an event needs it, if there is none; on Lambda that happens too.

        ``is_trial``: there is no room to keep it, but code that does not load is told. Answers whether one was started.
        [DOC] lambda-docs:lambda-runtime-environment (proactive initialization)
        """
        if self._is_ending or any(environment.retired_why is None for environment in self.environments):
            return False
        self._start(is_trial=is_trial)
        return True

    def retire_idle(self, idle_seconds: float) -> None:
        """End environments that had nothing to do for so long, but for the one used last."""
        now = self._loop.time()
        for environment in self._idle[:-1]:
            if now - environment.idle_since >= idle_seconds:
                environment.end("it had nothing to do")

    def resting(self, idle_seconds: float) -> list[ExecutionEnvironment]:
        """Environments that had nothing to do for so long, the longest first."""
        now = self._loop.time()
        return [environment for environment in self._idle if now - environment.idle_since >= idle_seconds]

    def spare(self, idle_seconds: float) -> list[ExecutionEnvironment]:
        """Those of them that can go. One that has had events stays, with what its code keeps for the next."""
        resting = self.resting(idle_seconds)
        others_have_had_events = any(not each.is_unused for each in self.environments.difference(resting))
        used = [environment for environment in resting if not environment.is_unused]
        kept = None if others_have_had_events or not used else used[-1]
        return [environment for environment in resting if environment is not kept]

    def end(self) -> None:
        """End every environment; what runs is answered as if it had been killed, what waits is turned away."""
        self._is_ending = True
        for event in self._waiting:
            event.settle(STOPPING)
        self._waiting.clear()
        for environment in list(self.environments):
            environment.end("the emulator stops")
        if self._patience is not None:
            self._patience.cancel()

    # what its environments tell it

    def freed(self, environment: ExecutionEnvironment) -> None:
        """Give it the event that waits longest, or put it on top of the idle ones."""
        self._moved_at = environment.idle_since = self._loop.time()
        self._siblings.watch()
        self._siblings.started()
        if self._waiting:
            environment.deliver(self._waiting.popleft())
            return
        self._idle.append(environment)
        if environment.is_trial and environment.is_unused:
            environment.end("that it starts was all there was to see")

    def ended(self, environment: ExecutionEnvironment, undelivered: WaitingInvocation | None) -> None:
        """Forget it; its undelivered event is run by another that is idle, or is first in line again."""
        self.environments.discard(environment)
        if environment in self._idle:
            self._idle.remove(environment)
        if undelivered is not None and self._is_ending:
            undelivered.settle(STOPPING)
        elif undelivered is not None and self._idle:
            self._idle.pop().deliver(undelivered)
        elif undelivered is not None:
            self._waiting.put_back(undelivered, undelivered.source)
        self._scale()
        self._siblings.started()

    def failed_again(self, environment: ExecutionEnvironment, payload: bytes | None, error_type: str) -> None:
        """Answer all that wait: on AWS each would have had an environment that failed twice like this one."""
        waiting, self._waiting = self._waiting, _line()
        for event in waiting:
            environment.fail_init(event, payload, error_type)

    def init_failed(self, environment: ExecutionEnvironment) -> None:
        """Repeat the init inside the invocation of the event that waits longest (H20), in the place of this one.

        Before this one ends: its end would start another environment for that event, over the function's limit.
        """
        self.environments.discard(environment)
        if self._waiting:
            self._start(self._waiting.popleft())

    # starting environments

    def _scale(self, busy_share: float = 1.0, at_work: int = 1, looked_seconds: float = 0.0) -> None:
        """Start environments if they are wanted, and look again in a while.

        What keeps the CPU busy can only be measured over time; until then it is assumed to be the functions.
        """
        if not self._waiting or self._is_ending:
            return
        now = self._loop.time()
        waited_seconds = now - next(iter(self._waiting)).waiting_since
        serving = self._serving()
        load = Load(
            environments=len(serving),
            starting=sum(environment.state is EnvironmentState.STARTING for environment in serving),
            at_work=at_work,
            limit=self._limit.running,
            waiting=len(self._waiting),
            waited_seconds=waited_seconds,
            still_seconds=min(waited_seconds, now - self._moved_at),
            looked_seconds=looked_seconds,
            busy_share=busy_share,
            cores=CORES,
            has_space=self._siblings.has_space(),
            failed_seconds=now - self._failed_at,
        )
        # Not for each event where there is no space: room is made by others, and takes a while.
        self._at_once = AT_ONCE if load.has_space else 1
        for _ in range(environments_wanted(load)):
            self._start()
        if self._patience is None and len(serving) < self._limit.running:
            before = {environment: environment.demand_seconds() for environment in serving}
            begin = time.perf_counter(), self._around.meter.own_demand_seconds(), before
            self._patience = self._loop.call_later(PATIENCE_SECONDS, self._patience_over, *begin)

    def _patience_over(self, begin: float, own_before: float, before: dict[ExecutionEnvironment, float]) -> None:
        self._patience = None
        elapsed = time.perf_counter() - begin
        busy_share = (self._around.meter.own_demand_seconds() - own_before) / elapsed
        used = [environment.demand_seconds() - seconds for environment, seconds in before.items()]
        self._scale(busy_share, sum(seconds / elapsed >= _AT_WORK_SHARE for seconds in used), elapsed)

    def _start(self, bound: WaitingInvocation | None = None, *, is_trial: bool = False) -> None:
        if self._waiting or bound is not None:
            self._siblings.make_room()
        pools = self._siblings.pools_of(self.function.name)
        used = {environment.slot for pool in (self, *pools) for environment in pool.environments}
        slot = next(number for number in itertools.count() if number not in used)
        folder = self._folder / str(slot)
        environment = ExecutionEnvironment(
            self.function, self._around, self, slot=slot, folder=folder, bound=bound, is_trial=is_trial
        )
        self.environments.add(environment)
        self._moved_at = self._loop.time()
        self._run(self._launch(environment, folder, bound))

    async def _launch(self, environment: ExecutionEnvironment, folder: Path, bound: WaitingInvocation | None) -> None:
        try:
            _make(folder)
            await environment.start()
            self._failed_at = -math.inf
        except OSError as error:
            self._not_started(environment, bound, error)
            environment.end("it cannot be started", is_killed=True)

    def _not_started(self, environment: ExecutionEnvironment, bound: WaitingInvocation | None, error: OSError) -> None:
        """The events wait for the environments that there are; where there is none, they are answered with the failure.

        The event that such an environment is bound to cannot wait: its time runs already.
        """
        is_told, self._failed_at = math.isfinite(self._failed_at), self._loop.time()
        others = len(self._serving() - {environment})
        if bound is None and others:
            if not is_told:
                text = "no more of a function's environments can be started; its events wait for those that run"
                log.warning(f"{text}: {error}", function=self.function.name, environments=others)
            return
        log.error(f"a function's environment cannot be started: {error}", function=self.function.name)
        refusal = Refused(500, "ServiceException", f"the environment cannot be started: {error}")
        for event in [bound] if bound is not None else self._waiting:
            event.settle(refusal)
        if bound is None:
            self._waiting.clear()

    def _serving(self) -> set[ExecutionEnvironment]:
        """Those that take another event, now or later."""
        return {environment for environment in self.environments if environment.retired_why is None}


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _line() -> InTurn[WaitingInvocation]:
    return InTurn(lambda event: bytes_held(event.payload))
