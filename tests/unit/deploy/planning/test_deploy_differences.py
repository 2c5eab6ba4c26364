"""What is shown of two templates before somebody says yes: values, and who may do what."""

from typing import Any

import click
import pytest

from deploy.cloud import Change
from deploy.lines import changes, permissions
from deploy.planning.differences import Difference, differences, rights, text


def of(properties: dict[str, Any], kind: str = "AWS::Lambda::Function", **rest: Any) -> dict[str, Any]:
    return {"Resources": {"Thing": {"Type": kind, "Properties": properties, **rest}}}


@pytest.mark.parametrize(
    ("was", "will", "found"),
    [
        pytest.param({"MemorySize": 512}, {"MemorySize": 1024}, [("MemorySize", "512", "1024")], id="a number"),
        pytest.param(
            {"Environment": {"Variables": {"A": "1", "B": "2"}}},
            {"Environment": {"Variables": {"A": "1", "B": "3", "C": {"Ref": "Jobs"}}}},
            [("Environment.Variables.B", "2", "3"), ("Environment.Variables.C", None, "${Jobs}")],
            id="below tables",
        ),
        pytest.param({"Layers": ["a"]}, {}, [("Layers", '["a"]', None)], id="gone"),
        pytest.param(
            {"Rules": [{"a": 1, "b": 1}]}, {"Rules": [{"a": 1, "b": 2}]}, [("Rules.0.b", "1", "2")], id="list"
        ),
        pytest.param({"Ids": ["a"]}, {"Ids": ["a", "b"]}, [("Ids", '["a"]', '["a", "b"]')], id="a longer list"),
        pytest.param(
            {"Arn": {"Ref": "A"}}, {"Arn": {"Fn::GetAtt": ["B", "Arn"]}}, [("Arn", "${A}", "${B.Arn}")], id="references"
        ),
        pytest.param({"A": {"b": 1}}, {"A": {"b": 1}}, [], id="the same"),
    ],
)
def test_values_that_differ_are_told_by_their_paths(
    was: dict[str, Any], will: dict[str, Any], found: list[tuple[Any, ...]]
) -> None:
    assert list(differences(of(was), of(will)).get("Thing", ())) == [Difference(*each) for each in found]


def test_what_happens_to_a_resource_in_the_end_is_a_value_too() -> None:
    found = differences(of({}, DeletionPolicy="Delete"), of({}, DeletionPolicy="Retain"))

    assert found == {"Thing": (Difference("DeletionPolicy", "Delete", "Retain"),)}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ({"Fn::Sub": "${A}/x"}, "${A}/x"),
        ({"Fn::Sub": ["${A}/x", {"A": "1"}]}, "${A}/x"),
        ({"Fn::If": ["A", 1, 2]}, '{"Fn::If": ["A", 1, 2]}'),
        (True, "true"),
    ],
)
def test_functions_of_cloudformation_are_shown_as_one_would_write_them(value: Any, shown: str) -> None:
    assert text(value) == shown


def role(*statements: dict[str, Any], **rest: Any) -> dict[str, Any]:
    policy = {"PolicyName": "own", "PolicyDocument": {"Statement": list(statements)}}
    return {"RouterRole": {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy], **rest}}}


def lines(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [click.unstyle(line) for line in permissions(*rights({"Resources": old}, {"Resources": new}))]


def test_one_action_more_of_a_statement_is_one_right_more() -> None:
    was = {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": {"Fn::GetAtt": ["Jobs", "Arn"]}}
    will = {**was, "Action": ["sqs:GetQueueUrl", "sqs:SendMessage", "sqs:PurgeQueue"]}

    assert lines(role(was), role(will)) == [
        "permissions:",
        "  + RouterRole may sqs:GetQueueUrl, sqs:PurgeQueue on ${Jobs.Arn}",
    ]
    assert lines(role(will), role(was))[1].startswith("  - RouterRole may sqs:GetQueueUrl")


def test_statements_in_another_order_or_shape_change_nothing() -> None:
    one = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a"}
    other = {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["b"]}

    assert lines(role(one, other), role({**other, "Action": "s3:PutObject"}, {**one, "Resource": ["a"]})) == []


@pytest.mark.parametrize(
    ("resource", "line"),
    [
        pytest.param(
            role({"Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"}),
            "RouterRole must not everything but s3:GetObject on *",
            id="everything but",
        ),
        pytest.param(
            role({"Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": {"Bool": {"x": "true"}}}),
            'RouterRole may a:B on * if {"Bool": {"x": "true"}}',
            id="with a condition",
        ),
        pytest.param(
            {"R": {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/X"]}}},
            "R may whatever arn:aws:iam::aws:policy/X allows",
            id="a managed policy",
        ),
        pytest.param(
            {
                "P": {
                    "Type": "AWS::SQS::QueuePolicy",
                    "Properties": {
                        "PolicyDocument": {
                            "Statement": {
                                "Effect": "Allow",
                                "Principal": {"Service": "sns.amazonaws.com"},
                                "Action": "sqs:SendMessage",
                                "Resource": {"Fn::GetAtt": ["Jobs", "Arn"]},
                            }
                        }
                    },
                }
            },
            "sns.amazonaws.com, by P, may sqs:SendMessage on ${Jobs.Arn}",
            id="of a resource",
        ),
        pytest.param(
            {
                "P": {
                    "Type": "AWS::Lambda::Permission",
                    "Properties": {
                        "Action": "lambda:InvokeFunction",
                        "FunctionName": {"Ref": "RouterFunction"},
                        "Principal": "events.amazonaws.com",
                        "SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]},
                    },
                }
            },
            "events.amazonaws.com, by ${RouterFunction}, may lambda:InvokeFunction if ${Rule.Arn}",
            id="to call a function",
        ),
    ],
)
def test_every_kind_of_right_has_a_line(resource: dict[str, Any], line: str) -> None:
    assert lines({}, resource) == ["permissions:", f"  + {line}"]


def test_values_stand_below_their_resource_and_long_ones_are_cut() -> None:
    change = Change(action="Modify", logical_id="Thing", resource_type="AWS::Lambda::Function", properties=("A",))
    values = {"Thing": [Difference("A", "1", "2"), Difference("B", "x" * 200, None)]}

    said = [click.unstyle(line) for line in changes([change], values)]

    assert said[1:3] == ["      A: 1 -> 2", f"      B: {'x' * 97}... -> (none)"]
