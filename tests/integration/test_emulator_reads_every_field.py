"""No field of a topology is deployed and silently not emulated: the emulator reads each, or it is said why not."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from every_feature import FIELDS, KINDS, every_feature
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from emulator.event_sources.schedules import Schedules
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer import topology as described
from streamer.topology import Topology, grants

SHARED = {described.__name__, grants.__name__}
"""Modules of the runtime through which the emulator reads a topology."""
NOT_EMULATED = {
    ("Function", "ephemeral_storage_mb"): "functions write to the machine's own disk",
    ("Function", "log_format"): "functions write to the terminal",
    ("Function", "log_level"): "functions write to the terminal",
    ("Function", "provisioned_concurrency"): "environments start quickly here, and are kept",
    ("Function", "snap_start"): "environments start quickly here, and are kept",
    ("Function", "system_log_level"): "functions write to the terminal",
    ("Function", "layers"): "layers are on AWS; what they hold is installed beside the project's own packages here",
    ("Topology", "found_queues"): "mappings name them; that they are there is for the check of all fields to know",
    ("Function", "secrets"): "functions get the values in their environment, from where the runtime takes either",
}
"""Fields that the emulator does not read, and why."""

HANDLER = """
def answer(event, context):
    if "Records" in event or event.get("fail"):
        raise RuntimeError("asked to")
    return {"statusCode": 200, "body": "answered"}

def authorize(event, context):
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "me", "policyDocument": policy, "usageIdentifierKey": "a-key-of-at-least-20-characters"}
"""


class Reads:
    """Which fields modules of the emulator asked for, whether themselves or through a method of the topology."""

    def __init__(self) -> None:
        self.fields: set[tuple[str, str]] = set()
        self.kinds = {name: self._recording(kind) for name, kind in KINDS.items()}

    def _recording(self, kind: Any) -> Any:
        names = {field.name for field in dataclasses.fields(kind)}
        note = self._note

        def read(self: Any, name: str) -> Any:
            if name in names:
                note(kind.__name__, name)
            return object.__getattribute__(self, name)

        return type(kind.__name__, (kind,), {"__slots__": (), "__getattribute__": read})

    def _note(self, kind: str, name: str) -> None:
        frame = sys._getframe(2)
        while frame.f_globals.get("__name__") in SHARED and frame.f_back is not None:
            if frame.f_globals["__name__"] == described.__name__ and frame.f_code.co_name.startswith(("_", "validate")):
                return  # comparing, and the check of all fields, which uses none of them
            frame = frame.f_back
        if str(frame.f_globals.get("__name__")).startswith("emulator."):
            self.fields.add((kind, name))

    def missing(self) -> list[tuple[str, str]]:
        """Fields that nobody has asked for and that do not stand in the list."""
        return [field for field in FIELDS if field not in self.fields and field not in NOT_EMULATED]


def test_the_emulator_reads_every_field_of_a_topology(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text(HANDLER)
    reads = Reads()
    topology = every_feature(reads.kinds)
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path, isolation="process")
    with EmulatorThread(topology, config) as emulator:
        use(emulator)
        asyncio.run(let_a_schedule_be_due(topology))
        deadline = time.monotonic() + 60
        while reads.missing() and time.monotonic() < deadline:  # of the failures, which are handled in the background
            time.sleep(0.01)

    assert reads.missing() == []
    assert [field for field in NOT_EMULATED if field in reads.fields] == []


def use(emulator: EmulatorThread) -> None:
    """Have a connection, a message that its model refuses and one that it does not, and failures of each kind."""
    with pytest.raises(InvalidStatus):  # no identity source
        connect(emulator.websocket_url, open_timeout=60)
    with connect(emulator.websocket_url, additional_headers={"Auth": "me"}, open_timeout=60) as connection:
        connection.send(json.dumps({"verb": "order", "kind": "large"}))
        assert "Bad request body" in str(connection.recv(timeout=60))
        connection.send(json.dumps({"verb": "order", "kind": "large", "size": 1}))
        assert connection.recv(timeout=60) == "answered"
    functions = boto3.client("lambda", **emulator.aws("lambda"))
    for name in ("answer", "authorize"):  # given up at once, and tried again
        functions.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"fail": true}')
    sqs = boto3.client("sqs", **emulator.aws("sqs"))
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"kind": "job"}))
    item = {"shop": {"S": "corner"}, "number": {"N": "1"}, "day": {"S": "monday"}, "at": {"S": "noon"}}
    boto3.client("dynamodb", **emulator.aws("dynamodb")).put_item(TableName="shop_orders", Item=item)


async def let_a_schedule_be_due(topology: Topology) -> None:
    """The emulator's own are due after minutes."""
    accepted, now = asyncio.Event(), datetime.now(UTC)

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)
        await (asyncio.Event().wait() if accepted.is_set() else asyncio.sleep(0))

    def accept(function: str, payload: bytes, request_id: str) -> bool:
        accepted.set()
        return True

    async with Schedules(topology, accept, sleep=sleep, now=lambda: now):
        await accepted.wait()
