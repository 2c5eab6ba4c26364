"""GetItem, BatchGetItem, TransactGetItems, Query and Scan."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from moto.dynamodb.responses import validate_select

from .backend import EmbeddedBackend
from .capacity import consumed, read_units, wants_capacity
from .errors import validation_error
from .expressions import Expressions, KeyConditions, Test, check_key_types
from .items import StoredItem
from .legacy import key_conditions
from .partitions import Bounds, KeyIndex, bounds_of, everything
from .paths import Path, project
from .table import EmbeddedTable
from .transactions import TRANSACTION_ITEMS, check_length
from .values import attribute_values, sort_value

Parameters = Mapping[str, Any]

PAGE_BYTES: Final = 1024 * 1024
"""Bytes of items that one Query or Scan reads. [DOC] ddb-docs:Query.Pagination"""
BATCH_KEYS: Final = 100
"""Keys of one BatchGetItem. [DOC] BatchGetItem"""
BATCH_BYTES: Final = 16 * 1024 * 1024
"""Bytes of one BatchGetItem's answer. [DOC] BatchGetItem"""


def get_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """GetItem."""
    table, item, attributes = _get(backend, parameters)
    answer: dict[str, Any] = {} if attributes is None else {"Item": attributes}
    wanted = wants_capacity(parameters)
    if wanted is not None:
        size_bytes = 0 if item is None else item.size_bytes
        units = read_units(size_bytes, consistent=parameters.get("ConsistentRead", False))
        answer["ConsumedCapacity"] = consumed(wanted, table.name, units)
    return answer


def _get(
    backend: EmbeddedBackend, parameters: Parameters
) -> tuple[EmbeddedTable, StoredItem | None, Mapping[str, Any] | None]:
    table = backend.get_table(parameters["TableName"])
    item = table.find(attribute_values(parameters["Key"]))
    paths = _projection(parameters)
    if item is None:
        return table, None, None
    return table, item, item.attrs if paths is None else project(item.attrs, paths)


def _projection(parameters: Parameters) -> list[Path] | None:
    if not parameters.keys() & {"ProjectionExpression", "AttributesToGet", "ExpressionAttributeNames"}:
        return None
    if "ProjectionExpression" not in parameters and "ExpressionAttributeNames" in parameters:
        raise validation_error("ExpressionAttributeNames can only be specified when using expressions")
    expressions = Expressions(parameters)
    paths = expressions.projection()
    expressions.check_all_used()
    return paths


def batch_get_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """Up to 100 items of any tables; what would exceed 16 MB comes back as UnprocessedKeys."""
    requests = parameters["RequestItems"]
    keys = [key for request in requests.values() for key in request["Keys"]]
    if len(keys) > BATCH_KEYS:
        raise validation_error("Too many items requested for the BatchGetItem call")
    check_length("requestItems", keys, BATCH_KEYS)
    wanted, left = wants_capacity(parameters), BATCH_BYTES
    responses: dict[str, list[Any]] = {}
    unprocessed: dict[str, Any] = {}
    capacities = []
    for name, request in requests.items():
        found, later, size_bytes = _batch_get(backend, name, request, left)
        left -= size_bytes
        responses[name] = found
        if later:
            unprocessed[name] = {**request, "Keys": later}
        units = read_units(size_bytes, consistent=request.get("ConsistentRead", False))
        capacities.append(consumed(wanted or "TOTAL", name, units))
    answer: dict[str, Any] = {"Responses": responses, "UnprocessedKeys": unprocessed}
    return answer if wanted is None else {**answer, "ConsumedCapacity": capacities}


def _batch_get(backend: EmbeddedBackend, name: str, request: Parameters, left: int) -> tuple[list[Any], list[Any], int]:
    table, paths = backend.get_table(name), _projection(request)
    found, later, used = [], [], 0
    seen: set[Any] = set()
    for raw in request["Keys"]:
        key = attribute_values(raw)
        item = table.find(key)
        seen.add((table.primary.hash_of(key), table.primary.sort_of(key)))
        if item is None:
            continue
        if used + item.size_bytes > left:
            later.append(raw)
            continue
        used += item.size_bytes
        found.append(item.attrs if paths is None else project(item.attrs, paths))
    if len(seen) != len(request["Keys"]):
        raise validation_error("Provided list of item keys contains duplicates")
    return found, later, used


def transact_get_items(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """Up to 100 items, all as of the same moment."""
    entries = parameters["TransactItems"]
    check_length("transactItems", entries, TRANSACTION_ITEMS)
    read = [_get(backend, entry["Get"]) for entry in entries]
    answer: dict[str, Any] = {
        "Responses": [{} if attributes is None else {"Item": attributes} for _, _, attributes in read]
    }
    wanted = wants_capacity(parameters)
    if wanted is not None:
        units: dict[str, float] = {}
        for table, item, _ in read:
            size_bytes = 0 if item is None else item.size_bytes
            cost = read_units(size_bytes, consistent=True, transaction=True)
            units[table.name] = units.get(table.name, 0.0) + cost
        answer["ConsumedCapacity"] = [consumed(wanted, name, total) for name, total in units.items()]
    return answer


class _Source:
    """The table or index that a Query or Scan reads."""

    def __init__(self, table: EmbeddedTable, parameters: Parameters) -> None:
        self.table = table
        self.index_name: str | None = parameters.get("IndexName")
        self.keys: KeyIndex = table.keys_of(self.index_name)
        index = next((index for index in table.all_indexes() if index.name == self.index_name), None)
        self.schema = table.schema if index is None else index.schema
        self.is_global = index is not None and index in table.global_indexes
        projection = {} if index is None else index.projection
        kind = projection.get("ProjectionType", "ALL")
        self.projected: frozenset[str] | None = None
        if kind != "ALL":
            self.projected = frozenset(
                [*table.table_key_attrs, *self.keys.required, *projection.get("NonKeyAttributes", ())]
            )
        if self.is_global and parameters.get("ConsistentRead"):
            raise validation_error("Consistent reads are not supported on global secondary indexes")

    def start(self, parameters: Parameters) -> dict[str, Any] | None:
        """ExclusiveStartKey, checked."""
        raw = parameters.get("ExclusiveStartKey")
        if raw is None:
            return None
        start = attribute_values(raw)
        names = {*self.table.table_key_attrs, *self.keys.required}
        if start.keys() != names or any(start[name].type != self.table.key_types[name] for name in names):
            raise validation_error("The provided starting key is invalid")
        return start

    def last_key(self, item: StoredItem) -> dict[str, Any]:
        """LastEvaluatedKey after this item."""
        return {name: item.attrs[name] for name in (*self.table.table_key_attrs, *self.keys.required)}


def query(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """Items of one partition, in the order of the sort key; costs what it reads."""
    table = backend.get_table(parameters["TableName"])
    source, expressions = _Source(table, parameters), Expressions(parameters)
    conditions = _key_conditions(expressions, parameters, source)
    check_key_types(conditions, table.key_types)
    test = expressions.filter("QueryFilter", forbidden=source.keys.required)
    paths = expressions.projection()
    expressions.check_all_used()
    hashes, ranges = conditions
    by_name = dict(hashes)
    partition = source.keys.partition(tuple(sort_value(by_name[name]) for name in source.keys.hash_names))
    bounds: Bounds = everything
    if ranges:
        _, comparison, values = ranges[-1]
        if comparison == "BEGINS_WITH" and values[0].type == "N":
            raise validation_error(
                "Invalid KeyConditionExpression: Incorrect operand type for operator or function; "
                "operator or function: begins_with, operand type: N"
            )
        if comparison == "BETWEEN" and sort_value(values[0]) > sort_value(values[1]):
            raise validation_error(
                "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal "
                "to lower bound"
            )
        equal = [sort_value(several[0]) for _, _, several in ranges[:-1]]
        bounds = bounds_of(equal, comparison, [sort_value(value) for value in values])
    start = source.start(parameters)
    forward = parameters.get("ScanIndexForward", True)
    position = None if start is None else source.keys.sort_of(start)
    return _page(source, parameters, partition.span(bounds, position, forward=forward), test, paths)


def _key_conditions(expressions: Expressions, parameters: Parameters, source: _Source) -> KeyConditions:
    legacy = parameters.get("KeyConditions")
    if "KeyConditionExpression" in parameters:
        return expressions.key_conditions(source.schema)
    if not legacy:
        raise validation_error(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    return key_conditions(legacy, source.schema)


def scan(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """All items of a table or index, or of one segment of it."""
    table = backend.get_table(parameters["TableName"])
    source, expressions = _Source(table, parameters), Expressions(parameters)
    test = expressions.filter("ScanFilter")
    paths = expressions.projection()
    expressions.check_all_used()
    items: Iterable[StoredItem] = source.keys.scan(source.start(parameters))
    segment, segments = parameters.get("Segment"), parameters.get("TotalSegments")
    if (segment is None) is not (segments is None):
        missing, present = ("TotalSegments", "Segment") if segments is None else ("Segment", "TotalSegments")
        raise validation_error(
            f"The {missing} parameter is required but was not present in the request when parameter "
            f"{present} is present"
        )
    if segment is not None and segments is not None:
        if not 0 <= segment < segments:
            raise validation_error(
                "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
                f"Segment: {segment} is not less than TotalSegments: {segments}"
            )
        items = (item for item in items if _segment_of(item, segments) == segment)
    return _page(source, parameters, items, test, paths)


def _segment_of(item: StoredItem, segments: int) -> int:
    return zlib.crc32(str(item.hash_key.value).encode()) % segments


def _page(
    source: _Source,
    parameters: Parameters,
    items: Iterable[StoredItem],
    test: Test | None,
    paths: list[Path] | None,
) -> dict[str, Any]:
    limit, select = parameters.get("Limit"), parameters.get("Select")
    if limit is not None and limit < 1:
        raise validation_error(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )
    if select is not None:
        validate_select(
            operation="", select=select, projection_expression=parameters.get("ProjectionExpression"),
            attributes_to_get=parameters.get("AttributesToGet"), table=source.table, index_name=source.index_name,
        )  # fmt: skip
    read, size_bytes, more = _read(items, limit)
    # [DOC] a local index fetches what it does not project from the table if asked to; a global one cannot
    fetches = not source.is_global and (paths is not None or select == "ALL_ATTRIBUTES")
    found = _shape(read, None if fetches else source.projected, test, paths)
    answer: dict[str, Any] = {"Count": len(found), "ScannedCount": len(read)}
    if select != "COUNT":
        answer["Items"] = found
    if more:
        answer["LastEvaluatedKey"] = source.last_key(read[-1])
    wanted = wants_capacity(parameters)
    if wanted is not None:
        units = read_units(size_bytes, consistent=parameters.get("ConsistentRead", False))
        answer["ConsumedCapacity"] = consumed(wanted, source.table.name, units, source.index_name)
    return answer


def _read(items: Iterable[StoredItem], limit: int | None) -> tuple[list[StoredItem], int, bool]:
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


def _shape(
    items: Iterable[StoredItem], projected: frozenset[str] | None, test: Test | None, paths: list[Path] | None
) -> list[Mapping[str, Any]]:
    """The attributes to answer with: what the index holds, of items that pass the filter, cut to the projection."""
    found: list[Mapping[str, Any]] = []
    for item in items:
        attributes: Mapping[str, Any] = item.attrs
        if projected is not None:
            attributes = {name: value for name, value in attributes.items() if name in projected}
        if test is None or test(attributes):
            found.append(attributes if paths is None else project(attributes, paths))
    return found
