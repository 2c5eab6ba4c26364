"""Reads a recording out of a file, as `console_reader` reads the emulator that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from streamer.errors import ConfigurationError

from ..reading.asked import Asked, BadRequestError
from ..reading.book import Book
from ..reading.telling import Told
from .recording_file import read


class Recorded:
    """A recording that was exported."""

    def __init__(self, file: Path) -> None:
        """Read it; raises ConfigurationError."""
        try:
            text = file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error
        self._book = Book.of(read(text))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def get(self, path: str) -> Told:
        """What the console answers to ``traces/ID``; raises ConfigurationError."""
        try:
            return self._book.trace(path.removeprefix("traces/"))
        except BadRequestError as error:
            raise ConfigurationError(str(error)) from error

    def events(self, *, follow: bool, limit: int, missed: Callable[[int], None], **wanted: Any) -> Iterator[Told]:
        """The last so many records, the oldest first; nothing follows, and nothing was missed.

        Raises:
            ConfigurationError: they are to be followed.
        """
        if follow:
            raise ConfigurationError("--recording is over: it cannot be followed")
        asked = Asked({**{name: str(value) for name, value in wanted.items() if value}, "limit": str(limit)}, b"")
        yield from map(self._book.teller().tell, self._book.page(asked)().records)
