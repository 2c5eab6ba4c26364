import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from streamer.context import Cancelled
from streamer.running.execution import Workers, contained


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers()
    yield workers
    workers.close()


def outcome(workers: Workers, call: Any) -> Any:
    running = workers.start(call)
    assert running.wait(30)
    return running.outcome()


async def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_a_call_runs_in_another_thread(workers: Workers) -> None:
    assert outcome(workers, threading.get_ident) != threading.get_ident()


def test_a_coroutine_is_run_to_its_end(workers: Workers) -> None:
    async def add() -> int:
        await asyncio.sleep(0)
        return 7

    assert outcome(workers, add) == 7


def test_a_coroutine_hears_how_what_it_waits_for_failed(workers: Workers) -> None:
    def fail() -> None:
        raise ValueError("no")

    async def action() -> str:
        try:
            await asyncio.to_thread(fail)
        except ValueError as error:
            return f"heard: {error}"
        return "heard nothing"

    running = workers.start(action)

    assert running.wait(30)
    assert running.outcome() == "heard: no"


def test_what_a_call_raises_is_raised_again(workers: Workers) -> None:
    with pytest.raises(ZeroDivisionError):
        outcome(workers, lambda: 1 / 0)


def test_calls_one_after_the_other_share_a_thread_and_a_loop(workers: Workers) -> None:
    """Clients that users open once belong to the loop they were opened in."""
    seen = {(outcome(workers, threading.get_ident), outcome(workers, _loop)) for _ in range(50)}

    assert len(seen) == 1


def test_calls_at_the_same_time_have_a_thread_each(workers: Workers) -> None:
    meeting = threading.Barrier(3)

    running = [workers.start(lambda: meeting.wait(30)) for _ in range(3)]

    assert all(one.wait(30) for one in running)


def test_waiting_ends_when_the_time_is_over(workers: Workers) -> None:
    release = threading.Event()
    running = workers.start(release.wait)

    assert not running.wait(0)
    release.set()
    assert running.wait(30)


def test_a_cancelled_coroutine_ends_at_its_next_await(workers: Workers) -> None:
    started, ended = threading.Event(), threading.Event()

    async def forever() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = workers.start(forever)
    assert started.wait(30)
    running.cancel("no more of it")

    assert ended.wait(30)
    assert running.wait(30)
    with pytest.raises(Cancelled, match="no more of it"):
        running.outcome()


@pytest.mark.parametrize("within", ["the group's block", "its end"])
def test_tasks_of_a_group_end_with_the_coroutine_that_is_cancelled(workers: Workers, within: str) -> None:
    entered = threading.Event()
    told: list[str] = []

    async def child() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            told.append("the task ended")

    async def action() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(child())
                asyncio.get_running_loop().call_later(0, entered.set)
                if within == "the group's block":
                    await asyncio.Event().wait()
        except* Cancelled as cancelled:
            told.append(f"cancelled: {cancelled.exceptions[0]}")

    running = workers.start(action)
    assert entered.wait(30)
    running.cancel("no more of it")

    assert running.wait(30)
    assert told == ["the task ended", "cancelled: no more of it"]


def test_a_timeout_of_a_coroutines_own_after_it_was_cancelled_is_one(workers: Workers) -> None:
    started = threading.Event()

    async def action() -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        except Cancelled:
            try:
                async with asyncio.timeout(0):
                    await asyncio.Event().wait()
            except TimeoutError:
                return "tidying took too long"
        return "not cancelled"

    running = workers.start(action)
    assert started.wait(30)
    running.cancel()

    assert running.wait(30)
    assert running.outcome() == "tidying took too long"


def test_a_coroutine_that_is_cancelled_before_it_starts_ends_too(workers: Workers) -> None:
    release = threading.Event()

    async def forever() -> None:
        await asyncio.Event().wait()

    def begin() -> Any:
        release.wait(30)
        return forever()

    running = workers.start(begin)
    running.cancel()
    release.set()

    assert running.wait(30)


def test_a_coroutine_that_has_ended_is_beyond_reach_too(workers: Workers) -> None:
    async def action() -> threading.Thread:
        return threading.current_thread()

    running = workers.start(action)
    assert running.wait(30)
    workers.close()
    running.outcome().join(30)  # its loop is closed

    running.cancel()


def test_a_cancelled_function_is_beyond_reach(workers: Workers) -> None:
    release = threading.Event()
    running = workers.start(release.wait)
    running.cancel()
    release.set()

    assert running.wait(30)
    assert running.outcome() is True


def test_context_variables_go_along(workers: Workers) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def read() -> str:
        return variable.get()

    variable.set("set")

    assert outcome(workers, variable.get) == "set"
    assert outcome(workers, read) == "set"


def test_idle_threads_are_bounded_and_end_with_their_owner() -> None:
    workers, meeting, threads = Workers(idle_threads=2), threading.Barrier(5), []

    def meet() -> None:
        threads.append(threading.current_thread())
        meeting.wait(30)

    running = [workers.start(meet) for _ in range(5)]
    assert all(one.wait(30) for one in running)
    workers.close()
    for thread in threads:
        thread.join(30)

    assert not any(thread.is_alive() for thread in threads)


def _exit() -> NoReturn:
    raise SystemExit(3)


def test_nothing_that_an_action_raises_ends_the_environment(workers: Workers) -> None:
    with pytest.raises(RuntimeError, match="the action raised SystemExit"):
        contained(_exit)
    with pytest.raises(RuntimeError, match="the action raised SystemExit"):
        outcome(workers, _exit)
