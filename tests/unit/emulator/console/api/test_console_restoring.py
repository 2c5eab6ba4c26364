from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.console.api.restoring import restored, restored_event, restored_text
from emulator.console.reading.asked import BadRequestError
from emulator.console.recording.masking import masked
from streamer.auth import mint

ADA = mint("s" * 32, user_id="ada", tenant_id="acme", now=0)
HIDDEN = "\u2039hidden\u203a"
EVENT = {
    "queryStringParameters": {"Authorization": ADA, "a": "1"},
    "multi": [ADA, "b"],
    "body": json.dumps({"action": "login", "password": "hunter2", "n": 1}),
    "password": {"S": "x"},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"new": 1}, {"new": 1}, id="another member"),
        pytest.param({"multi": ["c"]}, {"multi": ["c"]}, id="a list that is shorter"),
        pytest.param({"password": "mine"}, {"password": "mine"}, id="the secret itself"),
        pytest.param(
            {"body": json.dumps({"action": "login", "password": HIDDEN, "n": 2})},
            {"body": json.dumps({"action": "login", "password": "hunter2", "n": 2})},
            id="JSON in a string",
        ),
    ],
)
def test_what_was_not_shown_is_put_back_where_something_else_is_edited(changes: Any, expected: Any) -> None:
    assert restored({**masked(EVENT), **changes}, EVENT) == {**EVENT, **expected}


def test_a_message_keeps_its_secrets_under_another_id() -> None:
    message = {"action": "login", "id": "1", "payload": {"password": "hunter2", "n": 12345678901234567890}}
    told = masked(message)

    assert json.loads(restored_text(json.dumps({**told, "id": "2"}, indent=2), json.dumps(message))) == {
        **message,
        "id": "2",
    }


@pytest.mark.parametrize("text", ['{"a":  1}', "no JSON", '{"n": 1.0, "n": 1e400}'])
def test_a_text_without_notes_is_sent_to_the_last_blank_as_it_is(text: str) -> None:
    assert restored_text(text, '{"password": "hunter2"}') == text


def test_a_text_that_is_no_json_is_what_it_was() -> None:
    text = f"GET /dev?Authorization={ADA} HTTP"

    assert restored_text(masked(text), text) == text


@pytest.mark.parametrize(
    "edited", [{"password": HIDDEN}, {"name": HIDDEN}, [HIDDEN]], ids=["of another event", "elsewhere", "in a list"]
)
def test_a_note_that_nobody_can_replace_is_refused(edited: Any) -> None:
    with pytest.raises(BadRequestError, match="write there what is to be sent"):
        restored_event(edited, b'{"name": "ada"}')
    with pytest.raises(BadRequestError, match="write there what is to be sent"):
        restored_text(json.dumps(edited, ensure_ascii=False), "ada")


def test_a_note_that_a_client_has_sent_itself_is_none() -> None:
    assert restored({"name": HIDDEN}, {"name": HIDDEN}) == {"name": HIDDEN}
