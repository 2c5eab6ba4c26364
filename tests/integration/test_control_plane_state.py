"""What was deployed is there again when the emulator starts anew with the same state."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from control_world import ControlWorld, outputs, running, said, template
from services_world import until
from websockets.sync.client import connect

from emulator.foundation.checked_lines import checked

Start = Callable[[], ControlWorld]


def test_a_stack_is_there_again_with_its_code_its_rows_and_its_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        world.upload("a.zip", "kept")
        before = world.deployed("chat", template("a.zip"))
        path = outputs(before)["Url"].partition("//")[2].partition("/")[2]
        world.client("dynamodb").put_item(TableName=outputs(before)["Table"], Item={"id": {"S": "a row"}})

    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        after = world.cloudformation.describe_stacks(StackName="chat")["Stacks"][0]
        assert (after["StackId"], after["StackStatus"]) == (before["StackId"], "CREATE_COMPLETE")
        assert outputs(after)["Url"].endswith(path)
        assert said(outputs(after)["Url"]) == "kept hi"
        rows = world.client("dynamodb").scan(TableName=outputs(after)["Table"])["Items"]
        assert {"id": {"S": "a row"}} in rows
        assert world.events("chat")[-1][:2] == ("chat", "CREATE_COMPLETE")

        world.upload("b.zip", "newer")
        changed = world.deployed("chat", template("b.zip"), "UPDATE")
        assert changed["StackStatus"] == "UPDATE_COMPLETE", world.events("chat")

    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        assert said(outputs(world.settled("chat"))["Url"]) == "newer hi"
        world.cloudformation.delete_stack(StackName="chat")
        assert world.settled(before["StackId"])["StackStatus"] == "DELETE_COMPLETE"

    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        assert world.cloudformation.describe_stacks()["Stacks"] == []
        assert outputs(before)["Table"] not in world.client("dynamodb").list_tables()["TableNames"]
    assert "is gone" not in caplog.text


def test_without_state_the_next_emulator_knows_no_stack(tmp_path: Path) -> None:
    queue = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    with running(tmp_path) as emulator:
        ControlWorld(emulator).deployed("short", queue)

    with running(tmp_path) as emulator:
        assert ControlWorld(emulator).cloudformation.describe_stacks()["Stacks"] == []


def test_an_api_made_call_by_call_is_there_again(tmp_path: Path) -> None:
    api = {"Name": "mocked", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.a"}
    with running(tmp_path, keeps=True) as emulator:
        gateway = ControlWorld(emulator).client("apigatewayv2")
        api_id = gateway.create_api(**api)["ApiId"]
        integration = gateway.create_integration(
            ApiId=api_id,
            IntegrationType="MOCK",
            RequestTemplates={"$default": '{"statusCode": 200}'},
            TemplateSelectionExpression="$default",
        )["IntegrationId"]
        gateway.create_route(ApiId=api_id, RouteKey="$connect", Target=f"integrations/{integration}")
        gateway.create_stage(ApiId=api_id, StageName="prod", AutoDeploy=True)

    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        assert [each["ApiId"] for each in world.client("apigatewayv2").get_apis()["Items"]] == [api_id]
        with connect(f"{world.url.replace('http', 'ws')}/{api_id}/prod", open_timeout=30):
            pass


def test_stacks_that_need_each_other_are_there_again_in_whatever_order_they_came(tmp_path: Path) -> None:
    exported = {"Value": "from b", "Export": {"Name": "of-b"}}
    queue = {"Type": "AWS::SQS::Queue"}
    parameter = {"Type": "String", "Name": "/a", "Value": {"Fn::ImportValue": "of-b"}}
    importing = {"Resources": {"Kept": {"Type": "AWS::SSM::Parameter", "Properties": parameter}}}
    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        world.deployed("a", {"Resources": {"Queue": queue}})
        world.deployed("b", {"Resources": {"Queue": queue}, "Outputs": {"Out": exported}})
        assert world.deployed("a", importing, "UPDATE")["StackStatus"] == "UPDATE_COMPLETE", world.events("a")

    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        assert {each["StackName"] for each in world.cloudformation.describe_stacks()["Stacks"]} == {"a", "b"}
        assert world.client("ssm").get_parameter(Name="/a")["Parameter"]["Value"] == "from b"


def test_a_stack_whose_uploads_are_gone_is_told_and_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        world.upload("a.zip")
        named = template("a.zip")
        named["Resources"]["Table"]["Properties"]["TableName"] = "rows"
        world.deployed("chat", named)
    for each in (tmp_path / ".streamer" / "uploads").iterdir():
        os.truncate(each, 10)  # as a crash of the machine may leave it

    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        assert world.cloudformation.describe_stacks()["Stacks"] == []
        assert "the stack chat is gone: deploy it again" in caplog.text
        world.upload("a.zip")
        assert world.deployed("chat", named)["StackStatus"] == "CREATE_COMPLETE", world.events("chat")


def test_a_damaged_note_is_one_line(tmp_path: Path) -> None:
    with running(tmp_path, keeps=True):
        pass
    with (tmp_path / "state").open("ab") as state:
        note = json.dumps(["note", "stack records", "arn:aws:...", {"name": "chat"}])
        state.write(checked(f"{note}\n".encode()))

    with pytest.raises(Exception, match="stacks are damaged"), running(tmp_path, keeps=True):
        pass


RECORDED = """
import boto3

def handler(event, context):
    for record in event["Records"]:
        name = record["dynamodb"]["Keys"]["id"]["S"]
        boto3.client("dynamodb").put_item(TableName="seen", Item={"id": {"S": f"{name} {context.aws_request_id}"}})
"""


def test_a_mapping_of_a_stack_goes_on_where_it_was(tmp_path: Path) -> None:
    key = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    read = {**key, "TableName": "read", "StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}
    function = {
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Role": "arn:aws:iam::123456789012:role/any",
        "Code": {"ZipFile": RECORDED},
    }
    mapping = {
        "FunctionName": {"Ref": "Reader"},
        "EventSourceArn": {"Fn::GetAtt": ["Read", "StreamArn"]},
        "StartingPosition": "TRIM_HORIZON",
    }
    body = {
        "Resources": {
            "Read": {"Type": "AWS::DynamoDB::Table", "Properties": read},
            "Seen": {"Type": "AWS::DynamoDB::Table", "Properties": {**key, "TableName": "seen"}},
            "Reader": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
        }
    }

    def seen(world: ControlWorld) -> list[str]:
        items = world.client("dynamodb").scan(TableName="seen")["Items"]
        return sorted(each["id"]["S"].partition(" ")[0] for each in items)

    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        world.deployed("reading", body)
        world.client("dynamodb").put_item(TableName="read", Item={"id": {"S": "before"}})
        assert until(lambda: seen(world), lambda found: found == ["before"]) == ["before"]

    with running(tmp_path, keeps=True) as emulator:
        world = ControlWorld(emulator)
        world.client("dynamodb").put_item(TableName="read", Item={"id": {"S": "since"}})
        assert until(lambda: seen(world), lambda found: "since" in found) == ["before", "since"]
