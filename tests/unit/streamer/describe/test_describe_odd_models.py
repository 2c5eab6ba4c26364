"""Models that contain themselves, choose, have aliases, or are named as a language's own words."""

from __future__ import annotations

import ast
import enum
import json
import sys
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, TypedDict, TypeVar

import pytest
from jsonschema import Draft7Validator
from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter

from streamer import App
from streamer.describe import Described, Info, asyncapi, describe, markdown, python, typescript
from streamer.describe.changes import changes
from streamer.errors import ConfigurationError
from streamer.protocol.messages import to_json

T = TypeVar("T")


class Address(BaseModel):
    street: str


class Client(BaseModel):
    name: str
    home: Address


class Record(BaseModel):
    kind: Literal["it's"]
    class_: str = Field(alias="class")
    by: dict[str, Address] = {}


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    owner: Client


class Pet(RootModel[Annotated[Cat | Dog, Field(discriminator="kind")]]):
    pass


class Aliases(RootModel[list[Client]]):
    """Sorted before what it consists of."""


class Group(BaseModel):
    aliases: Aliases
    pets: list[Pet]
    place: tuple[int, str]


class Page(BaseModel, Generic[T]):
    items: list[T]


class Leaf(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True)

    leaf_name: str = Field(alias="leafName")


class Branch(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    leaf_list: list[Leaf] = Field(alias="leafList")


@dataclass
class Node:
    value: int
    children: list[Node] = field(default_factory=list)


class Tree(TypedDict):
    left: Tree | None
    of: Client


class Color(enum.StrEnum):
    RED = "red"


TEXT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
NUMBER = {"type": "object", "properties": {"b": {"type": "number"}}}
MORE_NUMBERS = {"additionalProperties": {"type": "number"}}


def described(payload: Any = None, result: Any = None, **more: Any) -> Described:
    app = App(title='Odd """ and \\')
    app.action("a", schema=payload, result=result, **more)(lambda request: request.payload)
    return describe(app, Info(title="folder"))


def texts(of: Described) -> tuple[str, str]:
    return python.text(of), typescript.text(of)


@pytest.mark.parametrize(
    ("result", "written"),
    [
        pytest.param(list[Client], "Array<Client>", id="models in a list"),
        pytest.param(Client | None, "Client | null", id="a model or none"),
        pytest.param(dict[str, Pet], "Record<string, Cat | Dog>", id="a choice in a mapping"),
        pytest.param(Page[Client], "PageClient", id="a generic model"),
        pytest.param(Node, "Node", id="a dataclass that contains itself"),
        pytest.param(list[Tree], "Array<Tree>", id="a TypedDict that contains itself"),
        pytest.param(Literal[Color.RED], '"red"', id="a member"),
        pytest.param(list[Color], 'Array<"red">', id="an enumeration"),
        pytest.param(tuple[int, ...], "Array<number>", id="a tuple of any length"),
        pytest.param(Annotated[int, Field(gt=0)], "number", id="an annotation with more"),
    ],
)
def test_a_result_is_written_as_a_type(result: Any, written: str) -> None:
    of = described(result=result)
    code, types = texts(of)

    assert f"result: {written} }}" in types
    ast.parse(code)
    json.dumps(asyncapi.document(of, version="3.0", url=None, built_ins=True))


def test_a_model_has_one_name_wherever_it_stands() -> None:
    app = App()
    for name, model in (("a", Client), ("b", list[Client]), ("c", Dog), ("d", Pet), ("e", Page[Client])):
        app.action(name, schema=TypeAdapter(model), result=model)(lambda request: request.payload)

    assert set(describe(app, Info(title="folder")).schemas) == {"Address", "Cat", "Client", "Dog", "PageClient"}


def test_models_of_the_same_name_that_refer_to_others_are_two() -> None:
    def of(kind: str) -> dict[str, Any]:
        inner = {"type": "object", "properties": {"x": {"type": kind}}}
        outer = {"type": "object", "title": "Outer", "properties": {"inner": {"$ref": "#/$defs/Inner"}}}
        return {**outer, "$defs": {"Inner": inner, "inner": {"type": "boolean"}}}

    schemas = described(of("string"), of("integer")).schemas

    assert set(schemas) == {"Outer", "Outer2", "Inner", "Inner2", "Inner3"}
    inner = schemas["Outer2"]["properties"]["inner"]["$ref"].rpartition("/")[2]
    assert schemas[inner]["properties"] == {"x": {"type": "integer"}}


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        pytest.param(
            {"$ref": "#/definitions/A%20b", "definitions": {"A b": {"type": "string"}}}, "AB", id="of draft 07"
        ),
        pytest.param({"properties": {"next": {"$ref": "#"}}}, "APayload", id="that refers to the whole"),
        pytest.param({"$ref": "https://example.com/order.json"}, "any", id="that is elsewhere"),
        pytest.param({"allOf": [{"type": ["string", "null"]}, {"const": "a"}]}, '(string | null) & "a"', id="of all"),
        pytest.param({"type": "string", "anyOf": [{"maxLength": 3}, {"format": "uuid"}]}, "string", id="of no types"),
        pytest.param({"type": "object", "oneOf": [TEXT, NUMBER]}, "{ a: string } | { b?: number }", id="that chooses"),
        pytest.param({**TEXT, "type": ["object", "null"]}, "{ a: string } | null", id="of an object or nothing"),
        pytest.param({"items": [{"type": "string"}], "type": "array"}, "[string]", id="of a tuple up to draft 7"),
        pytest.param({"enum": []}, "never", id="of no value"),
        pytest.param(
            {"type": "object", "patternProperties": {"^x-": TEXT}, "additionalProperties": False},
            "Record<string, any>",
            id="of names of a kind",
        ),
    ],
)
def test_a_schema_is_written_as_a_type(schema: dict[str, Any], written: str) -> None:
    assert f"payload: {written};" in texts(described(schema))[1]


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        pytest.param({**TEXT, "type": ["object", "null"]}, "dict[str, Any] | None", id="an object or nothing"),
        pytest.param({"type": "array", "items": [TEXT]}, "list[Any]", id="a tuple up to draft 7"),
        pytest.param({"type": "array", "items": {**TEXT, **MORE_NUMBERS}}, "list[dict[str, Any]]", id="several kinds"),
        pytest.param(
            {"type": "object", "patternProperties": {"^x-": TEXT}, **MORE_NUMBERS}, "dict[str, Any]", id="by names"
        ),
    ],
)
def test_python_takes_what_a_schema_takes(schema: dict[str, Any], written: str) -> None:
    assert f"payload: {written}," in texts(described(schema))[0]


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        pytest.param(TEXT, "{ a: string }", id="its own fields"),
        pytest.param(
            {**TEXT, "additionalProperties": True}, "{ a: string; [more: string]: any }", id="fields of any kind"
        ),
        pytest.param(
            {**TEXT, "additionalProperties": {"type": "number"}},
            "{ a: string; [more: string]: string | number }",
            id="fields of another kind",
        ),
        pytest.param(
            {**NUMBER, "additionalProperties": {"type": "null"}},
            "{ b?: number; [more: string]: number | null | undefined }",
            id="fields beside one that may be missing",
        ),
        pytest.param(
            {**TEXT, "patternProperties": {"^x-": {"type": "number"}}},
            "{ a: string; [more: string]: any }",
            id="fields with names of a kind",
        ),
        pytest.param({**TEXT, "allOf": [NUMBER]}, "{ a: string } & { b?: number }", id="what else holds"),
        pytest.param(
            {**TEXT, "anyOf": [NUMBER, {"type": "null"}]}, "{ a: string } & ({ b?: number } | null)", id="a choice"
        ),
        pytest.param(
            {**TEXT, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, "{ a: string }", id="what is needed"
        ),
    ],
)
def test_an_object_has_further_fields_where_its_schema_lets_it(schema: dict[str, Any], written: str) -> None:
    code, types = texts(described(schema))

    assert f"type APayload = {written};" in types
    is_closed = written == "{ a: string }"
    assert ("class APayload(TypedDict)" if is_closed else "APayload: TypeAlias = 'dict[str, Any]'") in code


def test_what_languages_have_taken_is_called_otherwise() -> None:
    class none(BaseModel):  # noqa: N801 - as somebody may write it
        record: Record

    of = described(list[none], list[Client])
    code, types = texts(of)
    module: dict[str, Any] = {}
    exec(compile(code, "service", "exec"), module)

    assert set(of.schemas) == {"None", "Record", "Client", "Address"}
    assert "export type RecordModel = {" in types
    assert "by?: Record<string, Address>" in types
    assert {"NoneModel", "ClientModel", "Record", "Client"} <= module.keys()
    assert module["__doc__"].startswith('Types of Odd """ and \\ 0.0.0')


def test_python_may_name_what_comes_later() -> None:
    module: dict[str, Any] = {}
    exec(compile(texts(described(Group))[0], "service", "exec"), module)

    assert module["Aliases"] == "list[ClientModel]"


def test_what_asyncapi_has_no_words_for_is_not_in_it() -> None:
    app = App()
    app.action("a", validator=Group, result=Group)(lambda request: request.payload)
    for name in ("a/b", "a_b", "a:b"):
        app.topic(name, data=Pet)
    made = asyncapi.document(describe(app, Info(title="folder")), version="3.0", url=None, built_ins=False)
    group = made["components"]["schemas"]["Group"]

    Draft7Validator.check_schema(group)
    assert "discriminator" not in json.dumps(made)
    assert group["properties"]["place"]["items"] == [{"type": "integer"}, {"type": "string"}]
    topics = [
        m["payload"]["properties"]["topic"] for name, m in made["components"]["messages"].items() if "a_b" in name
    ]
    assert topics == [{"const": "a/b"}, {"const": "a_b"}, {"const": "a:b"}]
    assert [each["name"] for each in asyncapi.plain(made)["topics"]] == ["a/b", "a_b", "a:b"]


def test_results_are_named_as_they_travel_and_payloads_as_they_are_taken() -> None:
    branch = Branch.model_validate({"leafList": [{"leafName": "a"}]})
    of = described(Branch, Branch, examples=[branch])
    action = of.actions[0]
    assert action.payload is not None
    assert action.result is not None
    taken, given = (of.schemas[each["$ref"].rpartition("/")[2]] for each in (action.payload, action.result))

    assert json.loads(to_json(branch)).keys() == given["properties"].keys() == {"leaf_list"}
    assert taken["properties"].keys() == {"leafList"}
    assert of.schemas["Leaf"]["properties"].keys() == {"leafName"}
    assert action.examples == ({"leafList": [{"leafName": "a"}]},)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        pytest.param({"schema": {"$ref": "#/$defs/No"}}, "the payload of action 'a' .* refers to #/", id="a reference"),
        pytest.param({"schema": {"properties": ["a"]}}, "its properties is no object; schema= takes", id="no fields"),
        pytest.param({"schema": {"items": {"anyOf": {}}}}, "its anyOf is no list; schema= takes", id="no choices"),
        pytest.param({"result": {"enum": [object()]}}, "the result of action 'a' .* object has no form", id="a value"),
        pytest.param({"examples": [{1, 2}]}, "an example of action 'a' is no JSON: set has no form", id="an example"),
    ],
)
def test_what_cannot_be_described_is_a_mistake(declared: dict[str, Any], words: str) -> None:
    app = App()
    app.action("a", **declared)(lambda request: request.payload)

    with pytest.raises(ConfigurationError, match=words):
        describe(app, Info(title="folder"))


def test_of_an_annotation_that_cannot_be_described_nothing_is_known() -> None:
    def action(request: Any) -> Literal[b"x"]:
        return b"x"

    app = App()
    app.action("a")(action)

    assert describe(app, Info(title="folder")).actions[0].result is None


@pytest.mark.parametrize(
    ("written", "known"),
    [
        pytest.param("request: Unknown) -> list[int]", {"type": "array", "items": {"type": "integer"}}, id="known"),
        pytest.param("request: Unknown) -> Unknown", None, id="for type checkers only, too"),
        pytest.param("request) -> 'what comes of it'", None, id="words"),
        pytest.param("request)", None, id="not said"),
    ],
)
def test_an_annotation_of_a_result_counts_whatever_those_of_arguments_name(written: str, known: Any) -> None:
    """As of Python 3.14 they are evaluated when somebody asks for them."""
    future = "" if sys.version_info >= (3, 14) else "from __future__ import annotations\n"
    names: dict[str, Any] = {}
    exec(compile(f"{future}def act({written}: ...", "app.py", "exec", dont_inherit=True), names)
    app = App()
    app.action("a")(names["act"])

    assert describe(app, Info(title="folder")).actions[0].result == known


def test_a_cell_of_a_page_is_one_line() -> None:
    app = App()
    app.topic("t", description="one |\ntwo")

    assert "| `t` | anything | one \\| two |" in markdown.text(describe(app, Info(title="folder")))


class Both(BaseModel):
    pet: Pet
    by_name: dict[str, Client]
    self_: list[Both] = []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda s: s["Dog"]["required"].append("age"), "needs age", id="in a choice"),
        pytest.param(
            lambda s: s["Client"]["required"].append("age"), "by_name of the payload of a needs age", id="in a mapping"
        ),
        pytest.param(
            lambda s: s["Both"]["properties"]["self_"].update(maxItems=1), "has another maxItems", id="of a list"
        ),
        pytest.param(lambda s: s["Both"].update(additionalProperties=False), "it does not name", id="of other fields"),
        pytest.param(
            lambda s: s["Both"]["properties"]["pet"]["oneOf"].pop(), "is Cat, and was Cat or Dog", id="of choices"
        ),
    ],
)
def test_less_that_is_taken_breaks_clients(change: Any, words: str) -> None:
    old = json.loads(json.dumps(described(Both).document()))
    old["schemas"]["Both"]["properties"]["pet"] = {"oneOf": [{"$ref": "#/schemas/Cat"}, {"$ref": "#/schemas/Dog"}]}
    new = json.loads(json.dumps(old))
    change(new["schemas"])

    assert any(words in each.text for each in changes(old, new) if each.is_breaking), changes(old, new)
    assert changes(old, old) == []
