"""Inline functions' output is found even where the streams of the process were exchanged meanwhile, as pytest does."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from functions_world import Project, call


async def test_output_is_caught_after_the_streams_were_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path, "inline")
    project.write("def speak(event, context):\n    print('hello')\n")
    async with project.functions("speak") as functions:
        exchanged = io.StringIO()
        monkeypatch.setattr(sys, "stdout", exchanged)
        await call(functions, "speak")

    assert project.lines.texts == ["hello"]
    assert exchanged.getvalue() == ""
    assert sys.stdout is exchanged
