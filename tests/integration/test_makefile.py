"""What the Makefile's targets for AWS run, without running it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


MAKES_OWN = ("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")
"""With these, a ``make`` knows that another one started it, as ``make test`` does, and says more than it would."""


def make(*arguments: str) -> str:
    """What ``make`` prints for somebody at a terminal."""
    environment = {name: value for name, value in os.environ.items() if name not in MAKES_OWN}
    done = subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def plan(*arguments: str) -> str:
    """The last command that ``make`` would run."""
    return make("-n", *arguments).splitlines()[-1]


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("build", "build"),
        ("deploy", "deploy"),
        ("deploy-guided", "deploy --guided"),
        ("logs-connect", "logs connect"),
        ("logs-disconnect", "logs disconnect"),
        ("logs-router", "logs router"),
        ("logs-processor", "logs processor"),
    ],
)
def test_a_target_runs_the_command_in_the_services_folder(target: str, command: str) -> None:
    line = plan(target, "PROJECT=shop", "ARGS=--stage prod")

    assert line.startswith("cd shop && ")
    assert line.endswith(f"/bin/streamer {command} --stage prod")


def test_without_a_folder_it_is_the_example() -> None:
    assert plan("deploy").startswith("cd examples/reports && ")


def test_help_lists_every_target_once() -> None:
    told = make("help")

    for target in ("build", "deploy", "deploy-guided", "logs-connect", "logs-processor", "wheel-test"):
        assert sum(target in line.split("  ")[0].replace(":", "").split() for line in told.splitlines()) == 1, target
