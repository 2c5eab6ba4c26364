"""Debuggers: what ``breakpoint()`` says in a function's process, and ``streamer emulate --debug``."""

from __future__ import annotations

from pathlib import Path

from running_command import Emulate, ask, dial, streamer

APP = """
from streamer import App

app = App()


@app.action("stop")
def stop(request):
    breakpoint()
    return "went on"
"""


def test_a_breakpoint_in_a_functions_process_goes_on_and_says_where_it_stops(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)

    with Emulate(folder=tmp_path) as emulator, dial(emulator.address()) as client:
        (answer,) = ask(client, "stop")
        line = emulator.log.wait_for("breakpoint\\(\\) did not stop")

    assert answer["data"] == "went on"
    assert "--isolation inline" in line
    assert "app.py, line 9" in line


def test_debugging_in_processes_is_refused(tmp_path: Path) -> None:
    done = streamer("emulate", "--demo", "--debug", "--isolation", "process", folder=tmp_path)

    assert done.returncode == 2
    assert "--debug runs functions inline" in done.stderr


def test_without_debugpy_one_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "debugpy.py").write_text("raise ImportError")

    done = streamer("emulate", "--demo", "--debug", folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.endswith("--debug needs debugpy, which is not installed: pip install debugpy\n")
    assert done.stderr.count("\n") == 1
