"""A file is written whole or not at all, and never readable by more than it should be."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from emulator.files import require_writable, write_whole


@pytest.mark.parametrize("is_durable", [False, True], ids=["as the system likes", "durable"])
def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path, is_durable: bool) -> None:
    path = tmp_path / "new" / "file"

    assert write_whole(path, b"old", is_durable=is_durable)
    assert write_whole(path, b"new", is_durable=is_durable)

    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_there_stays_if_it_is_not_to_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"

    assert write_whole(path, b"first", replaces=False)
    assert not write_whole(path, b"second", replaces=False)

    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_only_the_owner_may_read_is_never_more_open(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"")
    path.chmod(0o644)

    write_whole(path, b"secret", mode=0o600)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failure_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / "folder" / "content").mkdir(parents=True)

    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "folder", b"no file")

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_trying_leaves_nothing(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "file")

    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(OSError, match="taken"):
        require_writable(tmp_path / "taken" / "file")
