import sys
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

from streamer.actions import FAILURE_MESSAGE_CHARACTERS, Action, failure_of, progress_parameter
from streamer.errors import ActionError, ErrorCode


class Page(pydantic.BaseModel):
    number: int
    title: str = ""


class ValidationError(Exception):
    """As jsonschema and marshmallow have one."""


def _raise(error: Exception) -> Callable[[Any], Any]:
    def validate(payload: Any) -> Any:
        raise error

    return validate


def action(validator: Any) -> Action:
    return Action(name="act", function=lambda request: None, validator=validator)


@pytest.mark.parametrize(
    ("validator", "payload", "becomes"),
    [
        pytest.param(None, [1], [1], id="no validator"),
        pytest.param(lambda payload: None, [1], [1], id="returns nothing"),
        pytest.param(lambda payload: True, [1], [1], id="says yes"),
        pytest.param(lambda payload: {"n": payload}, 1, {"n": 1}, id="returns another"),
        pytest.param(Page, {"number": "7"}, Page(number=7), id="Pydantic model"),
    ],
)
def test_what_an_action_gets(validator: Any, payload: Any, becomes: Any) -> None:
    assert action(validator).validated(payload) == becomes


@pytest.mark.parametrize(
    ("validator", "says"),
    [
        pytest.param(lambda payload: False, "the payload is not valid$", id="says no"),
        pytest.param(_raise(ValueError("too short\nby far")), "not valid: too short$", id="ValueError"),
        pytest.param(_raise(TypeError("not a list")), "not valid: not a list", id="TypeError"),
        pytest.param(lambda payload: payload["name"], "not valid: 'name' is missing", id="KeyError"),
        pytest.param(_raise(ValidationError("no match")), "not valid: no match", id="other libraries' errors"),
        pytest.param(_raise(ActionError("mine", code=ErrorCode.VALIDATION_ERROR)), "^mine$", id="ActionError"),
        pytest.param(Page, "number: Field required", id="Pydantic model"),
    ],
)
def test_a_bad_payload_is_a_validation_error(validator: Any, says: str) -> None:
    with pytest.raises(ActionError, match=says) as caught:
        action(validator).validated({})
    assert caught.value.code == ErrorCode.VALIDATION_ERROR


def test_a_model_lists_all_that_is_wrong() -> None:
    with pytest.raises(ActionError, match=r"\(and 1 more\)") as caught:
        action(Page).validated({"number": "x", "title": 7})

    assert caught.value.details is not None
    errors = caught.value.details["errors"]
    assert [error["loc"] for error in errors] == [["number"], ["title"]]
    assert set(errors[0]) == {"loc", "msg", "type"}


def test_a_validator_that_is_broken_is_not_the_clients_fault() -> None:
    with pytest.raises(AttributeError):
        action(lambda payload: payload.nothing).validated({})


def test_a_validator_that_would_have_to_be_awaited_lets_nothing_in() -> None:
    async def refuse(payload: Any) -> None:
        raise ValueError(payload)

    with pytest.raises(TypeError, match="the validator of action 'act' returned an awaitable"):
        action(refuse).validated({})


def test_all_permissions_are_needed() -> None:
    guarded = Action(name="act", function=lambda request: None, permissions=frozenset({"a", "b", "c"}))

    assert guarded.missing_permissions(frozenset({"b", "x"})) == ["a", "c"]
    assert guarded.missing_permissions(frozenset({"a", "b", "c", "d"})) == []


# failures


def test_an_exception_that_cannot_say_what_it_is_is_told_all_the_same() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    failure = failure_of(MuteError(), code=ErrorCode.INTERNAL_ERROR, production=False)

    assert failure.message == "MuteError: <exception str() failed>"


def test_an_exception_without_a_text_is_told_by_its_name_alone() -> None:
    assert failure_of(AssertionError(), code=ErrorCode.INTERNAL_ERROR, production=False).message == "AssertionError"


def test_an_action_error_keeps_its_code_message_and_details() -> None:
    error = ActionError("out of stock", code=ErrorCode.NOT_FOUND, details={"left": 0}, retryable=True)

    failure = failure_of(error, code=ErrorCode.INTERNAL_ERROR, production=True)

    assert (failure.code, failure.message, failure.details, failure.retryable) == (
        "NOT_FOUND",
        "out of stock",
        {"left": 0},
        True,
    )


@pytest.mark.parametrize(
    ("production", "says"),
    [
        pytest.param(True, "the action failed unexpectedly; the reason is in the service's log", id="production"),
        pytest.param(False, "KeyError: 'password is hunter2'", id="development"),
    ],
)
def test_the_text_of_an_unexpected_error_is_for_developers(production: bool, says: str) -> None:
    failure = failure_of(KeyError("password is hunter2"), code=ErrorCode.PROCESSING_FAILED, production=production)

    assert (failure.code, failure.message) == ("PROCESSING_FAILED", says)


@pytest.mark.parametrize(
    ("details", "says"),
    [
        pytest.param({"a": {1}}, "are not JSON", id="not JSON"),
        pytest.param({"a": "x" * 40_000}, "characters of JSON", id="too large"),
    ],
)
def test_details_that_cannot_be_sent_are_left_out_and_say_so(details: Any, says: str) -> None:
    failure = failure_of(ActionError("no", details=details), code=ErrorCode.INTERNAL_ERROR, production=True)

    assert failure.details is not None
    assert says in failure.details["left_out"]


def test_a_long_message_is_cut() -> None:
    failure = failure_of(ActionError("x" * 200_000), code=ErrorCode.INTERNAL_ERROR, production=True)

    assert len(failure.message) == FAILURE_MESSAGE_CHARACTERS


def test_annotations_that_only_type_checkers_know_do_not_matter() -> None:
    """As of Python 3.14 they are evaluated when somebody asks for them."""
    future = "" if sys.version_info >= (3, 14) else "from __future__ import annotations\n"
    names: dict[str, Any] = {}
    exec(compile(f"{future}def act(request: Unknown, progress): ...", "app.py", "exec", dont_inherit=True), names)

    assert progress_parameter("act", names["act"]) == "required"
