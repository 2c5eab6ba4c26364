"""``streamer emulate --iam``: roles are enforced, recorded, or left alone."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from running_command import Emulate, dial, streamer

SERVICE = """
    from streamer.topology import Api, Function, Key, Route, Table, Topology

    service = Topology(
        api=Api(name="notes", routes=(Route(route_key="$default", function="note", route_response=True),)),
        functions=(Function(name="note", handler="notes.handler", timeout_seconds=20),),
        tables=(Table(name="notes", key=Key(partition="id")),),
    )
"""
NOTES = """
    import boto3

    def handler(event, context):
        item = {"id": {"S": event["body"]}}
        try:
            boto3.client("dynamodb").put_item(TableName="notes", Item=item)
        except Exception as error:
            return {"statusCode": 200, "body": str(error)}
        return {"statusCode": 200, "body": "noted"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "service.py").write_text(textwrap.dedent(SERVICE))
    (tmp_path / "notes.py").write_text(textwrap.dedent(NOTES))
    return tmp_path


def note(emulate: Emulate) -> str:
    with dial(emulate.url) as client:
        client.send("hello")
        return str(client.recv(timeout=30))


def test_a_function_may_do_only_what_it_was_granted_and_the_log_says_what_to_add(folder: Path) -> None:
    with Emulate("service:service", folder=folder) as emulate:
        answer = note(emulate)
        line = emulate.log.wait_for("may not dynamodb:PutItem")
        assert emulate.interrupt() == 0

    assert "AccessDeniedException" in answer
    assert line.endswith('add TableAccess(table="notes", actions=("PutItem",)) to it')
    assert "grants" not in emulate.out.text


def test_a_recording_ends_with_the_grants_which_then_suffice(folder: Path) -> None:
    with Emulate("service:service", "--iam", "record", folder=folder) as emulate:
        assert note(emulate) == "noted"
        assert emulate.interrupt() == 0
    printed = emulate.out.wait_for_end()
    grants = printed[printed.index("# note") :]
    assert grants.splitlines() == [
        "# note",
        "tables=(",
        '    TableAccess(table="notes", actions=("PutItem",)),',
        "),",
    ]

    service = (folder / "service.py").read_text().replace("timeout_seconds=20", f"timeout_seconds=20, {grants}")
    (folder / "service.py").write_text(service.replace("import Api,", "import Api, TableAccess,"))
    with Emulate("service:service", folder=folder) as emulate:
        assert note(emulate) == "noted"


def test_off_allows_everything_and_says_nothing(folder: Path) -> None:
    with Emulate("service:service", "--iam", "off", folder=folder) as emulate:
        assert note(emulate) == "noted"
        assert emulate.interrupt() == 0

    assert "# " not in emulate.out.wait_for_end()
    assert "may not" not in emulate.log.wait_for_end()


def test_the_demo_needs_no_further_grant(tmp_path: Path) -> None:
    with Emulate("--log-format", "json", folder=tmp_path) as emulate:
        for action, payload in (("echo", {"a": 1}), ("report", {"steps": 1})):
            done = streamer("call", action, json.dumps(payload), folder=tmp_path)
            assert done.returncode == 0, done.stderr
        assert emulate.interrupt() == 0

    assert "may not" not in emulate.log.wait_for_end()


def test_a_log_has_each_call_and_what_the_role_said_of_it(folder: Path) -> None:
    with Emulate("service:service", folder=folder, environment={"STREAMER_IAM_LOG": "calls"}) as emulate:
        note(emulate)
        assert emulate.interrupt() == 0

    (file,) = (folder / "calls").iterdir()
    _, *calls = (json.loads(line) for line in file.read_text().splitlines())
    assert calls == [
        {"function": "note", "action": "dynamodb:PutItem", "resource": ["table", "notes", ""], "allowed": False}
    ]


@pytest.mark.parametrize("iam", ["enforce", "record"])
def test_a_dynamodb_elsewhere_cannot_be_asked(folder: Path, iam: str) -> None:
    done = streamer(
        "emulate", "service:service", "--iam", iam, "--dynamodb", "http://127.0.0.1:1", "--port", "0", folder=folder
    )

    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith(f"streamer: --iam {iam} needs the embedded DynamoDB")
    assert "Traceback" not in done.stderr


TEMPLATE = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Api:
        Type: AWS::ApiGatewayV2::Api
        Properties: {Name: notes, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
      Stage:
        Type: AWS::ApiGatewayV2::Stage
        Properties: {ApiId: !Ref Api, StageName: dev, AutoDeploy: true}
      Route:
        Type: AWS::ApiGatewayV2::Route
        Properties:
          ApiId: !Ref Api
          RouteKey: $default
          RouteResponseSelectionExpression: $default
          Target: !Sub integrations/${Integration}
      Response:
        Type: AWS::ApiGatewayV2::RouteResponse
        Properties: {ApiId: !Ref Api, RouteId: !Ref Route, RouteResponseKey: $default}
      Integration:
        Type: AWS::ApiGatewayV2::Integration
        Properties:
          ApiId: !Ref Api
          IntegrationType: AWS_PROXY
          IntegrationUri: !Sub
            arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Note.Arn}/invocations
      Note:
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: note
          Handler: notes.handler
          Runtime: python3.12
          Timeout: 20
          CodeUri: .
          Policies:
            - DynamoDBReadPolicy: {TableName: !Ref Notes}
      Notes:
        Type: AWS::DynamoDB::Table
        Properties:
          TableName: notes
          BillingMode: PAY_PER_REQUEST
          AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
          KeySchema: [{AttributeName: id, KeyType: HASH}]
"""


@pytest.fixture
def template(folder: Path) -> Path:
    path = folder / "template.yaml"
    path.write_text(textwrap.dedent(TEMPLATE))
    return path


def test_a_templates_role_is_held_to_until_the_template_allows_more(folder: Path, template: Path) -> None:
    with Emulate("template.yaml", "--iam", "enforce", folder=folder) as emulate, dial(emulate.url) as client:
        client.send("hello")
        refused = client.recv(timeout=60)
        advice = emulate.log.wait_for("may not dynamodb:PutItem")
        template.write_text(template.read_text().replace("DynamoDBReadPolicy", "DynamoDBCrudPolicy"))
        emulate.log.wait_for("reloaded")
        client.send("hello")
        noted = client.recv(timeout=60)

    assert "AccessDeniedException" in refused
    assert "allows it; add {Effect: Allow, Action: dynamodb:PutItem, Resource: !GetAtt Notes.Arn}" in advice
    assert noted == "noted"
    assert "1 of 1 function is held to its role" in emulate.out.text


def test_a_recording_of_a_template_ends_with_its_statements(folder: Path, template: Path) -> None:
    with Emulate("template.yaml", "--iam", "record", folder=folder) as emulate:
        assert note(emulate) == "noted"
        assert emulate.interrupt() == 0

    assert emulate.out.text.rstrip().endswith(
        "# note\n- Effect: Allow\n  Action: dynamodb:PutItem\n  Resource: !GetAtt Notes.Arn"
    )


def test_without_being_asked_for_a_templates_functions_may_do_everything(folder: Path, template: Path) -> None:
    with Emulate("template.yaml", folder=folder) as emulate:
        assert note(emulate) == "noted"


def test_a_policy_that_iam_would_not_take_is_one_line(folder: Path, template: Path) -> None:
    wrong = "- Statement: [{Effect: Allow, Action: 'dynamodb:*'}]"
    template.write_text(template.read_text().replace("- DynamoDBReadPolicy: {TableName: !Ref Notes}", wrong))

    done = streamer("emulate", "template.yaml", "--iam", "enforce", "--check", folder=folder)

    assert done.returncode == 2
    assert "a statement has one of Resource and NotResource" in done.stderr.splitlines()[-1]
