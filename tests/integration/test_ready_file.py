"""The ready file: complete or absent, and believed only while its process lives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.ready import Ready, remove_ready, running, write_ready


def ready(pid: int) -> Ready:
    return Ready(
        websocket_url="ws://127.0.0.1:1/dev",
        management_url="http://127.0.0.1:1/dev",
        dynamodb_url="http://127.0.0.1:2",
        pid=pid,
    )


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("pid", [0, -1, 2**70])
def test_a_number_that_is_no_process_counts_for_nothing(tmp_path: Path, pid: int) -> None:
    path = tmp_path / "emulator.json"
    write_ready(path, ready(pid))

    assert running(path) is None


def test_what_is_written_is_found(tmp_path: Path) -> None:
    path = tmp_path / "new" / "emulator.json"
    write_ready(path, ready(os.getpid()))

    assert running(path) == ready(os.getpid())
    assert list(path.parent.iterdir()) == [path]


def test_a_file_of_a_process_that_is_gone_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "emulator.json"
    write_ready(path, ready(dead_pid()))

    assert running(path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": "x"}', "\ufffd"])
def test_a_file_of_another_kind_counts_for_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "emulator.json"
    path.write_text(content, "utf-8")

    assert running(path) is None


def test_no_file_is_no_emulator(tmp_path: Path) -> None:
    assert running(tmp_path / "emulator.json") is None


def test_an_emulator_removes_its_own_file_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "emulator.json"
    write_ready(path, ready(os.getpid()))
    remove_ready(path, os.getpid() + 1)
    assert path.exists()

    remove_ready(path, os.getpid())
    assert not path.exists()
