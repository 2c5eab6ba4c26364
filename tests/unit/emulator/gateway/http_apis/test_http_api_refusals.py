"""What a REST API asks of requests before anything answers them, and how it refuses them by gateway responses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_api_requests import api, asked

from emulator.gateway.http_apis.answers import answered
from emulator.gateway.http_apis.checks import Checks
from emulator.gateway.http_apis.refusals import error, not_found
from emulator.gateway.rules.effects import HttpAnswer, Raised, TimedOut
from streamer.topology.http_apis import GatewayResponse, HttpApi, HttpKind, HttpRoute, Validation

THING = {"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}}
JSON = ("Content-Type", "application/json; charset=utf-8")


def refusal(validation: Validation | None, target: str, *headers: tuple[str, str], body: bytes = b"") -> str | None:
    of = api(HttpRoute(path="/things/{id}", function="answer", validation=validation), kind=HttpKind.REST, stage="Prod")
    found = Checks(of).refusal(asked(of, f"/Prod/things/{target}", method="POST", headers=headers, body=body))
    if found is None:
        return None
    assert (found.status, dict(found.headers)["x-amzn-ErrorType"]) == (400, "BadRequestException")
    return found.body.decode()


NEEDED = Validation(parameters=("querystring.q", "header.X-H", "path.id"))


@pytest.mark.parametrize(
    ("validation", "target", "headers", "missing"),
    [
        pytest.param(None, "1", (), None, id="nobody asks"),
        pytest.param(NEEDED, "1?q=1", (("x-h", "1"),), None, id="all are there"),
        pytest.param(NEEDED, "1", (), "X-H, q", id="two are not, in AWS's order"),
        pytest.param(NEEDED, "1?q=", (("X-H", "1"),), "q", id="one is empty"),
        pytest.param(NEEDED, "1?q=1", (("X-H", " "),), "X-H", id="one is blank"),
    ],
)
def test_required_parameters_have_a_value(
    validation: Validation | None, target: str, headers: tuple[tuple[str, str], ...], missing: str | None
) -> None:
    said = None if missing is None else f'{{"message": "Missing required request parameters: [{missing}]"}}'

    assert refusal(validation, target, *headers) == said


@pytest.mark.parametrize(
    ("models", "headers", "body", "is_valid"),
    [
        pytest.param({"application/json": THING}, (JSON,), b'{"a": 1}', True, id="as the model has it"),
        pytest.param({"application/json": THING}, (JSON,), b'{"b": 1}', False, id="otherwise"),
        pytest.param({"application/json": THING}, (), b'{"b": 1}', False, id="no type counts as JSON"),
        pytest.param({"application/json": THING}, (JSON,), b"{a: 1", False, id="no JSON"),
        pytest.param({"application/json": THING}, (JSON,), b"", False, id="no body"),
        pytest.param({"application/json": THING}, (("Content-Type", "text/xml"),), b"<a/>", True, id="another type"),
        pytest.param({"$default": THING}, (("Content-Type", "text/xml"),), b"<a/>", False, id="a model for every type"),
    ],
)
def test_a_body_is_as_the_model_of_its_type_has_it(
    models: dict[str, Any], headers: tuple[tuple[str, str], ...], body: bytes, is_valid: bool
) -> None:
    said = None if is_valid else '{"message": "Invalid request body"}'

    assert refusal(Validation(models=models), "1", *headers, body=body) == said


def with_responses(**responses: GatewayResponse) -> HttpApi:
    return api(
        HttpRoute(path="/", function="answer"),
        kind=HttpKind.REST,
        stage="Prod",
        stage_variables={"colour": "green"},
        gateway_responses=responses,
    )


OPEN = GatewayResponse(headers={"Access-Control-Allow-Origin": "'*'"})
CLOSED = GatewayResponse(status=418)


def allowed(answer: HttpAnswer) -> bool:
    return ("Access-Control-Allow-Origin", "*") in answer.headers


@pytest.mark.parametrize(
    ("status", "message", "error_type", "kind"),
    [
        pytest.param(401, "Unauthorized", "UnauthorizedException", "UNAUTHORIZED", id="no identity"),
        pytest.param(403, "no", "AccessDeniedException", "ACCESS_DENIED", id="a policy"),
        pytest.param(403, "Forbidden", None, "INVALID_API_KEY", id="an API key"),
        pytest.param(403, "no", "InvalidSignatureException", "INVALID_SIGNATURE", id="a signature"),
        pytest.param(
            500, None, "AuthorizerConfigurationException", "AUTHORIZER_CONFIGURATION_ERROR", id="an authorizer"
        ),
        pytest.param(413, "too large", None, "REQUEST_TOO_LARGE", id="a body"),
        pytest.param(415, "Unsupported Media Type", "BadRequestException", "UNSUPPORTED_MEDIA_TYPE", id="a media type"),
    ],
)
def test_each_refusal_has_a_type_and_a_class(status: int, message: str, error_type: str | None, kind: str) -> None:
    of_class = {"DEFAULT_4XX" if status < 500 else "DEFAULT_5XX": OPEN}
    other = {"DEFAULT_5XX" if status < 500 else "DEFAULT_4XX": OPEN}

    by_class, by_type, by_none = (
        error(asked(with_responses(**each), "/Prod/"), status, message, error_type)
        for each in (of_class, {**of_class, kind: CLOSED}, other)
    )

    assert (by_class.status, allowed(by_class)) == (status, True)
    assert (by_type.status, allowed(by_type)) == (418, False)
    assert (by_none.status, allowed(by_none)) == (status, False)


def test_what_became_of_a_function_is_refused_by_gateway_responses_too() -> None:
    late, failed = (
        answered(asked(with_responses(INTEGRATION_TIMEOUT=CLOSED, DEFAULT_5XX=OPEN), "/Prod/"), each)[0]
        for each in (TimedOut(), Raised(b"{}"))
    )

    assert (late.status, failed.status, allowed(failed)) == (418, 502, True)


def test_a_gateway_response_has_a_body_with_variables_and_headers() -> None:
    response = GatewayResponse(
        status=404,
        headers={
            "Origin": "method.request.header.origin",
            "Content-Language": "'en'",
            "X-Stage": "context.stage",
            "X-None": "method.request.querystring.none",
        },
        templates={
            "application/json": '{"message":$context.error.messageString,"type":"$context.error.responseType",'
            '"plain":"$context.error.message","colour":"$stageVariables.colour","none":"$context.none"}'
        },
    )
    of = with_responses(MISSING_AUTHENTICATION_TOKEN=response)

    answer = not_found(asked(of, "/Prod/x", headers=(("Origin", "https://a.example"),)))

    assert answer.status == 404
    assert json.loads(answer.body) == {
        "message": "Missing Authentication Token",
        "type": "MISSING_AUTHENTICATION_TOKEN",
        "plain": "Missing Authentication Token",
        "colour": "green",
        "none": "",
    }
    found = dict(answer.headers)
    assert (found["Origin"], found["Content-Language"], found["X-Stage"]) == ("https://a.example", "en", "Prod")
    assert "X-None" not in found
    assert found["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_a_gateway_response_with_a_header_that_cannot_be_sent_is_an_error() -> None:
    response = GatewayResponse(headers={"X-Said": "method.request.querystring.said"})
    of = with_responses(MISSING_AUTHENTICATION_TOKEN=response)

    fine, broken = (not_found(asked(of, f"/Prod/x?said={each}")) for each in ("a", "a%0Ab"))

    assert (fine.status, dict(fine.headers)["X-Said"]) == (403, "a")
    assert (broken.status, json.loads(broken.body)) == (500, {"message": "Internal server error"})


def test_a_stage_that_there_is_not_has_no_gateway_responses() -> None:
    assert not allowed(not_found(asked(with_responses(DEFAULT_4XX=OPEN), "/Other/")))
