"""The embedded DynamoDB as other tools meet it: aiobotocore, SQS clients, plain HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from aiobotocore.session import get_session
from botocore.exceptions import ClientError
from dynamodb_engines import OurEngine, embedded_engine

from emulator.dynamodb.endpoints.tables import ensure_tables
from streamer.errors import ConfigurationError
from streamer.topology import Index, Key, StreamView, Table

TABLE = Table(
    name="orders",
    key=Key(partition="tenant", sort="number", types={"number": "N"}),
    indexes=(Index(name="by-state", key=Key(partition="state")),),
    ttl_attribute="ttl",
    stream=StreamView.NEW_AND_OLD_IMAGES,
)


@pytest.fixture
def engine() -> Iterator[OurEngine]:
    with embedded_engine() as engine:
        yield engine


@pytest.fixture
async def aio(engine: OurEngine) -> AsyncIterator[Any]:
    options = {"endpoint_url": engine.url, "region_name": "eu-west-1"}
    credentials = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    async with get_session().create_client("dynamodb", **options, **credentials) as client:
        yield client


async def test_tables_are_made_through_a_client_and_made_once(aio: Any) -> None:
    await ensure_tables(aio, [TABLE])
    await aio.put_item(TableName="orders", Item={"tenant": {"S": "t"}, "number": {"N": "1"}})
    await ensure_tables(aio, [TABLE])

    assert (await aio.scan(TableName="orders"))["Count"] == 1
    ttl = (await aio.describe_time_to_live(TableName="orders"))["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"stream": StreamView.KEYS_ONLY}, "its stream is KEYS_ONLY", id="stream"),
        pytest.param({"ttl_attribute": "other"}, "its TTL attribute is other", id="TTL"),
        pytest.param({"key": Key(partition="tenant")}, "its key is tenant", id="key"),
    ],
)
async def test_a_table_that_differs_is_refused(aio: Any, changes: dict[str, Any], words: str) -> None:
    await ensure_tables(aio, [replace(TABLE, **changes)])
    with pytest.raises(ConfigurationError, match=words):
        await ensure_tables(aio, [TABLE])


def test_a_queue_takes_messages_and_gives_them_back(engine: OurEngine) -> None:
    sqs = engine.client("sqs", region_name="eu-west-1")
    url = sqs.create_queue(QueueName="failures")["QueueUrl"]
    engine.embedded.queues.send("failures", "from within")
    sqs.send_message(QueueUrl=url, MessageBody="from a client")
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20)["Messages"]
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    assert sorted(message["Body"] for message in found) == ["from a client", "from within"]
    assert url == f"{engine.url}/123456789012/failures"
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert arn == engine.embedded.queues.arn("failures") == "arn:aws:sqs:us-east-1:123456789012:failures"
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)


def test_a_missing_queue_is_the_clients_error(engine: OurEngine) -> None:
    with pytest.raises(ClientError) as error:
        engine.client("sqs").get_queue_url(QueueName="nowhere")

    assert error.value.response["Error"]["Code"].endswith(("NonExistentQueue", "QueueDoesNotExist"))


def test_queues_speak_the_query_protocol(engine: OurEngine) -> None:
    connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "authorization": "AWS4-HMAC-SHA256 Credential=any/20250101/us-east-1/sqs/aws4_request, Signature=x",
    }
    connection.request("POST", "/", "Action=CreateQueue&QueueName=old&Version=2012-11-05", headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()

    assert answer.status == 200
    assert "<QueueUrl>" in body
    assert "/123456789012/old</QueueUrl>" in body


def test_one_connection_serves_many_requests(engine: OurEngine) -> None:
    connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
    connection.connect()
    socket = connection.sock
    for _ in range(3):
        connection.request("POST", "/", "{}", {"x-amz-target": "DynamoDB_20120810.ListTables"})
        assert json.loads(connection.getresponse().read()) == {"TableNames": []}

    assert connection.sock is socket
    connection.close()
