"""What paths find, where results go, what functions and rules come to."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.services.machines import choices, intrinsics, paths
from emulator.services.machines.errors import StateError

DATA = {"a": {"b": [1, 2, {"c": "x"}]}, "odd name": 3, "list": [{"n": 1}, {"n": 5, "m": 0}], "none": None}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", DATA),
        ("$.a.b[0]", 1),
        ("$.a.b[-1].c", "x"),
        ("$['odd name']", 3),
        ('$["a"]["b"][1]', 2),
        ("$.none", None),
        ("$.list[*].n", [1, 5]),
        ("$.list[0:1]", [{"n": 1}]),
        ("$..n", [1, 5]),
        ("$.list[?(@.n > 2)]", [{"n": 5, "m": 0}]),
        ("$.list[?(@.m)].n", [5]),
        ("$.list[?(@.n == 1)].n", [1]),
        ("$.list[?(@.n > 0 && @.m == 0)].n", [5]),
        ("$.list[?(@.n == 1 || @.m == 0)].n", [1, 5]),
        ("$.list[?(@.n == 1 || @.n == 5 && @.m == 1)].n", [1]),
        ("$.a.b[?(@.c == 'x && y')]", []),
        ("$.list[*].missing", []),
        ("$.a.b[0,1]", [1, 2]),
        ("$.a.b[1, -1, 9]", [2, {"c": "x"}]),
        ("$.list[1,0].n", [5, 1]),
        ("$['none','odd name', 'missing']", {"none": None, "odd name": 3}),
        ("$.list[*]['n','m']", [{"n": 1}, {"n": 5, "m": 0}]),
        ("$['a','list'].b", [[1, 2, {"c": "x"}]]),
    ],
)
def test_a_path_finds_one_value_or_a_list(path: str, found: Any) -> None:
    assert paths.find(path, DATA) == found


@pytest.mark.parametrize("path", ["$.missing", "$.a.b[9]", "$.list.n", "a", "$.", "$.a[x]"])
def test_a_path_that_leads_nowhere_is_an_error(path: str) -> None:
    with pytest.raises(StateError) as error:
        paths.find(path, DATA)
    assert error.value.error == "States.Runtime"


@pytest.mark.parametrize(
    ("path", "data", "result"),
    [
        ("$", {"a": 1}, "v"),
        ("$.b", {"a": 1}, {"a": 1, "b": "v"}),
        ("$.b.c.d", {"a": 1}, {"a": 1, "b": {"c": {"d": "v"}}}),
        ("$.a[1]", {"a": [1, 2]}, {"a": [1, "v"]}),
    ],
)
def test_a_result_goes_where_its_path_says(path: str, data: Any, result: Any) -> None:
    assert paths.put(path, data, "v") == result


@pytest.mark.parametrize("path", ["$.a.b", "$.a[0]", "$[*]", "$['a','b']"])
def test_a_result_goes_into_nothing_of_another_kind(path: str) -> None:
    with pytest.raises(StateError) as error:
        paths.put(path, {"a": 1}, "v")
    assert error.value.error == "States.ResultPathMatchFailure"


@given(
    st.recursive(
        st.integers() | st.text(max_size=3),
        lambda inner: st.dictionaries(st.text("ab", min_size=1), inner, max_size=3),
        max_leaves=5,
    )
)
def test_what_was_put_is_found(data: Any) -> None:
    around = paths.put("$.x.y", {"k": data}, data)
    assert (paths.find("$.x.y", around), paths.find("$.k", around)) == (data, data)


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("States.Format('Hello {}, {} of {}', $.name, 1, $.list)", "Hello Ann, 1 of [1,2,2]"),
        (r"States.Format('it\'s \{{}\}', $.name)", "it's {Ann}"),
        ("States.Array(1, 'b', $.name, null, true)", [1, "b", "Ann", None, True]),
        ("States.ArrayPartition($.list, 2)", [[1, 2], [2]]),
        ("States.ArrayContains($.list, 2)", True),
        ("States.ArrayRange(1, 9, 4)", [1, 5, 9]),
        ("States.ArrayGetItem($.list, 1)", 2),
        ("States.ArrayLength($.list)", 3),
        ("States.ArrayUnique($.list)", [1, 2]),
        ("States.Base64Encode('Data')", "RGF0YQ=="),
        ("States.Base64Decode('RGF0YQ==')", "Data"),
        ("States.Hash('a', 'SHA-256')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("States.JsonMerge($.one, $.two, false)", {"a": 1, "b": 3}),
        ("States.StringToJson('[1]')", [1]),
        ("States.JsonToString($.one)", '{"a":1,"b":2}'),
        ("States.MathAdd(2, -3)", -1),
        ("States.MathRandom(5, 6)", 5),
        ("States.StringSplit('1,2;3', ',;')", ["1", "2", "3"]),
        ("States.Format('{}', States.Array('a', States.MathAdd(1, 1)))", '["a",2]'),
        ("States.UUID()", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_a_function_comes_to_a_value(call: str, value: Any) -> None:
    data = {"name": "Ann", "list": [1, 2, 2], "one": {"a": 1, "b": 2}, "two": {"b": 3}}
    assert intrinsics.evaluate(call, lambda path: paths.find(path, data), lambda _bits: 0) == value


@pytest.mark.parametrize(
    "call",
    [
        "States.Nothing()",
        "States.Format('{}')",
        "States.MathAdd(1)",
        "States.Array(1",
        "States.Array(1) x",
        "States.StringToJson('{')",
        "States.ArrayRange(1, 1000000000000, 1)",
        "States.MathAdd('a', 'b')",
        "States.MathRandom(2, 2)",
        "States.ArrayGetItem(States.Array(1), -1)",
        "States.ArrayLength('text')",
        "States.Base64Encode(1)",
    ],
)
def test_a_wrong_call_fails(call: str) -> None:
    with pytest.raises(StateError) as error:
        intrinsics.evaluate(call, lambda path: path, lambda bits: bits)
    assert error.value.error == "States.IntrinsicFailure"


@pytest.mark.parametrize(
    ("rule", "is_met"),
    [
        ({"StringEquals": "x", "Variable": "$.s"}, True),
        ({"StringLessThan": "y", "Variable": "$.s"}, True),
        ({"StringMatches": "x*", "Variable": "$.s"}, True),
        ({"StringMatches": r"x\*", "Variable": "$.s"}, False),
        ({"StringEqualsPath": "$.other", "Variable": "$.s"}, True),
        ({"NumericGreaterThanEquals": 2, "Variable": "$.n"}, True),
        ({"NumericEquals": 2, "Variable": "$.s"}, False),
        ({"BooleanEquals": True, "Variable": "$.yes"}, True),
        ({"TimestampLessThan": "2026-01-02T00:00:00Z", "Variable": "$.at"}, True),
        ({"IsPresent": False, "Variable": "$.missing"}, True),
        ({"IsNull": True, "Variable": "$.null"}, True),
        ({"IsTimestamp": True, "Variable": "$.at"}, True),
        ({"IsNumeric": True, "Variable": "$.yes"}, False),
        ({"Variable": "$$.State.Name", "StringEquals": "Choose"}, True),
        ({"Not": {"Variable": "$.n", "NumericEquals": 1}}, True),
        ({"And": [{"Variable": "$.n", "NumericEquals": 2}, {"Variable": "$.s", "StringEquals": "y"}]}, False),
        ({"Or": [{"Variable": "$.n", "NumericEquals": 1}, {"Variable": "$.s", "StringEquals": "x"}]}, True),
    ],
    ids=itertools.count(),
)
def test_a_rule_is_met_or_not(rule: dict[str, Any], is_met: bool) -> None:
    data = {"s": "x", "other": "x", "n": 2, "yes": True, "null": None, "at": "2026-01-01T00:00:00Z"}
    assert choices.is_met(rule, data, {"State": {"Name": "Choose"}}) is is_met
