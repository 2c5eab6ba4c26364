"""GetItem, BatchGetItem and TransactGetItems."""

from __future__ import annotations

from typing import Any, Final

from streamer.aws_limits import BATCH_KEYS

from .backend import EmbeddedBackend
from .capacity import Cost, consumed, wants_capacity
from .errors import ApiError, validation_error
from .expressions.paths import project
from .expressions.request import Expressions
from .expressions.syntax import Path
from .items import StoredItem, bytes_of
from .table import Table
from .transactions import TRANSACTION_BYTES, cancelled, several_operations, too_large
from .values import Attributes, Parameters, read_attributes, wire_attributes

BATCH_BYTES: Final = 16 * 1024 * 1024
"""Bytes of one BatchGetItem's answer. [DOC] BatchGetItem"""
_PROJECTION: Final = ("ProjectionExpression",)
_PROJECTIONS: Final = ("AttributesToGet", *_PROJECTION)


def get_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """GetItem."""
    expressions, paths = _projection(parameters)
    key = read_attributes(parameters["Key"])
    table = backend.get_table(parameters["TableName"])
    item = _find(table, key, expressions)
    answer: dict[str, Any] = {} if item is None else {"Item": _shown(item, paths)}
    wanted = wants_capacity(parameters)
    if wanted is not None:
        cost = Cost(table)
        cost.add_read(item, consistent=parameters.get("ConsistentRead", False))
        answer["ConsumedCapacity"] = cost.shown(wanted)
    return answer


def _projection(parameters: Parameters) -> tuple[Expressions | None, list[Path] | None]:
    if not parameters.keys() & {"ProjectionExpression", "AttributesToGet", "ExpressionAttributeNames"}:
        return None, None
    expressions = Expressions(parameters, _PROJECTION)
    paths = expressions.projection()
    expressions.check_all_used()
    return expressions, paths


def _find(table: Table, key: Attributes, expressions: Expressions | None) -> StoredItem | None:
    if expressions is not None:
        table.check_paths(expressions.nested_heads)
    return table.find(key)


def _shown(item: StoredItem, paths: list[Path] | None) -> dict[str, Any]:
    return wire_attributes(item.attrs if paths is None else project(item.attrs, paths))


def batch_get_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """Up to 100 items of any tables; what would exceed 16 MB comes back as UnprocessedKeys."""
    requests = parameters["RequestItems"]
    if sum(len(request["Keys"]) for request in requests.values()) > BATCH_KEYS:
        raise validation_error("Too many items requested for the BatchGetItem call")
    if all(any(member in request for request in requests.values()) for member in _PROJECTIONS):
        # [USR] dynoxide's notes on 0.11.2: even if each stands with another table
        raise validation_error(
            "Can not use both expression and non-expression parameters in the same request: "
            "Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}"
        )
    read = [(name, request, *_read_keys(request)) for name, request in requests.items()]
    left = BATCH_BYTES
    responses: dict[str, list[Any]] = {}
    unprocessed: dict[str, Any] = {}
    costs = []
    for name, request, keys, expressions, paths in read:
        table = backend.get_table(name)
        cost = Cost(table)
        found = responses[name] = []
        items = [_find(table, key, expressions) for key in keys]
        for raw, item in zip(request["Keys"], items, strict=True):
            left -= bytes_of(item)
            if left < 0:
                unprocessed.setdefault(name, {**request, "Keys": []})["Keys"].append(raw)
                continue
            cost.add_read(item, consistent=request.get("ConsistentRead", False))
            if item is not None:
                found.append(_shown(item, paths))
        costs.append(cost)
    return {"Responses": responses, "UnprocessedKeys": unprocessed, **consumed(costs, parameters)}


def _read_keys(request: Parameters) -> tuple[list[Attributes], Expressions | None, list[Path] | None]:
    expressions, paths = _projection(request)
    keys: list[Attributes] = []
    for raw in request["Keys"]:
        key = read_attributes(raw)
        if key in keys:
            raise validation_error("Provided list of item keys contains duplicates")
        keys.append(key)
    return keys, expressions, paths


def transact_get_items(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """Up to 100 items, all as of the same moment."""
    read = []
    for entry in parameters["TransactItems"]:
        get = entry["Get"]
        expressions, paths = _projection(get)
        key = read_attributes(get["Key"])
        read.append((backend.get_table(get["TableName"]), key, expressions, paths))
    items: list[StoredItem | None] = []
    faults: list[ApiError | None] = []
    for table, key, expressions, _ in read:
        try:
            items.append(_find(table, key, expressions))
            faults.append(None)
        except ApiError as error:
            faults.append(error)
    if any(faults):
        raise cancelled(faults)
    targets = [table.target(key) for table, key, _, _ in read]
    if len(set(targets)) != len(targets):
        raise several_operations()  # [USR] dynamodb-conformance: as of writes
    if sum(map(bytes_of, items)) > TRANSACTION_BYTES:
        raise too_large()
    responses: list[dict[str, Any]] = []
    costs: dict[str, Cost] = {}
    for item, (table, _, _, paths) in zip(items, read, strict=True):
        responses.append({} if item is None else {"Item": _shown(item, paths)})
        costs.setdefault(table.name, Cost(table, "Read")).add_read(item, consistent=True, transaction=True)
    return {"Responses": responses, **consumed(costs.values(), parameters)}
