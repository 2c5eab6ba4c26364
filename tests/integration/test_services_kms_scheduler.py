"""KMS and EventBridge Scheduler asked by an unmodified boto3: what keys do, and what schedules fire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import services_world
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from services_world import ACCOUNT, REGION, World, function_arn, queue_arn

from emulator.services.calls import KEY_ID_TAG, Call
from streamer.topology import Permission

KEY = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
MADE = Call(
    service="kms",
    operation="create_key",
    parameters={"Tags": [{"TagKey": KEY_ID_TAG, "TagValue": KEY}]},
    resource="Key",
)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
ALLOWED = (
    Permission(
        actions=("kms:Encrypt", "kms:Decrypt"),
        resources=("arn:aws:kms:${AWS::Region}:${AWS::AccountId}:key/" + KEY,),
    ),
    Permission(
        actions=("scheduler:CreateSchedule",),
        resources=("arn:aws:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/default/mine-*",),
    ),
    Permission(
        actions=("iam:PassRole",),
        resources=(ROLE,),
        conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
    ),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with services_world.running(tmp_path_factory.mktemp("kms"), MADE, permissions=ALLOWED) as emulator:
        yield World(emulator)


# KMS


def test_a_right_on_a_key_is_one_on_its_alias(world: World) -> None:
    kms = world.client("kms")
    kms.create_alias(AliasName="alias/keyed", TargetKeyId=KEY)
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/other", TargetKeyId=other)

    assert world.called("kms", "encrypt", KeyId="alias/keyed", Plaintext="x")["KeyId"].endswith(KEY)
    refused = world.called("kms", "encrypt", KeyId="alias/other", Plaintext="x")["errorMessage"]
    assert f"kms:Encrypt on resource: arn:aws:kms:{REGION}:{ACCOUNT}:key/{other}" in refused


def test_an_alias_is_answered_with_why_the_services_are_not_there(tmp_path: Path) -> None:
    wrong = Call(service="kms", operation="create_alias", parameters={"AliasName": "wrong"}, resource="Wrong")
    with services_world.running(tmp_path, wrong, permissions=ALLOWED) as emulator:
        refused = World(emulator).called("kms", "encrypt", KeyId="alias/keyed", Plaintext="x")

    assert "(ServiceUnavailable" in refused["errorMessage"]
    assert "Wrong" in refused["errorMessage"]


def test_a_key_of_a_template_has_the_id_that_the_template_knows(world: World) -> None:
    found = world.client("kms").describe_key(KeyId=KEY)["KeyMetadata"]
    assert found["Arn"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY}"
    assert world.client("kms").list_resource_tags(KeyId=KEY)["Tags"] == []


def test_what_was_encrypted_is_decrypted_in_its_context_alone(world: World) -> None:
    kms = world.client("kms")
    kms.create_alias(AliasName="alias/mine", TargetKeyId=KEY)
    sealed = kms.encrypt(KeyId="alias/mine", Plaintext=b"hidden", EncryptionContext={"for": "a"})["CiphertextBlob"]

    opened = kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"for": "a"})
    assert (opened["Plaintext"], opened["KeyId"].rpartition("/")[2]) == (b"hidden", KEY)
    with pytest.raises(ClientError, match="InvalidCiphertext"):
        kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"for": "b"})


def test_a_data_key_comes_open_and_sealed(world: World) -> None:
    kms = world.client("kms")
    made = kms.generate_data_key(KeyId=KEY, KeySpec="AES_256")

    assert len(made["Plaintext"]) == 32
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]


@pytest.mark.parametrize(
    ("spec", "algorithm"), [("ECC_NIST_P256", "ECDSA_SHA_256"), ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256")]
)
def test_a_pair_of_keys_signs(world: World, spec: str, algorithm: str) -> None:
    kms = world.client("kms")
    key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    signature = kms.sign(KeyId=key, Message=b"text", SigningAlgorithm=algorithm)["Signature"]

    asked = {"KeyId": key, "Signature": signature, "SigningAlgorithm": algorithm}
    assert kms.verify(**asked, Message=b"text")["SignatureValid"] is True
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(signature, b"text", ec.ECDSA(hashes.SHA256()))


def test_a_function_uses_the_keys_that_it_may(world: World) -> None:
    other = world.client("kms").create_key()["KeyMetadata"]["KeyId"]

    assert "CiphertextBlob" in world.called("kms", "encrypt", KeyId=KEY, Plaintext="text")
    refused = world.called("kms", "encrypt", KeyId=other, Plaintext="text")
    assert "is not authorized to perform: kms:Encrypt" in refused["errorMessage"]


@pytest.mark.parametrize("operation", ["describe_key", "list_grants"])
def test_a_key_that_is_not_there_is_refused_with_awss_status(world: World, operation: str) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(world.client("kms"), operation)(KeyId=KEY.replace("3f", "4f"))
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("NotFoundException", 400)


# Scheduler


def schedule(world: World, name: str, arn: str, *, at: datetime | None = None, **target: Any) -> Any:
    """A schedule that is due then, or in a moment; one whose time had passed when it was made would never be."""
    scheduler = world.client("scheduler")

    def make(name: str, at: datetime) -> None:
        scheduler.create_schedule(
            Name=name,
            ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": arn, "RoleArn": ROLE, **target},
            ActionAfterCompletion="DELETE",
        )

    make(f"{name}-later", datetime(2126, 11, 27, tzinfo=UTC))  # what making one needs is imported by now
    make(name, at or datetime.now(UTC) + timedelta(seconds=5))
    return scheduler


def test_a_schedule_fires_a_function_once_and_goes(world: World) -> None:
    scheduler = schedule(world, "once", function_arn("writer"), Input='{"id": "<aws.scheduler.schedule-arn>"}')

    (event,) = world.events()
    assert event == {"id": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/once"}
    with pytest.raises(ClientError) as gone:
        scheduler.get_schedule(Name="once")
    assert gone.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_schedule_that_would_never_be_due_is_refused(world: World) -> None:
    scheduler = world.client("scheduler")
    given: dict[str, Any] = {
        "Target": {"Arn": queue_arn("inbox"), "RoleArn": ROLE},
        "FlexibleTimeWindow": {"Mode": "OFF"},
    }
    given["StartDate"] = datetime(2126, 11, 27, tzinfo=UTC)
    scheduler.create_schedule(Name="yearly", ScheduleExpression="rate(365 days)", **given)

    with pytest.raises(ClientError) as made:
        scheduler.create_schedule(Name="never", ScheduleExpression="at(2126-11-27)", **given)
    with pytest.raises(ClientError) as changed:
        scheduler.update_schedule(Name="yearly", ScheduleExpression="cron(0 1 * * * *)", **given)

    error = made.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("ValidationException", "Invalid Schedule Expression at(2126-11-27).")
    assert changed.value.response["Error"]["Code"] == "ValidationException"
    assert scheduler.get_schedule(Name="yearly")["ScheduleExpression"] == "rate(365 days)"


def test_a_schedule_sends_to_a_queue(world: World) -> None:
    schedule(world, "queued", queue_arn("inbox"))

    found = json.loads(world.message()["Body"])
    assert (found["source"], found["resources"][0].rpartition("/")[2]) == ("aws.scheduler", "queued")


def test_a_schedule_puts_an_event_on_a_bus(world: World) -> None:
    events = world.client("events")
    events.put_rule(Name="scheduled", EventPattern=json.dumps({"source": ["mine"], "detail": {"a": [1]}}))
    events.put_targets(Rule="scheduled", Targets=[{"Id": "1", "Arn": function_arn("writer")}])
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    schedule(world, "bus", bus, Input='{"a": 1}', EventBridgeParameters={"Source": "mine", "DetailType": "t"})

    (event,) = world.events()
    assert (event["source"], event["detail-type"], event["detail"]) == ("mine", "t", {"a": 1})


def test_a_schedule_that_calls_a_service_keeps_no_other_from_being_due(world: World) -> None:
    at = datetime.now(UTC) + timedelta(seconds=10)
    schedule(world, "calls", "arn:aws:scheduler:::aws-sdk:sns:publish", at=at)
    schedule(world, "runs", function_arn("writer"), at=at, Input='{"a": 1}')

    assert world.events() == [{"a": 1}]


def test_a_function_makes_the_schedules_that_it_may(world: World) -> None:
    given = {
        "ScheduleExpression": "cron(0 0 1 1 ? 2126)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": function_arn("writer"), "RoleArn": ROLE},
    }
    assert world.called("scheduler", "create_schedule", Name="mine-1", **given)["ScheduleArn"].endswith("/mine-1")
    refused = world.called("scheduler", "create_schedule", Name="other", **given)
    assert "is not authorized to perform: scheduler:CreateSchedule" in refused["errorMessage"]


def test_a_group_is_made_once_and_before_its_schedules(world: World) -> None:
    scheduler = world.client("scheduler")
    scheduler.create_schedule_group(Name="group")
    with pytest.raises(ClientError, match="Schedule group group already exists"):
        scheduler.create_schedule_group(Name="group")
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*Schedule group none does not exist"):
        scheduler.delete_schedule_group(Name="none")
    with pytest.raises(ClientError, match="Schedule group none does not exist"):
        scheduler.create_schedule(
            Name="grouped",
            GroupName="none",
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": function_arn("writer"), "RoleArn": ROLE},
        )
