"""Which of several emulators in one folder its other commands find."""

from __future__ import annotations

import contextlib
import fcntl
from pathlib import Path
from typing import IO


class Claim:
    """A lock that one process holds at a time, and that the system takes back from it however it ends."""

    def __init__(self, path: Path) -> None:
        """Lock the file of that name; it is made, and stays, for whoever removed it would let two hold it."""
        self._path = path
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Whether it is ours, now or already.

        Raises:
            OSError: the file cannot be made, or is where nothing can be locked.
        """
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Give it up."""
        if self._file is not None:
            # Closing alone would leave it with a process forked by a function that runs inline.
            with contextlib.suppress(OSError):  # where nothing can be locked, nothing can be unlocked
                fcntl.flock(self._file, fcntl.LOCK_UN)
            self._file.close()
            self._file = None
