"""What is told of a project in a few lines."""

from __future__ import annotations

import pytest

from emulator.templates.report import brief


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("A, B, C, D, E: it is", "A, B, C, D, E: it is", id="few functions"),
        pytest.param("A, B, C, D, E, F: it is: so", "A, B, C, D and 2 more: it is: so", id="many functions"),
        pytest.param("a, b, c, d, e, f", "a, b, c, d, e, f", id="nothing said of them"),
        pytest.param("one of a, b, c, d, e, f: is", "one of a, b, c, d, e, f: is", id="what is no name"),
        pytest.param("t.yaml:3: A.B: a, b, c, d, e, f", "t.yaml:3: A.B: a, b, c, d, e, f", id="a place"),
    ],
)
def test_of_many_functions_the_first_are_named(text: str, shown: str) -> None:
    assert brief(text) == shown
