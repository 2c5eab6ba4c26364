"""What S3 tells of its objects: which of a bucket's notifications want an event, and the event's text. Pure.

[DOC] s3-docs:notification-content-structure, notification-how-to-filtering, EventNotifications
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from typing import Any, Final
from urllib.parse import quote_plus

from msgspec import Struct

from ...event_sources import eventbridge
from ...foundation.place import bucket_arn
from ...foundation.times import iso_time
from ...functions.variables import uuid4

_REMOVED: Final = "ObjectRemoved:"
TAGGED: Final = "s3:ObjectTagging:"
"""Begins what is told of tags."""
_ABOUT: Final = ("ObjectTagging:", "ObjectAcl:")
"""What is told of an object that stays as it is."""
NOTHING: Final = "d41d8cd98f00b204e9800998ecf8427e"
"""Entity tag of an object without content, and of a marker of a deletion. [REC] ls-snap test_s3_notifications_sqs.py"""
_OWNER: Final = "A3NL1KOZZKEXAMPLE"
_KINDS: Final = {
    "ObjectCreated": "* Put Post Copy CompleteMultipartUpload",
    "ObjectRemoved": "* Delete DeleteMarkerCreated",
    "ObjectRestore": "* Post Completed Delete",
    "ObjectTagging": "* Put Delete",
    "ObjectAcl": "Put",
    "ObjectAnnotation": "* Put Delete",
    "ObjectRetention": "Put",
    "LifecycleExpiration": "* Delete DeleteMarkerCreated",
    "Replication": "* OperationFailedReplication OperationNotTracked OperationMissedThreshold "
    "OperationReplicatedAfterThreshold",
}
_EVENTS: Final = frozenset(
    {
        *(f"s3:{kind}:{each}" for kind, names in _KINDS.items() for each in names.split()),
        *("s3:ReducedRedundancyLostObject", "s3:LifecycleTransition", "s3:IntelligentTiering"),
    }
)
"""What may be wanted. [DOC] s3-api:NotificationConfiguration, botocore's model"""


class ObjectEvent(Struct, frozen=True, kw_only=True):
    """Something that happened to an object."""

    name: str
    """As in a notification's configuration, such as ``s3:ObjectCreated:Put``."""
    bucket: str
    key: str
    size: int
    """Bytes."""
    etag: str
    """Without quotation marks."""
    version: str | None
    """None: the bucket has no versions."""
    region: str
    """The bucket's."""
    peer: str
    """IP address of who asked for it."""
    principal: str
    """Access key id of who asked for it."""


def wants(event: ObjectEvent, events: Iterable[str], filters: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a notification is for an event: one of its kinds, and a key with its prefix and its suffix."""
    kinds = {event.name, f"{event.name.rpartition(':')[0]}:*"}
    if kinds.isdisjoint(events):
        return False
    for rule in filters:
        value = str(rule.get("Value") or "")
        tests = {"prefix": event.key.startswith, "suffix": event.key.endswith}
        if not tests[str(rule.get("Name", "")).lower()](value):
            return False
    return True


class Told(Struct, frozen=True, kw_only=True):
    """One entry of a bucket's configuration: who is told of what."""

    to: str
    """ARN of a function, a queue or a topic."""
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""
    filters: tuple[str, ...] = ()
    """Names of its filter rules, in small letters."""


def told_of(to: str, events: Iterable[str], filters: Iterable[Mapping[str, Any]]) -> Told:
    """An entry as the API has it."""
    rules = [(str(rule.get("Name", "")).lower(), str(rule.get("Value") or "")) for rule in filters]
    keys = {"prefix": "", "suffix": "", **dict(rules)}
    names = tuple(name for name, _ in rules)
    return Told(to=to, events=tuple(events), prefix=keys["prefix"], suffix=keys["suffix"], filters=names)


def refused_configuration(entries: Sequence[Told]) -> str | None:
    """Why S3 does not take a configuration; None: it does.

    [DOC] s3-docs:notification-how-to-event-types-and-destinations, notification-how-to-filtering; [USR] the words:
    aws-cli #1465, aws-cdk #3347, LocalStack and moto
    """
    for each in entries:
        for event in each.events:
            if event not in _EVENTS:
                return f"The event '{event}' is not supported for notifications"
        for name in each.filters:
            if name not in ("prefix", "suffix"):
                return "filter rule name must be either prefix or suffix"
            if each.filters.count(name) > 1:
                return f"Cannot specify more than one {name} rule in a filter."
    if any(each.to.endswith(".fifo") for each in entries):
        return "Unable to validate the following destination configurations"
    if any(_overlap(one, other) for one, other in combinations(entries, 2)):
        return (
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
            "overlapping for the same event type."
        )
    return None


def _covers(kind: str, other: str) -> bool:
    return kind == other or (kind.endswith("*") and other.startswith(kind[:-1]))


def _overlap(one: Told, other: Told) -> bool:
    """Whether an event of one key can be for both."""
    kinds = ((first, second) for first in one.events for second in other.events)
    is_same_kind = any(_covers(first, second) or _covers(second, first) for first, second in kinds)
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    suffixes = one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
    return is_same_kind and prefixes and suffixes


def notification(event: ObjectEvent, configuration: str, at: datetime, *, request_id: str) -> dict[str, Any]:
    """What a function, a queue or a topic gets. ``at`` is in UTC; ``request_id`` has 32 hexadecimal digits.

    An object that is gone has no size and no entity tag, a marker of a deletion that of nothing, and of tags and of who
    may do what neither a size nor an order is told. [DOC] s3-docs:notification-content-structure; [REC] ls-snap
    test_s3_notifications_sqs.py
    """
    name = event.name.removeprefix("s3:")
    is_about = name.startswith(_ABOUT)
    thing: dict[str, Any] = {"key": quote_plus(event.key, safe="/")}
    if name.startswith(_REMOVED):
        thing |= {"eTag": NOTHING} if name.endswith("MarkerCreated") else {}
    else:
        thing |= {"eTag": event.etag} if is_about else {"size": event.size, "eTag": event.etag}
    if event.version is not None:
        thing["versionId"] = event.version
    if not is_about:
        thing["sequencer"] = sequencer(at)
    record = {
        "eventVersion": "2.3" if is_about else "2.1",
        "eventSource": "aws:s3",
        "awsRegion": event.region,
        "eventTime": iso_time(at),
        "eventName": name,
        "userIdentity": {"principalId": f"AWS:{event.principal}"},
        "requestParameters": {"sourceIPAddress": event.peer},
        "responseElements": {"x-amz-request-id": request_id[:16].upper(), "x-amz-id-2": request_id * 2},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": event.bucket,
                "ownerIdentity": {"principalId": _OWNER},
                "arn": bucket_arn(event.region, event.bucket),
            },
            "object": thing,
        },
    }
    return {"Records": [record]}


_TOLD_AS: Final = {
    "ObjectCreated:Put": ("Object Created", "PutObject"),
    "ObjectCreated:Post": ("Object Created", "POST Object"),
    "ObjectCreated:Copy": ("Object Created", "CopyObject"),
    "ObjectCreated:CompleteMultipartUpload": ("Object Created", "CompleteMultipartUpload"),
    "ObjectRemoved:Delete": ("Object Deleted", "DeleteObject"),
    "ObjectRemoved:DeleteMarkerCreated": ("Object Deleted", "DeleteObject"),
    "ObjectTagging:Put": ("Object Tags Added", None),
    "ObjectTagging:Delete": ("Object Tags Deleted", None),
    "ObjectAcl:Put": ("Object ACL Updated", None),
}
"""What EventBridge calls events, and why they are. [DOC] s3-docs:EventBridge, ev-mapping-troubleshooting"""


def bus_event(event: ObjectEvent, at: datetime, *, account: str, request_id: str) -> dict[str, Any] | None:
    """What EventBridge gets of a bucket that tells it; None: nothing.

    [DOC] s3-docs:ev-events; [REC] ls-snap test_s3_notifications_eventbridge.py
    """
    name = event.name.removeprefix("s3:")
    if name not in _TOLD_AS:
        return None
    detail_type, reason = _TOLD_AS[name]
    is_removed, is_about = name.startswith(_REMOVED), name.startswith(_ABOUT)
    thing: dict[str, Any] = {"key": event.key}
    if not is_removed:
        thing |= {"etag": event.etag} if is_about else {"size": event.size, "etag": event.etag}
    if event.version is not None:
        thing["version-id"] = event.version
    if not is_about:
        thing["sequencer"] = sequencer(at)
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": event.bucket},
        "object": thing,
        "request-id": request_id[:16].upper(),
        "requester": account,
        "source-ip-address": event.peer,
    }
    if reason is not None:
        detail["reason"] = reason
    if is_removed:
        detail["deletion-type"] = "Delete Marker Created" if name.endswith("MarkerCreated") else "Permanently Deleted"
    return eventbridge.event(
        event_id=uuid4(int(request_id, 16)),
        source="aws.s3",
        detail_type=detail_type,
        detail=detail,
        at=at,
        region=event.region,
        account=account,
        resources=[bucket_arn(event.region, event.bucket)],
    )


def sequencer(at: datetime) -> str:
    """Hexadecimal text whose order for one key is that of its events."""
    return f"{int(at.timestamp() * 1_000_000):018X}"


def test_event(bucket: str, at: datetime, *, request_id: str) -> dict[str, Any]:
    """What queues and topics get when they are named in a bucket's configuration. [DOC] as above"""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso_time(at),
        "Bucket": bucket,
        "RequestId": request_id[:16].upper(),
        "HostId": request_id * 2,
    }
