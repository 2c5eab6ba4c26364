"""PutItem, UpdateItem, DeleteItem, and the same inside transactions and batches.

A write is prepared first (everything that is wrong with the request itself shows) and performed then (what depends
on the stored item shows), since a transaction reports the two differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .backend import EmbeddedBackend
from .capacity import consumed, wants_capacity, write_units
from .errors import condition_failed, validation_error
from .expressions import Expressions, Test
from .items import StoredItem
from .paths import Path, project
from .table import EmbeddedTable
from .values import attribute_values, wire_attributes

Parameters = Mapping[str, Any]
Compute = Callable[[StoredItem | None], StoredItem | None]
"""What the item becomes; None: it is deleted."""


@dataclass(frozen=True, slots=True)
class Write:
    """A write of one item, ready to be performed."""

    table: EmbeddedTable
    key: Mapping[str, Any]
    condition: Test
    compute: Compute | None
    """None: the write only checks the condition."""
    shows_item_on_failure: bool
    paths: tuple[Path, ...] = ()
    """Paths that an update touches."""

    @property
    def target(self) -> tuple[Any, ...]:
        """Table and key, to tell whether two writes are of the same item."""
        primary = self.table.primary
        return self.table.name, primary.hash_of(self.key), primary.sort_of(self.key)

    def perform(self) -> tuple[StoredItem | None, StoredItem | None]:
        """Write, and return the item before and after.

        Raises:
            ApiError: the condition does not hold, or the stored item does not allow the update.
        """
        old = self.table.primary.get(self.key)
        if not self.condition({} if old is None else old.attrs):
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
    table = backend.get_table(parameters["TableName"])
    item = table.make_item(parameters["Item"])
    return _write(table, item.attrs, parameters, Expressions(parameters), lambda _old: item)


def prepare_delete(backend: EmbeddedBackend, parameters: Parameters) -> Write:
    """DeleteItem."""
    table, key = _table_and_key(backend, parameters)
    return _write(table, key, parameters, Expressions(parameters), lambda _old: None)


def prepare_check(backend: EmbeddedBackend, parameters: Parameters) -> Write:
    """ConditionCheck of a transaction."""
    table, key = _table_and_key(backend, parameters)
    return _write(table, key, parameters, Expressions(parameters), None)


def prepare_update(backend: EmbeddedBackend, parameters: Parameters) -> Write:
    """UpdateItem."""
    table, key = _table_and_key(backend, parameters)
    expressions = Expressions(parameters)
    update = expressions.update(tuple(table.table_key_attrs))

    def compute(old: StoredItem | None) -> StoredItem:
        attributes = update.apply(key if old is None else old.attrs, expressions.values)
        return table.make_item(attributes, words="Item size to update")

    return _write(table, key, parameters, expressions, compute, paths=tuple(update.paths))


def _table_and_key(backend: EmbeddedBackend, parameters: Parameters) -> tuple[EmbeddedTable, dict[str, Any]]:
    table = backend.get_table(parameters["TableName"])
    key = attribute_values(parameters["Key"])
    table.check_key(key)
    return table, key


def _write(
    table: EmbeddedTable,
    key: Mapping[str, Any],
    parameters: Parameters,
    expressions: Expressions,
    compute: Compute | None,
    *,
    paths: tuple[Path, ...] = (),
) -> Write:
    condition = expressions.condition()
    expressions.check_all_used()
    shows = parameters.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return Write(table, key, condition, compute, shows, paths)


PREPARE: Final = {
    "Put": prepare_put,
    "Update": prepare_update,
    "Delete": prepare_delete,
    "ConditionCheck": prepare_check,
}
"""By the member names of TransactWriteItems."""


def put_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """PutItem."""
    returns = _return_values(parameters, "ALL_OLD")
    old, new = prepare_put(backend, parameters).perform()
    return _answer(parameters, old if returns == "ALL_OLD" else None, old, new)


def delete_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """DeleteItem."""
    returns = _return_values(parameters, "ALL_OLD")
    old, new = prepare_delete(backend, parameters).perform()
    return _answer(parameters, old if returns == "ALL_OLD" else None, old, new)


def update_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """UpdateItem."""
    returns = _return_values(parameters, "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")
    write = prepare_update(backend, parameters)
    old, new = write.perform()
    answer = _answer(parameters, None, old, new)
    shown = old if returns.endswith("OLD") else new
    if returns != "NONE" and shown is not None:
        attributes = shown.attrs if returns.startswith("ALL") else project(shown.attrs, write.paths)
        if attributes:
            answer["Attributes"] = attributes
    return answer


def _return_values(parameters: Parameters, *allowed: str) -> str:
    returns = str(parameters.get("ReturnValues", "NONE"))
    if returns != "NONE" and returns not in allowed:
        raise validation_error("Return values set to invalid value")
    return returns


def _answer(
    parameters: Parameters, shown: StoredItem | None, old: StoredItem | None, new: StoredItem | None
) -> dict[str, Any]:
    answer: dict[str, Any] = {} if shown is None else {"Attributes": shown.attrs}
    wanted = wants_capacity(parameters)
    if wanted is not None:
        size_bytes = max(0 if item is None else item.size_bytes for item in (old, new))
        answer["ConsumedCapacity"] = consumed(wanted, parameters["TableName"], write_units(size_bytes))
    return answer
