"""What the conditions of policies see of a request: its partition keys, its attributes, what it wants back. Pure.

[DOC] ddb-docs:specifying-conditions: `Select` and `ReturnValues` always have a value; those of keys that are no texts
are written as in the request. [INF] Of an index they are the index's keys. [INF] Transactions: [DOC] ddb-docs:ql-iam.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from streamer.topology.grants import Kind

from .backend import EmbeddedBackend
from .errors import ApiError
from .expressions.grammar import Parser
from .expressions.request import OLDER, Expressions
from .model import check_request
from .table import Table
from .values import AttributeValue, read_value

if TYPE_CHECKING:
    from ..iam.needs import Describe, Part
    from .partiql.grammar import Statement

_TRANSACTIONS: Final = ("ExecuteTransaction", "TransactGetItems", "TransactWriteItems")
_STATEMENTS: Final = ("BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction")
_DESCRIBED: Final = frozenset(
    {
        *("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"),
        *_STATEMENTS,
        *_TRANSACTIONS,
    }
)
"""Operations of whose requests more is known than what they are for."""
_NAMES: Final = "ExpressionAttributeNames"
_READS: Final = ("BatchGetItem", "GetItem", "Query", "Scan")
_RETURNS: Final = ("DeleteItem", "PutItem", "UpdateItem")
_CHOICE: Final = ("AttributesToGet", "ProjectionExpression")
_CONDITION: Final = ("Expected", "ConditionExpression")
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "BatchGetItem": ("Keys", *_CHOICE),
    "BatchWriteItem": ("PutRequest", "DeleteRequest"),
    "ConditionCheckItem": ("Key", "ConditionExpression"),
    "DeleteItem": ("Key", *_CONDITION),
    "GetItem": ("Key", *_CHOICE),
    "PutItem": ("Item", *_CONDITION),
    "Query": ("KeyConditions", "KeyConditionExpression", "QueryFilter", "FilterExpression", *_CHOICE),
    "Scan": ("ScanFilter", "FilterExpression", *_CHOICE),
    "UpdateItem": ("Key", "AttributeUpdates", "UpdateExpression", *_CONDITION),
}
"""What names items or attributes; nobody looks at what else a request has."""
_READERS: Final = {
    "ConditionExpression": Parser.condition,
    "FilterExpression": Parser.condition,
    "KeyConditionExpression": Parser.condition,
    "ProjectionExpression": Parser.projection,
    "UpdateExpression": Parser.update,
}
Facts = Iterator[tuple[str, str]]
"""Condition keys in lower case, each with a value; of several values, several times."""


def describing(backend: EmbeddedBackend, operation: str, parameters: dict[str, Any]) -> Describe | None:
    """What tells the facts of a request's parts; None: there are none, or DynamoDB refuses the request anyway."""
    if operation not in _DESCRIBED:
        return None
    try:
        check_request("dynamodb", operation, parameters)
    except ApiError:
        return None

    def describe(part: Part) -> tuple[tuple[str, str], ...]:
        table = backend.find_table(part.resource.name)
        try:
            return () if table is None else tuple(dict.fromkeys(_facts(table, operation, parameters, part)))
        except ApiError:
            return ()  # DynamoDB refuses it for the same

    return describe


def _facts(table: Table, operation: str, request: Mapping[str, Any], part: Part) -> Facts:
    if operation in _TRANSACTIONS:
        yield "dynamodb:enclosingoperation", operation
    yield "dynamodb:returnconsumedcapacity", request.get("ReturnConsumedCapacity", "NONE")
    index = part.resource.detail if part.resource.kind is Kind.INDEX else None
    if operation in _STATEMENTS:
        yield from _of_statement(table, index, part.parameters)
        return
    action = part.action.removeprefix("dynamodb:")
    requests = part.parameters if action == "BatchWriteItem" else [part.parameters]
    known = [each for each in _MEMBERS[action] if operation not in _TRANSACTIONS or each not in OLDER]
    for each in requests:
        yield from _attributes(table, {name: each[name] for name in (*known, _NAMES) if name in each})
    if action == "Query":
        yield from _leading(_queried(table, index, part.parameters))
    if action in _READS:
        is_chosen = any(each in part.parameters for each in known if each in _CHOICE)
        yield "dynamodb:select", "SPECIFIC_ATTRIBUTES" if is_chosen else _selected(action, part.parameters)
    if action in _RETURNS:
        # Parts of transactions know no such member.
        yield "dynamodb:returnvalues", "NONE" if operation in _TRANSACTIONS else request.get("ReturnValues", "NONE")


def _attributes(table: Table, parameters: Mapping[str, Any]) -> Facts:
    """The partition keys of the items that it names, and every attribute that it names."""
    put, delete = parameters.get("PutRequest", {}), parameters.get("DeleteRequest", {})
    named = [parameters.get("Key"), parameters.get("Item"), put.get("Item"), delete.get("Key")]
    items = [each for each in (*named, *parameters.get("Keys", ())) if each is not None]
    hash_name = table.key.hash_names[0]
    yield from _leading(read_value(item[hash_name]) for item in items if hash_name in item)
    for item in items:
        yield from _named(item)
    for member in OLDER:
        yield from _named(parameters.get(member, ()))
    for member, read in _READERS.items():
        if member in parameters:
            parser = Parser(parameters[member], parameters.get(_NAMES, {}), member)
            read(parser)
            yield from _named(str(path[0]) for path in parser.used.paths)


def _queried(table: Table, index: str | None, parameters: Mapping[str, Any]) -> Iterator[AttributeValue]:
    expressions = Expressions(parameters, ("ProjectionExpression", "FilterExpression", "KeyConditionExpression"))
    hash_name = _hash_names(table, index)[0]
    for each in expressions.key_conditions()():
        if each.name == hash_name and each.operator == "=":
            yield each.values[0]


def _hash_names(table: Table, index: str | None) -> Sequence[str]:
    return (table.key if index is None else table.index(index).definition.schema).hash_names


def _selected(action: str, parameters: Mapping[str, Any]) -> str:
    if action not in ("Query", "Scan"):
        return "ALL_ATTRIBUTES"
    return str(parameters.get("Select", "ALL_PROJECTED_ATTRIBUTES" if "IndexName" in parameters else "ALL_ATTRIBUTES"))


def _of_statement(table: Table, index: str | None, parameters: Mapping[str, Any]) -> Facts:
    from .partiql.grammar import parse  # noqa: PLC0415 - its grammar costs each start 5 ms, and few use it
    from .partiql.plans import partitions  # noqa: PLC0415 - as above

    statement = parse(parameters["Statement"], parameters.get("Parameters", ()))
    schema = table.key if index is None else table.index(index).definition.schema
    item = statement.item or {}
    if schema.hash_names[0] in item:
        yield from _leading([item[schema.hash_names[0]]])
    read = partitions(statement, schema, table.key_types)
    yield from _leading(read or ())
    if statement.verb == "SELECT":
        yield "dynamodb:fulltablescan", str(read is None).lower()
        yield "dynamodb:select", "ALL_ATTRIBUTES" if statement.columns is None else "SPECIFIC_ATTRIBUTES"
    yield from _named(_paths(statement))


def _paths(statement: Statement) -> Iterator[str]:
    yield from statement.item or ()
    yield from (str(path[0]) for path in statement.paths)
    yield from (name for name, _ in statement.order)


def _leading(values: Iterable[AttributeValue]) -> Facts:
    for kind, content in values:
        yield "dynamodb:leadingkeys", base64.b64encode(content).decode() if kind == "B" else str(content)


def _named(names: Iterable[str]) -> Facts:
    for name in names:
        yield "dynamodb:attributes", name
