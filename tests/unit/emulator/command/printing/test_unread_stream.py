"""What is written where nobody reads blocks nothing, waits in its order, and is told of where it was too much."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Iterator

import pytest

from emulator.command.printing.output import standard_output
from emulator.command.printing.unread import UnreadStream

LINE = "." * 999 + "\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


def _there(reading: int) -> str:
    """What can be read now."""
    found = b""
    while select.select([reading], [], [], 0)[0] and (more := os.read(reading, 1 << 20)):
        found += more
    return found.decode()


def test_what_is_read_comes_at_once(pipe: tuple[int, int]) -> None:
    stream = UnreadStream(pipe[1])

    stream.write("a\n")
    stream.write("\udcff\n")
    stream.flush()

    assert _there(pipe[0]) == "a\n\\udcff\n"
    stream.close()


async def test_a_pipe_that_nobody_reads_blocks_nobody_and_loses_nothing(pipe: tuple[int, int]) -> None:
    stream = UnreadStream(pipe[1])
    lines = [f"{number} {LINE}" for number in range(500)]

    for line in (*lines, "long " + LINE * 100):
        stream.write(line)
        stream.flush()

    read = ""
    async with asyncio.timeout(30):
        while len(read) < len("".join(lines)) + 5 + 100 * len(LINE):
            read += _there(pipe[0])
            await asyncio.sleep(0)  # its own look
    assert read == "".join(lines) + "long " + LINE * 100
    stream.close()


async def test_lines_that_are_too_many_are_lost_and_that_is_told(
    pipe: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    stream = UnreadStream(pipe[1], most_bytes=10 * len(LINE))
    for _ in range(1000):
        stream.write(LINE)
        stream.flush()

    read = 0
    async with asyncio.timeout(30):
        while not caplog.records:
            read += _there(pipe[0]).count("\n")
            await asyncio.sleep(0)
    read += _there(pipe[0]).count("\n")

    assert caplog.messages == ["nobody read this log for a while, and it has lost lines"]
    assert caplog.records[0].fields == {"lines": 1000 - read}  # type: ignore[attr-defined]
    stream.close()


async def test_standard_output_that_nobody_reads_blocks_nobody(pipe: tuple[int, int]) -> None:
    with standard_output(pipe[1]) as say:
        os.close(pipe[1])
        for _ in range(100):
            say(LINE)

        assert _there(pipe[0]).startswith(f"{LINE}\n{LINE}")


def test_who_has_gone_is_not_written_for() -> None:
    reading, writing = os.pipe()
    stream = UnreadStream(writing)
    os.close(reading)

    stream.write("a\n")
    with pytest.raises(BrokenPipeError):
        stream.flush()

    stream.close()


def test_closing_waits_a_moment_for_its_reader_and_not_for_ever(pipe: tuple[int, int]) -> None:
    stream = UnreadStream(pipe[1], last_seconds=0.0)
    for _ in range(100):
        stream.write(LINE)

    stream.close()

    assert _there(pipe[0])[: 64 * len(LINE)] == LINE * 64
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(pipe[1])
