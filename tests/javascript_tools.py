"""What tests of the JavaScript client need of Node.js and npm; they skip where it cannot be had."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "clients" / "javascript"
INSTALL_SECONDS = 180
_KEPT = Path(__file__).resolve().parents[1] / "build" / "npm"


def node() -> str:
    """The command; skips without it."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("needs Node.js")
    return found


def install(folder: Path, *packages: str) -> Path:
    """Packages of npm as a folder's ``node_modules``; skips where they cannot be had.

    They stay in ``build`` for all later tests and runs, until `make clean`: nothing in them depends on who asks, and
    npm takes longer than the test.
    """
    kept = _KEPT / hashlib.sha256(json.dumps(packages).encode()).hexdigest()[:16]
    if not (kept / "node_modules").exists():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT) as made:
            _npm_install(Path(made), *packages)
            with contextlib.suppress(OSError):  # another worker was faster
                (Path(made) / "node_modules").rename(kept / "node_modules")
    (folder / "node_modules").symlink_to(kept / "node_modules", target_is_directory=True)
    return folder


def _npm_install(folder: Path, *packages: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm")
    options = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--prefix", str(folder)]
    try:
        done = subprocess.run(
            [npm, "install", *options, *packages],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {packages} within {INSTALL_SECONDS} s")
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {packages}: {done.stderr.strip()[-200:]}")


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
