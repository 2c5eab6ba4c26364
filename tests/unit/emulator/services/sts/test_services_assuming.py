"""What a request to assume a role asks for, and what STS would not take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.iam.policy import Statement
from emulator.iam.sessions import Assumption
from emulator.services.sts.assuming import RefusedError, assumption, seconds_of

ASKED = {"RoleArn": "arn:x", "RoleSessionName": "ada"}
READING = {"Effect": "Allow", "Action": "a:Get", "Resource": "*"}


def test_lists_of_a_query_are_read_in_order() -> None:
    asked = {
        **ASKED,
        "ExternalId": "e",
        "Tags.member.1.Key": "Tenant",
        "Tags.member.1.Value": "ada",
        "Tags.member.2.Key": "Plan",
        "Tags.member.2.Value": "",
        "TransitiveTagKeys.member.1": "Plan",
        "PolicyArns.member.1.arn": "arn:p",
    }

    assert assumption(asked) == Assumption(
        role_arn="arn:x",
        session_name="ada",
        tags=(("Tenant", "ada"), ("Plan", "")),
        transitive=("Plan",),
        external_id="e",
        policy_arns=("arn:p",),
    )


def test_conditions_see_what_is_asked_for() -> None:
    asked = Assumption(
        role_arn="arn:x", session_name="ada", tags=(("Tenant", "a"),), transitive=("Tenant",), external_id="e"
    )

    assert dict(asked.about) == {
        "sts:rolesessionname": "ada",
        "sts:externalid": "e",
        "aws:requesttag/tenant": "a",
        "aws:tagkeys": "Tenant",
        "sts:transitivetagkeys": "Tenant",
    }


@pytest.mark.parametrize(
    ("document", "policy"),
    [
        ({"Version": "2012-10-17", "Statement": [READING]}, (Statement(actions=("a:Get",), resources=("*",)),)),
        ({"Version": "2012-10-17", "Statement": READING}, (Statement(actions=("a:Get",), resources=("*",)),)),
        (
            {"Statement": {**READING, "Resource": "${aws:userid}"}},
            (Statement(actions=("a:Get",), resources=("${$}{aws:userid}",)),),
        ),
    ],
)
def test_an_inline_session_policy_is_read(document: Any, policy: tuple[Statement, ...]) -> None:
    assert assumption({**ASKED, "Policy": json.dumps(document)}, with_policy=True).policy == policy


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"Statement": 1}',
        '{"Statement": ["x"]}',
        json.dumps({"Statement": {**READING, "Effect": "Perhaps"}}),
        json.dumps({"Statement": {**READING, "NotAction": "a:Put"}}),
        json.dumps({"Statement": {"Effect": "Allow", "Action": "a:Get"}}),
        json.dumps({"Statement": {**READING, "Condition": ["x"]}}),
    ],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        assumption({**ASKED, "Policy": text}, with_policy=True)

    assert refused.value.code == "MalformedPolicyDocument"


@pytest.mark.parametrize(("given", "seconds"), [({}, 3600), ({"DurationSeconds": "900"}, 900)])
def test_credentials_are_valid_for_an_hour_unless_it_is_said(given: dict[str, str], seconds: int) -> None:
    assert seconds_of(given, "ada") == seconds


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"RoleSessionName": "a b"}, "Value 'a b' at 'roleSessionName' failed to satisfy constraint"),
        ({"RoleSessionName": "a"}, "Value 'a' at 'roleSessionName'"),
        ({"DurationSeconds": "899"}, "must have value greater than or equal to 900"),
        ({"DurationSeconds": "43201"}, "must have value less than or equal to 43200"),
    ],
)
def test_what_sts_would_not_take_is_refused(given: dict[str, str], what: str) -> None:
    with pytest.raises(RefusedError, match=what) as refused:
        seconds_of(given, given.get("RoleSessionName", "ada"))

    assert refused.value.code == "ValidationError"
