"""Checkpoints of the streams of a DynamoDB that keeps its tables itself, in a JSON file beside the emulator."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError

from ...foundation import log
from ...foundation.checked_lines import checked, whole_lines
from ...foundation.files import PRIVATE, open_regular, write_whole
from .checkpoints import Checkpoints

MOST_BYTES: Final = 64 * 1024**2
"""Far more than the places of all streams take."""


def kept_checkpoints(folder: Path, url: str) -> Checkpoints:
    """The checkpoints for the DynamoDB at a URL; whatever replaces them is in the file at once.

    Raises:
        ConfigurationError: their file cannot be read.
    """
    # A file for each, so that emulators of one folder do not overwrite each other's.
    file = _CheckpointFile(folder / f"checkpoints-{hashlib.blake2b(url.encode(), digest_size=5).hexdigest()}.json")
    try:
        return Checkpoints.of_json(file.read(), file.write)
    except OSError as error:
        raise ConfigurationError(f"{file.path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(
            f"{file.path} is damaged ({error}); delete it, and event source mappings begin at their starting positions"
        ) from error


class _CheckpointFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_behind = False

    def read(self) -> bytes:
        try:
            with open_regular(self.path) as file:
                content = file.read(MOST_BYTES)  # what is longer is cut off, and so no line
        except FileNotFoundError:
            return b"[]"
        if content.startswith(b"["):  # of a former version, without a checksum
            return content
        lines, size = whole_lines(content)
        if len(lines) != 1 or size < len(content):
            raise ValueError("it is not one line")
        return lines[0]

    def write(self, text: str) -> None:
        """Write it all, or say once that it cannot be, until it can be again."""
        try:
            write_whole(self.path, checked(f"{text}\n".encode()), mode=PRIVATE)
        except OSError as error:
            if not self._is_behind:
                words = "the places in the streams cannot be kept; the next start goes on where they were kept last"
                log.error(f"{words}: {error.strerror}", file=self.path)
            self._is_behind = True
        else:
            self._is_behind = False
