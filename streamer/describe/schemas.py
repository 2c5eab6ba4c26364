"""JSON Schemas of what users declare: Pydantic models, types of Python, or schemas as they are. Pure."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, is_typeddict

from streamer.describe import pydantic_schemas

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]
"""What is taken, or what is given: they differ where a field has a default."""

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

    Takes a JSON Schema, a Pydantic model or TypeAdapter, anything with ``json_schema``, a TypedDict, a dataclass, an
    enumeration, or another annotation. Of a plain function nothing is known. A schema inside of it may have
    definitions (``$defs``) of its own, which references below it lead to.
    """
    return _Reader(mode).read(declared)


class _Reader:
    """Reads declarations, which may contain themselves."""

    def __init__(self, mode: Mode) -> None:
        self._mode: Mode = mode
        self._open: dict[Any, str] = {}
        """Classes that are being read, and what to call them where they contain themselves."""
        self._recurring: set[Any] = set()

    def read(self, declared: Any) -> Schema | None:
        if declared is None:
            return None
        if isinstance(declared, Mapping):
            return dict(declared)
        model = getattr(declared, "model_json_schema", None)
        if callable(model):
            return pydantic_schemas.made(model, self._mode)
        own = getattr(declared, "json_schema", None)
        if own is not None:
            if hasattr(declared, "core_schema"):
                return pydantic_schemas.made(own, self._mode)
            return dict(own() if callable(own) else own)
        if isinstance(declared, types.FunctionType | types.BuiltinFunctionType | types.MethodType):
            return None
        return self._of_annotation(declared)

    def _of_annotation(self, declared: Any) -> Schema | None:
        if get_origin(declared) is Annotated:
            return self.read(get_args(declared)[0])
        if declared is Any or declared is object:
            return {}
        if declared in _SCALARS:
            return dict(_SCALARS[declared])
        if is_typeddict(declared) or dataclasses.is_dataclass(declared):
            return self._of_class(declared if isinstance(declared, type) else type(declared))
        if isinstance(declared, type) and issubclass(declared, enum.Enum):
            return {"title": declared.__name__, "enum": [each.value for each in declared]}
        return self._of_generic(get_origin(declared) or declared, get_args(declared))

    def _of_generic(self, origin: Any, arguments: tuple[Any, ...]) -> Schema | None:
        if origin is Literal:
            return {"enum": [each.value if isinstance(each, enum.Enum) else each for each in arguments]}
        if origin in (Union, types.UnionType):
            return {"anyOf": [self._inner(each) for each in arguments]}
        if origin in _LISTS or (origin is tuple and arguments[1:] == (Ellipsis,)):
            return {"type": "array", "items": self._inner(arguments[0])} if arguments else {"type": "array"}
        if origin in _MAPPINGS:
            inner = self._inner(arguments[1]) if len(arguments) == 2 else {}
            return {"type": "object"} | ({"additionalProperties": inner} if inner else {})
        if origin is tuple and arguments:
            items = [self._inner(each) for each in arguments]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
        return None

    def _inner(self, declared: Any) -> Schema:
        """What stands inside of another schema: of what has a name and fields a definition, and a reference to it."""
        if declared is None:
            return dict(_SCALARS[None])
        schema = self.read(declared) or {}
        title = schema.get("title")
        if isinstance(declared, Mapping) or not isinstance(title, str) or not schema.get("properties"):
            return schema
        return {"$defs": {title: schema}, "$ref": f"#/$defs/{title}"}

    def _of_class(self, declared: type) -> Schema:
        """Of a TypedDict or a dataclass."""
        if declared in self._open:
            self._recurring.add(declared)
            return {"$ref": f"#/$defs/{self._open[declared]}"}
        key = declared.__name__
        while key in self._open.values():
            key += "2"
        self._open[declared] = key
        try:
            fields = {name: self._inner(each) for name, each in typing.get_type_hints(declared).items()}
        finally:
            del self._open[declared]
        required = sorted(self._required(declared))
        schema = {"title": declared.__name__, "type": "object", "properties": fields, "required": required}
        if declared not in self._recurring:
            return schema
        self._recurring.discard(declared)
        return {"$defs": {key: schema}, "$ref": f"#/$defs/{key}"}

    def _required(self, declared: Any) -> set[str]:
        if is_typeddict(declared):
            # Where annotations are text, __required_keys__ knows nothing of NotRequired and Required.
            hints = typing.get_type_hints(declared, include_extras=True)
            marks = {name: get_origin(each) for name, each in hints.items()}
            required = {name for name in declared.__required_keys__ if marks[name] is not typing.NotRequired}
            return required | {name for name, mark in marks.items() if mark is typing.Required}
        return {
            field.name
            for field in dataclasses.fields(declared)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        }
