"""``streamer describe --stage``: the document tells where the stage is."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from emulator.command.commands import PLACE, describe

URL = "wss://api1.execute-api.eu-west-1.amazonaws.com/prod"


class Place:
    def __init__(self) -> None:
        self.asked: list[Any] = []

    def deployed(self, folder: Path, stage: str, *, signs: bool) -> Any:
        self.asked.append((stage, signs))
        return SimpleNamespace(url=URL)


def said(place: Place, *arguments: str) -> None:
    with describe.make_context("describe", [*arguments, "streamer.demo:app"]) as ctx:
        ctx.meta[PLACE] = lambda: place
        describe.invoke(ctx)


def test_the_document_tells_the_address_of_a_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Place()

    said(place, "--stage", "prod")

    (server,) = json.loads(capsys.readouterr().out)["servers"].values()
    assert (server["host"], server["pathname"]) == ("api1.execute-api.eu-west-1.amazonaws.com", "/prod")
    assert place.asked == [("prod", False)]  # no secret is read for that


def test_a_stage_and_a_url_are_two_places() -> None:
    with pytest.raises(click.UsageError, match="choose one"):
        said(Place(), "--stage", "prod", "--url", URL)
