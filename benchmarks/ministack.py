"""Deploys the echo service to a running MiniStack, by its AWS API."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, Final

import boto3

HANDLERS: Final = Path(__file__).resolve().parent / "peers" / "ministack" / "handlers.py"
ROLE: Final = "arn:aws:iam::000000000000:role/bench"
ROUTES: Final = {"$connect": "connect", "$disconnect": "disconnect", "echo": "echo", "sleep": "sleep", "who": "who"}
NOTES: Final = "bench_notes"


def deploy(root: str) -> str:
    """Create functions, API, table and event source mapping; answers the WebSocket URL."""
    gateway, functions = _client("apigatewayv2", root), _client("lambda", root)
    api = gateway.create_api(Name="bench", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")[
        "ApiId"
    ]
    management = f"{root}/_aws/execute-api/{api}/dev"
    arns = {name: _function(functions, name, management) for name in (*ROUTES.values(), "relay")}
    for route, name in ROUTES.items():
        integration = gateway.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arns[name])
        target = f"integrations/{integration['IntegrationId']}"
        gateway.create_route(ApiId=api, RouteKey=route, Target=target)
    gateway.create_stage(ApiId=api, StageName="dev", AutoDeploy=True)
    _relay(_client("dynamodb", root), functions, arns["relay"])
    return management.replace("http", "ws", 1)


def _client(service: str, root: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=root, **keys)


def _function(functions: Any, name: str, management: str) -> str:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.write(HANDLERS, "handlers.py")
    created = functions.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=ROLE,
        Handler=f"handlers.{name}",
        Code={"ZipFile": content.getvalue()},
        Timeout=29,
        MemorySize=512,
        Environment={"Variables": {"BENCH_MANAGEMENT_URL": management}},
    )
    return str(created["FunctionArn"])


def _relay(dynamodb: Any, functions: Any, arn: str) -> None:
    table = dynamodb.create_table(
        TableName=NOTES,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    functions.create_event_source_mapping(
        EventSourceArn=table["TableDescription"]["LatestStreamArn"], FunctionName=arn, StartingPosition="LATEST"
    )
