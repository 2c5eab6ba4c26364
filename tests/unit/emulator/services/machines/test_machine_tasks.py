"""What functions of custom runtimes answer means for a task: it need not be JSON."""

from __future__ import annotations

from typing import Any

import pytest
from fake_functions import Answers

from emulator.functions.outcome import Failed, Outcome, Returned
from emulator.functions.variables import Endpoints
from emulator.services.machines.errors import StateError
from emulator.services.machines.tasks import TaskRunner

ECHO = "arn:aws:lambda:us-east-1:123456789012:function:echo"


async def done(outcome: Outcome) -> Any:
    async def start(_: Any) -> Any:
        raise AssertionError("no execution is started")

    return await TaskRunner(Answers(outcome), Endpoints(services={}), start).do(ECHO, {}, None)


async def test_a_result_is_its_json() -> None:
    assert await done(Returned(b'{"a": 1}', "id")) == {"a": 1}


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Failed(b'{"errorType": "Broken", "errorMessage": "it broke"}', "id"), "Broken"),
        (Failed(b"it broke", "id"), "Lambda.Unknown"),
        (Failed(b'"it broke"', "id"), "Lambda.Unknown"),
        (Returned(b"Echoing request", "id"), "Lambda.Unknown"),
        (Returned(b"\xff", "id"), "Lambda.Unknown"),
    ],
)
async def test_what_cannot_be_read_is_an_error_that_a_state_can_catch(outcome: Outcome, error: str) -> None:
    with pytest.raises(StateError) as caught:
        await done(outcome)

    assert caught.value.error == error
