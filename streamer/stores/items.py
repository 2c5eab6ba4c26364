"""Records as DynamoDB items and back. Pure; stream records carry them too, so `streamer.requests.runs` reads them.

Payloads, results and the like are kept as JSON text: DynamoDB's own numbers, sets and empty values would not give
back what was put in, and text reaches clients without being made anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from streamer.aws_limits import PARTITION_KEY_BYTES, SORT_KEY_BYTES
from streamer.protocol.messages import to_json
from streamer.records import (
    ConnectionRecord,
    Failure,
    Listener,
    ProgressPoint,
    RequestKey,
    RequestRecord,
    Status,
    SubscriptionRecord,
    audience_shard,
)

Value = dict[str, Any]
"""A typed attribute value: ``{"S": ...}``, ``{"N": ...}`` or, for a request's listeners, ``{"SS": [...]}``."""
Item = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Codec:
    """How one field becomes an attribute."""

    type: str
    """``S``, ``N`` or ``SS``."""
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]

    def encode(self, value: Any) -> Value:
        """The typed attribute value; never called with None, which is an absent attribute."""
        return {self.type: self.write(value)}

    def decode(self, value: Mapping[str, Any]) -> Any:
        """What `encode` was given."""
        return self.read(value[self.type])


def _dumped(value: Any) -> str:
    return to_json({name: part for name, part in asdict(value).items() if part is not None})


_TEXT: Final = Codec("S", str, str)
_WHOLE: Final = Codec("N", str, int)
_REAL: Final = Codec("N", repr, float)
_STATUS: Final = Codec("S", str, Status)
# As JSON text, not as a set: sets may neither be empty nor (as ids may not either) hold lone surrogates.
_NAMES: Final = Codec("S", lambda names: json.dumps(sorted(names)), lambda text: frozenset(json.loads(text)))
_PROGRESS: Final = Codec("S", _dumped, lambda text: ProgressPoint(**json.loads(text)))
_FAILURE: Final = Codec("S", _dumped, lambda text: Failure(**json.loads(text)))
# A set, because two connections may join at once; neither ids of connections nor URLs contain a blank.
_LISTENERS: Final = Codec(
    "SS",
    lambda listeners: sorted(f"{one.connection_id} {one.endpoint}" for one in listeners),
    lambda texts: frozenset(Listener(*text.split(" ", 1)) for text in texts),
)

TTL: Final = "ttl"
"""The attribute that DynamoDB expires items by."""

_CONNECTION: Final[Mapping[str, Codec]] = {
    "connection_id": _TEXT,
    "tenant_id": _TEXT,
    "user_id": _TEXT,
    "permissions": _NAMES,
    "endpoint": _TEXT,
    "source_ip": _TEXT,
    "user_agent": _TEXT,
    "connected_at": _REAL,
    "expires_at": _WHOLE,
}
_REQUEST: Final[Mapping[str, Codec]] = {
    "tenant_id": _TEXT,
    "user_id": _TEXT,
    "request_id": _TEXT,
    "action": _TEXT,
    "payload_json": _TEXT,
    "metadata_json": _TEXT,
    "payload_key": _TEXT,
    "permissions": _NAMES,
    "connection_id": _TEXT,
    "endpoint": _TEXT,
    "status": _STATUS,
    "attempt": _WHOLE,
    "max_attempts": _WHOLE,
    "created_at": _REAL,
    "updated_at": _REAL,
    "expires_at": _WHOLE,
    "due_at": _REAL,
    "runner": _TEXT,
    "progress": _PROGRESS,
    "told_percentage": _REAL,
    "result_json": _TEXT,
    "error": _FAILURE,
    "kept_seconds": _WHOLE,
    "listeners": _LISTENERS,
}
_SUBSCRIPTION: Final[Mapping[str, Codec]] = {
    "connection_id": _TEXT,
    "target": _TEXT,
    "endpoint": _TEXT,
    "expires_at": _WHOLE,
}
_ATTRIBUTES: Final = {
    "expires_at": TTL,
    "payload_json": "payload",
    "metadata_json": "metadata",
    "result_json": "result",
}


def attribute_of(field: str) -> str:
    """The attribute that holds a field of a record."""
    return _ATTRIBUTES.get(field, field)


def request_value(field: str, value: Any) -> Value:
    """One field of a request, as its attribute's value."""
    return _REQUEST[field].encode(value)


def sharded(name: str, shard: int, *, most_bytes: int) -> str | None:
    """The partition key of one shard of a tenant or target; None: the name leaves no room, all is in the first shard.

    That one has the plain name. No two shards of one name are alike; of different names they may be, so whoever reads
    one looks whose rows these are.
    """
    if shard == 0:
        return name
    key = f"{name}#{shard}"
    return key if len(key.encode(errors="surrogatepass")) <= most_bytes else None


def tenant_key(tenant_id: str, shard: int) -> str | None:
    """What the index of connections by tenant has for one of its shards; None: nothing."""
    return sharded(tenant_id, shard, most_bytes=PARTITION_KEY_BYTES)


def target_key(target: str, shard: int) -> str | None:
    """What the index of subscriptions has for one shard of a target; None: nothing. It is the table's sort key too."""
    return sharded(target, shard, most_bytes=SORT_KEY_BYTES)


def connection_item(record: ConnectionRecord) -> Item:
    """A connection as an item."""
    item = {"owner": _TEXT.encode(record.owner)} | _encoded(record, _CONNECTION)
    key = tenant_key(record.tenant_id, audience_shard(record.connection_id))
    if key is None or key == record.tenant_id:
        return item
    return item | {
        "tenant_id": _TEXT.encode(key),
        "tenant": _TEXT.encode(record.tenant_id),
        # Versions that know no shards would take the key for the tenant; a time that is text they cannot read.
        "connected_at": _TEXT.encode(repr(record.connected_at)),
    }


def connection_record(item: Mapping[str, Any]) -> ConnectionRecord:
    """The connection that an item holds."""
    if "tenant" in item:
        item = {**item, "tenant_id": item["tenant"], "connected_at": {"N": item["connected_at"]["S"]}}
    return ConnectionRecord(**_decoded(item, _CONNECTION))


def request_item(record: RequestRecord) -> Item:
    """A request as an item."""
    keys = {"owner": _TEXT.encode(record.owner), "shard": _TEXT.encode(record.key.shard)}
    return keys | _encoded(record, _REQUEST)


def request_record(item: Mapping[str, Any]) -> RequestRecord:
    """The request that an item holds."""
    return RequestRecord(**_decoded(item, _REQUEST))


def request_key_item(key: RequestKey) -> Item:
    """A request's key."""
    return {"owner": _TEXT.encode(key.owner), "request_id": _TEXT.encode(key.request_id)}


def request_key(item: Mapping[str, Any]) -> RequestKey:
    """The key of the request that an item, or an entry of an index, belongs to."""
    return RequestKey(_TEXT.decode(item["owner"]), _TEXT.decode(item["request_id"]))


def subscription_item(record: SubscriptionRecord) -> Item:
    """A subscription as an item."""
    item = _encoded(record, _SUBSCRIPTION)
    key = target_key(record.target, audience_shard(record.connection_id))
    if key is None or key == record.target:
        return item
    return item | {"target": _TEXT.encode(key), "subject": _TEXT.encode(record.target)}


def subscription_record(item: Mapping[str, Any]) -> SubscriptionRecord:
    """The subscription that an item holds."""
    if "subject" in item:
        item = {**item, "target": item["subject"]}
    return SubscriptionRecord(**_decoded(item, _SUBSCRIPTION))


def subscription_key(connection_id: str, target: str) -> Item:
    """The primary key of a subscription."""
    name = target_key(target, audience_shard(connection_id)) or target
    return {"connection_id": _TEXT.encode(connection_id), "target": _TEXT.encode(name)}


def _encoded(record: Any, codecs: Mapping[str, Codec]) -> Item:
    values = ((field, codec, getattr(record, field)) for field, codec in codecs.items())
    # DynamoDB knows no empty set: the attribute is absent then.
    return {
        attribute_of(field): codec.encode(value)
        for field, codec, value in values
        if value is not None and (codec is not _LISTENERS or value)
    }


def _decoded(item: Mapping[str, Any], codecs: Mapping[str, Codec]) -> dict[str, Any]:
    attributes = ((field, codec, item.get(attribute_of(field))) for field, codec in codecs.items())
    return {field: codec.decode(value) for field, codec, value in attributes if value is not None}
