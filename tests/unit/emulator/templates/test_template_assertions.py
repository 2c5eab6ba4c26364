"""What the rules of a template assert of its parameters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from template_parts import PLACE, ref

from emulator.templates.errors import TemplateError
from emulator.templates.source import load
from emulator.templates.stack import Surroundings, resolve

PARAMETERS = {
    "Environment": {"Type": "String", "Default": "local"},
    "Name": {"Type": "String", "Default": ""},
    "Size": {"Type": "Number", "Default": 3},
    "Zones": {"Type": "CommaDelimitedList", "Default": "a,a"},
    "Users": {"Type": "CommaDelimitedList", "Default": ""},
    "Network": {"Type": "AWS::EC2::VPC::Id", "Default": "vpc-1"},
    "Nets": {"Type": "List<AWS::EC2::Subnet::Id>", "Default": "subnet-1,subnet-2"},
    "Version": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/made/version"},
}


def checked(rule: Any, *, parameters: dict[str, str] | None = None, stored: dict[str, str] | None = None) -> None:
    tree = {
        "Parameters": PARAMETERS,
        "Rules": {"Fits": rule},
        "Resources": {"A": {"Type": "AWS::SQS::Queue"}},
    }
    resolve(
        load(json.dumps(tree), "t.json"),
        Surroundings(place=PLACE, parameters=parameters or {}, stored=stored or {}),
    )


def asserting(node: Any) -> dict[str, Any]:
    return {"Assertions": [{"Assert": node, "AssertDescription": "it\nfits"}]}


def equals(left: Any, right: Any) -> dict[str, Any]:
    return {"Fn::Equals": [left, right]}


NEW = {"Fn::Not": [{"Fn::Contains": [["1", "2"], ref("Version")]}]}


@pytest.mark.parametrize(
    ("node", "holds"),
    [
        pytest.param(True, True, id="true"),
        pytest.param(equals(ref("Environment"), "local"), True, id="Equals"),
        pytest.param(equals(ref("Size"), 3), True, id="a number as text"),
        pytest.param(equals(ref("AWS::Region"), "us-east-1"), True, id="a pseudo parameter"),
        pytest.param({"Fn::Not": [equals(ref("Name"), "")]}, False, id="Not"),
        pytest.param({"Fn::And": [equals("a", "a"), equals("a", "b")]}, False, id="And"),
        pytest.param({"Fn::Or": [equals("a", "a"), equals("a", "b")]}, True, id="Or"),
        pytest.param({"Fn::Contains": [["dev", "local"], ref("Environment")]}, True, id="Contains"),
        pytest.param({"Fn::Contains": [["dev", "prod"], ref("Environment")]}, False, id="Contains not"),
        pytest.param({"Fn::Not": [{"Fn::Contains": [ref("Users"), ""]}]}, False, id="an empty list has an empty text"),
        pytest.param({"Fn::EachMemberEquals": [ref("Zones"), "a"]}, True, id="EachMemberEquals"),
        pytest.param({"Fn::EachMemberEquals": [ref("Zones"), "b"]}, False, id="EachMemberEquals not"),
        pytest.param({"Fn::EachMemberIn": [ref("Zones"), ["a", "b"]]}, True, id="EachMemberIn"),
        pytest.param({"Fn::EachMemberIn": [["a", "c"], ["a", "b"]]}, False, id="EachMemberIn not"),
        pytest.param({"Fn::Contains": [{"Fn::RefAll": "AWS::EC2::VPC::Id"}, "vpc-1"]}, True, id="RefAll"),
        pytest.param({"Fn::Contains": [{"Fn::RefAll": "AWS::EC2::Subnet::Id"}, "subnet-3"]}, False, id="RefAll, lists"),
        pytest.param(NEW, True, id="what nobody here knows"),
        pytest.param(equals({"Fn::ValueOf": ["Network", "Tags.Name"]}, "x"), True, id="what AWS would be asked"),
    ],
)
def test_an_assertion_that_does_not_hold_is_refused_with_its_place_and_its_words(node: Any, holds: bool) -> None:
    if holds:
        checked(asserting(node))
        return

    with pytest.raises(TemplateError) as refused:
        checked(asserting(node))

    assert str(refused.value) == (
        "t.json:1: Rules.Fits.Assertions[0]: the parameters are not what the rule Fits asserts: it fits"
    )


@pytest.mark.parametrize("odd", [["a"], "a", 1], ids=repr)
def test_rules_are_a_mapping(odd: Any) -> None:
    with pytest.raises(TemplateError, match="Rules: a mapping is expected"):
        load(json.dumps({"Rules": odd, "Resources": {"A": {"Type": "AWS::SQS::Queue"}}}), "t.json")


@pytest.mark.parametrize(("environment", "is_refused"), [("local", True), ("prod", False)])
def test_a_rule_counts_where_its_condition_holds(environment: str, is_refused: bool) -> None:
    rule = {"RuleCondition": equals(ref("Environment"), "local"), "Assertions": [{"Assert": equals(ref("Name"), "x")}]}

    if not is_refused:
        checked(rule, parameters={"Environment": environment})
        return
    with pytest.raises(TemplateError, match="the rule Fits asserts: its assertion does not hold"):
        checked(rule, parameters={"Environment": environment})


def test_a_value_of_the_parameter_store_counts_where_it_is_known() -> None:
    checked(asserting(NEW), stored={"/made/version": "3"})
    with pytest.raises(TemplateError, match="it fits"):
        checked(asserting(NEW), stored={"/made/version": "2"})


@pytest.mark.parametrize(
    ("node", "message"),
    [
        pytest.param({"Condition": "IsProd"}, "what a rule asserts is made of Fn::And, Fn::Contains,", id="Condition"),
        pytest.param({"Fn::If": ["a", True, False]}, "what a rule asserts is made of", id="If"),
        pytest.param("yes", "what a rule asserts is made of", id="text"),
        pytest.param({"Fn::Contains": ["a"]}, "Fn::Contains takes a list of 2", id="one argument"),
        pytest.param(equals(ref("A"), "x"), "rules cannot refer to resources, and A is one", id="a resource"),
        pytest.param(equals(ref("Nam"), "x"), "there is no resource or parameter 'Nam'", id="no parameter"),
    ],
)
def test_what_a_rule_cannot_be_made_of_is_refused(node: Any, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        checked(asserting(node))
    assert message in str(refused.value)
