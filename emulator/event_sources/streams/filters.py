"""FilterCriteria of an event source mapping: EventBridge patterns, with the quirks they have on stream records. Pure.

Supported are the comparisons that Lambda documents: exact values, ``null``, ``prefix``, ``suffix``,
``equals-ignore-case``, ``anything-but``, ``numeric``, ``exists`` and ``$or``; and ``cidr``, which AWS's samples have.
What else it does not document is refused. [DOC] lambda-docs:invocation-eventfiltering; [USR] serverless-patterns #1061
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from streamer.errors import TopologyError

from ...foundation.json_bytes import is_number, parsed_json

PATTERN_CHARACTERS: Final = 4096
"""Longest pattern as JSON. [DOC] lambda-docs: API_Filter"""

BODY: Final = "body"
"""What was sent to a queue."""
DATA: Final = "data"
"""What was put into a stream of Kinesis."""
CHANGE: Final = "dynamodb"
"""What happened to an item."""

AWS_MESSAGE: Final = "Invalid filter pattern definition."
"""What CreateEventSourceMapping answers (``InvalidParameterValueException``). [REC] I21"""


class InvalidFilterPatternError(TopologyError):
    """AWS would refuse the filter; the message is AWS's text and then what is wrong with it."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{AWS_MESSAGE} {problem}")
        self.problem = problem


class _Missing:
    """Stands for a field that a record does not have."""


_MISSING: Final = _Missing()
_Test = Callable[[Any], bool]
Operator = Callable[[Any, str], Callable[[Any], bool]]
"""Compiles a comparison's operand, given where it stands, to a test of one leaf."""
_Operators = Mapping[str, Operator]


class Filter(Struct, frozen=True):
    """Compiled filters of one mapping, OR-ed; none at all lets every record pass. [DOC] I31"""

    _patterns: tuple[_Test, ...]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the function gets this record; no pattern looks into what is nested deeper than can be followed."""
        try:
            return not self._patterns or any(pattern(event) for pattern in self._patterns)
        except RecursionError:
            return False


def compile_filters(patterns: Iterable[Mapping[str, Any] | str], content: str | None = None) -> Filter:
    """Compile patterns, each an object or its JSON text.

    ``content`` is the key of a record that holds what was sent, read as JSON where it is that: what the sender says in
    the other format than the pattern does not pass. None: records have no such key.

    Raises:
        InvalidFilterPatternError: AWS would refuse one of them.
    """
    return Filter(tuple(_pattern(pattern, _OPERATORS, content=content) for pattern in patterns))


def compile_pattern(
    pattern: Mapping[str, Any] | str, more: Mapping[str, Operator], *, longest: int = PATTERN_CHARACTERS
) -> Filter:
    """Compile one pattern that may have further comparisons, or others instead of Lambda's.

    Raises:
        InvalidFilterPatternError: it is wrong.
    """
    return Filter((_pattern(pattern, {**_OPERATORS, **more}, longest),))


def _pattern(
    pattern: Mapping[str, Any] | str,
    operators: _Operators,
    longest: int = PATTERN_CHARACTERS,
    *,
    content: str | None = None,
) -> _Test:
    if isinstance(pattern, str):
        try:
            pattern = parsed_json(pattern)
        except ValueError as error:
            raise InvalidFilterPatternError(f"It is not JSON: {error}.") from error
    if not isinstance(pattern, Mapping):
        raise InvalidFilterPatternError("It must be a JSON object.")
    try:
        if len(json.dumps(pattern, separators=(",", ":"), ensure_ascii=False)) > longest:
            raise InvalidFilterPatternError(f"It is longer than {longest} characters.")
        test = _object(pattern, "the pattern", operators)
    except RecursionError as error:
        raise InvalidFilterPatternError("It is nested too deeply.") from error
    return test if content is None or content not in pattern else _in_one_format(test, pattern[content], content)


def _in_one_format(test: _Test, wanted: Any, content: str) -> _Test:
    """A text has no fields that could be missing, and what is JSON is no text; of streams, none is asked for.

    [DOC] lambda-docs:with-sqs-filtering, with-kinesis-filtering, with-ddb-filtering
    """
    if content != BODY and not isinstance(wanted, Mapping):
        raise InvalidFilterPatternError(f"the pattern.{content} must be an object: only queues have texts.")
    other = str if isinstance(wanted, Mapping) else Mapping | list
    return lambda event: not isinstance(event.get(content), other) and test(event)


def _object(pattern: Mapping[str, Any], where: str, operators: _Operators) -> _Test:
    if not pattern:
        raise InvalidFilterPatternError(f"{where} is an empty object.")
    tests: list[_Test] = []
    for name, wanted in pattern.items():
        if name == "$or" and _is_alternatives(wanted, operators):
            tests.append(_any(tuple(_object(alternative, f"{where}.$or", operators) for alternative in wanted)))
        else:
            tests.append(_field(name, _value(wanted, f"{where}.{name}", operators)))

    def matches(value: Any) -> bool:
        if isinstance(value, list):
            # All comparisons of one pattern must hold in the same element.
            return any(matches(element) for element in value) if value else matches(_MISSING)
        return all(test(value) for test in tests)

    return matches


def _any(tests: Sequence[_Test]) -> _Test:
    return lambda value: any(test(value) for test in tests)


def _is_alternatives(wanted: Any, operators: _Operators) -> bool:
    # A field may be called "$or" too: only two or more objects without operators are alternatives. [DOC] EventBridge
    return (
        isinstance(wanted, Sequence)
        and not isinstance(wanted, str)
        and len(wanted) > 1
        and all(isinstance(one, Mapping) and not (operators.keys() & one.keys()) for one in wanted)
    )


def _field(name: str, test: _Test) -> _Test:
    def matches(value: Any) -> bool:
        if not isinstance(value, Mapping):
            return test(_MISSING)
        return test(value[name]) if name in value else _joined(value, name, test)

    return matches


def _joined(value: Mapping[str, Any], name: str, test: _Test) -> bool:
    """A field by its path's names joined by dots: ``a.b`` is ``b`` in ``a``, either way. [REC] ls-snap dot_joining_*"""
    below = {key[len(name) + 1 :]: each for key, each in value.items() if key.startswith(f"{name}.")}
    if below:
        return test(below)
    for at, sign in enumerate(name):
        if sign == "." and name[:at] in value:
            inner, matches = value[name[:at]], _field(name[at + 1 :], test)
            return any(map(matches, inner)) if isinstance(inner, list) and inner else matches(inner)
    return test(_MISSING)


def _value(wanted: Any, where: str, operators: _Operators) -> _Test:
    if isinstance(wanted, Mapping):
        return _object(wanted, where, operators)
    if not isinstance(wanted, list | tuple):
        raise InvalidFilterPatternError(f"{where} must be an object or a list of values.")
    if not wanted:
        raise InvalidFilterPatternError(f"{where} is an empty list.")
    rules = tuple(_rule(rule, where, operators) for rule in wanted)

    def matches(value: Any) -> bool:
        # [REC] I33: comparisons see leaves only; an attribute without its type level is a map, thus no leaf at all.
        leaves = tuple(_leaves(value)) or (_MISSING,)
        return any(rule(leaf) for rule in rules for leaf in leaves)

    return matches


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        for element in value:
            yield from _leaves(element)
    elif not isinstance(value, Mapping | _Missing):
        yield value


def _rule(rule: Any, where: str, operators: _Operators) -> _Test:
    if isinstance(rule, Mapping):
        if len(rule) != 1:
            raise InvalidFilterPatternError(f"{where}: a comparison has exactly one operator.")
        ((name, operand),) = rule.items()
        if name not in operators:
            known = ", ".join(sorted(operators))
            raise InvalidFilterPatternError(f"{where}: there is no comparison {name!r}; there are: {known}.")
        return operators[name](operand, where)
    if isinstance(rule, list | tuple):
        raise InvalidFilterPatternError(f"{where}: a list cannot contain a list.")
    return lambda leaf: _equal(leaf, rule)


def _equal(leaf: Any, wanted: Any) -> bool:
    # [REC] I32: exact and case-sensitive; "5" is not 5, and true is not 1.
    if is_number(leaf) and is_number(wanted):
        return bool(leaf == wanted)
    return type(leaf) is type(wanted) and bool(leaf == wanted)


# operators


def _affix(name: str, has_affix: Callable[[str, str], bool]) -> Callable[[Any, str], _Test]:
    def compiled(operand: Any, where: str) -> _Test:
        if isinstance(operand, Mapping) and list(operand) == ["equals-ignore-case"]:
            folded = _text(operand["equals-ignore-case"], name, where).lower()
            return lambda leaf: isinstance(leaf, str) and has_affix(leaf.lower(), folded)
        text = _text(operand, name, where)
        return lambda leaf: isinstance(leaf, str) and has_affix(leaf, text)

    return compiled


def _ignore_case(operand: Any, where: str) -> _Test:
    folded = _text(operand, "equals-ignore-case", where).lower()
    return lambda leaf: isinstance(leaf, str) and leaf.lower() == folded


def _exists(operand: Any, where: str) -> _Test:
    if not isinstance(operand, bool):
        raise InvalidFilterPatternError(f"{where}: exists takes true or false.")
    return lambda leaf: (leaf is not _MISSING) is operand


def _anything_but(operand: Any, where: str) -> _Test:
    values = operand if isinstance(operand, list | tuple) else (operand,)
    if not values or not (all(isinstance(v, str) for v in values) or all(is_number(v) for v in values)):
        raise InvalidFilterPatternError(f"{where}: anything-but takes strings or numbers, not both and no operator.")
    return lambda leaf: leaf is not _MISSING and not any(_equal(leaf, value) for value in values)


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _numeric(operand: Any, where: str) -> _Test:
    if not isinstance(operand, list | tuple) or len(operand) not in (2, 4):
        raise InvalidFilterPatternError(f'{where}: numeric takes [">", 0] or [">", 0, "<=", 5].')
    signs, bounds = operand[0::2], operand[1::2]
    if not all(isinstance(sign, str) and sign in _COMPARISONS for sign in signs) or not all(map(is_number, bounds)):
        raise InvalidFilterPatternError(f"{where}: numeric takes pairs of a comparison and a number.")
    if len(signs) == 2 and not (signs[0] in (">", ">=") and signs[1] in ("<", "<=") and bounds[0] < bounds[1]):
        raise InvalidFilterPatternError(f"{where}: a numeric range goes from a lower to a higher bound.")
    tests = [(_COMPARISONS[sign], bound) for sign, bound in zip(signs, bounds, strict=True)]
    # [REC] I32: {"N": "5"} is a string, so this never matches it; ApproximateCreationDateTime is a number.
    return lambda leaf: is_number(leaf) and all(compare(leaf, bound) for compare, bound in tests)


def _text(operand: Any, name: str, where: str) -> str:
    if not isinstance(operand, str):
        raise InvalidFilterPatternError(f"{where}: {name} takes a string.")
    return operand


def _cidr(operand: Any, where: str) -> _Test:
    import ipaddress  # noqa: PLC0415 - 5 ms that few need

    wrong = InvalidFilterPatternError(f"{where}: cidr takes a network such as 10.0.0.0/24.")
    if not isinstance(operand, str) or "/" not in operand:  # [USR] aws/event-ruler refuses an address alone
        raise wrong
    try:
        network = ipaddress.ip_network(operand, strict=False)
    except ValueError as error:
        raise wrong from error

    def matches(leaf: Any) -> bool:
        try:
            return isinstance(leaf, str) and ipaddress.ip_address(leaf) in network
        except ValueError:
            return False

    return matches


_OPERATORS: Final[_Operators] = {
    "prefix": _affix("prefix", str.startswith),
    "suffix": _affix("suffix", str.endswith),
    "equals-ignore-case": _ignore_case,
    "exists": _exists,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
}
