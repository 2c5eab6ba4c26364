"""Whatever stands at a place of a template, it is read or refused in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from template_parts import PLACE, locate

from emulator.templates import bodies
from emulator.templates.errors import Problem, TemplateError
from emulator.templates.references import references
from emulator.templates.source import load, refuse_nulls
from emulator.templates.stack import Surroundings, resolve
from emulator.templates.topology import Wanted, describe

SHAPES = Path(__file__).parents[3] / "templates" / "shapes"
TEMPLATE = load((SHAPES / "stack.yaml").read_text("utf-8"), "t.yaml").tree
DOCUMENTS = load((SHAPES / "documents.yaml").read_text("utf-8"), "t.yaml").tree
ODD: tuple[Any, ...] = (1, "x", "1e999", [], {}, ["x"], [1], [{}], {"a": "b"}, [["x"]])


def read(tree: Any) -> None:
    source = load(json.dumps(tree), "t.json")
    tree = bodies.inlined(source.tree, lambda location, path: {})
    describe([resolve(source.with_tree(tree), Surroundings(place=PLACE))], locate, Wanted())


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, each in pairs:
        yield (*path, key)
        yield from places(each, (*path, key))


def with_value(path: tuple[Any, ...], value: Any, node: Any = TEMPLATE) -> Any:
    changed = dict(node) if isinstance(node, dict) else list(node)
    changed[path[0]] = with_value(path[1:], value, node[path[0]]) if path[1:] else value
    return changed


def test_the_template_itself_is_read() -> None:
    read(TEMPLATE)


@pytest.mark.parametrize("name", [*TEMPLATE["Resources"], "the sections"])
def test_what_has_another_shape_is_refused_in_one_line(name: str) -> None:
    sections = [(each,) for each in ("Parameters", "Mappings", "Conditions", "Outputs", "Globals")]
    below = ("Resources", name)
    found = sections if name == "the sections" else [(*below, *each) for each in places(TEMPLATE["Resources"][name])]
    template = TEMPLATE if name == "the sections" else around(name, TEMPLATE)
    read(template)
    for path in found:
        refused_in_one_line_or_read(path, template)


def around(name: str, tree: Any) -> Any:
    """The template with one resource, all that use it, what those refer to, and an API: others say nothing of it."""
    resources = tree["Resources"]
    refers_to = {each: {named for _, named, _ in references(parts, ())} for each, parts in resources.items()}
    used_by = {each: {user for user, named in refers_to.items() if each in named} for each in refers_to}
    stages = {each for each, parts in resources.items() if parts["Type"] == "AWS::ApiGatewayV2::Stage"}
    kept = reached(reached({name}, used_by) | stages, refers_to)
    return {**tree, "Resources": {each: parts for each, parts in resources.items() if each in kept}}


def reached(names: set[str], edges: Mapping[str, set[str]]) -> set[str]:
    further = names.union(*(edges.get(name, ()) for name in names))
    return names if further == names else reached(further, edges)


def refused_in_one_line_or_read(path: tuple[Any, ...], tree: Any) -> None:
    for value in ODD:
        refusal = ""
        try:
            read(with_value(path, value, tree))
        except TemplateError as error:
            refusal = str(error)
        assert "\n" not in refusal


@pytest.mark.parametrize("name", ["Written", "WrittenToo"])
def test_an_openapi_document_of_another_shape_is_refused_in_one_line(name: str) -> None:
    template = around(name, DOCUMENTS)
    read(template)
    for path in places(DOCUMENTS["Resources"][name]["Properties"]["Body"]):
        refused_in_one_line_or_read(("Resources", name, "Properties", "Body", *path), template)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param(("F", "DependsOn"), 1, "DependsOn: the name of a resource, or a list of names", id="DependsOn"),
        pytest.param(("F", "Condition"), ["C"], "Condition: there is no condition ['C']", id="Condition"),
        pytest.param(("F", "Type"), [], "a resource has a Type", id="Type"),
        pytest.param(("F", "Metadata"), 1, "Metadata: a mapping is expected, and there is a number", id="Metadata"),
        pytest.param(
            ("F", "Properties", "Layers"), "x", "Properties.Layers: a list is expected, and there is 'x'", id="a list"
        ),
        pytest.param(
            ("F", "Properties", "Environment"), {"Variables": "x"}, "Properties.Environment.Variables: a map", id="text"
        ),
        pytest.param(
            ("Q", "Properties", "RedrivePolicy", "maxReceiveCount"),
            "x",
            "Properties.RedrivePolicy.maxReceiveCount: a number is expected, and there is 'x'",
            id="a number",
        ),
        pytest.param(
            ("Q", "Properties", "VisibilityTimeout"), "nan", "Properties.VisibilityTimeout: a number is", id="no number"
        ),
        pytest.param(
            ("Mode", "Properties", "Schema"), '{"a":' * 5_000, "Properties.Schema: the schema is not JSON", id="depth"
        ),
        pytest.param(("B", "Properties", "Tags"), [{}], "Properties.Tags[0]: Key is missing", id="a key is missing"),
    ],
)
def test_the_place_and_the_shape_are_told(path: tuple[str, ...], value: Any, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        read(with_value(("Resources", *path), value))

    start = f"t.json:1: Resources.{path[0]}"
    assert str(refused.value).startswith((f"{start}.{message}", f"{start}: {message}"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n", ("A", "Properties"), id="YAML"),
        pytest.param('{"Resources": {"A": {"Type": "T", "Properties": {"X": [1, null]}}}}', None, id="JSON"),
    ],
)
def test_null_is_refused_as_cloudformation_does(text: str, place: Any) -> None:
    with pytest.raises(Problem) as refused:
        refuse_nulls(load(text, "t.yaml"))

    assert refused.value.path == ("Resources", *(place or ("A", "Properties", "X", 1)))
    assert refused.value.text == "'null' values are not allowed in templates"
