"""A table of the embedded DynamoDB: its definition, its items, its indexes, its stream.

Every write of every operation goes through `Table.replace`, so that indexes, the stream, expiry and undo see each
change exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from streamer.aws_limits import ITEM_BYTES, PARTITION_KEY_BYTES, SORT_KEY_BYTES

from .definitions import IndexDefinition, TableSettings
from .errors import ApiError, invalid_parameter, validation_error
from .expiry import ExpiryQueue
from .expressions.keys import KeySchema, empty_key
from .items import Keyed, StoredItem, keyed
from .partitions import KeyIndex, key_bytes
from .stream_records import TableStream
from .values import Attributes, AttributeValue


class Journal(Protocol):
    """What a table tells its owner."""

    def wrote(self, table: Table, old: StoredItem | None, new: StoredItem | None) -> None:
        """An item was replaced."""


class Index:
    """A secondary index and what is in it."""

    def __init__(self, definition: IndexDefinition, key: KeySchema, key_types: Mapping[str, str]) -> None:
        self.definition = definition
        self.projected = definition.projected(key.names)
        """Names of the attributes it holds; None: all."""
        self.entries = KeyIndex(definition.schema, key_types, key.names)

    def entry(self, item: StoredItem | None) -> StoredItem | None:
        """What the index holds of an item; None: nothing."""
        if item is None or not self.entries.holds(item.attrs):
            return None
        return item if self.projected is None else self._projection(item)

    def replace(self, old: StoredItem | None, new: StoredItem | None) -> None:
        """Note that an item was replaced."""
        self.entries.replace(old, new, None if self.projected is None else self.entry(new))

    def fill(self, items: Iterable[Keyed]) -> None:
        """Take in the items of the table that fit; the index has none of them."""
        self.entries.fill(items, None if self.projected is None else self._projection)

    def _projection(self, item: StoredItem) -> StoredItem:
        names = self.projected or ()
        return StoredItem({name: value for name, value in item.attrs.items() if name in names})


class Filling:
    """A new index of a table that is filled some items at a time, while the table goes on changing."""

    def __init__(self, table: Table, index: Index) -> None:
        """Of the table's items as they are now, none is in the index yet."""
        self.index = index
        self.is_whole = False
        """Whether it holds what it is to hold."""
        self._table = table
        self._left = iter(table.primary.items())

    def take(self, count: int) -> bool:
        """Take in so many of those items; whether any are left."""
        some = list(islice(self._left, count))
        for item in some:
            if self._table.primary.get(item.attrs) is item:  # else it was replaced meanwhile, as `replace` was told
                self.index.replace(None, item)
        self.is_whole = len(some) < count
        return not self.is_whole

    def replace(self, old: StoredItem | None, new: StoredItem | None) -> None:
        """Note that an item was replaced, which may be one of those that are left."""
        if old is not None:
            self.index.entries.discard(old)
        if new is not None:
            self.index.replace(None, new)

    def end(self) -> None:
        """Be told of no more writes."""
        self._table.filling = None


class Table:
    """One table."""

    def __init__(
        self,
        name: str,
        journal: Journal,
        *,
        arn: str,
        table_id: str,
        created_seconds: float,
        key: KeySchema,
        types: dict[str, str],
        indexes: Iterable[IndexDefinition],
        settings: TableSettings,
    ) -> None:
        """Make an empty table.

        Args:
            name: its name.
            journal: is told of each write.
            arn: its ARN.
            table_id: a UUID.
            created_seconds: Unix seconds.
            key: its primary key.
            types: of all key attributes, those of indexes included, by name.
            indexes: its indexes.
            settings: what `tables` keeps with it: billing, throughput, tags, protection and so on.
        """
        self.name = name
        self.arn = arn
        self.table_id = table_id
        self.created_seconds = created_seconds
        self.key = key
        self.key_types = types
        self.settings = settings
        self.indexes: dict[str, Index] = {}
        self.expiry: ExpiryQueue | None = None
        """Items by time of expiry; None while TTL is off."""
        self.stream: TableStream | None = None
        self.latest_stream: TableStream | None = None
        """Also one that was switched off."""
        self.filling: Filling | None = None
        """An index that is about to be added; None: there is none."""
        self._journal = journal
        self.primary = KeyIndex(key, types)
        self._note_keys()
        for definition in indexes:
            self.add_index(definition)

    def add_index(self, definition: IndexDefinition) -> None:
        """Add an index with what fits, filled ahead or now."""
        filling = self.filling
        if filling is not None and filling.is_whole and filling.index.definition == definition:
            index = filling.index
        else:
            index = Index(definition, self.key, self.key_types)
            index.fill(map(keyed, self.primary.scan()))
        self.indexes[definition.name] = index
        self._note_keys()

    def begin_filling(self, definition: IndexDefinition, types: Mapping[str, str]) -> Filling:
        """Begin to fill an index ahead of `add_index`; ``types`` are those that its key attributes will have."""
        self.filling = Filling(self, Index(definition, self.key, {**self.key_types, **types}))
        return self.filling

    def drop_index(self, name: str) -> None:
        """Remove an index, and the types of attributes that no key uses any more."""
        del self.indexes[name]
        self._note_keys()
        self.key_types = {name: kind for name, kind in self.key_types.items() if name in self.all_key_names}

    def _note_keys(self) -> None:
        names = [name for index in self.indexes.values() for name in index.definition.schema.names]
        self.all_key_names = frozenset([*self.key.names, *names])

    def index(self, name: str) -> Index:
        """The index with this name.

        Raises:
            ApiError: there is none.
        """
        try:
            return self.indexes[name]
        except KeyError:
            raise validation_error(f"The table does not have the specified index: {name}") from None

    @property
    def has_local_indexes(self) -> bool:
        """Whether its items form collections whose size AWS bounds."""
        return any(not index.definition.is_global for index in self.indexes.values())

    def set_expiry(self, attribute: str | None) -> None:
        """Expire items by this attribute; None switches TTL off."""
        self.expiry = None if attribute is None else ExpiryQueue(attribute)
        if self.expiry is not None:
            for item in self.primary.scan():
                self.expiry.add(item.attrs, self.key.names)

    def __len__(self) -> int:
        return len(self.primary)

    @property
    def lookup_names(self) -> frozenset[str]:
        """Names of the attributes by which items are found: of keys, of keys of indexes, of the time to live."""
        return self.all_key_names if self.expiry is None else self.all_key_names | {self.expiry.attribute}

    def fill(self, items: Sequence[Keyed]) -> None:
        """Take in items as they were kept, with keys that differ: no changes, so nobody is told of them.

        Args:
            items: with those of their attributes that `lookup_names` names and that are text, numbers or binary.
        """
        self.primary.fill(items)
        for index in self.indexes.values():
            index.fill(items)
        if self.expiry is not None:
            for attributes, _ in items:
                self.expiry.add(attributes, self.key.names)

    def target(self, key: Attributes) -> tuple[Any, ...]:
        """Table and key in a form in which equal keys are equal; the key has been checked."""
        return self.name, self.primary.hash_of(key), self.primary.sort_of(key)

    def find(self, key: Attributes) -> StoredItem | None:
        """The item with this key, which is checked against the schema."""
        self.check_key(key)
        return self.primary.get(key)

    def check_key(self, key: Attributes) -> None:
        """Raise ApiError unless these are the key attributes, of the right types, not empty and not too long."""
        names, types = self.key.names, self.key_types
        if len(key) != len(names) or any(name not in key or key[name][0] != types[name] for name in names):
            raise validation_error("The provided key element does not match the schema")
        for name in names:
            self._check_key_content(name, key[name])

    def _check_key_content(self, name: str, value: AttributeValue) -> None:
        kind, content = value
        if kind == "N":
            return
        if not content:
            raise empty_key(name, kind)
        limit = PARTITION_KEY_BYTES if name in self.key.hash_names else SORT_KEY_BYTES
        if len(content) * 4 > limit:
            _check_key_bytes(value, limit)

    def check_paths(self, nested_heads: Iterable[str]) -> None:
        """Raise ApiError if an expression looks into an attribute that is part of a key."""
        for name in nested_heads:
            if name in self.all_key_names:
                word = "Key" if name in self.key.names else "IndexKey"
                raise validation_error(
                    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
                    f"{word}: {name}"
                )

    def make_item(
        self,
        attributes: dict[str, AttributeValue],
        before: StoredItem | None = None,
        *,
        size_bytes: int | None = None,
        words: str = "Item size",
        copied: frozenset[str] = frozenset(),
    ) -> StoredItem:
        """An item of this table, checked against its keys, its indexes and the size limit.

        Args:
            attributes: all of its attributes.
            before: the item that it replaces by an update; keys of indexes that stay as they are are not checked.
            size_bytes: their size; None: it is measured.
            words: what the message about the size starts with.
            copied: names of attributes whose values an update took from the stored item; AWS has other words for them.

        Raises:
            ApiError: it breaks a rule.
        """
        for name in self.key.names:
            value = attributes.get(name)
            if value is None:
                raise invalid_parameter(f"Missing the key {name} in the item")
            if value[0] != self.key_types[name]:
                raise invalid_parameter(
                    f"Type mismatch for key {name} expected: {self.key_types[name]} actual: {value[0]}"
                )
            self._check_key_content(name, value)
        for index in self.indexes.values():
            self._check_index_keys(index.definition, attributes, before, copied)
        item = StoredItem(attributes, size_bytes) if before is None else before.changed_to(attributes)
        if item.size_bytes > ITEM_BYTES:
            raise validation_error(f"{words} has exceeded the maximum allowed size")
        return item

    def _check_index_keys(
        self, index: IndexDefinition, attributes: Attributes, before: StoredItem | None, copied: frozenset[str]
    ) -> None:
        for names, limit in ((index.schema.hash_names, PARTITION_KEY_BYTES), (index.schema.sort_names, SORT_KEY_BYTES)):
            for name in names:
                value = attributes.get(name)
                if value is None or (before is not None and before.attrs.get(name) is value):
                    continue
                kind, content = value
                if name in copied:
                    _check_copied_key(value, self.key_types[name], limit)
                if kind != self.key_types[name]:
                    raise invalid_parameter(
                        f"Type mismatch for Index Key {name} Expected: {self.key_types[name]} Actual: {kind} "
                        f"IndexName: {index.name}"
                    )
                if kind == "N":
                    continue
                if not content:
                    raise _empty_index_key(index.name, name, kind)
                if len(content) * 4 > limit:
                    _check_key_bytes(value, limit)

    def replace(self, old: StoredItem | None, new: StoredItem | None) -> None:
        """The one way an item is written: ``old`` (None: nothing) becomes ``new`` (None: deleted)."""
        self.primary.replace(old, new)
        for index in self.indexes.values():
            index.replace(old, new)
        if self.filling is not None:
            self.filling.replace(old, new)
        if self.expiry is not None:
            self.expiry.replace(old, new, self.key.names)
            if len(self.expiry) > 2 * len(self) + 1000:
                self.set_expiry(self.expiry.attribute)
        self._journal.wrote(self, old, new)


def _check_key_bytes(value: AttributeValue, limit: int) -> None:
    if key_bytes(value) <= limit:
        return
    if limit == PARTITION_KEY_BYTES:
        raise invalid_parameter(f"Size of hashkey has exceeded the maximum size limit of{limit} bytes")
    raise invalid_parameter(f"Aggregated size of all range keys has exceeded the size limit of {limit} bytes")


def _check_copied_key(value: AttributeValue, kind: str, limit: int) -> None:
    """[USR] dynalite; [DOC] TransactWriteItems: what an update finds out only when it reads the item."""
    words = None
    if value[0] != kind:
        words = "to unsupported type"
    elif kind != "N" and key_bytes(value) > limit:
        words = "beyond allowed size limits"
    if words is not None:
        raise validation_error(f"The update expression attempted to update the secondary index key {words}")


def _empty_index_key(index_name: str, name: str, kind: str) -> ApiError:
    word = "binary" if kind == "B" else "string"
    return validation_error(
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
        f"The AttributeValue for a key attribute cannot contain an empty {word} value. "
        f"IndexName: {index_name}, IndexKey: {name}"
    )
