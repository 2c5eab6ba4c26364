"""``docs/protocol.md`` cannot fall behind the protocol."""

import re

import pytest
from life_diagram import PAGE, updated
from streamer_records import NOW

from streamer.app import BUILT_IN_ACTIONS
from streamer.errors import ErrorCode
from streamer.protocol import messages

TEXT = PAGE.read_text("utf-8")
PARTS = {part.partition("\n")[0]: part for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)}


def rows(part: str) -> set[str]:
    """The first column of a part's table."""
    return set(re.findall(r"^\| `([^`]+)`", PARTS[part], flags=re.MULTILINE))


def test_the_diagram_is_the_transition_table() -> None:
    assert updated(TEXT) == TEXT, "run: python tests/life_diagram.py"


def test_every_code_is_explained() -> None:
    assert rows("Codes") == set(ErrorCode)


def test_every_built_in_action_is_explained() -> None:
    assert rows("Built-in actions") == BUILT_IN_ACTIONS


@pytest.mark.parametrize("type_", sorted(rows("Server to client")))
def test_every_type_of_message_exists(type_: str) -> None:
    module = (PAGE.parents[1] / "streamer" / "protocol" / "messages.py").read_text("utf-8")
    parts = (PAGE.parents[1] / "streamer" / "protocol" / "parts.py").read_text("utf-8")

    assert f'"{type_}"' in module + parts


def test_a_page_without_marks_says_so() -> None:
    with pytest.raises(ValueError, match="has no marks"):
        updated("nothing")


def test_times_have_milliseconds() -> None:
    assert f'"timestamp":{NOW}' in messages.pong("r-1", now=NOW)
