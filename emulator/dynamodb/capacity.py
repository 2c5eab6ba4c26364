"""ConsumedCapacity and ItemCollectionMetrics: what an operation would cost on AWS. Pure.

[DOC] ddb-docs:CapacityUnitCalculations; [USR] scylladb's suite on which parts are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .items import StoredItem, bytes_of
from .table import Index, Table
from .values import Attributes, Json, wire_value


def read_units(size_bytes: int, *, consistent: bool, transaction: bool = False) -> float:
    """Units for reading that many bytes."""
    blocks = max(1, -(-size_bytes // 4096))
    return blocks * 2.0 if transaction else blocks * (1.0 if consistent else 0.5)


def write_units(size_bytes: int, *, transaction: bool = False) -> float:
    """Units for writing an item of that size (the larger of before and after)."""
    return max(1, -(-size_bytes // 1024)) * (2.0 if transaction else 1.0)


def wants_capacity(parameters: Mapping[str, Any]) -> str | None:
    """``TOTAL`` or ``INDEXES`` if the client wants to know, else None."""
    wanted = parameters.get("ReturnConsumedCapacity", "NONE")
    return None if wanted == "NONE" else str(wanted)


@dataclass(slots=True)
class Cost:
    """Units that one table and its indexes were used for."""

    table: Table
    split: str | None = None
    """``Read`` or ``Write`` in transactions, which say so; None elsewhere."""
    table_units: float = 0.0
    index_units: dict[str, float] = field(default_factory=dict)
    failed_units: float = 0.0
    """Of writes whose condition did not hold: they count in the total and in no part. [USR] dynoxide 188"""

    def add_read(self, item: StoredItem | None, *, consistent: bool, transaction: bool = False) -> None:
        """Count the read of an item, or of none, from the table."""
        self.table_units += read_units(bytes_of(item), consistent=consistent, transaction=transaction)

    def add_write(self, old: StoredItem | None, new: StoredItem | None, *, transaction: bool = False) -> None:
        """Count the write of an item, in the table and in each index that it changes.

        A transaction costs twice in the table and once in the indexes. [USR] dynoxide 188
        """
        self.table_units += write_units(max(bytes_of(old), bytes_of(new)), transaction=transaction)
        for name, index in self.table.indexes.items():
            units = _index_units(index, old, new)
            if units:
                self.index_units[name] = self.index_units.get(name, 0.0) + units

    def shown(self, wanted: str) -> Json:
        """As the API shows it."""
        total = self.table_units + sum(self.index_units.values()) + self.failed_units
        shown: Json = {"TableName": self.table.name, **self._units(total)}
        if wanted == "INDEXES":
            shown["Table"] = self._units(self.table_units)
            for name, units in self.index_units.items():
                is_global = self.table.indexes[name].definition.is_global
                member = "GlobalSecondaryIndexes" if is_global else "LocalSecondaryIndexes"
                shown.setdefault(member, {})[name] = self._units(units)
        return shown

    def _units(self, units: float) -> Json:
        shown: Json = {"CapacityUnits": units}
        if self.split is not None:
            shown[f"{self.split}CapacityUnits"] = units
        return shown


def _index_units(index: Index, old: StoredItem | None, new: StoredItem | None) -> float:
    """What a write costs in an index: nothing if its entry stays, twice if the entry moves. [DOC] ddb-docs:GSI"""
    before, after = index.entry(old), index.entry(new)
    if before is None and after is None:
        return 0.0
    if before is None or after is None:
        return write_units(max(bytes_of(before), bytes_of(after)))
    if before.same_as(after):
        return 0.0
    names = index.definition.schema.names
    if all(before.attrs[name] == after.attrs[name] for name in names):
        return write_units(max(before.size_bytes, after.size_bytes))
    return write_units(before.size_bytes) + write_units(after.size_bytes)


def consumed(costs: Iterable[Cost], parameters: Mapping[str, Any]) -> Json:
    """``ConsumedCapacity`` of several tables, if the client wants to know."""
    wanted = wants_capacity(parameters)
    return {} if wanted is None else {"ConsumedCapacity": [cost.shown(wanted) for cost in costs]}


def collection_metrics(parameters: Mapping[str, Any], table: Table, key: Attributes) -> Json | None:
    """``ItemCollectionMetrics`` of a written item; None: nobody asked, or the table has no local index.

    The estimate is AWS's least, up to one gigabyte.
    """
    if parameters.get("ReturnItemCollectionMetrics", "NONE") != "SIZE" or not table.has_local_indexes:
        return None
    (name,) = table.key.hash_names
    return {"ItemCollectionKey": {name: wire_value(key[name])}, "SizeEstimateRangeGB": [0.0, 1.0]}
