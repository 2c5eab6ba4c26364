"""The example with a domain in production, emulated by the real command: a client comes by the mapping's path."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from running_command import Emulate, streamer

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[2] / "examples" / "invoices"
TEA = {"number": "2026-1", "lines": [{"text": "Tea", "cents": 250}]}


def test_a_stage_with_a_domain_answers_at_the_path_of_its_mapping(tmp_path: Path) -> None:
    folder = tmp_path / "invoices"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", "tests", ".*"))
    with Emulate("--stage", "prod", folder=folder) as emulator:
        url = f"ws://127.0.0.1:{emulator.port}/live"
        written = streamer("call", "invoice", json.dumps(TEA), "--url", url, folder=folder)
        refused = streamer("call", "ping", "--url", f"ws://127.0.0.1:{emulator.port}/other", folder=folder)

    assert f"{url} for wss://invoices.example.com/live" in emulator.out.text
    assert (written.returncode, json.loads(written.stdout)["memory_mb"]) == (0, 2048)
    assert (refused.returncode, "HTTP 403" in refused.stderr) == (2, True)
