"""A service as TypeScript: type aliases, ``Actions`` and ``Topics`` for the JavaScript client. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from streamer.describe.components import component
from streamer.describe.service import Described, named_apart

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
    lines += ["};", "", "export type Topics = {"]
    lines += [f"  {_key(topic.name)}: {type_text(topic.data)};" for topic in described.topics]
    return "\n".join([*lines, "};", ""])


def type_text(schema: Any) -> str:  # noqa: C901 - one branch for each word of JSON Schema
    """A schema as a type."""
    if schema is None or schema is True or schema == {}:
        return "any"
    if schema is False:
        return "never"
    if "$ref" in schema:
        return component(schema) or "any"
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " | ".join(dict.fromkeys(_within(each) for each in schema[word]))
    if "allOf" in schema:
        return " & ".join(f"({each})" if " | " in each else each for each in map(type_text, schema["allOf"]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(type_text({**schema, "type": each}) for each in kind)
    if kind == "array":
        return _array(schema)
    if kind == "object" or "properties" in schema:
        return _object(schema)
    return _SIMPLE.get(str(kind), "any")


def _within(schema: Any) -> str:
    inner = type_text(schema)
    return f"({inner})" if re.search(r" [|&] ", inner) and not inner.startswith("{") else inner


def _array(schema: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(type_text(each) for each in schema['prefixItems'])}]"
    return f"Array<{type_text(schema.get('items'))}>"


def _object(schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    fields = [
        f"{_key(name)}{'' if name in required else '?'}: {type_text(inner)}"
        for name, inner in schema.get("properties", {}).items()
    ]
    more = schema.get("additionalProperties")
    if not fields:
        return f"Record<string, {type_text(more)}>"
    known = "{ " + "; ".join(fields) + " }"
    return f"{known} & Record<string, {type_text(more)}>" if isinstance(more, dict) and more else known


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) else json.dumps(name)
