"""Notices changed code of a project."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

SETTLE_MS: Final = 100
"""Editors write a file in several steps; changes this close together are one."""


async def changes(folder: Path) -> AsyncGenerator[frozenset[Path], None]:
    """The Python files that changed below a folder, each time some did; hidden folders are left out."""
    await asyncio.to_thread(importlib.import_module, "watchfiles")  # 40 ms, while the first clients are answered
    from watchfiles import PythonFilter, awatch  # noqa: PLC0415 - as above

    async for changed in awatch(folder, watch_filter=PythonFilter(), step=SETTLE_MS // 2, debounce=10 * SETTLE_MS):
        files = frozenset(Path(path) for _change, path in changed if not _is_hidden(Path(path).relative_to(folder)))
        if files:
            yield files


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
