"""SQS through moto's classes; also run on the oldest moto that is allowed (`make test-moto`), and so without boto3."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import moto
import msgspec
import pytest
from moto.sqs.models import Message

from emulator.event_sources.queues.batches import MessageRefusedError, md5_of
from emulator.event_sources.queues.embedded import EmbeddedQueues
from emulator.event_sources.queues.moto_queue import DELETED
from emulator.port.http import HttpRequest, HttpResponse
from streamer.topology import Queue

LETTERS = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:lost", "maxReceiveCount": 3})
SIGNED = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=x"


@pytest.fixture
def queues() -> EmbeddedQueues:
    queues = EmbeddedQueues("us-east-1", "123456789012")
    queues.create([Queue(name="lost"), Queue(name="letters", dead_letter_queue="lost", maximum_receives=1)])
    return queues


def post(body: bytes, *headers: tuple[str, str]) -> HttpRequest:
    given = (("Host", "localhost"), ("Authorization", SIGNED), *headers)
    return HttpRequest("POST", "/", given, body, "127.0.0.1", {name.lower(): value for name, value in given})


def request(action: str, **parameters: Any) -> HttpRequest:
    headers = (("X-Amz-Target", f"AmazonSQS.{action}"), ("Content-Type", "application/x-amz-json-1.0"))
    return post(json.dumps(parameters).encode(), *headers)


def call(queues: EmbeddedQueues, action: str, **parameters: Any) -> tuple[int, Any]:
    response = queues.handle(request(action, **parameters))
    return response.status, json.loads(response.body or b"{}")


def test_what_was_given_up_can_be_received(queues: EmbeddedQueues) -> None:
    queues.send("letters", "lost")
    _, found = call(queues, "GetQueueUrl", QueueName="letters")
    status, answer = call(queues, "ReceiveMessage", QueueUrl=found["QueueUrl"], WaitTimeSeconds=20)

    assert (status, [message["Body"] for message in answer["Messages"]]) == (200, ["lost"])


def test_a_queue_is_made_once_and_has_an_arn(queues: EmbeddedQueues) -> None:
    queues.send("letters", "kept")
    queues.create([Queue(name="letters")])

    assert queues.arn("letters") == "arn:aws:sqs:us-east-1:123456789012:letters"
    assert [message.body for message in queues.receive("letters", 10)] == ["kept"]


def test_a_queue_keeps_and_takes_what_its_description_says(queues: EmbeddedQueues) -> None:
    queues.create([Queue(name="narrow", retention_seconds=120, maximum_message_bytes=1024)])
    _, found = call(queues, "GetQueueUrl", QueueName="narrow")
    _, told = call(queues, "GetQueueAttributes", QueueUrl=found["QueueUrl"], AttributeNames=["All"])

    status, refused = call(queues, "SendMessage", QueueUrl=found["QueueUrl"], MessageBody="x" * 1025)

    names = ("MessageRetentionPeriod", "MaximumMessageSize")
    assert [str(told["Attributes"][name]) for name in names] == ["120", "1024"]
    assert (status, "Message must be shorter than 1024 bytes." in json.dumps(refused)) == (400, True)


def test_a_message_has_its_trace_and_the_sum_of_its_attributes(queues: EmbeddedQueues) -> None:
    _, found = call(queues, "GetQueueUrl", QueueName="letters")
    trace = {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}
    kind = {"DataType": "String", "StringValue": "x"}
    raw = {"DataType": "Binary", "BinaryValue": "AP8="}
    _, sent = call(
        queues,
        "SendMessage",
        QueueUrl=found["QueueUrl"],
        MessageBody="a",
        MessageAttributes={"kind": kind, "raw": raw},
        MessageSystemAttributes={"AWSTraceHeader": trace},
    )

    (message,) = queues.receive("letters", 1)

    assert message.attributes["AWSTraceHeader"] == trace["StringValue"]
    assert message.message_attributes["kind"] == kind
    assert message.message_attributes["raw"]["DataType"] == "Binary"
    assert md5_of(message.message_attributes) == sent["MD5OfMessageAttributes"]


def test_a_message_that_was_deleted_does_not_come_back(queues: EmbeddedQueues) -> None:
    queues.send("letters", "once")
    (message,) = queues.receive("letters", 1)
    queues.delete("letters", message)

    assert message.attributes["ApproximateReceiveCount"] == "1"
    assert list(queues.receive("letters", 1)) == []


def test_a_message_that_went_to_the_dead_letters_meanwhile_can_be_deleted_in_vain(queues: EmbeddedQueues) -> None:
    hasty = Queue(name="hasty", dead_letter_queue="lost", maximum_receives=1, visibility_timeout_seconds=0)
    queues.create([Queue(name="lost"), hasty])
    queues.send("hasty", "late")
    (message,) = queues.receive("hasty", 1)
    assert list(queues.receive("hasty", 1)) == []

    queues.delete("hasty", message)

    assert [each.body for each in queues.receive("lost", 1)] == ["late"]


def test_a_fifo_queue_keeps_the_order_and_drops_doubles(queues: EmbeddedQueues) -> None:
    queues.create([Queue(name="ordered.fifo", deduplicates_by_content=True)])
    _, found = call(queues, "GetQueueUrl", QueueName="ordered.fifo")
    for body in ("1", "2", "1"):
        call(queues, "SendMessage", QueueUrl=found["QueueUrl"], MessageBody=body, MessageGroupId="g")

    assert [message.body for message in queues.receive("ordered.fifo", 10)] == ["1", "2"]


def test_a_queue_that_does_not_exist_is_the_clients_error(queues: EmbeddedQueues) -> None:
    assert call(queues, "GetQueueUrl", QueueName="nowhere")[0] == 400


@pytest.mark.parametrize(
    ("queue", "body", "more"),
    [
        pytest.param("gone", "1", {}, id="no such queue"),
        pytest.param("letters", "x" * 2_000_000, {}, id="too large"),
        pytest.param("ordered.fifo", "1", {"deduplication": "d"}, id="no group"),
        pytest.param("ordered.fifo", "1", {"group": "g"}, id="nothing to know doubles by"),
    ],
)
def test_a_message_that_a_queue_does_not_take_is_an_error_that_names_it(
    queues: EmbeddedQueues, queue: str, body: str, more: dict[str, Any]
) -> None:
    queues.create([Queue(name="ordered.fifo")])
    with pytest.raises(MessageRefusedError, match=f"queue {queue}: "):
        queues.send(queue, body, **more)


def test_the_query_protocol_is_understood(queues: EmbeddedQueues) -> None:
    body = b"Action=ListQueues&Version=2012-11-05"
    answer = queues.handle(post(body, ("Content-Type", "application/x-www-form-urlencoded")))

    assert answer.status == 200
    assert b"letters" in answer.body


def test_a_fifo_queue_drops_doubles_of_what_was_deleted_and_numbers_the_rest(queues: EmbeddedQueues) -> None:
    queues.create([Queue(name="ordered.fifo", deduplicates_by_content=True)])
    _, found = call(queues, "GetQueueUrl", QueueName="ordered.fifo")
    more = {"QueueUrl": found["QueueUrl"], "MessageGroupId": "g"}
    _, first = call(queues, "SendMessage", MessageBody="1", **more)
    (message,) = queues.receive("ordered.fifo", 1)
    queues.delete("ordered.fifo", message)
    _, again = call(queues, "SendMessage", MessageBody="1", **more)
    _, other = call(queues, "SendMessage", MessageBody="2", MessageDeduplicationId="x", **more)
    _, same = call(queues, "SendMessage", MessageBody="3", MessageDeduplicationId="x", **more)

    (second,) = queues.receive("ordered.fifo", 10)
    number = message.attributes["SequenceNumber"]
    assert first.get("SequenceNumber", number) == number < second.attributes["SequenceNumber"]  # no answer before 5.1
    assert again == first
    assert same == {**other, "MD5OfMessageBody": hashlib.md5(b"3", usedforsecurity=False).hexdigest()}
    assert (second.body, list(queues.receive("ordered.fifo", 10))) == ("2", [])


def test_a_queue_that_is_made_anew_knows_no_doubles(queues: EmbeddedQueues) -> None:
    for _ in range(2):
        queues.create([Queue(name="ordered.fifo", deduplicates_by_content=True)])
        queues.send("ordered.fifo", "1", group="g")
        assert [each.body for each in queues.receive("ordered.fifo", 10)] == ["1"]
        _, found = call(queues, "GetQueueUrl", QueueName="ordered.fifo")
        call(queues, "DeleteQueue", QueueUrl=found["QueueUrl"])


def test_deduplication_ids_may_count_in_each_group(queues: EmbeddedQueues) -> None:
    kinds = {"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    _, made = call(queues, "CreateQueue", QueueName="apart.fifo", Attributes=kinds)
    for group in ("a", "b", "a"):
        more = {"MessageGroupId": group, "MessageDeduplicationId": "x"}
        call(queues, "SendMessage", QueueUrl=made["QueueUrl"], MessageBody=group, **more)

    assert [each.body for each in queues.receive("apart.fifo", 10)] == ["a", "b"]


def test_what_a_service_sends_may_carry_bytes(queues: EmbeddedQueues) -> None:
    queues.send("letters", "raw", attributes={"raw": {"DataType": "Binary", "BinaryValue": "AP8="}})
    _, found = call(queues, "GetQueueUrl", QueueName="letters")
    status, answer = call(queues, "ReceiveMessage", QueueUrl=found["QueueUrl"], MessageAttributeNames=["All"])

    assert (status, answer["Messages"][0]["MessageAttributes"]["raw"]["BinaryValue"]) == (200, "AP8=")


def waited(queues: EmbeddedQueues, asking: HttpRequest, then: Callable[[], Any]) -> HttpResponse:
    """What somebody gets who waits for messages, while something happens."""

    async def wait() -> HttpResponse:
        waiting = queues.waiting(asking, queues.handle(asking))
        assert waiting is not None
        answered = asyncio.ensure_future(waiting)
        await asyncio.sleep(0)
        then()
        return await answered

    return asyncio.run(wait())


def test_who_asks_for_messages_may_wait_for_them(queues: EmbeddedQueues) -> None:
    _, found = call(queues, "GetQueueUrl", QueueName="letters")
    asking = request("ReceiveMessage", QueueUrl=found["QueueUrl"], WaitTimeSeconds=20)
    answer = waited(queues, asking, lambda: queues.send("letters", "late"))

    assert [each["Body"] for each in json.loads(answer.body)["Messages"]] == ["late"]


@pytest.mark.parametrize(
    ("sent", "more"), [(True, {"WaitTimeSeconds": 20}), (False, {"WaitTimeSeconds": 0}), (False, {})]
)
def test_who_has_messages_or_wants_no_wait_is_answered_at_once(queues: EmbeddedQueues, sent: bool, more: Any) -> None:
    _, found = call(queues, "GetQueueUrl", QueueName="letters")
    if sent:
        queues.send("letters", "there")
    asking = request("ReceiveMessage", QueueUrl=found["QueueUrl"], **more)

    assert queues.waiting(asking, queues.handle(asking)) is None


def test_a_queue_may_say_how_long_to_wait(queues: EmbeddedQueues) -> None:
    waits = {"ReceiveMessageWaitTimeSeconds": "20"}
    _, made = call(queues, "CreateQueue", QueueName="patient", Attributes=waits)
    asking = request("ReceiveMessage", QueueUrl=made["QueueUrl"])

    assert waited(queues, asking, lambda: call(queues, "DeleteQueue", QueueUrl=made["QueueUrl"])).status == 400


def test_a_client_says_where_dead_letters_go(queues: EmbeddedQueues) -> None:
    policy = json.dumps({"deadLetterTargetArn": queues.arn("lost"), "maxReceiveCount": "1"})
    made = {"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    call(queues, "CreateQueue", QueueName="made", Attributes=made)
    queues.send("made", "late")
    assert [len(queues.receive("made", 1)) for _ in range(2)] == [1, 0]
    _, found = call(queues, "GetQueueUrl", QueueName="made")
    _, told = call(queues, "GetQueueAttributes", QueueUrl=found["QueueUrl"], AttributeNames=["All"])
    call(queues, "SetQueueAttributes", QueueUrl=found["QueueUrl"], Attributes={"RedrivePolicy": ""})
    queues.send("made", "kept")

    assert [each.body for each in queues.receive("lost", 10)] == ["late"]
    assert json.loads(told["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"] == queues.arn("lost")
    assert told["Attributes"]["CreatedTimestamp"].isdigit()
    assert [len(queues.receive("made", 1)) for _ in range(2)] == [1, 1]


@pytest.mark.parametrize(
    ("action", "parameters", "why"),
    [
        ("SendMessage", {"MessageBody": ""}, "must contain the parameter MessageBody"),
        ("SendMessage", {"MessageBody": "\0"}, "Invalid characters found"),
        ("SendMessage", {"MessageBody": "\u00fc" * 524_289}, "Message must be shorter than"),
        ("SetQueueAttributes", {"Attributes": {"DelaySeconds": "901"}}, "Invalid value for the parameter DelaySeconds"),
        ("SetQueueAttributes", {"Attributes": {"Foo": "1"}}, "Unknown Attribute Foo"),
        ("ReceiveMessage", {"MaxNumberOfMessages": 11}, "Value 11 for parameter MaxNumberOfMessages is invalid"),
        ("ReceiveMessage", {"VisibilityTimeout": -1}, "Value -1 for parameter VisibilityTimeout is invalid"),
        ("SendMessage", {"MessageBody": "a", "DelaySeconds": -1}, "Value -1 for parameter DelaySeconds is invalid"),
        (
            "ChangeMessageVisibilityBatch",
            {"Entries": []},
            "one ChangeMessageVisibilityBatchRequestEntry in the request.",
        ),
        ("RemovePermission", {"Label": "x"}, "Value x for parameter Label is invalid. Reason: can't find label."),
        ("DeleteMessage", {"ReceiptHandle": "x"}, "is not a valid receipt handle."),
        ("DeleteMessageBatch", {"Entries": [{"Id": "a:b", "ReceiptHandle": "x"}]}, "A batch entry id can only contain"),
        ("ReceiveMessage", {"WaitTimeSeconds": 21}, "Value 21 for parameter WaitTimeSeconds is invalid"),
        ("ReceiveMessage", {"WaitTimeSeconds": "1"}, "STRING_VALUE can not be converted to an Integer"),
        ("TagQueue", {"Tags": []}, "Start of list found where not expected"),
        ("DeleteMessage", {"ReceiptHandle": None}, "The request must contain the parameter MessageHandle."),
        ("CreateQueue", {}, "The request must contain the parameter QueueName."),
        ("DeleteMessageBatch", {"Entries": [{"Id": "a"}]}, "parameter DeleteMessageBatchRequestEntry.1.ReceiptHandle."),
        ("SendMessage", {"MessageAttributes": {"k": {"StringValue": "x"}}}, "must contain non-empty message attribute"),
        ("StartMessageMoveTask", {"SourceArn": 1}, "NUMBER_VALUE can not be converted to a String"),
    ],
)
def test_what_is_wrong_is_refused_in_awss_words(queues: EmbeddedQueues, action: str, parameters: Any, why: str) -> None:
    _, found = call(queues, "GetQueueUrl", QueueName="letters")
    answer = queues.handle(request(action, QueueUrl=found["QueueUrl"], **parameters))

    assert answer.status == 400
    assert why in answer.body.decode()


@pytest.mark.parametrize(
    ("form", "code", "why"),
    [
        ("QueueName=lost", "MissingAction", "the parameter Action."),
        ("Action=GetQueueUrl&Action=ListQueues", "MalformedQueryString", ""),
        ("Action=GetQueueUrl", "MissingParameter", "the parameter QueueName."),
        ("Action=DeleteMessage&QueueUrl=lost", "MissingParameter", "the parameter MessageHandle."),
        (
            "Action=ReceiveMessage&QueueUrl=lost&WaitTimeSeconds=a",
            "InvalidParameterValue",
            "Value a for parameter Wait",
        ),
        ("Action=ReceiveMessage&QueueUrl=lost&VisibilityTimeout=", "InvalidParameterValue", "VisibilityTimeout"),
        (
            "Action=DeleteMessageBatch&QueueUrl=lost&DeleteMessageBatchRequestEntry.1.Id=a",
            "MissingParameter",
            "DeleteMessageBatchRequestEntry.1.ReceiptHandle.",
        ),
        (
            "Action=SendMessage&QueueUrl=lost&MessageBody=a&MessageAttribute.1.Name=k&MessageAttribute.1.Value.StringValue=x",
            "InvalidParameterValue",
            "'k' must contain non-empty message attribute type.",
        ),
    ],
)
def test_a_query_that_cannot_be_read_is_refused_in_xml(queues: EmbeddedQueues, form: str, code: str, why: str) -> None:
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    answer = queues.handle(post(form.encode(), kind, ("Content-Encoding", "gzip")))

    assert (answer.status, dict(answer.headers)["content-type"].rpartition("/")[2]) == (400, "xml")
    assert f"<Code>{code}</Code>" in answer.body.decode()
    assert why in answer.body.decode()


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b"[" * 20_000])
def test_a_body_that_is_no_json_object_cannot_be_read(queues: EmbeddedQueues, body: bytes) -> None:
    answer = queues.handle(post(body, ("X-Amz-Target", "AmazonSQS.SendMessage")))

    assert (answer.status, json.loads(answer.body)["__type"]) == (
        400,
        "com.amazon.coral.service#SerializationException",
    )


def test_what_fails_here_is_told_as_sqs_does_and_logged(
    queues: EmbeddedQueues, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queues, "_answer", lambda _: 1 / 0)
    answers = [queues.handle(request("ListQueues")), queues.handle(post(b"Action=ListQueues"))]

    assert [each.status for each in answers] == [500, 500]
    assert all(b"InternalFailure" in each.body for each in answers)
    assert [each.message for each in caplog.records] == ["SQS request failed"] * 2


@pytest.mark.skipif(moto.__version__.startswith("5.0."), reason="moto before 5.1 fails the whole batch")
def test_a_batch_is_sent_but_for_what_is_wrong(queues: EmbeddedQueues) -> None:
    _, found = call(queues, "GetQueueUrl", QueueName="letters")
    entries = [{"Id": "right", "MessageBody": "a"}, {"Id": "wrong", "MessageBody": "\0"}]
    _, answer = call(queues, "SendMessageBatch", QueueUrl=found["QueueUrl"], Entries=entries)

    assert [each["Id"] for each in answer["Successful"]] == ["right"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [("wrong", "InvalidMessageContents")]


def test_a_batch_with_an_empty_message_fails_before_any_is_sent(queues: EmbeddedQueues) -> None:
    url = call(queues, "GetQueueUrl", QueueName="letters")[1]["QueueUrl"]
    entries = [{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": ""}]
    answer = queues.handle(request("SendMessageBatch", QueueUrl=url, Entries=entries))

    assert (answer.status, b"the parameter MessageBody" in answer.body) == (400, True)
    assert list(queues.receive("letters", 1)) == []


@pytest.mark.skipif(moto.__version__.startswith("5.0."), reason="moto before 5.1 answers batches in words of its own")
def test_batches_tell_of_each_entry_and_leave_out_what_has_none(queues: EmbeddedQueues) -> None:
    url = call(queues, "GetQueueUrl", QueueName="letters")[1]["QueueUrl"]
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    entries = [{"Id": "1", "MessageBody": "a", "MessageSystemAttributes": trace}, {"Id": "2", "MessageBody": "b"}]
    _, sent = call(queues, "SendMessageBatch", QueueUrl=url, Entries=entries)
    first, second = (each.receipt_handle for each in queues.receive("letters", 2))
    handles = [{"Id": "1", "ReceiptHandle": first}, {"Id": "2", "ReceiptHandle": "garbage"}]
    _, deleted = call(queues, "DeleteMessageBatch", QueueUrl=url, Entries=handles)
    hidden = [
        {"Id": each, "ReceiptHandle": handle, "VisibilityTimeout": 9} for each, handle in (("1", first), ("2", second))
    ]
    _, changed = call(queues, "ChangeMessageVisibilityBatch", QueueUrl=url, Entries=hidden)

    assert set(sent) == {"Successful"}
    assert [each.get("MD5OfMessageSystemAttributes") for each in sent["Successful"]] == [
        md5_of(trace),
        None,
    ]
    assert deleted["Successful"] == [{"Id": "1"}]
    assert deleted["Failed"][0]["Message"] == 'The input receipt handle "garbage" is not a valid receipt handle.'
    assert (changed["Successful"], changed["Failed"][0]["Code"]) == ([{"Id": "2"}], "InvalidParameterValue")
    assert "not available for visibility timeout change." in changed["Failed"][0]["Message"]


@pytest.mark.skipif(moto.__version__.startswith("5.0."), reason="moto before 5.1 fails in other codes")
def test_a_batch_without_what_a_fifo_queue_wants_fails_as_a_whole(queues: EmbeddedQueues) -> None:
    queues.create([Queue(name="ordered.fifo", deduplicates_by_content=True)])
    url = call(queues, "GetQueueUrl", QueueName="ordered.fifo")[1]["QueueUrl"]
    entries = [{"Id": "1", "MessageBody": "a", "MessageGroupId": "g"}, {"Id": "2", "MessageBody": "b"}]
    answer = queues.handle(request("SendMessageBatch", QueueUrl=url, Entries=entries))

    assert "InvalidParameterValueException" in answer.body.decode()
    assert ("x-amzn-query-error", "InvalidParameterValue;Sender") in answer.headers
    assert list(queues.receive("ordered.fifo", 1)) == []


def test_what_is_visible_again_cannot_be_deleted_from_a_fifo_queue_nor_hidden_anywhere() -> None:
    ahead = 0.0
    queues = EmbeddedQueues("us-east-1", "123456789012", clock=lambda: time.monotonic() + ahead)
    queues.create([Queue(name="plain"), Queue(name="ordered.fifo", deduplicates_by_content=True)])
    told = {}
    for name in ("plain", "ordered.fifo"):
        ahead = 0.0
        queues.send(name, "x", group="g")
        url = call(queues, "GetQueueUrl", QueueName=name)[1]["QueueUrl"]
        handle = {"QueueUrl": url, "ReceiptHandle": queues.receive(name, 1)[0].receipt_handle}
        ahead = 31
        statuses = [call(queues, "ChangeMessageVisibility", VisibilityTimeout=600, **handle)[0]]
        counted = {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}
        left = call(queues, "GetQueueAttributes", **counted)[1]["Attributes"]["ApproximateNumberOfMessages"]
        told[name] = [*statuses, left, queues.handle(request("DeleteMessage", **handle))]

    assert [*told["plain"][:2], told["plain"][2].status] == [200, "1", 200]
    assert told["ordered.fifo"][:2] == [200, "1"]
    assert "The receipt handle has expired." in told["ordered.fifo"][2].body.decode()


def test_a_message_takes_the_trace_of_its_sender_along(queues: EmbeddedQueues) -> None:
    asked = request("SendMessage", QueueUrl="http://localhost/123456789012/letters", MessageBody="a")
    for each in (asked, request("ListMessageMoveTasks", SourceArn="x"), request("NoOperation")):
        queues.handle(msgspec.structs.replace(each, fields={**each.fields, "x-amzn-trace-id": "Root=1-5759e988"}))
    queues.send("letters", "b")

    assert [each.attributes.get("AWSTraceHeader") for each in queues.receive("letters", 2)] == ["Root=1-5759e988", None]


def test_a_fifo_queue_has_one_delay_for_all(queues: EmbeddedQueues) -> None:
    queues.create([Queue(name="late.fifo", deduplicates_by_content=True, delay_seconds=60)])
    url = call(queues, "GetQueueUrl", QueueName="late.fifo")[1]["QueueUrl"]
    call(queues, "SendMessage", QueueUrl=url, MessageBody="a", MessageGroupId="g", DelaySeconds=0)

    assert list(queues.receive("late.fifo", 1)) == []


@pytest.mark.parametrize("kept", [{"DelaySeconds": "7"}, {"RedrivePolicy": LETTERS}])
def test_a_queue_that_is_made_again_otherwise_is_refused(queues: EmbeddedQueues, kept: dict[str, str]) -> None:
    again = [
        call(queues, "CreateQueue", QueueName="twice", Attributes=each)[0] for each in ({}, {}, {"DelaySeconds": "0"})
    ]
    answer = queues.handle(request("CreateQueue", QueueName="twice", Attributes=kept))

    assert (again, answer.status) == ([200, 200, 200], 400)
    assert f"a different value for attribute {next(iter(kept))}" in answer.body.decode()


def test_a_prefix_of_names_is_no_regular_expression(queues: EmbeddedQueues) -> None:
    found = [call(queues, "ListQueues", QueueNamePrefix=prefix) for prefix in ("l", "l.", "[")]

    assert [(status, len(told.get("QueueUrls", ()))) for status, told in found] == [(200, 2), (200, 0), (200, 0)]


@pytest.mark.skipif(moto.__version__.startswith("5.0."), reason="moto before 5.1 knows no pages of queues")
def test_a_token_that_is_none_is_the_clients_error(queues: EmbeddedQueues) -> None:
    status, answer = call(queues, "ListQueues", MaxResults=1, NextToken="none")

    assert (status, answer["__type"]) == (400, "com.amazonaws.sqs#InvalidParameterValueException")


@pytest.mark.skipif(moto.__version__.startswith("5.0."), reason="moto before 5.1 knows no encryption by SQS")
def test_a_queue_shows_who_may_name_it_for_letters_and_how_it_is_encrypted(queues: EmbeddedQueues) -> None:
    url = call(queues, "GetQueueUrl", QueueName="lost")[1]["QueueUrl"]
    allows = json.dumps({"redrivePermission": "denyAll"})
    told = []
    for kept in {"RedriveAllowPolicy": allows, "KmsMasterKeyId": "alias/x"}, {"RedriveAllowPolicy": ""}:
        call(queues, "SetQueueAttributes", QueueUrl=url, Attributes=kept)
        asked = {"QueueUrl": url, "AttributeNames": ["RedriveAllowPolicy", "SqsManagedSseEnabled"]}
        told.append(call(queues, "GetQueueAttributes", **asked)[1]["Attributes"])

    assert told == [{"RedriveAllowPolicy": allows, "SqsManagedSseEnabled": "false"}, {"SqsManagedSseEnabled": "false"}]


def test_what_moto_does_not_have_is_told(queues: EmbeddedQueues) -> None:
    status, answer = call(queues, "RotateQueue", QueueUrl=queues.arn("lost"))

    assert (status, answer["__type"]) == (501, "NotImplementedException")
    assert "RotateQueue of sqs is not emulated" in answer["message"]
    body = b"Action=StartMessageMoveTask&Version=2012-11-05&SourceArn=x"
    by_query = queues.handle(post(body, ("Content-Type", "application/x-www-form-urlencoded")))
    assert (by_query.status, b"StartMessageMoveTask of sqs is not emulated" in by_query.body) == (501, True)


def test_what_comes_again_in_a_group_comes_in_its_order(queues: EmbeddedQueues) -> None:
    queues.create([Queue(name="ordered.fifo", deduplicates_by_content=True, visibility_timeout_seconds=0)])
    for body in ("1", "2", "3"):
        queues.send("ordered.fifo", body, group="g")

    assert [[each.body for each in queues.receive("ordered.fifo", 10)] for _ in range(3)] == [["1", "2", "3"]] * 3


@pytest.fixture
def grouped(queues: EmbeddedQueues) -> tuple[EmbeddedQueues, Callable[..., Any]]:
    """A FIFO queue with three messages of a group g, one of a group h between them; and what receives from it."""
    queues.create([Queue(name="ordered.fifo", deduplicates_by_content=True)])
    for body in ("g1", "h1", "g2", "g3"):
        queues.send("ordered.fifo", body, group=body[0])
    url = call(queues, "GetQueueUrl", QueueName="ordered.fifo")[1]["QueueUrl"]

    def received(count: int) -> tuple[list[str], list[dict[str, str]]]:
        _, told = call(queues, "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=count)
        found = told.get("Messages", [])
        return [each["Body"] for each in found], [
            {"QueueUrl": url, "ReceiptHandle": each["ReceiptHandle"]} for each in found
        ]

    return queues, received


def test_as_many_as_possible_come_from_one_group(grouped: Any) -> None:
    _, received = grouped

    assert received(10)[0] == ["g1", "g2", "g3", "h1"]


def test_a_group_waits_for_what_is_being_worked_on_and_then_goes_behind_the_others(grouped: Any) -> None:
    queues, received = grouped
    bodies, (first, second) = received(2)
    call(queues, "DeleteMessage", **first)
    others = received(10)[0]
    queues.send("ordered.fifo", "h2", group="h")
    call(queues, "ChangeMessageVisibility", VisibilityTimeout=0, **second)

    assert (bodies, others) == (["g1", "g2"], ["h1"])
    assert received(10)[0] == ["g2", "g3"]


def test_what_stands_before_what_is_being_worked_on_in_its_group_comes_again_alone(grouped: Any) -> None:
    queues, received = grouped
    _, (first, _) = received(2)
    call(queues, "ChangeMessageVisibility", VisibilityTimeout=0, **first)
    _, told = call(queues, "GetQueueAttributes", QueueUrl=first["QueueUrl"], AttributeNames=["All"])

    names = ("", "NotVisible")
    assert [told["Attributes"][f"ApproximateNumberOfMessages{name}"] for name in names] == ["3", "1"]
    assert received(10)[0] == ["h1", "g1"]


def test_a_queue_that_was_purged_knows_no_doubles(grouped: Any) -> None:
    queues, received = grouped
    call(queues, "PurgeQueue", QueueUrl=received(1)[1][0]["QueueUrl"])
    queues.send("ordered.fifo", "g1", group="g")

    assert received(10)[0] == ["g1"]


def test_a_queue_that_is_described_otherwise_changes_and_keeps_its_messages(queues: EmbeddedQueues) -> None:
    queues.send("letters", "kept")
    described = Queue(name="letters", visibility_timeout_seconds=7, receive_wait_seconds=3)
    queues.create([Queue(name="lost"), described])
    _, found = call(queues, "GetQueueUrl", QueueName="letters")
    names = ["VisibilityTimeout", "ReceiveMessageWaitTimeSeconds", "RedrivePolicy"]
    asked = {"QueueUrl": found["QueueUrl"], "AttributeNames": names}
    told = call(queues, "GetQueueAttributes", **asked)[1]["Attributes"]
    call(queues, "SetQueueAttributes", QueueUrl=found["QueueUrl"], Attributes={"VisibilityTimeout": "9"})
    queues.create([Queue(name="lost"), described])

    assert told == {"VisibilityTimeout": "7", "ReceiveMessageWaitTimeSeconds": "3"}
    assert call(queues, "GetQueueAttributes", **asked)[1]["Attributes"]["VisibilityTimeout"] == "9"
    assert [each.body for each in queues.receive("letters", 1)] == ["kept"]


def test_a_queue_is_described_with_ids_that_count_in_each_group(queues: EmbeddedQueues) -> None:
    queues.create([Queue(name="apart.fifo", deduplicates_by_group=True)])
    for group in ("a", "b", "a"):
        queues.send("apart.fifo", group, group=group, deduplication="x")

    assert [each.body for each in queues.receive("apart.fifo", 10)] == ["a", "b"]


def given_up(queues: EmbeddedQueues, body: str) -> Any:
    """A message of the queue ``letters`` that is a dead letter now, as it is received."""
    queues.send("letters", body)
    _, found = call(queues, "GetQueueUrl", QueueName="letters")
    call(queues, "ReceiveMessage", QueueUrl=found["QueueUrl"], VisibilityTimeout=0)
    call(queues, "ReceiveMessage", QueueUrl=found["QueueUrl"])
    _, lost = call(queues, "GetQueueUrl", QueueName="lost")
    asked = {"QueueUrl": lost["QueueUrl"], "AttributeNames": ["All"], "VisibilityTimeout": 0}
    return call(queues, "ReceiveMessage", **asked)[1]["Messages"][0]


ARN = "arn:aws:sqs:us-east-1:123456789012"


def test_a_dead_letter_says_where_it_comes_from_and_goes_back(queues: EmbeddedQueues) -> None:
    letter = given_up(queues, "work")
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == f"{ARN}:letters"

    status, started = call(queues, "StartMessageMoveTask", SourceArn=f"{ARN}:lost")
    _, tasks = call(queues, "ListMessageMoveTasks", SourceArn=f"{ARN}:lost")

    assert (status, bool(started["TaskHandle"])) == (200, True)
    (task,) = tasks["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    (message,) = queues.receive("letters", 10)
    assert (message.body, message.message_id != letter["MessageId"]) == ("work", True)
    assert "DeadLetterQueueSourceArn" not in message.attributes
    assert queues.receive("lost", 10) == []


def test_dead_letters_go_where_they_are_sent(queues: EmbeddedQueues) -> None:
    queues.create([Queue(name="elsewhere")])
    given_up(queues, "work")

    call(queues, "StartMessageMoveTask", SourceArn=f"{ARN}:lost", DestinationArn=f"{ARN}:elsewhere")

    assert [each.body for each in queues.receive("elsewhere", 10)] == ["work"]
    assert queues.receive("letters", 10) == []


def test_a_letter_that_nobody_gave_up_cannot_go_back(queues: EmbeddedQueues) -> None:
    queues.send("lost", "sent to here")
    call(queues, "StartMessageMoveTask", SourceArn=f"{ARN}:lost")
    _, tasks = call(queues, "ListMessageMoveTasks", SourceArn=f"{ARN}:lost")

    told = {name: tasks["Results"][0][name] for name in ("Status", "FailureReason")}
    assert told == {"Status": "FAILED", "FailureReason": "CouldNotDetermineMessageSource"}
    assert [each.body for each in queues.receive("lost", 10)] == ["sent to here"]


def test_dead_letters_of_a_fifo_queue_go_back_in_their_order(queues: EmbeddedQueues) -> None:
    queues.create([Queue(name="lost.fifo"), Queue(name="in.fifo", dead_letter_queue="lost.fifo", maximum_receives=1)])
    for number in ("1", "2"):
        queues.send("in.fifo", number, group="g", deduplication=number)
    _, found = call(queues, "GetQueueUrl", QueueName="in.fifo")
    asked = {"QueueUrl": found["QueueUrl"], "MaxNumberOfMessages": 10}
    call(queues, "ReceiveMessage", **asked, VisibilityTimeout=0)
    call(queues, "ReceiveMessage", **asked)

    call(queues, "StartMessageMoveTask", SourceArn=f"{ARN}:lost.fifo")

    assert [(each.body, each.group) for each in queues.receive("in.fifo", 10)] == [("1", "g"), ("2", "g")]


def test_a_message_is_gone_when_its_queue_has_kept_it_long_enough() -> None:
    ahead = 0.0
    queues = EmbeddedQueues("us-east-1", "123456789012", clock=lambda: time.monotonic() + ahead)
    queues.create([Queue(name="brief", retention_seconds=60, visibility_timeout_seconds=0)])
    url = call(queues, "GetQueueUrl", QueueName="brief")[1]["QueueUrl"]
    queues.send("brief", "old")
    assert [each.body for each in queues.receive("brief", 10)] == ["old"]

    ahead = 61
    assert queues.receive("brief", 10) == []
    _, told = call(queues, "GetQueueAttributes", QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert told["Attributes"] == {"ApproximateNumberOfMessages": "0"}


@pytest.mark.parametrize("set_seconds", [86_400, -86_400], ids=["it slept for a day", "it is set back"])
def test_messages_are_hidden_and_delayed_whatever_the_clock_shows(
    set_seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = 0.0
    queues = EmbeddedQueues("us-east-1", "123456789012", clock=lambda: time.monotonic() + ahead)
    queues.create([Queue(name="quick", visibility_timeout_seconds=30), Queue(name="late", delay_seconds=30)])

    def waiting() -> list[str]:
        asked = {"AttributeNames": ["ApproximateNumberOfMessages"]}
        urls = [call(queues, "GetQueueUrl", QueueName=name)[1]["QueueUrl"] for name in ("quick", "late")]
        told = [call(queues, "GetQueueAttributes", QueueUrl=url, **asked)[1]["Attributes"] for url in urls]
        return [each["ApproximateNumberOfMessages"] for each in told]

    monkeypatch.setattr("moto.sqs.models.unix_time_millis", lambda: (time.time() + set_seconds) * 1000)
    queues.send("late", "x")
    queues.send("quick", "x")
    assert len(queues.receive("quick", 1)) == 1
    monkeypatch.undo()

    assert waiting() == ["0", "0"]
    ahead = 31
    assert waiting() == ["1", "1"]


def test_messages_are_counted_as_what_they_are(queues: EmbeddedQueues) -> None:
    url = call(queues, "GetQueueUrl", QueueName="letters")[1]["QueueUrl"]
    call(queues, "SendMessage", QueueUrl=url, MessageBody="late", DelaySeconds=60)
    for body in ("first", "second", "third"):
        queues.send("letters", body)
    queues.receive("letters", 1)

    _, told = call(queues, "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])

    names = ("", "Delayed", "NotVisible")
    assert [told["Attributes"][f"ApproximateNumberOfMessages{name}"] for name in names] == ["2", "1", "1"]


def test_no_message_is_looked_at_to_send_another_or_to_delete_one(
    queues: EmbeddedQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def visible(message: Any) -> bool:
        nonlocal looks
        looks += 1
        return bool(message.visible_at < time.monotonic() * 1000)

    monkeypatch.setattr(Message, "visible", property(visible))
    for number in range(50):
        queues.send("letters", str(number))
    found = queues.receive("letters", 10)
    for message in found:
        queues.delete("letters", message)

    assert (len(found), looks) == (10, 10)  # moto would have looked some 13,000 times


def test_letters_go_to_a_queue_that_was_made_again(queues: EmbeddedQueues) -> None:
    queues.create([Queue(name="letters", visibility_timeout_seconds=0, dead_letter_queue="lost", maximum_receives=1)])
    queues.send("letters", "poison")
    queues.receive("letters", 1)
    call(queues, "DeleteQueue", QueueUrl=call(queues, "GetQueueUrl", QueueName="lost")[1]["QueueUrl"])
    assert [each.body for each in queues.receive("letters", 1)] == ["poison"]  # there is nowhere to go

    queues.create([Queue(name="lost")])
    queues.receive("letters", 1)
    assert [each.body for each in queues.receive("lost", 1)] == ["poison"]


def test_what_was_deleted_can_be_deleted_again_and_is_not_remembered_forever(queues: EmbeddedQueues) -> None:
    url = call(queues, "GetQueueUrl", QueueName="letters")[1]["QueueUrl"]

    def deleted() -> str:
        queues.send("letters", "x")
        message = queues.receive("letters", 1)[0]
        queues.delete("letters", message)
        return message.receipt_handle

    first = deleted()
    again = [call(queues, "DeleteMessage", QueueUrl=url, ReceiptHandle=first)[0]]
    for _ in range(DELETED):
        last = deleted()
    again += [call(queues, "DeleteMessage", QueueUrl=url, ReceiptHandle=each)[0] for each in (last, first)]
    assert again == [200, 200, 400]


@pytest.mark.parametrize("name", ["letters", "ordered.fifo"])
def test_nothing_of_a_deleted_message_is_kept(queues: EmbeddedQueues, name: str) -> None:
    queues.create([Queue(name="ordered.fifo", deduplicates_by_content=True)])
    queues.send(name, "secret", group="g")
    for message in queues.receive(name, 1):
        queues.delete(name, message)
    gc.collect()

    assert [each for each in gc.get_objects() if type(each) is Message and each.body == "secret"] == []
