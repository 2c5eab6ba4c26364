"""Functions in processes: each environment runs AWS's own runtime client, as on Lambda."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from streamer.topology import CONNECT, DISCONNECT, Function, Topology

from ...foundation import log
from ...foundation.recording import Recording
from ...foundation.tasks import end
from ..admission import Limit, missing
from ..held import Held
from ..limits import INIT_SECONDS
from ..logs import LogSink
from ..outcome import EnvironmentNow, Outcome
from ..streaming import ResponseStream
from ..variables import VERSION, Endpoints, function_arn, invoked, name_and_qualifier, new_request_id, version_of
from .callers import callers
from .descendants import descendants
from .environment import ExecutionEnvironment
from .invocation import WaitingInvocation
from .kept import KeptTemplate
from .launching import Launched, ahead_for
from .means import Means
from .meter import meter
from .pool import CORES, Pool
from .surroundings import Surroundings
from .template import Template

CONCURRENCY: Final = 10
"""Environments per function: sleeping handlers need them, while a quick function gets by with two per core."""
IDLE_SECONDS: Final = 60.0
"""How long an environment beyond a function's first is kept without an event."""
MANY_ENVIRONMENTS: Final = 2 * CORES + 1
"""With so many environments that have something to do, no function gets another only to be faster; with so many in all,
those give way that rest and that nobody would miss."""
_SPARE_SECONDS: Final = 0.5
_CALM_SECONDS: Final = 0.05
"""How long no event has run before further functions are warmed: the first client comes at such a time, and waits."""
_WATCH_SECONDS: Final = 0.02
"""How often environments are looked after."""
_SWEEP_SECONDS: Final = 5.0


def by_need(topology: Topology) -> list[str]:
    """The functions, by the names by which they are invoked, in the order in which a first client comes to them.

    ``$disconnect``'s is the last. What no part of the topology invokes, such as a topic's subscriber, goes by an alias
    where it has one, as in events of SAM's ``AutoPublishAlias``. Pure.
    """
    early: list[str] = []
    late: list[str] = []
    for api in topology.all_apis():
        early += [authorizer.function for authorizer in api.authorizers]
        functions = {route.route_key: route.function for route in api.routes if route.function}
        late += [function for key, function in functions.items() if key == DISCONNECT]
        early += [functions.get(CONNECT, ""), *(each for key, each in functions.items() if key != DISCONNECT)]
    named: dict[str, list[str]] = {function.name: [] for function in topology.functions}
    for each in invoked(topology):
        named.setdefault(name_and_qualifier(each)[0], []).append(each)
    known = {function.name: function.qualifiers for function in topology.functions}
    for name, names in named.items():
        aliases = [alias for alias, version in known.get(name, {}).items() if alias != version]
        names[:] = names or [f"{name}:{aliases[0]}" if aliases else name]
    others = [each for names in named.values() for each in names if each not in late]
    return [each for each in dict.fromkeys([*early, *others, *late]) if name_and_qualifier(each)[0] in known]


class ProcessFunctions:
    """The functions of a topology, run in processes of their own. An async context manager."""

    def __init__(
        self,
        topology: Topology,
        *,
        endpoints: Endpoints,
        project_folder: Path,
        log_sink: LogSink,
        concurrency: int | None = None,
        means: Means | None = None,
        init_seconds: float = INIT_SECONDS,
        import_ahead: Sequence[str] | None = None,
        recording: Recording | None = None,
        inspected: Mapping[str, int] | None = None,
        launched: Launched | KeptTemplate | None = None,
    ) -> None:
        self._topology = topology
        self._endpoints = endpoints
        means = means or Means.of_this_machine()
        self._descendants = descendants(process_files=means.process_files)
        ahead = ahead_for(topology) if import_ahead is None else import_ahead
        self._template = Template(means, self._descendants, import_ahead=ahead, launched=launched)
        self._around = Surroundings(
            template=self._template,
            endpoints=endpoints,
            sink=log_sink,
            randomness=random.Random(),  # noqa: S311 - names for people, nothing depends on them
            project_folder=project_folder.resolve(),
            means=means,
            meter=meter(process_files=means.process_files),
            descendants=self._descendants,
            callers=callers(process_files=means.process_files),
            init_seconds=init_seconds,
            recording=recording or Recording(),
            inspected=inspected or {},
        )
        self._limit = CONCURRENCY if concurrency is None else concurrency
        self._pools: dict[str, Pool] = {}
        """Those of ``$LATEST``, by function."""
        self._versions: dict[str, Pool] = {}
        """Those of published versions that were invoked, by function, colon and version."""
        self._replaced: list[Pool] = []
        """Pools of functions as they were, until their last event is over."""
        self._to_warm: deque[str] = deque()
        """Functions that are to have an environment before their first event."""
        self._calming: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._is_ending = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._template.__aenter__()
        self._pools = {function.name: self._pool(function) for function in self._topology.functions}
        self._sweep = self._loop.call_later(_SWEEP_SECONDS, self._retire_idle)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._is_ending = True
        self._to_warm.clear()
        for timer in (self._watch, self._sweep, self._calming):
            if timer is not None:
                timer.cancel()
        for pool in (*self._all(), *self._replaced):
            pool.end()
        await end(self._tasks)
        await self._template.__aexit__(*error)

    def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        source: str | None = None,
        stream: ResponseStream | None = None,
    ) -> asyncio.Future[Outcome]:
        """Run a function once; see `Functions.invoke`."""
        outcome: asyncio.Future[Outcome] = self._loop.create_future()
        if self._around.inspected and name_and_qualifier(function)[0] in self._around.inspected:
            outcome = held = Held(loop=self._loop)
            held.hold()
        if stream is not None:
            outcome.add_done_callback(lambda _: stream.end())
        pool, qualifier = self._pool_of(function)
        if pool is None:
            outcome.set_result(missing(function_arn(function, self._endpoints)))
            return outcome
        event = WaitingInvocation(
            payload,
            request_id or new_request_id(self._around.randomness),
            outcome,
            waiting_since=self._loop.time(),
            client_context=client_context,
            source=source,
            stream=stream,
            qualifier=qualifier,
        )
        refusal = pool.submit(event)
        if refusal is not None:
            event.settle(refusal)
        else:
            self.watch()
        return outcome

    async def apply(self, topology: Topology) -> None:
        """Go by another description: new, changed and removed functions. What runs or waits ends as it was accepted."""
        before, known, self._topology = self._pools, self._all(), topology
        self._pools = {}
        for function in topology.functions:
            pool = before.get(function.name)
            is_same = pool is not None and pool.function == function
            self._pools[function.name] = pool if pool is not None and is_same else self._pool(function)
        self._versions = {name: pool for name, pool in self._versions.items() if pool.function in topology.functions}
        kept = self._all()
        self._replaced += [pool for pool in known if pool not in kept]
        for pool in self._replaced:
            pool.retire("the service changed")

    async def reload(self) -> None:
        """Replace the environments: busy ones finish their event first, new ones read the code anew."""
        for pool in self._all():
            pool.retire("the code changed")

    async def retire(self, function: str) -> None:
        """Replace the environments of one function."""
        for pool in self.pools_of(function):
            pool.retire("a cold start is wanted")

    def now(self, function: str) -> list[EnvironmentNow]:
        """What the environments of a function do now, those that end after their event among them."""
        pools = [pool for pool in (*self._all(), *self._replaced) if pool.function.name == function]
        return [environment.now() for pool in pools for environment in pool.environments]

    def warm(self) -> None:
        """Start an environment of each function that has none, so that its first event does not wait for it.

        No more at a time than there are cores, and after the first ones only when no event needs these.
        """
        self._to_warm = deque(by_need(self._topology))
        self._warm_next()

    def _warm_next(self) -> None:
        starting = sum(pool.starting for pool in self._all()) if self._to_warm else 0
        while self._to_warm and starting < CORES:
            pool, _ = self._pool_of(self._to_warm.popleft())
            if pool is not None and pool.warm(is_trial=self.environments() >= MANY_ENVIRONMENTS):
                starting += 1

    def retire_idle(self, idle_seconds: float) -> None:
        """End the environments without an event for so long, but for each function's first."""
        for pool in self._all():
            pool.retire_idle(idle_seconds)

    def environments(self) -> int:
        """How many environments exist now."""
        return sum(len(pool.environments) for pool in self._all())

    def pools_of(self, function: str) -> list[Pool]:
        """Those of a function's versions, which share its reserved concurrency."""
        return [pool for pool in self._all() if pool.function.name == function]

    def _all(self) -> list[Pool]:
        return [*self._pools.values(), *self._versions.values()]

    def _pool_of(self, function: str) -> tuple[Pool | None, str | None]:
        """Whose environments run a function, and the qualifier by which it is named; None: there is no such one."""
        pool = self._pools.get(function)
        if pool is not None:
            return pool, None
        name, qualifier = name_and_qualifier(function)
        pool = self._pools.get(name)
        version = VERSION if pool is None or name in self._around.inspected else version_of(pool.function, qualifier)
        if pool is not None and version != VERSION:
            named = f"{name}:{version}"
            pool = self._versions[named] = self._versions.get(named) or self._pool(pool.function, version)
        return pool, qualifier

    def _pool(self, function: Function, version: str = VERSION) -> Pool:
        pool = Pool(
            function,
            self._around,
            # Of several environments only one could have the debugger's port.
            limit=Limit.of(function, 1 if function.name in self._around.inspected else self._limit),
            folder=self._template.folder / function.name,
            version=version,
            run=self._run,
            siblings=self,
        )
        if self._is_ending:  # a version that was not invoked before
            pool.end()
        return pool

    def _watch_pools(self) -> None:
        active = [pool for pool in (*self._all(), *self._replaced) if pool.is_active]
        self._watch = self._loop.call_later(_WATCH_SECONDS, self._watch_pools) if active else None
        for pool in active:
            pool.watch()

    def _retire_idle(self) -> None:
        self.retire_idle(IDLE_SECONDS)
        for pool in self._replaced:
            pool.retire("the service changed")
        self._replaced = [pool for pool in self._replaced if pool.environments]
        self._sweep = self._loop.call_later(_SWEEP_SECONDS, self._retire_idle)

    # what its pools ask for

    def has_space(self) -> bool:
        """Whether few environments have something to do, or had of late."""
        resting = sum(len(pool.resting(_SPARE_SECONDS)) for pool in self._all())
        return self.environments() - resting < MANY_ENVIRONMENTS

    def make_room(self) -> None:
        """End environments that can be spared, where there are many, for another that is to start."""
        too_many = self.environments() + 1 - MANY_ENVIRONMENTS
        if too_many > 0:
            for environment in self._spare()[:too_many]:
                environment.end("another function needs its room")

    def started(self) -> None:
        """An environment has started, or has ended: there may be a core for the next."""
        if self._to_warm and self._calming is None:
            self._calming = self._loop.call_later(_CALM_SECONDS, self._calmed)

    def _calmed(self) -> None:
        self._calming = None
        if all(pool.calm_seconds() >= _CALM_SECONDS for pool in self._all()):
            self._warm_next()
        else:
            self.started()

    def watch(self) -> None:
        """Look after the environments now and then as long as one is active."""
        if self._watch is None:
            self._watch = self._loop.call_later(_WATCH_SECONDS, self._watch_pools)

    def _spare(self) -> list[ExecutionEnvironment]:
        """What may go: those that never had an event, the last one first; then those that are not the only ones."""
        found = [each for pool in self._all() for each in pool.spare(_SPARE_SECONDS)]
        return sorted(
            found, key=lambda each: (not each.is_unused, -each.idle_since if each.is_unused else each.idle_since)
        )

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an environment could not be started", error=error)
