"""Query and Scan."""

from __future__ import annotations

import operator
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from .backend import EmbeddedBackend
from .capacity import Cost, read_units, wants_capacity
from .errors import ApiError, invalid_parameter, validation_error
from .expressions.keys import KeyCondition, place
from .expressions.paths import project
from .expressions.request import Expressions, Test
from .expressions.syntax import Path
from .items import StoredItem
from .partitions import Bounds, KeyIndex, bounds_of, everything
from .table import Index, Table
from .values import Attributes, AttributeValue, Parameters, read_attributes, shown, sort_value, wire_attributes

PAGE_BYTES: Final = 1024 * 1024
"""Bytes of items that one Query or Scan reads. [DOC] ddb-docs:Query.Pagination"""
_QUERY: Final = ("ProjectionExpression", "FilterExpression", "KeyConditionExpression")
_SCAN: Final = ("ProjectionExpression", "FilterExpression")


class SearchSource:
    """The table or index that a Query or Scan reads."""

    def __init__(self, table: Table, parameters: Parameters) -> None:
        self.table = table
        name = parameters.get("IndexName")
        self.index: Index | None = None if name is None else table.index(name)
        self.keys: KeyIndex = table.primary if self.index is None else self.index.entries
        self.is_global = self.index is not None and self.index.definition.is_global
        if self.is_global and parameters.get("ConsistentRead"):
            raise validation_error("Consistent reads are not supported on global secondary indexes")
        self.start_names = tuple(dict.fromkeys((*table.key.names, *self.keys.schema.names)))

    def start(self, raw: Attributes | None) -> Attributes | None:
        """ExclusiveStartKey, checked against the keys."""
        if raw is None:
            return None
        types = self.table.key_types
        if raw.keys() != set(self.start_names):
            raise validation_error("The provided starting key is invalid")
        if any(raw[name].type != types[name] for name in self.start_names):
            raise validation_error("The provided key element does not match the schema")
        try:
            self.table.check_key({name: raw[name] for name in self.table.key.names})
        except ApiError as error:
            raise validation_error(f"The provided starting key is invalid: {error.message}") from error
        if self.index is not None and not self.keys.holds(raw):
            raise validation_error("The provided starting key is invalid")
        return raw

    def fetches(self, paths: Iterable[Path] | None, *, wants_all: bool) -> bool:
        """Whether items are fetched from the table, because the index does not hold what was asked for.

        Raises:
            ApiError: a global index, which never fetches, was asked. [DOC] ddb-docs:GSI; [USR] scylladb test_gsi
        """
        if self.index is None or self.index.projected is None:
            return False
        missing = [
            name for name in dict.fromkeys(str(path[0]) for path in paths or ()) if name not in self.index.projected
        ]
        if not missing and not wants_all:
            return False
        if not self.is_global:
            return True
        name = self.index.definition.name
        if wants_all:
            raise invalid_parameter(
                f"Select type ALL_ATTRIBUTES is not supported for global secondary index {name} because its projection "
                "type is not ALL"
            )
        raise invalid_parameter(f"Global secondary index {name} does not project [{', '.join(missing)}]")

    def last_key(self, item: StoredItem) -> dict[str, Any]:
        """LastEvaluatedKey after this item."""
        return wire_attributes({name: item.attrs[name] for name in self.start_names})


def query(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """Items of one partition, in the order of the sort key; costs what it reads."""
    expressions = Expressions(parameters, _QUERY)
    is_legacy = "KeyConditionExpression" not in parameters
    if is_legacy:
        expressions.filter("QueryFilter")  # AWS looks at the older parameters before the starting key
        if "AttributesToGet" in parameters:
            expressions.projection()
    start = _read_start(parameters)
    find_conditions = expressions.key_conditions()
    test = expressions.filter("QueryFilter")
    paths = expressions.projection()
    expressions.check_all_used()
    conditions = find_conditions()
    _check_select(parameters)
    table = backend.get_table(parameters["TableName"])
    source = SearchSource(table, parameters)
    start = source.start(start)
    hashes, ranges = place(conditions, source.keys.schema, table.key_types)
    if start is not None:
        if source.index is None and not table.key.sort_names:
            # [USR] scylladb test_query: nothing can follow in a partition of one item
            listed = ", ".join(f"{name}=AttributeValue: {shown(value)}" for name, value in start.items())
            raise validation_error(f"The provided exclusive start key is invalid: ExclusiveStartKey: {{{listed}}}")
        _check_inside(source, start, hashes, ranges)
    expressions.check_filter(source.keys.schema.names)
    if source.index is not None and source.index.projected is not None:
        expressions.check_filter_is_held(source.index.definition.name, source.index.projected)
    fetches = source.fetches(paths, wants_all=parameters.get("Select") == "ALL_ATTRIBUTES")
    table.check_paths(expressions.nested_heads)
    partition = source.keys.partition(tuple([sort_value(value) for value in hashes]))
    bounds: Bounds = everything
    if ranges:
        last = ranges[-1]
        equal = [sort_value(condition.values[0]) for condition in ranges[:-1]]
        bounds = bounds_of(equal, last.operator, [sort_value(value) for value in last.values])
    forward = parameters.get("ScanIndexForward", True)
    position = None if start is None else source.keys.sort_of(start)
    found = partition.span(bounds, position, forward=forward)
    return _page(source, parameters, found, test, paths, fetches=fetches)


def _read_start(parameters: Parameters) -> Attributes | None:
    raw = parameters.get("ExclusiveStartKey")
    try:
        return None if raw is None else read_attributes(raw)
    except ApiError as error:
        if error.code != "ValidationException" or any(words in error.message for words in _PLAIN):
            raise
        raise validation_error(f"The provided starting key is invalid: {error.message}") from error


_PLAIN: Final = ("contains duplicates", "number set", "numeric value", "significant digits", "number with magnitude")
"""Faults of a starting key that AWS tells as they are. [USR] dynalite"""


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def _is_met(condition: KeyCondition, value: AttributeValue) -> bool:
    found, given = sort_value(value), [sort_value(each) for each in condition.values]
    if condition.operator == "begins_with":
        return bool(found.startswith(given[0]))
    if condition.operator == "BETWEEN":
        return bool(given[0] <= found <= given[1])
    return _COMPARE[condition.operator](found, given[0])


def _check_inside(
    source: SearchSource, start: Attributes, hashes: Sequence[AttributeValue], ranges: Sequence[KeyCondition]
) -> None:
    """Raise ApiError unless a starting key is one that the query could have ended at. [USR] dynalite"""
    for condition in ranges:
        if not _is_met(condition, start[condition.name]):
            raise validation_error("The provided starting key does not match the range key predicate")
    if [start[name] for name in source.keys.hash_names] != list(hashes):
        raise validation_error(
            "The query can return at most one row and cannot be restarted"
            if ranges
            else "The provided starting key is outside query boundaries based on provided conditions"
        )


def scan(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """All items of a table or index, or of one segment of it."""
    expressions = Expressions(parameters, _SCAN)
    if "ScanFilter" in parameters:
        expressions.filter("ScanFilter")  # AWS looks at the older parameters before the starting key
    if "AttributesToGet" in parameters:
        expressions.projection()
    start = _read_start(parameters)
    _check_segment(parameters)
    test = expressions.filter("ScanFilter")
    paths = expressions.projection()
    expressions.check_all_used()
    _check_select(parameters)
    table = backend.get_table(parameters["TableName"])
    source = SearchSource(table, parameters)
    start = source.start(start)
    fetches = source.fetches(paths, wants_all=parameters.get("Select") == "ALL_ATTRIBUTES")
    table.check_paths(expressions.nested_heads)
    items: Iterable[StoredItem] = source.keys.scan(start)
    segment, segments = parameters.get("Segment"), parameters.get("TotalSegments")
    if segment is not None and segments is not None:
        if start is not None and _segment_of(source, start, segments) != segment:
            raise validation_error(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with "
                f"correct Segment. TotalSegments: {segments} Segment: {segment}"
            )
        items = (item for item in items if _segment_of(source, item.attrs, segments) == segment)
    return _page(source, parameters, items, test, paths, fetches=fetches)


def _check_segment(parameters: Parameters) -> None:
    segment, segments = parameters.get("Segment"), parameters.get("TotalSegments")
    if segment is not None and segments is None:
        raise validation_error(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is "
            "present"
        )
    if segments is not None and segment is None:
        raise validation_error(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is "
            "present"
        )
    if segment is not None and segments is not None and segment >= segments:
        raise validation_error(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {segments}"
        )


def _segment_of(source: SearchSource, attributes: Attributes, segments: int) -> int:
    """The segment of an item: that of its partition, so that a page never ends inside of two."""
    text = repr([str(attributes[name].content) for name in source.keys.hash_names])
    return zlib.crc32(text.encode()) % segments


def _check_select(parameters: Parameters) -> None:
    """Raise ApiError if Select and what it selects contradict each other. [USR] moto's aws_verified tests"""
    select = parameters.get("Select")
    member = next((name for name in ("ProjectionExpression", "AttributesToGet") if name in parameters), None)
    if select == "SPECIFIC_ATTRIBUTES" and member is None:
        raise validation_error(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if select not in (None, "SPECIFIC_ATTRIBUTES") and member is not None:
        what = "only the Count" if select == "COUNT" else select
        raise validation_error(f"Cannot specify the {member} when choosing to get {what}")
    if select == "ALL_PROJECTED_ATTRIBUTES" and "IndexName" not in parameters:
        raise validation_error("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")


def _page(
    source: SearchSource,
    parameters: Parameters,
    items: Iterable[StoredItem],
    test: Test | None,
    paths: list[Path] | None,
    *,
    fetches: bool,
) -> dict[str, Any]:
    read, size_bytes, more = read_page(items, parameters.get("Limit"))
    found = [source.table.primary.get(item.attrs) or item for item in read] if fetches else read
    kept = [item.attrs for item in found if test is None or test(item.attrs)]
    answer: dict[str, Any] = {"Count": len(kept), "ScannedCount": len(read)}
    if parameters.get("Select") != "COUNT":
        answer["Items"] = [
            wire_attributes(attributes if paths is None else project(attributes, paths)) for attributes in kept
        ]
    if more:
        answer["LastEvaluatedKey"] = source.last_key(read[-1])
    return answer | page_cost(source, size_bytes, found if fetches else (), parameters)


def page_cost(
    source: SearchSource, size_bytes: int, fetched: Iterable[StoredItem], parameters: Parameters
) -> dict[str, Any]:
    """``ConsumedCapacity`` of a page, if the client wants to know.

    It is of the bytes that were read, and of each item that was fetched from the table beside an index.
    """
    wanted = wants_capacity(parameters)
    if wanted is None:
        return {}
    consistent = parameters.get("ConsistentRead", False)
    units = read_units(size_bytes, consistent=consistent)
    if source.index is None:
        cost = Cost(source.table, table_units=units)
    else:
        extra = sum([read_units(item.size_bytes, consistent=consistent) for item in fetched], 0.0)
        cost = Cost(source.table, table_units=extra, index_units={source.index.definition.name: units})
    return {"ConsumedCapacity": cost.shown(wanted)}


def read_page(items: Iterable[StoredItem], limit: int | None) -> tuple[list[StoredItem], int, bool]:
    """The items of one page, their bytes, and whether the page ended before the items did."""
    read: list[StoredItem] = []
    size_bytes = 0
    for item in items:
        if size_bytes + item.size_bytes > PAGE_BYTES and read:
            return read, size_bytes, True
        read.append(item)
        size_bytes += item.size_bytes
        if len(read) == limit:
            # [USR] AWS does not look whether anything follows, so the next page may be empty.
            return read, size_bytes, True
    return read, size_bytes, False
