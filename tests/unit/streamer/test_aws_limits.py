"""Facts of AWS that the runtime and the tools share, and above all DynamoDB's count of bytes."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.dynamodb.values import read_attributes, read_value
from streamer.aws_limits import (
    STAGE_NAME,
    attributes_bytes,
    number_bytes,
    partition_of,
    text_bytes,
    url_suffix,
    value_bytes,
)

NUMBERS = [
    ("0", 1),
    ("5", 2),
    ("42", 2),
    ("101", 3),
    ("1000", 2),
    ("0.001", 2),
    ("-5", 3),
    ("-101", 4),
    ("-1200.50", 5),
    ("1e10", 2),
    ("-1E-10", 3),
    ("+7", 2),
    ("-0", 1),
    ("1.5", 3),
    ("0.15", 2),
    ("1.234", 4),
    ("3.14159", 5),
    ("123456", 4),
    ("100.5", 4),
    ("1700000000.123", 8),
    ("0.5", 2),
    ("001.50", 3),
    ("1.200", 3),
    ("0.0000001", 2),
    ("15e-1", 3),
    ("-1.5", 4),
    ("0042", 2),
]
VALUES = [
    ({"S": "grün"}, 5),
    ({"B": base64.b64encode(b"123456").decode()}, 6),
    ({"BOOL": True}, 1),
    ({"NULL": True}, 1),
    ({"SS": ["ab", "c"]}, 3),
    ({"NS": ["42", "-5"]}, 5),
    ({"BS": ["YQ==", "YWI="]}, 3),
    ({"L": []}, 3),
    ({"L": [{"S": "a"}]}, 3 + 1 + 1),
    ({"M": {}}, 3),
    ({"M": {"k": {"S": "a"}}}, 3 + 1 + 1 + 1),
]


@pytest.mark.parametrize(("text", "size_bytes"), NUMBERS, ids=[text for text, _ in NUMBERS])
def test_a_number_takes_a_byte_for_two_digits_one_more_and_one_for_its_sign(text: str, size_bytes: int) -> None:
    assert number_bytes(text) == size_bytes


@given(st.integers(-(10**37), 10**37), st.integers(0, 20))
def test_zeros_at_the_end_and_exponents_do_not_change_the_size_of_a_number(whole: int, zeros: int) -> None:
    assert number_bytes(str(whole)) == number_bytes(f"{whole}{'0' * zeros}") == number_bytes(f"{whole}e{zeros}")


@pytest.mark.parametrize(("value", "size_bytes"), VALUES, ids=[json.dumps(value) for value, _ in VALUES])
def test_a_value_has_one_size_on_the_wire_and_once_read(value: dict[str, object], size_bytes: int) -> None:
    assert value_bytes(value) == size_bytes
    assert value_bytes(read_value(value)) == size_bytes


def test_an_item_is_as_large_as_its_names_and_values() -> None:
    item = {"Message": {"S": "New item!"}, "Id": {"N": "101"}, "größe": {"BOOL": True}}

    assert attributes_bytes(item) == attributes_bytes(read_attributes(item)) == 21 + 7 + 1


def test_binary_that_is_no_base64_counts_as_the_text_it_is() -> None:
    assert value_bytes({"B": "a"}) == 1


@given(st.text(st.characters(codec=None)))
def test_text_counts_in_utf_8_whatever_it_holds(text: str) -> None:
    assert text_bytes(text) == len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("name", "is_stage"),
    [("dev", True), ("a-b_C9", True), ("x" * 128, True), ("x" * 129, False), ("", False), ("a.b", False)],
)
def test_a_name_of_a_stage_is_as_aws_takes_it(name: str, is_stage: bool) -> None:
    assert (STAGE_NAME.fullmatch(name) is not None) == is_stage


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("eu-west-1", "aws", "amazonaws.com"),
        ("us-east-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
        ("mars-west-1", "aws", "amazonaws.com"),
    ],
)
def test_a_region_says_how_arns_begin_and_hosts_end(region: str, partition: str, suffix: str) -> None:
    assert (partition_of(region), url_suffix(region)) == (partition, suffix)
