"""A file is written whole or not at all, and never readable by more than it should be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from emulator.foundation.files import Claim, open_regular, read_regular, write_whole
from streamer.project import BELIEVED_BYTES, own_file


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"

    assert write_whole(path, b"old")
    assert write_whole(path, b"new")

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


@pytest.mark.parametrize("is_there", [True, False], ids=["to a file", "to nothing yet"])
def test_what_is_written_through_a_link_is_written_to_where_it_leads(tmp_path: Path, is_there: bool) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    if is_there:
        target.write_bytes(b"old")
    link.symlink_to(target)

    assert write_whole(link, b"new")

    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_fifo_is_neither_replaced_nor_waited_for(tmp_path: Path) -> None:
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to(fifo)

    for path in (fifo, link):
        with pytest.raises(OSError, match="no regular file"):
            write_whole(path, b"content")
        with pytest.raises(OSError, match="no regular file"):
            read_regular(path)
        with pytest.raises(OSError, match="no regular file"):
            open_regular(path, appends=True)
        with pytest.raises(OSError, match="no regular file"):
            Claim(path).take()
        with pytest.raises(OSError, match="no regular file"):
            own_file(path)
    assert stat.S_ISFIFO(fifo.lstat().st_mode)
    assert len(list(tmp_path.iterdir())) == 2


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "link"
    path.symlink_to(path)

    with pytest.raises(OSError, match="link"):
        write_whole(path, b"content")


def test_what_commands_believe_is_no_larger_than_it_should_be(tmp_path: Path) -> None:
    path = tmp_path / "emulator.json"
    with path.open("wb") as file:
        file.truncate(BELIEVED_BYTES + 1)

    with pytest.raises(OSError, match="too large"):
        own_file(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_another_user_put_there_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "emulator.json"
    path.write_bytes(b"{}")
    os.chown(path, 65_534, -1)

    with pytest.raises(PermissionError, match="another user"):
        own_file(path)
