"""Checkpoints of the streams of a DynamoDB that keeps its tables itself, in a JSON file beside the emulator."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamer.errors import ConfigurationError

from ... import log
from ...files import PRIVATE, read_regular, write_whole
from .checkpoints import Checkpoints


@contextmanager
def kept_checkpoints(folder: Path, url: str) -> Iterator[Checkpoints]:
    """The checkpoints for the DynamoDB at a URL, written at the end if they changed.

    Raises:
        ConfigurationError: their file cannot be read.
    """
    # A file for each, so that emulators of one folder that end together do not overwrite each other's.
    path = folder / f"checkpoints-{hashlib.blake2b(url.encode(), digest_size=5).hexdigest()}.json"
    checkpoints = _read(path)
    before = checkpoints.as_json()
    try:
        yield checkpoints
    finally:
        if checkpoints.as_json() != before:
            content = f"{json.dumps(checkpoints.as_json(), indent=1)}\n".encode()
            try:
                write_whole(path, content, mode=PRIVATE)
            except OSError as error:
                text = "the places in the streams cannot be kept; the next start goes on where this one began"
                log.error(f"{text}: {error.strerror}", file=path)


def _read(path: Path) -> Checkpoints:
    try:
        return Checkpoints.of_json(json.loads(read_regular(path)))
    except FileNotFoundError:
        return Checkpoints()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is damaged ({error}); delete it, and event source mappings begin at their starting positions"
        ) from error
