"""JSON that goes out is what any other parser reads of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.foundation.json_bytes import json_bytes

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
