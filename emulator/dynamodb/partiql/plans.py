"""Which items a SELECT reads: those of the keys that its WHERE names, else all of them. Pure.

[DOC] ddb-docs:ql-reference.select: equality, IN and OR of partition keys are no full scan; ql-operators: 50 of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from ..errors import validation_error
from ..expressions.keys import MIRRORED, KeyCondition, KeySchema
from ..expressions.syntax import (
    Attribute,
    Between,
    Comparison,
    Condition,
    FunctionCall,
    Junction,
    Membership,
    Operand,
    Placeholder,
)
from ..items import StoredItem
from ..partitions import Bounds, KeyIndex, SortKey, bounds_of
from ..values import Attributes, AttributeValue, sort_value
from .grammar import Statement

READS: Final = 50
"""Keys, or ranges of them, that one SELECT reads. [DOC] ddb-docs:ql-operators: at most 50 values of a partition key"""

Branch: TypeAlias = tuple[KeyCondition, ...]
"""What holds together of attributes of the key; empty: nothing that is known."""
Reads: TypeAlias = Mapping[SortKey, Sequence[Sequence[Bounds]]]
"""By partition: ranges, in each of which all the bounds hold."""


class _Planner:
    """Reads conditions on the key out of a WHERE; whatever else it says only chooses among what was read."""

    def __init__(self, schema: KeySchema, key_types: Mapping[str, str], values: Attributes) -> None:
        self._schema = schema
        self._types = key_types
        self._values = values

    def names_partitions(self, condition: Condition) -> bool:
        """Whether the condition holds only in partitions that it names."""
        if isinstance(condition, Junction):
            if condition.word == "OR":
                return all(self.names_partitions(part) for part in condition.parts)
            return all(any(self._names(part, name) for part in condition.parts) for name in self._schema.hash_names)
        return all(self._names(condition, name) for name in self._schema.hash_names)

    def _names(self, condition: Condition, name: str) -> bool:
        if isinstance(condition, Junction):
            every = all if condition.word == "OR" else any
            return every(self._names(part, name) for part in condition.parts)
        branches = self._leaf(condition)
        return all(any(each.name == name and each.operator == "=" for each in branch) for branch in branches)

    def branches(self, condition: Condition) -> list[Branch]:
        """The alternatives of a condition.

        Raises:
            ApiError: there are more than one SELECT may read.
        """
        if not isinstance(condition, Junction):
            return self._limited(self._leaf(condition))
        parts = [self.branches(part) for part in condition.parts]
        if condition.word == "OR":
            found = [branch for part in parts for branch in part]
            return [()] if () in found else self._limited(found)
        found = [()]
        for part in parts:
            found = self._limited([(*one, *other) for one in found for other in part])
        return found

    def _limited(self, branches: list[Branch]) -> list[Branch]:
        different = list(dict.fromkeys(branches))
        if len(different) > READS:
            raise validation_error("Too many decomposed read operations for a given query.")
        return different

    def _leaf(self, condition: Condition) -> list[Branch]:
        match condition:
            case Comparison(sign, left, right) if sign in MIRRORED:
                if isinstance(right, Attribute):
                    sign, left, right = MIRRORED[sign], right, left
                return self._on_key(sign, left, [(right,)])
            case Between(value, low, high):
                return self._on_key("BETWEEN", value, [(low, high)])
            case Membership(value, choices):
                return self._on_key("=", value, [(choice,) for choice in choices])
            case FunctionCall("begins_with", (value, prefix)):
                return self._on_key("begins_with", value, [(prefix,)])
        return [()]

    def _on_key(self, sign: str, left: Operand, several: list[tuple[Operand, ...]]) -> list[Branch]:
        if not isinstance(left, Attribute) or len(left.path) != 1:
            return [()]
        name = str(left.path[0])
        kind = self._types.get(name)
        is_hash = name in self._schema.hash_names
        if name not in self._schema.names or (is_hash and sign != "=") or (sign == "begins_with" and kind == "N"):
            return [()]
        found: list[Branch] = []
        for operands in several:
            values = tuple([self._values[each.name] for each in operands if isinstance(each, Placeholder)])
            if len(values) != len(operands) or any(value.type != kind for value in values):
                return [()]
            found.append((KeyCondition(name, sign, values),))
        return found


def plan(statement: Statement, schema: KeySchema, key_types: Mapping[str, str]) -> Reads | None:
    """What a SELECT reads; None: everything.

    Raises:
        ApiError: it names more keys than one SELECT may read.
    """
    planner = _Planner(schema, key_types, statement.values)
    if statement.where is None or not planner.names_partitions(statement.where):
        return None
    reads: dict[SortKey, list[list[Bounds]]] = {}
    for branch in planner.branches(statement.where):
        hashes = tuple([_equal(branch, name) for name in schema.hash_names])
        reads.setdefault(hashes, []).append(_bounds(branch, schema.sort_names))
    return reads


def partitions(statement: Statement, schema: KeySchema, key_types: Mapping[str, str]) -> list[AttributeValue] | None:
    """The values of the partition key's first attribute that a WHERE names; None: it speaks of all partitions.

    Raises:
        ApiError: it names more keys than one SELECT may read.
    """
    planner = _Planner(schema, key_types, statement.values)
    if statement.where is None or not planner.names_partitions(statement.where):
        return None
    return [_value(branch, schema.hash_names[0]) for branch in planner.branches(statement.where)]


def _equal(branch: Branch, name: str) -> Any:
    return sort_value(_value(branch, name))


def _value(branch: Branch, name: str) -> AttributeValue:
    return next(each.values[0] for each in branch if each.name == name and each.operator == "=")


def _bounds(branch: Branch, sort_names: Sequence[str]) -> list[Bounds]:
    """Ranges of the sort key: one for each condition on its first attribute that does not equal a value."""
    equal: list[Any] = []
    found: list[Bounds] = []
    for name in sort_names:
        conditions = [each for each in branch if each.name == name]
        found.extend(_range(equal, condition) for condition in conditions)
        values = [sort_value(each.values[0]) for each in conditions if each.operator == "="]
        if not values:
            break
        equal.append(values[0])
    return found


def _range(equal: list[Any], condition: KeyCondition) -> Bounds:
    return bounds_of(tuple(equal), condition.operator, [sort_value(value) for value in condition.values])


def check_order(statement: Statement, reads: Reads | None, schema: KeySchema) -> None:
    """Raise ApiError unless what is read can be ordered as ORDER BY wants it. [DOC] ddb-docs:ql-reference.select"""
    if not statement.order:
        return
    if statement.where is None:
        raise validation_error("Must have WHERE clause in the statement when using ORDER BY clause.")
    if reads is None:
        raise validation_error(
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."
        )
    for name, _ in statement.order:
        if name not in schema.names:
            raise validation_error(f"Variable reference {name} in ORDER BY clause must be part of the primary key")
    if len(reads) > 1 and not {name for name, _ in statement.order} & set(schema.hash_names):
        raise validation_error(
            "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause."
        )


def planned_items(
    keys: KeyIndex, reads: Reads, order: Sequence[tuple[str, bool]], start: Attributes | None
) -> Iterator[StoredItem]:
    """The items of a plan, partition by partition, after the one that has the keys ``start``."""
    schema = keys.schema
    falls = any(descends for name, descends in order if name in schema.hash_names)
    forward = not any(descends for name, descends in order if name in schema.sort_names)
    first = None if start is None else keys.hash_of(start)
    for hashes in sorted(reads, reverse=falls):
        if first is not None and hashes != first and (hashes < first) is not falls:
            continue
        position = keys.sort_of(start) if start is not None and hashes == first else None
        partition = keys.partition(hashes)
        for low, high in _spans(partition.keys, reads[hashes], forward=forward):
            yield from partition.span(_between(low, high), position, forward=forward)


def _between(low: int, high: int) -> Bounds:
    return lambda _keys: (low, high)


def _spans(keys: list[SortKey], ranges: Sequence[Sequence[Bounds]], *, forward: bool) -> list[tuple[int, int]]:
    """Positions that are in any of the ranges: first and last-plus-one, each position once."""
    found: list[tuple[int, int]] = []
    for bounds in ranges:
        ends = [each(keys) for each in bounds]
        found.append((max((low for low, _ in ends), default=0), min((high for _, high in ends), default=len(keys))))
    spans: list[tuple[int, int]] = []
    for low, high in sorted(span for span in found if span[0] < span[1]):
        if spans and low <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(high, spans[-1][1]))
        else:
            spans.append((low, high))
    return spans if forward else spans[::-1]
