"""An emulator whose functions write down what they were invoked with, for tests of the services around it."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from emulator.services.calls import Call
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Api, Function, Key, Permission, Queue, Table, TableAccess, Topology
from streamer.topology.kinesis import KinesisMapping

REGION = "eu-west-1"
ACCOUNT = "123456789012"
HANDLER = """
import boto3, json
from botocore.config import Config
table = boto3.resource("dynamodb").Table("seen")

def write(event, context):
    table.put_item(Item={"id": context.aws_request_id, "event": json.dumps(event)})

def call(event, context):
    client = boto3.client(event["service"], config=Config(retries={"max_attempts": 0}))
    answer = getattr(client, event["operation"])(**event["parameters"])
    if isinstance(answer, dict):
        answer.pop("ResponseMetadata", None)
    return json.loads(json.dumps(answer, default=str))
"""


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def topology(*permissions: Permission) -> Topology:
    access = (TableAccess(table="seen", actions=("PutItem",)),)
    return Topology(
        api=Api(name="services", routes=()),
        functions=(
            Function(name="writer", handler="functions.write", tables=access, timeout_seconds=60),
            Function(name="caller", handler="functions.call", permissions=permissions, timeout_seconds=60),
        ),
        tables=(Table(name="seen", key=Key(partition="id")),),
        queues=(
            Queue(name="inbox"),
            Queue(name="plain.fifo"),
            Queue(name="ordered.fifo", deduplicates_by_content=True),
            Queue(name="by-id.fifo"),
        ),
    )


class World:
    """One emulator, asked by unmodified clients."""

    def __init__(self, emulator: EmulatorThread) -> None:
        self.emulator = emulator
        self.url = str(emulator.aws("lambda")["endpoint_url"])

    def client(self, service: str, **more: Any) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            **{"endpoint_url": self.url, "config": Config(retries={"max_attempts": 0}), **more},
        )

    def events(self, count: int = 1) -> list[Any]:
        """What the writer was invoked with, once there is so much; it is forgotten then."""
        table = self.client("dynamodb")

        def look() -> list[Any]:
            return list(table.scan(TableName="seen", ConsistentRead=True)["Items"])

        items = until(look, lambda found: len(found) >= count)
        for item in items:
            table.delete_item(TableName="seen", Key={"id": item["id"]})
        assert len(items) == count, items
        return [json.loads(item["event"]["S"]) for item in items]

    def message(self, queue: str = "inbox") -> Any:
        """The next message of a queue, with all that it carries."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]

        def look() -> list[Any]:
            return list(
                sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"]).get(
                    "Messages", []
                )
            )

        found = until(look, bool)[0]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
        return found

    def called(self, service: str, operation: str, **parameters: Any) -> Any:
        """What a function gets that calls a service; a failure as Lambda tells it."""
        asked = {"service": service, "operation": operation, "parameters": parameters}
        answer = self.client("lambda").invoke(FunctionName="caller", Payload=json.dumps(asked))
        return json.loads(answer["Payload"].read())


def until(look: Callable[[], Any], is_enough: Callable[[Any], bool], seconds: float = 60.0) -> Any:
    """What is found once it is enough, or in the end."""
    end = time.monotonic() + seconds
    while not is_enough(found := look()) and time.monotonic() < end:
        time.sleep(0.02)
    assert is_enough(found), found
    return found


def running(
    folder: Path,
    *services: Call,
    permissions: tuple[Permission, ...] = (),
    kinesis: tuple[KinesisMapping, ...] = (),
    **more: Any,
) -> AbstractContextManager[EmulatorThread]:
    """An emulator with what is described in its services."""
    (folder / "functions.py").write_text(HANDLER)
    config = EmulatorConfig(
        project_folder=folder, state_folder=folder / ".streamer", region=REGION, services=services, **more
    )
    described = dataclasses.replace(topology(*permissions), kinesis_mappings=kinesis)
    return EmulatorThread(described, config)
