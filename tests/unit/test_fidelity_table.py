"""docs/fidelity.md claims nothing that no test proves, and leaves out nothing that is known about AWS."""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

from emulator.gateway.rules.assumptions import Assumptions
from emulator.gateway.rules.limits import Limits

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "fidelity.md"
ITEMS = {
    "A": 43,
    "B": 24,
    "C": 15,
    "D": 16,
    "E": 14,
    "F": 10,
    "G": 22,
    "H": 28,
    "I": 34,
    "J": 27,
    "L": 3,
    "M": 14,
    "N": 27,
    "O": 12,
    "P": 13,
}
"""Section to the number of its last item; section K is one row."""
EXPECTED = [f"{section}{n}" for section, last in ITEMS.items() for n in range(1, last + 1)] + ["K"]
STATUSES = {"done", "planned", "not emulated"}
NO_TEST = "-"
REFERENCE = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")
EVIDENCE = re.compile(r"\[(DOC|REC|USR|INF|\?)\]")


@dataclass(frozen=True)
class Row:
    id: str
    behaviour: str
    evidence: str
    status: str
    here: str
    test: str


def rows_of(text: str) -> list[Row]:
    """All rows of the tables of a document, without heads and rules."""
    cells = [line.strip().strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    stripped = [[cell.strip() for cell in row] for row in cells]
    malformed = [row for row in stripped if len(row) != 6]
    assert not malformed, f"rows without six cells: {malformed}"
    return [Row(*row) for row in stripped if row[0] != "id"]


@functools.cache
def names_of_tests(path: Path) -> frozenset[str]:
    """Names of the tests of a file, methods as ``Class::name``, without importing it."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test"):
                names.add(name)
            case ast.ClassDef(name=name) if name.startswith("Test"):
                methods = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
                names |= {name} | {f"{name}::{each.name}" for each in methods if each.name.startswith("test")}
            case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("Test"):  # a state machine's TestCase
                names.add(name)
    return frozenset(names)


ROWS = rows_of(TABLE.read_text(encoding="utf-8"))


def test_every_known_behaviour_has_one_row() -> None:
    assert sorted(row.id for row in ROWS) == sorted(EXPECTED)


def test_rows_are_in_order() -> None:
    written = [row.id for row in ROWS]

    assert written == sorted(written, key=lambda item: (item[0], int(item[1:] or 0)))


def test_every_row_says_how_we_know_and_what_we_do() -> None:
    assert [row.id for row in ROWS if not (EVIDENCE.search(row.evidence) and row.behaviour and row.here)] == []
    assert {row.status for row in ROWS} <= STATUSES


def test_a_row_that_is_done_names_tests_and_no_other_does() -> None:
    assert [row.id for row in ROWS if bool(REFERENCE.findall(row.test)) is not (row.status == "done")] == []
    assert {REFERENCE.sub("", row.test).strip() for row in ROWS if row.status == "done"} == {""}
    assert {row.test for row in ROWS if row.status != "done"} == {NO_TEST}


def test_tests_that_rows_name_exist() -> None:
    references = [(row.id, path, name) for row in ROWS for path, name in REFERENCE.findall(row.test)]

    assert [each for each in references if not (ROOT / each[1]).is_file()] == []
    assert [(row, path, name) for row, path, name in references if name not in names_of_tests(ROOT / path)] == []


def test_what_is_not_known_has_a_default_and_a_way_to_change_it() -> None:
    unknown = [row for row in ROWS if "[?]" in row.evidence]

    assert [row.id for row in unknown if not ("Default: " in row.here and "Change: " in row.here)] == []


def test_settings_that_rows_name_exist() -> None:
    named = {found for row in ROWS for found in re.findall(r"(Assumptions|Limits)\.(\w+)", row.here)}
    owners = {"Assumptions": Assumptions, "Limits": Limits}

    assert [f"{owner}.{name}" for owner, name in named if not hasattr(owners[owner], name)] == []


def test_a_missing_test_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "test_x.py"
    path.write_text("def test_a(): ...\nasync def test_b(): ...\nclass TestC:\n    def test_d(self): ...\nTestE = 1\n")

    assert names_of_tests(path) == {"test_a", "test_b", "TestC", "TestC::test_d", "TestE"}
