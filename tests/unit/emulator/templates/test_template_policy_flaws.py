"""Policies of roles that IAM refuses, which is told at every start."""

from __future__ import annotations

import json
from typing import Any

import pytest
from template_parts import PLACE, att, resource

from emulator.templates import policy_flaws
from emulator.templates.catalogue import Catalogue
from emulator.templates.source import load
from emulator.templates.stack import Surroundings, resolve

TABLE = resource(
    "DynamoDB::Table",
    TableName="notes",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
)
GETS = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": att("Notes")}
TRUSTS = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **more}


def told(**resources: Any) -> list[str]:
    base = {"Notes": TABLE, "Cluster": resource("ECS::Cluster", ClusterName="c")}
    source = load(json.dumps({"Resources": {**base, **resources}}), "t.json")
    catalogue = Catalogue([resolve(source, Surroundings(place=PLACE))])
    policy_flaws.check(catalogue, [each for _, each in catalogue.all])
    return catalogue.warnings


def role(*documents: Any, trust: Any = None) -> Any:
    policies = [{"PolicyName": f"p{n}", "PolicyDocument": each} for n, each in enumerate(documents)]
    return resource("IAM::Role", AssumeRolePolicyDocument=trust or document(TRUSTS), Policies=policies)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(document(GETS), id="plain"),
        pytest.param(json.dumps(document(GETS)), id="JSON"),
        pytest.param({"Statement": GETS}, id="no version, one statement without a list"),
        pytest.param(document({**GETS, "Sid": "", "Resource": "*"}, {**GETS, "Sid": ""}), id="empty ids"),
        pytest.param(document({**GETS, "Action": ["*", "s3:Get*", "*:*"]}), id="actions with wildcards"),
        pytest.param(document({**GETS, "Resource": ["arn:aws:logs:*", "arn:aws:s3:::b/*"]}), id="short ARNs"),
        pytest.param(document({**GETS, "Resource": [att("Cluster"), {"Ref": "Cluster"}]}), id="what is made up"),
        pytest.param(document({"Effect": "Deny", "NotAction": "s3:*", "NotResource": "*"}), id="all but"),
        pytest.param(
            document({**GETS, "Condition": {"ForAllValues:StringLikeIfExists": {"dynamodb:LeadingKeys": "a*"}}}),
            id="a condition",
        ),
    ],
)
def test_what_iam_takes_is_not_told(policy: Any) -> None:
    assert told(Role=role(policy)) == []


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        (document(GETS, Version="2012-10-18"), " is of Version 2012-10-18; there are 2008-10-17 and 2012-10-17"),
        (document(GETS, Conditions={}), " has Conditions, which policies have not"),
        (document(), " has no Statement"),
        (document("x"), ".Statement[0] is no statement"),
        (document({**GETS, "Effect": "allow"}), ".Statement[0] has no Effect, Allow or Deny"),
        (document({**GETS, "Principal": "*"}), ".Statement[0] has a Principal, which only policies of resources have"),
        (document({**GETS, "Actions": "s3:*"}), ".Statement[0] has Actions, which statements have not"),
        (document({**GETS, "Action": []}), ".Statement[0] has no Action"),
        (document({**GETS, "NotAction": "s3:*"}), ".Statement[0] has Action and NotAction"),
        (document({"Effect": "Allow", "Action": "s3:*"}), ".Statement[0] has no Resource"),
        (
            document({**GETS, "Action": "GetItem"}),
            ".Statement[0] has the action 'GetItem', which is not of the form s3:GetObject",
        ),
        (
            document({**GETS, "Condition": {"StringEqual": {"a:b": "c"}}}),
            ".Statement[0] has StringEqual, which is no operator of IAM",
        ),
        (
            document({**GETS, "Condition": {"StringEquals": "x"}}),
            ".Statement[0] has a Condition that is no mapping of operators to mappings of keys to values",
        ),
        (document({**GETS, "Sid": "a"}, {**GETS, "Sid": "a"}), ".Statement[1] has the Sid a of another statement"),
        (document({**GETS, "Sid": "a-b"}), ".Statement[0] has the Sid 'a-b', which has more than letters and digits"),
        (document({**GETS, "Resource": {"Ref": "Notes"}}), " names 'notes', which is no ARN; !GetAtt Notes.Arn is"),
        (document({**GETS, "Resource": "other"}), " names 'other', which is no ARN"),
        ("x", " is no policy"),
    ],
)
def test_what_iam_refuses_is_told_with_its_place(policy: Any, what: str) -> None:
    assert told(Role=role(document(GETS), policy)) == [f"Role: AWS refuses it, since Policies[1].PolicyDocument{what}"]


@pytest.mark.parametrize(
    ("trust", "what"),
    [
        ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "has no Principal"),
        ({**TRUSTS, "Resource": "*"}, "has a Resource, which trust policies have not"),
    ],
)
def test_a_trust_policy_says_whom_it_trusts_and_names_no_resource(trust: Any, what: str) -> None:
    assert told(Role=role(trust=document(trust))) == [
        f"Role: AWS refuses it, since AssumeRolePolicyDocument.Statement[0] {what}"
    ]


@pytest.mark.parametrize("kind", ["Policy", "ManagedPolicy", "RolePolicy"])
def test_policies_that_stand_by_themselves_are_looked_at_too(kind: str) -> None:
    policy = resource(f"IAM::{kind}", PolicyDocument=document({**GETS, "Effect": "Maybe"}))

    assert told(P=policy) == ["P: AWS refuses it, since PolicyDocument.Statement[0] has no Effect, Allow or Deny"]


def test_a_managed_policy_is_of_the_latest_version() -> None:
    policy = resource("IAM::ManagedPolicy", PolicyDocument={"Statement": GETS})

    assert told(P=policy) == ["P: AWS refuses it, since a managed policy is of Version 2012-10-17"]


def test_variables_that_stand_for_themselves_are_told() -> None:
    """[DOC] iam-docs:reference_policies_elements_version"""
    own = {**GETS, "Condition": {"StringEquals": {"dynamodb:LeadingKeys": "${aws:PrincipalTag/Tenant}"}}}

    assert told(Role=role(document(own))) == []
    assert told(Role=role({"Statement": own})) == [
        "Role: Policies[0].PolicyDocument is not of Version 2012-10-17, without which its policy variables stand for "
        "themselves"
    ]


def test_policies_have_sizes_that_iam_takes() -> None:
    def of(characters: int) -> Any:
        return document({**GETS, "Resource": f"arn:aws:s3:::{'b' * characters}"})

    most = "AWS refuses it, since"
    assert told(Role=role(of(9_000), document(GETS))) == []
    assert told(Role=role(of(5_000), of(5_200)))[0].startswith(f"Role: {most} its Policies have 10,")
    beside = resource("IAM::Policy", Roles=[{"Ref": "Role"}], PolicyDocument=of(5_200))
    assert told(Role=role(of(5_000)), Beside=beside)[0].startswith(f"Role: {most} its Policies have 10,")
    managed = told(P=resource("IAM::ManagedPolicy", PolicyDocument=of(6_100)))
    assert managed[0].startswith(f"P: {most} PolicyDocument has 6,")
    trust = document({**TRUSTS, "Condition": {"StringEquals": {"aws:PrincipalTag/x": "b" * 2_000}}})
    assert told(Role=role(trust=trust))[0].startswith(f"Role: {most} AssumeRolePolicyDocument has 2,")


def test_a_role_has_as_many_managed_policies_as_iam_takes() -> None:
    arns = [f"arn:aws:iam::aws:policy/{number}" for number in range(10)]
    own = resource("IAM::ManagedPolicy", Roles=[{"Ref": "Role"}], PolicyDocument=document(GETS))
    of_role = resource("IAM::Role", AssumeRolePolicyDocument=document(TRUSTS), ManagedPolicyArns=arns)

    assert told(Role=of_role) == []
    assert told(Role=of_role, Own=own) == ["Role: AWS refuses it, since it has 11 managed policies, and IAM takes 10"]
