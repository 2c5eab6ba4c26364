"""Whatever is killed, nothing that was acknowledged is lost, stuck or ends twice. `make kills` does it 2,000 times."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kill_loop
import pytest
from kill_loop import MODES, run, table

ROUNDS = 4
"""Kills of each mode."""


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.timeout(600)
def test_kills_of_everything_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(len(MODES)) as pool:
        jobs = [pool.submit(run, mode, seed=1, rounds=ROUNDS, folder=tmp_path) for mode in MODES]
        found = [job.result() for job in jobs]

    assert {counts.mode: counts.faults for counts in found if counts.faults} == {}, table(found)
    assert all(counts.acknowledged for counts in found)


def test_it_runs_without_pytest_which_finds_its_helpers() -> None:
    told = subprocess.run([sys.executable, kill_loop.__file__, "--help"], capture_output=True, text=True, check=True)

    assert "--rounds" in told.stdout
