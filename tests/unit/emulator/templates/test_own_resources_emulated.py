"""CloudFormation beside a service, emulated: what it adds, how both refer to each other, what is told and refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from deployed_topologies import of_an_app

from emulator.services.calls import Call
from emulator.templates.errors import TemplateError
from emulator.templates.own_resources import Own, own
from emulator.templates.project import Settings, place_of
from emulator.templates.source import Source, load
from streamer.errors import ConfigurationError
from streamer.topology import Key, Permission, Queue, Table, Topology
from streamer.topology.checks import validate
from streamer.topology.logical_ids import queue_id

YAML = """
Resources:
  Uploads: {Type: AWS::S3::Bucket}
  Jobs:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 900}
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Reading:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: reading
      Roles: [!Ref RouterRole, !Ref ProcessorRole]
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Action: "s3:GetObject", Resource: !Sub "${Uploads.Arn}/*"}
          - {Effect: Allow, Action: ["sqs:SendMessage"], Resource: [!GetAtt Jobs.Arn]}
  Worked:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref ProcessorFunction, EventSourceArn: !GetAtt Jobs.Arn}
"""


def merged(text: str = YAML, topology: Topology | None = None, **environment_from: str) -> Own:
    place = place_of("chat-dev", Settings())
    return own(topology or of_an_app(), load(text, "resources.yaml"), environment_from, place)


def one(kind: str, name: str = "One", **properties: Any) -> str:
    return f"Resources:\n  {name}:\n    Type: {kind}\n    Properties: {properties!r}\n"


def test_tables_and_queues_become_parts_of_the_service() -> None:
    found = merged().topology

    assert found.tables[-1] == Table(name="orders", key=Key(partition="id"))
    assert found.queues[-1].visibility_timeout_seconds == 900
    assert found.queue_mappings[0].queue == found.queues[-1].name
    validate(found)


def test_what_is_not_embedded_is_made_in_the_services() -> None:
    (call,) = merged().services

    assert (call.service, call.operation, call.resource) == ("s3", "create_bucket", "Uploads")
    assert call.parameters["Bucket"].startswith("chat-dev-uploads-")


def test_variables_are_what_the_resources_are_here() -> None:
    found = merged(UPLOADS="Uploads", UPLOADS_ARN="Uploads.Arn", ROUTER="RouterFunction", JOBS="Jobs", STAGE="Stage")

    bucket = found.services[0].parameters["Bucket"]
    queue = found.topology.queues[-1].name
    assert found.variables == {
        "UPLOADS": bucket,
        "UPLOADS_ARN": f"arn:aws:s3:::{bucket}",
        "ROUTER": "router",
        "JOBS": f"https://sqs.us-east-1.amazonaws.com/123456789012/{queue}",
        "STAGE": "dev",
    }


def test_policies_of_the_stacks_roles_are_what_their_functions_may() -> None:
    found = merged()

    bucket = found.services[0].parameters["Bucket"]
    queue = f"arn:aws:sqs:us-east-1:123456789012:{found.topology.queues[-1].name}"
    wanted = (
        Permission(actions=("s3:GetObject",), resources=(f"arn:aws:s3:::{bucket}/*",)),
        Permission(actions=("sqs:SendMessage",), resources=(queue,)),
    )
    assert found.topology.function("router").permissions[-2:] == wanted
    assert found.topology.function("processor").permissions[-2:] == wanted
    assert found.topology.function("connect").permissions == ()


def test_the_api_has_the_id_that_the_file_sees() -> None:
    found = merged(API="Api", URL="Api.ApiEndpoint")

    assert found.variables["API"] == found.topology.api.api_id
    assert found.variables["URL"] == f"wss://{found.topology.api.api_id}.execute-api.us-east-1.amazonaws.com"


def test_what_is_emulated_and_what_is_not_is_one_line() -> None:
    text = YAML + "  Clicks: {Type: AWS::AppSync::Api, Properties: {Name: clicks}}\n"
    text += "  Own: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: x}, Role: arn}}\n"

    assert merged(text).told == (
        "resources.yaml: 1 bucket, 1 queue, 1 table, 1 IAM policy, 1 event source mapping; "
        "not emulated: Clicks (AWS::AppSync::Api), Own (AWS::Lambda::Function)"
    )


def test_what_the_stack_has_on_aws_only_is_made_up_and_told() -> None:
    found = merged(one("AWS::CloudWatch::CompositeAlarm", AlarmRule={"Ref": "RouterErrorsAlarm"}))

    assert "RouterErrorsAlarm: not here, names are made up" in found.told


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, id="deny"),
        pytest.param({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, id="all actions but one"),
        pytest.param({"Effect": "Allow", "Action": "s3:*", "NotResource": "*"}, id="all resources but one"),
    ],
)
def test_statements_that_nobody_is_held_to_are_told(statement: dict[str, str]) -> None:
    policy: dict[str, Any] = {"PolicyDocument": {"Statement": statement}, "Roles": [{"Ref": "RouterRole"}]}
    found = merged(one("AWS::IAM::Policy", **policy))

    assert found.topology.function("router").permissions == of_an_app().function("router").permissions
    assert "One: only statements that allow an Action on a Resource are held to" in found.told


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("Transform: x\n" + one("AWS::S3::Bucket"), "Transform cannot be merged", id="a transform"),
        pytest.param("Parameters: {}\n" + one("AWS::S3::Bucket"), "Parameters cannot be merged", id="parameters"),
        pytest.param(one("AWS::S3::Bucket", "Api"), "Api is something that the stack has already", id="a name twice"),
        pytest.param(one("AWS::DynamoDB::Table"), "a key has an attribute of KeyType HASH", id="a table without key"),
        pytest.param(
            one("AWS::IAM::Policy", PolicyDocument={"Statement": [{}]}), "a statement has an Effect", id="no effect"
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(TemplateError, match=rf"resources\.yaml:\d+: .*{complaint}"):
        merged(text)


def test_a_variable_that_is_no_reference_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"environment_from has 'a b'; write a logical id"):
        merged(NAME="a b")


def test_without_a_file_variables_refer_to_the_stack() -> None:
    empty = Source(name="streamer.toml", text="", tree={"Resources": {}})
    topology = dataclasses.replace(of_an_app(), queues=(*of_an_app().queues, Queue(name="jobs.fifo")))
    found = own(topology, empty, {"QUEUE": queue_id("jobs.fifo")}, place_of("chat-dev", Settings()))

    assert found.services == ()
    assert found.variables["QUEUE"] == "https://sqs.us-east-1.amazonaws.com/123456789012/jobs.fifo"


def test_an_own_bucket_tells_a_function_of_the_stack() -> None:
    told = {"LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": {"Fn::GetAtt": "RouterFunction.Arn"}}]}
    calls = merged(one("AWS::S3::Bucket", NotificationConfiguration=told)).services

    (notified,) = [each for each in calls if each.operation == "put_bucket_notification_configuration"]
    assert isinstance(notified, Call)
    (configuration,) = notified.parameters["NotificationConfiguration"]["LambdaFunctionConfigurations"]
    assert configuration["LambdaFunctionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:router"
