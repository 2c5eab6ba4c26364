"""Lines of a log are written together where they come together, in their order, and none stays behind."""

from __future__ import annotations

import asyncio
import io
import threading

import pytest

from emulator.command.printing.stream import HELD_LINES, LogStream


class Written(io.StringIO):
    """A stream that keeps each write by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []
        self.flushed = asyncio.Event()

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)

    def flush(self) -> None:
        self.flushed.set()


@pytest.fixture
def written() -> Written:
    return Written()


async def test_what_comes_together_is_written_together(written: Written) -> None:
    stream = LogStream(written)

    for line in ("a\n", "b\n", "c\n"):
        stream.write(line)
    assert written.writes == []
    await asyncio.wait_for(written.flushed.wait(), 10)

    assert written.writes == ["a\nb\nc\n"]


async def test_later_lines_are_written_later(written: Written) -> None:
    stream = LogStream(written)

    for line in ("a\n", "b\n"):
        stream.write(line)
        await asyncio.wait_for(written.flushed.wait(), 10)
        written.flushed.clear()

    assert written.writes == ["a\n", "b\n"]


async def test_what_tells_of_trouble_goes_out_at_once_with_all_before_it(written: Written) -> None:
    stream = LogStream(written)

    stream.write("a\n")
    stream.write("failed\n", at_once=True)

    assert written.writes == ["a\nfailed\n"]


async def test_many_lines_do_not_wait(written: Written) -> None:
    stream = LogStream(written)

    for _ in range(HELD_LINES):
        stream.write("a\n")

    assert written.writes == ["a\n" * HELD_LINES]


async def test_another_thread_writes_at_once_even_from_a_loop_of_its_own(written: Written) -> None:
    stream = LogStream(written)

    async def elsewhere() -> None:
        stream.write("b\n")

    stream.write("a\n")
    thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
    thread.start()
    await asyncio.to_thread(thread.join)

    assert written.writes == ["a\nb\n"]


def test_without_a_loop_nothing_waits(written: Written) -> None:
    stream = LogStream(written)

    stream.write("a\n")
    asyncio.run(_write(stream, "b\n"))  # the loop ends before the line has waited
    stream.write("c\n")

    assert written.writes == ["a\n", "b\nc\n"]


async def test_a_further_loop_writes_what_the_last_one_left() -> None:
    written = Written()

    def two_loops() -> None:
        stream = LogStream(written)
        asyncio.run(_write(stream, "a\n"))
        asyncio.run(_write(stream, "b\n", until=written))

    await asyncio.to_thread(two_loops)

    assert written.writes == ["a\nb\n"]


async def test_closing_writes_what_waits(written: Written) -> None:
    stream = LogStream(written)

    stream.write("a\n")
    stream.close()

    assert written.writes == ["a\n"]
    assert written.closed


async def _write(stream: LogStream, text: str, until: Written | None = None) -> None:
    stream.write(text)
    if until is not None:
        await asyncio.wait_for(until.flushed.wait(), 10)
