"""The types that are generated for clients, whole: a change of them is seen in review, since clients will see it, too.

``python tests/unit/streamer/describe/test_describe_golden.py`` writes the files anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[3]), str(Path(__file__).parents[4])]

from described_app import app

from streamer.describe import Described, Info, describe, markdown, python, typescript

GOLDEN: Final = Path(__file__).parent / "golden"
FORMATS: Final[dict[str, Callable[[Described], str]]] = {
    "shop.ts.txt": typescript.text,
    "shop.py.txt": python.text,
    "shop.md.txt": markdown.text,
}


def made(name: str) -> str:
    return FORMATS[name](describe(app, Info(title="folder")))


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_generated_is_what_was_agreed_upon(name: str) -> None:
    assert made(name) == (GOLDEN / name).read_text("utf-8")


if __name__ == "__main__":
    for each in FORMATS:
        (GOLDEN / each).write_text(made(each), "utf-8")
