"""The event loop that the emulator runs on, the same for the command and for tests."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

WAITING: Final = 512
"""How many calls may block at once, each on a thread: of endpoints that are slow, and of the emulator itself.

asyncio's own number, four more than there are processors, holds up the calls that one of them waits for: an integration
waits for an execution of a state machine, and that for an action of a service. AWS has no such limit.
"""
LEFT_SECONDS: Final = 1.0
"""How long the end of the loop waits for calls that their owners gave up: what is written here is done by then."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class WaitingThreads(ThreadPoolExecutor):
    """Threads on which calls block, and which the end of the loop and of the process do not wait for.

    Those of `ThreadPoolExecutor` are joined at both, so that an endpoint that is slow would hold the process for half a
    minute after Ctrl-C.
    """

    def __init__(self, threads: int = WAITING) -> None:
        super().__init__(threads)  # which starts none: a loop takes no other class
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._most = threads
        self._begun: list[threading.Thread] = []
        self._free = threading.Semaphore(0)
        self._changing = threading.Lock()
        self._is_over = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Call a function on one of the threads; raises RuntimeError after `shutdown`."""
        future: Future[_T] = Future()
        with self._changing:
            if self._is_over:
                raise RuntimeError("no more calls are made: the loop has ended")
            self._calls.put(functools.partial(_call, future, functools.partial(fn, *args, **kwargs)))
            if not self._free.acquire(blocking=False) and len(self._begun) < self._most:
                name = f"waiting_{len(self._begun)}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._begun.append(thread)
                thread.start()
        return future

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # and with it what it holds, while the thread waits for another
            self._free.release()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; wait `LEFT_SECONDS` at most for those that are under way."""
        with self._changing:
            if not self._is_over:
                self._is_over = True
                for _ in self._begun:
                    self._calls.put(None)
        until = time.monotonic() + (LEFT_SECONDS if wait else 0.0)
        for thread in self._begun:
            thread.join(max(0.0, until - time.monotonic()))


def _call(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - carried to whoever waits for it
        future.set_exception(error)
    else:
        future.set_result(result)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes a loop: uvloop's where it exists, else asyncio's own."""
    make: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):  # not there on Windows and PyPy
        import uvloop  # noqa: PLC0415

        make = uvloop.new_event_loop

    def made() -> asyncio.AbstractEventLoop:
        loop = make()
        loop.set_default_executor(WaitingThreads())
        return loop

    return made
