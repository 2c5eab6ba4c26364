"""Whether a schema allows all that another one does, as far as that is plain to see. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ANNOTATIONS: Final = frozenset({"default", "deprecated", "description", "discriminator", "examples", "title"})
"""Words of JSON Schema that allow and forbid nothing."""
_LEAST: Final = frozenset({"exclusiveMinimum", "minItems", "minLength", "minProperties", "minimum"})
_MOST: Final = frozenset({"exclusiveMaximum", "maxItems", "maxLength", "maxProperties", "maximum"})
_KINDS: Final = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array"}


def reference(schema: Any) -> str:
    """The name that a schema refers to; empty: it refers to none."""
    return str(schema["$ref"]).rpartition("/")[2] if isinstance(schema, Mapping) and "$ref" in schema else ""


def resolved(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """What a schema refers to in the end; itself where it refers to nothing that is known."""
    seen = set()
    while (name := reference(schema)) and name not in seen and name in schemas:
        seen.add(name)
        schema = schemas[name]
    return schema


@dataclass(frozen=True, slots=True)
class Covering:
    """Compares schemas of two documents; what contains itself is taken to be as it was."""

    wide_schemas: Mapping[str, Any]
    narrow_schemas: Mapping[str, Any]
    assumed: frozenset[tuple[str, str]] = frozenset()
    """Pairs that are being compared, as texts."""

    def covers(self, wide: Any, narrow: Any) -> bool:
        """Whether every value that ``narrow`` allows is one that ``wide`` allows; False where it is not certain.

        None is a schema of which nothing is known. Where both name fields, one that only ``wide`` names is in no value.
        """
        if wide is None or wide is True or wide == {} or narrow is False:
            return True
        if reference(wide) or reference(narrow):
            both = _text(wide), _text(narrow)
            if both in self.assumed:
                return True
            inside = Covering(self.wide_schemas, self.narrow_schemas, self.assumed | {both})
            one, other = resolved(wide, self.wide_schemas), resolved(narrow, self.narrow_schemas)
            return inside.covers(one, other) if (one, other) != (wide, narrow) else wide == narrow
        narrow = narrow if isinstance(narrow, Mapping) else {}
        if several := list(_choices(narrow)):
            return all(self.covers(wide, each) for each in several)
        if not isinstance(wide, Mapping):
            return False
        if several := list(_choices(wide)):
            return any(self.covers(each, narrow) for each in several)
        return all(self._holds(word, wide[word], narrow) for word in wide if word not in ANNOTATIONS)

    def _holds(self, word: str, allowed: Any, narrow: Mapping[str, Any]) -> bool:
        """Whether what one word of a schema wants is true of all that another one allows."""
        own = narrow.get(word)
        if word == "type":
            kind = _KINDS.get(type(narrow["const"]), "object") if "const" in narrow else own
            return kind == allowed or (kind, allowed) == ("integer", "number")
        if word in _LEAST | _MOST and _is_number(own) and _is_number(allowed):
            return bool(own >= allowed if word in _LEAST else own <= allowed)
        if word == "required":
            return set(allowed) <= set(own or ())
        if word == "properties":
            other = False if own else narrow.get("additionalProperties", True)
            return all(self.covers(each, (own or {}).get(name, other)) for name, each in allowed.items())
        if word in ("items", "additionalProperties") and not isinstance(allowed, list):
            return self.covers(allowed, narrow.get(word, True))
        return word in narrow and _text(own) == _text(allowed)


def _text(schema: Any) -> str:
    return json.dumps(schema, sort_keys=True)


def _is_number(value: Any) -> bool:
    """Not whether a limit counts itself, which draft 4 says of it by true or false."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _choices(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Schemas one of which is that of a value; none: there is no choice."""
    if values := schema.get("enum"):
        yield from ({"const": value} for value in values)
    elif isinstance(kinds := schema.get("type"), list):
        yield from ({**schema, "type": kind} for kind in kinds)
    elif schema.keys() - ANNOTATIONS in ({"anyOf"}, {"oneOf"}):
        yield from schema.get("anyOf") or schema["oneOf"]
