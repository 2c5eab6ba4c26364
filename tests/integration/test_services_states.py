"""State machines asked by an unmodified boto3: what tasks reach, how executions end, who may start them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import services_world
from botocore.config import Config
from botocore.exceptions import ClientError
from services_world import ACCOUNT, REGION, World, function_arn, until

from emulator.services.calls import Call
from streamer.topology import Permission

STARTS = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:made"
ALLOWED = Permission(actions=("states:StartExecution", "states:StartSyncExecution"), resources=(STARTS,))
TASK = {"Type": "Task", "End": True}


def definition(**states: Any) -> str:
    return json.dumps({"StartAt": next(iter(states)), "States": states})


MADE = Call(
    service="states",
    operation="CreateStateMachine",
    parameters={
        "name": "made",
        "definition": definition(P={"Type": "Pass", "End": True}),
        "roleArn": "arn:r",
        "type": "EXPRESS",
    },
    resource="Made",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with services_world.running(tmp_path_factory.mktemp("states"), MADE, permissions=(ALLOWED,)) as emulator:
        yield World(emulator)


@pytest.fixture(scope="module")
def states(world: World) -> Any:
    return world.client("stepfunctions", config=Config(inject_host_prefix=False, retries={"max_attempts": 0}))


def machine(states: Any, name: str, kind: str = "STANDARD", **of: Any) -> str:
    made = states.create_state_machine(
        name=name, definition=definition(**of), roleArn=f"arn:aws:iam::{ACCOUNT}:role/any", type=kind
    )
    return str(made["stateMachineArn"])


def ended(states: Any, arn: str) -> Any:
    """An execution once it has ended."""
    return until(lambda: states.describe_execution(executionArn=arn), lambda found: found["status"] != "RUNNING")


def run(states: Any, name: str, data: Any, **of: Any) -> Any:
    """What came of a machine that is made and run once."""
    started = states.start_execution(stateMachineArn=machine(states, name, **of), input=json.dumps(data))
    return ended(states, started["executionArn"])


@pytest.mark.parametrize("resource", [function_arn("writer"), "arn:aws:states:::lambda:invoke"], ids=["arn", "invoke"])
def test_a_task_runs_a_function(world: World, states: Any, resource: str) -> None:
    given = (
        {"FunctionName": function_arn("writer"), "Payload.$": "$"} if resource.endswith("invoke") else {"n.$": "$.n"}
    )
    name = "lambda-" + resource.rpartition(":")[2]
    found = run(states, name, {"n": 1}, T={**TASK, "Resource": resource, "Parameters": given})

    assert found["status"] == "SUCCEEDED"
    assert world.events() == [{"n": 1}]


def test_a_function_that_fails_is_caught(states: Any) -> None:
    found = run(
        states,
        "fails",
        {},
        T={
            **TASK,
            "Resource": function_arn("caller"),
            "Catch": [{"ErrorEquals": ["KeyError"], "Next": "Caught", "ResultPath": "$.failed"}],
        },
        Caught={"Type": "Pass", "OutputPath": "$.failed.Error", "End": True},
    )
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", "KeyError")


@pytest.mark.parametrize("sdk", ["", "aws-sdk:"], ids=["integration", "sdk"])
def test_a_task_calls_a_service(world: World, states: Any, sdk: str) -> None:
    url = world.client("sqs").get_queue_url(QueueName="inbox")["QueueUrl"]
    body = {"QueueUrl": url, "MessageBody": "plain"} if sdk else {"QueueUrl": url, "MessageBody": {"n.$": "$.n"}}
    item = {"id": {"S": "from-states"}, "event": {"S": '"x"'}}
    found = run(
        states,
        f"calls{len(sdk)}",
        {"n": 1},
        Send={
            "Type": "Task",
            "Resource": f"arn:aws:states:::{sdk}sqs:sendMessage",
            "Parameters": body,
            "ResultPath": "$.sent",
            "Next": "Put",
        },
        Put={
            **TASK,
            "Resource": f"arn:aws:states:::{sdk}dynamodb:putItem",
            "Parameters": {"TableName": "seen", "Item": item},
            "ResultPath": None,
        },
    )
    message = world.message()
    assert message["Body"] == ("plain" if sdk else '{"n":1}')
    assert json.loads(found["output"])["sent"]["MessageId"] == message["MessageId"]
    assert world.events() == ["x"]


@pytest.mark.parametrize("sdk", ["", "aws-sdk:"], ids=["integration", "sdk"])
def test_attributes_of_items_keep_their_names(world: World, states: Any, sdk: str) -> None:
    item = {"id": {"S": "named"}, "event": {"M": {"inner": {"N": "1"}}}}
    world.client("dynamodb").put_item(TableName="seen", Item=item)
    given = {"TableName": "seen", "Key": {"id": {"S": "named"}}}
    task = {**TASK, "Resource": f"arn:aws:states:::{sdk}dynamodb:getItem", "Parameters": given}
    found = run(states, f"named{len(sdk)}", {}, T=task)
    world.client("dynamodb").delete_item(TableName="seen", Key={"id": {"S": "named"}})

    assert json.loads(found["output"])["Item"] == item


@pytest.mark.parametrize(
    ("resource", "parameters", "error"),
    [
        ("sqs:sendMsg", {}, "States.Runtime"),
        (
            "events:putEvents",
            {"Entries": [{"Source": "aws.x", "DetailType": "t", "Detail": {}}]},
            "EventBridge.FailedEntry",
        ),
    ],
)
def test_a_call_that_comes_to_nothing_fails_the_task(states: Any, resource: str, parameters: Any, error: str) -> None:
    task = {**TASK, "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters}
    assert run(states, f"fails-{error}".replace(".", "-"), {}, T=task)["error"] == error


def test_a_service_that_refuses_fails_the_task(states: Any) -> None:
    given = {"TableName": "none", "Key": {"id": {"S": "a"}}}
    found = run(states, "refused", {}, T={**TASK, "Resource": "arn:aws:states:::dynamodb:getItem", "Parameters": given})

    assert (found["status"], found["error"]) == ("FAILED", "DynamoDB.ResourceNotFoundException")


def test_a_task_waits_for_its_token(world: World, states: Any) -> None:
    url = world.client("sqs").get_queue_url(QueueName="inbox")["QueueUrl"]
    given = {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}}
    arn = machine(
        states,
        "waits",
        T={**TASK, "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": given},
    )
    started = states.start_execution(stateMachineArn=arn)
    token = json.loads(world.message()["Body"])["token"]

    assert states.describe_execution(executionArn=started["executionArn"])["status"] == "RUNNING"
    states.send_task_success(taskToken=token, output='{"done": true}')
    assert json.loads(ended(states, started["executionArn"])["output"]) == {"done": True}
    with pytest.raises(ClientError, match="Task Timed Out"):
        states.send_task_success(taskToken=token, output="1")
    with pytest.raises(ClientError, match="InvalidToken"):
        states.send_task_heartbeat(taskToken="none")
    with pytest.raises(ClientError, match="InvalidOutput"):
        states.send_task_success(taskToken=token, output="{")


def test_an_execution_whose_task_is_not_heard_of_has_failed(world: World, states: Any) -> None:
    url = world.client("sqs").get_queue_url(QueueName="inbox")["QueueUrl"]
    given = {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"}
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    found = run(states, "silent", {}, T={**TASK, "Resource": resource, "Parameters": given, "HeartbeatSeconds": 1})

    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    assert [found[each].microsecond % 1000 for each in ("startDate", "stopDate")] == [0, 0]
    assert world.message()["Body"]


def test_histories_and_lists_come_in_pages(states: Any) -> None:
    arn = machine(states, "paged", P={"Type": "Pass", "End": True})
    for number in range(3):
        started = states.start_execution(stateMachineArn=arn, name=f"n{number}")["executionArn"]
        ended(states, started)
    history = states.get_paginator("get_execution_history").paginate(executionArn=started, maxResults=3)
    executions = states.get_paginator("list_executions").paginate(stateMachineArn=arn, maxResults=2)

    assert [len(page["events"]) for page in history] == [3, 1]
    assert [each["name"] for page in executions for each in page["executions"]] == ["n2", "n1", "n0"]


def test_an_input_over_256_kb_is_refused(states: Any) -> None:
    arn = machine(states, "fed", P={"Type": "Pass", "End": True})
    with pytest.raises(ClientError, match="less than or equal to 262144"):
        states.start_execution(stateMachineArn=arn, input=json.dumps("x" * 262_144))


def test_an_express_execution_is_waited_for(states: Any) -> None:
    arn = machine(
        states, "express", "EXPRESS", W={"Type": "Wait", "Seconds": 0, "Next": "P"}, P={"Type": "Pass", "End": True}
    )
    found = states.start_sync_execution(stateMachineArn=arn, input='{"a": 1}')

    assert (found["status"], found["output"]) == ("SUCCEEDED", '{"a":1}')
    standard = machine(states, "standard", P={"Type": "Pass", "End": True})
    with pytest.raises(ClientError) as refused:
        states.start_sync_execution(stateMachineArn=standard)
    assert refused.value.response["Error"]["Code"] == "StateMachineTypeNotSupported"


def test_an_execution_starts_another_and_waits(states: Any) -> None:
    inner = machine(states, "inner", P={"Type": "Pass", "Result": {"in": 1}, "End": True})
    given = {"StateMachineArn": inner, "Input": {"a": 1}}
    task = {
        **TASK,
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": given,
        "OutputPath": "$.Output",
    }
    assert json.loads(run(states, "outer", {}, T=task)["output"]) == {"in": 1}


def test_an_execution_is_stopped_listed_and_has_a_history(states: Any) -> None:
    arn = machine(states, "slow", W={"Type": "Wait", "Seconds": 600, "End": True})
    started = states.start_execution(stateMachineArn=arn, name="one")["executionArn"]
    assert states.start_execution(stateMachineArn=arn, name="one")["executionArn"] == started
    states.stop_execution(executionArn=started, error="Enough")

    assert ended(states, started)["status"] == "ABORTED"
    assert [each["name"] for each in states.list_executions(stateMachineArn=arn)["executions"]] == ["one"]
    kinds = [each["type"] for each in states.get_execution_history(executionArn=started)["events"]]
    assert kinds == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]
    with pytest.raises(ClientError, match="Execution Already Exists"):
        states.start_execution(stateMachineArn=arn, name="one")


def test_a_function_starts_the_machines_that_it_may(world: World, states: Any) -> None:
    found = world.called("stepfunctions", "start_sync_execution", stateMachineArn=STARTS, input='{"a": 1}')
    assert found["output"] == '{"a":1}'
    other = machine(states, "other", P={"Type": "Pass", "End": True})
    refused = world.called("stepfunctions", "start_execution", stateMachineArn=other)
    assert "is not authorized to perform: states:StartExecution" in refused["errorMessage"]


def test_a_rule_starts_an_execution(world: World, states: Any) -> None:
    arn = machine(states, "ruled", T={**TASK, "Resource": function_arn("writer")})
    events = world.client("events")
    events.put_rule(Name="starts", EventPattern=json.dumps({"source": ["mine"]}))
    events.put_targets(
        Rule="starts", Targets=[{"Id": "1", "Arn": arn, "RoleArn": "arn:aws:iam::1:role/any", "Input": '{"a": 1}'}]
    )
    events.put_events(Entries=[{"Source": "mine", "DetailType": "t", "Detail": "{}"}])

    assert world.events() == [{"a": 1}]


def test_a_definition_that_is_wrong_is_refused(states: Any) -> None:
    with pytest.raises(ClientError) as refused:
        machine(states, "wrong", T={"Type": "Task", "Resource": "arn:f"})
    assert refused.value.response["Error"]["Code"] == "InvalidDefinition"
