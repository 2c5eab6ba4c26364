"""What a role may do on AWS and not by its stack, however the template says it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from deploy.cloud import Resource
from deploy.planning.roles import changed, names_of

STACK_ID = "arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/chat-dev/1-2-3"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
}
PHYSICAL = {
    "Role": ("AWS::IAM::Role", "chat-dev-Role-1"),
    "Table": ("AWS::DynamoDB::Table", "chat-dev_requests"),
    "Queue": ("AWS::SQS::Queue", "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/chat-dev-work"),
    "Logs": ("AWS::Logs::LogGroup", "/aws/lambda/chat-dev-router"),
    "Topic": ("AWS::SNS::Topic", "arn:aws-cn:sns:cn-north-1:123456789012:news"),
    "Secret": ("AWS::SecretsManager::Secret", "s-1"),
    "Rule": ("AWS::Events::Rule", "bus|chat-dev-rule"),
    "Made": ("Custom::Thing", "made-1"),
    "MadeToo": ("AWS::CloudFormation::CustomResource", "made-2"),
    "Nested": ("AWS::CloudFormation::Stack", "arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/n/1"),
    "Managed": ("AWS::IAM::ManagedPolicy", "arn:aws-cn:iam::123456789012:policy/more"),
    "Beside": ("AWS::IAM::Policy", "chat-Besi-1"),
}
TABLE_ARN = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/chat-dev_requests"


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements]}


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def of_role(properties: Mapping[str, Any], there: Mapping[str, Any], **beside: Any) -> list[str]:
    resources = [
        Resource(logical_id=name, physical_id=physical_id, resource_type=kind, status="CREATE_COMPLETE")
        for name, (kind, physical_id) in PHYSICAL.items()
    ]
    template = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}, **beside}}
    return [*changed(template, names_of(resources, STACK_ID), resources[0], there)]


def of_policies(said: Sequence[Any], real: Sequence[Any]) -> list[str]:
    wanted, there = ([{"PolicyName": "own", "PolicyDocument": document(*each)}] for each in (said, real))
    return of_role({"Policies": wanted}, {"Policies": there})


@pytest.mark.parametrize(
    ("said", "real"),
    [
        pytest.param({"Fn::GetAtt": ["Table", "Arn"]}, TABLE_ARN, id="an ARN"),
        pytest.param({"Fn::Sub": "${Table.Arn}/index/*"}, f"{TABLE_ARN}/index/*", id="what is below it"),
        pytest.param({"Fn::GetAtt": ["Table", "StreamArn"]}, f"{TABLE_ARN}/stream/2026", id="a stream"),
        pytest.param({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:aws-cn:sqs:cn-north-1:1:chat-dev-work", id="a queue"),
        pytest.param({"Fn::GetAtt": ["Rule", "Arn"]}, "arn:aws-cn:events:c:1:rule/bus/chat-dev-rule", id="a rule"),
        pytest.param(
            {"Fn::GetAtt": ["Logs", "Arn"]},
            "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/aws/lambda/chat-dev-router:*",
            id="a log group with its streams",
        ),
        pytest.param({"Fn::GetAtt": ["Secret", "Id"]}, "arn:aws-cn:secret:c:1:secret:s-1-aB3xYz", id="a secret"),
        pytest.param({"Ref": "Topic"}, "arn:aws-cn:sns:cn-north-1:123456789012:news", id="a reference"),
        pytest.param(
            {"Fn::Sub": "arn:${AWS::Partition}:x:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-work"},
            "arn:aws-cn:x:cn-north-1:123456789012:function:chat-dev-work",
            id="where the stack is",
        ),
        pytest.param({"Fn::Sub": "arn:x:${!aws:userid}"}, "arn:x:${aws:userid}", id="a variable of IAM's"),
        pytest.param({"Fn::Sub": ["arn:x:${Name}", {"Name": {"Ref": "Other"}}]}, "arn:x:y", id="a value beside"),
        pytest.param({"Fn::ImportValue": "other"}, "arn:anything", id="what another stack exports"),
        pytest.param({"Fn::GetAtt": ["Made", "Arn"]}, "arn:anything", id="what somebody's code answered"),
        pytest.param({"Fn::GetAtt": ["MadeToo", "Arn"]}, "arn:anything", id="likewise"),
        pytest.param({"Ref": "Nested"}, PHYSICAL["Nested"][1], id="a nested stack"),
        pytest.param({"Fn::GetAtt": ["Nested", "Outputs.Arn"]}, "arn:anything", id="what a nested stack says"),
        pytest.param({"Ref": "Parameter"}, "*", id="a parameter"),
        pytest.param([TABLE_ARN, {"Ref": "AWS::NoValue"}], TABLE_ARN, id="no value"),
        pytest.param([TABLE_ARN, "arn:b"], ["arn:b", TABLE_ARN], id="another order"),
    ],
)
def test_what_cloudformation_filled_in_is_as_the_stack_says(said: Any, real: Any) -> None:
    assert of_policies([allow("x:Get", said)], [allow(["x:get"], real)]) == []


@pytest.mark.parametrize(
    ("said", "real"),
    [
        pytest.param({"Fn::GetAtt": ["Table", "Arn"]}, f"{TABLE_ARN}-2", id="another table"),
        pytest.param(
            {"Fn::GetAtt": ["Table", "Arn"]}, f"arn:x:table/a-{PHYSICAL['Table'][1]}", id="whose name ends so"
        ),
        pytest.param({"Fn::GetAtt": ["Table", "Arn"]}, f"{TABLE_ARN}/*", id="what is below it"),
        pytest.param({"Fn::GetAtt": ["Table", "StreamArn"]}, "*", id="all streams"),
        pytest.param({"Fn::Sub": "${Table.Arn}/index/*"}, "arn:x:table/other/index/*", id="another table's indexes"),
        pytest.param({"Fn::Sub": "${Table.Arn}/index/*"}, f"{TABLE_ARN}/index/*/more", id="more than the indexes"),
        pytest.param({"Fn::Sub": "${Topic}"}, "arn:aws-cn:sns:cn-north-1:123456789012:newsletter", id="another topic"),
        pytest.param({"Fn::GetAtt": ["Secret", "Id"]}, "*", id="all secrets"),
        pytest.param({"Fn::GetAtt": ["Secret", "Id"]}, "arn:x:secret:s-1-aB3xYz9", id="another secret"),
        pytest.param({"Fn::GetAtt": ["Logs", "Arn"]}, "arn:x:log-group:/aws/lambda/chat-dev-router*", id="more logs"),
        pytest.param({"Fn::Sub": "arn:x:${AWS::Region}:y"}, "arn:x:cn-northwest-1:y", id="another Region"),
        pytest.param({"Fn::Sub": "arn:x:${AWS::AccountId}:y"}, "arn:x:210987654321:y", id="another account"),
        pytest.param({"Fn::Sub": "arn:x:${AWS::StackName}-y"}, "arn:x:chat-prod-y", id="another stack's"),
        pytest.param({"Fn::Sub": "arn:${AWS::Partition}:x"}, "arn:aws:x", id="another partition"),
        pytest.param({"Fn::Sub": "arn:x:${!aws:userid}"}, "arn:x:*", id="any user for one's own"),
    ],
)
def test_what_is_another_thing_than_what_cloudformation_filled_in_is_told(said: Any, real: str) -> None:
    found = of_policies([allow("x:Get", said)], [allow("x:Get", real)])

    assert found[0] == f"has rights of which the stack does not know: x:Get on {real}"
    assert found[1].startswith("lacks rights that the stack gives it: x:Get on ")
    assert found[1].isprintable()


@pytest.mark.parametrize(
    ("said", "real", "told"),
    [
        pytest.param(
            [allow("x:Get", {"Fn::GetAtt": ["Table", "Arn"]})],
            [allow(["x:Get", "x:Delete"], TABLE_ARN)],
            [f"has rights of which the stack does not know: x:Delete on {TABLE_ARN}"],
            id="an action more",
        ),
        pytest.param(
            [allow("x:Get", {"Fn::GetAtt": ["Table", "Arn"]})],
            [allow("x:Get", "*")],
            [
                "has rights of which the stack does not know: x:Get on *",
                "lacks rights that the stack gives it: x:Get on chat-dev_requests",
            ],
            id="everything in place of a table",
        ),
        pytest.param(
            [allow("x:Get", {"Fn::GetAtt": ["Table", "Arn"]})],
            [allow("x:Get", TABLE_ARN), allow("x:Get", f"{TABLE_ARN}*")],
            [f"has rights of which the stack does not know: x:Get on {TABLE_ARN}*"],
            id="all tables whose names begin so",
        ),
        pytest.param(
            [allow("x:Get", "arn:a", Condition={"Bool": {"aws:SecureTransport": True}})],
            [allow("x:Get", "arn:a", Condition={"Bool": {"aws:SecureTransport": "true"}})],
            [],
            id="a condition",
        ),
        pytest.param(
            [allow("x:Get", "arn:a", Condition={"Bool": {"aws:SecureTransport": "true"}})],
            [allow("x:Get", "arn:a")],
            [
                "has rights of which the stack does not know: x:Get on arn:a",
                'lacks rights that the stack gives it: x:Get on arn:a if {"Bool": {"aws:SecureTransport": "true"}}',
            ],
            id="a condition that was taken away",
        ),
        pytest.param(
            [allow("x:Get", "arn:a"), {"Effect": "Deny", "Action": "*", "Resource": "arn:b"}],
            [allow("x:Get", "arn:a")],
            ["lacks rights that the stack gives it: denied * on arn:b"],
            id="a denial that was taken away",
        ),
        pytest.param(
            [allow("x:Get", "arn:a")],
            [allow(["x:Get", "x:A", "x:B", "x:C", "x:D", "x:E"], "arn:a")],
            ["has rights of which the stack does not know: x:A on arn:a, x:B on arn:a, x:C on arn:a, 2 more"],
            id="many",
        ),
        pytest.param(
            [allow("x:Get", "arn:a")],
            [allow(["x:Get", "x:A", "x:B", "x:C"], "arn:a")],
            ["has rights of which the stack does not know: x:A on arn:a, x:B on arn:a, x:C on arn:a"],
            id="as many as are told one by one",
        ),
        pytest.param([{"Fn::If": ["Big", {}, {}]}], [allow("*", "*")], [], id="statements that CloudFormation chooses"),
    ],
)
def test_rights_that_were_given_or_taken_by_hand_are_told(said: Any, real: Any, told: list[str]) -> None:
    assert of_policies(said, real) == told


def test_a_policy_of_the_stack_that_was_deleted_is_told_by_its_rights() -> None:
    said = [{"PolicyName": "own", "PolicyDocument": document(allow("x:Get", "arn:a"))}]

    assert of_role({"Policies": said}, {"Policies": [], "ManagedPolicyArns": []}) == [
        "lacks rights that the stack gives it: x:Get on arn:a"
    ]


OWN = {"PolicyName": "own", "PolicyDocument": document(allow("x:Get", "arn:a"))}
WIDE = {"PolicyName": "own", "PolicyDocument": document(allow("x:*", "arn:a"), allow("x:Get", "arn:a"))}
MORE = {"PolicyName": "more", "PolicyDocument": document(allow("*", "*"))}
ADMINISTRATOR = "arn:aws-cn:iam::aws:policy/AdministratorAccess"


@pytest.mark.parametrize(
    ("properties", "beside", "there", "told"),
    [
        pytest.param(
            {"Policies": [OWN]},
            {},
            {"Policies": [OWN, MORE], "ManagedPolicyArns": [ADMINISTRATOR]},
            [f"has policies of which the stack does not know: {ADMINISTRATOR}, more"],
            id="more",
        ),
        pytest.param(
            {"ManagedPolicyArns": [{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"}]},
            {},
            {"Policies": [], "ManagedPolicyArns": [ADMINISTRATOR]},
            [],
            id="a managed one of the stack's",
        ),
        pytest.param(
            {},
            {"Beside": {"Type": "AWS::IAM::Policy", "Properties": {**OWN, "Roles": [{"Ref": "Role"}]}}},
            {"Policies": [WIDE, MORE]},
            [
                "has policies of which the stack does not know: more",
                "has rights of which the stack does not know: x:* on arn:a",
            ],
            id="one of a resource beside the role",
        ),
        pytest.param(
            {},
            {"Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"Roles": ["chat-dev-Role-1"]}}},
            {"Policies": [], "ManagedPolicyArns": ["arn:aws-cn:iam::123456789012:policy/more", ADMINISTRATOR]},
            [f"has policies of which the stack does not know: {ADMINISTRATOR}"],
            id="a managed one beside the role",
        ),
        pytest.param(
            {},
            {"Beside": {"Type": "AWS::IAM::RolePolicy", "Properties": {**OWN, "RoleName": {"Ref": "Role"}}}},
            {"Policies": [WIDE]},
            ["has rights of which the stack does not know: x:* on arn:a"],
            id="the one role's of a resource beside it",
        ),
        pytest.param(
            {},
            {"Beside": {"Type": "AWS::IAM::RolePolicy", "Properties": {**OWN, "RoleName": "another"}}},
            {"Policies": [OWN]},
            ["has policies of which the stack does not know: own"],
            id="one of another role",
        ),
        pytest.param(
            {},
            {"Beside": {"Type": "AWS::IAM::Policy", "Properties": {**OWN, "Roles": [{"Ref": "Parameter"}]}}},
            {"Policies": [MORE]},
            [],
            id="one of a role that nobody here knows",
        ),
        pytest.param(
            {"Policies": {"Fn::If": ["Big", [], []]}}, {}, {"Policies": [MORE]}, [], id="which CloudFormation chooses"
        ),
        pytest.param(
            {"Policies": [{**OWN, "PolicyName": {"Fn::ImportValue": "name"}}]},
            {},
            {"Policies": [MORE]},
            [],
            id="named by another stack",
        ),
        pytest.param({"Policies": [OWN]}, {}, {}, [], id="of which AWS does not tell"),
        pytest.param(
            {"AssumeRolePolicyDocument": TRUST}, {}, {"AssumeRolePolicyDocument": TRUST}, [], id="who is trusted"
        ),
        pytest.param(
            {"AssumeRolePolicyDocument": TRUST},
            {},
            {
                "AssumeRolePolicyDocument": document(
                    {"Effect": "Allow", "Principal": {"AWS": "arn:aws-cn:iam::6:root"}, "Action": "sts:AssumeRole"}
                )
            },
            [
                "trusts whom the stack does not: sts:AssumeRole by arn:aws-cn:iam::6:root",
                "does not trust whom the stack does: sts:AssumeRole by lambda.amazonaws.com",
            ],
            id="somebody else is trusted",
        ),
        pytest.param(
            {
                "AssumeRolePolicyDocument": document(
                    {"Effect": "Allow", "Principal": {"AWS": {"Ref": "AWS::AccountId"}}, "Action": "sts:AssumeRole"}
                )
            },
            {},
            {
                "AssumeRolePolicyDocument": document(
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws-cn:iam::123456789012:root"},
                        "Action": "sts:AssumeRole",
                    }
                )
            },
            [],
            id="an account, as IAM keeps it",
        ),
    ],
)
def test_policies_are_those_that_the_stack_gives_in_whatever_way(
    properties: Any, beside: Any, there: Any, told: list[str]
) -> None:
    assert of_role(properties, there, **beside) == told


def test_without_the_stacks_id_what_depends_on_it_is_not_known() -> None:
    assert "AWS::Region" not in names_of([], "")
