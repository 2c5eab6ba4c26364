"""The projects in ``examples/`` are what users copy, so their own tests run here, as a user would run them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from running_command import pytest_in

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()))
def test_an_example_passes_its_own_tests(tmp_path: Path, name: str) -> None:
    project = tmp_path / name
    shutil.copytree(EXAMPLES / name, project, ignore=shutil.ignore_patterns("__pycache__", ".*"))

    pytest_in(project, "--strict-markers")
