"""What is there without a template and is named by one: tables, queues and streams that calls made. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from streamer.topology import Key, StreamView, Table

from ..described.tables_and_queues import TABLES, queue_name
from ..errors import TemplateError
from ..stack import Resource, Stack

SOURCE: Final = "AWS::Lambda::EventSourceMapping"
_ARN: Final = re.compile(
    r"arn:[\w-]+:(?:dynamodb:(?P<at>[\w-]+:\d+):table/(?P<table>[\w.-]+)(?:/stream/[\w.:-]+)?"
    r"|sqs:(?P<queue_at>[\w-]+:\d+):(?P<queue>[\w-]+(?:\.fifo)?)"
    r"|kinesis:(?P<stream_at>[\w-]+:\d+):stream/(?P<stream>[\w.-]+))"
)
QUEUE: Final = "AWS::SQS::Queue"
_STREAM: Final = "AWS::Kinesis::Stream"


class Named(Struct, frozen=True):
    """A table, a queue or a stream of Kinesis of this place, as an ARN names it."""

    type: str
    """As templates call it."""
    name: str


def named(arn: str, region: str, account_id: str) -> Named | None:
    """What an ARN names; None: something of another service or place."""
    found = _ARN.fullmatch(arn)
    place = f"{region}:{account_id}"
    if found is None or place not in (found["at"], found["queue_at"], found["stream_at"]):
        return None
    if found["table"] is not None:
        return Named(TABLES[0], found["table"])
    return Named(QUEUE, found["queue"]) if found["queue"] is not None else Named(_STREAM, found["stream"])


def strangers(stacks: Iterable[Stack], region: str, account_id: str) -> frozenset[Named]:
    """What properties name by an ARN, and no stack has."""
    tops = tuple(stacks)
    own = {_own(each) for each in _resources(tops)}
    texts = {text for each in _resources(tops) for text in _texts(each.properties)}
    return frozenset(each for text in texts if (each := named(text, region, account_id)) is not None) - own


def table_of(description: Mapping[str, Any], expiry: str | None) -> Table:
    """A table as DescribeTable tells of it; ``expiry`` is the attribute by which its items expire."""
    names = {each["KeyType"]: each["AttributeName"] for each in description["KeySchema"]}
    types = {each["AttributeName"]: each["AttributeType"] for each in description["AttributeDefinitions"]}
    view = (description.get("StreamSpecification") or {}).get("StreamViewType")
    return Table(
        name=description["TableName"],
        key=Key(
            partition=names["HASH"],
            sort=names.get("RANGE"),
            types={name: types[name] for name in names.values() if types[name] != "S"},
        ),
        ttl_attribute=expiry,
        stream=None if view is None else StreamView(view),
    )


def refuse_sources(stacks: Iterable[Stack], fresh: str, missing: Iterable[Named], region: str, account_id: str) -> None:
    """Refuse what the stack ``fresh`` wants read and is nowhere; ``missing`` is all that is nowhere.

    Raises:
        TemplateError: a mapping's source is among it.
    """
    nowhere = frozenset(missing)
    for top in stacks:
        for each in _resources([top]) if top.name == fresh else ():
            arn = str(each.properties.get("EventSourceArn"))
            if each.type == SOURCE and named(arn, region, account_id) in nowhere:
                raise TemplateError(f"Invalid request provided: {not_there(arn)}", each.path)


def not_there(arn: str) -> str:
    """What Lambda says of a source that is not there.

    [REC] ls-snap test_lambda_integration_sqs.py, test_lambda_integration_dynamodbstreams.py and ..._kinesis.py
    """
    if ":sqs:" not in arn:
        return f"Stream not found: {arn}"
    code, text = "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."
    return f"Error occurred while ReceiveMessage. SQS Error Code: {code}. SQS Error Message: {text}"


def _own(resource: Resource) -> Named:
    kind = TABLES[0] if resource.type in TABLES else resource.type
    return Named(kind, queue_name(resource) if resource.type == QUEUE else resource.name)


def _resources(tops: Iterable[Stack]) -> Iterator[Resource]:
    for top in tops:
        for stack in top.all():
            yield from stack.resources.values()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
