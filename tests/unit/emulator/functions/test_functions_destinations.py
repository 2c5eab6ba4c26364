"""Delivering documents to a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.functions.destinations import DestinationError, FileDestinations


async def test_a_file_gets_a_line_for_each_document(tmp_path: Path) -> None:
    file = tmp_path / "given-up.jsonl"
    destinations = FileDestinations(file)

    await destinations.send("dead-letters", {"n": 1})
    await destinations.send("dead-letters", {"n": 2})

    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {"queue": "dead-letters", "document": {"n": 1}},
        {"queue": "dead-letters", "document": {"n": 2}},
    ]


async def test_a_file_that_cannot_be_written_is_a_destination_error(tmp_path: Path) -> None:
    with pytest.raises(DestinationError):
        await FileDestinations(tmp_path / "missing" / "file").send("dead-letters", {})
