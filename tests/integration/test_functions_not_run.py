"""What is said of a function's program that the system does not run, as the system itself sees it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from emulator.functions.processes.not_run import reason


@pytest.mark.parametrize(
    ("content", "mode", "hint"),
    [
        pytest.param(b"#!/bin/sh\n", 0o644, "make it executable: chmod +x", id="not executable"),
        pytest.param(b"\x00\x01", 0o755, "it is no program for this machine, and no script", id="no program"),
        pytest.param(b"#!/bin/sh\r\nexit\r\n", 0o755, "its lines end with CR and LF", id="lines of Windows"),
        pytest.param(b"#!/no/such -x\n", 0o755, "there is no /no/such, which its first line names", id="no shell"),
    ],
)
def test_the_reason_says_what_to_do(tmp_path: Path, content: bytes, mode: int, hint: str) -> None:
    program = tmp_path / "bootstrap"
    program.write_bytes(content)
    program.chmod(mode)

    with pytest.raises(OSError, match="bootstrap") as raised:
        subprocess.run([program], check=False)

    assert reason(raised.value, str(program)).startswith(f"cannot run '{program}': {raised.value}; {hint}")


def test_of_a_program_that_is_not_there_nothing_more_is_said(tmp_path: Path) -> None:
    error = FileNotFoundError(2, "No such file or directory")

    assert reason(error, str(tmp_path / "gone")) == f"cannot run '{tmp_path / 'gone'}': {error}"
