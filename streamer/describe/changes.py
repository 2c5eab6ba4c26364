"""What changed between two descriptions of a service, and what of it breaks clients that know the old one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamer.describe.covering import ANNOTATIONS, Covering, reference, resolved

_WORDS: Final = ("summary", "description", "examples", "deprecated", "max_attempts", "timeout_seconds")

_DEPTH: Final = 8
"""How deep schemas are compared; they may contain themselves."""

_HOLDING: Final = ("items", "additionalItems", "additionalProperties")
_CHOICES: Final = ("anyOf", "oneOf", "allOf")
_SEVERAL: Final = (*_CHOICES, "prefixItems", "items")
"""Words with one schema, with several in any order, and with several, each of which is compared for itself."""


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
    """Two schemas of the same thing, how deep it lies, and the schemas with names around it."""

    one: Any
    other: Any
    depth: int = 0
    around: frozenset[tuple[str, str]] = frozenset()

    def inner(self, one: Any, other: Any) -> _Pair:
        return _Pair(one, other, self.depth + 1, self._with_own())

    @property
    def is_known(self) -> bool:
        """Whether these two contain themselves, or lie too deep."""
        return self.depth > _DEPTH or bool(self._own() & self.around)

    def _with_own(self) -> frozenset[tuple[str, str]]:
        return self.around | self._own()

    def _own(self) -> frozenset[tuple[str, str]]:
        names = [reference(each) for each in (self.one, self.other)]
        return frozenset({(names[0], names[1])}) if all(names) else frozenset()


def _taken(where: str, pair: _Pair, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What clients send: it breaks when less is allowed."""
    one, other = resolved(pair.one, old["schemas"]), resolved(pair.other, new["schemas"])
    if pair.is_known:
        return
    for each in _inner(one, other, pair):
        yield from _taken(where, each, old, new)
    before, after = _rest(one, other)
    if _plain(before) != _plain(after):
        wider = Covering(new["schemas"], old["schemas"]).covers(after, before)
        yield Change(_now(where, before, after), is_breaking=not wider)
    if not (_is_object(one) and _is_object(other)):
        return
    before, after = one.get("properties", {}), other.get("properties", {})
    needed = set(other.get("required", ()))
    if other.get("additionalProperties") is False and one.get("additionalProperties") is not False:
        yield Change(f"{where} takes no fields that it does not name any more", is_breaking=True)
    for name in sorted(needed - set(one.get("required", ()))):
        yield Change(f"{where} needs {name}", is_breaking=True)
    for name in sorted(after.keys() - before.keys() - needed):
        yield Change(f"{where} may have {name}", is_breaking=False)
    for name in sorted(before.keys() - after.keys()):
        yield Change(f"{where} has no {name} any more", is_breaking=other.get("additionalProperties") is False)
    for name in sorted(before.keys() & after.keys()):
        yield from _taken(f"{name} of {where}", pair.inner(before[name], after[name]), old, new)


def _given(where: str, pair: _Pair, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What clients get: it breaks when something that they knew is missing or another."""
    one, other = resolved(pair.one, old["schemas"]), resolved(pair.other, new["schemas"])
    if pair.is_known:
        return
    for each in _inner(one, other, pair):
        yield from _given(where, each, old, new)
    before, after = _rest(one, other)
    if _plain(before) != _plain(after):
        narrower = Covering(old["schemas"], new["schemas"]).covers(before, after)
        yield Change(_now(where, before, after), is_breaking=not narrower)
    if not (_is_object(one) and _is_object(other)):
        return
    before, after = one.get("properties", {}), other.get("properties", {})
    for name in sorted(before.keys() - after.keys()):
        yield Change(f"{where} has no {name} any more", is_breaking=True)
    for name in sorted(set(one.get("required", ())) & after.keys() - set(other.get("required", ()))):
        yield Change(f"{where} may be without {name}", is_breaking=True)
    for name in sorted(after.keys() - before.keys()):
        yield Change(f"{where} has {name}", is_breaking=False)
    for name in sorted(before.keys() & after.keys()):
        yield from _given(f"{name} of {where}", pair.inner(before[name], after[name]), old, new)


def _rest(one: Any, other: Any) -> tuple[Any, Any]:
    """What is not compared field by field: all, unless both are objects with fields."""
    if not (_is_object(one) and _is_object(other)):
        return one, other
    told = {"properties", "required"}
    if any(each.get("additionalProperties") is False for each in (one, other)):
        told.add("additionalProperties")
    before, after = ({word: value for word, value in each.items() if word not in told} for each in (one, other))
    return before, after


def _inner(one: Any, other: Any, pair: _Pair) -> list[_Pair]:
    """What two arrays or mappings hold, or what two choices are between."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return []
    found = [(one[word], other[word]) for word in _HOLDING if _are(Mapping, one.get(word), other.get(word))]
    for word in _SEVERAL:
        if not _are(list, one.get(word), other.get(word)):
            continue
        known = set(map(reference, one[word])) & set(map(reference, other[word])) - {""} if word in _CHOICES else set()
        found += [
            (a, b) for a in one[word] for b in other[word] if reference(a) in known and reference(a) == reference(b)
        ]
        # In whichever order: what has the same name is compared, and of the rest what stands in the same place.
        left = [[each for each in schema[word] if reference(each) not in known] for schema in (one, other)]
        if len(left[0]) == len(left[1]):
            found += zip(*left, strict=True)
    return [pair.inner(a, b) for a, b in found if a and b]


def _are(kind: type, *values: Any) -> bool:
    return all(isinstance(each, kind) for each in values)


def _is_object(schema: Any) -> bool:
    return isinstance(schema, Mapping) and "properties" in schema


def _kinds(schema: Any) -> frozenset[str]:
    """The kinds of values that a schema allows, as far as it is simple."""
    if not isinstance(schema, Mapping):
        return frozenset({"anything"})
    if name := reference(schema):
        return frozenset({name})
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return frozenset().union(*(_kinds(each) for each in choices))
    if "enum" in schema or "const" in schema:
        return frozenset(repr(each) for each in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    return frozenset(kind if isinstance(kind, list) else [str(kind)])


def _plain(schema: Any) -> Any:
    """Without what is said to people, and what `_inner` goes into."""
    if not isinstance(schema, Mapping):
        return schema
    told = {word: value for word, value in schema.items() if word not in ANNOTATIONS}
    for word in _HOLDING:
        if told.get(word) is True or told.get(word) == {}:
            del told[word]  # that anything may be there says nothing
        elif isinstance(told.get(word), Mapping):
            told[word] = True
    return told | {word: sorted(map(_choice, told[word])) for word in _SEVERAL if isinstance(told.get(word), list)}


def _choice(schema: Any) -> str:
    return " ".join(sorted(_kinds(schema)))


def _now(where: str, one: Any, other: Any) -> str:
    if _told(one) != _told(other) or not _are(Mapping, one, other):
        return f"{where} is {_told(other)}, and was {_told(one)}"
    before, after = _plain(one), _plain(other)
    words = [word for word in sorted({*before, *after}) if before.get(word) != after.get(word)]
    return f"{where} has another {' and '.join(words)}"


def _told(schema: Any) -> str:
    return "an object" if _is_object(schema) else " or ".join(sorted(_kinds(schema))) if schema else "anything"
