"""What tests of the JavaScript client need of Node.js and npm; they skip where it cannot be had."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "clients" / "javascript"
INSTALL_SECONDS = 90


def node() -> str:
    """The command; skips without it."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("needs Node.js")
    return found


def install(folder: Path, *packages: str) -> Path:
    """Packages of npm in a folder; skips where they cannot be had."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"]
    try:
        done = subprocess.run(
            [*command, "--prefix", str(folder), *packages],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {packages} within {INSTALL_SECONDS} s")
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {packages}: {done.stderr.strip()[-200:]}")
    return folder


def run_tests(*files: str, environment: dict[str, str] | None = None, package: Path = PACKAGE) -> str:
    """Run the package's own tests; what the runner prints."""
    command = [node(), "--experimental-websocket", "--no-warnings", "--test", *(f"test/{name}" for name in files)]
    done = subprocess.run(
        command,
        cwd=package,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout
