from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.console.recording.masking import HIDDEN, masked, masked_text, who_of
from streamer.auth import mint
from streamer.observability import redaction

ADA = mint("s" * 32, user_id="ada", tenant_id="acme", now=0)


def test_a_token_tells_whose_it_is() -> None:
    who = who_of(f"Bearer {ADA}")

    assert (who.user, who.tenant) == ("ada", "acme")
    assert who.claims["tenant_id"] == "acme"


@pytest.mark.parametrize("text", ["", "Bearer x", "eyJhbGciOiJub25lIn0.W10.", "eyJhbGciOiJub25lIn0.!!!.x"])
def test_what_is_no_token_names_nobody(text: str) -> None:
    assert who_of(text).user == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"Authorization": f"Bearer {ADA}"}, {"Authorization": "\u2039token of ada\u203a"}, id="header"),
        pytest.param({"authorization": "Basic YTpi"}, {"authorization": "\u2039hidden\u203a"}, id="basic"),
        pytest.param({"Cookie": "a=b"}, {"Cookie": "\u2039hidden\u203a"}, id="cookie"),
        pytest.param({"cookies": ["a=b"]}, {"cookies": "\u2039hidden\u203a"}, id="cookies of an HTTP API's event"),
        pytest.param({"multi": [ADA]}, {"multi": ["\u2039token of ada\u203a"]}, id="in a list"),
        pytest.param({"a": {"password": {"S": "x"}}}, {"a": {"password": "\u2039hidden\u203a"}}, id="an attribute"),
        pytest.param({"name": "ada", "n": 1}, {"name": "ada", "n": 1}, id="nothing to hide"),
        pytest.param(
            {"Sec-WebSocket-Protocol": f"streamer.v1, bearer.{ADA}"},
            {"Sec-WebSocket-Protocol": "streamer.v1, bearer.\u2039token of ada\u203a"},
            id="subprotocol",
        ),
    ],
)
def test_credentials_are_told_as_whose_they_are(value: Any, expected: Any) -> None:
    assert masked(value) == expected


@pytest.mark.parametrize(
    "name", [*redaction._SENSITIVE_NAMES - {"secwebsocketprotocol"}, *redaction._SENSITIVE_ENDINGS]
)
@pytest.mark.parametrize("written", [str, str.upper, "-".join], ids=["as it is", "in capitals", "with dashes"])
def test_each_name_of_a_secret_is_looked_for(written: Callable[[str], str], name: str) -> None:
    assert masked_text(f'"{written(name)}":"x"}}') == f'"{written(name)}":"{HIDDEN}"}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"GET /dev?Authorization={ADA} HTTP", "GET /dev?Authorization=\u2039token of ada\u203a HTTP"),
        (f"/dev?a=1&token={ADA}&b=2", "/dev?a=1&token=\u2039token of ada\u203a&b=2"),
        ("/dev?token=opaque&b=token", "/dev?token=\u2039hidden\u203a&b=token"),
        ("user=ada&pass%77ord=hunter2", "user=ada&pass%77ord=\u2039hidden\u203a"),
        ("/dev?a=1&tokens=2&password=", "/dev?a=1&tokens=2&password="),
    ],
)
def test_a_query_or_form_is_told_without_credentials(text: str, expected: str) -> None:
    assert masked_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"password":"a\\"b","n":1,"c', f'{{"password":"{HIDDEN}","n":1,"c', id="JSON that was cut"),
        pytest.param('{"a":1,"password":"hunt', f'{{"a":1,"password":"{HIDDEN}"', id="cut within"),
        pytest.param('{"api_key": 12, "secret":null,', f'{{"api_key": "{HIDDEN}", "secret":null,', id="a number"),
        pytest.param('{"credentials":{"a":[1]},"b":2,', f'{{"credentials":"{HIDDEN}","b":2,', id="an object"),
        pytest.param('{"credentials":{"a":[1', f'{{"credentials":"{HIDDEN}"', id="half an object"),
        pytest.param(
            '{"body":"{\\"password\\":\\"a\\\\\\"b\\",\\"n\\":1',
            f'{{"body":"{{\\"password\\":\\"{HIDDEN}\\",\\"n\\":1',
            id="a body that was cut",
        ),
        pytest.param(
            "saw {'password': 'a', 'n': 1}", f"saw {{'password': '{HIDDEN}', 'n': 1}}", id="printed by Python"
        ),
        pytest.param('{"password":"a","password":null}', f'{{"password":"{HIDDEN}","password":null}}', id="twice"),
        pytest.param('the "password": see above', f'the "password": "{HIDDEN}" above', id="prose, as it must be"),
        pytest.param('{"passwords":"a","n":"password"}', '{"passwords":"a","n":"password"}', id="nothing to hide"),
    ],
)
def test_texts_that_are_no_whole_json_are_told_without_credentials(text: str, expected: str) -> None:
    assert masked_text(text) == expected
    assert masked({"text": text}) == {"text": expected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "{ password: 'a\\'b', token: \"c\", n: 1 }",
            f"{{ password: '{HIDDEN}', token: \"{HIDDEN}\", n: 1 }}",
            id="Node.js",
        ),
        pytest.param("{ token: null, secret: x1 }", f"{{ token: null, secret: {HIDDEN} }}", id="no token"),
        pytest.param("{ n: 1, token: 'hunt\nb", f"{{ n: 1, token: '{HIDDEN}'\nb", id="what was cut within"),
        pytest.param("with pwd=hunter2, n=1", f"with pwd={HIDDEN}, n=1", id="a pair in a sentence"),
        pytest.param("keys=[API_KEY=x]", f"keys=[API_KEY={HIDDEN}]", id="a pair in another's value"),
        pytest.param(
            "connect(password = 'a b', n=1)", f"connect(password = '{HIDDEN}', n=1)", id="code that was printed"
        ),
        pytest.param(r"a\nsecret=x", rf"a\nsecret={HIDDEN}", id="after a line break that was printed"),
        pytest.param("the password: hunter", f"the password: {HIDDEN}", id="a password after a colon"),
        pytest.param("password: must have 8 letters", None, id="a sentence about a password"),
        pytest.param("invalid token: expired", None, id="what is wrong with a token"),
        pytest.param("a token == b, token => c, tokens: 5", None, id="code about tokens"),
        pytest.param("arn:aws:secretsmanager:eu-west-1:1:secret:db-1", None, id="the ARN of a secret"),
        pytest.param(f"saw token={HIDDEN}, password='[redacted]'", None, id="what was hidden before"),
        pytest.param("x-api-key: abc", "x-api-key: [redacted]", id="a header's line"),
    ],
)
def test_names_that_stand_in_a_text_as_they_are_have_no_credentials(text: str, expected: str | None) -> None:
    assert masked_text(text) == (text if expected is None else expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"password": "x", "n": 1}', f'{{"password":"{HIDDEN}","n":1}}'),
        ('[{"a": "{\\"token\\": 1}"}]', f'[{{"a":"{{\\"token\\":\\"{HIDDEN}\\"}}"}}]'),
        ('{ "n": 1 }', '{ "n": 1 }'),
        (
            '{"password": "x", "half": "\\ud800"}',
            f'{{"password":"{HIDDEN}","half":"\\ud800"}}'.replace(HIDDEN, "\\u2039hidden\\u203a"),
        ),
    ],
    ids=["an event's body", "deeper", "as it was written", "half a pair"],
)
def test_json_in_a_string_is_told_without_credentials(body: str, expected: str) -> None:
    assert masked({"body": body}) == {"body": expected}


@given(st.text(), st.sampled_from(["", "Bearer ", "Authorization=", "Authorization: ", "bearer."]), st.text())
def test_no_token_survives_wherever_it_stands(before: str, scheme: str, after: str) -> None:
    text = f"{before} {scheme}{ADA} {after}"

    assert ADA.split(".")[2] not in masked_text(text)
    assert ADA.split(".")[2] not in json.dumps(masked({"text": text, text: [text]}))
