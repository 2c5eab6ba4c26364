"""What users declare, as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pytest
from pydantic import BaseModel, TypeAdapter, computed_field

from streamer.describe.components import Components
from streamer.describe.schemas import schema_of


class Model(BaseModel):
    a: int = 0

    @computed_field
    def b(self) -> str:
        return str(self.a)


class Fields(TypedDict, total=False):
    a: int


@dataclass
class Record:
    a: int
    b: str | None = None


class Own:
    json_schema: Mapping[str, Any] = {"type": "string"}


OPTIONAL_TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("declared", "schema"),
    [
        pytest.param(None, None, id="nothing"),
        pytest.param(lambda payload: payload, None, id="a plain validator says nothing"),
        pytest.param({"type": "array"}, {"type": "array"}, id="a schema as it is"),
        pytest.param(Own(), {"type": "string"}, id="whatever has one"),
        pytest.param(Any, {}, id="anything"),
        pytest.param(type(None), {"type": "null"}, id="no value"),
        pytest.param(list[int], {"type": "array", "items": {"type": "integer"}}, id="a list"),
        pytest.param(dict[str, Any], {"type": "object"}, id="any object"),
        pytest.param(
            dict[str, bool],
            {"type": "object", "additionalProperties": {"type": "boolean"}},
            id="a mapping of some kind",
        ),
        pytest.param(str | None, OPTIONAL_TEXT, id="a choice"),
        pytest.param(Literal["a", 1], {"enum": ["a", 1]}, id="values"),
        pytest.param(
            tuple[int, str],
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
            id="a tuple",
        ),
        pytest.param(
            Fields,
            {"title": "Fields", "type": "object", "properties": {"a": {"type": "integer"}}, "required": []},
            id="a TypedDict",
        ),
        pytest.param(
            Record,
            {
                "title": "Record",
                "type": "object",
                "properties": {"a": {"type": "integer"}, "b": OPTIONAL_TEXT},
                "required": ["a"],
            },
            id="a dataclass",
        ),
        pytest.param(set, None, id="what JSON has no form for"),
        pytest.param(TypeAdapter(list[int]), {"type": "array", "items": {"type": "integer"}}, id="Pydantic's adapter"),
    ],
)
def test_the_schema_of(declared: Any, schema: Any) -> None:
    assert schema_of(declared, "validation") == schema


def test_what_is_given_may_have_more_than_what_is_taken() -> None:
    assert "b" not in (schema_of(Model, "validation") or {})["properties"]
    assert "b" in (schema_of(Model, "serialization") or {})["properties"]


def test_components_have_a_name_each_and_their_own_definitions() -> None:
    components = Components()
    inner = {"title": "Item", "type": "object", "properties": {"title": {"title": "Title", "type": "string"}}}
    outer = {"type": "object", "properties": {"one": {"$ref": "#/$defs/Item"}}, "$defs": {"Item": inner}}

    assert components.add(outer, "report.v2 payload") == {"$ref": "#/schemas/ReportV2Payload"}
    assert components.add({"type": "string", "title": "Text"}, "x") == {"type": "string"}
    other = {"title": "Item", "type": "object", "properties": {"other": {"type": "string"}}}
    assert components.add(other, "x") == {"$ref": "#/schemas/Item2"}
    assert components.schemas["ReportV2Payload"]["properties"] == {"one": {"$ref": "#/schemas/Item"}}
    # A field may be called title; what repeats the field's name goes.
    assert components.schemas["Item"] == {"type": "object", "properties": {"title": {"type": "string"}}}
