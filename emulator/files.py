"""Writes files whole or not at all: a reader, and whoever comes after a crash, sees the old content or the new."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MODE: Final = 0o666
"""What a new file may be used for, less the umask."""


def write_whole(
    path: Path, content: bytes, *, mode: int = MODE, replaces: bool = True, is_durable: bool = False
) -> bool:
    """Write a file in one step; its folder is made if it is not there.

    Args:
        path: the file.
        content: all of it.
        mode: who may use it, less the umask; never more than that, not even while it is written.
        replaces: whether a file that is there is replaced; if not, of several writers at once one wins.
        is_durable: whether the content survives a crash of the machine as soon as this returns.

    Returns:
        False: there was a file, and it was not to be replaced.

    Raises:
        OSError: it cannot be written.
    """
    with _draft(path, mode) as (draft, descriptor):
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        if replaces:
            draft.replace(path)
            return True
        try:
            # Unlike a rename, a link never replaces what another process has put there.
            path.hardlink_to(draft)
        except FileExistsError:
            return False
        return True


def require_writable(path: Path) -> None:
    """Try what `write_whole` will do; raises OSError when it could not."""
    with _draft(path, MODE) as (_, descriptor):
        os.close(descriptor)


@contextmanager
def _draft(path: Path, mode: int) -> Iterator[tuple[Path, int]]:
    """A new file beside the one that is meant, which is gone in the end, and its descriptor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        yield draft, descriptor
    finally:
        draft.unlink(missing_ok=True)
