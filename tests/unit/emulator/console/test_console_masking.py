from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.console.masking import masked, masked_text, who_of
from streamer.auth import mint

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


def test_a_url_with_a_token_is_told_without_it() -> None:
    assert masked_text(f"GET /dev?Authorization={ADA} HTTP") == "GET /dev?Authorization=\u2039token of ada\u203a HTTP"


@given(st.text(), st.sampled_from(["", "Bearer ", "Authorization=", "Authorization: ", "bearer."]), st.text())
def test_no_token_survives_wherever_it_stands(before: str, scheme: str, after: str) -> None:
    text = f"{before} {scheme}{ADA} {after}"

    assert ADA.split(".")[2] not in masked_text(text)
    assert ADA.split(".")[2] not in json.dumps(masked({"text": text, text: [text]}))
