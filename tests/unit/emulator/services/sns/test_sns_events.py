"""What SNS sends, compared with the documentation's examples."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from msgspec import structs

from emulator.services.sns.messages import (
    Message,
    Subscriber,
    confirmation,
    delivery,
)

TOPIC = "arn:aws:sns:us-east-2:123456789012:ExampleTopic"
MESSAGE = Message(
    id="12345678-1234-1234-1234-123456789012",
    topic=TOPIC,
    text="example message",
    subject="example subject",
    at=datetime(1970, 1, 1, tzinfo=UTC),
    attributes={"Test": {"Type": "String", "Value": "TestString"}, "Bytes": {"Type": "Binary", "Value": "AQI="}},
)
FUNCTION = Subscriber(
    arn=f"{TOPIC}:c7fe3a54", protocol="lambda", endpoint="arn:aws:lambda:us-east-2:123456789012:function:f"
)
QUEUE = structs.replace(FUNCTION, protocol="sqs", endpoint="arn:aws:sqs:us-east-2:123456789012:q")
SERVER = structs.replace(FUNCTION, protocol="http", endpoint="http://127.0.0.1:1/told")


def test_a_function_gets_the_documented_event() -> None:
    # [DOC] lambda-docs:with-sns
    sent = delivery(MESSAGE, FUNCTION)

    assert sent is not None
    assert sent.to == FUNCTION.endpoint
    assert json.loads(sent.payload) == {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{TOPIC}:c7fe3a54",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": "12345678-1234-1234-1234-123456789012",
                    "TopicArn": TOPIC,
                    "Subject": "example subject",
                    "Message": "example message",
                    "Timestamp": "1970-01-01T00:00:00.000Z",
                    "SignatureVersion": "1",
                    "Signature": "RVhBTVBMRQ==",
                    "SigningCertUrl": f"https://sns.us-east-2.amazonaws.com/SimpleNotificationService-{'0' * 32}.pem",
                    "UnsubscribeUrl": "https://sns.us-east-2.amazonaws.com/?Action=Unsubscribe"
                    f"&SubscriptionArn={TOPIC}:c7fe3a54",
                    "MessageAttributes": {
                        "Test": {"Type": "String", "Value": "TestString"},
                        "Bytes": {"Type": "Binary", "Value": "AQI="},
                    },
                },
            }
        ]
    }


def test_a_message_without_subject_says_so_to_functions_and_not_to_queues() -> None:
    plain = structs.replace(MESSAGE, subject=None, attributes={})
    event, message = delivery(plain, FUNCTION), delivery(plain, QUEUE)

    assert event is not None
    assert message is not None
    assert json.loads(event.payload)["Records"][0]["Sns"]["Subject"] is None
    assert not {"Subject", "MessageAttributes"} & json.loads(message.payload).keys()


def test_addresses_in_china_end_as_its_names_do() -> None:
    sent = delivery(structs.replace(MESSAGE, topic="arn:aws-cn:sns:cn-north-1:123456789012:news"), QUEUE)

    assert sent is not None
    assert json.loads(sent.payload)["UnsubscribeURL"].startswith("https://sns.cn-north-1.amazonaws.com.cn/?Action=")


def test_a_queue_gets_the_documented_text() -> None:
    # [DOC] sns-docs:sns-sqs-as-subscriber
    sent = delivery(structs.replace(MESSAGE, group="a", deduplication="b"), QUEUE)

    assert sent is not None
    assert sent.payload.startswith('{\n  "Type" : "Notification",\n  "MessageId" : "12345678-')
    assert list(json.loads(sent.payload)) == [
        *("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature"),
        *("SigningCertURL", "UnsubscribeURL", "MessageAttributes"),
    ]
    assert (sent.group, sent.deduplication, sent.attributes) == ("a", "b", {})


def test_a_raw_message_is_the_text_with_attributes_of_the_queues_own() -> None:
    # [DOC] sns-docs:sns-large-payload-raw-message-delivery
    sent = delivery(MESSAGE, structs.replace(QUEUE, is_raw=True))

    assert sent is not None
    assert sent.payload == "example message"
    assert sent.attributes == {
        "Test": {"DataType": "String", "StringValue": "TestString"},
        "Bytes": {"DataType": "Binary", "BinaryValue": "AQI="},
    }


def test_a_server_is_told_in_headers_what_it_gets() -> None:
    # [DOC] sns-docs:sns-message-and-json-formats
    sent, raw = delivery(MESSAGE, SERVER), delivery(MESSAGE, structs.replace(SERVER, is_raw=True))

    assert sent is not None
    assert raw is not None
    assert sent.headers == {
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": MESSAGE.id,
        "x-amz-sns-topic-arn": TOPIC,
        "x-amz-sns-subscription-arn": FUNCTION.arn,
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
    }
    assert (raw.payload, raw.headers["x-amz-sns-rawdelivery"]) == ("example message", "true")


def test_a_server_is_asked_first_whether_it_wants_them() -> None:
    asked = confirmation(MESSAGE, SERVER, "token")
    told = json.loads(asked.payload)

    assert asked.headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert (told["Type"], told["Token"]) == ("SubscriptionConfirmation", "token")
    assert told["SubscribeURL"].endswith(f"?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=token")


@pytest.mark.parametrize("protocol", ["email", "sms", "application"])
def test_other_protocols_reach_nobody(protocol: str) -> None:
    assert delivery(MESSAGE, structs.replace(SERVER, protocol=protocol)) is None


def test_a_queue_hears_the_number_of_a_message_of_a_fifo_topic() -> None:
    # [DOC] sns-docs:fifo-message-delivery
    sent = delivery(structs.replace(MESSAGE, group="g", deduplication="d", sequence="10000000000000000000"), QUEUE)

    assert sent is not None
    assert list(json.loads(sent.payload))[:4] == ["Type", "MessageId", "SequenceNumber", "TopicArn"]
    assert (sent.group, sent.deduplication) == ("g", "d")
