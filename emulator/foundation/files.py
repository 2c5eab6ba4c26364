"""Reads files of users, and writes files whole or not at all: whoever is killed leaves the old content or the new.

Only regular files are read and written: a device or a FIFO is refused, never replaced and never waited for. What is
written through a link is written to the file that it leads to.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from streamer.errors import ConfigurationError

MODE: Final = 0o666
"""What a new file may be used for, less the umask."""
PRIVATE: Final = 0o600
"""For what holds payloads or keys."""
_DRAFT_BYTES: Final = 4
"""Of chance in the name of a draft."""


def write_whole(path: Path, content: bytes, *, mode: int = MODE, replaces: bool = True) -> bool:
    """Write a file in one step; its folder is made if it is not there.

    Args:
        path: the file, or a link to it.
        content: all of it.
        mode: who may use it, less the umask; never more than that, not even while it is written.
        replaces: whether a file that is there is replaced; if not, of several writers at once one wins.

    Returns:
        False: there was a file, and it was not to be replaced.

    Raises:
        OSError: it cannot be written, or is no regular file.
    """
    target = regular(path)
    with draft_of(target, mode) as (draft, descriptor):
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        if replaces:
            draft.replace(target)
            return True
        try:
            # Unlike a rename, a link never replaces what another process has put there.
            target.hardlink_to(draft)
        except FileExistsError:
            return False
        return True


def regular(path: Path) -> Path:
    """Where a path leads; there may be nothing yet.

    Raises:
        OSError: there is something that is no regular file, or it cannot be looked at.
    """
    target = Path(os.path.realpath(path))
    with contextlib.suppress(FileNotFoundError):
        _require_regular(target.stat(), path)
    return target


def read_text(path: Path) -> str:
    """What a user's file says, without the mark that Windows puts before it.

    Raises:
        ConfigurationError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text") from error


def read_regular(path: Path) -> bytes:
    """The content of a file; raises OSError also if it is no regular one."""
    with open_regular(path) as file:
        return file.read()


def open_regular(path: Path, *, appends: bool = False) -> IO[bytes]:
    """Open a file without a buffer, to be read or, made if it is not there, to be added to.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    regular(path)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT if appends else os.O_RDONLY
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, PRIVATE)
    try:
        _require_regular(os.fstat(descriptor), path)  # it may have become something else meanwhile
        return os.fdopen(descriptor, "ab" if appends else "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


def write_all(file: IO[bytes], content: bytes) -> None:
    """Write all of it to a file without a buffer, or raise OSError: a full disk may take the beginning."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _require_regular(found: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))


@contextmanager
def draft_of(path: Path, mode: int) -> Iterator[tuple[Path, int]]:
    """A new file beside the one that is meant, and its descriptor, which is the caller's to close.

    It is gone in the end, unless it took the place of the one that is meant.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(_DRAFT_BYTES)}")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        yield draft, descriptor
    finally:
        draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the disk know the names in a folder: until then a crash of the machine may undo a rename.

    Raises:
        OSError: the disk fails.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_left_drafts(path: Path) -> None:
    """Remove drafts of a file whose processes are gone: one that is killed leaves its own, which may be large."""
    named = re.compile(rf"{re.escape(path.name)}\.(\d+)\.[0-9a-f]{{{2 * _DRAFT_BYTES}}}")
    with contextlib.suppress(OSError):  # they are in nobody's way
        for each in path.parent.iterdir():
            found = named.fullmatch(each.name)
            if found is not None and not _is_running(int(found[1])):
                each.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # another user's, or a number that no process can have
    return True


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
            self._file = open_regular(self._path, appends=True)
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
