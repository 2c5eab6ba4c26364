"""Tags of functions, and settings of their asynchronous invocations, by Lambda's API."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import control_world
import pytest
from control_world import ControlWorld, refused
from services_world import until

ARN = "arn:aws:lambda:us-east-1:123456789012:function"
QUEUE = "arn:aws:sqs:us-east-1:123456789012"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlWorld]:
    with control_world.running(tmp_path_factory.mktemp("settings")) as emulator:
        yield ControlWorld(emulator)


def function(world: ControlWorld, name: str, **more: Any) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("app.py", "def handler(event, context):\n    raise ValueError('no')\n")
    world.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": buffer.getvalue()},
        **more,
    )


def test_tags_are_added_and_taken_away(world: ControlWorld) -> None:
    functions, arn = world.client("lambda"), f"{ARN}:tagged"
    function(world, "tagged", Tags={"a": "1"})

    functions.tag_resource(Resource=arn, Tags={"a": "2", "b": "3", "c": "4"})
    assert functions.list_tags(Resource=arn)["Tags"] == {"a": "2", "b": "3", "c": "4"}
    functions.untag_resource(Resource=arn, TagKeys=["a", "c", "none"])
    assert functions.get_function(FunctionName="tagged")["Tags"] == {"b": "3"}

    assert refused(functions.list_tags, Resource=f"{ARN}:nobody") == (
        "ResourceNotFoundException",
        f"Function not found: {ARN}:nobody",
    )
    assert refused(functions.tag_resource, Resource=f"{arn}:1", Tags={"a": "b"}) == (
        "InvalidParameterValueException",
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    )
    assert refused(functions.tag_resource, Resource=arn, Tags={str(number): "" for number in range(50)}) == (
        "InvalidParameterValueException",
        "Number of tags exceeds resource tag limit.",
    )


def test_a_queue_of_a_call_is_told_of_what_was_given_up(world: ControlWorld) -> None:
    functions, sqs = world.client("lambda"), world.client("sqs")
    url = sqs.create_queue(QueueName="failed")["QueueUrl"]
    function(world, "failing")
    where = {"OnFailure": {"Destination": f"{QUEUE}:failed"}}
    asked = {"FunctionName": "failing", "MaximumRetryAttempts": 0, "DestinationConfig": where}
    functions.put_function_event_invoke_config(**asked)
    functions.invoke(FunctionName="failing", InvocationType="Event", Payload=b"{}")

    (message,) = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages", []), bool)
    assert json.loads(message["Body"])["requestContext"]["condition"] == "RetriesExhausted"


def test_settings_are_replaced_updated_told_and_deleted(world: ControlWorld) -> None:
    functions, name = world.client("lambda"), {"FunctionName": "settled"}
    function(world, "settled")
    functions.put_function_event_invoke_config(**name, MaximumEventAgeInSeconds=60)
    functions.put_function_event_invoke_config(**name, MaximumRetryAttempts=0)
    updated = functions.update_function_event_invoke_config(**name, MaximumEventAgeInSeconds=120)

    assert (updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]) == (0, 120)
    assert updated["FunctionArn"] == f"{ARN}:settled:$LATEST"
    assert updated["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    told = functions.get_function_event_invoke_config(**name, Qualifier="$LATEST")
    assert told["MaximumEventAgeInSeconds"] == 120
    (listed,) = functions.list_function_event_invoke_configs(**name)["FunctionEventInvokeConfigs"]
    assert listed["MaximumRetryAttempts"] == 0
    functions.delete_function_event_invoke_config(**name)
    assert refused(functions.get_function_event_invoke_config, **name) == (
        "ResourceNotFoundException",
        f"The function {ARN}:settled:$LATEST doesn't have an EventInvokeConfig",
    )


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        pytest.param(
            {"FunctionName": "nobody", "MaximumRetryAttempts": 0},
            "ResourceNotFoundException",
            "The function doesn't exist.",
            id="no function",
        ),
        pytest.param(
            {},
            "InvalidParameterValueException",
            "You must specify at least one of error handling or destination setting.",
            id="nothing",
        ),
        pytest.param(
            {"DestinationConfig": {"OnFailure": {"Destination": f"{ARN}:unsettled"}}},
            "InvalidParameterValueException",
            "You can't specify the function as a destination for itself.",
            id="itself",
        ),
        pytest.param(
            {"DestinationConfig": {"OnSuccess": {"Destination": f"{ARN}:nobody"}}},
            "InvalidParameterValueException",
            f"The destination ARN {ARN}:nobody is invalid.",
            id="no destination",
        ),
        pytest.param(
            {"MaximumRetryAttempts": 3},
            "ValidationException",
            "1 validation error detected: Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member "
            "must have value less than or equal to 2",
            id="too often",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(world: ControlWorld, asked: dict[str, Any], code: str, text: str) -> None:
    functions = world.client("lambda")
    if "unsettled" not in [each["FunctionName"] for each in functions.list_functions()["Functions"]]:
        function(world, "unsettled")
    wanted = {"FunctionName": "unsettled", **asked}
    assert refused(functions.put_function_event_invoke_config, **wanted) == (code, text)
