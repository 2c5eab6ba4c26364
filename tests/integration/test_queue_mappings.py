"""Functions that read queues, in the real emulator: batches, groups, failures, dead letters."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Api, Function, Key, Queue, QueueMapping, Table, TableAccess, Topology

HANDLER = """
import boto3, json, os
table = boto3.resource("dynamodb").Table("seen")

def handle(event, context):
    failures = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        attributes = record["attributes"]
        table.put_item(Item={"id": record["messageId"] + "/" + attributes["ApproximateReceiveCount"],
                             "body": body, "group": attributes.get("MessageGroupId", "-"),
                             "handle": record["receiptHandle"], "lot": len(event["Records"])})
        if body.get("fail"):
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
"""
TOPOLOGY = Topology(
    api=Api(name="queues", routes=()),
    functions=(
        Function(
            name="worker",
            handler="worker.handle",
            timeout_seconds=10,
            tables=(TableAccess(table="seen", actions=("PutItem",)),),
        ),
    ),
    tables=(Table(name="seen", key=Key(partition="id")),),
    queues=(
        Queue(name="jobs", visibility_timeout_seconds=600, dead_letter_queue="failed", maximum_receives=2),
        Queue(name="failed"),
        Queue(name="ordered.fifo", deduplicates_by_content=True),
    ),
    queue_mappings=(
        QueueMapping(
            function="worker",
            queue="jobs",
            report_batch_item_failures=True,
            filters=({"body": {"kind": ["job"]}},),
        ),
        QueueMapping(function="worker", queue="ordered.fifo"),
    ),
)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[EmulatorThread]:
    (tmp_path / "worker.py").write_text(HANDLER)
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path, isolation="process")
    with EmulatorThread(TOPOLOGY, config) as emulator:
        yield emulator


def items(emulator: EmulatorThread, until: Any) -> list[dict[str, Any]]:
    """What the function has seen, once there is enough of it."""
    table = boto3.resource("dynamodb", **emulator.aws("dynamodb")).Table("seen")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = table.scan()["Items"]
        if until(found):
            return list(found)
    raise AssertionError(f"only {found}")


def failed_times(times: int, seen: list[dict[str, Any]]) -> bool:
    """Whether the function has refused a message so often."""
    return sum("fail" in each["body"] for each in seen) == times


def test_failed_messages_come_again_and_end_in_the_dead_letter_queue(running: EmulatorThread) -> None:
    sqs = boto3.client("sqs", **running.aws("sqs"))
    jobs = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    bodies = [{"kind": "job", "fail": True}, {"kind": "job"}, {"kind": "other"}]
    entries = [{"Id": str(number), "MessageBody": json.dumps(body)} for number, body in enumerate(bodies)]

    sqs.send_message_batch(QueueUrl=jobs, Entries=entries)
    for times in (1, 2):  # each visible again at once, and not when its time-out is over
        found = items(running, partial(failed_times, times))
        for each in found:
            if "fail" in each["body"] and each["id"].endswith(f"/{times}"):
                sqs.change_message_visibility(QueueUrl=jobs, ReceiptHandle=each["handle"], VisibilityTimeout=0)

    assert sorted(each["id"].rpartition("/")[2] for each in found if "fail" in each["body"]) == ["1", "2"]
    assert [each["body"] for each in found if "fail" not in each["body"]] == [{"kind": "job"}]
    failed = sqs.get_queue_url(QueueName="failed")["QueueUrl"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if letters := sqs.receive_message(QueueUrl=failed).get("Messages"):
            break
    assert json.loads(letters[0]["Body"]) == bodies[0]


def test_a_batch_of_a_fifo_queue_has_messages_of_several_groups(running: EmulatorThread) -> None:
    sqs = boto3.client("sqs", **running.aws("sqs"))
    url = sqs.get_queue_url(QueueName="ordered.fifo")["QueueUrl"]
    entries = [
        {"Id": str(n), "MessageBody": json.dumps({"n": n}), "MessageGroupId": "even" if n % 2 == 0 else "odd"}
        for n in range(6)
    ]

    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    found = items(running, lambda seen: len(seen) == 6)

    assert {(each["group"], each["body"]["n"] % 2) for each in found} == {("even", 0), ("odd", 1)}
    assert {each["lot"] for each in found} == {6}
