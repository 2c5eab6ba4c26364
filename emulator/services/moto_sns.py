"""Takes from moto's SNS what it would deliver itself. Imported in the process of the services only."""

from __future__ import annotations

import base64
import itertools
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.sns.exceptions import SNSException, SNSInvalidParameter, TopicNotFound
from moto.sns.models import SNSBackend, Subscription, Topic
from moto.sns.responses import SNSResponse

from ..event_sources.queues.duplicates import Duplicates, of_content
from ..event_sources.streams.filters import InvalidFilterPatternError
from ..foundation.json_bytes import parsed_json
from .delivery import Delivery, Tell
from .sns.filter_policies import compile_policy, lets_through, without_newer
from .sns.messages import Message, Subscriber, confirmation, delivery
from .sns.publishing import BATCH, Refusal, refused_batch, refused_message, refused_order
from .sns.subscriptions import refused_attributes, refused_subscription

_SEQUENCE: Final = 10_000_000_000_000_000_000
"""The first sequence number of a FIFO topic. [DOC] sns-docs:fifo-topic-message-ordering"""
_STEP: Final = 1000
"""How far two sequence numbers are apart."""
_SCOPE: Final = "FilterPolicyScope"
_ARN_PARTS: Final = 6
_MESSAGE_ID: Final = re.compile(rb"<MessageId>([^<]*)</MessageId>")


class _Topics:
    """Refuses messages, takes each of a FIFO topic once in five minutes, and numbers it, which moto does not."""

    def __init__(self) -> None:
        self._duplicates: Duplicates[tuple[str, str]] = Duplicates()
        self._sequence = itertools.count(_SEQUENCE, _STEP)
        self.number: str | None = None
        """Of the message that is published now; None: its topic is none of them."""
        self._published: deque[tuple[str, str]] = deque(maxlen=BATCH)
        """Ids and numbers of as many messages as one answer tells of, the last one last."""

    def take(self) -> None:
        """Stand before moto's own from now on."""
        publish = SNSBackend.publish

        def publish_once(backend: Any, message: str, arn: str | None = None, **more: Any) -> Any:
            _refuse(refused_message({"Message": message, "Subject": more.get("subject")}))
            topic = _topic(backend, arn)
            same = None if topic is None else deduplication_of(topic, message, more.get("deduplication_id"))
            is_fifo = topic is not None and topic.fifo_topic
            _refuse(refused_order(is_fifo=is_fifo, group=more.get("group_id"), is_told_apart=same is not None))
            if same is None:
                if topic is not None:  # moto takes the text "false" for true
                    topic.content_based_deduplication = False
                return publish(backend, message, arn=arn, **more)
            # A topic that is made anew has forgotten what the one before it had.
            key, now = (topic, same), time.monotonic()
            earlier = self._duplicates.earlier(key, now)
            if earlier is not None:
                self._published.append(earlier)
                return earlier[0]
            self.number = number = str(next(self._sequence))
            try:
                made = str(publish(backend, message, arn=arn, **more))
            finally:
                self.number = None
            self._duplicates.accept(key, now, (made, number))
            self._published.append((made, number))
            return made

        SNSBackend.publish = publish_once
        SNSBackend.publish_batch = _publish_each
        Topic.publish = _to_all
        _check_messages()

    def numbered(self, answer: bytes) -> bytes:
        """What the publisher is told, with the number of each message of a FIFO topic. [DOC] sns-api:API_Publish"""
        published = dict(self._published)
        return _MESSAGE_ID.sub(lambda found: found[0] + _number(published.get(found[1].decode())), answer)


def _number(number: str | None) -> bytes:
    return b"" if number is None else f"<SequenceNumber>{number}</SequenceNumber>".encode()


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise SNSException(*refusal)


def _topic(backend: Any, arn: str | None) -> Any:
    """The topic of an ARN; None: it is for one device. [REC] ls-snap test_unknown_topic_publish"""
    if arn is None or ":endpoint/" in arn:
        return None
    if (parts := len(arn.split(":"))) < _ARN_PARTS:
        why = f"An ARN must have at least {_ARN_PARTS} elements, not {parts}"
        raise SNSInvalidParameter(f"Invalid parameter: TopicArn Reason: {why}")
    found = backend.topics.get(arn)
    if found is None:
        raise TopicNotFound
    return found


def _publish_each(
    backend: Any, topic_arn: str, publish_batch_request_entries: list[dict[str, Any]]
) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Publish a batch, all or nothing as SNS was recorded to; of moto's own what fails is in no answer."""
    topic, entries = _topic(backend, topic_arn), publish_batch_request_entries
    for each in entries:
        group, same = each.get("MessageGroupId"), each.get("MessageDeduplicationId")
        is_told_apart = deduplication_of(topic, each["Message"], same) is not None
        _refuse(refused_order(is_fifo=topic.fifo_topic, group=group, is_told_apart=is_told_apart))
    made = [
        backend.publish(
            message=each["Message"],
            arn=topic_arn,
            subject=each.get("Subject"),
            message_attributes=each.get("MessageAttributes", {}),
            group_id=each.get("MessageGroupId"),
            deduplication_id=each.get("MessageDeduplicationId"),
            message_structure=each.get("MessageStructure"),
        )
        for each in entries
    ]
    return [{"MessageId": one, "Id": each["Id"]} for one, each in zip(made, entries, strict=True)], []


def _check_messages() -> None:
    """Have messages refused before any subscriber gets one."""
    publish, publish_batch = SNSResponse.publish, SNSResponse.publish_batch

    def publish_checked(asked: Any) -> Any:
        names = ("Message", "Subject", "MessageAttributes", "MessageStructure")
        _refuse(refused_message({name: asked._get_param(name) for name in names}))  # noqa: SLF001 - moto's way
        return publish(asked)

    def publish_batch_checked(asked: Any) -> Any:
        _refuse(refused_batch(asked._get_param("PublishBatchRequestEntries", [])))  # noqa: SLF001 - as above
        return publish_batch(asked)

    SNSResponse.publish = publish_checked
    SNSResponse.publish_batch = publish_batch_checked


def _to_all(topic: Any, message: str, **more: Any) -> str:
    """Publish to all subscriptions; moto takes the first page of their list, and keeps each message for ever."""
    message_id = str(uuid.uuid4())
    for subscription in list(topic.sns_backend.subscriptions.values()):
        if subscription.topic.arn == topic.arn:
            subscription.publish(message, message_id, **more)
    return message_id


def deduplication_of(topic: Any, message: str, given: str | None) -> str | None:
    """What makes a message of a FIFO topic the same as another; None: nothing does."""
    if given is not None or not topic.fifo_topic:
        return given if topic.fifo_topic else None
    return of_content(message) if str(topic.content_based_deduplication).lower() == "true" else None


def take(tell: Tell) -> Callable[[bytes], bytes]:
    """Have all messages handed over from now on; returns what puts into an answer of SNS what moto leaves out."""
    topics = _Topics()
    topics.take()

    def publish(subscription: Any, message: str, message_id: str, subject: str | None = None, **more: Any) -> None:
        attributes = more.get("message_attributes")
        policy = subscription._filter_policy  # noqa: SLF001 - moto has no other way to ask for it
        scope = subscription.attributes.get(_SCOPE)
        if policy and not lets_through(policy, scope, attributes or {}, message):
            return
        same = deduplication_of(subscription.topic, message, more.get("deduplication_id"))
        if more.get("message_structure") == "json":
            message = subscription._parse_message_structure(message, subscription.protocol)  # noqa: SLF001 - as above
        sent = Message(
            id=message_id,
            topic=subscription.topic.arn,
            text=message,
            subject=subject,
            at=datetime.now(UTC),
            attributes=_attributes(attributes or {}),
            group=more.get("group_id"),
            deduplication=same,
            sequence=topics.number,
        )
        found = delivery(sent, _subscriber(subscription))
        tell(found or Delivery(to=subscription.endpoint, by=f"topic {subscription.topic.name}", payload=""))

    subscribe = SNSBackend.subscribe

    def subscribe_and_ask(backend: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
        if (wrong := refused_subscription(topic_arn, endpoint, protocol)) is not None:
            raise SNSInvalidParameter(f"Invalid parameter: {wrong}")
        known = set(backend.subscriptions)
        subscription = subscribe(backend, topic_arn, endpoint, protocol)
        if protocol in ("http", "https") and subscription.arn not in known:
            token = uuid.uuid4().hex * 4
            sent = Message(id=str(uuid.uuid4()), topic=topic_arn, text="", subject=None, at=datetime.now(UTC))
            tell(confirmation(sent, _subscriber(subscription), token))
        return subscription

    validate = SNSBackend._validate_filter_policy  # noqa: SLF001 - it knows not all comparisons

    def validate_filter_policy(backend: Any, value: Any, scope: str | None) -> None:
        validate(backend, without_newer(value), scope)
        try:
            if value:
                compile_policy(value)
        except InvalidFilterPatternError as error:
            raise SNSInvalidParameter(f"Invalid parameter: FilterPolicy: {error.problem}") from error

    Subscription.publish = publish
    SNSBackend.subscribe = subscribe_and_ask
    SNSBackend._validate_filter_policy = validate_filter_policy  # noqa: SLF001 - as above
    _check_attributes()
    return topics.numbered


def _check_attributes() -> None:
    """Have attributes refused before anything is made of them: moto subscribes first, and keeps most of them unread."""
    subscribe, change = SNSResponse.subscribe, SNSResponse.set_subscription_attributes

    def check(
        backend: Any, of: tuple[str, str], given: Mapping[str, Any], scope: str | None, *, prefix: str = ""
    ) -> None:
        if (refused := refused_attributes(*of, given)) is not None:
            raise SNSInvalidParameter(f"Invalid parameter: {prefix}{refused[1]}")
        if policy := parsed_json(given.get("FilterPolicy") or "{}"):
            backend._validate_filter_policy(policy, scope)  # noqa: SLF001 - moto has no other way to ask for it

    def subscribe_checked(asked: Any) -> Any:
        given = asked._get_param("Attributes", {})  # noqa: SLF001 - moto's way
        of = str(asked._get_param("TopicArn")), str(asked._get_param("Protocol"))  # noqa: SLF001 - as above
        check(asked.backend, of, given, given.get(_SCOPE), prefix="Attributes Reason: ")
        return subscribe(asked)

    def change_checked(asked: Any) -> Any:
        names = ("SubscriptionArn", "AttributeName", "AttributeValue")
        arn, name, value = (str(asked._get_param(each) or "") for each in names)  # noqa: SLF001 - as above
        found = asked.backend.subscriptions.get(arn)
        if found is not None:
            of = found.topic.arn, found.protocol
            check(asked.backend, of, {name: value}, found.attributes.get(_SCOPE))
        return change(asked)

    SNSResponse.subscribe = subscribe_checked
    SNSResponse.set_subscription_attributes = change_checked


def _subscriber(subscription: Any) -> Subscriber:
    is_raw = str(subscription.attributes.get("RawMessageDelivery")).lower() == "true"
    return Subscriber(
        arn=subscription.arn, protocol=subscription.protocol, endpoint=subscription.endpoint, is_raw=is_raw
    )


def _attributes(given: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {name: {"Type": str(each["Type"]), "Value": _value(each["Value"])} for name, each in given.items()}


def _value(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def send(topic_arn: str, text: str, subject: str | None) -> None:
    """Publish to a topic of the process.

    Raises:
        LookupError: there is no such topic.
        Exception: moto's of any kind: the topic does not take it, as one that is FIFO and needs a group.
    """
    from moto.sns import sns_backends  # noqa: PLC0415 - only where something else tells a topic

    _arn, _partition, _service, region, account, _name = topic_arn.split(":")
    backend = sns_backends[account][region]
    if topic_arn not in backend.topics:
        raise LookupError("there is no such topic")
    backend.publish(message=text, arn=topic_arn, subject=subject)
