"""What breaks clients that know an older description, and what does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from described_app import app
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from streamer.describe import Info, describe
from streamer.describe.changes import changes
from streamer.describe.covering import Covering

OLD = json.loads(json.dumps(describe(app, Info(title="folder")).document()))
"""With a schema that is given as well as taken no more: what widens one narrows the other."""
next(each for each in OLD["actions"] if each["name"] == "old")["result"] = None
Change = Callable[[Any], object]


def action(document: Any, name: str) -> Any:
    return next(each for each in document["actions"] if each["name"] == name)


def new_action(document: Any) -> None:
    document["actions"].append({**action(document, "order"), "name": "another"})


BREAKING: dict[str, tuple[Change, str]] = {
    "an action is gone": (lambda new: new["actions"].pop(0), "action order is gone"),
    "a topic is gone": (lambda new: new["topics"].pop(0), "topic orders/new is gone"),
    "quick became queued": (lambda new: action(new, "order").update(queued=True), "action order is queued now"),
    "a permission was added": (
        lambda new: action(new, "order").update(permissions=["shop:order", "vip"]),
        "action order needs the permissions vip",
    ),
    "a field is required": (
        lambda new: new["schemas"]["Order"]["required"].append("note"),
        "the payload of order needs note",
    ),
    "a type is narrower": (
        lambda new: new["schemas"]["Item"]["properties"]["sku"].update(type="integer"),
        "sku of items",
    ),
    "a field of a result is gone": (
        lambda new: new["schemas"]["Receipt"]["properties"].pop("number"),
        "the result of order has no number any more",
    ),
    "a field of a result may be missing": (
        lambda new: new["schemas"]["Receipt"].update(required=[]),
        "the result of order may be without number",
    ),
    "what was anything is something": (
        lambda new: action(new, "old").update(payload={"type": "string"}),
        "the payload of old is string, and was anything",
    ),
    "a value is not taken any more": (
        lambda new: new["schemas"]["Order"]["properties"]["kind"].update(enum=["new"]),
        "kind of the payload of order",
    ),
}
COMPATIBLE: dict[str, tuple[Change, str]] = {
    "a new action": (new_action, "action another is new"),
    "a new topic": (lambda new: new["topics"].append({**new["topics"][0], "name": "x"}), "topic x is new"),
    "a field that may be left out": (
        lambda new: new["schemas"]["Order"]["properties"].update(more={"type": "string"}),
        "the payload of order may have more",
    ),
    "a field is not required any more": (lambda new: new["schemas"]["Order"].update(required=[]), "words changed"),
    "a result has more": (
        lambda new: new["schemas"]["Receipt"]["properties"].update(more={"type": "string"}),
        "the result of order has more",
    ),
    "other words": (lambda new: action(new, "order").update(summary="Buy."), "summary of action order changed"),
    "one more value is taken": (
        lambda new: new["schemas"]["Order"]["properties"]["kind"]["enum"].append("gift"),
        "kind of the payload of order",
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_it_breaks_clients_if(name: str) -> None:
    change, words = BREAKING[name]
    new = copy.deepcopy(OLD)
    change(new)
    found = [each.text for each in changes(OLD, new) if each.is_breaking]

    assert any(words in text for text in found), found


@pytest.mark.parametrize("name", COMPATIBLE)
def test_it_breaks_nobody_to_have(name: str) -> None:
    change, words = COMPATIBLE[name]
    new = copy.deepcopy(OLD)
    change(new)
    found = changes(OLD, new)

    assert [each.text for each in found if each.is_breaking] == []
    assert any(words in each.text for each in found), found


def test_the_same_is_the_same() -> None:
    assert changes(OLD, copy.deepcopy(OLD)) == []


TEXT, NUMBER, ITEM = {"type": "string"}, {"type": "number"}, {"type": "object", "properties": {"x": {"type": "string"}}}
MORE: dict[str, tuple[Any, Any]] = {
    "numbers": ({"type": "integer"}, NUMBER),
    "null beside an object": (ITEM, {**ITEM, "type": ["object", "null"]}),
    "null beside an object with a name": (
        {"$ref": "#/schemas/Item"},
        {"anyOf": [{"$ref": "#/schemas/Item"}, {"type": "null"}]},
    ),
    "null, said in another way too": ({"type": ["string", "null"]}, {"anyOf": [TEXT, {"type": "null"}, NUMBER]}),
    "any text": ({"enum": ["a", "b"]}, TEXT),
    "a lower least": ({"type": "integer", "minimum": 3}, {"type": "integer", "minimum": 1}),
    "a higher most": ({"type": "string", "maxLength": 3}, {"type": "string", "maxLength": 4}),
    "no pattern": ({"type": "string", "pattern": "a"}, TEXT),
    "other values of a mapping": (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "additionalProperties": True},
    ),
    "other items": ({"type": "array", "items": TEXT}, {"type": "array"}),
    "fields of any kind": (ITEM, {"type": "object"}),
}


def test_the_order_of_a_choice_says_nothing() -> None:
    choice = [{"$ref": "#/schemas/Item"}, {"$ref": "#/schemas/Receipt"}, {"type": "integer", "minimum": 1}]
    before = described({"anyOf": choice}, {"anyOf": choice})
    more = {"type": "integer", "minimum": 2}

    assert not any(each.is_breaking for each in changes(before, described({"anyOf": choice[::-1]}, {"anyOf": choice})))
    found = changes(before, described({"anyOf": [choice[1], choice[0], more]}, {"anyOf": choice}))
    assert [each.text for each in found if each.is_breaking] == ["the payload of old has another minimum"]


def described(payload: Any, result: Any) -> Any:
    new = copy.deepcopy(OLD)
    action(new, "old").update(payload=payload, result=result)
    return new


@pytest.mark.parametrize("name", MORE)
def test_more_may_be_taken_and_less_be_given(name: str) -> None:
    less, more = ({"type": "object", "properties": {"field": each}} for each in MORE[name])

    assert [each for each in changes(described(less, more), described(more, less)) if each.is_breaking] == []
    taken, given = (each.text for each in changes(described(more, less), described(less, more)) if each.is_breaking)
    assert taken.startswith("field of the payload of old")
    assert given.startswith("field of the result of old")


SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(
        [
            *({}, True, {"type": ["string", "null"]}, {"const": 1}, {"enum": ["a", 2, None]}, {"type": "boolean"}),
            *({"type": "number"}, {"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 2, "maximum": 3}),
            *({"type": "string", "minLength": 1}, {"type": "string", "pattern": "a"}),
        ]
    ),
    lambda inner: st.one_of(
        st.builds(lambda each: {"anyOf": each}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda each: {"type": "array", "items": each}, inner),
        st.builds(lambda a, b: {"type": "object", "properties": {"a": a}, "additionalProperties": b}, inner, inner),
        st.builds(lambda a: {"type": ["object", "null"], "properties": {"a": a}, "required": ["a"]}, inner),
    ),
    max_leaves=4,
)
VALUES: list[Any] = [
    None,
    True,
    1,
    2,
    3,
    2.5,
    "",
    "a",
    "b",
    [],
    [1],
    ["a", None],
    {},
    {"a": 1},
    {"a": "a"},
    {"a": None, "b": 2},
]


@given(wide=SCHEMAS, narrow=SCHEMAS)
def test_whatever_is_covered_is_allowed(wide: Any, narrow: Any) -> None:
    if Covering({}, {}).covers(wide, narrow):
        taken = [each for each in VALUES if Draft7Validator(narrow).is_valid(each)]

        assert [each for each in taken if not Draft7Validator(wide).is_valid(each)] == []


NESTED = {"anyOf": [TEXT, {"type": "array", "items": {"$ref": "#/schemas/Nested"}}]}


@pytest.mark.parametrize(
    ("narrow", "is_covered"),
    [
        pytest.param({"type": "array", "items": {"type": "array", "items": TEXT}}, True, id="some of it"),
        pytest.param({"type": "array", "items": NUMBER}, False, id="another inside"),
    ],
)
def test_what_contains_itself_allows_what_it_says_at_each_depth(narrow: Any, *, is_covered: bool) -> None:
    assert Covering({"Nested": NESTED}, {}).covers({"$ref": "#/schemas/Nested"}, narrow) is is_covered


def test_that_a_limit_itself_is_not_allowed_is_no_limit() -> None:
    most = {"type": "number", "maximum": 3}

    assert not Covering({}, {}).covers({**most, "exclusiveMaximum": True}, {**most, "exclusiveMaximum": False})
