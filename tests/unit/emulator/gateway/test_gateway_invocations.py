"""Events on their way to functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.gateway.invocations import payload

TEXTS = st.text() | st.text(st.characters(codec=None))
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXTS, TREES, max_size=4))
def test_an_event_is_what_any_function_reads_of_it(event: dict[str, Any]) -> None:
    assert json.loads(payload(event)) == event


@pytest.mark.parametrize(
    ("event", "written"),
    [
        pytest.param({"body": "grüße"}, '{"body":"grüße"}'.encode(), id="UTF-8"),
        pytest.param({"requestContext": {"authorizer": {"name": "\ud800"}}}, b'"\\ud800"', id="half a surrogate pair"),
    ],
)
def test_an_event_is_written_in_utf8_where_that_has_all_of_it(event: dict[str, Any], written: bytes) -> None:
    assert written in payload(event)
