"""What shapes properties have that are more than their types declare, as far as anything here looks into them. Pure.

[DOC] cfn-docs:aws-template-resource-type-ref. `conformity` holds properties to their types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..errors import Path, Problem
from .conformity import is_number, kind_of_value

TEXT: Final = "text"
"""Text, or what CloudFormation makes text of: a number or a boolean."""
NUMBER: Final = "a number"
TABLE: Final = {"*": TEXT}

Shape = str | list[Any] | tuple[Any, ...] | Mapping[str, Any]
"""A word above; a list of one shape; alternatives; or a mapping: shapes by key, ``*`` for every key, ``!`` behind a
key that must be there. Keys that have no shape may be anything."""

_TAGS: Final[Shape] = [{"Key!": TEXT, "Value!": TEXT}]
_THROTTLE: Final[Shape] = {"ThrottlingBurstLimit": NUMBER, "ThrottlingRateLimit": NUMBER}
_OBJECTS: Final[Shape] = [{"Event!": TEXT, "Filter": {"S3Key": {"Rules": [{"Name!": TEXT, "Value!": TEXT}]}}}]
_INDEXES: Final[Shape] = [{"IndexName!": TEXT, "KeySchema": [{}], "Projection": {"NonKeyAttributes": [TEXT]}}]
_TABLE: Final[Shape] = {
    "AttributeDefinitions": [{"AttributeName!": TEXT, "AttributeType!": TEXT}],
    "KeySchema": [{}],
    "GlobalSecondaryIndexes": _INDEXES,
    "LocalSecondaryIndexes": _INDEXES,
    "Tags": _TAGS,
}
_ANSWER: Final[Shape] = {"StatusCode!": NUMBER, "ResponseTemplates": TABLE, "ResponseParameters": TABLE}
_SECURITY: Final[Shape] = [{"*": [TEXT]}]
_SAID: Final[Shape] = {"statusCode": NUMBER, "responseTemplates": TABLE, "responseParameters": TABLE}
_INTEGRATION: Final[Shape] = {
    "timeoutInMillis": NUMBER,
    "requestTemplates": TABLE,
    "requestParameters": TABLE,
    "responseParameters": {"*": TABLE},
    "responses": {"*": _SAID},
}
_PARAMETERS: Final[Shape] = [{"name": TEXT, "in": TEXT}]
_METHOD: Final[Shape] = {
    "security": _SECURITY,
    "parameters": _PARAMETERS,
    "consumes": [TEXT],
    "requestBody": {"content": {"*": {}}},
    "x-amazon-apigateway-integration": _INTEGRATION,
    "x-amazon-apigateway-request-validator": TEXT,
}
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method")
_AUTHORIZER: Final[Shape] = {
    "authorizerResultTtlInSeconds": NUMBER,
    "identitySource": (TEXT, [TEXT]),
    "jwtConfiguration": {"audience": [TEXT]},
    "providerARNs": [TEXT],
}
_SCHEMES: Final[Shape] = {"*": {"x-amazon-apigateway-authorizer": _AUTHORIZER}}
_DOCUMENT: Final[Shape] = {
    "paths": {"*": (TEXT, {**dict.fromkeys(_METHODS, _METHOD), "parameters": _PARAMETERS})},
    "consumes": [TEXT],
    "security": _SECURITY,
    "securityDefinitions": _SCHEMES,
    "components": {"securitySchemes": _SCHEMES},
    "x-amazon-apigateway-binary-media-types": [TEXT],
    "x-amazon-apigateway-gateway-responses": {"*": _SAID},
    "x-amazon-apigateway-request-validator": TEXT,
    "x-amazon-apigateway-request-validators": {"*": TABLE},
    "x-amazon-apigateway-cors": {
        **{name: (TEXT, [TEXT]) for name in ("allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders")},
        "maxAge": NUMBER,
    },
}
"""OpenAPI and Swagger. [DOC] apigw-docs:api-gateway-swagger-extensions"""
SHAPES: Final[Mapping[str, Shape]] = {
    "AWS::ApiGateway::GatewayResponse": {"StatusCode": NUMBER},
    "AWS::ApiGateway::Method": {"Integration": {"IntegrationResponses": [_ANSWER]}},
    "AWS::ApiGateway::RestApi": {"Body": _DOCUMENT},
    "AWS::ApiGatewayV2::Api": {"Body": _DOCUMENT},
    "AWS::ApiGatewayV2::Route": {"RequestModels": TABLE},
    "AWS::ApiGatewayV2::Stage": {"StageVariables": TABLE, "RouteSettings": {"*": _THROTTLE}},
    "AWS::CloudFormation::Stack": {"Parameters": {"*": (TEXT, [TEXT])}},
    "AWS::DynamoDB::GlobalTable": _TABLE,
    "AWS::DynamoDB::Table": _TABLE,
    "AWS::Kinesis::Stream": {"Tags": _TAGS},
    "AWS::S3::Bucket": {
        "Tags": _TAGS,
        "NotificationConfiguration": dict.fromkeys(
            ("LambdaConfigurations", "QueueConfigurations", "TopicConfigurations"), _OBJECTS
        ),
    },
    "AWS::SQS::Queue": {"RedrivePolicy": (TEXT, {"maxReceiveCount": NUMBER})},
}


def check_shape(value: Any, shape: Shape, path: Path) -> None:
    """Raise `Problem` with the place of what has another shape."""
    if isinstance(shape, tuple):
        problems = [found for each in shape if (found := _problem(value, each, path)) is not None]
        if len(problems) == len(shape):
            raise problems[-1 if isinstance(value, dict | list) else 0]
    elif (problem := _problem(value, shape, path)) is not None:
        raise problem


def _problem(value: Any, shape: Shape, path: Path) -> Problem | None:
    try:
        _check(value, shape, path)
    except Problem as problem:
        return problem
    return None


def _check(value: Any, shape: Shape, path: Path) -> None:
    if isinstance(shape, str):
        if (shape == TEXT and not isinstance(value, str | int | float)) or (shape == NUMBER and not is_number(value)):
            raise Problem(path, f"{shape} is expected, and there is {kind_of_value(value)}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Problem(path, f"a list is expected, and there is {kind_of_value(value)}")
        for position, each in enumerate(value):
            check_shape(each, shape[0], (*path, position))
    elif isinstance(shape, Mapping):
        if not isinstance(value, dict):
            raise Problem(path, f"a mapping is expected, and there is {kind_of_value(value)}")
        _check_keys(value, shape, path)


def _check_keys(value: Mapping[str, Any], shape: Mapping[str, Any], path: Path) -> None:
    for key, each in shape.items():
        name = key.removesuffix("!")
        if name != key and name not in value:
            raise Problem(path, f"{name} is missing")
        for found in value if name == "*" else [name] if name in value else []:
            check_shape(value[found], each, (*path, found))
