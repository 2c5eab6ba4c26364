"""Calls that block wait on threads, for which neither the loop's end nor the process's waits."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from emulator.port.loop import LEFT_SECONDS, WaitingThreads, loop_factory


def test_the_end_of_the_loop_does_not_wait_for_a_call_that_was_given_up() -> None:
    release = threading.Event()

    async def given_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.to_thread(release.wait, 60)

    began = time.monotonic()
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(given_up())
        assert time.monotonic() - began < LEFT_SECONDS + 10
    finally:
        release.set()


def test_what_is_about_to_be_done_at_the_end_is_done() -> None:
    done: list[str] = []

    def work() -> None:
        time.sleep(0.1)
        done.append("work")

    async def began() -> None:
        task = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0.02)
        task.cancel()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(began())

    assert done == ["work"]


def test_the_process_ends_though_a_call_waits() -> None:
    code = (
        "import asyncio, time\n"
        "from emulator.port.loop import loop_factory\n"
        "async def main():\n"
        "    asyncio.get_running_loop().run_in_executor(None, time.sleep, 50)\n"
        "    await asyncio.sleep(0.1)\n"
        "with asyncio.Runner(loop_factory=loop_factory()) as runner:\n"
        "    runner.run(main())\n"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=40, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_calls_wait_for_a_thread_when_there_are_no_more() -> None:
    threads = WaitingThreads(2)
    try:
        called = [threads.submit(threading.get_ident) for _ in range(50)]

        assert len({each.result(timeout=20) for each in called}) <= 2
    finally:
        threads.shutdown()
    with pytest.raises(RuntimeError):
        threads.submit(threading.get_ident)


def test_what_a_call_raises_reaches_who_waits() -> None:
    async def ask() -> None:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(divmod, 1, 0)
        assert await asyncio.to_thread(divmod, 7, 2) == (3, 1)

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(ask())
