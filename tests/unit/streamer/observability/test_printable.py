"""What somebody else wrote, made safe for a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.observability.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain, ünïcode ✓ 日本", "plain, ünïcode ✓ 日本", id="text stays"),
        pytest.param("a\tb", "a\tb", id="a tab stays"),
        pytest.param("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07", id="an escape sequence"),
        pytest.param("one\ntwo\rthree", r"one\ntwo\rthree", id="ends of lines"),
        pytest.param("\x9b31m\x7f", r"\x9b31m\x7f", id="C1 and DEL"),
        pytest.param("\u202egnp.exe\u2028", r"\u202egnp.exe\u2028", id="direction of writing, line separator"),
        pytest.param("\ud83d", r"\ud83d", id="half a surrogate pair"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_the_outcome_can_be_written_and_is_one_line(text: str) -> None:
    shown = printable(text)

    assert shown.encode().decode() == shown
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown
