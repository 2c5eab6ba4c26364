"""Functions of deployed stacks are held to the roles that their stacks give them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import control_world
import pytest
from control_world import ControlWorld, outputs, said, template
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect


def allowing(*actions: str) -> dict[str, Any]:
    """A policy for the function's role: its table, and the connections of its API."""
    of_api = {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"}
    statements = [
        {"Effect": "Allow", "Action": list(actions), "Resource": {"Fn::GetAtt": ["Table", "Arn"]}},
        {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": of_api},
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    properties = {"PolicyName": "own", "Roles": [{"Ref": "Role"}], "PolicyDocument": document}
    return {"Type": "AWS::IAM::Policy", "Properties": properties}


def test_a_deployed_function_may_do_what_its_stack_allows_from_each_deployment_on(tmp_path: Path) -> None:
    with control_world.running(tmp_path, iam="enforce") as emulator:
        world = ControlWorld(emulator)
        world.upload("code.zip")
        url = outputs(world.deployed("chat", template("code.zip")))["Url"]
        with pytest.raises(InvalidStatus) as refused:
            connect(url, open_timeout=60)
        line = emulator.logs.wait_for("may not dynamodb:PutItem").text
        world.deployed("chat", template("code.zip", Policy=allowing("dynamodb:*Item")), "UPDATE")
        answer = said(url)

    assert refused.value.response.status_code == 502
    assert "of its role chat-Role-" in line
    assert line.endswith("add {Effect: Allow, Action: dynamodb:PutItem, Resource: !GetAtt Table.Arn}")
    assert answer == "echo hi"


def test_a_recording_of_deployed_functions_ends_with_their_statements(tmp_path: Path) -> None:
    with control_world.running(tmp_path, iam="record") as emulator:
        world = ControlWorld(emulator)
        world.upload("code.zip")
        assert said(outputs(world.deployed("chat", template("code.zip")))["Url"]) == "echo hi"
        recorded = emulator._emulator.recorded_grants() or ""

    assert "dynamodb:PutItem\n  Resource: !GetAtt Table.Arn" in recorded
    assert "  Action: execute-api:ManageConnections\n" in recorded
    assert "${Api}/prod/POST/@connections/*" in recorded
