"""Keys in ``streamer emulate`` on a terminal, and none elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from running_command import PATIENCE_SECONDS, STREAMER, Emulate, Output, ask, dial, watch_end
from websockets.exceptions import ConnectionClosedError

APP: Final = """
from streamer import App

app = App()


@app.action("version")
def version(request):
    return "{}"
"""


class Session:
    """An emulator whose standard input is a terminal."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.keyboard, self.screen = os.openpty()
        self.before = termios.tcgetattr(self.screen)
        self.process = subprocess.Popen(
            [STREAMER, "emulate", "--port", "0", "--no-reload", "--ready-file", "ready.json", *options],
            cwd=folder,
            stdin=self.screen,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out, self.log = Output(self.process.stdout), Output(self.process.stderr)
        self.folder = folder

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.keyboard, keys.encode())

    def address(self) -> str:
        """Where to connect, with the banner's token."""
        line = self.out.wait_for("wscat -c")
        found = re.search(r'"(ws://.*)"', line)
        assert found is not None
        return found[1]

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal is as it was."""
        return termios.tcgetattr(self.screen) == self.before


@contextmanager
def session(folder: Path, *options: str) -> Iterator[Session]:
    (folder / "app.py").write_text(APP.format("old"))
    running = Session(folder, *options)
    try:
        running.out.wait_for("Stop with Ctrl-C")
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        for descriptor in (running.keyboard, running.screen):
            os.close(descriptor)


def test_q_quits_and_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    with session(tmp_path) as running:
        running.out.wait_for(r"Keys: r reload, c cut, t token, o console, q quit, \? help\b")
        taken = not running.is_as_before
        running.press("q")

        assert running.process.wait(PATIENCE_SECONDS) == 0
        assert taken
        assert running.is_as_before


def test_a_second_interrupt_ends_it_at_once_and_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    with session(tmp_path) as running:
        running.out.wait_for("Keys: ")
        running.process.send_signal(signal.SIGINT)
        running.process.send_signal(signal.SIGINT)
        running.process.wait(PATIENCE_SECONDS)

        assert running.is_as_before


def test_question_mark_lists_all_keys(tmp_path: Path) -> None:
    with session(tmp_path) as running:
        running.out.wait_for("Keys: ")
        running.press("x?")

        for key in ("r  reload", "c  cut", "t  show", "q  quit"):
            running.out.wait_for(f"^  {key}")


def test_r_reloads_the_functions(tmp_path: Path) -> None:
    with session(tmp_path) as running, dial(running.address()) as client:
        assert ask(client, "version")[-1]["data"] == "old"
        (tmp_path / "app.py").write_text(APP.format("new"))
        running.press("r")
        running.out.wait_for("new functions")

        assert ask(client, "version", request_id="r-2")[-1]["data"] == "new"


def test_c_cuts_all_connections_and_their_disconnect_runs(tmp_path: Path) -> None:
    with session(tmp_path) as running, dial(running.address()) as client:
        ask(client, "version")
        running.press("c")
        running.out.wait_for("cut 1 connection,")

        with pytest.raises(ConnectionClosedError) as ended:
            client.recv(PATIENCE_SECONDS)
        assert ended.value.rcvd is None  # not a close frame
        running.press("c")
        running.out.wait_for("cut 0 connections")


def test_t_shows_a_token_that_is_accepted(tmp_path: Path) -> None:
    with session(tmp_path) as running:
        running.out.wait_for("Keys: ")
        running.press("t")
        line = running.out.wait_for("wscat -c", count=2)

        with dial(line.split('"')[1]) as client:
            assert ask(client, "version")[-1]["data"] == "old"


def test_functions_that_run_inline_have_the_terminal_for_themselves(tmp_path: Path) -> None:
    with session(tmp_path, "--isolation", "inline") as running:
        untouched = running.is_as_before
        running.process.send_signal(signal.SIGINT)

        assert running.process.wait(PATIENCE_SECONDS) == 0
        assert untouched
        assert "Keys: " not in running.out.wait_for_end()


def test_without_a_terminal_there_are_no_keys(tmp_path: Path) -> None:
    with Emulate("--demo", folder=tmp_path) as emulate:
        emulate.interrupt()

        assert "Keys: " not in emulate.out.wait_for_end()


@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid gives a process a terminal")
def test_in_the_background_the_terminal_is_left_alone(tmp_path: Path) -> None:
    keyboard, screen = os.openpty()
    command = f"{STREAMER} emulate --demo --port 0 --ready-file ready.json & wait"
    with subprocess.Popen(
        ["setsid", "--ctty", "sh", "-mc", command],
        cwd=tmp_path,
        stdin=screen,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as shell:
        assert shell.stdout is not None
        out = Output(shell.stdout)
        out.wait_for("Stop with Ctrl-C")
        os.write(keyboard, b"q")
        pid = json.loads((tmp_path / "ready.json").read_text())["pid"]
        ended = watch_end(pid)
        os.kill(pid, signal.SIGINT)

        assert ended()
        assert "Keys: " not in out.wait_for_end()
    os.close(keyboard)
    os.close(screen)
