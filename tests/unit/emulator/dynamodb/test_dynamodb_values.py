import base64
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.dynamodb.errors import ApiError
from emulator.dynamodb.items import StoredItem
from emulator.dynamodb.numbers import add_numbers, normal_number
from emulator.dynamodb.values import read_attributes, read_value, wire_value


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.0", "0"),
        ("007", "7"),
        ("+1", "1"),
        ("1.0", "1"),
        ("-1.50", "-1.5"),
        ("1E2", "100"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e-3", "0.001"),
        ("9" * 38, "9" * 38),
        ("1" + "0" * 40, "1" + "0" * 40),
        ("9.9999999999999999999999999999999999999E+125", "9" * 38 + "0" * 88),
        ("9" * 38 + "0" * 88, "9" * 38 + "0" * 88),
        ("-1e-130", "-0." + "0" * 129 + "1"),
        ("0e125", "0"),
        ("1" + "0" * 125 + ".0000", "1" + "0" * 125),
        ("0.00012300", "0.000123"),
        ("12345e-2", "123.45"),
    ],
)
def test_a_number_has_one_form(text: str, normal: str) -> None:
    assert normal_number(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1_0",
        "NaN",
        "Infinity",
        "0x1",
        "1e126",
        "1e-131",
        "1e1000000000000000000000",
        "1e-1000000000000",
        "1" * 39,
        "\u0661",
        5,
    ],
)
def test_what_is_no_number_is_refused(text: object) -> None:
    with pytest.raises(ApiError):
        normal_number(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**20), max_value=10**20))
def test_normalising_keeps_the_value_and_is_stable(number: Decimal) -> None:
    normal = normal_number(str(number))

    assert Decimal(normal) == number
    assert normal_number(normal) == normal
    assert "E" not in normal


@given(st.integers(-(10**18), 10**18), st.integers(-(10**18), 10**18))
def test_arithmetic_is_exact_within_38_digits(left: int, right: int) -> None:
    assert add_numbers(str(left), str(right)) == str(left + right)
    assert add_numbers(str(left), str(right), subtract=True) == str(left - right)


def test_binary_is_decoded_wherever_it_stands() -> None:
    read = read_attributes({"B": {"B": "Zm9v"}, "M": {"M": {"B": {"S": "x"}, "L": {"L": [{"BS": ["YQ=="]}]}}}})

    assert read["B"].content == b"foo"
    assert read["M"].content["B"].content == "x"
    assert read["M"].content["L"].content[0].content == (b"a",)


def nested(levels: int) -> dict[str, object]:
    value: dict[str, object] = {"S": "x"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"B": "!"}, "multiple of 4"),
        ({"B": "+/+="}, "Invalid last non-pad"),
        ({"BS": ["!"]}, "multiple of 4"),
        ({"BS": ["Yg==", "Yg=="]}, "of type BS contains duplicates"),
        ({"NS": ["1", "1.0"]}, "contains duplicates"),
        ({"SS": ["a", "a"]}, "[a, a] contains duplicates"),
        ({"SS": []}, "An string set  may not be empty"),
        ({"NS": [[]]}, "Unrecognized collection type"),
        ({"SS": "a"}, "Unexpected field type"),
        ({"NULL": False}, "must have the value of true"),
        ({"N": 5}, "NUMBER_VALUE cannot be converted to String"),
        ({"N": ""}, "cannot be converted to a numeric value"),
        ({"S": {}}, "Start of structure or map"),
        ({"BOOL": 1}, "NUMBER_VALUE cannot be converted to Boolean"),
        ({"L": {}}, "Start of structure or map"),
        ({"M": []}, "Unrecognized collection type"),
        ({"M": {"": {"S": "a"}}}, "Empty attribute name"),
        ({}, "is empty, must contain exactly one"),
        ({"X": "a"}, "is empty, must contain exactly one"),
        ({"S": None}, "is empty, must contain exactly one"),
        ({"S": "a", "N": "1"}, "more than one datatypes set"),
        ("a", "Unexpected value type in payload"),
        ([], "Unrecognized collection type"),
        (nested(32), "Nesting Levels have exceeded supported limits"),
    ],
)
def test_a_wrong_value_is_refused_with_the_reason(value: object, words: str) -> None:
    with pytest.raises(ApiError) as error:
        read_value(value)

    assert words in error.value.message


def test_thirty_one_levels_are_allowed() -> None:
    assert wire_value(read_value(nested(31))) == nested(31)


def test_sets_are_equal_in_any_order() -> None:
    assert read_value({"NS": ["10", "9"]}) == read_value({"NS": ["9.0", "1e1"]})
    assert read_value({"SS": ["b", "a"]}) != read_value({"SS": ["a"]})


VALUES = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.text()),
        st.builds(lambda number: {"N": str(number)}, st.integers(-(10**38) + 1, 10**38 - 1)),
        st.builds(lambda data: {"B": base64.b64encode(data).decode()}, st.binary()),
        st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
        st.builds(lambda members: {"SS": sorted(members)}, st.lists(st.text(), min_size=1, unique=True)),
        st.just({"NULL": True}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda members: {"L": members}, st.lists(inner)),
        st.builds(lambda members: {"M": members}, st.dictionaries(st.text(min_size=2), inner)),
    ),
    max_leaves=8,
)


@given(VALUES)
def test_a_value_comes_back_as_it_was_sent(raw: dict[str, object]) -> None:
    value = read_value(raw)

    assert wire_value(value) == raw
    assert read_value(wire_value(value)) == value


_SOME_VALUES = st.one_of(
    st.text(max_size=4).map(lambda text: {"S": text}),
    st.integers(-999, 999).map(lambda number: {"N": str(number)}),
    st.lists(st.just({"S": "x"}), max_size=3).map(lambda members: {"L": members}),
)
_SOME_ITEMS = st.dictionaries(st.sampled_from(["a", "b", "größe", "d"]), _SOME_VALUES)


@given(_SOME_ITEMS, _SOME_ITEMS)
def test_a_changed_item_has_the_size_that_it_would_have_had_at_once(
    first: dict[str, object], second: dict[str, object]
) -> None:
    before = StoredItem(read_attributes(first))
    kept = {name: value for name, value in before.attrs.items() if name not in second or name == "a"}
    after = {**read_attributes(second), **kept}
    without = {name: value for name, value in after.items() if name != "b"}
    assert before.changed_to(after).size_bytes == StoredItem(after).size_bytes
    assert before.changed_to(without).size_bytes == StoredItem(without).size_bytes
