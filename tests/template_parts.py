"""Short ways to write templates, and to read them: stacks of one Region, whose functions' code is in one folder."""

from __future__ import annotations

import json
from typing import Any

from emulator.templates.located import Located
from emulator.templates.resources.kind import Place
from emulator.templates.source import load
from emulator.templates.stack import Resource, Stack, Surroundings, resolve
from emulator.templates.topology import Wanted, describe
from streamer.topology import Topology

PLACE = Place(stack="shop", region="us-east-1", account_id="123456789012", partition="aws", url_suffix="amazonaws.com")
FUNCTION_URI = {
    "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Answer.Arn}/invocations"
}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def att(name: str, attribute: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def route(key: str, **more: Any) -> dict[str, Any]:
    target = {"Fn::Sub": "integrations/${Integration}"}
    return resource("ApiGatewayV2::Route", ApiId=ref("Api"), RouteKey=key, Target=target, **more)


def base() -> dict[str, Any]:
    """An API with one route, to which tests add."""
    return {
        "Api": resource(
            "ApiGatewayV2::Api",
            Name="chat",
            ProtocolType="WEBSOCKET",
            RouteSelectionExpression="$request.body.action",
        ),
        "Stage": resource("ApiGatewayV2::Stage", ApiId=ref("Api"), StageName="prod", AutoDeploy=True),
        "Connect": route("$connect"),
        "Integration": resource(
            "ApiGatewayV2::Integration",
            ApiId=ref("Api"),
            IntegrationType="AWS_PROXY",
            IntegrationUri=FUNCTION_URI,
        ),
        "Answer": resource("Lambda::Function", FunctionName="answer", Handler="app.handler", Runtime="python3.12"),
    }


def locate(stack: Stack, found: Resource) -> Located:
    return Located(folder="/code")


def read(resources: dict[str, Any], **wanted: Any) -> tuple[Topology, tuple[str, ...]]:
    source = load(json.dumps({"Resources": resources}), "t.json")
    described = describe([resolve(source, Surroundings(place=PLACE))], locate, Wanted(**wanted))
    return described.topology, described.warnings
