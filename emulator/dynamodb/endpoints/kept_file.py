"""A file that holds a state and what changed since, and that always is as the state is now.

Changes are appended some milliseconds later, or earlier if `KeptFile.settle` is called: so it is before a client is
told what came of them, and not even SIGKILL makes that undone. When much was appended the file is written anew, a
little at a time, and is on the disk before it takes the old one's place: a crash of the machine, too, leaves a state,
if perhaps without what was appended last. One process at a time has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError, StreamerError

from ...foundation import log
from ...foundation.checked_lines import checked
from ...foundation.files import PRIVATE, draft_of, regular, remove_left_drafts, sync_folder, write_whole
from ...foundation.tasks import end

SOON_SECONDS: Final = 0.02
"""A call of the system costs as much as ten changes, so it takes those of so long together."""
GROWN_BYTES: Final = 24 * 1024 * 1024
"""So much, and as much as the state was, is appended before the file is written anew."""
SMALL_BYTES: Final = 8 * 1024 * 1024
"""A larger state is not written anew in the end, for which the user waits."""
WAITING_BYTES: Final = 64 * 1024 * 1024
"""Changes that wait for a disk that is full; of more none is kept, and the whole state is written in the end."""
FILE_BYTES: Final = 2 * 1024**3
"""A larger file is none of ours: it would take more memory than machines have to spare."""
RETRY_SECONDS: Final = 1.0

Pieces = Callable[[], Iterator[bytes]]
"""The whole state as it is at the call, in pieces."""


class NotSavedError(StreamerError):
    """The state could not be written; the message says where what is."""


class KeptFile:
    """The file; `open`, then `begin`, then `append`, and in the end `finish`."""

    def __init__(self, path: Path, pieces: Pieces) -> None:
        """Args: ``pieces`` is asked for the whole state when all is written anew."""
        self._path = path
        self._target = path
        self._pieces = pieces
        self._descriptor: int | None = None
        self._size = self._base = 0
        """Bytes of the file that count, and of the state in it."""
        self._waiting = bytearray()
        """Lines that are not in the file yet: in one place, where they cost less than as many objects."""
        self._has_begun = False
        self._is_scheduled = False
        self._is_behind = False
        """Whether the last try to write failed."""
        self._has_lost = False
        """Whether changes are in no file, so that only the whole state will do."""
        self._since: list[bytes] | None = None
        """What was appended since the file began to be written anew; None: it is not."""
        self._rewriting: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None

    def open(self) -> bytes:
        """Take the file, which is made if there is none, and read it.

        Raises:
            ConfigurationError: another process has it, or it is too large.
            OSError: it cannot be read or written, or is no regular file.
        """
        self._target = regular(self._path)
        while True:
            try:
                descriptor = os.open(self._target, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            except FileNotFoundError:
                write_whole(self._target, b"".join(self._pieces()), mode=PRIVATE, replaces=False)
                continue
            self._lock(descriptor)
            if _is_at(descriptor, self._target):
                break
            os.close(descriptor)  # whoever had it put another in its place meanwhile
        self._descriptor = descriptor
        remove_left_drafts(self._target)
        size = os.fstat(descriptor).st_size
        if size > FILE_BYTES:
            text = f"{self._path} is too large for a state: {size} bytes of at most {FILE_BYTES}; name another file"
            raise ConfigurationError(text)
        with contextlib.suppress(PermissionError):  # another's file, which we may write
            os.fchmod(descriptor, PRIVATE)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read()

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            text = f"{self._path} is used by another emulator; end that, or name another file"
            raise ConfigurationError(text) from None
        except OSError:
            pass  # where nothing can be locked, nobody can be told

    def begin(self, size: int, base: int) -> None:
        """Go on after so many bytes, of which the first are a state; what follows them was cut off.

        Raises:
            OSError: it cannot be written.
        """
        self._size, self._base = size, base
        self._has_begun = True
        if self._has_lost:
            self._rewrite()

    def append(self, line: bytes) -> None:
        """Write the line of a change soon, behind its checksum."""
        self._waiting += checked(line)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_later(SOON_SECONDS, self._due)

    def settle(self) -> None:
        """Write what waits now; after it, whoever is told of it is told the truth even if SIGKILL follows."""
        if self._waiting and not self._is_behind:
            self._flush()

    def _due(self) -> None:
        self._is_scheduled = False
        if self._waiting or self._has_lost:
            self._flush()

    def _flush(self) -> None:
        if self._descriptor is None:  # it was given up meanwhile, with all that waited
            return
        try:
            if self._has_lost:
                self._rewrite()
            else:
                self._write_waiting()
        except OSError as error:
            self._failed(error)
            return
        if self._is_behind:
            self._is_behind = False
            log.warning("the state is saved again", file=self._path)
        if self._since is None and self._size - self._base > max(GROWN_BYTES, self._base):
            since = self._since = []
            slowly = self._rewrite_slowly(self._pieces(), since)
            self._rewriting = asyncio.get_running_loop().create_task(slowly)

    def _write_waiting(self) -> None:
        data = bytes(self._waiting)
        assert self._descriptor is not None
        _write_at(self._descriptor, data, self._size)
        self._waiting.clear()
        self._size += len(data)
        if self._since is not None:
            self._since.append(data)

    def _failed(self, error: OSError) -> None:
        if not self._is_behind:
            self._is_behind = True
            log.error(f"the state cannot be saved, which is tried again: {error.strerror}", file=self._path)
        if self._has_lost or len(self._waiting) > WAITING_BYTES:
            self._waiting.clear()
            self._has_lost = True
        self._is_scheduled = True
        self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._due)

    # writing it anew

    def rewrite(self) -> None:
        """Write the whole state at once, or when it has begun: something changed that no line tells of."""
        self._has_lost = True
        if not self._has_begun:
            return
        try:
            self._rewrite()
        except OSError as error:
            self._failed(error)

    def _rewrite(self) -> None:
        if self._rewriting is not None:
            self._rewriting.cancel()
        with _closed_unless_kept(self._target) as (draft, descriptor):
            size = _write_at(descriptor, b"".join(self._pieces()), 0)
            os.fsync(descriptor)
            self._replace(draft, descriptor, size)
        self._waiting.clear()
        self._has_lost, self._since = False, None

    async def _rewrite_slowly(self, pieces: Iterator[bytes], since: list[bytes]) -> None:
        try:
            with _closed_unless_kept(self._target) as (draft, descriptor):
                size = 0
                for piece in pieces:
                    size += _write_at(descriptor, piece, size)
                    await asyncio.sleep(0)
                await asyncio.to_thread(os.fsync, descriptor)  # a disk may take a second for so much
                appended = _write_at(descriptor, b"".join(since), size)
                self._replace(draft, descriptor, size + appended)
                self._base = size
        except OSError as error:
            log.warning(f"the state grows, and cannot be written anew: {error.strerror}", file=self._path)
            self._base = self._size  # tried again when it has grown as much again
        finally:
            if self._since is since:
                self._since = None

    def _replace(self, draft: Path, descriptor: int, size: int) -> None:
        with contextlib.suppress(OSError):  # where nothing can be locked, nobody can be told
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.replace(self._target)
        before, self._descriptor = self._descriptor, descriptor
        if before is not None:
            os.close(before)
        self._size = self._base = size

    # the end

    async def finish(self) -> None:
        """Write what is not yet written, safe from a crash of the machine too, and give the file up.

        Raises:
            NotSavedError: it cannot be written; the message says where the state is.
        """
        if self._rewriting is not None:
            await end([self._rewriting])
        if self._retry is not None:
            self._retry.cancel()
        try:
            try:
                if self._has_lost or self._base < SMALL_BYTES or _is_removed(self._descriptor):
                    self._rewrite()
                else:
                    self._write_waiting()
            except OSError:
                if self._has_lost:
                    raise
                self._write_waiting()
            assert self._descriptor is not None
            os.fsync(self._descriptor)
            sync_folder(self._target.parent)
        except OSError as error:
            raise NotSavedError(self._rescued(error)) from error
        finally:
            self.close()

    def _rescued(self, error: OSError) -> str:
        text = f"the state cannot be written to {self._path}: {error.strerror}"
        rescue = None
        try:
            # A name that nobody can have taken before, for instance by a link to another file of the user's.
            descriptor, rescue = tempfile.mkstemp(prefix=f"{self._path.name}.")
            with os.fdopen(descriptor, "wb") as file:
                file.write(b"".join(self._pieces()))
                file.flush()
                os.fsync(descriptor)
        except OSError:
            if rescue is not None:
                Path(rescue).unlink()
            return f"{text}; it is as it was when that began, and what changed since is lost"
        return f"{text}; all of it is in {rescue}, and --state takes that"

    def close(self) -> None:
        """Give the file up as it is."""
        if self._descriptor is not None:
            # Closing alone would leave the lock with a process forked by a function that runs inline.
            with contextlib.suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None


@contextlib.contextmanager
def _closed_unless_kept(target: Path) -> Iterator[tuple[Path, int]]:
    """A draft of the file, whose descriptor is closed if the draft does not become the file."""
    with draft_of(target, PRIVATE) as (draft, descriptor):
        try:
            yield draft, descriptor
        except BaseException:
            os.close(descriptor)
            raise


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    own = os.fstat(descriptor)
    return (own.st_dev, own.st_ino) == (found.st_dev, found.st_ino)


def _is_removed(descriptor: int | None) -> bool:
    """Whether the file has no name any more, so that nobody finds what is written to it."""
    return descriptor is not None and os.fstat(descriptor).st_nlink == 0


def _write_at(descriptor: int, data: bytes, offset: int) -> int:
    """Write all of it, or raise OSError: a full disk may take the beginning. How much it was."""
    left, at = memoryview(data), offset
    while left:
        written = os.pwrite(descriptor, left, at)
        left, at = left[written:], at + written
    return len(data)
