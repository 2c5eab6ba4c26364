"""Rights to the keys of resources, which services use in the name of whoever asks them."""

from __future__ import annotations

import pytest

from emulator.iam.encryption import with_keys
from emulator.iam.guard import Guard
from emulator.iam.keys import KeyRing
from emulator.iam.needs import Need
from emulator.iam.policy import Statement, statement_of
from emulator.iam.resource_policies import Named, ResourcePolicy
from emulator.iam.roles import Role, Roles
from streamer.topology import Api, Function, Topology
from streamer.topology.grants import Kind, Place, Resource

PLACE = Place(partition="aws", region="eu-west-1", account_id="123456789012", apis={})
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
ENCRYPTED = {
    "arn:aws:s3:::files": KEY,
    "arn:aws:sqs:eu-west-1:123456789012:jobs": KEY,
    "arn:aws:dynamodb:eu-west-1:123456789012:table/notes": KEY,
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-Ab12Cd": KEY,
}
SEND = Need("sqs:SendMessage", Resource(Kind.QUEUE, "jobs"))
SECRET = Resource(Kind.ARN, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-Ab12Cd")
READ = Need("secretsmanager:GetSecretValue", SECRET)


@pytest.mark.parametrize(
    ("need", "keys"),
    [
        (SEND, ["kms:GenerateDataKey", "kms:Decrypt"]),
        (Need("sqs:ReceiveMessage", SEND.resource), ["kms:Decrypt"]),
        (Need("sqs:GetQueueUrl", SEND.resource), []),
        (Need("sqs:SendMessage", Resource(Kind.QUEUE, "plain")), []),
        (Need("s3:PutObject", Resource(Kind.ARN, "arn:aws:s3:::files/a/b")), ["kms:GenerateDataKey"]),
        (
            Need(
                "s3:PutObject", Resource(Kind.ARN, "arn:aws:s3:::files/a"), (("s3:objectcreationoperation", "false"),)
            ),
            ["kms:GenerateDataKey", "kms:Decrypt"],
        ),
        (Need("s3:GetObject", Resource(Kind.ARN, "arn:aws:s3:::files/a")), ["kms:Decrypt"]),
        (Need("s3:ListBucket", Resource(Kind.ARN, "arn:aws:s3:::files")), []),
        (Need("dynamodb:Query", Resource(Kind.INDEX, "notes", "by-user")), ["kms:Decrypt"]),
        (Need("dynamodb:DescribeTable", Resource(Kind.TABLE, "notes")), []),
        (READ, ["kms:Decrypt"]),
    ],
    ids=lambda each: each.action if isinstance(each, Need) else "-",
)
def test_what_is_encrypted_needs_rights_to_its_key(need: Need, keys: list[str]) -> None:
    own, *others = with_keys([need], ENCRYPTED, PLACE)

    assert own == need
    assert [each.action for each in others] == keys
    assert {each.resource.name for each in others} <= {KEY}


def refusal(need: Need, *statements: Statement) -> str | None:
    account = Named(
        statement=Statement(actions=("kms:*",), resources=("*",)), principals=("arn:aws:iam::123456789012:root",)
    )
    guard = Guard(
        Topology(api=Api(name="chat", routes=()), functions=(Function(name="say", handler="h.say"),)),
        PLACE,
        KeyRing(b"s" * 32),
        mode="enforce",
        advise=lambda *_: None,
        roles=Roles(
            of={"say": Role(name="SayRole", statements=statements)},
            policies=(ResourcePolicy(arn=KEY, statements=(account,), rules=True),),
            encrypted=ENCRYPTED,
        ),
    )
    return guard.refusal("say", [need])


def test_a_role_that_may_send_may_not_without_the_key() -> None:
    sends = Statement(actions=("sqs:*", "secretsmanager:*"), resources=("*",))
    through = {"StringEquals": {"kms:ViaService": "sqs.eu-west-1.amazonaws.com"}}
    uses = statement_of({"Effect": "Allow", "Action": "kms:*", "Resource": KEY, "Condition": through})

    assert str(refusal(SEND, sends)).endswith(
        f"is not authorized to perform: kms:GenerateDataKey on resource: {KEY} "
        "because no identity-based policy allows the kms:GenerateDataKey action"
    )
    assert refusal(SEND, sends, uses) is None
    assert refusal(READ, sends, uses) == "Access to KMS is not allowed"
