"""Archives with the code of functions and layers."""

from __future__ import annotations

import io
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError

_BROKEN: Final = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error)
"""What is raised for an archive that is none, or cannot be read here."""
_TWO_OF_ONE_NAME: Final = (FileExistsError, NotADirectoryError, IsADirectoryError)
"""What comes of a file and a folder of one name."""


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive into a folder, whole or not at all; other emulators may do so at once. None is made of nothing.

    Raises:
        ValueError: it is no archive, or a damaged one.
        ConfigurationError: the folder cannot be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{target.name}.", dir=target.parent) as draft:
            unpacked = Path(draft, "unpacked")
            try:
                _extract(archive, unpacked)
            except (*_BROKEN, *_TWO_OF_ONE_NAME) as error:
                raise ValueError(str(error)) from error
            if unpacked.is_dir():
                _rename(unpacked, target)
    except OSError as error:
        raise ConfigurationError(f"{archive} cannot be unpacked to {target}: {error.strerror}") from error


def _extract(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            written = Path(opened.extract(info, folder))
            mode = info.external_attr >> 16
            if mode & 0o111 and written.is_file():
                written.chmod(0o755)


def _rename(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError:
        if not target.is_dir():  # else another emulator was faster
            raise


def is_empty(body: bytes) -> bool:
    """Whether there is nothing in an archive; raises ValueError if it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as opened:
            return not opened.infolist()
    except _BROKEN as error:
        raise ValueError(str(error)) from error
