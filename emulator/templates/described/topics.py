"""Topics of a stack and who is subscribed to them, as operations of SNS. Pure. [DOC] cfn-docs:AWS_SNS"""

from __future__ import annotations

import json
from typing import Any, Final

from msgspec import structs

from ...services.calls import Call
from ...services.sns.subscriptions import WEB, refused_attributes, refused_subscription
from ..catalogue import Catalogue
from ..errors import Problem
from ..stack import Resource
from ..values import at, boolean, is_retained, items, text
from .tables_and_queues import check_fifo

_HERE: Final = ("lambda", "sqs", "http", "https")
"""Protocols that lead to somebody here."""


def topic(resource: Resource) -> list[Call]:
    """A topic."""
    check_fifo(resource, "TopicName", "FifoTopic")
    attributes = {}
    if boolean(resource, "FifoTopic"):
        deduplicates = "true" if boolean(resource, "ContentBasedDeduplication") else "false"
        attributes = {"FifoTopic": "true", "ContentBasedDeduplication": deduplicates}
    if "DisplayName" in resource.properties:
        attributes["DisplayName"] = text(resource, "DisplayName")
    return [_sns(resource, "create_topic", Name=resource.name, Attributes=attributes)]


def subscribers(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """Those whom a topic names itself."""
    found: list[Call] = []
    for position, each in enumerate(items(resource, "Subscription")):
        if not isinstance(each, dict) or not {"Endpoint", "Protocol"} <= set(each):
            raise Problem(at(resource, "Subscription", position), "Endpoint and Protocol are expected")
        found += _subscribed(catalogue, resource, str(resource.ref), each, {})
    return found


def subscription(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """A subscription of its own."""
    arn = text(resource, "TopicArn")
    if arn not in {str(each.ref) for each in catalogue.of("AWS::SNS::Topic")}:
        catalogue.warn(resource, f"the topic {arn} is none of this project's: nothing comes of it")
        return []
    if (protocol := text(resource, "Protocol")) not in _HERE:
        catalogue.warn(resource, f"nobody is reached by {protocol} here")
    attributes = {}
    for name in ("FilterPolicy", "RedrivePolicy"):
        if (value := resource.properties.get(name)) is not None:
            attributes[name] = value if isinstance(value, str) else json.dumps(value)
    if "FilterPolicyScope" in resource.properties:
        attributes["FilterPolicyScope"] = text(resource, "FilterPolicyScope")
    if "RawMessageDelivery" in resource.properties:
        attributes["RawMessageDelivery"] = "true" if boolean(resource, "RawMessageDelivery") else "false"
    if (refused := refused_attributes(arn, protocol, attributes)) is not None:
        raise Problem(at(resource, refused[0]), refused[1].removeprefix(f"{refused[0]}: "))
    made = _subscribed(catalogue, resource, arn, resource.properties, attributes)
    return [structs.replace(each, is_retained=is_retained(resource)) for each in made]


def _subscribed(catalogue: Catalogue, resource: Resource, arn: str, who: Any, attributes: dict[str, str]) -> list[Call]:
    protocol, endpoint = str(who["Protocol"]), str(who["Endpoint"])
    if protocol in WEB and "://" not in endpoint:  # a placeholder, perhaps, of an address that is secret
        catalogue.warn(resource, f"nobody is reached by {protocol} where the endpoint is no address")
        return []
    if (wrong := refused_subscription(arn, endpoint, protocol)) is not None:
        raise Problem(resource.path, wrong)
    call = {"TopicArn": arn, "Protocol": protocol, "Endpoint": endpoint, "Attributes": attributes}
    return [_sns(resource, "subscribe", **call, ReturnSubscriptionArn=True)]


def _sns(resource: Resource, operation: str, **parameters: Any) -> Call:
    return Call(service="sns", operation=operation, parameters=parameters, resource=resource.logical_id)
