"""Names that are taken: what calls made is not adopted, and what fails leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import control_world
import pytest
from control_world import ControlWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlWorld]:
    with control_world.running(tmp_path_factory.mktemp("names")) as emulator:
        yield ControlWorld(emulator)


def table(name: str | None = None) -> dict[str, Any]:
    """A table of a template; None: without a name of its own."""
    properties: dict[str, Any] = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    return {"Type": "AWS::DynamoDB::Table", "Properties": properties | ({} if name is None else {"TableName": name})}


def created(world: ControlWorld, stack: str, **resources: Any) -> str:
    """The status of a stack that was asked for."""
    made = world.cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": resources}))
    return str(world.settled(made["StackId"])["StackStatus"])


def changed(world: ControlWorld, stack: str, **resources: Any) -> str:
    world.cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps({"Resources": resources}))
    return str(world.settled(stack)["StackStatus"])


def deleted(world: ControlWorld, stack: str) -> None:
    stack_id = world.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    world.cloudformation.delete_stack(StackName=stack)
    assert world.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"


def tables(world: ControlWorld) -> list[str]:
    return list(world.client("dynamodb").list_tables()["TableNames"])


def failed(world: ControlWorld, stack: str) -> list[str | None]:
    return [why for name, status, why in world.events(stack) if status == "CREATE_FAILED" and name != stack]


def make_all(world: ControlWorld) -> None:
    """One of each kind, by calls."""
    made = table("taken-table")["Properties"]
    world.client("dynamodb").create_table(**made)
    world.client("sqs").create_queue(QueueName="taken-queue")
    world.client("s3").create_bucket(Bucket="taken-bucket")
    world.client("sns").create_topic(Name="taken-topic")
    world.client("kinesis").create_stream(StreamName="taken-stream", ShardCount=1)
    world.client("ssm").put_parameter(Name="/taken/parameter", Value="x", Type="String")
    world.client("events").create_event_bus(Name="taken-bus")
    world.client("secretsmanager").create_secret(Name="taken-secret", SecretString="x")


@pytest.mark.parametrize(
    ("kind", "properties", "name"),
    [
        ("AWS::DynamoDB::Table", table("taken-table")["Properties"], "taken-table"),
        ("AWS::SQS::Queue", {"QueueName": "taken-queue"}, "taken-queue"),
        ("AWS::S3::Bucket", {"BucketName": "taken-bucket"}, "taken-bucket"),
        ("AWS::SNS::Topic", {"TopicName": "taken-topic"}, "taken-topic"),
        ("AWS::Kinesis::Stream", {"Name": "taken-stream", "ShardCount": 1}, "taken-stream"),
        ("AWS::SSM::Parameter", {"Name": "/taken/parameter", "Type": "String", "Value": "y"}, "/taken/parameter"),
        ("AWS::Events::EventBus", {"Name": "taken-bus"}, "taken-bus"),
        ("AWS::SecretsManager::Secret", {"Name": "taken-secret", "SecretString": "y"}, "taken-secret"),
    ],
    ids=["table", "queue", "bucket", "topic", "stream", "parameter", "bus", "secret"],
)
def test_what_a_call_made_is_not_adopted(world: ControlWorld, kind: str, properties: dict[str, Any], name: str) -> None:
    if "taken-table" not in tables(world):
        make_all(world)
    stack = name.replace("/", "") + "-adopting"

    assert created(world, stack, Thing={"Type": kind, "Properties": properties}) == "ROLLBACK_COMPLETE"
    assert failed(world, stack) == [f"{name} already exists"]
    deleted(world, stack)
    assert created(world, stack, Thing={"Type": kind, "Properties": properties}) == "ROLLBACK_COMPLETE"


def test_a_table_whose_logical_id_changes_is_kept_with_what_it_has(world: ControlWorld) -> None:
    assert created(world, "renaming", Old=table("precious")) == "CREATE_COMPLETE"
    world.client("dynamodb").put_item(TableName="precious", Item={"id": {"S": "1"}})

    assert changed(world, "renaming", New=table("precious")) == "UPDATE_ROLLBACK_COMPLETE"
    assert failed(world, "renaming") == ["precious already exists in stack renaming"]
    assert world.client("dynamodb").scan(TableName="precious")["Count"] == 1


WRONG = table("no name")


def test_a_stack_that_fails_leaves_nothing_that_it_made(world: ControlWorld) -> None:
    assert created(world, "half", First=table("half"), Second=WRONG) == "ROLLBACK_COMPLETE"
    assert "half" not in tables(world)
    deleted(world, "half")
    assert created(world, "half", First=table("half")) == "CREATE_COMPLETE"
    world.client("dynamodb").put_item(TableName="half", Item={"id": {"S": "1"}})

    assert changed(world, "half", First=table("half"), More=table("more"), Second=WRONG) == "UPDATE_ROLLBACK_COMPLETE"
    assert "more" not in tables(world)
    assert changed(world, "half", First=table("half"), More=table("more")) == "UPDATE_COMPLETE"
    assert world.client("dynamodb").scan(TableName="half")["Count"] == 1


def test_a_stack_that_was_left_as_it_failed_goes_on_with_what_it_made(world: ControlWorld) -> None:
    body = json.dumps({"Resources": {"First": table("left"), "Second": WRONG}})
    made = world.cloudformation.create_stack(StackName="left", TemplateBody=body, DisableRollback=True)
    assert world.settled(made["StackId"])["StackStatus"] == "CREATE_FAILED"
    assert "left" in tables(world)

    world.cloudformation.update_stack(
        StackName="left",
        TemplateBody=json.dumps({"Resources": {"First": table("left"), "Second": table("right")}}),
        DisableRollback=True,
    )
    assert world.settled("left")["StackStatus"] == "UPDATE_COMPLETE"


def test_what_was_retained_under_a_name_that_was_made_for_it_is_taken_up(world: ControlWorld) -> None:
    """AWS would make another name; here it is the same at every deployment."""
    kept = {**table(), "DeletionPolicy": "Retain"}
    assert created(world, "retaining", Table=kept) == "CREATE_COMPLETE"
    deleted(world, "retaining")

    assert created(world, "retaining", Table=kept) == "CREATE_COMPLETE"


def test_a_change_set_may_take_over_what_is_there_with_what_it_has(world: ControlWorld) -> None:
    world.client("dynamodb").create_table(**table("taken-over")["Properties"])
    world.client("dynamodb").put_item(TableName="taken-over", Item={"id": {"S": "1"}})
    body = {"Resources": {"Table": {**table("taken-over"), "DeletionPolicy": "Retain"}}}

    stack = world.deployed("taking-over", body, ImportExistingResources=True)

    assert stack["StackStatus"] == "CREATE_COMPLETE", world.events("taking-over")
    assert world.client("dynamodb").scan(TableName="taken-over")["Count"] == 1
    more = {**body["Resources"], "More": table("taken-table-too")}
    world.client("dynamodb").create_table(**table("taken-table-too")["Properties"])
    assert changed(world, "taking-over", **more) == "UPDATE_ROLLBACK_COMPLETE"
