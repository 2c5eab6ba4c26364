"""What functions of custom runtimes answer means for a task: it need not be JSON."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_functions import Answers

from emulator.functions.outcome import Failed, Outcome, Returned
from emulator.functions.variables import Endpoints
from emulator.services.machines import tasks as module
from emulator.services.machines.errors import StateError
from emulator.services.machines.tasks import TaskRunner

ECHO = "arn:aws:lambda:us-east-1:123456789012:function:echo"


def runner(outcome: Outcome) -> TaskRunner:
    async def start(_: Any) -> Any:
        raise AssertionError("no execution is started")

    return TaskRunner(Answers(outcome), Endpoints(services={}), start)


async def done(outcome: Outcome) -> Any:
    return await runner(outcome).do(ECHO, {}, None, None)


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


async def test_a_task_of_which_nobody_hears_is_timed_out() -> None:
    tasks = runner(Returned(b"1", "id"))
    token = tasks.token("arn:aws:states:us-east-1:123456789012:stateMachine:m")
    with pytest.raises(StateError) as caught:
        await tasks.do(ECHO, {}, token, 0.01)

    assert caught.value.error == "States.Timeout"
    assert not tasks.beat(token)
    assert not tasks.settle(token, 1)
    assert (tasks.knew(token), tasks.knew("other")) == (True, False)


async def test_a_task_that_is_worked_on_is_waited_for() -> None:
    tasks = runner(Returned(b"1", "id"))
    token, loop = tasks.token("arn:aws:states:us-east-1:123456789012:stateMachine:m"), asyncio.get_running_loop()
    running = asyncio.create_task(tasks.do(ECHO, {}, token, 0.05))
    await asyncio.sleep(0)
    until = loop.time() + 0.2
    while loop.time() < until:
        assert tasks.beat(token)
        await asyncio.sleep(0)
    tasks.settle(token, {"done": True})

    assert await running == {"done": True}


async def test_a_task_that_comes_to_nothing_before_it_is_done_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one whose parameters lead nowhere: as many as may wait would keep all others from it."""
    monkeypatch.setattr(module, "WAITING", 1)
    tasks = runner(Returned(b"1", "id"))
    never, token = (tasks.token("arn:aws:states:us-east-1:123456789012:stateMachine:m") for _ in range(2))
    running = asyncio.create_task(tasks.do(ECHO, {}, token, None))
    await asyncio.sleep(0)

    assert (tasks.settle(never, 1), tasks.settle(token, 2)) == (False, True)
    assert await running == 2
