"""The projects in ``examples/`` are what users copy, so their own tests run here, as a user would run them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()))
def test_an_example_passes_its_own_tests(tmp_path: Path, name: str) -> None:
    project = tmp_path / name
    shutil.copytree(EXAMPLES / name, project, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    # Hypothesis is what our tests need; its import takes half of the time of pytest's own start.
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--strict-markers"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
