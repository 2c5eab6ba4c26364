"""docs/deploy.md keeps up with the code."""

from dataclasses import fields
from pathlib import Path

import pytest

from deploy.config import Config

DOCS = (Path(__file__).parents[3] / "docs" / "deploy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", [field.name for field in fields(Config) if field.name != "folder"])
def test_every_key_of_streamer_toml_is_described(key: str) -> None:
    assert any(f"`{key}`" in line for line in DOCS.splitlines() if line.startswith("|"))
