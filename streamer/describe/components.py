"""Schemas with names, each once, and what stands in their place. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from streamer.describe.schemas import Schema

REFERENCE: Final = "#/schemas/"
"""How references to components begin."""

_DEFINITIONS: Final = ("$defs", "definitions")
_BY_NAME: Final = ("properties", "patternProperties", "dependentSchemas", *_DEFINITIONS)
"""Words of JSON Schema below which keys are names, no words."""
_VALUES: Final = ("enum", "const", "default", "examples")
"""Words below which there are values, no schemas."""
_LISTS: Final = ("required", "enum", "allOf", "anyOf", "oneOf", "prefixItems")
"""Words of JSON Schema below which there is a list."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """What references lead to, in the schema that they stand in and those around it."""

    raw: Mapping[str, Any] = field(default_factory=dict)
    """By reference: the definition as it was written."""
    names: Mapping[str, str] = field(default_factory=dict)
    """By reference: the component it became."""


class Components:
    """Schemas with names, each once; what stands in their place refers to them."""

    def __init__(self) -> None:
        """Empty."""
        self.schemas: dict[str, Schema] = {}
        self._sources: dict[str, str] = {}

    def add(self, schema: Schema, name: str) -> Schema:
        """Put a schema and its definitions in; a reference to it, or the schema itself if it is no object.

        Args:
            schema: as `schema_of` gives it.
            name: what to call it if it has no title of its own.

        Raises:
            ValueError: it refers to what it does not define.
            TypeError: it is no JSON Schema, as one whose `properties` are a list.
        """
        body = {key: value for key, value in schema.items() if key not in _DEFINITIONS}
        is_named = (body.get("type") == "object" and bool(body.get("properties"))) or "#" in _references(schema)
        if not is_named:
            bare: Schema = self._cleaned(schema, _Scope())
            return bare
        chosen, is_new = self._chosen(str(schema.get("title") or name), _source(schema, _Scope()))
        if is_new:
            self.schemas[chosen] = self._cleaned(schema, _Scope(names={"#": chosen}))
        return {"$ref": REFERENCE + chosen}

    def _chosen(self, text: str, source: str) -> tuple[str, bool]:
        """The name of a component that is made of this, and whether there was none."""
        chosen = name = _name(text)
        number = 1
        while self._sources.get(chosen, source) != source:
            number += 1
            chosen = f"{name}{number}"
        is_new = chosen not in self._sources
        self._sources[chosen] = source
        return chosen, is_new

    def _opened(self, schema: Schema, scope: _Scope) -> _Scope:
        """The scope inside of a schema, whose definitions become components."""
        inside = _inside(schema, scope)
        names, new = dict(scope.names), {}
        for reference, inner in inside.raw.items():
            if scope.raw.get(reference) is inner:
                continue
            names[reference], is_new = self._chosen(reference.rpartition("/")[2], _source(inner, inside))
            if is_new:
                new[names[reference]] = inner
        opened = _Scope(inside.raw, names)
        for name, inner in new.items():
            self.schemas[name] = self._cleaned(inner, opened)
        return opened

    def _cleaned(self, value: Any, scope: _Scope, *, is_by_name: bool = False) -> Any:
        """Without the titles that repeat a field's name, and with references to where the definitions are now."""
        if isinstance(value, list):
            return [self._cleaned(each, scope) for each in value]
        if not isinstance(value, dict):
            return value
        if is_by_name:
            return {key: self._cleaned(inner, scope) for key, inner in value.items()}
        _check(value)
        scope = self._opened(value, scope)
        cleaned: dict[str, Any] = {}
        for key, inner in value.items():
            if key in _DEFINITIONS or (key == "title" and isinstance(inner, str)):
                continue
            if key == "$ref" and isinstance(inner, str):
                cleaned[key] = _referred(inner, scope)
            elif key == "discriminator" and isinstance(inner, dict) and isinstance(inner.get("mapping"), dict):
                mapping = {value: _referred(each, scope) for value, each in inner["mapping"].items()}
                cleaned[key] = {**inner, "mapping": mapping}
            elif key in _VALUES:
                cleaned[key] = inner
            else:
                cleaned[key] = self._cleaned(inner, scope, is_by_name=key in _BY_NAME)
        return cleaned


def rewritten(value: Any, change: Callable[[Schema], Schema]) -> Any:
    """A schema after a change of each schema in it, the inner ones first; names and values are left alone."""
    if isinstance(value, list):
        return [rewritten(each, change) for each in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for key, inner in value.items():
        if key in _VALUES:
            made[key] = inner
        elif key in _BY_NAME and isinstance(inner, dict):
            made[key] = {name: rewritten(each, change) for name, each in inner.items()}
        else:
            made[key] = rewritten(inner, change)
    return change(made)


def component(schema: Mapping[str, Any]) -> str | None:
    """The name of the component that a schema refers to; None: it refers to none."""
    reference = schema.get("$ref")
    return reference.removeprefix(REFERENCE) if isinstance(reference, str) and REFERENCE in reference else None


def other_names(names: Collection[str], taken: Collection[str]) -> dict[str, str]:
    """By name: another one for each that a language, or what is written around it, has taken."""
    found: dict[str, str] = {}
    for name in names:
        if name in taken:
            chosen = f"{name}Model"
            while chosen in names or chosen in found.values():
                chosen += "_"
            found[name] = chosen
    return found


def _check(schema: Schema) -> None:
    for words, kind, called in ((_BY_NAME, dict, "object"), (_LISTS, list, "list")):
        for word in words:
            if not isinstance(schema.get(word, kind()), kind):
                raise TypeError(f"its {word} is no {called}")


def _inside(schema: Schema, scope: _Scope) -> _Scope:
    own = {
        f"#/{word}/{key}": inner
        for word in _DEFINITIONS
        if isinstance(schema.get(word), dict)
        for key, inner in schema[word].items()
    }
    return _Scope({**scope.raw, **own}, scope.names) if own else scope


def _referred(reference: str, scope: _Scope) -> str:
    if not reference.startswith("#"):
        return reference  # another document
    for each in (reference, unquote(reference).replace("~1", "/").replace("~0", "~")):
        if each in scope.names:
            return REFERENCE + scope.names[each]
    raise ValueError(f"it refers to {reference}, which is none of its definitions")


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _references(each)


def _source(schema: Any, scope: _Scope) -> str:
    """What a component is made of, definitions that it refers to included: the same text, the same component."""
    inside = _inside(schema, scope) if isinstance(schema, dict) else scope
    body = {k: v for k, v in schema.items() if k not in _DEFINITIONS} if isinstance(schema, dict) else schema
    reached: dict[str, Any] = {}
    waiting = [body]
    while waiting:
        for reference in _references(waiting.pop()):
            if reference in inside.raw and reference not in reached:
                reached[reference] = inside.raw[reference]
                waiting.append(inside.raw[reference])
    return json.dumps([body, reached], sort_keys=True)


def _name(text: str) -> str:
    """A name that every language takes: ``sales-report.v2`` becomes ``SalesReportV2``."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[0].upper() + word[1:] for word in words) or "Schema"
    return name if name[0].isalpha() else f"S{name}"
