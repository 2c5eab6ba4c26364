"""What outputs say of APIs that are here, and what is answered for services that are not."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser

from emulator.port.http import HttpRequest
from emulator.templates.control_plane import nothing_there, told
from emulator.templates.control_plane.records import ResourceRecord
from emulator.templates.control_plane.service import reachable

IDS = {"abcdefghij", "urlurlurlu"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(
            "wss://abcdefghij.execute-api.eu-west-1.amazonaws.com/prod",
            "ws://127.0.0.1:1/abcdefghij/prod",
            id="WebSocket",
        ),
        pytest.param(
            "https://abcdefghij.execute-api.cn-north-1.amazonaws.com.cn", "http://127.0.0.1:1/abcdefghij", id="China"
        ),
        pytest.param(
            "https://urlurlurlu.lambda-url.eu-west-1.on.aws/", "http://127.0.0.1:1/urlurlurlu/", id="function URL"
        ),
        pytest.param("abcdefghij.execute-api.eu-west-1.amazonaws.com", "127.0.0.1:1/abcdefghij", id="a bare name"),
        pytest.param(
            "say wss://abcdefghij.execute-api.eu-west-1.amazonaws.com!",
            "say ws://127.0.0.1:1/abcdefghij!",
            id="in a text",
        ),
    ],
)
def test_what_is_here_is_told_with_its_address(text: str, found: str) -> None:
    assert reachable(text, IDS, "127.0.0.1:1") == found


@pytest.mark.parametrize(
    "text",
    [
        "wss://zzzzzzzzzz.execute-api.eu-west-1.amazonaws.com/prod",
        "https://abcdefghij.execute-api.eu-west-1.amazonaws.com.example.org/",
        "https://s3.eu-west-1.amazonaws.com/abcdefghij",
        "arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/prod",
    ],
)
def test_everything_else_stays_as_it_is(text: str) -> None:
    assert reachable(text, IDS, "127.0.0.1:1") == text


APIS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("AWS::ApiGatewayV2::Api", {"ProtocolType": "WEBSOCKET"}),
    "news": ("AWS::ApiGatewayV2::Api", {"ProtocolType": "HTTP"}),
    "described": ("AWS::ApiGatewayV2::Api", {"Body": {"openapi": "3.0.1"}}),
    "rest": ("AWS::ApiGateway::RestApi", {}),
}


def resource(name: str, kind: str, **properties: Any) -> ResourceRecord:
    return ResourceRecord(logical_id="Stage", physical_id=name, type=kind, properties=properties)


@pytest.mark.parametrize(
    ("stage", "address"),
    [
        pytest.param(resource("prod", "AWS::ApiGatewayV2::Stage", ApiId="chat"), "wss://chat{}/prod", id="WebSocket"),
        pytest.param(resource("v1", "AWS::ApiGatewayV2::Stage", ApiId="news"), "https://news{}/v1", id="HTTP"),
        pytest.param(
            resource("$default", "AWS::ApiGatewayV2::Stage", ApiId="described"),
            "https://described{}",
            id="the stage without a name, of an OpenAPI document",
        ),
        pytest.param(resource("Prod", "AWS::ApiGateway::Stage", RestApiId="rest"), "https://rest{}/Prod", id="REST"),
    ],
)
def test_stages_of_a_deployed_stack_are_told_as_their_clients_ask_them(stage: ResourceRecord, address: str) -> None:
    apis = [resource(name, kind, **properties) for name, (kind, properties) in APIS.items()]

    found = told.addresses([*apis, stage], apis, "eu-west-1")

    assert found == {"Stage": address.format(".execute-api.eu-west-1.amazonaws.com")}


def request(path: str = "/", body: bytes = b"", **fields: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return HttpRequest("POST", path, tuple(named.items()), body, "127.0.0.1", named)


@pytest.mark.parametrize(
    ("asked", "protocol"),
    [
        pytest.param(request(body=b"Action=DescribeAlarms&StateValue=ALARM"), "query", id="a form"),
        pytest.param(request(x_amz_target="GraniteServiceVersion20100801.DescribeAlarms"), "json", id="JSON"),
        pytest.param(
            request("/service/GraniteServiceVersion20100801/operation/DescribeAlarms", smithy_protocol="rpc-v2-cbor"),
            "smithy-rpc-v2-cbor",
            id="CBOR",
        ),
    ],
)
def test_no_alarm_fires_in_any_protocol_of_sdks(asked: HttpRequest, protocol: str) -> None:
    assert nothing_there.is_asked("monitoring", asked)
    answer = nothing_there.answer("monitoring", asked, "request-1")
    try:
        parser = create_parser(protocol)
    except KeyError:
        pytest.skip(f"this botocore knows no {protocol}")
    response: dict[str, Any] = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body}
    shape = (
        botocore.session.get_session().get_service_model("cloudwatch").operation_model("DescribeAlarms").output_shape
    )
    found = parser.parse(response, shape)
    assert (found["MetricAlarms"], found["CompositeAlarms"]) == ([], [])


def test_other_operations_are_not_answered() -> None:
    put = request(x_amz_target="GraniteServiceVersion20100801.PutMetricAlarm")
    assert not nothing_there.is_asked("monitoring", put)
    assert not nothing_there.is_asked("logs", request(x_amz_target="Logs_20140328.FilterLogEvents"))
