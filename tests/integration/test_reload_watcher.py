"""Which changes of a project make the emulator load its code anew."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from emulator.command.reload import changes
from emulator.command.template_reload import watching


async def changed_names(folder: Path, *writes: Path) -> set[str]:
    """Names of the files of the first report after these files were written again and again."""
    reports = changes(folder)

    async def first() -> set[str]:
        async for files in reports:
            return {file.relative_to(folder).as_posix() for file in files}
        return set()

    async with asyncio.timeout(60):
        waiting = asyncio.create_task(first())
        number = 0
        while not waiting.done():
            # The watcher may not have begun yet, and nothing tells when it has.
            number += 1
            for file in writes:
                file.write_text(f"number = {number}\n")
            await asyncio.wait({waiting}, timeout=0.05)
    await reports.aclose()
    return waiting.result()


async def test_a_changed_module_is_reported(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()

    assert await changed_names(tmp_path, tmp_path / "package" / "module.py") == {"package/module.py"}


async def test_hidden_folders_environments_and_other_files_are_not(tmp_path: Path) -> None:
    for folder in (".streamer", "__pycache__", "node_modules"):
        (tmp_path / folder).mkdir()
    ignored = [tmp_path / ".streamer" / "x.py", tmp_path / "__pycache__" / "y.py", tmp_path / "notes.txt"]

    assert await changed_names(tmp_path, *ignored, tmp_path / "app.py") == {"app.py"}


async def test_what_is_saved_while_a_change_takes_effect_is_told_after_it(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    async with asyncio.timeout(60), contextlib.aclosing(watching([tmp_path])) as reports:
        assert await anext(reports) == frozenset()  # it watches from here on
        for number in range(5):  # nobody asks meanwhile
            file.write_text(f"number = {number}\n")
            assert await anext(reports) == {file}
