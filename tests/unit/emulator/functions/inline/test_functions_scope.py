from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.functions.inline.scope import Seen


def seen(lines: list[str], **environment: str) -> Seen:
    return Seen(environment=environment, trace_id="Root=1", request_id="id", write_line=lines.append)


@given(pieces=st.lists(st.text(alphabet="ab\n\r", max_size=6)))
def test_output_is_cut_into_the_same_lines_however_it_is_written(pieces: list[str]) -> None:
    lines: list[str] = []
    output = seen(lines)

    for piece in pieces:
        output.write(piece)
    output.end()

    text = "".join(pieces)
    expected = text.replace("\n", "\0").replace("\r", "\n").split("\0")
    assert lines == (expected[:-1] if expected[-1] == "" else expected)


def test_a_variable_set_by_a_handler_stays_with_its_function() -> None:
    environment: dict[str, str] = {"A": "1"}
    output = Seen(environment=environment, trace_id="Root=1", request_id="id", write_line=lambda line: None)

    output.environment["B"] = "2"

    assert environment == {"A": "1", "B": "2"}
    assert output.environment["_X_AMZN_TRACE_ID"] == "Root=1"
