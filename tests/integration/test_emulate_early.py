"""The process that ``streamer emulate`` starts before it has read its command line: who takes it, and what is left."""

from __future__ import annotations

from pathlib import Path

import pytest
from functions_world import until

from emulator.command.emulate.early import begun, template


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where its folder is made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_the_process_that_was_begun_is_the_one_that_is_used_and_only_once(folders: Path) -> None:
    with begun(["app:app"]), template(is_needed=True) as first:
        assert first is not None
        assert list(folders.iterdir()) == [first.folder]
        with template(is_needed=True) as second:
            assert second is not None
            assert second.process.pid != first.process.pid

    assert first.process.poll() is not None
    assert list(folders.iterdir()) == []


def test_what_nobody_takes_is_gone_in_the_end(folders: Path) -> None:
    with begun(["app:app"]):
        assert len(list(folders.iterdir())) == 1

    assert list(folders.iterdir()) == []
    with template(is_needed=True) as launched:
        assert launched is not None


async def test_what_turns_out_not_to_be_needed_ends_by_itself(folders: Path) -> None:
    with begun(["app:app"]):
        with template(is_needed=False) as launched:
            assert launched is None
        await until(lambda: not list(folders.iterdir()))  # it removes its folder when it ends


@pytest.mark.parametrize(
    "arguments",
    [["--isolation", "inline"], ["--isolation=inline"], ["app:app", "--check"], ["--help"], ["--debug"], ["--debug=1"]],
    ids=" ".join,
)
def test_nothing_is_begun_where_it_is_not_needed(folders: Path, arguments: list[str]) -> None:
    with begun(arguments):
        assert list(folders.iterdir()) == []
