"""Ready files of an emulator that runs: its own, and the folder's, which it may have to wait for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from streamer.errors import ConfigurationError

from ...foundation import log
from ...foundation.files import Claim
from ...foundation.tasks import end
from .ready_file import FILE, Ready, remove_ready, running, write_ready

SUCCESSION_SECONDS: Final = 1.0
"""How often an emulator looks whether the other one in its folder is gone."""


class Findable:
    """The files that say where an emulator is, each whole at any time."""

    def __init__(self, ready: Ready) -> None:
        """Nothing is written yet."""
        self._ready = ready
        self._paths: list[Path] = []

    def add(self, path: Path) -> None:
        """Write another file; raises OSError."""
        write_ready(path, self._ready)
        self._paths.append(path)

    def tell(self, **changed: Any) -> None:
        """Tell what has changed since, in all of them and in those to come."""
        ready, self._ready = self._ready, replace(self._ready, **changed)
        if self._ready == ready:
            return
        for path in self._paths:
            try:
                write_ready(path, self._ready)
            except OSError as error:
                log.error("the ready file cannot be written", file=path, error=error)


@asynccontextmanager
async def findable(own: Path | None, folder: Path, ready: Ready) -> AsyncIterator[Findable]:
    """Ready files that exist, whole, while the emulator accepts traffic.

    The folder's own is another emulator's as long as that one runs, then ours.

    Args:
        own: A file beside the folder's own; None: there is none.
        folder: The project's.
        ready: What they tell.

    Raises:
        ConfigurationError: one of them cannot be written.
    """
    shared, files = folder / FILE, Findable(ready)
    with contextlib.ExitStack() as stack:
        if own is not None:
            _warn_of_others(own, ready)
            _add(files, own)
            stack.callback(remove_ready, own, ready.pid)
        claim = stack.enter_context(contextlib.closing(Claim(shared.with_suffix(".lock"))))
        stack.callback(remove_ready, shared, ready.pid)
        if _is_first(claim):
            _add(files, shared)
            yield files
            return
        text = "another emulator of this folder is the one that commands find; until it ends, name this one with --url"
        log.warning(text, url=ready.websocket_url)
        successor = asyncio.create_task(_succeed(claim, shared, files))
        try:
            yield files
        finally:
            await end([successor])


def _is_first(claim: Claim) -> bool:
    try:
        return claim.take()
    except OSError:  # where nothing can be locked, the last one to start is found
        return True


async def _succeed(claim: Claim, path: Path, files: Findable) -> None:
    """Write the folder's ready file when whoever has it is gone."""
    try:
        # Only a thread could wait for a lock, and nothing could end it.
        while True:
            await asyncio.sleep(SUCCESSION_SECONDS)
            if claim.take():
                break
        files.add(path)
    except OSError as error:
        log.error("the ready file cannot be written", file=path, error=error)
    else:
        log.info("the other emulator of this folder ended; commands find this one now")


def _warn_of_others(path: Path, ready: Ready) -> None:
    other = running(path)
    if other is not None and other.pid != ready.pid:
        log.warning("the ready file named an emulator that still runs", file=path, url=other.websocket_url)


def _add(files: Findable, path: Path) -> None:
    try:
        files.add(path)
    except OSError as error:
        raise ConfigurationError(f"the ready file {path} cannot be written: {error.strerror}") from error
