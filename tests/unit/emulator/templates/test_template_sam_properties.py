"""What SAM's transform drops is told before nothing is left of it."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.templates.errors import shown
from emulator.templates.sam_properties import ignored


def told(resource: Any, **sections: Any) -> list[str]:
    return [f"{shown(each.path)}: {each.text}" for each in ignored({"Resources": {"F": resource}, **sections})]


def function(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def sockets(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Serverless::WebSocketApi", "Properties": properties}


CUSTOM = {"AuthType": "CUSTOM", "AuthArn": "arn", "IdentitySource": ["route.request.header.Auth"]}
SQS = {"Type": "SQS", "Properties": {"Queue": "arn"}}
RETRIES = {"MaximumRetryAttempts": 1, "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": "arn"}}}


@pytest.mark.parametrize(
    ("resource", "place", "meant"),
    [
        pytest.param(
            function(EventInvokeConfig={"MaximumRetryAttempt": 1}),
            "Resources.F.Properties.EventInvokeConfig.MaximumRetryAttempt",
            "MaximumRetryAttempts",
            id="of invocations",
        ),
        pytest.param(
            function(EventInvokeConfig={"DestinationConfig": {"OnFailur": {}}}),
            "Resources.F.Properties.EventInvokeConfig.DestinationConfig.OnFailur",
            "OnFailure",
            id="of destinations",
        ),
        pytest.param(
            function(Events={"Jobs": {**SQS, "Propertis": {}}}),
            "Resources.F.Properties.Events.Jobs.Propertis",
            "Properties",
            id="of an event",
        ),
        pytest.param(
            sockets(Auth={"AuthType": "CUSTOM", "AuthArn": "arn", "IdentitySources": []}),
            "Resources.F.Properties.Auth.IdentitySources",
            "IdentitySource",
            id="of an authorizer",
        ),
        pytest.param(
            sockets(Routes={"send": {"FunctionArn": "arn", "RequestModel": {}}}),
            "Resources.F.Properties.Routes.send.RequestModel",
            "RequestModels",
            id="of a route",
        ),
        pytest.param(
            sockets(Domain={"DomainName": "a", "CertificateArn": "arn", "Route53": {"HostedZone": "z"}}),
            "Resources.F.Properties.Domain.Route53.HostedZone",
            "HostedZoneId",
            id="of a domain",
        ),
        pytest.param(
            {"Type": "AWS::Serverless::HttpApi", "Properties": {"Auth": {"Authorizers": {"A": {"FunctionARN": "x"}}}}},
            "Resources.F.Properties.Auth.Authorizers.A.FunctionARN",
            "FunctionArn",
            id="of an authorizer of an HTTP API",
        ),
        pytest.param({**function(), "DependOn": "Q"}, "Resources.F.DependOn", "DependsOn", id="of a resource"),
    ],
)
def test_what_sam_drops_is_told(resource: Any, place: str, meant: str) -> None:
    (line,) = told(resource)

    assert line.startswith(f"{place}: ")
    assert line.endswith(f"; did you mean {meant}?")


def test_what_globals_have_is_looked_at_too() -> None:
    (line,) = told(function(), Globals={"Function": {"EventInvokeConfig": {"MaximumAge": 60}}})

    assert line.startswith("Globals.Function.EventInvokeConfig.MaximumAge: ")


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param(function(EventInvokeConfig=RETRIES, Events={"Jobs": SQS}, Anything=1), id="what SAM knows"),
        pytest.param(function(EventInvokeConfig={"Fn::If": ["A", RETRIES, {"Ref": "AWS::NoValue"}]}), id="a function"),
        pytest.param(function(Events={"Ref": "X"}, EventInvokeConfig=[]), id="of another kind, which SAM refuses"),
        pytest.param({**function(), "Connectors": {}, "IgnoreGlobals": "*", "DependsOn": "Q"}, id="attributes"),
        pytest.param(
            sockets(Auth=CUSTOM, Routes={"$connect": {"FunctionArn": "arn"}}, Domain={"Fn::If": []}),
            id="of a socket's API",
        ),
        pytest.param({"Type": "AWS::SQS::Queue", "DependOn": "Q"}, id="no type of SAM's"),
    ],
)
def test_nothing_is_told_of_what_sam_reads_or_refuses(resource: Any) -> None:
    assert told(resource) == []
