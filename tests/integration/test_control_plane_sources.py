"""What functions read that no stack made: queues and tables of calls, by Lambda's API and by stacks."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import control_world
import pytest
from control_world import ControlWorld, refused
from services_world import until

PLACE = "us-east-1:123456789012"
READER = """
import boto3

def handler(event, context):
    source = event["Records"][0]["eventSource"].rpartition(":")[2]
    boto3.client("sqs").create_queue(QueueName=f"{context.function_name}-{source}")
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlWorld]:
    with control_world.running(tmp_path_factory.mktemp("sources")) as emulator:
        yield ControlWorld(emulator)


def code() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("app.py", READER)
    return buffer.getvalue()


def function(world: ControlWorld, name: str, **more: Any) -> str:
    world.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": code()},
        **more,
    )
    return name


def queue(world: ControlWorld, name: str, **attributes: str) -> str:
    return str(world.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def table(world: ControlWorld, name: str) -> str:
    """The ARN of its stream."""
    dynamodb = world.client("dynamodb")
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def has_run(world: ControlWorld, name: str) -> bool:
    return bool(until(lambda: world.client("sqs").list_queues(QueueNamePrefix=name).get("QueueUrls"), bool))


def test_a_queue_that_a_call_made_is_read(world: ControlWorld) -> None:
    url = queue(world, "jobs")
    function(world, "of-jobs")
    asked = {"FunctionName": "of-jobs", "EventSourceArn": f"arn:aws:sqs:{PLACE}:jobs"}
    mapping = world.client("lambda").create_event_source_mapping(**asked)
    world.client("sqs").send_message(QueueUrl=url, MessageBody="work")

    assert has_run(world, "of-jobs-sqs")
    assert (mapping["BatchSize"], mapping["FunctionArn"].rpartition(":")[2]) == (10, "of-jobs")


def test_the_stream_of_a_table_that_a_call_made_is_read(world: ControlWorld) -> None:
    stream = table(world, "orders")
    function(world, "of-orders")
    asked = {"FunctionName": "of-orders", "EventSourceArn": stream, "StartingPosition": "TRIM_HORIZON"}
    world.client("lambda").create_event_source_mapping(**asked)
    world.client("dynamodb").put_item(TableName="orders", Item={"id": {"S": "1"}})

    assert has_run(world, "of-orders-dynamodb")


def mapped(source: str) -> dict[str, Any]:
    """A stack whose function reads what an ARN names."""
    properties = {
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Role": "arn:aws:iam::123456789012:role/any",
        "Code": {"ZipFile": READER},
    }
    mapping = {"FunctionName": {"Ref": "Reader"}, "EventSourceArn": source}
    return {
        "Resources": {
            "Reader": {"Type": "AWS::Lambda::Function", "Properties": properties},
            "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
        }
    }


def test_a_stack_reads_a_queue_that_a_call_made(world: ControlWorld) -> None:
    url = queue(world, "parcels")
    world.deployed("parcels", mapped(f"arn:aws:sqs:{PLACE}:parcels"))
    world.client("sqs").send_message(QueueUrl=url, MessageBody="work")

    assert has_run(world, "parcels-Reader")


def test_a_stack_cannot_read_what_is_nowhere(world: ControlWorld) -> None:
    made = world.cloudformation.create_stack(
        StackName="nothing", TemplateBody=json.dumps(mapped(f"arn:aws:sqs:{PLACE}:nowhere"))
    )

    assert world.settled(made["StackId"])["StackStatus"] == "ROLLBACK_COMPLETE"
    failed = [why for name, status, why in world.events("nothing") if (name, status) == ("Mapping", "CREATE_FAILED")]
    assert [str(why).endswith("The specified queue does not exist.") for why in failed] == [True]


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        pytest.param(
            {"EventSourceArn": f"arn:aws:sqs:{PLACE}:nowhere"},
            "InvalidParameterValueException",
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist.",
            id="no queue",
        ),
        pytest.param(
            {"EventSourceArn": f"arn:aws:kinesis:{PLACE}:stream/nowhere", "StartingPosition": "LATEST"},
            "InvalidParameterValueException",
            f"Stream not found: arn:aws:kinesis:{PLACE}:stream/nowhere",
            id="no stream",
        ),
        pytest.param(
            {
                "EventSourceArn": f"arn:aws:dynamodb:{PLACE}:table/plain/stream/2026-01-01T00:00:00.000",
                "StartingPosition": "LATEST",
            },
            "InvalidParameterValueException",
            f"Stream not found: arn:aws:dynamodb:{PLACE}:table/plain/stream/2026-01-01T00:00:00.000",
            id="another stream of a table",
        ),
        pytest.param(
            {"EventSourceArn": f"arn:aws:sqs:{PLACE}:short"},
            "InvalidParameterValueException",
            "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds",
            id="visible too soon",
        ),
        pytest.param(
            {"EventSourceArn": f"arn:aws:sqs:{PLACE}:short", "StartingPosition": "LATEST"},
            "InvalidParameterValueException",
            "StartingPosition is not valid for SQS event sources.",
            id="a position in a queue",
        ),
        pytest.param(
            {"EventSourceArn": f"arn:aws:kinesis:{PLACE}:stream/nowhere"},
            "InvalidParameterValueException",
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null.",
            id="no position in a stream",
        ),
        pytest.param(
            {"EventSourceArn": f"arn:aws:sns:{PLACE}:topic"},
            "InvalidParameterValueException",
            "Unrecognized event source.",
            id="a topic",
        ),
        pytest.param({}, "InvalidParameterValueException", "Unrecognized event source.", id="no source"),
        pytest.param(
            {"EventSourceArn": f"arn:aws:sqs:{PLACE}:short", "FunctionName": "nobody"},
            "InvalidParameterValueException",
            "Function does not exist",
            id="no function",
        ),
    ],
)
def test_a_mapping_of_what_cannot_be_read_is_refused(
    world: ControlWorld, asked: dict[str, Any], code: str, text: str
) -> None:
    functions = world.client("lambda")
    if "plain" not in world.client("dynamodb").list_tables()["TableNames"]:
        table(world, "plain")
        queue(world, "short", VisibilityTimeout="2")
        function(world, "unread")

    assert refused(functions.create_event_source_mapping, **{"FunctionName": "unread", **asked}) == (code, text)
    assert functions.list_event_source_mappings(FunctionName="unread")["EventSourceMappings"] == []
