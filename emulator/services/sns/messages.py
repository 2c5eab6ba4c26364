"""What SNS sends to functions, queues and web servers. Pure.

[DOC] lambda-docs:with-sns, sns-docs:sns-sqs-as-subscriber, sns-message-and-json-formats,
sns-large-payload-raw-message-delivery, fifo-message-delivery
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, field

from ...foundation.json_bytes import json_text
from ...foundation.times import iso_time
from ...port.aws_names import service_url
from ..delivery import Delivery

_AGENT: Final = "Amazon Simple Notification Service Agent"
_UNVERIFIABLE: Final = "RVhBTVBMRQ=="
"""Where AWS signs: nobody but AWS has the key."""


class Message(Struct, frozen=True, kw_only=True):
    """A message of a topic."""

    id: str
    topic: str
    """The topic's ARN."""
    text: str
    subject: str | None
    at: datetime
    """In UTC."""
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """``{name: {"Type": ..., "Value": ...}}``; a binary value is in base64."""
    group: str | None = None
    deduplication: str | None = None
    sequence: str | None = None
    """Its number in a FIFO topic."""


class Subscriber(Struct, frozen=True, kw_only=True):
    """Who gets it."""

    arn: str
    """The subscription's ARN."""
    protocol: str
    endpoint: str
    is_raw: bool = False
    """Whether a queue or a server gets the text alone."""


def delivery(message: Message, to: Subscriber) -> Delivery | None:
    """What a subscriber gets; None: its protocol leads to nobody here."""
    by = f"topic {message.topic.rpartition(':')[2]}"
    match to.protocol:
        case "lambda":
            return Delivery(to=to.endpoint, by=by, payload=json_text(_event(message, to)))
        case "sqs":
            return Delivery(
                to=to.endpoint,
                by=by,
                payload=message.text if to.is_raw else _text(_notification(message, to)),
                attributes=_message_attributes(message) if to.is_raw else {},
                group=message.group,
                deduplication=message.deduplication,
            )
        case "http" | "https":
            payload = message.text if to.is_raw else _text(_notification(message, to))
            return Delivery(to=to.endpoint, by=by, payload=payload, headers=_headers("Notification", message, to))
        case _:
            return None


def confirmation(message: Message, to: Subscriber, token: str) -> Delivery:
    """What a web server gets when it is subscribed: where to say that it wants the messages."""
    region = message.topic.split(":")[3]
    url = f"{service_url('sns', region)}/?Action=ConfirmSubscription&TopicArn={message.topic}&Token={token}"
    told = {
        "Type": "SubscriptionConfirmation",
        "MessageId": message.id,
        "Token": token,
        "TopicArn": message.topic,
        "Message": f"You have chosen to subscribe to the topic {message.topic}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message.",
        "SubscribeURL": url,
        "Timestamp": iso_time(message.at),
        **_signature(region, "URL"),
    }
    headers = _headers("SubscriptionConfirmation", message, to)
    by = f"topic {message.topic.rpartition(':')[2]}"
    return Delivery(to=to.endpoint, by=by, payload=_text(told), headers=headers)


def _event(message: Message, to: Subscriber) -> dict[str, Any]:
    region = message.topic.split(":")[3]
    sns = {
        "Type": "Notification",
        "MessageId": message.id,
        "TopicArn": message.topic,
        "Subject": message.subject,
        "Message": message.text,
        "Timestamp": iso_time(message.at),
        **_signature(region, "Url"),
        "UnsubscribeUrl": _unsubscribe(region, to),
        "MessageAttributes": {name: dict(value) for name, value in message.attributes.items()},
    }
    return {
        "Records": [
            {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": to.arn, "Sns": sns},
        ]
    }


def _notification(message: Message, to: Subscriber) -> dict[str, Any]:
    region = message.topic.split(":")[3]
    found: dict[str, Any] = {"Type": "Notification", "MessageId": message.id}
    if message.sequence is not None:
        found["SequenceNumber"] = message.sequence
    found["TopicArn"] = message.topic
    if message.subject is not None:
        found["Subject"] = message.subject
    found |= {"Message": message.text, "Timestamp": iso_time(message.at), **_signature(region, "URL")}
    found["UnsubscribeURL"] = _unsubscribe(region, to)
    if message.attributes:
        found["MessageAttributes"] = {name: dict(value) for name, value in message.attributes.items()}
    return found


def _message_attributes(message: Message) -> dict[str, dict[str, str]]:
    """The attributes as a queue has them: a raw message's own."""
    return {
        name: {
            "DataType": each["Type"],
            "BinaryValue" if each["Type"].startswith("Binary") else "StringValue": each["Value"],
        }
        for name, each in message.attributes.items()
    }


def _headers(kind: str, message: Message, to: Subscriber) -> dict[str, str]:
    found = {
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": message.id,
        "x-amz-sns-topic-arn": message.topic,
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": _AGENT,
    }
    if kind == "Notification":
        found["x-amz-sns-subscription-arn"] = to.arn
        if to.is_raw:
            found["x-amz-sns-rawdelivery"] = "true"
    return found


def _signature(region: str, url: str) -> dict[str, str]:
    return {
        "SignatureVersion": "1",
        "Signature": _UNVERIFIABLE,
        f"SigningCert{url}": f"{service_url('sns', region)}/SimpleNotificationService-{'0' * 32}.pem",
    }


def _unsubscribe(region: str, to: Subscriber) -> str:
    return f"{service_url('sns', region)}/?Action=Unsubscribe&SubscriptionArn={to.arn}"


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, separators=(",", " : "))
