"""Lines of a file that grows, each behind a checksum of its own, so that none is read as what it never was. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from zlib import crc32

_DIGITS: Final = 8


class DamagedLineError(ValueError):
    """A line is not as it was written; the message says which, counted from 1."""

    def __init__(self, number: int, start: int) -> None:
        """Args: ``start`` is where it begins: so many bytes of the file precede it."""
        super().__init__(f"line {number} is not as it was written")
        self.number = number
        self.start = start


def checked(line: bytes) -> bytes:
    """A line, its newline too, behind its CRC-32 as hexadecimal digits."""
    return b"%08x%b" % (crc32(line), line)


def whole_lines(data: bytes, start: int = 0, *, are_checked: bool = True) -> tuple[list[bytes], int]:
    """The lines of a file, without checksums and newlines, and where they end: what follows was cut off.

    Args:
        data: all of the file.
        start: where its first line begins.
        are_checked: whether its lines have checksums, as those of former versions have not.

    Raises:
        DamagedLineError: a line that was not cut off is not as it was written.
    """
    end = data.rfind(b"\n", start) + 1 or start
    lines = data[start:end].split(b"\n")[:-1]
    return (list(_texts(lines, start)) if are_checked else lines), end


def _texts(lines: Sequence[bytes], at: int) -> Iterator[bytes]:
    for number, line in enumerate(lines, 1):
        text = line[_DIGITS:]
        if line[:_DIGITS] != b"%08x" % crc32(b"\n", crc32(text)):
            raise DamagedLineError(number, at)
        yield text
        at += len(line) + 1
