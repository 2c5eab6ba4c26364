"""Texts of requests and of an execution's data that cannot be read, and executions that hardly began."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_functions import Answers

from emulator.functions.outcome import Returned
from emulator.functions.variables import Endpoints
from emulator.port.http import HttpRequest
from emulator.services.machines.errors import StateError
from emulator.services.machines.intrinsics import evaluate
from emulator.services.machines.service import StateMachines

DEEP = "[" * 100_000 + "]" * 100_000
DEFINITION = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})


async def answered(machines: StateMachines, operation: str, **parameters: str) -> tuple[int, dict[str, Any]]:
    fields = {"x-amz-target": f"AWSStepFunctions.{operation}"}
    body = json.dumps(parameters).encode()
    answer = await machines.answer(HttpRequest("POST", "/", (), body, peer="127.0.0.1", fields=fields))
    assert answer is not None
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("text", [pytest.param("{", id="no JSON"), pytest.param(DEEP, id="nested too deeply")])
async def test_a_definition_or_an_input_that_cannot_be_read_is_refused(text: str) -> None:
    machines = StateMachines(Endpoints(services={}), Answers(Returned(b"{}", "id")))
    _, made = await answered(machines, "CreateStateMachine", name="made", definition=DEFINITION, roleArn="arn:r")

    status, wrong = await answered(machines, "CreateStateMachine", name="wrong", definition=text, roleArn="arn:r")
    assert (status, wrong["__type"]) == (400, "InvalidDefinition")
    status, wrong = await answered(machines, "StartExecution", stateMachineArn=made["stateMachineArn"], input=text)
    assert (status, wrong["__type"]) == (400, "InvalidExecutionInput")


async def test_an_execution_that_is_stopped_before_its_first_step_was_aborted() -> None:
    machines = StateMachines(Endpoints(services={}), Answers(Returned(b"{}", "id")))
    _, made = await answered(machines, "CreateStateMachine", name="made", definition=DEFINITION, roleArn="arn:r")
    _, begun = await answered(machines, "StartExecution", stateMachineArn=made["stateMachineArn"])

    await answered(machines, "StopExecution", executionArn=begun["executionArn"], cause="enough")
    await machines.close()

    _, found = await answered(machines, "DescribeExecution", executionArn=begun["executionArn"])
    assert (found["status"], found["cause"]) == ("ABORTED", "enough")
    _, history = await answered(machines, "GetExecutionHistory", executionArn=begun["executionArn"])
    assert [each["type"] for each in history["events"]] == ["ExecutionStarted", "ExecutionAborted"]


def test_a_text_that_is_nested_too_deeply_is_an_error_that_a_state_can_catch() -> None:
    with pytest.raises(StateError) as caught:
        evaluate("States.StringToJson($.text)", lambda path: DEEP, lambda count: 0)

    assert caught.value.error == "States.IntrinsicFailure"
