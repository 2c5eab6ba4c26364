"""A project as CDK synthesises it, of the size that large ones have: CloudFormation takes 500 resources in a stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

RESOURCES: Final = 500
_ASSET: Final = "a" * 64
_BUCKET: Final = {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}


def write_project(folder: Path) -> Path:
    """Write ``cdk.out`` of one stack with a WebSocket API; answers its template."""
    out = folder / "cdk.out"
    (out / f"asset.{_ASSET}").mkdir(parents=True)
    (out / f"asset.{_ASSET}" / "index.py").write_text("def handler(event, context):\n    return {'statusCode': 200}\n")
    template = out / "Large.template.json"
    template.write_text(json.dumps({"Resources": _resources()}, indent=1))
    source = {"path": f"asset.{_ASSET}", "packaging": "zip"}
    destination = {"here": {"bucketName": "assets", "objectKey": f"{_ASSET}.zip"}}
    files = {_ASSET: {"source": source, "destinations": destination}}
    (out / "Large.assets.json").write_text(json.dumps({"version": "36.0.0", "files": files}))
    artifacts = {
        "Large.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Large.assets.json"}},
        "Large": {
            "type": "aws:cloudformation:stack",
            "environment": "aws://unknown-account/unknown-region",
            "properties": {"templateFile": template.name},
            "dependencies": ["Large.assets"],
        },
    }
    (out / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": artifacts}))
    return template


def _resources() -> dict[str, Any]:
    api = {"Name": "large", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}
    stage = {"ApiId": {"Ref": "Api"}, "StageName": "live", "AutoDeploy": True}
    found: dict[str, Any] = {
        "Api": _resource("ApiGatewayV2::Api", api),
        "Stage": _resource("ApiGatewayV2::Stage", stage),
    }
    number = 0
    while len(found) < RESOURCES:
        for name, resource in _action(number).items():
            if len(found) < RESOURCES:
                found[name] = resource
        number += 1
    return found


def _action(number: int) -> dict[str, Any]:
    """What CDK makes of a route with a function, a table and a queue; what is named stands before what names it."""
    name = f"Action{number}"
    function, table, queue, role = name, f"{name}Table", f"{name}Queue", f"{name}Role"
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    keys = [{"AttributeName": "id", "KeyType": "HASH"}]
    grants = [
        {"Effect": "Allow", "Action": "dynamodb:*", "Resource": [_arn(table), {"Ref": "AWS::NoValue"}]},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": _arn(queue)},
    ]
    called = ["arn:", {"Ref": "AWS::Partition"}, ":apigateway:", {"Ref": "AWS::Region"}]
    uri = [*called, ":lambda:path/2015-03-31/functions/", _arn(function), "/invocations"]
    api = ["arn:aws:execute-api:", {"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}, ":", {"Ref": "Api"}]
    log_group = {"Fn::Join": ["", ["/aws/lambda/", {"Ref": function}]]}
    described: dict[str, tuple[str, dict[str, Any]]] = {
        role: ("IAM::Role", {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}}),
        table: (
            "DynamoDB::Table",
            {"AttributeDefinitions": attributes, "KeySchema": keys, "BillingMode": "PAY_PER_REQUEST"},
        ),
        queue: ("SQS::Queue", {"VisibilityTimeout": 30}),
        f"{role}DefaultPolicy": (
            "IAM::Policy",
            {"PolicyDocument": {"Statement": grants}, "PolicyName": f"{role}Policy", "Roles": [{"Ref": role}]},
        ),
        function: (
            "Lambda::Function",
            {
                "Code": {"S3Bucket": _BUCKET, "S3Key": f"{_ASSET}.zip"},
                "Handler": "index.handler",
                "Runtime": "python3.12",
                "Role": _arn(role),
                "Environment": {"Variables": {"TABLE": {"Ref": table}, "QUEUE": {"Ref": queue}}},
            },
        ),
        f"{name}Integration": (
            "ApiGatewayV2::Integration",
            {"ApiId": {"Ref": "Api"}, "IntegrationType": "AWS_PROXY", "IntegrationUri": {"Fn::Join": ["", uri]}},
        ),
        f"{name}Route": (
            "ApiGatewayV2::Route",
            {
                "ApiId": {"Ref": "Api"},
                "RouteKey": f"action{number}",
                "Target": {"Fn::Join": ["", ["integrations/", {"Ref": f"{name}Integration"}]]},
            },
        ),
        f"{name}Permission": (
            "Lambda::Permission",
            {
                "Action": "lambda:InvokeFunction",
                "FunctionName": _arn(function),
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Join": ["", [*api, f"/*/action{number}"]]},
            },
        ),
        f"{name}LogGroup": ("Logs::LogGroup", {"LogGroupName": log_group}),
    }
    return {each: _resource(*described[each], path=f"Large/{each}/Resource") for each in described}


def _resource(kind: str, properties: dict[str, Any], *, path: str = "") -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties, "Metadata": {"aws:cdk:path": path}}


def _arn(logical_id: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}
