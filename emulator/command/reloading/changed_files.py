"""Notices changed files of a project."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ...foundation import log
from ...foundation.tasks import end

SETTLE_MS: Final = 100
"""Editors write a file in several steps; changes this close together are one."""
LOOK_SECONDS: Final = 1.0
"""How often files are looked at where the system does not tell of their changes."""
_State = tuple[int, int, int] | None


async def changes(folder: Path, since: float, settings: Collection[Path] = ()) -> AsyncGenerator[frozenset[Path], None]:
    """The Python files, and of some others, that changed below a folder, each time some did.

    Hidden folders are left out. ``since`` is as in `watching`; of the others nothing is told from before.
    """
    named = {file.name for file in settings}
    async with contextlib.aclosing(watching([folder], since, only_python=True, others=tuple(named))) as reports:
        async for changed in reports:
            files = frozenset(
                path
                for path in changed
                if path in settings or not (path.name in named or _is_hidden(path.relative_to(folder)))
            )
            if files:
                yield files


async def watching(
    folders: Iterable[Path], since: float, *, only_python: bool = False, others: Sequence[str] = ()
) -> AsyncGenerator[frozenset[Path]]:
    """What changed below folders, each time something did; first, as soon as they are watched, what was saved before.

    That begins with ``since``, in Unix seconds; it may be nothing. What changes while the caller is busy is told when
    it asks again. With ``only_python`` those files count whose names end with one of the others, too.
    """
    await asyncio.to_thread(importlib.import_module, "watchfiles")  # 40 ms, while the first clients are answered
    from watchfiles import Change, DefaultFilter, PythonFilter, awatch  # noqa: PLC0415 - as above

    # At DEBUG, which functions that run inline may ask for, it tells of each write to a file that takes its own lines.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)

    counts, folders = PythonFilter(extra_extensions=others) if only_python else DefaultFilter(), list(folders)
    skipped = frozenset(DefaultFilter.ignore_dirs)

    def states() -> dict[Path, _State]:
        return {path: at for path, at in _saved(folders, 0, skipped, "").items() if counts(Change.modified, str(path))}

    told = awatch(*folders, watch_filter=counts, step=SETTLE_MS // 2, debounce=10 * SETTLE_MS)
    async with contextlib.aclosing(told_or_found(told, states)) as watched:
        coming = asyncio.ensure_future(anext(watched))
        try:
            await asyncio.sleep(0)  # in which it begins to watch
            known = await asyncio.to_thread(_saved, folders, since, skipped, ".py" if only_python else "")
            yield frozenset(known)
            while True:
                changed = await coming
                coming = asyncio.ensure_future(anext(watched))
                # What was saved while the folders were looked through is told once.
                if news := frozenset(path for path in changed if path not in known or known[path] != _state(path)):
                    yield news
        finally:
            await end([coming])


async def whole(
    changes: AsyncGenerator[frozenset[Path]], is_being_made: Callable[[], bool]
) -> AsyncGenerator[frozenset[Path]]:
    """Changes as they are told, but those of what is still being made together, with the first that is told after it.

    That comes: what says that it is being made is a file below the folders, and goes then.
    """
    held: frozenset[Path] = frozenset()
    async with contextlib.aclosing(changes):
        async for changed in changes:
            held |= changed
            if not is_being_made():
                yield held
                held = frozenset()


async def told_or_found(
    told: AsyncGenerator[set[tuple[Any, str]]],
    states: Callable[[], Mapping[Path, object]],
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncGenerator[set[Path]]:
    """The files whose changes the system tells of; where it cannot, those whose states differ from a look to the next.

    It cannot where a folder below may not be read, such as that of a container's database, is one too many, or has a
    name that is no UTF-8. ``told`` is `awatch`'s: it raises OSError or UnicodeError for that, or a RuntimeError in a
    group once it has begun.
    """
    try:
        async with contextlib.aclosing(told):
            async for changed in told:
                yield {Path(name) for _change, name in changed}
    except* (OSError, RuntimeError, UnicodeError) as failed:
        problem = str(failed.exceptions[0])
        log.warning("the system does not tell of changed files: they are looked at each second", problem=problem)
    before = states()
    while True:
        await sleep(LOOK_SECONDS)
        now = await asyncio.to_thread(states)
        if changes := {path for path, _ in before.items() ^ now.items()}:
            yield changes
        before = now


def _saved(folders: Iterable[Path], since: float, skipped: frozenset[str], suffix: str) -> dict[Path, _State]:
    return {Path(name): state for folder in folders for name, state in _found(str(folder), since, skipped, suffix)}


def _found(folder: str, since: float, skipped: frozenset[str], suffix: str) -> Iterator[tuple[str, _State]]:
    for place, names, files in os.walk(folder):
        names[:] = [name for name in names if name not in skipped and not name.startswith(".")]
        for name in files:
            if name.endswith(suffix):
                path = os.path.join(place, name)  # noqa: PTH118 - for each file of a project
                state = _state(path)
                if state is not None and max(state[:2]) >= since * 1e9:
                    yield path, state


def _state(path: Path | str) -> _State:
    """When a file was written, and when put where it is, in Unix nanoseconds, and its bytes; None: it is gone."""
    try:
        found = os.stat(path)  # noqa: PTH116 - as above
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
