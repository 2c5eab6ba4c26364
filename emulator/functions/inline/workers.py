"""Threads that run one call at a time, and may be written off when a call does not end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final

from .cpython_threads import is_in_python, may_stall_others, raise_in_thread

_LOOK_SECONDS: Final = 0.02
"""How long a thread is looked at to see whether it is in Python code."""


class AbandonedError(BaseException):
    """Raised inside a thread whose call was given up, to end what Python code can be ended."""


class Worker:
    """One thread. Calls are given by the event loop's thread only, and never while another is running."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running = False
        self._abandoned = False
        # A daemon: a handler that never ends must not keep the emulator from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, call: Callable[[], None]) -> None:
        """Run it; it must not raise."""
        self._calls.put(call)

    def stop(self) -> None:
        """End the thread after the call that is running."""
        self._calls.put(None)

    def abandon(self) -> None:
        """Give up the call that is running, and the thread with it.

        A thread cannot be killed. An exception is raised in it at its next step in Python code, which ends loops;
        a call into C (a sleep, a read) ends first.
        """
        with self._lock:
            self._abandoned = True
            if self._running and may_stall_others():
                threading.Thread(target=self._interrupt_in_python, name="lambda-interrupt", daemon=True).start()
            elif self._running:
                self._interrupt()
        self.stop()

    def _interrupt(self) -> None:
        if self._thread.ident is not None:
            raise_in_thread(self._thread.ident, AbandonedError)

    def _interrupt_in_python(self) -> None:
        """Raise the exception as soon as the call is seen in Python code: until it is, it would hold up all others."""
        ident = self._thread.ident
        while ident is not None and self._running:
            if is_in_python(ident, seconds=_LOOK_SECONDS):
                with self._lock:
                    if self._running:
                        self._interrupt()
                return

    def _run(self) -> None:
        try:
            while (call := self._calls.get()) is not None:
                with self._lock:
                    self._running = True
                call()
                with self._lock:
                    self._running = False
                    if self._abandoned:
                        return
        except AbandonedError:
            return


class Workers:
    """Idle threads, the one used last first. Used on one event loop's thread only."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []
        self._count = 0

    def take(self) -> Worker:
        """An idle thread, or a new one."""
        if self._idle:
            return self._idle.pop()
        self._count += 1
        return Worker(f"lambda-{self._count}")

    def give_back(self, worker: Worker) -> None:
        """The thread's call ended."""
        self._idle.append(worker)

    def stop(self) -> None:
        """End the idle threads."""
        while self._idle:
            self._idle.pop().stop()
