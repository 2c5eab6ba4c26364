"""JSON that goes out is what any other parser reads of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.foundation.json_bytes import json_bytes, json_of, parsed_json
from streamer.protocol.messages import strict_json

TEXTS = st.text() | st.text(st.characters(codec=None))
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXTS, TREES, max_size=4))
def test_what_is_written_is_what_is_read(tree: dict[str, Any]) -> None:
    assert json.loads(json_bytes(tree)) == tree


@pytest.mark.parametrize(
    ("tree", "written"),
    [
        pytest.param({"body": "grüße"}, '{"body":"grüße"}'.encode(), id="UTF-8"),
        pytest.param({"requestContext": {"authorizer": {"name": "\ud800"}}}, b'"\\ud800"', id="half a surrogate pair"),
    ],
)
def test_it_is_utf8_where_that_has_all_of_it(tree: dict[str, Any], written: bytes) -> None:
    assert written in json_bytes(tree)


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(parsed_json, id="as Python reads it"),
        pytest.param(lambda text: json_of(text.encode()), id="of a client"),
        pytest.param(strict_json, id="that can be told again"),
    ],
)
@pytest.mark.parametrize("text", ["{", "[" * 200_000], ids=["no JSON", "nested too deeply"])
def test_what_cannot_be_read_is_one_kind_of_error(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"nested too deeply|Expecting"):
        read(text)
