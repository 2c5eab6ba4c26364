"""Executions: states one after the other, with scripted tasks and a clock that nobody waits for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.services.machines import execution
from emulator.services.machines.definition import parse
from emulator.services.machines.errors import MachineError, StateError, TimedOutError
from emulator.services.machines.execution import Around, Run

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


class Scripted:
    """Tasks that answer what they are scripted to; an error is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Any]] = []
        self.heartbeats: list[float | None] = []

    async def do(self, resource: str, parameters: Any, token: str | None, heartbeat_seconds: float | None) -> Any:
        self.heartbeats.append(heartbeat_seconds)
        self.asked.append((resource, parameters))
        answer = self.answers.pop(0) if self.answers else parameters
        if isinstance(answer, StateError):
            raise answer
        return answer

    def token(self, machine: str) -> str:
        return "a-token"


class Ran:
    """One machine, run once."""

    def __init__(self, *answers: Any, is_express: bool = False) -> None:
        self.tasks = Scripted(*answers)
        self.is_express = is_express
        self.slept: list[float] = []
        self.events: list[str] = []

    async def run(self, states: Mapping[str, Any], data: Any = None, **more: Any) -> Any:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        around = Around(
            tasks=self.tasks,
            sleep=sleep,
            now=lambda: NOW,
            bits=lambda _count: 0,
            record=lambda kind, _details: self.events.append(kind),
            is_express=self.is_express,
            context={"Execution": {"Name": "one"}, "StateMachine": {"Id": "arn:m"}},
        )
        machine = parse(json.dumps({"StartAt": next(iter(states)), "States": states, **more}))
        return await Run(around).run(machine, {} if data is None else data)


TASK = {"Type": "Task", "Resource": "arn:f", "End": True}


@pytest.mark.parametrize(
    ("more", "asked", "output"),
    [
        ({}, {"a": 1, "b": {"c": 2}}, {"r": 9}),
        ({"InputPath": "$.b"}, {"c": 2}, {"r": 9}),
        ({"InputPath": None}, {}, {"r": 9}),
        ({"Parameters": {"x.$": "$.b.c", "y": 3}}, {"x": 2, "y": 3}, {"r": 9}),
        ({"Parameters": {"n.$": "$$.Execution.Name", "s.$": "$$.State.Name"}}, {"n": "one", "s": "T"}, {"r": 9}),
        ({"Parameters": {"f.$": "States.Format('{}!', $.a)"}}, {"f": "1!"}, {"r": 9}),
        ({"ResultSelector": {"only.$": "$.r"}}, {"a": 1, "b": {"c": 2}}, {"only": 9}),
        ({"ResultPath": "$.b.r"}, {"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 2, "r": {"r": 9}}}),
        ({"ResultPath": None}, {"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 2}}),
        ({"OutputPath": "$.r"}, {"a": 1, "b": {"c": 2}}, 9),
    ],
)
async def test_input_and_output_are_made_as_the_state_says(more: dict[str, Any], asked: Any, output: Any) -> None:
    ran = Ran({"r": 9})

    assert await ran.run({"T": {**TASK, **more}}, {"a": 1, "b": {"c": 2}}) == output
    assert ran.tasks.asked == [("arn:f", asked)]


async def test_states_follow_each_other_and_are_told() -> None:
    ran = Ran()
    states = {
        "First": {"Type": "Pass", "Result": {"n": 5}, "ResultPath": "$.made", "Next": "Choose"},
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.made.n", "NumericGreaterThan": 3, "Next": "Wait"}],
            "Default": "No",
        },
        "Wait": {"Type": "Wait", "SecondsPath": "$.made.n", "Next": "Yes"},
        "Yes": {"Type": "Succeed", "OutputPath": "$.made"},
        "No": {"Type": "Fail", "Error": "No"},
    }
    assert await ran.run(states) == {"n": 5}
    assert ran.slept == [5.0]
    assert ran.events == [
        f"{kind}State{what}" for kind in ("Pass", "Choice", "Wait", "Succeed") for what in ("Entered", "Exited")
    ]


async def test_a_state_waits_until_a_time() -> None:
    ran = Ran()
    await ran.run({"W": {"Type": "Wait", "Timestamp": "2026-11-27T09:01:00Z", "End": True}})
    assert ran.slept == [60.0]


async def test_a_task_is_tried_again_with_longer_pauses() -> None:
    ran = Ran(StateError("Busy"), StateError("Busy"), StateError("Other"), {"ok": True})
    retry = [
        {"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 3},
        {"ErrorEquals": ["States.ALL"], "MaxAttempts": 1},
    ]
    assert await ran.run({"T": {**TASK, "Retry": retry}}) == {"ok": True}
    assert ran.slept == [2.0, 6.0, 1.0]


async def test_an_error_is_caught_where_it_was_thought_of() -> None:
    ran = Ran(StateError("Mine", "why"))
    catch = [
        {"ErrorEquals": ["Other"], "Next": "Never"},
        {"ErrorEquals": ["States.TaskFailed"], "Next": "After", "ResultPath": "$.error"},
    ]
    states = {"T": {**TASK, "Catch": catch}, "After": {"Type": "Pass", "End": True}, "Never": {"Type": "Fail"}}
    assert await ran.run(states, {"a": 1}) == {"a": 1, "error": {"Error": "Mine", "Cause": "why"}}


@pytest.mark.parametrize(
    ("states", "error"),
    [
        ({"F": {"Type": "Fail", "Error": "E", "Cause": "c"}}, ("E", "c")),
        ({"T": {**TASK, "InputPath": "$.missing"}}, ("States.Runtime", "")),
        ({"T": {**TASK, "Parameters": {"a.$": "$.missing"}}}, ("States.ParameterPathFailure", "")),
        ({"C": {"Type": "Choice", "Choices": []}}, ("States.NoChoiceMatched", "")),
        ({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}, ("States.Runtime", "")),
    ],
    ids=["fail", "path", "parameters", "choice", "circle"],
)
async def test_an_execution_fails(states: dict[str, Any], error: tuple[str, str]) -> None:
    with pytest.raises(StateError) as failed:
        await Ran().run(states)
    assert failed.value.error == error[0]
    assert failed.value.cause.startswith(error[1])


async def test_branches_run_side_by_side_and_the_first_failure_counts() -> None:
    branch = {"StartAt": "T", "States": {"T": {**TASK, "Parameters": {"n.$": "$.n"}}}}
    other = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": "p", "End": True}}}
    state = {"Type": "Parallel", "Branches": [branch, other], "ResultPath": "$.both", "End": True}

    assert await Ran().run({"P": state}, {"n": 1}) == {"n": 1, "both": [{"n": 1}, "p"]}
    with pytest.raises(StateError, match="why"):
        await Ran(StateError("Mine", "why")).run({"P": state}, {"n": 1})


@pytest.mark.parametrize(("most", "is_enough"), [(7, True), (6, False)])
async def test_the_states_of_all_branches_count_together(
    monkeypatch: pytest.MonkeyPatch, most: int, is_enough: bool
) -> None:
    monkeypatch.setattr(execution, "TRANSITIONS", most)
    two = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "End": True}}
    state = {"Type": "Map", "ItemProcessor": {"StartAt": "A", "States": two}, "End": True}
    ran = Ran()

    if is_enough:
        assert await ran.run({"M": state}, [1, 2, 3]) == [1, 2, 3]
    else:
        with pytest.raises(StateError, match="more than 6 states were entered"):
            await ran.run({"M": state}, [1, 2, 3])


async def test_an_express_execution_may_enter_any_number_of_states_in_its_five_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(execution, "TRANSITIONS", 2)
    three = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Succeed"}}
    circle = {
        "A": {"Type": "Choice", "Choices": [{"Variable": "$.end", "IsPresent": True, "Next": "B"}], "Default": "A"},
        "B": {"Type": "Succeed"},
    }

    assert await Ran(is_express=True).run(three, 1) == 1
    monkeypatch.setattr(execution, "EXPRESS_SECONDS", 0.0)
    with pytest.raises(TimedOutError):
        await Ran(is_express=True).run(circle, {})


async def test_a_wait_that_grew_beyond_all_numbers_is_the_longest_that_is_allowed() -> None:
    retrier = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1100, "MaxDelaySeconds": 60}
    ran = Ran(*[StateError("Mine", "why")] * 1100)

    await ran.run({"T": {**TASK, "Retry": [retrier]}})
    assert ran.slept[-1] == 60


async def test_items_are_mapped_in_their_order() -> None:
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "all.$": "$.items"},
        "MaxConcurrency": 2,
        "ItemProcessor": {"StartAt": "T", "States": {"T": TASK}},
        "End": True,
    }
    data = {"items": ["a", "b", "c"]}
    found = await Ran().run({"M": state}, data)
    assert found == [{"v": value, "i": index, "all": data["items"]} for index, value in enumerate("abc")]


async def test_a_task_that_waits_for_its_token_is_given_one() -> None:
    ran = Ran()
    state = {**TASK, "Resource": "arn:f.waitForTaskToken", "Parameters": {"t.$": "$$.Task.Token"}}
    assert await ran.run({"T": state}) == {"t": "a-token"}


@pytest.mark.parametrize(
    ("more", "heartbeat"), [({}, None), ({"HeartbeatSeconds": 5}, 5.0), ({"HeartbeatSecondsPath": "$.often"}, 7.0)]
)
async def test_a_task_says_how_often_somebody_has_to_be_alive(more: dict[str, Any], heartbeat: float | None) -> None:
    ran = Ran()
    await ran.run({"T": {**TASK, **more}}, {"often": 7})
    assert ran.tasks.heartbeats == [heartbeat]


AT_ONCE = {
    "Type": "Map",
    "ItemsPath": "$.items",
    "MaxConcurrencyPath": "$.most",
    "ItemProcessor": {"StartAt": "T", "States": {"T": TASK}},
    "End": True,
}


async def test_how_many_items_run_at_once_may_come_from_the_input() -> None:
    assert await Ran().run({"M": AT_ONCE}, {"items": [1, 2], "most": 1}) == [1, 2]


@pytest.mark.parametrize("most", [-1, "many", True, float("inf")])
async def test_an_input_that_says_no_number_of_items_fails_the_state(most: Any) -> None:
    with pytest.raises(StateError, match="no number of items") as failed:
        await Ran().run({"M": AT_ONCE}, {"items": [1, 2], "most": most})
    assert failed.value.error == "States.Runtime"


LONG = "x" * 262_143
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
PASSES = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


@pytest.mark.parametrize(
    ("state", "answer", "of"),
    [
        ({**TASK, "ResultSelector": {}}, LONG, "S"),
        ({**TASK, "Resource": FUNCTION}, LONG, FUNCTION),
        ({"Type": "Pass", "Result": LONG, "End": True}, None, "S"),
        ({"Type": "Parallel", "Branches": [PASSES, PASSES], "End": True}, None, "S"),
    ],
    ids=["task", "function", "pass", "parallel"],
)
async def test_a_state_hands_on_256_kb_at_most(state: Any, answer: Any, of: str) -> None:
    caught = {"ErrorEquals": ["States.ALL", "States.TaskFailed"], "Next": "C"}
    states = {"S": {**state, "Catch": [caught]}, "C": {"Type": "Succeed"}}
    with pytest.raises(StateError) as failed:
        await Ran(answer).run(states, {"half": "x" * 140_000})
    cause = f"The state/task '{of}' returned a result with a size exceeding the maximum number of bytes service limit."
    assert (failed.value.error, failed.value.cause) == ("States.DataLimitExceeded", cause)


async def test_a_machine_whose_time_is_over_is_told_from_a_state_whose_is() -> None:
    class Slow(Scripted):
        async def do(self, *_: Any) -> Any:
            await asyncio.Event().wait()

    ran = Ran()
    ran.tasks = Slow()
    with pytest.raises(StateError) as state:
        await ran.run({"T": {**TASK, "TimeoutSeconds": 0.001}})
    with pytest.raises(TimedOutError) as machine:
        await ran.run({"T": TASK}, TimeoutSeconds=0.001)
    assert not isinstance(state.value, TimedOutError)
    assert state.value.error == machine.value.error == "States.Timeout"


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("{", "INVALID_JSON_DESCRIPTION"),
        ("[]", "an object is expected"),
        ({"StartAt": "A"}, "States are expected at /"),
        ({"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}, "Missing 'Next' target: B"),
        ({"StartAt": "A", "States": {"A": {"Type": "Walk"}}}, "The field 'Type' should be one of"),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass"}}}, "either 'Next' or 'End' is expected"),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}, "Missing 'Next' target: B"),
        ({"StartAt": "A", "States": {"A": {"Type": "Task", "End": True}}}, "The field 'Resource' is expected"),
        (
            {"StartAt": "A", "States": {"A": {**TASK, "Resource": "arn:aws:states:x:1:activity:a"}}},
            "activities are not",
        ),
        ({"StartAt": "A", "States": {"A": {**TASK, "InputPath": "a"}}}, "'a' is no path"),
        ({"StartAt": "A", "QueryLanguage": "JSONata", "States": {"A": TASK}}, "JSONata at / is not emulated"),
        ({"StartAt": "A", "States": {"A": {"Type": "Map", "End": True}}}, "ItemProcessor is expected"),
        ({"StartAt": "A", "States": {"A": TASK, "B": {"Type": "Succeed"}}}, 'State "B" is not reachable. at /States/B'),
        (
            {"StartAt": "A", "States": {"A": {**TASK, "Resource": "arn:aws:states:::http:invoke"}}},
            "(http:invoke) are not",
        ),
        ({"StartAt": "A", "States": {"A": {**TASK, "Assign": {"x": 1}}}}, "variables (Assign) are not emulated"),
        (
            {"StartAt": "A", "States": {"A": {**TASK, "HeartbeatSeconds": 9, "TimeoutSeconds": 9}}},
            "'HeartbeatSeconds' should be smaller",
        ),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": None}}},
            "the field 'Choices' should be an array of objects at /States/A",
        ),
        ({"StartAt": "A", "States": {"A": {**TASK, "Catch": ["B"]}}}, "the field 'Catch' should be an array"),
        ({"StartAt": [], "States": {"A": TASK}}, "Missing 'Next' target: []"),
    ],
)
def test_a_definition_is_refused(definition: Any, why: str) -> None:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    with pytest.raises(MachineError) as refused:
        parse(text)
    assert refused.value.code == "InvalidDefinition"
    assert why in str(refused.value)
