"""Filter policies of SNS. [DOC] sns-docs:string-value-matching, numeric-value-matching, and-or-logic"""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.event_sources.streams.filters import InvalidFilterPatternError
from emulator.services.sns.filter_policies import BODY, compile_policy, lets_through, without_newer


def text(value: str) -> dict[str, Any]:
    return {"a": {"Type": "String", "Value": value}}


def number(value: str) -> dict[str, Any]:
    return {"a": {"Type": "Number", "Value": value}}


def array(*values: Any) -> dict[str, Any]:
    return {"a": {"Type": "String.Array", "Value": json.dumps(values)}}


@pytest.mark.parametrize(
    ("rule", "attributes", "passes"),
    [
        ("rugby", text("rugby"), True),
        ("rugby", text("Rugby"), False),
        ("rugby", {}, False),
        ("rugby", array("tennis", "rugby"), True),
        (None, array(None), True),
        (True, array(True), True),
        (5, number("5.0"), True),
        (5, text("5"), False),
        ({"numeric": [">", 0, "<=", 5]}, number("5"), True),
        ({"prefix": "bas"}, text("baseball"), True),
        ({"suffix": "ball"}, text("baseball"), True),
        ({"equals-ignore-case": "TENNIS"}, text("Tennis"), True),
        ({"wildcard": "base*l"}, text("baseball"), True),
        ({"cidr": "10.0.0.0/24"}, text("10.0.0.255"), True),
        ({"cidr": "10.0.0.0/24"}, text("10.0.1.0"), False),
        ({"anything-but": ["rugby", "tennis"]}, text("baseball"), True),
        ({"anything-but": ["rugby", "tennis"]}, array("rugby", "baseball"), True),
        ({"anything-but": ["rugby", "tennis"]}, array("rugby"), False),
        ({"anything-but": {"prefix": "bas"}}, text("rugby"), True),
        ({"anything-but": {"suffix": "ball"}}, text("rugby"), True),
        ({"anything-but": {"suffix": "ball"}}, text("baseball"), False),
        ({"anything-but": {"wildcard": "*ball"}}, text("rugby"), True),
        ({"exists": True}, text("x"), True),
        ({"exists": False}, {}, True),
        ({"exists": False}, array("x"), False),
        ("x", {"a": {"Type": "Binary", "Value": b"x"}}, False),
        ({"exists": True}, {"a": {"Type": "String.Array", "Value": "no JSON"}}, False),
    ],
)
def test_a_rule_is_of_an_attribute(rule: Any, attributes: dict[str, Any], passes: bool) -> None:
    assert lets_through({"a": [rule]}, None, attributes, "") is passes


def test_policies_of_attributes_have_alternatives() -> None:
    policy = {"$or": [{"a": ["x"]}, {"b": ["y"]}]}

    assert lets_through(policy, "MessageAttributes", text("x"), "")
    assert not lets_through(policy, "MessageAttributes", text("y"), "")


@pytest.mark.parametrize(
    ("policy", "body", "passes"),
    [
        pytest.param({"a": {"b": ["x"]}}, {"a": {"b": "x"}}, True, id="nested"),
        pytest.param({"a": {"b": ["x"]}}, {"a": [{"b": "y"}, {"b": "x"}]}, True, id="in a list"),
        pytest.param({"a": {"b": [1], "c": [1]}}, {"a": [{"b": 1}, {"c": 1}]}, False, id="not in one element"),
        pytest.param({"a": [None]}, {"a": None}, True, id="null"),
        pytest.param({"a": [{"equals-ignore-case": "X"}]}, {"a": "x"}, True, id="in any case"),
        pytest.param({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, True, id="alternatives"),
        pytest.param({"a": {"$or": [{"b": [1]}, {"c": [2]}]}}, {"a": {"c": 2}}, True, id="nested alternatives"),
        pytest.param({"a": ["x"]}, [{"a": "x"}], False, id="a body that is no object"),
        pytest.param({}, {"a": 1}, True, id="an empty policy"),
    ],
)
def test_a_policy_is_of_a_body(policy: dict[str, Any], body: Any, passes: bool) -> None:
    assert lets_through(policy, BODY, {}, json.dumps(body)) is passes


@pytest.mark.parametrize("body", ["text", '{"b":' + "[" * 100_000], ids=["text", "nested too deeply to be read"])
def test_a_body_that_is_no_json_passes_no_policy(body: str) -> None:
    assert not lets_through({"a": [{"exists": False}]}, BODY, {}, body)


@pytest.mark.parametrize("rules", [[], [{"prefix": 5}], [{"near": "x"}], [["x"]], "x"])
def test_a_wrong_policy_is_refused(rules: Any) -> None:
    with pytest.raises(InvalidFilterPatternError):
        compile_policy({"a": rules})


def test_a_policy_may_be_longer_than_a_rules_pattern() -> None:
    assert compile_policy({"a": ["x" * 10_000]}).matches({"a": "x" * 10_000})


def test_comparisons_that_moto_does_not_know_are_counted_by_it() -> None:
    policy = {"a": [{"wildcard": "*x"}, {"prefix": "y"}], "b": {"c": [{"cidr": "10.0.0.0/8"}]}}

    assert without_newer(policy) == {"a": ["*x", {"prefix": "y"}], "b": {"c": ["10.0.0.0/8"]}}
