"""Tracebacks: the project's frames stay, libraries' are folded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.functions.tracebacks import Code, folded, own_place

CODE = Code(
    folder="/work/shop",
    libraries=(("/repo/streamer", "streamer"), ("/usr/lib/python3.13", "Python")),
    own=("/repo/streamer/demo.py",),
)
HEAD = "Traceback (most recent call last):"
ROUTER = ['  File "/repo/streamer/handlers/router.py", line 9, in _answer', "    return self._run(call)"]
CONTAINED = ['  File "/repo/streamer/running/execution.py", line 2, in contained']
MINE = ['  File "/work/shop/app.py", line 4, in boom', "    helper()", "    ~~~~~~^^"]
MINE_SHOWN = ['  File "app.py", line 4, in boom', "    helper()", "    ~~~~~~^^"]
BOTO = ['  File "/work/shop/.venv/lib/python3.13/site-packages/botocore/client.py", line 1, in call', "    raise it"]
JSON = ['  File "/usr/lib/python3.13/json/decoder.py", line 3, in decode', "    raise JSONDecodeError()"]
DEMO = ['  File "/repo/streamer/demo.py", line 5, in fail']
END = "ValueError: bad"


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        pytest.param(["hello", "world"], ["hello", "world"], id="no traceback"),
        pytest.param([HEAD, *ROUTER, *CONTAINED, *MINE, END], [HEAD, *MINE_SHOWN, END], id="own frames first"),
        pytest.param(
            [HEAD, *ROUTER, *MINE, *BOTO, *JSON, END],
            [HEAD, *MINE_SHOWN, "  ... 2 frames of botocore, Python", END],
            id="libraries that the project called are one line",
        ),
        pytest.param(
            [HEAD, *MINE, *BOTO, *MINE, END],
            [HEAD, *MINE_SHOWN, "  ... 1 frame of botocore", *MINE_SHOWN, END],
            id="and between own frames",
        ),
        pytest.param([HEAD, *DEMO, END], [HEAD, *DEMO, END], id="the demo counts as the project"),
        pytest.param(
            [HEAD, *ROUTER, *BOTO, END],
            [HEAD, "  ... 1 frame of streamer", *BOTO, END],
            id="without an own frame the last one stays",
        ),
        pytest.param([HEAD, *ROUTER, *CONTAINED, END], [HEAD, "  ... 2 frames of streamer", END], id="streamer alone"),
        pytest.param(
            [HEAD, *JSON, END, "", "During handling of the above exception:", "", HEAD, *ROUTER, *MINE, END],
            [HEAD, *JSON, END, "", "During handling of the above exception:", "", HEAD, *MINE_SHOWN, END],
            id="each of a chain",
        ),
        pytest.param(
            [HEAD, *JSON, '  File "/work/shop/app.py", line 3', "    app = App((", "SyntaxError: never closed"],
            [HEAD, '  File "app.py", line 3', "    app = App((", "SyntaxError: never closed"],
            id="the place of a syntax error",
        ),
        pytest.param([HEAD], [HEAD], id="a head alone"),
        pytest.param(
            [ROUTER[1], *MINE, *BOTO, END],
            [HEAD, *MINE_SHOWN, "  ... 1 frame of botocore", END],
            id="one whose beginning was cut off",
        ),
        pytest.param(["  a", "b", *MINE], ["  a", "b", *MINE], id="frames behind other text"),
    ],
)
def test_a_traceback_shows_the_projects_frames(lines: list[str], shown: list[str]) -> None:
    assert folded(lines, CODE) == shown


def test_the_place_is_the_last_own_frame() -> None:
    assert own_place([HEAD, *ROUTER, *MINE, *BOTO, END], CODE) == ("app.py", 4)
    assert own_place([HEAD, *ROUTER, END], CODE) is None


@given(st.lists(st.one_of(st.text(), st.sampled_from([HEAD, *ROUTER, *MINE, *BOTO, END]))))
def test_no_log_breaks_it_and_what_is_no_frame_is_kept(lines: list[str]) -> None:
    shown = folded(lines, CODE)

    assert [line for line in lines if line == END] == [line for line in shown if line == END]
