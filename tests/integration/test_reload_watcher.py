"""Which changes of a project make the emulator load its code anew."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from watchfiles import Change

from emulator.command.reloading.changed_files import changes, told_or_found, watching


async def changed_names(folder: Path, *writes: Path) -> set[str]:
    """Names of the files of the first report after these files were written, while they are watched."""
    known = folder / "known.py"
    known.touch()
    async with asyncio.timeout(60), contextlib.aclosing(changes(folder, 0)) as reports:
        assert known in await anext(reports)  # it watches from here on
        for file in writes:
            file.write_text("number = 1\n")
        return {file.relative_to(folder).as_posix() for file in await anext(reports)}


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
    async with asyncio.timeout(60), contextlib.aclosing(watching([tmp_path], time.time())) as reports:
        assert await anext(reports) == frozenset()  # it watches from here on
        for number in range(5):  # nobody asks meanwhile
            file.write_text(f"number = {number}\n")
            assert await anext(reports) == {file}


async def test_what_was_saved_before_files_are_watched_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "old.py").touch()
    os.utime(tmp_path / "old.py", (1, 1))
    since = (tmp_path / "old.py").stat().st_ctime + 0.001
    for name in ("app.py", ".hidden/x.py", "node_modules/y.py", "notes.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        while not file.exists() or file.stat().st_ctime < since:  # the clock of files goes in steps
            file.write_text("number = 1\n")

    async with asyncio.timeout(60), contextlib.aclosing(changes(tmp_path, since)) as reports:
        assert await anext(reports) == {tmp_path / "app.py"}


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(PermissionError(13, "Permission denied"), id="a folder below that may not be read"),
        pytest.param(OSError(28, "OS file watch limit reached"), id="more folders than the system watches"),
        pytest.param(
            UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"), id="a name that is no UTF-8"
        ),
        pytest.param(ExceptionGroup("", [RuntimeError("Permission denied")]), id="a folder that is new"),
    ],
)
async def test_where_the_system_does_not_tell_of_changes_files_are_looked_at(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    app, other, new = Path("app.py"), Path("other.py"), Path("new.py")
    states = iter([{app: 1, other: 1}, {app: 1, other: 1}, {app: 2, other: 1}, {app: 2, new: 1}])

    async def told() -> AsyncGenerator[set[tuple[Change, str]]]:
        yield {(Change.modified, "told.py")}
        raise failure

    async def sleep(seconds: float) -> None:
        """Nothing happens meanwhile."""

    async with contextlib.aclosing(told_or_found(told(), lambda: next(states), sleep=sleep)) as found:
        assert [await anext(found) for _ in range(3)] == [{Path("told.py")}, {app}, {other, new}]

    assert "looked at each second" in caplog.text
