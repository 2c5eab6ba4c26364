from typing import Any

import pytest

from emulator.dynamodb.errors import ApiError
from emulator.dynamodb.expressions.grammar import Parser
from emulator.dynamodb.expressions.paths import find, find_clash, project
from emulator.dynamodb.expressions.syntax import Path
from emulator.dynamodb.values import read_attributes, wire_attributes

ITEM = read_attributes(
    {
        "a": {"N": "1"},
        "m": {"M": {"x": {"L": [{"S": "0"}, {"M": {"y": {"S": "1"}, "z": {"S": "2"}}}]}, "w": {"S": "3"}}},
    }
)


def parse_projection(expression: str, names: dict[str, str]) -> list[Path]:
    return Parser(expression, names, "ProjectionExpression").projection()


@pytest.mark.parametrize(
    ("expression", "paths"),
    [
        ("a", [("a",)]),
        (" a , #n.b[2].c ", [("a",), ("name.with.dots", "b", 2, "c")]),
        ("a[0][1]", [("a", 0, 1)]),
        ("a, b.c, d[1]", [("a",), ("b", "c"), ("d", 1)]),
    ],
)
def test_a_projection_names_paths(expression: str, paths: list[Path]) -> None:
    assert parse_projection(expression, {"#n": "name.with.dots"}) == paths


@pytest.mark.parametrize(
    "expression",
    ["", "a,", "a b", "[0]", "a..b", ".a", "a[x]", "name", "#unknown", "a, a", "a, a.b", "1a", ":a", "a.[0]", "a-b",
     "a[0], a.b", "a.b, a[0]", "a AND b", "a(b)", "x" * 4097, "a" + ".b" * 32],
)  # fmt: skip
def test_a_wrong_projection_is_refused(expression: str) -> None:
    with pytest.raises(ApiError):
        parse_projection(expression, {})


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        pytest.param([("a",)], {"a": {"N": "1"}}, id="an attribute"),
        pytest.param([("b",)], {}, id="no such attribute"),
        pytest.param([("m", "w")], {"m": {"M": {"w": {"S": "3"}}}}, id="in a map"),
        pytest.param(
            [("m", "x", 1, "z"), ("m", "x", 0)],
            {"m": {"M": {"x": {"L": [{"S": "0"}, {"M": {"z": {"S": "2"}}}]}}}},
            id="two of one list, in its order",
        ),
        pytest.param([("m", "x", 5)], {}, id="past the end"),
        pytest.param([("a", "b"), ("a", 0)], {}, id="through a number"),
    ],
)
def test_projecting_keeps_the_paths(paths: list[Path], found: dict[str, Any]) -> None:
    assert wire_attributes(project(ITEM, paths)) == found


@pytest.mark.parametrize(
    ("path", "exists"),
    [(("a",), True), (("m", "x", 1, "y"), True), (("m", "x", 2), False), (("a", 0), False), (("m", 0), False)],
)
def test_a_path_leads_to_a_value_or_nowhere(path: Path, *, exists: bool) -> None:
    assert (find(ITEM, path) is not None) is exists


@pytest.mark.parametrize(
    ("paths", "clash"),
    [
        ([("a",), ("b",)], None),
        ([("a", "b"), ("a", "c")], None),
        ([("a", 0), ("a", 1)], None),
        ([("a",), ("a",)], "overlap with each other; .* path one: [a], path two: [a]"),
        ([("a", "b", 1), ("c",), ("a", "b")], "overlap with each other; .* path one: [a, b, [1]], path two: [a, b]"),
        ([("a",), ("a", "b")], "overlap with each other; .* path one: [a], path two: [a, b]"),
        ([("a", 0), ("a", "b")], "conflict with each other; .* path one: [a, [0]], path two: [a, b]"),
    ],
)
def test_paths_clash_if_one_contains_the_other_or_they_differ_in_kind(paths: list[Path], clash: str | None) -> None:
    found = find_clash(paths)
    if clash is None or found is None:
        assert found is clash
    else:
        start, _, end = clash.partition(" .* ")
        assert start in found
        assert found.endswith(end)
