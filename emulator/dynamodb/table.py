"""A table of the embedded DynamoDB: moto's description and checks, our storage.

Every write of every operation goes through `EmbeddedTable.replace`, so that indexes, the stream, expiry and undo
see each change exactly once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, Self

from moto.dynamodb.models.table import Table

from .errors import invalid_parameter, validation_error
from .expiry import ExpiryQueue
from .items import StoredItem
from .partitions import KeyIndex
from .records import Stream
from .values import ITEM_BYTES


class Journal(Protocol):
    """What a table tells its owner."""

    history_records: int

    def now(self) -> float:
        """The time, in Unix seconds."""

    def stream_time(self, table_name: str) -> float:
        """When a stream that is switched on now was created: Unix seconds, later than all before of that table."""

    def wrote(self, table: EmbeddedTable, old: StoredItem | None, new: StoredItem | None) -> None:
        """An item was replaced."""

    def opened(self, stream: Stream) -> None:
        """A stream was switched on."""


class EmbeddedTable(Table):  # type: ignore[misc] # moto publishes no types
    """One table."""

    stream_specification: dict[str, Any]

    def __init__(self, table_name: str, journal: Journal, **description: Any) -> None:
        self.journal = journal
        self.expiry: ExpiryQueue | None = None
        """Items by time of expiry; None while TTL is off."""
        self.stream: Stream | None = None
        super().__init__(table_name, **description)
        self.created_at = datetime.fromtimestamp(journal.now(), UTC).replace(tzinfo=None)
        self.primary = KeyIndex([self.hash_key_attr], self.table_key_attrs[1:])
        self.by_index: dict[str, KeyIndex] = {}
        self.key_types: dict[str, str] = {}
        self.reindex()
        del self.items

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Skip moto's list of all instances."""
        return object.__new__(cls)

    def describe(self, base_key: str = "TableDescription") -> dict[str, Any]:
        """Moto's description, without what AWS leaves out and with the sizes, which moto gives as 0."""
        description: dict[str, Any] = super().describe(base_key)[base_key]
        description["TableSizeBytes"] = sum(item.size_bytes for item in self.primary.scan())
        for member in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            for index in description[member]:
                items = self.by_index[index["IndexName"]]
                index["IndexArn"] = f"{self.table_arn}/index/{index['IndexName']}"
                index["ItemCount"] = len(items)
                index["IndexSizeBytes"] = sum(item.size_bytes for item in items.scan())
            if not description[member]:
                del description[member]
        return {base_key: description}

    # indexes

    def reindex(self) -> None:
        """Make the indexes anew, after they or the attribute definitions changed."""
        self.key_types = {definition["AttributeName"]: definition["AttributeType"] for definition in self.attr}
        self.by_index = {}
        for index in self.all_indexes():
            hashes = [key["AttributeName"] for key in index.schema if key["KeyType"] == "HASH"]
            sorts = [key["AttributeName"] for key in index.schema if key["KeyType"] == "RANGE"]
            entries = KeyIndex(hashes, sorts, self.table_key_attrs)
            self.by_index[index.name] = entries
            for item in self.primary.scan():
                entries.replace(None, item)

    def keys_of(self, index_name: str | None) -> KeyIndex:
        """The items by the key of the table, or of one of its indexes.

        Raises:
            ApiError: there is no such index.
        """
        if index_name is None:
            return self.primary
        try:
            return self.by_index[index_name]
        except KeyError:
            raise validation_error(f"The table does not have the specified index: {index_name}") from None

    # streams

    def set_stream_specification(self, streams: dict[str, Any] | None) -> None:
        """Switch the stream on or off; one that is switched on gets a new label, and so a new ARN."""
        view_type = streams.get("StreamViewType") if streams else None
        if self.stream is not None:
            self.stream.closed = True
            self.stream = None
        if not streams or not (streams.get("StreamEnabled") or view_type):
            self.stream_specification = {"StreamEnabled": False}
            return
        if not view_type:
            raise invalid_parameter("StreamViewType is required when StreamEnabled is true")
        created = self.journal.stream_time(self.name)
        # [REC] the label is the time of creation in milliseconds, without a zone
        label = datetime.fromtimestamp(created, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        self.stream_specification = {"StreamEnabled": True, "StreamViewType": view_type}
        self.open_stream(label=label, created_seconds=created)

    def open_stream(self, *, label: str, created_seconds: float, first_sequence: int | None = None) -> Stream:
        """Start (or, after a restart, continue) the stream with this label."""
        self.latest_stream_label = label
        self.stream = Stream(
            arn=f"{self.table_arn}/stream/{label}",
            label=label,
            table_name=self.name,
            key_schema=self.schema,
            view_type=self.stream_specification["StreamViewType"],
            created_seconds=created_seconds,
            history_records=self.journal.history_records,
            first_sequence=first_sequence,
        )
        self.journal.opened(self.stream)
        return self.stream

    # expiry

    def set_expiry(self, attribute: str | None) -> None:
        """Expire items by this attribute; None switches TTL off."""
        self.expiry = None if attribute is None else ExpiryQueue(attribute)
        if self.expiry is not None:
            for item in self.primary.scan():
                self.expiry.replace(None, item, self.primary.required)

    # items

    def __len__(self) -> int:
        return len(self.primary)

    def all_items(self) -> list[StoredItem]:
        """Every item, sorted by key."""
        return list(self.primary.scan())

    def has_idx_items(self, index_name: str) -> list[StoredItem]:
        """Every item in an index."""
        return list(self.keys_of(index_name).scan())

    def find(self, key: Mapping[str, Any]) -> StoredItem | None:
        """The item with these key attributes (`DynamoType`), which are checked against the schema."""
        self.check_key(key)
        return self.primary.get(key)

    def check_key(self, key: Mapping[str, Any]) -> None:
        """Raise ApiError unless these are the key attributes, of the right types and not empty."""
        names = self.table_key_attrs
        if len(key) != len(names) or any(name not in key or key[name].type != self.key_types[name] for name in names):
            raise validation_error("The provided key element does not match the schema")
        for name in names:
            if key[name].value in ("", b""):
                raise validation_error(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
                    f"an empty string value. Key: {name}"
                )

    def make_item(self, attributes: Mapping[str, Any], *, words: str = "Item size") -> StoredItem:
        """An item of this table, checked against its keys, its indexes and the size limit."""
        for name in self.table_key_attrs:
            if name not in attributes:
                raise invalid_parameter(f"Missing the key {name} in the item")
        sort_name = self.range_key_attr
        sort_source = None if sort_name is None else attributes[sort_name]
        item = StoredItem(attributes[self.hash_key_attr], sort_source, attributes)
        item.hash_key = item.attrs[self.hash_key_attr]
        item.range_key = None if sort_name is None else item.attrs[sort_name]
        self._check_types(item)
        self._check_index_keys(item)
        if item.size_bytes > ITEM_BYTES:
            raise validation_error(f"{words} has exceeded the maximum allowed size")
        return item

    def _check_types(self, item: StoredItem) -> None:
        for name, limit, words in zip(
            self.table_key_attrs, (2048, 1024), ("Size of hashkey", "Aggregated size of all range keys"), strict=False
        ):
            value = item.attrs[name]
            expected = self.key_types[name]
            if value.type != expected:
                raise invalid_parameter(f"Type mismatch for key {name} expected: {expected} actual: {value.type}")
            if value.value in ("", b""):
                raise invalid_parameter(f"An AttributeValue may not contain an empty string. Key: {name}")
            if value.type != "N" and len(value.value) * 4 > limit and value.size() > limit:
                suffix = f"has exceeded the maximum size limit of{limit} bytes"
                if limit == 1024:
                    suffix = f"has exceeded the size limit of {limit} bytes"
                raise invalid_parameter(f"{words} {suffix}")

    def _check_index_keys(self, item: StoredItem) -> None:
        for index_name, entries in self.by_index.items():
            for name in entries.required:
                value = item.attrs.get(name)
                if value is None:
                    continue
                if value.type != self.key_types[name]:
                    raise invalid_parameter(
                        f"Type mismatch for Index Key {name} Expected: {self.key_types[name]} Actual: {value.type} "
                        f"IndexName: {index_name}"
                    )
                if value.value in ("", b""):
                    raise validation_error(
                        "One or more parameter values are not valid. A value specified for a secondary index key is "
                        "not supported. The AttributeValue for a key attribute cannot contain an empty string value. "
                        f"IndexName: {index_name}, IndexKey: {name}"
                    )

    def replace(self, old: StoredItem | None, new: StoredItem | None) -> None:
        """The one way an item is written: ``old`` (None: nothing) becomes ``new`` (None: deleted)."""
        self.primary.replace(old, new)
        for entries in self.by_index.values():
            entries.replace(old, new)
        if self.expiry is not None:
            self.expiry.replace(old, new, self.primary.required)
            if len(self.expiry) > 2 * len(self) + 1000:
                self.set_expiry(self.expiry.attribute)
        self.journal.wrote(self, old, new)

    # what moto's own operations (legacy parameters, PartiQL, imports) call

    def get_item(
        self, hash_key: Any, range_key: Any = None, projection_expression: list[list[str]] | None = None
    ) -> StoredItem | None:
        """The item with this key, under moto's name for it."""
        key = {self.hash_key_attr: hash_key}
        if self.range_key_attr is not None:
            if range_key is None:
                raise validation_error("The provided key element does not match the schema")
            key[self.range_key_attr] = range_key
        item = self.find(key)
        return item.project(projection_expression) if item is not None and projection_expression else item

    def put_item(self, item_attrs: dict[str, Any]) -> StoredItem:
        """Put an item without conditions, under moto's name for it."""
        new = self.make_item(item_attrs)
        self.replace(self.primary.get(new.attrs), new)
        return new

    def delete_item(self, hash_key: Any, range_key: Any) -> StoredItem | None:
        """Delete an item, under moto's name for it; None if there was none."""
        old = self.get_item(hash_key, range_key)
        if old is not None:
            self.replace(old, None)
        return old
