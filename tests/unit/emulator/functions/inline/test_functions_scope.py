from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.functions.inline.scope import Seen, of_a_process


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


NOWHERE = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
HERE = "127.0.0.1,localhost,::1"


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        pytest.param({}, {"NO_PROXY": HERE, "no_proxy": HERE}, id="nothing said"),
        pytest.param({"GREETING": "hello"}, {"NO_PROXY": HERE, "no_proxy": HERE}, id="of the project's own"),
        pytest.param(
            {"AWS_PROFILE": "work", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_CONFIG_FILE": "mine"},
            {"AWS_PROFILE": None, "AWS_ENDPOINT_URL": None, "NO_PROXY": HERE, "no_proxy": HERE},
            id="of the user's for AWS",
        ),
        pytest.param(
            {"NO_PROXY": "corp.example"},
            {"NO_PROXY": f"corp.example,{HERE}", "no_proxy": f"corp.example,{HERE}"},
            id="exceptions of a proxy",
        ),
        pytest.param(
            {"NO_PROXY": "a", "no_proxy": "b"},
            {"NO_PROXY": f"a,{HERE}", "no_proxy": f"b,{HERE}"},
            id="exceptions in both spellings",
        ),
        pytest.param({"no_proxy": "*"}, {"NO_PROXY": "*", "no_proxy": "*"}, id="no proxy for anything"),
    ],
)
def test_functions_see_what_a_process_of_their_own_would_show_them(
    shell: dict[str, str], expected: dict[str, str | None]
) -> None:
    assert of_a_process(shell) == {**NOWHERE, **expected}
