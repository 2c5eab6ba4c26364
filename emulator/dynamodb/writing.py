"""PutItem, UpdateItem, DeleteItem, and the same inside transactions.

A write is prepared first (what is wrong with the request itself shows), checked against its table (keys, types, size)
and performed then (what depends on the stored item shows), since a transaction reports the three differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from streamer.aws_limits import ITEM_BYTES, attributes_bytes

from .backend import EmbeddedBackend
from .capacity import Cost, collection_metrics, wants_capacity
from .errors import condition_failed, validation_error
from .expressions.paths import project
from .expressions.request import Expressions, Test
from .expressions.syntax import Path
from .items import StoredItem
from .table import Table
from .values import Attributes, AttributeValue, Parameters, read_attributes, wire_attributes

Compute = Callable[[StoredItem | None], StoredItem | None]
"""What the item becomes; None: it is deleted, or not made."""

_CONDITION: Final = ("ConditionExpression",)
_UPDATE: Final = ("UpdateExpression", "ConditionExpression")


class Write(NamedTuple):
    """A write of one item, ready to be checked and performed."""

    table: Table
    key: Attributes
    """At least the key attributes, once `check` has passed."""
    check: Callable[[], None]
    """Raises ApiError if the request does not fit the table."""
    condition: Test | None
    compute: Compute | None
    """None: the write only checks the condition."""
    shows_item_on_failure: bool
    values: Attributes
    """ExpressionAttributeValues."""
    paths: tuple[Path, ...] = ()
    """Paths that an update touches."""

    @property
    def payload_bytes(self) -> int:
        """What it adds to the size of a transaction: what the request says, not what is stored.

        [USR] scylladb test_transact
        """
        return attributes_bytes(self.key) + attributes_bytes(self.values)

    @property
    def target(self) -> tuple[Any, ...]:
        """Table and key, to tell whether two writes are of the same item."""
        return self.table.target(self.key)

    def perform(self) -> tuple[StoredItem | None, StoredItem | None]:
        """Write, and return the item before and after.

        Raises:
            ApiError: the condition does not hold, or the stored item does not allow the update.
        """
        old = self.table.primary.get(self.key)
        if self.condition is not None and not self.condition({} if old is None else old.attrs):
            shown = wire_attributes(old.attrs) if old is not None and self.shows_item_on_failure else None
            raise condition_failed(shown)
        if self.compute is None:
            return old, old
        new = self.compute(old)
        if old is not None or new is not None:
            self.table.replace(old, new)
        return old, new


def prepare_put(backend: EmbeddedBackend, parameters: Parameters) -> Write:
    """PutItem."""
    expressions = Expressions(parameters, _CONDITION)
    attributes = read_attributes(parameters["Item"])
    size_bytes = attributes_bytes(attributes)
    if size_bytes > ITEM_BYTES:
        raise validation_error("Item size has exceeded the maximum allowed size")
    condition = expressions.condition()
    expressions.check_all_used()
    table = backend.get_table(parameters["TableName"])
    made: list[StoredItem] = []

    def check() -> None:
        table.check_paths(expressions.nested_heads)
        made.append(table.make_item(attributes, size_bytes=size_bytes))

    return Write(
        table,
        attributes,
        check,
        condition,
        lambda _old: made[-1],
        shows_item_on_failure(parameters),
        expressions.values,
    )


def prepare_delete(backend: EmbeddedBackend, parameters: Parameters) -> Write:
    """DeleteItem."""
    return _keyed(backend, parameters, lambda _old: None)


def prepare_check(backend: EmbeddedBackend, parameters: Parameters) -> Write:
    """ConditionCheck of a transaction."""
    return _keyed(backend, parameters, None)


def _keyed(backend: EmbeddedBackend, parameters: Parameters, compute: Compute | None) -> Write:
    expressions = Expressions(parameters, _CONDITION)
    key = read_attributes(parameters["Key"])
    condition = expressions.condition()
    expressions.check_all_used()
    table = backend.get_table(parameters["TableName"])

    def check() -> None:
        table.check_key(key)
        table.check_paths(expressions.nested_heads)

    return Write(table, key, check, condition, compute, shows_item_on_failure(parameters), expressions.values)


def prepare_update(backend: EmbeddedBackend, parameters: Parameters) -> Write:
    """UpdateItem."""
    expressions = Expressions(parameters, _UPDATE)
    key = read_attributes(parameters["Key"])
    update = expressions.update()
    condition = expressions.condition()
    expressions.check_all_used()
    table = backend.get_table(parameters["TableName"])

    def check() -> None:
        table.check_key(key)
        update.check_keys(table.key.names)
        table.check_paths(expressions.nested_heads)

    def compute(old: StoredItem | None) -> StoredItem | None:
        before: Attributes = key if old is None else old.attrs
        attributes = update.apply(before, expressions.values, is_new=old is None)
        if old is None and update.only_takes_away:
            return None
        return table.make_item(attributes, old, words="Item size to update", copied=update.copied)

    return Write(
        table, key, check, condition, compute, shows_item_on_failure(parameters), expressions.values, update.paths
    )


def shows_item_on_failure(parameters: Parameters) -> bool:
    """Whether the client wants to see the item for which a condition does not hold."""
    return bool(parameters.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")


PREPARE: Final = {
    "Put": prepare_put,
    "Update": prepare_update,
    "Delete": prepare_delete,
    "ConditionCheck": prepare_check,
}
"""By the member names of TransactWriteItems."""


def put_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """PutItem."""
    return _written(backend, parameters, prepare_put, "ReturnValues can only be ALL_OLD or NONE")


def delete_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """DeleteItem."""
    return _written(backend, parameters, prepare_delete, "Return values set to invalid value")


def _written(
    backend: EmbeddedBackend,
    parameters: Parameters,
    prepare: Callable[[EmbeddedBackend, Parameters], Write],
    refusal: str,
) -> dict[str, Any]:
    """Write a whole item; ``refusal`` tells that no other than the old one can be returned."""
    returns = str(parameters.get("ReturnValues", "NONE"))
    if returns not in ("NONE", "ALL_OLD"):
        raise validation_error(refusal)
    write = prepare(backend, parameters)
    write.check()
    old, new = write.perform()
    return _answer(parameters, write, old if returns == "ALL_OLD" else None, old, new)


def update_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """UpdateItem."""
    returns = str(parameters.get("ReturnValues", "NONE"))
    write = prepare_update(backend, parameters)
    write.check()
    old, new = write.perform()
    answer = _answer(parameters, write, None, old, new)
    shown = old if returns.endswith("OLD") else new
    if returns != "NONE" and shown is not None:
        attributes: Mapping[str, AttributeValue] = shown.attrs
        if not returns.startswith("ALL"):
            attributes = project(shown.attrs, write.paths)
        if attributes:
            answer["Attributes"] = wire_attributes(attributes)
    return answer


def _answer(
    parameters: Parameters, write: Write, shown: StoredItem | None, old: StoredItem | None, new: StoredItem | None
) -> dict[str, Any]:
    answer: dict[str, Any] = {} if shown is None else {"Attributes": wire_attributes(shown.attrs)}
    wanted = wants_capacity(parameters)
    if wanted is not None:
        cost = Cost(write.table)
        cost.add_write(old, new)
        answer["ConsumedCapacity"] = cost.shown(wanted)
    metrics = collection_metrics(parameters, write.table, write.key)
    if metrics is not None:
        answer["ItemCollectionMetrics"] = metrics
    return answer
