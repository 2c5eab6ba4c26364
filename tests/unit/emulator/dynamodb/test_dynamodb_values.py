import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.dynamodb.models.dynamo_type import DynamoType

from emulator.dynamodb.errors import ApiError
from emulator.dynamodb.values import (
    add_numbers,
    attributes_bytes,
    equal,
    normal_number,
    read_value,
    value_bytes,
    wire_value,
    write_value,
)


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
    ],
)
def test_a_number_has_one_form(text: str, normal: str) -> None:
    assert normal_number(text) == normal


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1_0", "NaN", "Infinity", "0x1", "1e126", "1e-131", "1" * 39, "\u0661", 5]
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


@pytest.mark.parametrize(
    ("value", "size_bytes"),
    [
        pytest.param({"N": "42"}, 2, id="two digits"),
        pytest.param({"N": "101"}, 3, id="three digits"),
        pytest.param({"N": "-101"}, 4, id="a sign"),
        pytest.param({"N": "1000"}, 2, id="zeros at the end do not count"),
        pytest.param({"S": "grün"}, 5, id="UTF-8"),
        pytest.param({"B": b"foobar"}, 6, id="raw bytes"),
        pytest.param({"BOOL": True}, 1, id="boolean"),
        pytest.param({"NULL": True}, 1, id="null"),
        pytest.param({"SS": ["a", "bc"]}, 3, id="set"),
        pytest.param({"L": [{"S": "a"}]}, 3 + 1 + 1, id="list"),
        pytest.param({"M": {"k": {"S": "a"}}}, 3 + 1 + 1 + 1, id="map"),
    ],
)
def test_sizes_are_dynamodbs(value: dict[str, object], size_bytes: int) -> None:
    assert value_bytes(DynamoType(value)) == size_bytes


def test_names_count() -> None:
    assert attributes_bytes({"Message": DynamoType({"S": "New item!"}), "Id": DynamoType({"N": "101"})}) == 21


def test_binary_is_decoded_wherever_an_attribute_value_stands() -> None:
    read = json.loads('{"Item": {"B": {"B": "Zm9v"}, "M": {"M": {"B": {"S": "x"}}}}}', object_hook=read_value)

    assert read == {"Item": {"B": {"B": b"foo"}, "M": {"M": {"B": {"S": "x"}}}}}


@pytest.mark.parametrize("text", ['{"B": "!"}', '{"BS": ["!"]}', '{"NS": ["1", "1.0"]}', '{"NULL": false}', '{"N": 5}'])
def test_a_wrong_value_is_refused(text: str) -> None:
    with pytest.raises(ApiError):
        json.loads(text, object_hook=read_value)


VALUES = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.text()),
        st.builds(lambda number: {"N": str(number)}, st.integers(-(10**38) + 1, 10**38 - 1)),
        st.builds(lambda data: {"B": data}, st.binary()),
        st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
        st.builds(lambda members: {"BS": members}, st.lists(st.binary(), min_size=1, unique=True)),
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
    value = DynamoType(raw)
    as_json = json.dumps(value, default=write_value)

    assert json.loads(as_json) == json.loads(json.dumps(wire_value(value)))
    assert equal(value, DynamoType(json.loads(as_json, object_hook=read_value)))
