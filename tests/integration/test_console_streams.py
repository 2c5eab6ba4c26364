"""The console's view of streams and queues: how far mappings are, stream records, dead letters."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from console_world import Asked, running

from emulator.console.settings import ConsoleSettings
from emulator.services.calls import Call
from streamer.topology import Queue

SECRET = "s" * 32
ORDERS = {"StreamName": "orders", "ShardCount": 1}
WORK = (Queue(name="work", dead_letter_queue="failed", maximum_receives=3), Queue(name="failed"))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("streams")
    settings = ConsoleSettings(is_app=True)
    services = (Call(service="kinesis", operation="create_stream", parameters=ORDERS, resource="Orders"),)
    with running(folder, "inline", settings, {"JWT_SECRET": SECRET}, queues=WORK, services=services) as found:
        with found.emulator.connect("ada", "acme") as client:
            client.request("slow", {"name": "ada"}, id="s1")
        yield found


@pytest.fixture(autouse=True)
def empty(asked: Asked) -> None:
    """Queues without messages; one may be purged once a minute only, as on AWS."""
    for queue in ("work", "failed"):
        while found := sqs(asked, "ReceiveMessage", queue, MaxNumberOfMessages=10).get("Messages"):
            for each in found:
                sqs(asked, "DeleteMessage", queue, ReceiptHandle=each["ReceiptHandle"])


def sqs(asked: Asked, operation: str, queue: str, **parameters: Any) -> Any:
    connection = http.client.HTTPConnection(asked.address, timeout=60)
    headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    url = f"http://{asked.address}/queue/{queue}"
    connection.request("POST", "/", json.dumps({"QueueUrl": url, **parameters}), headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200
    return json.loads(content or b"{}")


def until_settled(asked: Asked) -> dict[str, Any]:
    after = 0
    while True:
        (mapping,) = asked.get("mappings")["mappings"]
        if mapping["shards"] and mapping["shards"][0]["settled"] == mapping["shards"][0]["read"]:
            found: dict[str, Any] = mapping
            return found
        after = asked.get(f"events?after={after}&wait=1")["next"]


def test_a_mapping_tells_how_far_it_is(asked: Asked) -> None:
    mapping = until_settled(asked)

    assert (mapping["function"], mapping["source"], mapping["state"]) == ("processor", "streamer_requests", "Enabled")
    assert (mapping["batches"] >= 1, mapping["failed"], mapping["last_result"]) == (True, 0, "OK")
    assert mapping["shards"][0]["lanes"][0] == {
        "waiting": 0, "flying": 0, "attempts": 0, "failures": 0, "retry_at": None, "oldest_at": None,
    }  # fmt: skip


def test_records_of_a_stream_are_shown_with_old_and_new(asked: Asked) -> None:
    records = asked.get("streams/streamer_requests")["records"]

    mine = [each for each in records if each["keys"]["request_id"] == {"S": "s1"}]
    assert (mine[-1]["event"], mine[-1]["old"], mine[-1]["new"]["status"]) == ("INSERT", None, {"S": "PENDING"})
    assert (mine[0]["new"]["status"]) == {"S": "COMPLETED"}
    assert asked.ask("api/streams/streamer_connections")[0] == 404
    assert asked.ask("api/streams/nothing")[0] == 404


def test_queues_are_counted_looked_at_redriven_and_purged(asked: Asked) -> None:
    sqs(asked, "SendMessage", "failed", MessageBody='{"order": 7}')

    listed = {each["name"]: each for each in asked.get("queues")["queues"]}
    shown = asked.get("queues/failed")
    moved = asked.ask("api/queues/failed/redrive", method="POST", body={})[1]

    assert (listed["failed"]["waiting"], listed["failed"]["filled_by"]) == (1, ["work"])
    assert [message["body"] for message in shown["messages"]] == [{"order": 7}]
    assert moved == {"moved": 1, "to": "work"}
    assert (asked.get("queues/work")["waiting"], asked.get("queues/work")["messages"]) == (1, None)
    assert asked.ask("api/queues/work/purge", method="POST", body={})[0] == 200
    assert asked.get("queues/work")["waiting"] == 0


def test_dead_letters_go_back_where_they_came_from_or_nowhere(asked: Asked) -> None:
    assert asked.ask("api/queues/work/redrive", method="POST", body={})[0] == 409
    assert asked.ask("api/queues/nothing/purge", method="POST", body={})[0] == 404


def test_one_dead_letter_is_moved_back_or_dropped_and_the_others_stay(asked: Asked) -> None:
    for number in range(12):
        sqs(asked, "SendMessage", "failed", MessageBody=json.dumps({"order": number}))
    shown = asked.get("queues/failed")["messages"]
    first, second = shown[0], shown[1]

    moved = asked.ask("api/queues/failed/retry", method="POST", body={"id": first["id"]})
    dropped = asked.ask("api/queues/failed/drop", method="POST", body={"id": second["id"]})

    assert (moved[0], moved[1]["to"]) == (200, "work")
    assert (dropped[0], asked.get("queues/failed")["waiting"], asked.get("queues/work")["waiting"]) == (200, 10, 1)
    assert asked.ask("api/queues/failed/drop", method="POST", body={"id": second["id"]})[0] == 404
    assert asked.ask("api/queues/failed/retry", method="POST", body={})[0] == 400


def test_an_event_that_was_given_up_runs_again_and_stays_if_it_fails_again(asked: Asked) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:"
    for function, payload in (("processor", {"Records": []}), ("router", {"no": "event"}), ("gone", {})):
        document: dict[str, Any] = {
            "requestContext": {"functionArn": f"{arn}{function}:$LATEST"},
            "requestPayload": payload,
        }
        sqs(asked, "SendMessage", "failed", MessageBody=json.dumps(document))
    letters = {each["function"]: each["id"] for each in asked.get("queues/failed")["messages"]}

    answers = {
        function: asked.ask("api/queues/failed/retry", method="POST", body={"id": letter})
        for function, letter in letters.items()
    }

    assert (answers["processor"][0], answers["processor"][1]["is_done"]) == (200, True)
    assert asked.get(f"events/{answers['processor'][1]['number']}")["event"] == {"Records": []}
    assert (answers["router"][0], answers["router"][1]["is_done"]) == (200, False)
    assert answers["gone"][0] == 409
    assert {each["function"] for each in asked.get("queues/failed")["messages"]} == {"router", "gone"}


def test_a_batch_that_was_given_up_is_read_from_its_stream_again(asked: Asked) -> None:
    until_settled(asked)
    records = asked.get("streams/streamer_requests")["records"]
    (mapping,) = asked.get("mappings")["mappings"]
    arn = asked.get("streams/streamer_requests")["arn"]
    document: dict[str, Any] = {
        "requestContext": {"functionArn": "arn:aws:lambda:us-east-1:123456789012:function:processor"},
        "DDBStreamBatchInfo": {
            "shardId": mapping["shards"][0]["shard"],
            "startSequenceNumber": records[-1]["sequence"],
            "endSequenceNumber": records[0]["sequence"],
            "streamArn": arn,
        },
    }
    sqs(asked, "SendMessage", "failed", MessageBody=json.dumps(document))
    (letter,) = asked.get("queues/failed")["messages"]

    status, answer, _headers = asked.ask("api/queues/failed/retry", method="POST", body={"id": letter["id"]})

    assert (status, answer["is_done"]) == (200, True)
    event = asked.get(f"events/{answer['number']}")["event"]
    assert len(event["Records"]) == len(records)
    assert event["Records"][0]["eventSourceARN"].startswith("arn:aws:dynamodb:")
    assert asked.get("queues/failed")["messages"] == []


def test_a_batch_of_kinesis_that_was_given_up_is_read_from_its_stream_again(asked: Asked) -> None:
    keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "secret"}
    kinesis = boto3.client("kinesis", endpoint_url=f"http://{asked.address}", region_name="us-east-1", **keys)
    put = [kinesis.put_record(StreamName="orders", PartitionKey="a", Data=f"{number}") for number in range(4)]
    arn = kinesis.describe_stream(StreamName="orders")["StreamDescription"]["StreamARN"]
    batch = {
        "shardId": put[0]["ShardId"],
        "startSequenceNumber": put[1]["SequenceNumber"],
        "endSequenceNumber": put[2]["SequenceNumber"],
        "streamArn": arn,
    }
    context = {"functionArn": "arn:aws:lambda:us-east-1:123456789012:function:processor"}
    for changed in ({}, {"shardId": "shardId-000000000007"}, {"endSequenceNumber": "9" * 56}):
        document = {"requestContext": context, "KinesisBatchInfo": {**batch, **changed}}
        sqs(asked, "SendMessage", "failed", MessageBody=json.dumps(document))

    statuses, events = [], []
    for letter in asked.get("queues/failed")["messages"]:
        status, answer, _headers = asked.ask("api/queues/failed/retry", method="POST", body={"id": letter["id"]})
        statuses.append(status)
        events += [asked.get(f"events/{answer['number']}")["event"]] if status == 200 else []

    assert sorted(statuses) == [200, 409, 409]
    ((first, second),) = [event["Records"] for event in events]
    assert [each["kinesis"]["sequenceNumber"] for each in (first, second)] == [
        put[number]["SequenceNumber"] for number in (1, 2)
    ]
    assert (first["kinesis"]["data"], first["eventSourceARN"]) == ("MQ==", arn)
    assert first["invokeIdentityArn"].startswith("arn:aws:iam::123456789012:role/")
