"""``docs/templates.md`` says of each type of resource what the data says."""

from __future__ import annotations

import os
import re
from pathlib import Path

from emulator.templates.resources.kind import Meaning
from emulator.templates.resources.others import NOUNS
from emulator.templates.resources.registry import KINDS

DOCUMENT = Path(__file__).parents[5] / "docs" / "templates.md"
MEANINGS = {
    Meaning.EMULATED: "emulated",
    Meaning.KNOWN: "understood",
    Meaning.IGNORED: "ignored",
    Meaning.MISSING: "missing",
}


def table() -> str:
    """The table of types, as Markdown."""
    lines = ["| type | here | `Ref` and attributes |", "|---|---|---|"]
    for kind in sorted(KINDS.values(), key=lambda each: (list(MEANINGS).index(each.meaning), each.type)):
        names = ", ".join(["`Ref`", *(f"`{name}`" for name in kind.attributes)])
        lines.append(f"| `{kind.type}` | {MEANINGS[kind.meaning]} | {names} |")
    lines += [f"| `{beginning}*` | ignored | |" for beginning in sorted(NOUNS)]
    return "\n".join(lines)


def test_the_table_of_types_is_the_datas() -> None:
    """With UPDATE_DOCS=1 it is written."""
    text = DOCUMENT.read_text("utf-8")
    wanted = re.sub(r"(?<=<!-- kinds -->\n).*(?=<!-- /kinds -->)", lambda _: f"{table()}\n", text, flags=re.DOTALL)
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(wanted, "utf-8")
    assert DOCUMENT.read_text("utf-8") == wanted
