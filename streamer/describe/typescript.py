"""A service as TypeScript: type aliases, ``Actions`` and ``Topics`` for the JavaScript client. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from streamer.describe.components import component
from streamer.describe.service import Described, named_apart

_ANY_OBJECT: Final = "Record<string, any>"
_SIMPLE: Final = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}
_TAKEN: Final = frozenset({"Actions", "Array", "Record", "Topics"})
_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def text(described: Described) -> str:
    """The module's text.

    Aliases rather than interfaces: an interface does not satisfy the index signature of the client's parameter.
    """
    described = named_apart(described, _TAKEN)
    called = " ".join(f"{described.info.title} {described.info.version}".split())
    lines = [f"// {called}, by `streamer describe`.", ""]
    for name, schema in described.schemas.items():
        lines += [f"export type {name} = {type_text(schema)};", ""]
    lines.append("export type Actions = {")
    for action in described.actions:
        words = [action.summary, "@deprecated" if action.deprecated else ""]
        lines += [f"  /** {each.replace('*/', '* /')} */" for each in [" ".join(filter(None, words))] if each]
        payload = f"payload{'?' if action.payload is None else ''}: {type_text(action.payload)}"
        lines.append(f"  {_key(action.name)}: {{ {payload}; result: {type_text(action.result)} }};")
    topics = "".join(f"  {_key(topic.name)}: {type_text(topic.data)};\n" for topic in described.topics)
    # A topic needs no declaration: where none has one, any may be meant.
    told = f"{{\n{topics}}}" if topics else _ANY_OBJECT
    return "\n".join([*lines, "};", "", f"export type Topics = {told};", ""])


def type_text(schema: Any) -> str:
    """A schema as a type."""
    if schema is False:
        return "never"
    if not isinstance(schema, Mapping):
        return "any"
    if "$ref" in schema:
        return component(schema) or "any"
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"]) or "never"
    return _all_of(
        [
            _own(schema),
            *(_any_of(schema[word]) for word in ("anyOf", "oneOf") if word in schema),
            *(type_text(each) for each in schema.get("allOf", ())),
        ]
    )


def _own(schema: Mapping[str, Any]) -> str:
    """What a schema says beside its choices."""
    kind = schema.get("type")
    if isinstance(kind, list):
        return _either(_own({**schema, "type": each}) for each in kind)
    if kind == "array":
        return _array(schema)
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema)
    return _SIMPLE.get(str(kind), "any")


def _any_of(schemas: Sequence[Any]) -> str:
    return _either(map(type_text, schemas))


def _either(texts: Iterable[str]) -> str:
    kinds = dict.fromkeys(texts)
    return "any" if "any" in kinds else " | ".join(kinds)


def _all_of(texts: Sequence[str]) -> str:
    """What holds all at once; what says little, as that it is an object, is left out where another says more."""
    said = dict.fromkeys(each for each in texts if each != "any")
    telling = [each for each in said if each != _ANY_OBJECT] or list(said)
    if len(telling) < 2:
        return "".join(telling) or "any"
    return " & ".join(f"({each})" if " | " in each else each for each in telling)


def _array(schema: Mapping[str, Any]) -> str:
    items = schema.get("prefixItems", schema.get("items"))
    if isinstance(items, list):  # the latter up to draft 7
        return f"[{', '.join(map(type_text, items))}]"
    return f"Array<{type_text(items)}>"


def _object(schema: Mapping[str, Any]) -> str:
    properties = schema.get("properties", {})
    required = set(schema.get("required", ()))
    types = {name: type_text(inner) for name, inner in properties.items()}
    more = schema.get("additionalProperties")
    others = "any" if "patternProperties" in schema else type_text(more)
    if not types:
        return f"Record<string, {others}>"
    fields = [f"{_key(name)}{'' if name in required else '?'}: {text}" for name, text in types.items()]
    if more or "patternProperties" in schema:
        # TypeScript wants each field to be of this type as well, and an optional one may be undefined.
        missing = () if required.issuperset(types) else ("undefined",)
        fields.append(f"[more: string]: {_either([*types.values(), others, *missing])}")
    return "{ " + "; ".join(fields) + " }"


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) else json.dumps(name)
