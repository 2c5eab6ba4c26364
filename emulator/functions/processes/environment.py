"""One execution environment: a process that runs a function's invocations, one at a time, through the Runtime API."""

from __future__ import annotations

import asyncio
import enum
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from streamer.topology import Function

from ...foundation.recording import Change
from ...foundation.timer import Timer
from .. import platform_log, variables
from ..outcome import EnvironmentNow, Failed, Outcome, Returned
from ..runtimes import launch
from ..streaming import ResponseStream
from .environment_log import EnvironmentLog
from .invocation import WaitingInvocation
from .process import Process
from .runtime_api import RuntimeApi, RuntimeApiConnection
from .surroundings import Surroundings


class EnvironmentState(enum.Enum):
    """The states of an environment."""

    STARTING = enum.auto()
    """Its process starts and initialises the function."""
    IDLE = enum.auto()
    BUSY = enum.auto()
    """It has an event that is not answered."""
    ANSWERED = enum.auto()
    """It has answered and not yet asked for the next event, as runtime clients do at once."""
    ENDED = enum.auto()


class Owner(Protocol):
    """Whom an environment tells what became of it."""

    version: str

    def freed(self, environment: ExecutionEnvironment) -> None:
        """It can be given another event."""

    def ended(self, environment: ExecutionEnvironment, undelivered: WaitingInvocation | None) -> None:
        """It is over, and never began with that event."""

    def init_failed(self, environment: ExecutionEnvironment) -> None:
        """It is about to end, since its code did not load, or took too long."""

    def failed_again(self, environment: ExecutionEnvironment, payload: bytes | None, error_type: str) -> None:
        """The function's code did not load when that was repeated within an invocation either."""


class ExecutionEnvironment:
    """Its states and what moves it between them; what follows for others is its owner's. A `runtime_api.Runtime`."""

    def __init__(
        self,
        function: Function,
        around: Surroundings,
        owner: Owner,
        *,
        slot: int,
        folder: Path,
        bound: WaitingInvocation | None = None,
        is_trial: bool = False,
    ) -> None:
        """``bound``: the event whose invocation repeats an init that failed (H20); ``is_trial``: see below."""
        self.function = function
        self.slot = slot
        self.state = EnvironmentState.STARTING
        self.retired_why: str | None = None
        """Why it ends after its event; None: it does not."""
        self._ready_at = 0.0
        """When its init was over, by the loop's clock."""
        self._around = around
        self._owner = owner
        self._folder = folder
        self._loop = asyncio.get_running_loop()
        self.idle_since = self._loop.time()
        """When it had its last event, or began, by the loop's clock."""
        self._arn = variables.function_arn(function.name, around.endpoints)
        self.is_unused = bound is None
        """Whether it never had an event."""
        self.is_trial = is_trial
        """Whether it only shows that the function starts, and ends then if no event is there for it."""
        self._event = bound
        """What the function works on."""
        self._next: WaitingInvocation | None = None
        """What it gets when its runtime client asks."""
        self._is_streamed = False
        """Whether what it works on, or has answered last, is streamed: then much may run after the answer."""
        self._deadline_ms = 0
        """When its time is over, in Unix milliseconds."""
        self._runtime_api = RuntimeApi(self, around.callers)
        self._waiting: list[RuntimeApiConnection] = []
        """Where the runtime client waits for an event; the first gets it, and no other takes its place."""
        self._timer: Timer | None = None
        searches = None if around.means.subreaper else folder
        self._process = Process(around.meter, around.descendants, searches=searches)
        self._log = EnvironmentLog(function, around.sink, self._process, arn=self._arn, version=owner.version)

    # what its owner asks of it

    @property
    def has_event(self) -> bool:
        """Whether an event is being run, or about to be."""
        return self._event is not None or self._next is not None

    async def start(self) -> None:
        """Start the process; the time of an event that it is bound to runs from now (H20).

        Raises:
            OSError: the system has no room for another process, socket or pipe.
        """
        around, bound = self._around, self._event
        output = self._log.open(within=None if bound is None else bound.request_id)
        if bound is not None:
            self._start_timer()
        channel: int | None = None
        try:
            folder = around.code_folder(self.function)
            how = launch(self.function, code_folder=folder)
            if around.inherits_channel(how):
                channel, port = await self._runtime_api.inherit(may_stream=how.command is not None), 0
            else:
                port = self._runtime_api.listen()
            if self.state is EnvironmentState.ENDED:
                return
            await self._process.start(
                around.template,
                environment=around.variables(
                    self.function, how, folder=self._folder, port=port, version=self._owner.version
                ),
                folder=folder,
                command=around.command(self.function, how),
                import_path=how.import_path,
                output=output,
                channel=channel,
                ended=self._ended,
            )
            if channel is None and self.state is EnvironmentState.STARTING:
                assert self._process.pid is not None
                await self._runtime_api.serve(self._process.pid)
        finally:
            os.close(output)
            if channel is not None:
                os.close(channel)
            if self.state is EnvironmentState.ENDED:  # meanwhile, when there was less to close
                self._close()
        self._tell("started")
        if self.state is EnvironmentState.STARTING and bound is None and not self._is_inspected:
            self._log.restart_init()
            self._timer = Timer(around.init_seconds, self._init_too_long)

    def deliver(self, event: WaitingInvocation) -> None:
        """Run an event, as soon as the runtime client asks for one; its time runs from now."""
        self.state = EnvironmentState.BUSY
        self.is_unused = False
        self._start_timer()
        if self._waiting:
            self._send(event)
        else:
            self._next = event
            self._process.thaw()

    def retire(self, why: str) -> None:
        """End, after its event if it has one."""
        self.retired_why = why
        if not self.has_event:
            self.end(why)

    def end(self, why: str, *, is_killed: bool = False) -> None:
        """End the process and all it started, at once; ``is_killed``: because of what the function did."""
        if self.state is EnvironmentState.ENDED:
            return
        self.state = EnvironmentState.ENDED
        self._tell("killed" if is_killed else "retired", why)
        self._process.kill()
        self._close()
        undelivered, self._next = self._next, None
        event, self._event = self._event, None
        if event is not None:
            payload = platform_log.exit_payload(event.request_id, platform_log.exit_reason("SIGKILL"))
            event.settle(Failed(payload, event.request_id, platform_log.EXIT_ERROR))
        self._owner.ended(self, undelivered)

    def now(self) -> EnvironmentNow:
        """What it does."""
        event = self._event if self._event is not None else self._next
        state: Literal["initializing", "running", "idle", "frozen"] = "frozen" if self._process.is_frozen else "idle"
        since = self.idle_since
        if self.state is EnvironmentState.STARTING:
            state = "initializing"
        elif event is not None:
            state, since = "running", event.started_at
        pid, seconds = self._process.pid, max(0.0, self._loop.time() - since)
        return EnvironmentNow(number=self.slot, pid=pid, state=state, seconds=seconds)

    def demand_seconds(self) -> float:
        """CPU time that the process has used or waited for since it began."""
        return self._process.demand_seconds()

    @property
    def awaits_freezing(self) -> bool:
        """Whether it is between events, is to be stopped then, and is not yet."""
        is_between = self.state is EnvironmentState.IDLE or self.state is EnvironmentState.ANSWERED
        # A debugger wants to be answered also between events.
        return is_between and self._around.means.freezes and not (self._is_inspected or self._process.is_frozen)

    @property
    def _is_inspected(self) -> bool:
        return self.function.name in self._around.inspected

    def watch(self) -> None:
        """Look after it, now and then: at its memory during an event, and that it rests between events.

        What a thread does after the return must not happen, as on Lambda (H11), so an environment with several is
        frozen at once. One with a single thread, which waits for the next event, can only have started processes;
        stopping and continuing it for each event would cost a quick function a twentieth of its time.
        """
        if self.has_event:
            self._watch_memory()
        elif self.state is EnvironmentState.IDLE and self.awaits_freezing:
            self._freeze()

    def _freeze(self) -> None:
        self._process.freeze()
        self._tell("frozen")

    def _watch_memory(self) -> None:
        """Note how much memory the process uses, and end it above the function's limit, as the kernel would.

        Lambda's kernel kills at the limit; here, where a limit of the kernel would be on address space or need
        privileges, the emulator measures it. Only on Linux.
        """
        if self._process.measure_mb() > self.function.memory_mb and self._event is not None:
            self._process.peak_mb = self.function.memory_mb
            self._log.out_of_memory()
            self._exited("SIGKILL", platform_log.OUT_OF_MEMORY)

    # what the runtime client says

    def wants_event(self, connection: RuntimeApiConnection) -> None:
        """The init, or the event before, is over."""
        if self.state is EnvironmentState.ENDED:
            return
        if connection not in self._waiting:
            self._waiting.append(connection)
        if self.state is EnvironmentState.STARTING:
            self._log.init_over()
            self._tell("ready")
            self._ready_at = self._loop.time()
            if self._event is not None:
                self.state = EnvironmentState.BUSY
                self._send(self._event, is_timed=True)
                return
            self._rests(has_asked=True)
            self._owner.freed(self)
        elif self._next is not None:
            event, self._next = self._next, None
            self._send(event)
        elif self.state is EnvironmentState.ANSWERED:
            self._rests(has_asked=True)
            if self._is_streamed:
                self._owner.freed(self)
        if self.state is EnvironmentState.IDLE and self.awaits_freezing and not self._process.has_one_thread():
            self._freeze()

    def disconnected(self, connection: RuntimeApiConnection) -> None:
        """The runtime client closed that connection."""
        if connection in self._waiting:
            self._waiting.remove(connection)

    def responded(self, request_id: str, payload: bytes) -> bool:
        """The function returned."""
        return self._answered(request_id, Returned(payload, request_id))

    def failed(self, request_id: str, payload: bytes) -> bool:
        """The function raised."""
        return self._answered(request_id, Failed(payload, request_id, platform_log.error_type(payload)))

    def streams(self, request_id: str, content_type: str, resume: Callable[[], None]) -> ResponseStream | None:
        """The function begins to stream its response."""
        event = self._event
        if event is None or event.request_id != request_id:
            return None
        self._is_streamed = True
        if event.stream is None:
            return None
        event.stream.begin(content_type, resume)
        return event.stream

    def init_failed(self, payload: bytes) -> bool:
        """The function could not be initialised."""
        if self.state is not EnvironmentState.STARTING:
            return False
        self._log.drain()
        self._init_over(payload, platform_log.error_type(payload))
        return True

    # invocations

    def _send(self, event: WaitingInvocation, *, is_timed: bool = False) -> None:
        connection = self._waiting.pop(0)
        self._event, self._is_streamed = event, False
        event.started_at = self._loop.time()
        event.trace = variables.trace_id(time.time(), self._around.randomness)
        if event.waiting_since < self._ready_at:
            self._log.cold_start()
        self._log.starts(event.request_id, is_timed=is_timed)
        connection.deliver(
            request_id=event.request_id,
            payload=event.payload,
            deadline_ms=self._deadline_ms,
            function_arn=self._arn if event.qualifier is None else f"{self._arn}:{event.qualifier}",
            trace_id=event.trace,
            client_context=event.client_context,
        )
        self._process.thaw()

    def _tell(self, change: Change, why: str = "") -> None:
        if (recorder := self._around.recording.now) is not None:
            recorder.environment(self.function.name, self.slot, self._process.pid, change, why)

    def _answered(self, request_id: str, outcome: Outcome) -> bool:
        event = self._event
        if event is None or event.request_id != request_id:
            return False
        self._log.drain()
        self._finish(event, outcome, status=None)
        if self.retired_why is not None:
            self.end(self.retired_why)
        else:
            self._rests(has_asked=bool(self._waiting))
            if self._waiting or not self._is_streamed:  # else it is free when it asks, which may be late
                self._owner.freed(self)
        return True

    def _finish(
        self, event: WaitingInvocation, outcome: Outcome, *, status: str | None, error_type: str | None = None
    ) -> None:
        self._event = None
        if (recorder := self._around.recording.now) is not None:
            recorder.run(
                self.function.name,
                event.payload,
                outcome,
                number=self.slot,
                trace=event.trace,
                waited_ms=(event.started_at - event.waiting_since) * 1000,
                duration_ms=self._log.duration_ms,
                init_ms=self._log.init_ms,
                memory_mb=self._process.peak_mb,
            )
        self._log.ends(event.request_id, status=status, error_type=error_type)
        event.settle(outcome)

    def _timed_out(self) -> None:
        event = self._event
        if event is None and self._next is not None:  # the runtime client did not even ask for it
            event, self._next = self._next, None
            self._log.starts(event.request_id, is_timed=False)
        if event is None and self._is_streamed:
            self._log.ran_on()
        elif event is not None:
            self._log.drain()
            if self.state is EnvironmentState.STARTING:  # its init was being repeated
                self._log.starts(event.request_id, is_timed=True)
            self._log.timed_out(event.request_id)
            payload = platform_log.timeout_payload(event.request_id, self.function.timeout_seconds)
            self._finish(event, Failed(payload, event.request_id, platform_log.TIMED_OUT), status=platform_log.TIMEOUT)
        self.end("its time was over", is_killed=True)

    def _exited(self, end: int | str, reported_type: str) -> None:
        """The process ended, or has to, while it had an event."""
        event = self._event
        assert event is not None
        self._log.drain()
        reason = platform_log.exit_reason(end)
        self._log.exited(event.request_id, reason)
        outcome = Failed(platform_log.exit_payload(event.request_id, reason), event.request_id, platform_log.EXIT_ERROR)
        self._finish(event, outcome, status="error", error_type=reported_type)
        why = "it used more memory than it may" if reported_type == platform_log.OUT_OF_MEMORY else reason
        self.end(why, is_killed=True)

    # the process

    def _ended(self, end: int | str) -> None:
        """The process ended by itself (or because it was told to)."""
        if self.state is EnvironmentState.ENDED:
            return
        if self.state is EnvironmentState.STARTING:
            self._log.drain()
            self._init_over(None, platform_log.exit_reason(end))
        elif self._event is not None:
            self._exited(end, platform_log.EXIT_ERROR)
        else:
            self.end(platform_log.exit_reason(end), is_killed=True)

    def _init_over(self, payload: bytes | None, error_type: str) -> None:
        """The init failed: it is repeated for the next event, and an event that repeats it is answered with that."""
        bound, self._event = self._event, None
        self._log.init_failed(None if payload is None else error_type, is_repeated=bound is not None)
        if bound is None:
            self._owner.init_failed(self)
        else:
            self.fail_init(bound, payload, error_type)
            self._owner.failed_again(self, payload, error_type)
        self.end("its init failed", is_killed=True)

    def fail_init(self, event: WaitingInvocation, payload: bytes | None, error_type: str) -> None:
        """Answer an event with the failure of this environment's init."""
        self._log.answers_failed_init(event.request_id, error_type if payload is None else None)
        if payload is None:
            payload, error_type = platform_log.exit_payload(event.request_id, error_type), platform_log.EXIT_ERROR
        self._finish(event, Failed(payload, event.request_id, error_type), status="error", error_type=error_type)

    def _init_too_long(self) -> None:
        self._log.drain()
        self._log.init_timed_out(self._around.init_seconds)
        self._owner.init_failed(self)
        self.end("its init took too long", is_killed=True)

    def _rests(self, *, has_asked: bool) -> None:
        """The init, or an event, is over; one that does not ask for the next event ends with the time of the last."""
        self.state = EnvironmentState.IDLE if has_asked else EnvironmentState.ANSWERED
        if has_asked:
            self._stop_timer()

    def _start_timer(self) -> None:
        self._stop_timer()
        seconds = self._around.seconds(self.function)
        self._timer = Timer(seconds, self._timed_out)
        self._deadline_ms = int((time.time() + seconds) * 1000)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self._stop_timer()
        self._runtime_api.close()
        self._log.close()
