"""The development secret: signs tokens locally while ``JWT_SECRET`` is unset, shared by all commands in one folder."""

from __future__ import annotations

import errno
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError
from streamer.project import STATE_FOLDER

from ...foundation.files import PRIVATE, read_regular, write_whole

FOLDER: Final = Path(STATE_FOLDER)
"""What streamer keeps beside a project; ignored by git through a file of its own."""
FILE: Final = "jwt-secret"
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class DevelopmentSecret:
    """The secret and whether this call made it."""

    value: str
    is_new: bool

    def __repr__(self) -> str:
        return f"DevelopmentSecret(is_new={self.is_new})"


def development_secret(folder: Path = FOLDER) -> DevelopmentSecret:
    """The secret kept in ``folder``; made, readable by its owner only, when there is none.

    Of several processes that make it at once, one wins, and all return the winner's.

    Raises:
        ConfigurationError: the folder cannot be written, or the file is not a secret of ours.
    """
    path = folder / FILE
    try:
        existing = _read(path)
        if existing is not None:
            return DevelopmentSecret(existing, is_new=False)
        make_state_folder(folder)
        is_new = write_whole(path, f"{secrets.token_urlsafe(SECRET_BYTES)}\n".encode(), mode=PRIVATE, replaces=False)
        created = _read(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the development secret {path} cannot be read or made ({error}); set JWT_SECRET instead"
        ) from error
    if created is None:
        raise ConfigurationError(f"the development secret {path} vanished; try again, or set JWT_SECRET")
    return DevelopmentSecret(created, is_new=is_new)


def kept_secret(folder: Path) -> str | None:
    """The secret kept in ``folder``; None: there is none. Raises as `development_secret`."""
    try:
        return _read(folder / FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the development secret {folder / FILE} cannot be read ({error})") from error


def _read(path: Path) -> str | None:
    try:
        text = read_regular(path).decode("ascii").strip()
    except FileNotFoundError:
        return None
    if len(text) < SECRET_BYTES:
        raise ConfigurationError(f"{path} holds no usable secret; delete it and a new one is made")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        # Copied or checked out by a tool that does not keep modes.
        path.chmod(PRIVATE)
    return text


def state_folder(project: Path) -> Path:
    """What streamer keeps beside a project, made unless it is there.

    Raises:
        ConfigurationError: it cannot be made.
    """
    folder = project / FOLDER
    try:
        make_state_folder(folder)
    except OSError as error:
        todo = f"; {make_writable(project)}" if error.errno in (errno.EACCES, errno.EROFS) else ""
        raise ConfigurationError(f"the folder {folder} cannot be used: {error.strerror}{todo}") from error
    return folder


def make_writable(project: Path | str) -> str:
    """What to do where that folder cannot be made or written."""
    return f"make {project} writable for you; streamer keeps a secret and certificates in {FOLDER}/"


def make_state_folder(folder: Path = FOLDER) -> None:
    """Make the folder, ignored by git, if it is not there; one that others may use is closed to them.

    Raises:
        OSError: it cannot be made, closed, or written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A link leads to a folder that is not ours to close.
    if not folder.is_symlink() and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        folder.chmod(0o700)
    if not (ignore := folder / ".gitignore").exists():
        write_whole(ignore, b"# Local state and a secret; never commit it.\n*\n", replaces=False)
