"""What is logged of one execution environment: its output, and Lambda's own lines with the times and memory in them."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from streamer.topology import Function

from ...foundation import log
from .. import platform_log
from ..logs import LogSink
from ..own_lines import own_lines
from .output import Output
from .process import Process


class EnvironmentLog:
    """Reads an environment's output from a pipe, and writes START, END, REPORT and the like between its lines."""

    def __init__(self, function: Function, sink: LogSink, process: Process, *, arn: str, version: str) -> None:
        self._function = function
        self._own = own_lines(function, arn, version)
        self._sink = sink
        self._process = process
        self._output: Output | None = None
        self._started = time.perf_counter()
        self._is_repeated = False
        self.init_ms: float | None = None
        """How long the init took that came before the present invocation; None: it found a warm environment."""

    # the output

    def open(self, *, within: str | None) -> int:
        """Begin with the init; answers the descriptor for the process's output, which is the caller's to close.

        ``within``: the request of the invocation that repeats it and whose output it is, without a line of its
        beginning; None: none does. [USR] logs of failed inits

        Raises:
            OSError: the system has no room for another pipe.
        """
        reading, writing = os.pipe()
        self._output, self._is_repeated = Output(self._function.name, self._sink, reading), within is not None
        self._output.request_id = within
        if self._sink.platform_lines and not self._is_repeated:
            self._line(self._own.init_start(datetime.now(UTC)))
        return writing

    def drain(self) -> None:
        """Pass on what the process wrote until now, so that no line comes after what ends its invocation."""
        if self._output is not None:
            self._output.read()

    def close(self) -> None:
        """Let go of the pipe."""
        if self._output is not None:
            self._output.close()

    def _line(self, line: str) -> None:
        assert self._output is not None
        self._output.platform(line)

    # the init

    def restart_init(self) -> None:
        """The init begins now: what the template still had to import is not this function's."""
        self._started = time.perf_counter()

    def init_over(self) -> None:
        """The function is initialised; the first REPORT tells how long that took, unless the invocation repeated it."""
        if not self._is_repeated:
            self.init_ms = (time.perf_counter() - self._started) * 1000
        self._process.measure_mb()

    def cold_start(self) -> None:
        """An event waited for the init: say so, since it is not the handler that took so long."""
        if self.init_ms is not None:
            log.info("cold start", function=self._function.name, init_ms=round(self.init_ms, 1))

    def out_of_memory(self) -> None:
        """The invocation is ended because it used more memory than the function has; Lambda's own lines do not say."""
        limit_mb = self._function.memory_mb
        log.error(
            f"out of memory: the function used more than its {limit_mb} MB (memory_mb), and its environment was ended",
            function=self._function.name,
        )

    def init_timed_out(self, seconds: float) -> None:
        """The init took too long."""
        self._line(self._own.init_timed_out(datetime.now(UTC), seconds))

    def init_failed(self, error_type: str | None, *, is_repeated: bool) -> None:
        """The init failed, None: its process ended; ``is_repeated``: within an invocation."""
        if self._sink.platform_lines:
            kind = error_type or platform_log.EXIT_ERROR
            self._line(self._own.init_failed(datetime.now(UTC), self.duration_ms, kind, is_repeated=is_repeated))

    def answers_failed_init(self, request_id: str, reason: str | None) -> None:
        """An invocation is answered with the failure of the init; ``reason`` if that was the end of the process.

        START comes after what the init wrote, and REPORT has its time as the invocation's. [USR] logs of modules that
        cannot be imported
        """
        assert self._output is not None
        self._output.request_id = request_id
        if self._sink.platform_lines:
            self._line(self._own.start(datetime.now(UTC), request_id))
        if reason is not None:
            self._line(platform_log.exit_line(request_id, reason))

    # invocations

    def starts(self, request_id: str, *, is_timed: bool) -> None:
        """An invocation begins; ``is_timed``: its time has been running since the environment was started (H20)."""
        assert self._output is not None
        self._output.request_id = request_id
        if not is_timed:
            self._started = time.perf_counter()
        if self._sink.platform_lines:
            self._line(self._own.start(datetime.now(UTC), request_id))

    def timed_out(self, request_id: str) -> None:
        """It took longer than the function's timeout."""
        self._line(platform_log.timeout_line(datetime.now(UTC), request_id, self._function.timeout_seconds))

    def ran_on(self) -> None:
        """It answered, and did not ask for its next event until its time was over."""
        log.warning(
            "the function streamed its response and ran on until its time was over, so its environment was ended: "
            "something is left open, which context.callbackWaitsForEmptyEventLoop = false lets be",
            function=self._function.name,
        )

    def exited(self, request_id: str, reason: str) -> None:
        """The process ended in the middle of it."""
        self._line(platform_log.exit_line(request_id, reason))

    @property
    def duration_ms(self) -> float:
        """How long the present invocation, or the init before the first, has taken so far."""
        return (time.perf_counter() - self._started) * 1000

    def ends(self, request_id: str, *, status: str | None, error_type: str | None) -> None:
        """The invocation is over; see `platform_log.Report` for how."""
        if self._sink.platform_lines:
            self._report(request_id, status, error_type)
        elif self._output is not None:
            self._output.end_line()
        self.init_ms = None

    def _report(self, request_id: str, status: str | None, error_type: str | None) -> None:
        if error_type != platform_log.OUT_OF_MEMORY:
            self._process.measure_mb()
        is_late = status == platform_log.TIMEOUT
        report = platform_log.Report(
            request_id=request_id,
            duration_ms=self._function.timeout_seconds * 1000 if is_late else self.duration_ms,
            memory_mb=self._function.memory_mb,
            memory_used_mb=self._process.peak_mb,
            init_ms=self.init_ms,
            status=status,
            error_type=error_type,
        )
        for line in self._own.over(datetime.now(UTC), report):
            self._line(line)
