from __future__ import annotations

import json
import subprocess
import sys

import pytest
from gateway_id_parts import decode
from gateway_world import NOW_MS, opened, route, stage_of

from emulator.gateway.rules.effects import Invoke, Send
from emulator.gateway.rules.ids import Kind
from streamer.errors import TopologyError

ADD = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["action", "a"],
    "properties": {"a": {"type": "number"}, "action": {"type": "string"}},
}
TEXT = {"type": "object", "required": ["text"]}


def effects_of(text: str, **settings: object) -> list[object]:
    connection = opened(stage_of(route("add", **settings), route("$default", **settings)))
    return list(connection.receive_text(text, 0.0, NOW_MS))


@pytest.mark.parametrize("text", ['{"action":"add","a":1}', '{"action":"add","a":1.5,"more":true}', "{action:add,a:1}"])
def test_a_message_that_satisfies_the_model_runs_the_function(text: str) -> None:
    [effect] = effects_of(text, model=ADD)

    assert isinstance(effect, Invoke)


@pytest.mark.parametrize("text", ['{"action":"add"}', '{"action":"add","a":"1"}', "not json {", "[]", ""])
def test_a_message_that_does_not_is_answered_and_not_run(text: str) -> None:
    [effect] = effects_of(text, model=ADD)

    assert isinstance(effect, Send)
    assert effect.text.startswith('{"message" : "Bad request body", "connectionId": "')
    message_id = effect.text.rpartition(' "messageId": "')[2].removesuffix('"}')
    assert decode(message_id).kind is Kind.CONNECTION


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        pytest.param('{"action":"add","kind":"text","text":"x"}', True, id="selected model, valid"),
        pytest.param('{"action":"add","kind":"text"}', False, id="selected model, invalid"),
        pytest.param('{"action":"add","kind":"other","a":1}', True, id="no such key: the route's model, valid"),
        pytest.param('{"action":"add","kind":"other"}', False, id="no such key: the route's model, invalid"),
    ],
)
def test_the_model_selection_expression_picks_the_model(text: str, is_valid: bool) -> None:
    [effect] = effects_of(text, model=ADD, models={"text": TEXT}, model_selection="$request.body.kind")

    assert isinstance(effect, Invoke) is is_valid


@pytest.mark.parametrize("text", ['{"action":"add","kind":"x"}', '{"action":"add"}'])
def test_a_message_no_model_is_meant_for_is_refused(text: str) -> None:
    [effect] = effects_of(text, models={"text": TEXT}, model_selection="$request.body.kind")

    assert isinstance(effect, Send)
    assert effect.text.startswith('{"message" : "Bad request body"')


@pytest.mark.parametrize(
    ("model", "text"),
    [
        pytest.param({"type": 1}, "no JSON schema", id="unknown type"),
        pytest.param({"pattern": "("}, "no JSON schema", id="pattern that is no regular expression"),
        pytest.param({"$ref": "https://example.com/model"}, "leads nowhere", id="reference to elsewhere"),
        pytest.param({"items": [{"$ref": "#/definitions/x"}]}, "leads nowhere", id="reference to nothing"),
    ],
)
def test_a_model_that_cannot_work_is_refused_when_the_stage_is_made(model: dict[str, object], text: str) -> None:
    with pytest.raises(TopologyError, match=text):
        stage_of(route("add", model=model))


def test_a_model_may_refer_to_itself_however_deep_the_message() -> None:
    tree = {"type": "array", "items": {"$ref": "#/definitions/tree"}}
    model = {"definitions": {"tree": tree}, "properties": {"tree": tree}}

    [shallow] = effects_of('{"action":"add","tree":[[],[[]]]}', model=model)
    [deep] = effects_of('{"action":"add","tree":' + "[" * 900 + "]" * 900 + "}", model=model)

    assert isinstance(shallow, Invoke)
    assert isinstance(deep, Send)


@pytest.mark.parametrize(
    ("items", "is_valid"),
    [
        pytest.param('[1, true, "1", "true", null, [1], {"a": 1}]', True, id="of all kinds"),
        pytest.param('[[true], [1], {"a": true}, {"a": 1}]', True, id="within others"),
        pytest.param("[1, 1.0]", False, id="numbers"),
        pytest.param('[{"a": 1, "b": [2]}, {"b": [2], "a": 1.0}]', False, id="objects in another order"),
        pytest.param(json.dumps([{"a": number} for number in range(8000)]), True, id="more than pairs can be compared"),
    ],
)
def test_items_are_unique_by_what_they_say(items: str, is_valid: bool) -> None:
    model = {"properties": {"items": {"type": "array", "uniqueItems": True}}}

    [effect] = effects_of(f'{{"action":"add","items":{items}}}', model=model)

    assert isinstance(effect, Invoke) is is_valid


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "1" + "0" * 400])
def test_a_number_beyond_all_floats_is_no_multiple_of_a_fraction(number: str) -> None:
    model = {"properties": {"price": {"type": "number", "multipleOf": 0.01}}}

    [effect] = effects_of(f'{{"action":"add","price":{number}}}', model=model)

    assert isinstance(effect, Send)
    assert effect.text.startswith('{"message" : "Bad request body"')


def test_the_gateway_loads_jsonschema_only_for_a_model() -> None:
    modules = "emulator.gateway.rules.handshake, emulator.gateway.rules.management"
    code = f"import {modules}, sys; sys.exit('jsonschema' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
