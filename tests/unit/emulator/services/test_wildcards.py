"""Texts with stars: what a regular expression would say of them, in no more time than the text is long."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from emulator.services.wildcards import is_made_of, pieces


@given(st.lists(st.sampled_from(["*", "a", "b", "\\*", "\\\\", "."]), max_size=8), st.text("ab*\\.\n", max_size=12))
def test_a_star_stands_for_any_characters_and_what_follows_a_backslash_for_itself(signs: list[str], text: str) -> None:
    expression = "".join(".*" if sign == "*" else re.escape(sign[-1]) for sign in signs)

    assert is_made_of(text, pieces(signs)) is (re.fullmatch(expression, text, re.DOTALL) is not None)


def test_a_long_text_that_nearly_matches_many_stars_takes_no_longer_than_others() -> None:
    assert is_made_of("a" * 1_000_000, pieces("*a" * 500))
    assert not is_made_of("a" * 1_000_000, pieces("*a" * 500 + "*b*"))
