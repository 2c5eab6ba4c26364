"""Functions in threads of the emulator's process: quick to start, and a debugger can stop in them.

AWS's own runtime client decides how events, results and errors are marshalled (H1-H5, H16-H17). What one process
cannot do like Lambda is listed in ``docs/lambda.md``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from msgspec import Struct

from streamer.topology import Function, Topology

from ...foundation import log
from ...foundation.recording import Recording
from ...foundation.timer import Timer
from .. import platform_log, variables
from ..admission import STOPPING, Limit, bytes_held, missing
from ..held import DAY_SECONDS, Held
from ..limits import RESPONSE_BYTES
from ..logs import LogSink
from ..outcome import EnvironmentNow, Failed, Outcome, Refused, Returned
from ..own_lines import own_lines
from ..runtimes import identity
from ..streaming import ResponseStream
from ..turns import InTurn
from .awslambdaric_client import EventRunner, Handler, InitError, log_init_error
from .modules import UserModules
from .scope import Scope, Seen
from .workers import AbandonedError, Worker, Workers

CONCURRENCY: Final = 32
"""Threads per function. A thread costs little, so this is the width of a burst of sleeping handlers, not of the CPU."""


class InlineFunctions:
    """The functions of a topology, run in this process. An async context manager; one at a time in a process."""

    def __init__(
        self,
        topology: Topology,
        *,
        endpoints: variables.Endpoints,
        project_folder: Path,
        log_sink: LogSink,
        concurrency: int | None = None,
        recording: Recording | None = None,
        is_debugged: bool = False,
    ) -> None:
        self._is_debugged = is_debugged
        self._recording = recording or Recording()
        self._randomness = random.Random()  # noqa: S311 - names for people, nothing depends on them
        self._endpoints = endpoints
        self._sink = log_sink
        self._modules = UserModules(topology.functions, project_folder)
        self._workers = Workers()
        self._events: set[_Invocation] = set()
        self._is_ending = False
        self._limit = CONCURRENCY if concurrency is None else concurrency
        self._project_folder = project_folder
        self._functions = {function.name: self._described(function) for function in topology.functions}
        self._versions: dict[str, _InlineFunction] = {}
        """Published versions that were invoked, by function, colon and version."""
        shared = _shared([function.variables for function in self._functions.values()])
        self._scope = Scope({**shared, **variables.credentials(endpoints.owner)}, endpoints.owner)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._scope.open()
        self._modules.open()
        self._runner = EventRunner()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_ending = True
        for event in self._events:  # those of functions that were replaced, too
            event.target.waiting.clear()
        killed = platform_log.exit_reason("SIGKILL")
        for event in list(self._events):
            event.give_up()
            self._settle(event, Failed(platform_log.exit_payload(event.request_id, killed), event.request_id))
        self._workers.stop()
        self._modules.close()
        self._scope.close()

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
        """Run a function once; see `Functions.invoke`. No ``stream`` begins: AWS's client for Python knows none."""
        outcome = Held(loop=self._loop)
        outcome.is_held = self._is_debugged
        if stream is not None:
            outcome.add_done_callback(lambda _: stream.end())
        target, qualifier = self._functions.get(function), None
        if target is None:
            name, qualifier = variables.name_and_qualifier(function)
            target = self._of_version(name, qualifier)
        if target is None:
            outcome.set_result(missing(variables.function_arn(function, self._endpoints)))
            return outcome
        refusal = STOPPING if self._is_ending else self._refusal(target)
        if refusal is not None:
            outcome.set_result(refusal)
            return outcome
        now, request_id = time.perf_counter(), request_id or variables.new_request_id(self._randomness)
        arn = target.arn if qualifier is None else f"{target.arn}:{qualifier}"
        event = _Invocation(
            target, payload, request_id, client_context, outcome, waiting_since=now, started=now, arn=arn
        )
        self._events.add(event)
        if target.running >= target.limit.running:
            target.waiting.append(event, source)
        else:
            self._start(event)
        return outcome

    async def apply(self, topology: Topology) -> None:
        """Go by another description: new, changed and removed functions. What runs or waits ends as it was accepted."""
        before = self._functions
        self._functions = {
            function.name: known
            if (known := before.get(function.name)) is not None and known.function == function
            else self._described(function)
            for function in topology.functions
        }
        self._versions = {}
        self._modules.add(topology.functions)
        await self.reload()

    def _described(self, function: Function, version: str = variables.VERSION) -> _InlineFunction:
        return _InlineFunction(
            function, self._endpoints, self._project_folder, self._limit, self._randomness, version=version
        )

    def _refusal(self, target: _InlineFunction) -> Refused | None:
        those = self._all() if target.limit.is_reserved else [target]
        own = [each for each in those if each.function is target.function]
        return target.limit.refusal(
            running=sum(each.running for each in own),
            waiting=sum(len(each.waiting) for each in own),
            waiting_bytes=target.waiting.size,
        )

    def _all(self) -> list[_InlineFunction]:
        return [*self._functions.values(), *self._versions.values()]

    def _of_version(self, name: str, qualifier: str | None) -> _InlineFunction | None:
        """What runs a version or alias of a function; None: there is no such function."""
        target = self._functions.get(name)
        version = variables.VERSION if target is None else variables.version_of(target.function, qualifier)
        if target is None or version == variables.VERSION:
            return target
        named = f"{name}:{version}"
        found = self._versions[named] = self._versions.get(named) or self._described(target.function, version)
        return found

    async def reload(self) -> None:
        """Forget the project's modules: the next event of each function imports them anew.

        Events that run finish with the code they started with. A module that cannot be imported is answered as on
        Lambda, event by event, until it can be.
        """
        await asyncio.to_thread(self._modules.forget)

    async def retire(self, function: str) -> None:
        """Forget the modules, which all functions share."""
        await self.reload()

    def now(self, function: str) -> list[EnvironmentNow]:
        """The events of a function that run now."""
        now = time.perf_counter()
        return [
            EnvironmentNow(number=event.number, pid=None, state="running", seconds=now - event.started)
            for event in self._events
            if event.target.function.name == function and event.worker is not None
        ]

    def warm(self) -> None:
        """Import what functions sign with, once the loop has time; their own modules are left to their first event."""
        self._loop.call_soon(self._loop.run_in_executor, None, self._scope.sign)

    def _start(self, event: _Invocation) -> None:
        target = event.target
        target.running += 1
        event.worker = self._workers.take()
        event.timer = Timer(target.function.timeout_seconds, lambda: self._timed_out(event))
        event.started = time.perf_counter()
        event.number = target.running
        event.trace = variables.trace_id(time.time(), self._randomness)
        event.worker.call(lambda: self._run(event))

    def _timed_out(self, event: _Invocation) -> None:
        if event.outcome.is_held:
            return
        seconds = event.target.function.timeout_seconds
        event.give_up()
        line = platform_log.timeout_line(datetime.now(UTC), event.request_id, seconds)
        self._sink.write(event.target.function.name, event.request_id, line, platform=True)
        payload = platform_log.timeout_payload(event.request_id, seconds)
        self._settle(event, Failed(payload, event.request_id, platform_log.TIMED_OUT))

    def _finished(self, event: _Invocation, outcome: Outcome) -> None:
        if event not in self._events:
            return  # It was given up before.
        if event.worker is not None:
            self._workers.give_back(event.worker)
        self._settle(event, outcome)

    def _settle(self, event: _Invocation, outcome: Outcome) -> None:
        self._events.discard(event)
        if event.timer is not None:
            event.timer.cancel()
        if (recorder := self._recording.now) is not None:
            recorder.run(
                event.target.function.name,
                event.payload,
                outcome,
                number=event.number,
                trace=event.trace,
                waited_ms=(event.started - event.waiting_since) * 1000,
                duration_ms=event.duration_ms,
                init_ms=event.init_ms,
                memory_mb=None,
            )
        if self._sink.platform_lines:
            self._report(event, outcome)
        if not event.outcome.done():
            event.outcome.set_result(outcome)
        target = event.target
        target.running -= 1
        while target.waiting and target.running < target.limit.running:
            self._start(target.waiting.popleft())

    def _report(self, event: _Invocation, outcome: Outcome) -> None:
        function = event.target.function
        error_type = outcome.error_type if isinstance(outcome, Failed) else None
        is_late = error_type == platform_log.TIMED_OUT
        status = {platform_log.TIMED_OUT: platform_log.TIMEOUT, platform_log.EXIT_ERROR: "error"}.get(error_type or "")
        status = "error" if event.is_init_failed else status
        report = platform_log.Report(
            request_id=event.request_id,
            duration_ms=function.timeout_seconds * 1000 if is_late else event.duration_ms,
            memory_mb=function.memory_mb,
            memory_used_mb=None,
            init_ms=event.init_ms,
            status=status,
            error_type=error_type if status == "error" else None,
        )
        for line in event.target.own_lines.over(datetime.now(UTC), report):
            self._sink.write(function.name, event.request_id, line, platform=True)

    # In the worker's thread

    def _run(self, event: _Invocation) -> None:
        name = event.target.function.name
        seen = Seen(
            environment=event.target.variables,
            trace_id=event.trace,
            request_id=event.request_id,
            write_line=lambda line: self._sink.write(name, event.request_id, line),
            keys=self._endpoints.keys_of(name),
            hold=event.outcome.hold,
        )
        self._scope.enter(seen)
        try:
            outcome = self._outcome(event, seen)
        finally:
            self._scope.leave()
        # The loop is closed only when an event outlived the emulator: nobody waits for it.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._finished, event, outcome)

    def _outcome(self, event: _Invocation, seen: Seen) -> Outcome:
        try:
            handler = self._modules.loaded(event.target.function.handler) or self._load(event)
            self._tell_start(event)
            return self._handle(event, handler, seen)
        except InitError as failure:
            return self._init_failed(event, failure, seen)
        except SystemExit as end:
            return self._exited(event, end.code if isinstance(end.code, int) else int(end.code is not None))
        except AbandonedError:
            raise
        except BaseException as error:  # noqa: BLE001 - no Exception: AWS's client lets it pass, and so ends
            seen.write_line("".join(traceback.format_exception(error)).rstrip())
            return self._exited(event, 1)

    def _init_failed(self, event: _Invocation, failure: InitError, seen: Seen) -> Outcome:
        event.is_init_failed = True
        error_type = failure.error["errorType"]
        log_init_error(failure, seen.write_line, json_logs=seen.json_logs)
        if self._sink.platform_lines:
            line = event.target.own_lines.init_failed(datetime.now(UTC), event.duration_ms, error_type)
            self._sink.write(event.target.function.name, event.request_id, line, platform=True)
        self._tell_start(event)
        return Failed(failure.payload, event.request_id, error_type)

    def _tell_start(self, event: _Invocation) -> None:
        if self._sink.platform_lines:
            line = event.target.own_lines.start(datetime.now(UTC), event.request_id)
            self._sink.write(event.target.function.name, event.request_id, line, platform=True)

    def _load(self, event: _Invocation) -> Handler:
        started = time.perf_counter()
        target = event.target
        if self._sink.platform_lines:
            line = target.own_lines.init_start(datetime.now(UTC))
            self._sink.write(target.function.name, None, line, platform=True)
        handler = self._modules.load(target.function.handler)
        event.init_ms = (time.perf_counter() - started) * 1000
        log.info("cold start", function=target.function.name, init_ms=round(event.init_ms, 1))
        return handler

    def _handle(self, event: _Invocation, handler: Handler, seen: Seen) -> Outcome:
        target = event.target
        seconds = DAY_SECONDS if self._is_debugged else target.function.timeout_seconds
        answer = self._runner.run(
            handler,
            request_id=event.request_id,
            payload=event.payload,
            client_context=event.client_context,
            function_arn=event.arn,
            deadline_ms=int((time.time() + seconds) * 1000),
            log_error=seen.write_line,
            json_logs=seen.json_logs,
        )
        if len(answer.payload) > RESPONSE_BYTES:
            error = platform_log.too_large_payload(RESPONSE_BYTES)
            return Failed(error, event.request_id, "Function.ResponseSizeTooLarge")
        if answer.error_type is not None:
            return Failed(answer.payload, event.request_id, answer.error_type)
        return Returned(answer.payload, event.request_id)

    def _exited(self, event: _Invocation, status: int) -> Outcome:
        reason = platform_log.exit_reason(status & 0xFF)
        line = platform_log.exit_line(event.request_id, reason)
        self._sink.write(event.target.function.name, event.request_id, line, platform=True)
        return Failed(platform_log.exit_payload(event.request_id, reason), event.request_id, platform_log.EXIT_ERROR)


class _InlineFunction:
    """One version of a function, and what it keeps between events."""

    __slots__ = ("arn", "function", "limit", "own_lines", "running", "variables", "version", "waiting")

    def __init__(
        self,
        function: Function,
        endpoints: variables.Endpoints,
        folder: Path,
        limit: int,
        randomness: random.Random,
        *,
        version: str,
    ) -> None:
        self.function = function
        self.version = version
        self.arn = variables.function_arn(function.name, endpoints)
        self.own_lines = own_lines(function, self.arn, version)
        self.limit = Limit.of(function, limit)
        self.running = 0
        self.waiting: InTurn[_Invocation] = InTurn(lambda event: bytes_held(event.payload))
        self.variables = variables.variables(
            function,
            endpoints,
            runtime=identity(function),
            task_root=str(function.code_root or folder),
            log_stream=variables.log_stream_name(datetime.now(UTC), randomness, version),
            version=version,
        )


class _Invocation(Struct, eq=False):
    """One event on its way through a thread."""

    target: _InlineFunction
    payload: bytes
    request_id: str
    client_context: str | None
    outcome: Held
    waiting_since: float
    started: float
    """Before a thread began with it, since when it waits."""
    arn: str
    """What the function is invoked by."""
    worker: Worker | None = None
    timer: Timer | None = None
    number: int = 0
    """Which of the function's threads runs it, by how many did."""
    trace: str = ""
    """The ``X-Amzn-Trace-Id`` that the function sees."""
    init_ms: float | None = None
    is_init_failed: bool = False
    """Whether it is answered with the failure of the init."""

    @property
    def duration_ms(self) -> float:
        """How long the function has worked on it so far, the init left out."""
        return (time.perf_counter() - self.started) * 1000 - (self.init_ms or 0.0)

    def give_up(self) -> None:
        """Write off the thread that runs it."""
        if self.worker is not None:
            self.worker.abandon()
            self.worker = None


def _shared(environments: list[dict[str, str]]) -> Mapping[str, str]:
    """The variables that have the same value in all of them, but for the process's own time zone and folders."""
    first, *others = environments or [{}]
    return {
        name: value
        for name, value in first.items()
        if name not in {"TZ", "PWD", "SHLVL", "LANG", "LC_CTYPE"} and all(other.get(name) == value for other in others)
    }
