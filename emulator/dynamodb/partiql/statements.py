"""ExecuteStatement, BatchExecuteStatement and ExecuteTransaction. [DOC] ddb-docs:ql-reference"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from streamer.aws_limits import attributes_bytes

from ..backend import EmbeddedBackend
from ..capacity import Cost, consumed, wants_capacity, write_units
from ..errors import ApiError, condition_failed, invalid_parameter, validation_error
from ..expressions.conditions import Check, predicate_of, refuse_faults
from ..expressions.paths import find_clash, project
from ..expressions.request import Test
from ..expressions.syntax import (
    Attribute,
    Comparison,
    Condition,
    FunctionCall,
    Junction,
    Path,
    Placeholder,
    UpdateAction,
)
from ..expressions.updates import PathChange, Update, compute_of
from ..items import StoredItem, bytes_of
from ..searching import SearchSource, page_cost, read_page
from ..table import Table
from ..transactions import Tokens, digest_of, perform_all, read_again, several_operations, sizes_of
from ..values import AttributeValue, Json, Parameters, read_attributes, wire_attributes
from ..writing import Write, shows_item_on_failure
from .grammar import Statement, parse
from .plans import check_order, plan, planned_items

_CODES: Final = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "DuplicateItemException": "DuplicateItem",
    "ResourceNotFoundException": "ResourceNotFound",
    "ValidationException": "ValidationError",
}


def execute_statement(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """One statement."""
    statement = _parse(parameters)
    if statement.verb == "EXISTS":
        raise validation_error("EXISTS is only available as part of a transaction")
    if statement.verb == "SELECT":
        return _select(backend, statement, parameters)
    write = prepare(backend, statement, parameters)
    write.check()
    images = write.perform()
    shown = _returned(statement, write, images)
    answer: Json = {"Items": [] if shown is None else [shown]}
    wanted = wants_capacity(parameters)
    if wanted is not None:
        cost = Cost(write.table)
        cost.add_write(*images)
        answer["ConsumedCapacity"] = cost.shown(wanted)
    return answer


def _parse(parameters: Parameters) -> Statement:
    return parse(parameters["Statement"], parameters.get("Parameters", ()))


def _predicate(statement: Statement) -> Test:
    """The WHERE clause as a function."""
    if statement.where is None:
        return lambda _attributes: True
    checks: list[Check] = []
    holds = predicate_of(statement.where, checks)
    refuse_faults(checks, statement.values)
    return lambda attributes: holds(attributes, statement.values)


def _equalities(condition: Condition | None, values: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Attributes that a condition demands to equal a value, if it is one or several joined by AND."""
    if isinstance(condition, Junction) and condition.word == "AND":
        found: dict[str, AttributeValue] = {}
        for part in condition.parts:
            found = {**_equalities(part, values), **found}
        return found
    if isinstance(condition, Comparison) and condition.operator == "=":
        for left, right in ((condition.left, condition.right), (condition.right, condition.left)):
            if isinstance(left, Attribute) and isinstance(right, Placeholder) and len(left.path) == 1:
                return {str(left.path[0]): values[right.name]}
    return {}


def _key_of(table: Table, statement: Statement) -> dict[str, AttributeValue]:
    equalities = _equalities(statement.where, statement.values)
    if any(name not in equalities for name in table.key.names):
        raise validation_error("Where clause does not contain a mandatory equality on all key attributes")
    return {name: equalities[name] for name in table.key.names}


def _select(backend: EmbeddedBackend, statement: Statement, parameters: Parameters) -> Json:
    table = backend.get_table(statement.table)
    source = _source(table, statement, parameters)
    test = _predicate(statement)
    columns = None if statement.columns is None else list(statement.columns)
    fetches = source.fetches(columns, wants_all=False)
    reads = plan(statement, source.keys.schema, table.key_types)
    if reads is not None:
        _check_filter(source, statement)
    check_order(statement, reads, source.keys.schema)
    start = _read_token(parameters.get("NextToken"), statement, source)
    items = source.keys.scan(start) if reads is None else planned_items(source.keys, reads, statement.order, start)
    read, size_bytes, more = read_page(items, parameters.get("Limit"))
    found = [table.primary.get(item.attrs) or item for item in read] if fetches else read
    answer: Json = {"Items": [_shown(item, columns) for item in found if test(item.attrs)]}
    if more:
        answer["NextToken"] = _token(statement, source.last_key(read[-1]))
    if more and parameters.get("Limit") is not None:
        answer["LastEvaluatedKey"] = source.last_key(read[-1])
    return answer | page_cost(source, size_bytes, found if fetches else (), parameters)


def _source(table: Table, statement: Statement, parameters: Parameters) -> SearchSource:
    """What a SELECT reads. [USR] dynamodb-conformance: faults have words of their own here"""
    if statement.index is None:
        return SearchSource(table, parameters)
    if statement.index not in table.indexes:
        raise validation_error("The table does not have the specified index")
    if parameters.get("ConsistentRead") and table.indexes[statement.index].definition.is_global:
        raise validation_error("Strongly consistent read is not supported on Global Secondary Indexes")
    return SearchSource(table, {**parameters, "IndexName": statement.index})


def _check_filter(source: SearchSource, statement: Statement) -> None:
    """Raise ApiError if WHERE, which names partitions, looks at what the index does not hold: it is not fetched.

    Where it names none, nothing is found. [USR] dynamodb-conformance, dynoxide 179
    """
    if source.index is None or source.index.projected is None:
        return
    names = dict.fromkeys(str(path[0]) for path in statement.where_paths)
    missing = [name for name in names if name not in (source.index.projected or ())]
    if missing:
        raise invalid_parameter(
            f"Secondary index {statement.index} does not project one or more filter attributes: [{', '.join(missing)}]"
        )


def _shown(item: StoredItem, columns: list[Path] | None) -> Json:
    if columns is None:
        return wire_attributes(item.attrs)
    found = {}
    for path in columns:
        # [DOC] a nested path comes back under the name of its last part
        value = project(item.attrs, [path])
        if value:
            inner = value[str(path[0])]
            name = str(path[0])
            for part in path[1:]:
                inner = inner.content[0] if inner.type == "L" else inner.content[part]
                name = f"{name}[{part}]" if isinstance(part, int) else str(part)
            found[name] = inner
    return wire_attributes(found)


def _digest(statement: Statement) -> str:
    return digest_of(repr(statement)).hex()[:16]


def _token(statement: Statement, last_key: Json) -> str:
    return base64.b64encode(json.dumps([_digest(statement), last_key]).encode()).decode("ascii")


def _read_token(token: str | None, statement: Statement, source: SearchSource) -> Mapping[str, AttributeValue] | None:
    if token is None:
        return None
    try:
        digest, raw = json.loads(base64.b64decode(token, validate=True))
        if digest == _digest(statement) and isinstance(raw, dict):
            return source.start(read_attributes(raw))
    except (ValueError, TypeError, RecursionError, ApiError) as error:
        raise validation_error("Invalid NextToken") from error
    raise validation_error("NextToken does not match request")  # [USR] aws-sdk-js-v3 4424


def prepare(backend: EmbeddedBackend, statement: Statement, parameters: Parameters) -> Write:
    """A write of INSERT, UPDATE, DELETE or EXISTS, ready to be checked and performed.

    Args:
        backend: the tables.
        statement: what was parsed.
        parameters: those of the statement, for ReturnValuesOnConditionCheckFailure.
    """
    _check_returning(statement)
    shows = shows_item_on_failure(parameters)
    table = backend.get_table(statement.table)
    if statement.verb == "INSERT":
        return _prepare_insert(table, statement)
    key = _key_of(table, statement)
    holds = _predicate(statement)

    def check() -> None:
        table.check_key(key)

    if statement.verb == "EXISTS":
        return Write(table, key, check, holds, None, shows, {})
    if statement.verb == "DELETE":
        # [DOC] ql-reference.delete: where there is no item, nothing is deleted, and that is a success
        return Write(table, key, check, lambda attributes: not attributes or holds(attributes), _nothing, shows, {})
    update = _update(statement)

    def check_update() -> None:
        table.check_key(key)
        update.check_keys(table.key.names)

    def compute(old: StoredItem | None) -> StoredItem | None:
        if old is None:
            raise condition_failed()
        attributes = update.apply(old.attrs, statement.values)
        return table.make_item(attributes, old, words="Item size to update")

    return Write(table, key, check_update, holds, compute, shows, {}, update.paths)


def _nothing(_old: StoredItem | None) -> None:
    return None


def _check_returning(statement: Statement) -> None:
    if statement.verb == "DELETE" and statement.returning not in (None, "ALL_OLD"):
        words = str(statement.returning).replace("_", " ")
        raise validation_error(
            f"Invalid returning clause: RETURNING {words} *. Only RETURNING ALL OLD * is allowed in DELETE statements."
        )


def _prepare_insert(table: Table, statement: Statement) -> Write:
    attributes = dict(statement.item or {})
    made: list[StoredItem] = []

    def check() -> None:
        made.append(table.make_item(attributes))

    def compute(old: StoredItem | None) -> StoredItem | None:
        if old is not None:
            raise ApiError("DuplicateItemException", "Duplicate primary key exists in table")
        return made[-1]

    return Write(table, attributes, check, None, compute, False, {})


def _update(statement: Statement) -> Update:
    checks: list[Check] = []
    changes = tuple([_change(action, checks) for action in statement.actions])
    refuse_faults(checks, statement.values)
    clash = find_clash([change.path for change in changes])
    if clash is not None:
        raise validation_error(clash)
    return Update(changes)


def _change(action: UpdateAction, checks: list[Check]) -> PathChange:
    compute = None if action.value is None else compute_of(action.value, checks)
    return PathChange(action.kind, action.path, compute)


def _returned(statement: Statement, write: Write, images: tuple[StoredItem | None, StoredItem | None]) -> Json | None:
    if statement.returning is None:
        return None
    shown = images[0] if statement.returning.endswith("OLD") else images[1]
    if shown is None:
        return None
    attributes = shown.attrs if statement.returning.startswith("ALL") else project(shown.attrs, write.paths)
    return wire_attributes(attributes) or None


def batch_execute_statement(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """Up to 25 statements, each on its own: all of them reads of one item, or all of them writes.

    [USR] dynoxide 188: what is refused as a whole, and what statements cost that fail
    """
    statements: list[Statement | ApiError] = []
    for request in parameters["Statements"]:
        try:
            statements.append(_parse(request))
        except ApiError as error:
            statements.append(error)
    parsed = [each for each in statements if isinstance(each, Statement)]
    if len({each.verb == "SELECT" for each in parsed}) > 1:
        raise validation_error("Read and write requests together in the same batch is not supported.")
    if _has_doubles(backend, parsed):
        raise validation_error("Provided list of item keys contains duplicates")
    costs: dict[str, Cost] = {}
    failed: dict[str, float] = {}
    responses = [
        _batch_response(backend, statement, request, costs, failed)
        for request, statement in zip(parameters["Statements"], statements, strict=True)
    ]
    for name, cost in costs.items():
        cost.failed_units = failed.get(name, 0.0)
    return {"Responses": responses, **(consumed(costs.values(), parameters) if costs else {})}


def _has_doubles(backend: EmbeddedBackend, statements: Iterable[Statement]) -> bool:
    """Whether two statements are about the same item; those that name none are refused when they are done."""
    targets = [target for target in (_target(backend, each) for each in statements) if target is not None]
    return len(set(targets)) < len(targets)


def _target(backend: EmbeddedBackend, statement: Statement) -> tuple[Any, ...] | None:
    """Table and key of the one item that a statement is about; None: it names none."""
    table = backend.find_table(statement.table)
    if table is None:
        return None
    given = statement.item if statement.item is not None else _equalities(statement.where, statement.values)
    key = {name: given[name] for name in table.key.names if name in given and given[name].type == table.key_types[name]}
    return table.target(key) if len(key) == len(table.key.names) else None


def _batch_response(
    backend: EmbeddedBackend,
    statement: Statement | ApiError,
    request: Parameters,
    costs: dict[str, Cost],
    failed: dict[str, float],
) -> Json:
    write: Write | None = None
    try:
        if isinstance(statement, ApiError):
            raise statement
        table = backend.get_table(statement.table)
        if statement.verb == "SELECT":
            item = _single(table, statement, "BatchExecuteStatement")
            cost = costs.setdefault(table.name, Cost(table))
            cost.add_read(item, consistent=request.get("ConsistentRead", False))
            shown = None if item is None else _shown(item, _columns(statement))
        else:
            write = prepare(backend, statement, request)
            write.check()
            images = write.perform()
            costs.setdefault(table.name, Cost(table)).add_write(*images)
            shown = _returned(statement, write, images)
    except ApiError as error:
        code = _CODES.get(error.code, error.code.removesuffix("Exception"))
        if write is not None and code in ("ConditionalCheckFailed", "DuplicateItem"):
            size_bytes = max(bytes_of(write.table.primary.get(write.key)), attributes_bytes(write.key))
            failed[write.table.name] = failed.get(write.table.name, 0.0) + write_units(size_bytes)
        name: Json = {}
        if isinstance(statement, Statement) and code != "ValidationError":
            name = {"TableName": statement.table}
        return {"Error": {"Code": code, "Message": error.message, **error.members}, **name}
    return {"TableName": table.name, **({} if shown is None else {"Item": shown})}


def _columns(statement: Statement) -> list[Path] | None:
    return None if statement.columns is None else list(statement.columns)


def _single(table: Table, statement: Statement, operation: str) -> StoredItem | None:
    """The one item of a SELECT in a batch or transaction."""
    equalities = _equalities(statement.where, statement.values)
    is_keyed = all(name in equalities for name in table.key.names) and statement.index is None
    # [USR] dynamodb-conformance: a function beside the key is refused as no key is
    if not is_keyed or _tests_existence(statement.where):
        raise validation_error(
            f"Select statements within {operation} must specify the primary key in the where clause."
        )
    key = {name: equalities[name] for name in table.key.names}
    item = table.find(key)
    return item if item is not None and _predicate(statement)(item.attrs) else None


def _tests_existence(condition: Condition | None) -> bool:
    if isinstance(condition, Junction):
        return any(_tests_existence(part) for part in condition.parts)
    return isinstance(condition, FunctionCall) and condition.name in ("attribute_exists", "attribute_not_exists")


def _check_in_transaction(statement: Statement) -> None:
    """Raise ApiError if a statement can be done, but not in a transaction. [USR] dynamodb-conformance"""
    if statement.returning is not None:
        raise validation_error("RETURNING clause is not supported in ExecuteTransaction.")
    if statement.index is not None:
        raise validation_error("Reads on indices are not supported within transactions.")
    is_bare = not (isinstance(statement.where, Junction) and statement.where.word == "AND")
    if statement.verb == "EXISTS" and is_bare:
        raise validation_error("EXISTS() must contain a single item read with additional condition")


@contextmanager
def _named(position: int) -> Iterator[None]:
    """Faults of the statement itself are told with its place in the transaction."""
    try:
        yield
    except ApiError as error:
        if error.code == "ValidationException":
            raise validation_error(f"Validation failed in TransactStatements[{position}]: {error.message}") from error
        raise


def execute_transaction(backend: EmbeddedBackend, parameters: Parameters, tokens: Tokens) -> Json:
    """All statements or none: all of them reads of one item, or all of them writes."""
    requests: Sequence[Parameters] = parameters["TransactStatements"]
    token, now = parameters.get("ClientRequestToken"), backend.now()
    digest = b"" if token is None else digest_of(requests)
    done = tokens.done(token, digest, now)
    statements = [_parse(request) for request in requests]
    for position, statement in enumerate(statements):
        with _named(position):
            _check_in_transaction(statement)
    if len({statement.verb == "SELECT" for statement in statements}) > 1:
        raise validation_error(
            "ExecuteTransaction API does not support both read and write operations in the same request."
        )
    if statements[0].verb == "SELECT":
        if _has_doubles(backend, statements):
            raise several_operations()
        answer = _read_transaction(backend, statements, parameters)
        if token is not None:
            tokens.remember(token, digest, now, ())
        return answer
    if done is not None:
        return {"Responses": [], **read_again(backend, parameters, done)}
    writes = [prepare(backend, statement, request) for statement, request in zip(statements, requests, strict=True)]
    performed = perform_all(backend, writes)
    if token is not None:
        tokens.remember(token, digest, now, sizes_of(writes, performed))
    costs: dict[str, Cost] = {}
    for write, images in zip(writes, performed, strict=True):
        costs.setdefault(write.table.name, Cost(write.table, "Write")).add_write(*images, transaction=True)
    return {"Responses": [], **consumed(costs.values(), parameters)}


def _read_transaction(backend: EmbeddedBackend, statements: Sequence[Statement], parameters: Parameters) -> Json:
    """The items of a transaction that only reads, which is done again if its token comes again. [INF]"""
    costs: dict[str, Cost] = {}
    responses: list[Json] = []
    for position, statement in enumerate(statements):
        table = backend.get_table(statement.table)
        with _named(position):
            item = _single(table, statement, "ExecuteTransaction")
        costs.setdefault(table.name, Cost(table, "Read")).add_read(item, consistent=True, transaction=True)
        responses.append({} if item is None else {"Item": _shown(item, _columns(statement))})
    return {"Responses": responses, **consumed(costs.values(), parameters)}
