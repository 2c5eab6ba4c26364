"""Follows a project while it is emulated: changed code, changed templates, with connections open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError

from ...foundation import log
from ...templates.assembly import Project
from ...wiring.emulator import Emulator
from ..here.ready_file import is_alive
from ..printing.terminal import code_of
from ..targets.from_template import BUILD_OUTPUT, TemplateTarget, run_build
from .changed_files import watching, whole
from .trial import Trials, environment_of, parts

IGNORED: Final = ("__pycache__", "node_modules", ".git", ".streamer")
"""Folders whose changes mean nothing."""
_LOCK: Final = "synth.lock"
_LOG: Final = ".log"
"""End of the names of files that somebody, ourselves (``--log-dir``) or ``tee``, writes whenever we do something."""
_OUTPUTS: Final = (1, 2)
_LINE: Final = re.compile(r":\d+: ")
"""A line's number behind the name of its file."""


async def follow(emulator: Emulator, target: TemplateTarget, own: Collection[Path], since: float) -> None:
    """Let what changes on disk take effect, until cancelled; a project that became wrong is told, the old runs on.

    ``own`` are files that the emulator writes; ``since`` is as in `watching`.
    """
    trials = Trials(code_of(target.folder))
    is_first = True
    while True:
        folders = _folders(target)
        told = whole(watching(folders, since), lambda: is_being_made(target.read.project))  # noqa: B023 - of now
        async with contextlib.aclosing(told) as changes:
            async for changed in changes:
                files = _counting(changed, target, own)
                if files:
                    target = await _changed(emulator, target, files, trials)
                elif not changed and not is_first:  # what was saved while nobody watched
                    target = await _read_again(emulator, target)
                is_first = False
                if _folders(target) != folders:
                    since = time.time()
                    break


def is_being_made(project: Project) -> bool:
    """Whether the CDK's command is writing an assembly: what stands there until then is of two versions, or half.

    It leaves its process id in a file meanwhile, which may stay when it is killed. [SRC] aws-cdk toolkit-lib rwlock.ts
    """
    folders = {each for part in project.parts if part.format == "CDK" for each in (part.folder, *part.folder.parents)}
    return any(_is_held(each / _LOCK) for each in folders if each.is_relative_to(project.root))


def _is_held(lock: Path) -> bool:
    try:
        return is_alive(int(lock.read_text("utf-8")))
    except (OSError, ValueError):
        return False


async def _changed(
    emulator: Emulator, target: TemplateTarget, files: frozenset[Path], trials: Trials
) -> TemplateTarget:
    found = await _read_again(emulator, target)
    if found is target:  # it became wrong, which was told: of what changed, only code is loaded anew
        files -= _watched(target)
    if not files:
        return found
    names = sorted(_shown(file, target.folder) for file in files)
    changed = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    folder = emulator.config.project_folder
    tried = parts(emulator.topology, None, folder)
    loads = await trials.passed(tried, environment_of(emulator.topology, emulator.endpoints, folder), changed)
    emulator.hold(is_held=not loads)
    if loads:
        emulator.warm()
    return found


async def _read_again(emulator: Emulator, target: TemplateTarget) -> TemplateTarget:
    """Let what is on disk now take effect; answers what does."""
    try:
        if target.options.build is not None:
            await asyncio.to_thread(run_build, target.options.build, target.folder)
        found = await asyncio.to_thread(target.again)
        described = found.read.described
        roles = found.roles
        before = (emulator.topology, target.read.described.services)
        if roles is not None or (described.topology, described.services) != before:
            await emulator.apply(described.topology, described.services, roles)
        for text in new_warnings(target.read.warnings, found.read.warnings):
            log.warning(text)
    except ConfigurationError as error:
        log.error("the change is not in effect", problem=str(error))
        found = target
    await emulator.reload()
    return found


def new_warnings(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """What was not yet said before a change, wherever in its file it stands since."""
    said = {_LINE.sub(": ", text) for text in before}
    return [text for text in after if _LINE.sub(": ", text) not in said]


def _watched(target: TemplateTarget) -> frozenset[Path]:
    """Also what is gone: tools, and git, remove files and folders and make them again."""
    found = set(target.watched)
    if target.options.build is not None:
        found.add(target.read.project.root.resolve())
    return frozenset(found)


def _folders(target: TemplateTarget) -> list[Path]:
    """A file that is written anew is another file: the folder above is watched, as for what is gone."""
    return _outermost({_nearest(path) for path in _watched(target)})


def _nearest(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.is_dir())


def _counting(changed: Iterable[Path], target: TemplateTarget, own: Collection[Path]) -> frozenset[Path]:
    """Those of the changes that are the project's."""
    watched, roots = _watched(target), _folders(target)
    ignored = IGNORED if target.options.build is None else BUILD_OUTPUT
    return frozenset(
        path
        for path in changed
        if path not in roots and counts(path, watched, ignored) and not _is_written_here(path, own)
    )


def _is_written_here(path: Path, own: Iterable[Path]) -> bool:
    """Whether it is a file that we write as we go, so that to reload for it would have no end."""
    drafts = f".{os.getpid()}."
    if path.suffix == _LOG or any(path == each or str(path).startswith(f"{each}{drafts}") for each in own):
        return True
    return any(_is_output(path, descriptor) for descriptor in _OUTPUTS)


def _is_output(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:  # it is gone, or nothing is open there
        return False


def counts(path: Path, watched: Collection[Path], ignored: Iterable[str]) -> bool:
    """Whether a change of a file or folder is one of what is watched; folders of the ignored names in it are none.

    So is that of a folder above: it came or went with all that is below it, of which nothing more is told.
    """
    within = [each for each in watched if path == each or (each.is_dir() and path.is_relative_to(each))]
    if not within:
        return any(path in each.parents for each in watched)
    below = path.relative_to(max(within, key=lambda each: len(each.parts))).parts
    return not any(part in ignored for part in below)


def _outermost(folders: Iterable[Path]) -> list[Path]:
    found = sorted(folders)
    return [each for each in found if not any(each != other and each.is_relative_to(other) for other in found)]


def _shown(file: Path, folder: Path) -> str:
    resolved = folder.resolve()
    return file.relative_to(resolved).as_posix() if file.is_relative_to(resolved) else str(file)
