from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.gateway.rules import lenient_json
from emulator.gateway.rules.expressions import parse
from emulator.gateway.rules.routes import Selector
from streamer.errors import TopologyError


def nested(begin: str, end: str, depth: int) -> str:
    """A message whose action is nested so deeply."""
    return f'{{"action":{begin * depth}1{end * depth}}}'


KEYS = ("$connect", "$disconnect", "$default", "join", "chat/join", "join-", "1", "true", "[a, b]")


@pytest.mark.parametrize(
    ("body", "key"),
    [
        pytest.param('{"action": "join"}', "join", id="known action"),
        pytest.param('{"action": "Join"}', "$default", id="case matters"),
        pytest.param('{"action": "other"}', "$default", id="unknown action"),
        pytest.param('{"other": "join"}', "$default", id="no action"),
        pytest.param('{"action": null}', "$default", id="null action"),
        pytest.param('{"action": 1}', "1", id="a number becomes text"),
        pytest.param('{"action": true}', "true", id="a boolean becomes text"),
        pytest.param('{"action": ["a", "b"]}', "[a, b]", id="an array becomes text"),
        pytest.param("not json", "$default", id="not JSON"),
        pytest.param("", "$default", id="empty"),
        pytest.param("1", "$default", id="JSON scalar"),
        pytest.param('["join"]', "$default", id="JSON array"),
        pytest.param('"join"', "$default", id="JSON string"),
        pytest.param('{"action": "$connect"}', "$default", id="$connect is not reachable"),
        pytest.param('{"action": "$disconnect"}', "$default", id="$disconnect is not reachable"),
        pytest.param('{"action": "$default"}', "$default", id="$default by name"),
        pytest.param('{"action":"join", body:"hello"}', "join", id="lenient: unquoted key"),
        pytest.param("{action: 'join'}", "join", id="lenient: single quotes"),
        pytest.param('{"action":"join",}', "join", id="lenient: trailing comma"),
        pytest.param('{"action":"join"} and more', "join", id="lenient: text after the value"),
        pytest.param("[" * 100_000, "$default", id="absurdly deep"),
        pytest.param('{"action":' + "9" * 5000 + "}", "$default", id="absurdly long number"),
        pytest.param(nested("[", "]", 150), "$default", id="an array of many levels"),
        pytest.param(nested("[", "]", 450), "$default", id="an array as deep as its text can hardly be made"),
        pytest.param(nested("[", "]", 900), "$default", id="an array as deep as the parser reads"),
        pytest.param(nested('{"a":', "}", 900), "$default", id="an object as deep"),
    ],
)
def test_a_message_takes_the_route_its_action_names(body: str, key: str) -> None:
    assert Selector("$request.body.action", KEYS).select(body) == key


@pytest.mark.parametrize(
    ("expression", "body", "key"),
    [
        pytest.param("$request.body.service.do", '{"service": {"do": "join"}}', "join", id="nested"),
        pytest.param("$request.body.service.do", '{"service": "do"}', "$default", id="nested in no object"),
        pytest.param("${request.body.action}", '{"action": "join"}', "join", id="braces"),
        pytest.param(
            "${request.body.service}/${request.body.action}",
            '{"service": "chat", "action": "join"}',
            "chat/join",
            id="composed",
        ),
        pytest.param("${request.body.action}-${request.body.x}", '{"action": "join"}', "join-", id="missing part"),
        pytest.param("join", "anything", "join", id="constant"),
        pytest.param("\\$default", '{"action": "join"}', "$default", id="escaped $default"),
        pytest.param("${request.body.action}", '{"action": "$request.body.x", "x": "join"}', "$default", id="once"),
        pytest.param("$request.body.items[1]", '{"items": ["a", "join"]}', "join", id="array element"),
        pytest.param("$request.body['action']", '{"action": "join"}', "join", id="a name in brackets"),
        pytest.param('${request.body["a b"].do}', '{"a b": {"do": "join"}}', "join", id="a name with a blank"),
        pytest.param("$request.body.items[*].id", '{"items": [{"id": "a"}, {"id": "b"}]}', "[a, b]", id="of each"),
        pytest.param("$request.body..id", '{"items": [{"id": "a"}, {"id": "b"}]}', "[a, b]", id="at any depth"),
        pytest.param("${request.body['x']}/join", '{"x": "chat"}', "chat/join", id="in brackets, composed"),
        pytest.param("$request.body..id", nested("[", "]", 900), "$default", id="at any depth of very many"),
        pytest.param("$request.body['x']", '{"action": "join"}', "$default", id="in brackets, and missing"),
        pytest.param("$request.body.items[9]", '{"items": []}', "$default", id="array element that is missing"),
    ],
)
def test_expressions_of_every_form_choose_routes(expression: str, body: str, key: str) -> None:
    assert Selector(expression, KEYS).select(body) == key


@pytest.mark.parametrize("body", ['{"action": "other"}', "not json", '{"action": "$connect"}'])
def test_without_a_default_route_nothing_matches(body: str) -> None:
    assert Selector("$request.body.action", ("$connect", "join")).select(body) is None


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("$request.header.X", id="header"),
        pytest.param("$request.querystring.x", id="query"),
        pytest.param("${context.routeKey}", id="context"),
        pytest.param("${request.body.}", id="no name"),
        pytest.param("${request.bodyx}", id="another name"),
        pytest.param("$request.body.items[x]", id="no index"),
        pytest.param("", id="empty"),
    ],
)
def test_an_expression_aws_does_not_accept_is_refused_at_once(expression: str) -> None:
    with pytest.raises(TopologyError):
        parse(expression)


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_a_topology_error(text: str) -> None:
    try:
        value = parse(text).evaluate({"action": "join"})
    except TopologyError:
        return
    assert isinstance(value, str)


def json_values() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    return st.recursive(
        leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner), max_leaves=12
    )


@given(json_values())
def test_json_is_read_as_json(value: Any) -> None:
    assert lenient_json.parse(json.dumps(value)) == value


@given(st.text(alphabet="{}[]:,'\"\\ \tau1-.entlsfr\x00é", max_size=60))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    try:
        lenient_json.parse(text)
    except ValueError:
        return


@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.from_regex(r"[a-z]{1,6}x", fullmatch=True)))
@settings(max_examples=50)
def test_bare_words_are_read_as_strings(fields: dict[str, str]) -> None:
    text = "{" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + ",}"

    assert lenient_json.parse(text) == fields


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("{a:1.5,b:-2,c:true,d:null}", {"a": 1.5, "b": -2, "c": True, "d": None}, id="bare scalars"),
        pytest.param("{'a\\n\\u0041\\'':''}", {"a\nA'": ""}, id="escapes"),
        pytest.param("[,1,,2,]", [1, 2], id="superfluous commas"),
    ],
)
def test_json_that_is_none_to_the_letter_is_read(text: str, value: Any) -> None:
    assert lenient_json.parse(text) == value


@pytest.mark.parametrize("text", ["{", "{a", "{a}", "{a:", "{a:1", "[1", "'a", "}", "", '{"a":1'])
def test_what_even_forgiving_reading_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        lenient_json.parse(text)
