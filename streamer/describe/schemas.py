"""JSON Schemas of what users declare: Pydantic models, types of Python, or schemas as they are. Pure."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, Union, get_args, get_origin, is_typeddict

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]
"""What is taken, or what is given: they differ where a field has a default."""

_REF: Final = "#/$defs/"
_SCALARS: Final[Mapping[Any, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Decimal: {"type": "number"},
    bool: {"type": "boolean"},
    None: {"type": "null"},
    type(None): {"type": "null"},
}
_MAPPINGS: Final = (dict, Mapping)
_LISTS: Final = (list, Sequence)


def schema_of(declared: Any, mode: Mode) -> Schema | None:
    """The schema of whatever says how a value looks; None: it does not say.

    Takes a JSON Schema, a Pydantic model or TypeAdapter, anything with ``json_schema``, a TypedDict, a dataclass, or
    another annotation. Of a plain function nothing is known.
    """
    if declared is None:
        return None
    if isinstance(declared, Mapping):
        return dict(declared)
    model = getattr(declared, "model_json_schema", None)
    if callable(model):
        return dict(model(mode=mode))
    own = getattr(declared, "json_schema", None)
    if own is not None:
        adapter = hasattr(declared, "core_schema")
        return dict(own(mode=mode) if adapter else own() if callable(own) else own)
    if isinstance(declared, types.FunctionType | types.BuiltinFunctionType | types.MethodType):
        return None
    return _of_annotation(declared, mode)


def _of_annotation(declared: Any, mode: Mode) -> Schema | None:
    if declared is Any or declared is object:
        return {}
    if declared in _SCALARS:
        return dict(_SCALARS[declared])
    if is_typeddict(declared):
        # Where annotations are text, __required_keys__ knows nothing of NotRequired and Required.
        marks = {name: get_origin(each) for name, each in typing.get_type_hints(declared, include_extras=True).items()}
        required = {name for name in declared.__required_keys__ if marks[name] is not typing.NotRequired}
        required |= {name for name, mark in marks.items() if mark is typing.Required}
        return _of_fields(declared.__name__, typing.get_type_hints(declared), required, mode)
    if dataclasses.is_dataclass(declared):
        required = {
            field.name
            for field in dataclasses.fields(declared)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        }
        return _of_fields(getattr(declared, "__name__", ""), typing.get_type_hints(declared), required, mode)
    return _of_generic(get_origin(declared) or declared, get_args(declared), mode)


def _of_generic(origin: Any, arguments: tuple[Any, ...], mode: Mode) -> Schema | None:
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_inner(each, mode) for each in arguments]}
    if origin in _LISTS:
        return {"type": "array", "items": _inner(arguments[0], mode)} if arguments else {"type": "array"}
    if origin in _MAPPINGS:
        inner = _inner(arguments[1], mode) if len(arguments) == 2 else {}
        return {"type": "object"} | ({"additionalProperties": inner} if inner else {})
    if origin is tuple and arguments and Ellipsis not in arguments:
        items = [_inner(each, mode) for each in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    return None


def _inner(declared: Any, mode: Mode) -> Schema:
    schema = schema_of(declared, mode) or {}
    # A model inside of another type brings its own definitions, which only a document of its own could refer to.
    return schema if _REF not in str(schema) else {"type": "object"}


def _of_fields(name: str, fields: Mapping[str, Any], required: typing.Iterable[str], mode: Mode) -> Schema:
    properties = {field: _inner(annotation, mode) for field, annotation in fields.items()}
    return {"title": name, "type": "object", "properties": properties, "required": sorted(required)}


class Components:
    """Schemas with names, each once; what stands in their place refers to them."""

    def __init__(self, prefix: str = "#/schemas/") -> None:
        """Empty; references begin with ``prefix``."""
        self.schemas: dict[str, Schema] = {}
        self._prefix = prefix

    def add(self, schema: Schema, name: str) -> Schema:
        """Put a schema and its definitions in; a reference to it, or the schema itself if it is no object.

        Args:
            schema: as `schema_of` gives it.
            name: what to call it if it has no title of its own.
        """
        definitions = schema.get("$defs", {})
        names = {each: self._free(_name(each), inner) for each, inner in definitions.items()}
        for each, inner in definitions.items():
            self.schemas[names[each]] = self._cleaned(inner, names)
        body: Schema = self._cleaned({key: value for key, value in schema.items() if key != "$defs"}, names)
        if body.get("type") != "object" or not body.get("properties"):
            return body
        chosen = self._free(_name(str(schema.get("title") or name)), body)
        self.schemas[chosen] = body
        return {"$ref": self._prefix + chosen}

    def _free(self, name: str, schema: Schema) -> str:
        chosen, number = name, 1
        while chosen in self.schemas and self.schemas[chosen] != schema:
            number += 1
            chosen = f"{name}{number}"
        return chosen

    def _cleaned(self, value: Any, names: Mapping[str, str], *, is_properties: bool = False) -> Any:
        """Without the titles that repeat a field's name, and with references to where the definitions are now."""
        if isinstance(value, list):
            return [self._cleaned(each, names) for each in value]
        if not isinstance(value, dict):
            return value
        cleaned: dict[str, Any] = {}
        for key, inner in value.items():
            if key == "title" and isinstance(inner, str) and not is_properties:
                continue
            if key == "$ref" and isinstance(inner, str) and inner.startswith(_REF):
                cleaned[key] = self._prefix + names[inner.removeprefix(_REF)]
            elif key in ("enum", "const", "default", "examples") and not is_properties:
                cleaned[key] = inner
            else:
                cleaned[key] = self._cleaned(inner, names, is_properties=key == "properties" and not is_properties)
        return cleaned


def _name(text: str) -> str:
    """A name that every language takes: ``sales-report.v2`` becomes ``SalesReportV2``."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[0].upper() + word[1:] for word in words) or "Schema"
    return name if name[0].isalpha() else f"S{name}"
