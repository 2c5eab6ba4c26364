"""What SNS does not take as a subscription or as one of its attributes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...event_sources.streams.filters import InvalidFilterPatternError
from ...foundation.json_bytes import parsed_json
from .filter_policies import BODY, compile_policy

_PROTOCOLS: Final = ("http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose")
_RAW: Final = ("sqs", "http", "https", "firehose")
"""Protocols that deliver a message alone. [DOC] sns-docs:sns-large-payload-raw-message-delivery"""
WEB: Final = ("http", "https")
"""Protocols whose endpoint begins with their name. [USR] argoproj/argo-events #414"""
_SCOPES: Final = (BODY, "MessageAttributes")


def refused_subscription(topic: str, endpoint: str | None, protocol: str) -> str | None:
    """Why SNS does not take a subscriber; None: it does. [DOC] sns-api:API_Subscribe, sns-docs:fifo-message-delivery"""
    if protocol not in _PROTOCOLS:
        return f"Amazon SNS does not support this protocol string: {protocol}"
    if not endpoint:
        return "Endpoint"
    if protocol in WEB and not endpoint.startswith(f"{protocol}://"):
        return "Endpoint must match the specified protocol"
    if topic.endswith(".fifo") and protocol != "sqs":
        return f"Invalid parameter: Endpoint Reason: FIFO topics do not deliver to {protocol}"
    if endpoint.endswith(".fifo") and protocol == "sqs" and not topic.endswith(".fifo"):
        why = "FIFO SQS Queues can not be subscribed to standard SNS topics"
        return f"Invalid parameter: Endpoint Reason: {why}"
    return None


def refused_attributes(topic: str, protocol: str, attributes: Mapping[str, Any]) -> tuple[str, str] | None:
    """The attribute that SNS does not take, and why; None: it takes them all.

    Values are texts, as the API has them. [REC] ls-snap test_sns.py, test_sns_filter_policy.py; [USR]
    aws-controllers-k8s/community #2192, cloudformation-coverage-roadmap #399: raw messages, said or denied.
    """
    for name, value in attributes.items():
        if (why := _refused(name, str(value), topic, protocol)) is not None:
            return name, why
    return None


def _refused(name: str, value: str, topic: str, protocol: str) -> str | None:
    if name == "RawMessageDelivery":
        if protocol not in _RAW:
            return f"Delivery protocol [{protocol}] does not support raw message delivery."
        is_flag = value.lower() in ("true", "false")
        return None if is_flag else f"RawMessageDelivery: Invalid value [{value}]. Must be true or false."
    if name == "FilterPolicyScope" and value not in _SCOPES:
        return f"FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
    if name not in ("FilterPolicy", "RedrivePolicy") or not value:
        return None
    try:
        given = parsed_json(value)
    except ValueError as error:
        return f"{name}: failed to parse JSON. {error}"
    return _refused_letters(given, topic) if name == "RedrivePolicy" else _refused_policy(given)


def _refused_letters(policy: Any, topic: str) -> str | None:
    queue = policy.get("deadLetterTargetArn") if isinstance(policy, dict) else None
    if not str(queue).startswith("arn:"):
        return "RedrivePolicy: deadLetterTargetArn is an invalid arn"
    if topic.endswith(".fifo") and not str(queue).endswith(".fifo"):
        return "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
    return None


def _refused_policy(policy: Any) -> str | None:
    if policy == {}:
        return None  # takes a policy away
    try:
        compile_policy(policy)
    except InvalidFilterPatternError as error:
        return f"FilterPolicy: {error.problem}"
    return None
