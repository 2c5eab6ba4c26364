"""Conditions of statements."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.iam.conditions import are_met, unknown_operators

KEY = "dynamodb:LeadingKeys"
ROLE = "arn:aws:iam::123456789012:role/say-role"


@pytest.mark.parametrize(
    ("operator", "wanted", "values", "is_met"),
    [
        ("StringEquals", ["ada"], ["ada"], True),
        ("StringEquals", ["ada"], ["Ada"], False),
        ("StringEquals", ["bob", "ada"], ["ada"], True),
        ("StringEquals", ["ada"], [], False),
        ("StringEqualsIgnoreCase", ["ADA"], ["ada"], True),
        ("StringNotEquals", ["ada"], ["bob"], True),
        ("StringNotEquals", ["ada", "bob"], ["bob"], False),
        ("StringNotEquals", ["ada"], [], True),
        ("StringNotEqualsIgnoreCase", ["ADA"], ["ada"], False),
        ("StringLike", ["a*"], ["ada"], True),
        ("StringLike", ["b*"], ["ada"], False),
        ("StringNotLike", ["b*"], ["ada"], True),
        ("StringEqualsIfExists", ["ada"], [], True),
        ("StringEqualsIfExists", ["ada"], ["bob"], False),
        ("ArnLike", ["arn:aws:iam::*:role/say-*"], [ROLE], True),
        ("ArnEquals", ["arn:aws:iam::*:role/who-*"], [ROLE], False),
        ("ArnNotLike", ["arn:aws:iam::*:role/who-*"], [ROLE], True),
        ("ArnEquals", ["arn:*:role/say-role"], [ROLE], False),
        ("ArnLike", ["arn:*:role/say-role"], [ROLE], False),
        ("ArnNotEquals", ["arn:*:role/say-role"], [ROLE], True),
        ("ArnNotLike", ["arn:*:role/say-role"], [ROLE], True),
        ("Bool", ["true"], ["true"], True),
        ("Bool", ["true"], ["false"], False),
        ("Null", ["true"], [], True),
        ("Null", ["true"], ["ada"], False),
        ("Null", ["false"], ["ada"], True),
        ("ForAllValues:StringEquals", ["ada", "bob"], ["ada", "bob"], True),
        ("ForAllValues:StringEquals", ["ada"], ["ada", "bob"], False),
        ("ForAllValues:StringEquals", ["ada"], [], True),
        ("ForAnyValue:StringEquals", ["ada"], ["bob", "ada"], True),
        ("ForAnyValue:StringEquals", ["ada"], ["bob"], False),
        ("ForAnyValue:StringEquals", ["ada"], [], False),
        ("NumericLessThan", ["5"], ["4"], True),
        ("NumericLessThan", ["10"], ["9.5"], True),
        ("NumericLessThan", ["5"], ["5"], False),
        ("NumericLessThanEquals", ["5"], ["5"], True),
        ("NumericGreaterThan", ["5"], ["x"], False),
        ("NumericGreaterThanEquals", ["5"], [], False),
        ("NumericGreaterThanEqualsIfExists", ["5"], [], True),
        ("NumericEquals", ["5"], ["5.0"], True),
        ("NumericNotEquals", ["5"], ["5.0"], False),
        ("NumericNotEquals", ["5"], [], True),
        ("DateGreaterThan", ["2020-01-01T00:00:00Z"], ["2026-11-29T10:00:00Z"], True),
        ("DateLessThan", ["2020-01-01"], ["1577836799"], True),
        ("DateEquals", ["2020-01-01T01:00:00+01:00"], ["2020-01-01"], True),
        ("DateNotEquals", ["2020-01-01"], ["2020-01-01T00:00:00Z"], False),
        ("DateLessThan", ["99999999999999999999"], ["2020-01-01"], False),
        ("IpAddress", ["203.0.113.0/24"], ["203.0.113.9"], True),
        ("IpAddress", ["203.0.113.0/24", "2001:db8::/32"], ["2001:db8::1"], True),
        ("IpAddress", ["203.0.113.7/24"], ["203.0.113.9"], True),
        ("IpAddress", ["203.0.113.0/24"], [], False),
        ("NotIpAddress", ["203.0.113.0/24"], ["203.0.113.9"], False),
        ("NotIpAddress", ["203.0.113.0/24"], ["198.51.100.1"], True),
        ("NotIpAddressIfExists", ["203.0.113.0/24"], [], True),
        ("ForAllValues:IpAddress", ["0.0.0.0/0"], [], True),
        ("BinaryEquals", ["QmluYXJ5"], ["QmluYXJ5"], True),
        ("BinaryEquals", ["QmluYXJ5"], ["qmluyxj5"], False),
        ("StringIs", ["ada"], ["ada"], False),
    ],
)
def test_an_operator_of_a_condition_is_met_or_not(
    operator: str, wanted: list[str], values: list[str], is_met: bool
) -> None:
    assert are_met({operator: {KEY: wanted}}, {KEY.lower(): values} if values else {}) is is_met


def test_all_operators_and_all_keys_must_be_met() -> None:
    conditions = {"StringEquals": {"a": ["1"], "b": ["2"]}, "StringLike": {"c": ["*"]}}

    assert are_met(conditions, {"a": ["1"], "b": ["2"], "c": ["3"]})
    assert not are_met(conditions, {"a": ["1"], "b": ["3"], "c": ["3"]})
    assert not are_met(conditions, {"a": ["1"], "b": ["2"]})


def test_keys_are_known_in_any_casing() -> None:
    assert are_met({"StringEquals": {"AWS:PrincipalAccount": ["1"]}}, {"aws:principalaccount": ["1"]})


def test_operators_that_are_not_known_are_named() -> None:
    conditions: dict[str, dict[str, list[str]]] = {
        "ForAnyValue:DateBeforeIfExists": {},
        "ForAnyValue:DateLessThanIfExists": {},
        "StringLikeIfExists": {},
        "Null": {},
    }

    assert unknown_operators(conditions) == ["ForAnyValue:DateBeforeIfExists"]


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_set_operators_are_all_and_any(wanted: list[str], values: list[str]) -> None:
    context = {"k": values}

    assert are_met({"ForAllValues:StringEquals": {"k": wanted}}, context) is (set(values) <= set(wanted))
    assert are_met({"ForAnyValue:StringEquals": {"k": wanted}}, context) is bool(set(values) & set(wanted))


@given(st.sampled_from(["Equals", "EqualsIgnoreCase", "Like"]), st.lists(st.text(max_size=3)), st.text(max_size=3))
def test_an_operator_and_its_negation_never_agree(kind: str, wanted: list[str], value: str) -> None:
    context = {"k": [value]}

    positive = are_met({f"String{kind}": {"k": wanted}}, context)
    assert are_met({f"StringNot{kind}": {"k": wanted}}, context) is not positive
