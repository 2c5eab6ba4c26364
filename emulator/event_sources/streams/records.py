"""Stream records as Lambda delivers them, made from what ``GetRecords`` returns or an engine pushes. Pure.

The embedded engine's records have AWS's shape already; those of other endpoints get it once, when they are read.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.aws_limits import attributes_bytes

from ...foundation.json_bytes import json_text

EVENT_VERSION: Final = "1.1"
"""``eventVersion`` of every record. [REC] I1"""

_EVENT_ID: Final = re.compile(r"[0-9a-f]{32}")
_FINE_LABEL: Final = re.compile(r"(/stream/.*\.\d{3})\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One record, ready to be delivered: its JSON is made once, however often it is sent."""

    sequence_number: str
    """The engine's own; what ``batchItemFailures`` names and what an iterator is reopened at."""
    item: str
    """The partition key's value; records of equal ``item`` stay in order. [DOC] I13"""
    created_at: float
    """``ApproximateCreationDateTime``, Unix seconds."""
    body: bytes
    """The record as UTF-8 JSON."""
    event: Mapping[str, Any] = field(repr=False, compare=False)
    """The record as filters see it."""
    aged_from: float | None = None
    """When it was created by the clock that its age is counted by, which nobody sets; None: by the Unix clock."""
    previous: str | None = None
    """Sequence number of the record before it in its shard; None: it is the first that was read."""

    @property
    def since(self) -> float:
        """From when its age is counted."""
        return self.created_at if self.aged_from is None else self.aged_from


def stream_record(
    record: Mapping[str, Any], *, stream_arn: str, partition_key: str, previous: str | None = None
) -> EventRecord:
    """A record as a function receives it, in AWS's key order. [REC] I1, I7, I11

    Args:
        record: an element of ``Records`` of ``GetRecords``, in AWS's shape: the embedded engine's, or `corrected`.
        stream_arn: goes into ``eventSourceARN`` and says the region.
        partition_key: name of the table's partition key attribute.
        previous: sequence number of the record that was read before it; None: it is the first.
    """
    change = record["dynamodb"]
    event: dict[str, Any] = {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": EVENT_VERSION,
        "eventSource": "aws:dynamodb",
        "awsRegion": stream_arn.split(":")[3],
        "dynamodb": change,
    }
    if identity := record.get("userIdentity"):
        # [DOC] I11: GetRecords says Type and PrincipalId, the Lambda event type and principalId.
        event["userIdentity"] = {"type": identity["Type"], "principalId": identity["PrincipalId"]}
    # [REC] I7: the label has milliseconds; moto's has microseconds.
    event["eventSourceARN"] = _FINE_LABEL.sub(r"\1", stream_arn)
    return EventRecord(
        sequence_number=change["SequenceNumber"],
        item=json.dumps(change["Keys"].get(partition_key)),
        created_at=change["ApproximateCreationDateTime"],
        body=json_text(event).encode("ascii"),
        event=event,
        previous=previous,
    )


_NEW_VIEWS: Final = frozenset({"NEW_IMAGE", "NEW_AND_OLD_IMAGES"})
_OLD_VIEWS: Final = frozenset({"OLD_IMAGE", "NEW_AND_OLD_IMAGES"})


def corrected(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A record of any endpoint, parsed by botocore, as AWS's GetRecords has it in JSON. [REC] I2, I3, I5, I6, I8

    Other engines differ from AWS in casing, key order, time format, size, ids and blobs.
    """
    source = raw["dynamodb"]
    view = str(source.get("StreamViewType", "NEW_AND_OLD_IMAGES"))
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": _whole_seconds(source.get("ApproximateCreationDateTime", 0)),
        "Keys": _wire_attributes(source.get("Keys") or {}),
    }
    # [DOC] I8: an image that the view excludes, or that the event does not have, is absent rather than null.
    for name, views in (("NewImage", _NEW_VIEWS), ("OldImage", _OLD_VIEWS)):
        if source.get(name) and view in views:
            change[name] = _wire_attributes(source[name])
    size_bytes = sum(attributes_bytes(change[name]) for name in ("Keys", "NewImage", "OldImage") if name in change)
    change |= {"SequenceNumber": str(source["SequenceNumber"]), "SizeBytes": size_bytes, "StreamViewType": view}
    record = {"eventID": _event_id(raw), "eventName": raw["eventName"], "dynamodb": change}
    if identity := raw.get("userIdentity"):
        upper = {name[:1].upper() + name[1:]: value for name, value in identity.items()}
        record["userIdentity"] = {name: upper.get(name) for name in ("Type", "PrincipalId")}
    return record


def _event_id(raw: Mapping[str, Any]) -> str:
    given = str(raw.get("eventID", "")).replace("-", "").lower()
    if _EVENT_ID.fullmatch(given):
        return given
    # Other engines count, or send nothing; the same record must have the same id each time it is read.
    identity = f"{given}/{raw['dynamodb']['SequenceNumber']}"
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _whole_seconds(given: Any) -> float:
    if isinstance(given, datetime.datetime):
        aware = given if given.tzinfo is not None else given.replace(tzinfo=datetime.UTC)
        return float(int(aware.timestamp()))
    if isinstance(given, str) and not given.replace(".", "", 1).isdigit():
        return _whole_seconds(datetime.datetime.fromisoformat(given))
    return float(int(float(given)))


def _wire_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _wire_value(value) for name, value in attributes.items()}


def _wire_value(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    match kind:
        case "M":
            return {"M": _wire_attributes(content)}
        case "L":
            return {"L": [_wire_value(element) for element in content]}
        case "B":
            return {"B": _base64(content)}
        case "BS":
            return {"BS": [_base64(element) for element in content]}
        case "SS" | "NS":
            return {kind: list(content)}
        case _:
            return {kind: content}


def _base64(content: Any) -> str:
    if isinstance(content, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(content)).decode("ascii")
    # An engine's own representation is base64 already; botocore's Binary holds bytes.
    return content if isinstance(content, str) else _base64(content.value)
