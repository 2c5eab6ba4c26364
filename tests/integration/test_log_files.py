"""The files of ``--log-dir`` on a disk that is full for a while: what that costs, and what is said of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("unmeasured")

PREPARED = """
import logging, resource, sys
from pathlib import Path
from emulator.foundation import log
from emulator.functions.logs import LambdaLogFiles

handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("%(message)s %(fields)s"))
log.LOGGER.addHandler(handler)
logs = LambdaLogFiles(Path("logs"))


def room(file_bytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))


def write(*lines, function="f"):
    for line in lines:
        logs.write(function, "1", line)


"""


def said(folder: Path, *statements: str) -> list[str]:
    """What a process tells that writes log files, and may say how much room they have."""
    code = PREPARED + "\n".join(statements)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def content(folder: Path, function: str = "f") -> str:
    return (folder / "logs" / f"aws-lambda-{function}.log").read_text()


LOST = (
    "log lines are lost until their file can be written: File too large {'function': 'f', 'folder': PosixPath('logs')}"
)
"""As on a full disk, where the reason is another."""


def test_a_line_that_is_cut_short_is_told_once_and_the_next_begins_a_line_of_its_own(tmp_path: Path) -> None:
    told = said(
        tmp_path,
        "write('before')",
        "room(11)",
        "write('cut short', 'lost', 'lost')",
        "room(-1)",
        "write('after', 'later')",
    )

    assert content(tmp_path) == "before\ncut \nafter\nlater\n"
    assert told == [LOST, "log lines can be written again {'function': 'f', 'lost': 3}"]


def test_a_file_with_room_is_written_while_another_has_none(tmp_path: Path) -> None:
    told = said(
        tmp_path,
        "write('a longer line')",
        "room(14)",
        "write('lost')",
        "write('short', function='g')",
        "room(-1)",
        "write('after')",
    )

    assert content(tmp_path) == "a longer line\n\nafter\n"
    assert content(tmp_path, "g") == "short\n"
    assert told == [LOST, "log lines can be written again {'function': 'f', 'lost': 1}"]


def test_each_time_that_a_disk_is_full_is_told_and_what_is_lost_in_the_end(tmp_path: Path) -> None:
    told = said(
        tmp_path,
        "room(0)",
        "write('lost')",
        "room(-1)",
        "write('after')",
        "room(0)",
        "write('lost', 'lost')",
        "logs.close()",
    )

    assert content(tmp_path) == "\nafter\n"
    assert told == [
        LOST,
        "log lines can be written again {'function': 'f', 'lost': 1}",
        LOST,
        "log lines were lost {'function': 'f', 'lost': 2}",
    ]
