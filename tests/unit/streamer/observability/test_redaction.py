from __future__ import annotations

import datetime
import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.auth import mint
from streamer.observability.redaction import ITEMS, REDACTED, STRING_CHARACTERS, loggable, redact_text

TOKEN = mint("s" * 32, user_id="ada", tenant_id="acme", now=1_767_268_800)
PARTS = TOKEN.split(".")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(TOKEN, REDACTED, id="a token"),
        pytest.param(f"got {TOKEN}, refused", f"got {REDACTED}, refused", id="a token in a sentence"),
        pytest.param(f"is_{TOKEN}", f"is_{REDACTED}", id="a token behind a word"),
        # Its time grew with the square of this: half an hour.
        pytest.param(f"{'ewk' * 100_000} .", None, id="a long word of beginnings of tokens"),
        pytest.param(f"bearer.{TOKEN}", f"bearer.{REDACTED}", id="a subprotocol offer"),
        pytest.param(f"{PARTS[0]}.{PARTS[1]}.", REDACTED, id="an unsigned token"),
        pytest.param(f"{PARTS[0]}.{PARTS[1]}", REDACTED, id="a token without its signature"),
        pytest.param("Authorization: Basic dXNlcjpwYXNz", f"Authorization: {REDACTED}", id="another scheme"),
        pytest.param("/dev?Authorization=abc&x=1", f"/dev?Authorization={REDACTED}&x=1", id="a query string"),
        pytest.param("Authorization=Bearer%20abc", f"Authorization={REDACTED}", id="an encoded query string"),
        pytest.param("{'authorization': 'Bearer abc'}", f"{{'authorization': '{REDACTED}'}}", id="a printed dict"),
        pytest.param("{'Authorization': ['abc']}", f"{{'Authorization': ['{REDACTED}']}}", id="multi-value headers"),
        pytest.param("sent Bearer 0123456789abc", f"sent Bearer {REDACTED}", id="an opaque bearer token"),
        pytest.param(
            "/uploads/a?X-Amz-Date=20260101T000000Z&X-Amz-Security-Token=a%2Fb%3D&X-Amz-Signature=0a1b",
            f"/uploads/a?X-Amz-Date=20260101T000000Z&X-Amz-Security-Token={REDACTED}&X-Amz-Signature={REDACTED}",
            id="a signed link",
        ),
        pytest.param(
            "postgres://ada:hunter2@db.example/shop",
            f"postgres://ada:{REDACTED}@db.example/shop",
            id="a URL's password",
        ),
        pytest.param("set-cookie: sid=1; Path=/\r\nVia: x", f"set-cookie: {REDACTED}\r\nVia: x", id="a header's line"),
        pytest.param("curl -H 'X-Api-Key: abc' url", f"curl -H 'X-Api-Key: {REDACTED}' url", id="a header of curl"),
        pytest.param(
            r"b'a\r\ncookie: b=c; d=e\r\n'", rf"b'a\r\ncookie: {REDACTED}\r\n'", id="headers that Python printed"
        ),
        pytest.param(f"Authorization: {REDACTED}", None, id="what was taken out before"),
        pytest.param('{"cookie":null,"n":1}', None, id="no cookie in JSON"),
        pytest.param("redis://:hunter2@cache:6379", f"redis://:{REDACTED}@cache:6379", id="a URL's password alone"),
        pytest.param("http://ada@127.0.0.1:80/a:b@c", None, id="a URL without a password"),
        pytest.param("a1b2c3.execute-api.us-east-1.amazonaws.com", None, id="a host name"),
        pytest.param("streamer.handlers.connect", None, id="a module"),
        pytest.param("a bearer of news", None, id="the word bearer"),
        pytest.param("WgQ2HdS5oAMCKkw=", None, id="a connection id"),
    ],
)
def test_credentials_are_taken_out_of_texts_and_nothing_else(text: str, expected: str | None) -> None:
    assert redact_text(text) == (text if expected is None else expected)


def test_known_secrets_are_taken_out_wherever_they_stand() -> None:
    assert redact_text("key=hunter2!", ["hunter2"]) == f"key={REDACTED}!"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "AUTHORIZATION",
        "token",
        "access_token",
        "jwt_secret",
        "Cookie",
        "x-api-key",
        "apiKey",
        "password",
        "db-passwd",
        "privateKey",
        "secret_key",
        "SecretAccessKey",
        "AWS_SECRET_ACCESS_KEY",
        "Set-Cookie",
        "cookies",
        "pwd",
        "Sec-WebSocket-Protocol",
    ],
)
def test_fields_with_telling_names_are_redacted_whatever_they_hold(name: str) -> None:
    assert loggable({"outer": {name: ["value"], "other": 1}}) == {"outer": {name: REDACTED, "other": 1}}


@pytest.mark.parametrize("name", ["hunter2", "hunter2" * 10], ids=["short", "long"])
def test_secrets_are_taken_out_of_names_too_by_whoever_knows_them(name: str) -> None:
    for secrets, expected in ((), name), (["hunter2"], name.replace("hunter2", REDACTED)), (["other"], name):
        assert loggable({name: 1}, secrets) == {expected: 1}


def test_an_absent_credential_shows_as_absent() -> None:
    assert loggable({"token": None}) == {"token": None}


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"\xff\x00", "<2 bytes>", id="bytes"),
        pytest.param(math.nan, "nan", id="NaN"),
        pytest.param(-math.inf, "-inf", id="infinity"),
        pytest.param(10**5000, "<integer of 16610 bits>", id="a huge integer"),
        pytest.param(Decimal("1.50"), 1.5, id="a decimal"),
        pytest.param(Decimal(3), 3, id="a whole decimal"),
        pytest.param(Decimal("1E+999999"), "1E+999999", id="a huge decimal"),
        pytest.param(Decimal("sNaN"), "sNaN", id="a signalling NaN"),
        pytest.param((1, {2}), [1, [2]], id="tuples and sets"),
        pytest.param({1: "a"}, {"1": "a"}, id="keys that are no strings"),
        pytest.param(ValueError(f"bad {TOKEN}"), f"bad {REDACTED}", id="an exception"),
        pytest.param(datetime.date(2026, 1, 1), "2026-01-01", id="a date"),
        pytest.param(Unprintable(), "<unprintable Unprintable>", id="an object that cannot be printed"),
    ],
)
def test_everything_has_a_form_in_a_log(value: Any, expected: Any) -> None:
    assert loggable(value) == expected


def test_size_and_depth_are_bounded() -> None:
    loop: list[Any] = []
    loop.append(loop)

    assert len(loggable("x" * 1_000_000)) < STRING_CHARACTERS + 50
    assert len(loggable(list(range(10_000)))) == ITEMS
    assert len(json.dumps(loggable(loop))) < 100


def test_a_secret_at_the_point_of_shortening_does_not_survive_in_part() -> None:
    text = "x" * (STRING_CHARACTERS - 5) + "hunter2hunter2"

    assert "hunter" not in loggable(text, ["hunter2hunter2"])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals() | st.just(TOKEN),
    lambda children: st.lists(children) | st.dictionaries(st.text() | st.integers() | st.just(TOKEN), children),
    max_leaves=12,
)


@given(anything)
def test_any_value_becomes_strict_json_without_the_token(value: Any) -> None:
    text = json.dumps(loggable(value), allow_nan=False)

    assert text.isascii()
    assert PARTS[1] not in text
    assert PARTS[2] not in text


@given(st.text(), st.text())
def test_a_token_is_redacted_in_any_surroundings(before: str, after: str) -> None:
    assert PARTS[1] not in redact_text(before + TOKEN + after)
