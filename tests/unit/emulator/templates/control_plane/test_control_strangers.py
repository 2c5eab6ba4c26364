"""What stacks name and none of them has: which ARNs name something of this place, and how tables are told."""

from __future__ import annotations

import pytest

from emulator.templates.control_plane.strangers import Named, named, not_there, table_of
from streamer.topology import Key, StreamView, Table

HERE = ("us-east-1", "123456789012")
TABLE, QUEUE, STREAM = "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Kinesis::Stream"


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        pytest.param("arn:aws:sqs:us-east-1:123456789012:jobs", Named(QUEUE, "jobs"), id="queue"),
        pytest.param("arn:aws:sqs:us-east-1:123456789012:jobs.fifo", Named(QUEUE, "jobs.fifo"), id="FIFO queue"),
        pytest.param("arn:aws:dynamodb:us-east-1:123456789012:table/a.b", Named(TABLE, "a.b"), id="table"),
        pytest.param(
            "arn:aws:dynamodb:us-east-1:123456789012:table/a/stream/2026-11-29T13:08:24.537",
            Named(TABLE, "a"),
            id="stream of a table",
        ),
        pytest.param("arn:aws:kinesis:us-east-1:123456789012:stream/clicks", Named(STREAM, "clicks"), id="stream"),
        pytest.param("arn:aws:sqs:eu-west-1:123456789012:jobs", None, id="another Region"),
        pytest.param("arn:aws:sqs:us-east-1:210987654321:jobs", None, id="another account"),
        pytest.param("arn:aws:sns:us-east-1:123456789012:jobs", None, id="another service"),
        pytest.param("see arn:aws:sqs:us-east-1:123456789012:jobs", None, id="text"),
        pytest.param("arn:aws:dynamodb:us-east-1:123456789012:table/a/index/b", None, id="index"),
    ],
)
def test_an_arn_names_what_is_of_this_place(arn: str, found: Named | None) -> None:
    assert named(arn, *HERE) == found


def test_a_table_is_what_its_description_says() -> None:
    description = {
        "TableName": "made",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
            {"AttributeName": "of an index", "AttributeType": "B"},
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    }

    assert table_of(description, "until") == Table(
        name="made",
        key=Key(partition="id", sort="at", types={"at": "N"}),
        ttl_attribute="until",
        stream=StreamView.KEYS_ONLY,
    )
    assert table_of({**description, "StreamSpecification": None}, None).stream is None


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        (
            "arn:aws:sqs:us-east-1:123456789012:jobs",
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist.",
        ),
        (
            "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
            "Stream not found: arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
        ),
    ],
    ids=["queue", "stream"],
)
def test_a_source_that_is_nowhere_is_refused_in_lambdas_words(arn: str, text: str) -> None:
    assert not_there(arn) == text
