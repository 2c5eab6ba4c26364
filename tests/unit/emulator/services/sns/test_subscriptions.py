"""What SNS takes as a subscription, and as its attributes."""

from __future__ import annotations

import pytest

from emulator.services.sns.subscriptions import refused_attributes, refused_subscription


@pytest.mark.parametrize(
    ("topic", "endpoint", "protocol", "why"),
    [
        ("t", "q", "sqs", None),
        ("t.fifo", "q.fifo", "sqs", None),
        ("t.fifo", "q", "sqs", None),
        ("t", "f", "lambda", None),
        ("t", "", "sqs", "Endpoint"),
        ("t", "https://here", "https", None),
        ("t", "https://here", "http", "Endpoint must match the specified protocol"),
        ("t", "x", "pigeon", "does not support this protocol string: pigeon"),
        ("t", "q.fifo", "sqs", "FIFO SQS Queues can not be subscribed to standard SNS topics"),
        ("t.fifo", "f", "lambda", "FIFO topics do not deliver to lambda"),
    ],
)
def test_a_subscriber_is_taken_or_refused(topic: str, endpoint: str, protocol: str, why: str | None) -> None:
    found = refused_subscription(topic, endpoint, protocol)
    assert (found is None) == (why is None)
    assert why is None or why in str(found)


DEAD = '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead%s"}'


@pytest.mark.parametrize(
    ("topic", "protocol", "name", "value", "why"),
    [
        ("t", "sqs", "RawMessageDelivery", "true", None),
        ("t", "sqs", "RawMessageDelivery", "yes", "RawMessageDelivery: Invalid value [yes]. Must be true or false."),
        ("t", "lambda", "RawMessageDelivery", "false", "Delivery protocol [lambda] does not support raw message"),
        ("t", "sqs", "FilterPolicyScope", "MessageBody", None),
        ("t", "sqs", "FilterPolicyScope", "Body", "FilterPolicyScope: Invalid value [Body]. Please use either Message"),
        ("t", "sqs", "FilterPolicy", '{"a": ["b"]}', None),
        ("t", "sqs", "FilterPolicy", "{}", None),
        ("t", "sqs", "FilterPolicy", "{x", "FilterPolicy: failed to parse JSON. "),
        ("t", "sqs", "FilterPolicy", '{"a": "b"}', "FilterPolicy: the pattern.a must be an object or a list of values"),
        ("t", "sqs", "RedrivePolicy", DEAD % "", None),
        ("t", "sqs", "RedrivePolicy", "{x", "RedrivePolicy: failed to parse JSON. "),
        ("t", "sqs", "RedrivePolicy", '{"deadLetterTargetArn": "q"}', "RedrivePolicy: deadLetterTargetArn is an inv"),
        ("t.fifo", "sqs", "RedrivePolicy", DEAD % "", "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subs"),
        ("t.fifo", "sqs", "RedrivePolicy", DEAD % ".fifo", None),
    ],
)
def test_an_attribute_is_taken_or_refused(topic: str, protocol: str, name: str, value: str, why: str | None) -> None:
    """[REC] ls-snap test_validate_set_sub_attributes, test_set_subscription_filter_policy_scope; [USR] raw messages."""
    found = refused_attributes(topic, protocol, {name: value})
    assert (found is None) == (why is None)
    assert why is None or (found is not None and found[0] == name and found[1].startswith(why))
