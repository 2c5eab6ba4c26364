"""What was uploaded for stacks, in files that are named by what they contain."""

from __future__ import annotations

import hashlib
from pathlib import Path

from streamer.errors import ConfigurationError

from ...foundation.files import write_whole
from .records import Deployed


def keep_upload(folder: Path, body: bytes) -> Path:
    """Keep an upload in a file of a folder."""
    path = folder / _name(body)
    if not path.is_file() or path.read_bytes() != body:  # a crash of the machine may have left less
        write_whole(path, body)
    return path


def refuse_lost(deployed: Deployed) -> None:
    """Refuse a stack whose uploads are no longer what it was made of.

    Raises:
        ConfigurationError: one is not there, or was changed.
    """
    for (bucket, key), path in deployed.uploads.items():
        if not path.is_file() or _name(path.read_bytes()) != path.name:
            raise ConfigurationError(f"s3://{bucket}/{key}, of which it was made, is not at {path} any more")


def _name(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()
