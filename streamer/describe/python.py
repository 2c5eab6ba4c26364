"""A service as Python: TypedDicts, and a protocol that the Python client satisfies. Pure."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any, Final

from streamer.describe.components import component
from streamer.describe.service import Described, DescribedAction, named_apart

_SIMPLE: Final = {"string": "str", "number": "float", "integer": "int", "boolean": "bool", "null": "None"}
_HEAD: Final = '''"""Types of {title} {version}, made by ``streamer describe --format python``.

A function that gives a ``StreamerClient(url, token)`` as a ``Client`` has type checkers know every action.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Literal, NotRequired, Protocol, TypeAlias, TypedDict, overload

import streamer.client
'''
_TAKEN: Final = frozenset({"Client", "None", "True", "False"}) | frozenset(
    re.findall(r"[A-Z]\w*", _HEAD.partition("import annotations")[2])
)
"""Names that the module has, or Python."""
_OPTIONS: Final = """        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        resend: bool = False,
"""
_OF_A_REQUEST: Final = f"""        on_progress: Callable[[streamer.client.Progress], Any] | None = None,
        timeout: float | None = None,
{_OPTIONS}"""


def text(described: Described) -> str:
    """The module's text."""
    described = named_apart(described, _TAKEN)
    title, version = (_in_docstring(each) for each in (described.info.title, described.info.version))
    parts = [_HEAD.format(title=title, version=version)]
    for name, schema in described.schemas.items():
        parts.append(_definition(name, schema))
    parts.append('class Client(streamer.client.TypedClient, Protocol):\n    """The service\'s actions and topics."""\n')
    several = len(described.actions) > 1
    parts += [
        _method("async def request", each, _OF_A_REQUEST, _type(each.result), is_overload=several)
        for each in described.actions
    ]
    events = "AsyncGenerator[streamer.client.Event]"
    parts += [_method("def events", each, _OPTIONS, events, is_overload=several) for each in described.actions]
    names = ", ".join(repr(topic.name) for topic in described.topics)
    name = f"Literal[{names}]" if names else "str"
    parts.append(f"    def topic(self, name: {name}) -> AsyncGenerator[streamer.client.TopicMessage]: ...\n")
    return "\n".join(parts)


def _method(head: str, action: DescribedAction, options: str, result: str, *, is_overload: bool) -> str:
    mark = "    @overload\n" if is_overload else ""
    default = " = None" if action.payload is None else ""
    return (
        f"{mark}    {head}(\n        self,\n        action: Literal[{action.name!r}],\n"
        f"        payload: {_type(action.payload)}{default},\n        *,\n{options}    ) -> {result}: ...\n"
    )


def _definition(name: str, schema: Mapping[str, Any]) -> str:
    properties = schema.get("properties")
    if properties and _has_more(schema):
        return f"{name}: TypeAlias = 'dict[str, Any]'\n"
    if not properties or isinstance(schema.get("type"), list):
        return f"{name}: TypeAlias = {_type(schema)!r}\n"  # as text, since it may name what comes below it
    required = set(schema.get("required", ()))
    types = {
        field: _type(inner) if field in required else f"NotRequired[{_type(inner)}]"
        for field, inner in properties.items()
    }
    if all(field.isidentifier() and not keyword.iskeyword(field) for field in types):
        return f"class {name}(TypedDict):\n" + "".join(f"    {field}: {kind}\n" for field, kind in types.items())
    fields = ", ".join(f"{field!r}: {kind!r}" for field, kind in types.items())
    return f"{name} = TypedDict({name!r}, {{{fields}}})\n"


def _has_more(schema: Mapping[str, Any]) -> bool:
    """Whether it takes fields that a TypedDict of its own ones would refuse."""
    choices = [each for word in ("allOf", "anyOf", "oneOf") for each in schema.get(word, ())]
    is_open = bool(schema.get("additionalProperties")) or "patternProperties" in schema
    return is_open or any(_type(each) != "Any" for each in choices)


def _in_docstring(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _type(schema: Any) -> str:
    if not isinstance(schema, Mapping) or not schema:
        return "Any"
    if "$ref" in schema:
        return component(schema) or "Any"
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values is not None:
        plain = all(each is None or isinstance(each, str | int) for each in values)
        return f"Literal[{', '.join(repr(each) for each in values)}]" if plain and values else "Any"
    choices = schema.get("anyOf") or schema.get("oneOf")
    kind = schema.get("type")
    if isinstance(kind, list):
        choices = [{**schema, "type": each} for each in kind]
    if choices:
        return " | ".join(dict.fromkeys(_type(each) for each in choices))
    if kind == "array":
        prefix = schema.get("prefixItems")
        return f"list[{_type(schema.get('items'))}]" if prefix is None else "list[Any]"
    if kind == "object":
        is_of_several = "properties" in schema or "patternProperties" in schema
        return f"dict[str, {'Any' if is_of_several else _type(schema.get('additionalProperties'))}]"
    return _SIMPLE.get(str(kind), "Any")
