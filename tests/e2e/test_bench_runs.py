"""``make bench`` measures what works: its own services are let do what they do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_services_that_are_measured_answer() -> None:
    command = [sys.executable, "-m", "benchmarks", "--only", "echo", "--servers", "inline", "--rounds", "1"]

    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)

    assert ran.returncode == 0, ran.stderr
    assert "does not work" not in ran.stderr
    assert "echo through @connections" in ran.stdout
