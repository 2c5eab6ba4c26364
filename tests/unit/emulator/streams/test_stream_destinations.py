"""Delivering documents to a file or a queue."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from emulator.streams.destinations import DestinationError, FileDestinations, SqsDestinations


async def test_a_file_gets_a_line_for_each_document(tmp_path):
    file = tmp_path / "given-up.jsonl"
    destinations = FileDestinations(file)

    await destinations.send("dead-letters", {"n": 1})
    await destinations.send("dead-letters", {"n": 2})

    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {"queue": "dead-letters", "document": {"n": 1}},
        {"queue": "dead-letters", "document": {"n": 2}},
    ]


async def test_a_file_that_cannot_be_written_is_a_destination_error(tmp_path):
    with pytest.raises(DestinationError):
        await FileDestinations(tmp_path / "missing" / "file").send("dead-letters", {})


class FakeSqs:
    def __init__(self, *queues):
        self.queues = {name: [] for name in queues}
        self.lookups = 0

    async def create_queue(self, QueueName):  # noqa: N803 - botocore's
        self.queues.setdefault(QueueName, [])
        return await self.get_queue_url(QueueName)

    async def get_queue_url(self, QueueName):  # noqa: N803 - botocore's
        self.lookups += 1
        if QueueName not in self.queues:
            raise ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "GetQueueUrl")
        return {"QueueUrl": QueueName}

    async def send_message(self, QueueUrl, MessageBody):  # noqa: N803 - botocore's
        self.queues[QueueUrl].append(json.loads(MessageBody))


async def test_a_queue_gets_the_document_as_its_message_and_is_looked_up_once():
    sqs = FakeSqs("dead-letters")
    destinations = SqsDestinations(sqs)

    await destinations.send("dead-letters", {"n": 1})
    await destinations.send("dead-letters", {"n": 2})

    assert sqs.queues == {"dead-letters": [{"n": 1}, {"n": 2}]}
    assert sqs.lookups == 1


async def test_a_missing_queue_is_a_destination_error_unless_queues_are_created():
    with pytest.raises(DestinationError, match="dead-letters"):
        await SqsDestinations(FakeSqs()).send("dead-letters", {})

    sqs = FakeSqs()
    await SqsDestinations(sqs, creates_queues=True).send("dead-letters", {"n": 1})

    assert sqs.queues == {"dead-letters": [{"n": 1}]}
