"""Whatever is killed, nothing that was acknowledged is lost, stuck or ends twice. `make soak` does it for long."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kill_loop import MODES, Counts, run

ROUNDS = 4
"""Kills of each mode in a run that is given no time."""


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.timeout(float(os.environ.get("FUZZ_SECONDS", "0")) * 2 + 600)
def test_kills_of_everything_lose_nothing(tmp_path: Path) -> None:
    seconds, seed = float(os.environ.get("FUZZ_SECONDS", "0")), int(os.environ.get("FUZZ_SEED", "1"))
    end = time.monotonic() + seconds
    found: list[Counts] = []
    while not found or time.monotonic() < end:
        folder = tmp_path / str(seed)
        folder.mkdir()
        with ThreadPoolExecutor(len(MODES)) as pool:
            rounds = 100 if seconds else ROUNDS
            jobs = [pool.submit(run, mode, seed=seed, rounds=rounds, folder=folder) for mode in MODES]
            found += [job.result() for job in jobs]
        seed += 1

    assert {counts.mode: counts.faults for counts in found if counts.faults} == {}
    assert all(counts.acknowledged for counts in found)
