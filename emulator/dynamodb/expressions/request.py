"""What the expressions of one request share: its ``#names`` and ``:values``, each of which must be used. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from streamer.aws_limits import attributes_bytes, text_bytes

from ..errors import ApiError, invalid_parameter, validation_error
from ..values import Attributes, Parameters, read_value
from .conditions import ALWAYS, CompiledCondition, compile_condition
from .grammar import Parser
from .keys import KeyCondition, compile_key_condition
from .legacy import attribute_update, expected_test, filter_test, key_conditions
from .syntax import Path, Used
from .updates import Update, compile_update

Test = Callable[[Attributes], bool]
"""Whether a condition holds for an item's attributes; no item is an empty map."""

EXPRESSIONS: Final = (
    "UpdateExpression", "ConditionExpression", "KeyConditionExpression", "FilterExpression", "ProjectionExpression",
)  # fmt: skip
OLDER: Final = (
    "AttributesToGet", "AttributeUpdates", "Expected", "QueryFilter", "ScanFilter", "ConditionalOperator",
    "KeyConditions",
)  # fmt: skip
"""Parameters from before expressions; a request has one kind or the other."""
_CONDITIONS: Final = frozenset({"ConditionExpression", "Expected", "ConditionalOperator"})
PLACEHOLDER_BYTES: Final = 255
"""Longest ``#name`` or ``:value``. [DOC] ddb-docs:ServiceQuotas"""
SUBSTITUTED_BYTES: Final = 2 * 1024 * 1024
"""All names and values of one request together. [DOC] ddb-docs:ServiceQuotas; what AWS says then nobody told. [?]"""
_PLACEHOLDER: Final = {
    "ExpressionAttributeNames": re.compile(r"#[A-Za-z0-9_]+"),
    "ExpressionAttributeValues": re.compile(r":[A-Za-z0-9_]+"),
}


class Expressions:
    """The expressions of one operation, or of one element of a batch or transaction."""

    def __init__(self, parameters: Parameters, allowed: Sequence[str] = EXPRESSIONS) -> None:
        """Check what goes together.

        Args:
            parameters: the operation's.
            allowed: the expressions that the operation knows.

        Raises:
            ApiError: old and new parameters are mixed, placeholders stand alone, or a value breaks a rule.
        """
        self._parameters = parameters
        given = [member for member in allowed if member in parameters]
        if given:
            self._check_no_older(given)
        self.names: Mapping[str, str] = {}
        self.values: Attributes = {}
        self._unread: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None] | None = None
        if "ExpressionAttributeNames" in parameters or "ExpressionAttributeValues" in parameters:
            self._unread = self._placeholders(given, allowed)
        self._names_used: set[str] = set()
        self._values_used: set[str] = set()
        self._filtered: tuple[str, frozenset[str]] = ("", frozenset())
        self.nested_heads: set[str] = set()
        """Top-level attributes that an expression looks into."""

    def _check_no_older(self, given: list[str]) -> None:
        older = [member for member in OLDER if member in self._parameters]
        if "KeyConditions" in older and "KeyConditionExpression" not in given:
            older.remove("KeyConditions")  # a FilterExpression may go with it
        if older:
            raise validation_error(
                "Can not use both expression and non-expression parameters in the same request: "
                f"Non-expression parameters: {{{', '.join(older)}}} Expression parameters: {{{', '.join(given)}}}"
            )

    def _placeholders(
        self, given: list[str], allowed: Sequence[str]
    ) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
        names = self._parameters.get("ExpressionAttributeNames")
        with_values = [member for member in allowed if member != "ProjectionExpression"]
        values = self._parameters.get("ExpressionAttributeValues") if with_values else None
        if names is not None and not given:
            raise validation_error("ExpressionAttributeNames can only be specified when using expressions")
        if values is not None and not set(with_values) & set(given):
            verb = "are" if len(with_values) > 1 else "is"
            raise validation_error(
                "ExpressionAttributeValues can only be specified when using expressions: "
                f"{' and '.join(with_values)} {verb} null"
            )
        return names, values

    def _read_placeholders(self) -> None:
        """Read them before the first expression is, but after keys and items, as AWS does. [USR] dynalite"""
        if self._unread is None:
            return
        names, values = self._unread
        self._unread = None
        if names is not None:
            _check_placeholders("ExpressionAttributeNames", names)
            self.names = names
        if values is not None:
            _check_placeholders("ExpressionAttributeValues", values)
            self.values = {name: _read_placeholder(name, raw) for name, raw in values.items()}
        size_bytes = sum(text_bytes(name) for name in self.names.values()) + attributes_bytes(self.values)
        if size_bytes > SUBSTITUTED_BYTES:
            raise validation_error(
                "ExpressionAttributeNames and ExpressionAttributeValues together have exceeded the maximum size; "
                f"size: {size_bytes}, maximum: {SUBSTITUTED_BYTES}"
            )

    def _use(self, used: Used) -> None:
        self._names_used |= used.names
        self._values_used |= used.values
        for path in used.paths:
            if len(path) > 1:
                self.nested_heads.add(str(path[0]))

    def _condition(self, member: str) -> CompiledCondition:
        self._read_placeholders()
        condition = compile_condition(self._parameters.get(member), self.names, where=member)
        if condition is not ALWAYS:
            condition.check_values(self.values)
            self._use(condition.used)
        return condition

    def _conditional_operator(self, member: str) -> str | None:
        word = self._parameters.get("ConditionalOperator")
        if word is not None and not self._parameters.get(member):
            raise validation_error(
                f"ConditionalOperator cannot be used without Filter or Expected: {member} is null or empty"
            )
        return None if word is None else str(word)

    def condition(self) -> Test | None:
        """``ConditionExpression``, or the older ``Expected``; None: neither."""
        if self._parameters.keys().isdisjoint(_CONDITIONS):
            return None
        word = self._conditional_operator("Expected")
        expected = self._parameters.get("Expected")
        if expected:
            return expected_test(expected, word)
        condition, values = self._condition("ConditionExpression"), self.values
        return None if condition is ALWAYS else lambda attributes: condition.holds(attributes, values)

    def filter(self, legacy_member: str) -> Test | None:
        """``FilterExpression``, or the older parameter; None if there is neither."""
        word = self._conditional_operator(legacy_member)
        legacy = self._parameters.get(legacy_member)
        if legacy:
            self._filtered = (f"{legacy_member}", frozenset(legacy))
            return filter_test(legacy, word)
        condition, values = self._condition("FilterExpression"), self.values
        if condition is ALWAYS:
            return None
        self._filtered = ("Filter Expression", frozenset(str(path[0]) for path in condition.used.paths))
        return lambda attributes: condition.holds(attributes, values)

    def check_filter(self, key_names: Iterable[str]) -> None:
        """Raise ApiError if the filter looks at one of the key's attributes, which belong into the key condition."""
        words, heads = self._filtered
        for name in key_names:
            if name in heads:
                raise validation_error(
                    f"{words} can only contain non-primary key attributes: Primary key attribute: {name}"
                )

    def check_filter_is_held(self, index_name: str, held: frozenset[str]) -> None:
        """Raise ApiError if the filter of a Query looks at what an index does not hold: it is not fetched for it.

        [USR] scylladb test_lsi
        """
        missing = sorted(self._filtered[1] - held)
        if missing:
            raise invalid_parameter(
                f"Secondary index {index_name} does not project one or more filter attributes: [{', '.join(missing)}]"
            )

    def projection(self) -> list[Path] | None:
        """``ProjectionExpression``, or the older ``AttributesToGet``; None: everything."""
        expression = self._parameters.get("ProjectionExpression")
        if expression is not None:
            self._read_placeholders()
            paths, used = _compile_projection(expression, tuple(self.names.items()))
            self._use(used)
            return list(paths)
        names = self._parameters.get("AttributesToGet")
        if names is None:
            return None
        if "" in names:
            raise invalid_parameter("Empty attribute name")
        for position, name in enumerate(names):
            if name in names[:position]:
                raise invalid_parameter(f"Duplicate value in attribute name: {name}")
        return [(name,) for name in names]

    def update(self) -> Update:
        """``UpdateExpression``, or the older ``AttributeUpdates``."""
        expression = self._parameters.get("UpdateExpression")
        if expression is None:
            return attribute_update(self._parameters.get("AttributeUpdates") or {})
        self._read_placeholders()
        update = compile_update(expression, self.names)
        update.check_values(self.values)
        self._use(update.used)
        return update

    def key_conditions(self) -> Callable[[], list[KeyCondition]]:
        """``KeyConditionExpression``, or the older ``KeyConditions``: its syntax now, what it says when called.

        AWS looks at the syntax of all expressions first. [USR] dynalite
        """
        expression = self._parameters.get("KeyConditionExpression")
        if expression is None:
            legacy = self._parameters.get("KeyConditions")
            if legacy is None:
                raise validation_error(
                    "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
                )
            return lambda: key_conditions(legacy)
        self._read_placeholders()
        compiled = compile_key_condition(expression, self.names)
        compiled.check_values(self.values)
        self._use(compiled.used)
        return lambda: compiled.resolve(self.values)

    def check_all_used(self) -> None:
        """Raise ApiError if a ``#name`` or ``:value`` was given that no expression uses."""
        self._read_placeholders()
        if len(self._names_used) < len(self.names) or len(self._values_used) < len(self.values):
            for words, given, used in (
                ("Names", self.names, self._names_used),
                ("Values", self.values, self._values_used),
            ):
                unused = [name for name in given if name not in used]
                if unused:
                    raise _unused(words, unused)


@lru_cache(maxsize=1024)
def _compile_projection(expression: str, names: tuple[tuple[str, str], ...]) -> tuple[tuple[Path, ...], Used]:
    parser = Parser(expression, dict(names), "ProjectionExpression")
    return tuple(parser.projection()), parser.used


def _unused(words: str, unused: list[str]) -> ApiError:
    return validation_error(
        f"Value provided in ExpressionAttribute{words} unused in expressions: keys: {{{', '.join(unused)}}}"
    )


def _check_placeholders(member: str, given: Mapping[str, Any]) -> None:
    if not given:
        raise validation_error(f"{member} must not be empty")
    pattern = _PLACEHOLDER[member]
    for name, value in given.items():
        if len(name) > PLACEHOLDER_BYTES:
            raise validation_error(
                f"{member} contains invalid key: The expression attribute map contains a key that is too long; size of "
                f"key: {len(name)}"
            )
        if not pattern.fullmatch(name):
            raise validation_error(f'{member} contains invalid key: Syntax error; key: "{name}"')
        if value == "":
            raise validation_error(f"{member} contains invalid value: Empty attribute name for key {name}")


def _read_placeholder(name: str, raw: Any) -> Any:
    try:
        return read_value(raw)
    except ApiError as error:
        if error.code != "ValidationException":
            raise
        raise validation_error(
            f"ExpressionAttributeValues contains invalid value: {error.message} for key {name}"
        ) from error
