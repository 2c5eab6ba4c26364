"""An emulator that is deployed to, and templates to deploy, for tests of its control plane."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from services_world import until
from websockets.sync.client import connect

from emulator.iam.guard import Mode
from emulator.templates.control_plane.engine import HOME_TOPOLOGY
from emulator.testing.thread import EmulatorThread
from emulator.wiring.config import EmulatorConfig

REGION = "us-east-1"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
}
CODE = """
import json, os, boto3

def handler(event, context):
    where = event["requestContext"]
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    if where["routeKey"] == "$connect":
        table.put_item(Item={"id": where["connectionId"]})
    elif where["routeKey"] == "$disconnect":
        table.delete_item(Key={"id": where["connectionId"]})
    else:
        url = f"https://{where['domainName']}/{where['stage']}"
        client = boto3.client("apigatewaymanagementapi", endpoint_url=url)
        client.post_to_connection(ConnectionId=where["connectionId"], Data=f"WORD {event['body']}".encode())
    return {"statusCode": 200}
"""


def running(folder: Path, *, keeps: bool = False, iam: Mode = "off") -> AbstractContextManager[EmulatorThread]:
    """An emulator with nothing but its control plane; ``keeps``: with what the last one in the folder left."""
    config = EmulatorConfig(
        project_folder=folder,
        state_folder=folder / ".streamer",
        region=REGION,
        iam=iam,
        state_file=folder / "state" if keeps else None,
        aws_domain=True,
        provide=lambda topology: topology,
    )
    return EmulatorThread(HOME_TOPOLOGY, config)


def archive(word: str = "echo") -> bytes:
    """A function's code, which answers with a word."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("app.py", CODE.replace("WORD", word))
    return buffer.getvalue()


def _invokes(function: str) -> dict[str, str]:
    return {
        "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${"
        + function
        + ".Arn}/invocations"
    }


def template(key: str, *routes: str, **more: Mapping[str, Any]) -> dict[str, Any]:
    """A chat: a table, a function whose code is in the bucket ``code``, an API, and further resources."""
    resources: dict[str, Any] = {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        },
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.12",
                "Handler": "app.handler",
                "Timeout": 10,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"S3Bucket": "code", "S3Key": key},
                "Environment": {"Variables": {"TABLE": {"Ref": "Table"}}},
            },
        },
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {"Name": "chat", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.a"},
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": _invokes("Function"),
            },
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "prod", "AutoDeploy": True},
        },
        **more,
    }
    for number, route in enumerate(routes or ("$connect", "$disconnect", "$default")):
        resources[f"Route{number}"] = {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "RouteKey": route,
                "Target": {"Fn::Sub": "integrations/${Integration}"},
            },
        }
    url = {"Fn::Sub": "wss://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${Stage}"}
    return {"Resources": resources, "Outputs": {"Url": {"Value": url}, "Table": {"Value": {"Ref": "Table"}}}}


class ControlWorld:
    """One emulator, asked by unmodified clients."""

    def __init__(self, emulator: EmulatorThread) -> None:
        self.url = str(emulator.aws("lambda")["endpoint_url"])
        self.cloudformation = self.client("cloudformation")
        self.client("s3").create_bucket(Bucket="code")

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            endpoint_url=self.url,
            config=Config(retries={"max_attempts": 0}),
        )

    def upload(self, key: str, word: str = "echo") -> None:
        self.client("s3").put_object(Bucket="code", Key=key, Body=archive(word))

    def proposed(self, stack: str, body: Any, kind: str = "CREATE", **more: Any) -> Any:
        """A change set."""
        made = self.cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName="proposed",
            ChangeSetType=kind,
            TemplateBody=body if isinstance(body, str) else json.dumps(body),
            Capabilities=["CAPABILITY_IAM"],
            **more,
        )
        return self.cloudformation.describe_change_set(ChangeSetName=made["Id"])

    def deployed(self, stack: str, body: Any, kind: str = "CREATE", **more: Any) -> Any:
        """The stack after a change set was executed."""
        found = self.proposed(stack, body, kind, **more)
        assert found["Status"] == "CREATE_COMPLETE", found
        return self.deployed_set(found)

    def deployed_set(self, found: Any) -> Any:
        """The stack after a change set that is there already was executed."""
        self.cloudformation.execute_change_set(ChangeSetName=found["ChangeSetId"])
        return self.settled(found["StackId"])

    def settled(self, stack: str, status: str | None = None) -> Any:
        """The stack once nothing is done to it any more; ``status``: once it has that one."""
        return until(
            lambda: self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0],
            lambda found: (
                found["StackStatus"] == status
                if status is not None
                else not found["StackStatus"].endswith("_IN_PROGRESS")
            ),
            seconds=60.0,
        )

    def physical(self, stack: str, name: str) -> str:
        """A resource's physical id."""
        found = self.cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=name)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def buckets(self) -> set[str]:
        """Names of the buckets that there are."""
        return {each["Name"] for each in self.client("s3").list_buckets()["Buckets"]}

    def events(self, stack: str) -> list[tuple[str, str, str | None]]:
        """What happened, the oldest first."""
        found = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        return [(e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason")) for e in reversed(found)]


def outputs(stack: Any) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def said(url: str, text: str = "hi") -> str:
    """What a client is answered."""
    with connect(url, open_timeout=30) as socket:
        socket.send(text)
        return str(socket.recv(30))


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    """Code and message of the error that a call of a client ends with."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]
