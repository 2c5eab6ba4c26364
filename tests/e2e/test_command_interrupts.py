"""Ctrl-C while a command still imports what it needs, at the moments in which Python itself loses it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from running_command import PATIENCE_SECONDS

pytestmark = pytest.mark.e2e

INTERRUPTED_IN_A_CALLBACK = """
import signal, sys
from streamer._entry import main

def interrupt(frame, event, argument):
    # importlib forgets a module's lock in a callback of a weak reference: what is raised there is printed only.
    code = frame.f_code
    if event == "call" and code.co_name == "cb" and "importlib" in code.co_filename and MODULE in sys.modules:
        sys.setprofile(None)
        signal.raise_signal(signal.SIGINT)

MODULE = sys.argv.pop(1)
sys.setprofile(interrupt)
main()
"""

INTERRUPTED_IN_A_CLASS = """
import signal, sys
from streamer._entry import main

def interrupt(frame, event, argument):
    # Attributes of a class are told their names: Python 3.11 raises another exception from what is raised there.
    code = frame.f_code
    if event == "call" and code.co_name == "__set_name__" and "functools" in code.co_filename and MODULE in sys.modules:
        sys.setprofile(None)
        signal.raise_signal(signal.SIGINT)

MODULE = sys.argv.pop(1)
sys.setprofile(interrupt)
main()
"""


@pytest.mark.parametrize("module", ["click", "cli", "asyncio", "websockets"])
def test_an_interrupt_that_python_drops_during_imports_ends_a_command(module: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"ws://127.0.0.1:{silent.getsockname()[1]}/dev"
        ended = run(module, "listen", "news", "--url", address, "--token", "t", "--timeout", "5s", folder=tmp_path)

    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (130, "", "")


def test_an_interrupt_that_python_drops_during_imports_ends_the_emulator(tmp_path: Path) -> None:
    ended = run("click", "emulate", "--demo", "--port", "0", folder=tmp_path)

    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (130, "", "")


def test_an_interrupt_while_a_class_is_made_ends_a_command(tmp_path: Path) -> None:
    ended = run("click", "token", folder=tmp_path, code=INTERRUPTED_IN_A_CLASS)

    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (130, "", "")


def run(
    module: str, *arguments: str, folder: Path, code: str = INTERRUPTED_IN_A_CALLBACK
) -> subprocess.CompletedProcess[str]:
    """Run a command that is interrupted at the first lost moment after a module began to be imported."""
    return subprocess.run(
        [sys.executable, "-c", code, module, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
