"""Tags of resources and of requests, as conditions see them."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.iam.guard import Guard
from emulator.iam.keys import KeyRing
from emulator.iam.needs import Need, of_dynamodb, of_sqs
from emulator.iam.policy import statement_of
from emulator.iam.resource_tags import requested, tags_of
from emulator.iam.roles import Role, Roles
from emulator.services.needs import of_operation
from streamer.topology import Api, Function, Topology
from streamer.topology.grants import Kind, Place, Resource

WHERE = "eu-west-1:123456789012"
TABLE = f"arn:aws:dynamodb:{WHERE}:table/notes"
JOBS = f"arn:aws:sqs:{WHERE}:jobs"
SECRET = f"arn:aws:secretsmanager:{WHERE}:secret:db-Ab12Cd"
TAGS = {
    TABLE: {"Team": "red"},
    JOBS: {"Team": "blue"},
    SECRET: {"Team": "red"},
    f"arn:aws:lambda:{WHERE}:function:say": {"Team": "red"},
    f"arn:aws:ssm:{WHERE}:parameter/a/b": {"Team": "red"},
    "arn:aws:iam::123456789012:role/app/tenant": {"Team": "red"},
}


@pytest.mark.parametrize(
    ("arn", "keys"),
    [
        (TABLE, ["aws:resourcetag/team"]),
        (f"{TABLE}/index/by-user", ["aws:resourcetag/team"]),
        (f"{TABLE}/stream/2026-01-01T00:00:00.000", []),
        (f"arn:aws:lambda:{WHERE}:function:say:live", ["aws:resourcetag/team"]),
        (SECRET, ["aws:resourcetag/team", "secretsmanager:resourcetag/team"]),
        (f"arn:aws:ssm:{WHERE}:parameter/a/b", ["aws:resourcetag/team", "ssm:resourcetag/team"]),
        ("arn:aws:iam::123456789012:role/app/tenant", ["aws:resourcetag/team", "iam:resourcetag/team"]),
        (f"arn:aws:sqs:{WHERE}:others", []),
        ("*", []),
    ],
)
def test_a_resource_has_its_tags_by_the_names_of_its_service(arn: str, keys: list[str]) -> None:
    assert sorted(tags_of(arn, TAGS)) == keys


@pytest.mark.parametrize(
    ("parameters", "facts"),
    [
        ({"Tags": [{"Key": "Team", "Value": "red"}]}, [("aws:requesttag/team", "red"), ("aws:tagkeys", "Team")]),
        ({"Tags": [{"TagKey": "a", "TagValue": "1"}]}, [("aws:requesttag/a", "1"), ("aws:tagkeys", "a")]),
        ({"tags": [{"key": "a", "value": "1"}]}, [("aws:requesttag/a", "1"), ("aws:tagkeys", "a")]),
        ({"tags": {"a": "1"}}, [("aws:requesttag/a", "1"), ("aws:tagkeys", "a")]),
        (
            {"Tags.member.1.Key": "a", "Tags.member.1.Value": "1"},
            [("aws:requesttag/a", "1"), ("aws:tagkeys", "a")],
        ),
        ({"TagKeys": ["a", "b"]}, [("aws:tagkeys", "a"), ("aws:tagkeys", "b")]),
        ({"Tags": "a"}, []),
        ({}, []),
    ],
)
def test_a_request_has_the_tags_that_it_gives(parameters: dict[str, Any], facts: list[tuple[str, str]]) -> None:
    assert list(requested(parameters)) == facts


@pytest.mark.parametrize(
    "needs",
    [
        of_dynamodb("CreateTable", {"TableName": "t", "Tags": [{"Key": "a", "Value": "1"}]}),
        [of_sqs("CreateQueue", {"QueueName": "q", "tags": {"a": "1"}})],
        list(of_operation("sns", "TagResource", {"ResourceArn": "arn", "Tags.member.1.Key": "a"})),
        list(of_operation("kms", "CreateKey", {"Tags": [{"TagKey": "a", "TagValue": "1"}]})),
    ],
    ids=["dynamodb", "sqs", "sns", "kms"],
)
def test_every_service_tells_conditions_of_the_tags_that_it_is_given(needs: list[Need]) -> None:
    assert [("aws:tagkeys", "a") in need.about for need in needs] == [True]


@pytest.mark.parametrize(
    ("need", "is_allowed"),
    [
        (Need("dynamodb:GetItem", Resource(Kind.TABLE, "notes")), True),
        (Need("dynamodb:Query", Resource(Kind.INDEX, "notes", "by-user")), True),
        (Need("sqs:SendMessage", Resource(Kind.QUEUE, "jobs")), False),
        (Need("sqs:SendMessage", Resource(Kind.QUEUE, "untagged")), False),
    ],
)
def test_whoever_has_the_tag_of_a_resource_may_use_it(need: Need, is_allowed: bool) -> None:
    advice: list[str] = []
    same = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    allowed = statement_of({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": same})
    role = Role(name="SayRole", statements=(allowed,), tags={"team": "red"})
    guard = Guard(
        Topology(api=Api(name="chat", routes=()), functions=(Function(name="say", handler="h.say"),)),
        Place(partition="aws", region="eu-west-1", account_id="123456789012", apis={}),
        KeyRing(b"s" * 32),
        mode="enforce",
        advise=lambda _, line: advice.append(line),
        roles=Roles(of={"say": role}, tags=TAGS),
    )

    assert (guard.refusal("say", [need]) is None) is is_allowed
    assert [line.partition("its condition ")[2] for line in advice] == (
        []
        if is_allowed
        else [
            'StringEquals {aws:ResourceTag/team: ["red"]} is not met by '
            + ('["blue"]' if need.resource.name == "jobs" else "a request without a value for it")
        ]
    )
