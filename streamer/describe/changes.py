"""What changed between two descriptions of a service, and what of it breaks clients that know the old one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_WORDS: Final = ("summary", "description", "examples", "deprecated", "max_attempts", "timeout_seconds")

_DEPTH: Final = 8
"""How deep schemas are compared; they may contain themselves."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference."""

    text: str
    is_breaking: bool
    """Whether a client that was written for the old description may fail."""


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Differences of two documents as `Described.document` makes them."""
    found = [*_of_actions(old, new), *_of_topics(old, new)]
    if not found and old != new:
        found.append(Change("words changed", is_breaking=False))
    return found


def _of_actions(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = (_by_name(document["actions"]) for document in (old, new))
    yield from (Change(f"action {name} is gone", is_breaking=True) for name in sorted(before.keys() - after.keys()))
    yield from (Change(f"action {name} is new", is_breaking=False) for name in sorted(after.keys() - before.keys()))
    for name in sorted(before.keys() & after.keys()):
        one, other = before[name], after[name]
        if one["queued"] != other["queued"]:
            now = "queued" if other["queued"] else "quick"
            yield Change(f"action {name} is {now} now", is_breaking=True)
        added = sorted(set(other["permissions"]) - set(one["permissions"]))
        if added:
            yield Change(f"action {name} needs the permissions {', '.join(added)}", is_breaking=True)
        yield from _taken(f"the payload of {name}", _Pair(one["payload"], other["payload"]), old, new)
        yield from _given(f"the result of {name}", _Pair(one["result"], other["result"]), old, new)
        yield from (
            Change(f"{word} of action {name} changed", is_breaking=False) for word in _WORDS if one[word] != other[word]
        )


def _of_topics(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = (_by_name(document["topics"]) for document in (old, new))
    yield from (Change(f"topic {name} is gone", is_breaking=True) for name in sorted(before.keys() - after.keys()))
    yield from (Change(f"topic {name} is new", is_breaking=False) for name in sorted(after.keys() - before.keys()))
    for name in sorted(before.keys() & after.keys()):
        yield from _given(f"the data of topic {name}", _Pair(before[name]["data"], after[name]["data"]), old, new)


def _by_name(listed: Any) -> dict[str, Any]:
    return {each["name"]: each for each in listed}


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two schemas of the same thing, and how deep it lies."""

    one: Any
    other: Any
    depth: int = 0


def _taken(where: str, pair: _Pair, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What clients send: it breaks when less is allowed."""
    one, other = _resolved(pair.one, old), _resolved(pair.other, new)
    if pair.depth > _DEPTH:
        return
    inner = _inner(one, other, pair.depth)
    if inner:
        for each in inner:
            yield from _taken(where, each, old, new)
        return
    if not (_is_object(one) and _is_object(other)):
        if _plain(one) == _plain(other):
            return
        wider = not other or _kinds(one) < _kinds(other)
        yield Change(f"{where} is {_told(other)}, and was {_told(one)}", is_breaking=not wider)
        return
    before, after = one.get("properties", {}), other.get("properties", {})
    needed = set(other.get("required", ()))
    for name in sorted(needed - set(one.get("required", ()))):
        yield Change(f"{where} needs {name}", is_breaking=True)
    for name in sorted(after.keys() - before.keys() - needed):
        yield Change(f"{where} may have {name}", is_breaking=False)
    for name in sorted(before.keys() - after.keys()):
        yield Change(f"{where} has no {name} any more", is_breaking=other.get("additionalProperties") is False)
    for name in sorted(before.keys() & after.keys()):
        yield from _taken(f"{name} of {where}", _Pair(before[name], after[name], pair.depth + 1), old, new)


def _given(where: str, pair: _Pair, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What clients get: it breaks when something that they knew is missing or another."""
    one, other = _resolved(pair.one, old), _resolved(pair.other, new)
    if pair.depth > _DEPTH:
        return
    inner = _inner(one, other, pair.depth)
    if inner:
        for each in inner:
            yield from _given(where, each, old, new)
        return
    if not (_is_object(one) and _is_object(other)):
        if _plain(one) == _plain(other):
            return
        narrower = not one or _kinds(other) < _kinds(one)
        yield Change(f"{where} is {_told(other)}, and was {_told(one)}", is_breaking=not narrower)
        return
    before, after = one.get("properties", {}), other.get("properties", {})
    for name in sorted(before.keys() - after.keys()):
        yield Change(f"{where} has no {name} any more", is_breaking=True)
    for name in sorted(set(one.get("required", ())) & after.keys() - set(other.get("required", ()))):
        yield Change(f"{where} may be without {name}", is_breaking=True)
    for name in sorted(after.keys() - before.keys()):
        yield Change(f"{where} has {name}", is_breaking=False)
    for name in sorted(before.keys() & after.keys()):
        yield from _given(f"{name} of {where}", _Pair(before[name], after[name], pair.depth + 1), old, new)


def _resolved(schema: Any, document: Mapping[str, Any]) -> Any:
    if isinstance(schema, Mapping) and "$ref" in schema:
        return document["schemas"].get(str(schema["$ref"]).rpartition("/")[2], schema)
    return schema


def _inner(one: Any, other: Any, depth: int) -> list[_Pair]:
    """What two arrays hold, or what two choices of as many are between."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return []
    if one.get("items") and other.get("items"):
        return [_Pair(one["items"], other["items"], depth + 1)]
    choices, others = one.get("anyOf", ()), other.get("anyOf", ())
    if len(choices) != len(others):
        return []
    return [_Pair(each, another, depth + 1) for each, another in zip(choices, others, strict=True)]


def _is_object(schema: Any) -> bool:
    return isinstance(schema, Mapping) and "properties" in schema


def _kinds(schema: Any) -> frozenset[str]:
    """The kinds of values that a schema allows, as far as it is simple."""
    if not isinstance(schema, Mapping):
        return frozenset({"anything"})
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return frozenset().union(*(_kinds(each) for each in choices))
    if "enum" in schema or "const" in schema:
        return frozenset(repr(each) for each in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    return frozenset(kind if isinstance(kind, list) else [str(kind)])


def _plain(schema: Any) -> Any:
    """Without what is said to people."""
    if not isinstance(schema, Mapping):
        return schema
    return {word: value for word, value in schema.items() if word not in ("default", "description", "examples")}


def _told(schema: Any) -> str:
    return "an object" if _is_object(schema) else " or ".join(sorted(_kinds(schema))) if schema else "anything"
