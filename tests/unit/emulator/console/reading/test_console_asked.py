"""What is asked of the console, in whatever form it comes."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.console.reading.asked import Asked, BadRequestError


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        pytest.param(b"[1]", str, "the body is not a JSON object", id="a list"),
        pytest.param(b"{", str, "the body is not JSON", id="no JSON"),
        pytest.param(b"[" * 100_000, str, "the body is not JSON", id="deeper than anybody reads"),
        pytest.param(b"{}", str, "x has to be a text", id="nothing"),
        pytest.param(b'{"x": 1}', str, "x has to be a text", id="a number for a text"),
        pytest.param(b'{"x": true}', int, "x has to be a number", id="true, which Python takes for one"),
        pytest.param(b'{"x": NaN}', (int, float), "x has to be a finite number", id="no number"),
        pytest.param(b'{"x": "a\\ud800"}', str, "x has half a surrogate pair", id="what has no UTF-8"),
    ],
)
def test_what_is_not_as_it_has_to_be_is_refused_with_what_it_has_to_be(body: bytes, kind: Any, why: str) -> None:
    with pytest.raises(BadRequestError, match=why) as refused:
        Asked({}, body).field("x", kind)

    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [(b'{"x": "\\ud83d\\ude00"}', str, "\U0001f600"), (b'{"x": 1.5}', (int, float), 1.5), (b'{"x": []}', list, [])],
    ids=["a pair", "a number", "a list"],
)
def test_what_is_as_it_has_to_be_is_taken(body: bytes, kind: Any, value: Any) -> None:
    assert Asked({}, body).field("x", kind) == value
