"""Threads that run actions: so that one can be given up when its time is over, and ``async def`` finds a loop.

Each thread keeps one event loop for all the actions it runs, because clients that users open once (HTTP, database)
belong to the loop they were opened in. On Lambda, where one event runs at a time, that is one loop per environment.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import queue
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final

from streamer.context import Cancelled

if TYPE_CHECKING:
    import asyncio

IDLE_THREADS: Final = 8
"""Most threads kept for later; more than that run at once only where invocations share a process."""


def contained(call: Callable[[], Any]) -> Any:
    """Call, and let nothing out that would end more than the call: ``SystemExit`` becomes an ordinary error."""
    try:
        return call()
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as exc:
        raise RuntimeError(f"the action raised {type(exc).__name__}") from exc


class Running:
    """One call on its way in a thread."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._context = contextvars.copy_context()
        self._finished = threading.Condition()
        self._is_finished = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._stop: Callable[[], object] | None = None
        self._reason: str | None = None

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until the call is over; False when the time is over first. None waits without limit."""
        with self._finished:
            return self._finished.wait_for(lambda: self._is_finished, timeout_seconds)

    def outcome(self) -> Any:
        """What the call returned; raises what it raised. Only after `wait` said True."""
        if self._error is not None:
            raise self._error
        return self._value

    def cancel(self, reason: str = "this run is over") -> None:
        """Raise `Cancelled` in a coroutine at its next await; a plain function is beyond reach and runs on."""
        with self._finished:
            self._reason = reason
            if self._stop is not None:
                self._stop()

    def execute(self, loops: Loops) -> None:
        """Run the call; for the thread it was given to, which then calls `finish`."""
        try:
            self._value = self._context.run(contained, lambda: self._run(loops))
        except BaseException as exc:  # noqa: BLE001 - handed to whoever asks for the outcome
            self._error = exc

    def finish(self) -> None:
        """Wake whoever waits."""
        with self._finished:
            self._is_finished = True
            self._finished.notify_all()

    def _run(self, loops: Loops) -> Any:
        value = self._call()
        return loops.run(self._cancellable(value)) if inspect.isawaitable(value) else value

    async def _cancellable(self, awaitable: Any) -> Any:
        import asyncio  # noqa: PLC0415 - see Loops

        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        with self._finished:
            self._stop = lambda: loop.call_soon_threadsafe(task.cancel)
            if self._reason is not None:
                self._stop()
        try:
            return await _Interruptible(awaitable, self._cancelled_as)
        finally:
            with self._finished:
                self._stop = None

    def _cancelled_as(self, exc: BaseException) -> BaseException:
        """What the coroutine is told instead of asyncio's own exception, if it was `cancel` that cancelled it."""
        reason, self._reason = self._reason, None  # what is cancelled after that is so by the action's own timeouts
        return exc if reason is None else _cancelled_error()(reason)


@functools.cache
def _cancelled_error() -> type[Cancelled]:
    """`Cancelled` that is asyncio's exception, too: for no other does a ``TaskGroup`` end the tasks in it."""
    import asyncio  # noqa: PLC0415 - see Loops

    return type(Cancelled.__name__, (Cancelled, asyncio.CancelledError), {"__module__": Cancelled.__module__})


class _Interruptible:
    """Awaits something, and throws into it another exception than the one its task was cancelled with."""

    def __init__(self, awaitable: Any, told: Callable[[BaseException], BaseException]) -> None:
        self._awaitable = awaitable
        self._told = told

    def __await__(self) -> Generator[Any, Any, Any]:
        import asyncio  # noqa: PLC0415 - see Loops

        steps = self._awaitable.__await__()
        step = functools.partial(next, steps)
        while True:
            try:
                waiting_for = step()
            except StopIteration as exc:
                return exc.value
            try:
                sent = yield waiting_for
            except asyncio.CancelledError as exc:
                step = functools.partial(steps.throw, self._told(exc))
            except BaseException as exc:  # noqa: BLE001 - whatever it is, it is the coroutine's
                step = functools.partial(steps.throw, exc)
            else:
                step = functools.partial(steps.send, sent)


class Loops:
    """The event loop of one thread, made when the first coroutine comes."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine to its end."""
        if self._runner is None:
            # A service of plain functions never needs it, and should not pay for it in a cold start.
            import asyncio  # noqa: PLC0415

            self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        return self._runner.run(coroutine, context=contextvars.copy_context())

    def close(self) -> None:
        """Close the loop."""
        if self._runner is not None:
            self._runner.close()


class Workers:
    """The threads. They end when the owner calls `close`, and never keep the process alive."""

    def __init__(self, *, idle_threads: int = IDLE_THREADS) -> None:
        self._idle_threads = idle_threads
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[Running | None]] = []
        self._is_closed = False

    def start(self, call: Callable[[], Any]) -> Running:
        """Run a call in a thread of its own; if it returns an awaitable, that is awaited there too."""
        running = Running(call)
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is None:
            inbox = queue.SimpleQueue()
            threading.Thread(target=self._work, args=(inbox,), name="streamer-action", daemon=True).start()
        inbox.put(running)
        return running

    def close(self) -> None:
        """End the idle threads now, and each busy one when its call is over."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)

    def _work(self, inbox: queue.SimpleQueue[Running | None]) -> None:
        loops = Loops()
        try:
            while (running := inbox.get()) is not None:
                running.execute(loops)
                # Idle before anyone hears of the outcome: whoever calls next finds this thread, and its loop.
                keep = self._keep(inbox)
                running.finish()
                del running  # nothing of a call outlives it
                if not keep:
                    break
        finally:
            loops.close()

    def _keep(self, inbox: queue.SimpleQueue[Running | None]) -> bool:
        with self._lock:
            keep = not self._is_closed and len(self._idle) < self._idle_threads
            if keep:
                self._idle.append(inbox)
            return keep
