"""Follows a project while it is emulated: changed code, changed templates, with connections open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError

from .. import log
from ..emulator import Emulator
from .from_template import BUILD_OUTPUT, TemplateTarget, run_build
from .reload import SETTLE_MS
from .terminal import code_of
from .trial import Trials, environment_of, parts

IGNORED: Final = ("__pycache__", "node_modules", ".git", ".streamer")
"""Folders whose changes mean nothing."""


async def follow(emulator: Emulator, target: TemplateTarget) -> None:
    """Let what changes on disk take effect, until cancelled; a project that became wrong is told, the old runs on."""
    trials = Trials(code_of(target.folder))
    while True:
        async for files in _changes(target):
            found = await _changed(emulator, target, files, trials)
            if found is not target:
                target = found
                break  # what is to be watched may have changed too


async def _changed(
    emulator: Emulator, target: TemplateTarget, files: frozenset[Path], trials: Trials
) -> TemplateTarget:
    try:
        if target.options.build is not None:
            await asyncio.to_thread(run_build, target.options.build, target.folder)
        found = await asyncio.to_thread(target.again)
        described = found.read.described
        if (described.topology, described.services) != (emulator.topology, target.read.described.services):
            await emulator.apply(described.topology, described.services)
    except ConfigurationError as error:
        log.error("the change is not in effect", problem=str(error))
        found = target
    await emulator.reload()
    names = sorted(_shown(file, target.folder) for file in files)
    changed = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    folder = emulator.config.project_folder
    tried = parts(emulator.topology, None, folder)
    if await trials.passed(tried, environment_of(emulator.topology, emulator.endpoints, folder), changed):
        emulator.warm()
    return found


async def _changes(target: TemplateTarget) -> AsyncIterator[frozenset[Path]]:
    from watchfiles import awatch  # noqa: PLC0415 - 40 ms that need not delay the start

    watched = {path for path in target.watched if path.exists()}
    if target.options.build is not None:
        watched.add(target.read.project.root.resolve())
    # A file that is written anew is another file: its folder is watched in its place.
    folders = {path if path.is_dir() else path.parent for path in watched}
    async for changed in awatch(*_outermost(folders), step=SETTLE_MS // 2, debounce=10 * SETTLE_MS):
        files = frozenset(path for path in (Path(name) for _change, name in changed) if _counts(path, watched, target))
        if files:
            yield files


def _counts(path: Path, watched: Iterable[Path], target: TemplateTarget) -> bool:
    """Whether a change of a file is one of the project's."""
    within = [each for each in watched if path == each or (each.is_dir() and path.is_relative_to(each))]
    if not within:
        return False
    below = path.relative_to(max(within, key=lambda each: len(each.parts))).parts
    ignored = IGNORED if target.options.build is None else BUILD_OUTPUT
    return not any(part in ignored for part in below)


def _outermost(folders: Iterable[Path]) -> list[Path]:
    found = sorted(folders)
    return [each for each in found if not any(each != other and each.is_relative_to(other) for other in found)]


def _shown(file: Path, folder: Path) -> str:
    resolved = folder.resolve()
    return file.relative_to(resolved).as_posix() if file.is_relative_to(resolved) else str(file)
