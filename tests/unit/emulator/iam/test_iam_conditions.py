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
        ("NumericLessThan", ["5"], ["4"], False),
        ("ForAllValues:IpAddress", ["0.0.0.0/0"], [], False),
    ],
)
def test_operators(operator: str, wanted: list[str], values: list[str], is_met: bool) -> None:
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
        "ForAnyValue:DateLessThanIfExists": {},
        "StringLikeIfExists": {},
        "Null": {},
    }

    assert unknown_operators(conditions) == ["ForAnyValue:DateLessThanIfExists"]


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
