"""HTTP APIs, REST APIs and function URLs of templates: resources, OpenAPI documents, and each mistake."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from template_parts import FUNCTION_URI, att, base, read, ref, resource

from emulator.templates.errors import TemplateError
from streamer.topology.http_apis import (
    Backend,
    BackendResponse,
    Cors,
    FixedAnswer,
    GatewayResponse,
    HttpApi,
    HttpAuthorizer,
    HttpKind,
    HttpRoute,
    Validation,
)
from streamer.topology.throttles import Throttle, UsagePlan


def one(**more: Any) -> HttpApi:
    [found] = read({**base(), **more})[0].http_apis
    return found


def http_api(**properties: Any) -> dict[str, Any]:
    return resource("ApiGatewayV2::Api", Name="web", ProtocolType="HTTP", **properties)


def integration(**properties: Any) -> dict[str, Any]:
    given = {"IntegrationType": "AWS_PROXY", "IntegrationUri": att("Answer"), "PayloadFormatVersion": "2.0"}
    return resource("ApiGatewayV2::Integration", ApiId=ref("Web"), **{**given, **properties})


def route(key: str, **properties: Any) -> dict[str, Any]:
    target = {"Fn::Sub": "integrations/${WebIntegration}"}
    return resource("ApiGatewayV2::Route", ApiId=ref("Web"), RouteKey=key, Target=target, **properties)


def test_an_http_api_of_resources() -> None:
    found = one(
        Web=http_api(CorsConfiguration={"AllowOrigins": ["*"], "AllowMethods": ["GET"], "MaxAge": 60}),
        WebStage=resource("ApiGatewayV2::Stage", ApiId=ref("Web"), StageName="live", StageVariables={"colour": "blue"}),
        WebIntegration=integration(TimeoutInMillis=1500),
        Items=route("GET /items/{id}", AuthorizationType="JWT", AuthorizerId=ref("Tokens"), AuthorizationScopes=["a"]),
        Signed=route("POST /signed", AuthorizationType="AWS_IAM"),
        Rest=route("$default", AuthorizationType="CUSTOM", AuthorizerId=ref("Door")),
        Tokens=resource(
            "ApiGatewayV2::Authorizer",
            ApiId=ref("Web"),
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": "https://id.example/", "Audience": ["shop"]},
        ),
        Door=resource(
            "ApiGatewayV2::Authorizer",
            ApiId=ref("Web"),
            AuthorizerType="REQUEST",
            AuthorizerUri=FUNCTION_URI,
            AuthorizerPayloadFormatVersion="2.0",
            EnableSimpleResponses="true",
            AuthorizerResultTtlInSeconds=5,
            IdentitySource=["$request.header.Key"],
        ),
    )

    def made(path: str, method: str = "ANY", **said: Any) -> HttpRoute:
        return HttpRoute(path=path, method=method, function="answer", timeout_seconds=1.5, **said)

    assert found == HttpApi(
        name="Web",
        kind=HttpKind.HTTP,
        api_id=found.api_id,
        stage="live",
        stage_variables={"colour": "blue"},
        routes=(
            made("/items/{id}", "GET", authorizer="Tokens", scopes=("a",)),
            made("/signed", "POST", iam=True),
            made("$default", authorizer="Door"),
        ),
        authorizers=(
            HttpAuthorizer(
                name="Tokens",
                kind="JWT",
                identity_sources=("$request.header.Authorization",),
                issuers=("https://id.example/",),
                audience=("shop",),
            ),
            HttpAuthorizer(
                name="Door",
                kind="REQUEST",
                function="answer",
                identity_sources=("$request.header.Key",),
                payload="2.0",
                simple=True,
                ttl_seconds=5,
            ),
        ),
        cors=Cors(origins=("*",), methods=("GET",), max_age_seconds=60),
    )
    assert len(found.api_id) == 10


def test_an_http_api_that_is_made_with_its_target() -> None:
    found = one(Web=http_api(Target=att("Answer"), RouteKey="GET /quick"))

    assert [(each.key, each.function) for each in found.routes] == [("GET /quick", "answer")]
    assert found.stage == "$default"


def test_an_http_api_that_is_made_with_the_address_of_an_endpoint() -> None:
    [found] = one(Web=http_api(Target="https://example.com/")).routes

    assert found.key == "$default"
    assert found.backend == Backend(kind="HTTP_PROXY", uri="https://example.com/", method="ANY")


DOCUMENT = {
    "openapi": "3.0.1",
    "paths": {
        "/items/{id}": {
            "get": {
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "uri": FUNCTION_URI,
                    "payloadFormatVersion": "2.0",
                    "timeoutInMillis": 1000,
                },
                "security": [{"Tokens": ["read"]}],
            }
        },
        "$default": {
            "x-amazon-apigateway-any-method": {
                "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": FUNCTION_URI}
            }
        },
    },
    "components": {
        "securitySchemes": {
            "Tokens": {
                "type": "oauth2",
                "x-amazon-apigateway-authorizer": {
                    "type": "jwt",
                    "identitySource": "$request.header.Authorization",
                    "jwtConfiguration": {"issuer": "https://id.example/", "audience": ["shop"]},
                },
            }
        }
    },
    "x-amazon-apigateway-cors": {"allowOrigins": ["https://shop.example"]},
}


def test_an_http_api_of_a_document_as_sam_writes_it() -> None:
    found = one(Web=http_api(Body=DOCUMENT))

    assert found.routes == (
        HttpRoute(
            path="/items/{id}",
            method="GET",
            function="answer",
            authorizer="Tokens",
            scopes=("read",),
            timeout_seconds=1.0,
        ),
        HttpRoute(path="$default", function="answer", payload="1.0", timeout_seconds=30.0),
    )
    assert found.authorizers[0].issuers == ("https://id.example/",)
    assert found.cors == Cors(origins=("https://shop.example",))


def rest(**more: Any) -> dict[str, Any]:
    return {
        "Rest": resource("ApiGateway::RestApi", Name="rest", BinaryMediaTypes=["image/*"]),
        "RestStage": resource("ApiGateway::Stage", RestApiId=ref("Rest"), StageName="live", Variables={"a": "b"}),
        "Items": resource(
            "ApiGateway::Resource", RestApiId=ref("Rest"), ParentId=att("Rest", "RootResourceId"), PathPart="items"
        ),
        "Item": resource("ApiGateway::Resource", RestApiId=ref("Rest"), ParentId=ref("Items"), PathPart="{proxy+}"),
        **more,
    }


def method(verb: str, resource_id: Any, **properties: Any) -> dict[str, Any]:
    given = {"Integration": {"Type": "AWS_PROXY", "Uri": FUNCTION_URI}, **properties}
    return resource("ApiGateway::Method", RestApiId=ref("Rest"), HttpMethod=verb, ResourceId=resource_id, **given)


def written(*paths: str) -> dict[str, Any]:
    """A REST API's document with a method at each path."""
    operation = {"get": {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": FUNCTION_URI}}}
    return rest(Rest=resource("ApiGateway::RestApi", Name="rest", Body={"paths": dict.fromkeys(paths, operation)}))


@pytest.mark.parametrize(
    "path",
    ["/map/{z}.png", "/e{id}", "/sp ace", "/{}", "/caf\u00e9"],
    ids=["behind", "before", "a space", "none", "letter"],
)
def test_a_part_of_a_rest_apis_path_that_api_gateway_refuses_is_told(path: str) -> None:
    _, warnings = read({**base(), **written(path, "/", "/a-b.c_d:e/{id}/{proxy+}", "/slash/")})

    rule = "each part has letters, digits and ._-: alone, or is one variable in braces"
    assert [each for each in warnings if "path" in each] == [f"Rest: API Gateway refuses the path {path}: {rule}"]


@pytest.mark.parametrize("kind", ["Rest", "Web"])
def test_a_variable_of_several_parts_that_is_not_the_last_part_is_told(kind: str) -> None:
    api = written("/a/{proxy+}/b", "/a/{proxy+}")
    made = {"Rest": api["Rest"]} if kind == "Rest" else {"Web": http_api(Body=api["Rest"]["Properties"]["Body"])}

    _, warnings = read({**base(), **made})

    rule = "a variable of several parts has to be the last one"
    assert [each for each in warnings if "path" in each] == [
        f"{kind}: API Gateway refuses the path /a/{{proxy+}}/b: {rule}"
    ]


def test_a_path_that_begins_with_no_slash_is_told_and_given_one() -> None:
    topology, warnings = read({**base(), **written("auth/{proxy+}")})

    assert [route.path for route in topology.http_apis[0].routes] == ["/auth/{proxy+}"]
    assert "Rest: the path auth/{proxy+} has to begin with /: /auth/{proxy+} stands for it" in warnings


MOCK = {
    "Type": "MOCK",
    "RequestTemplates": {"application/json": '{"statusCode": 204}'},
    "IntegrationResponses": [
        {"StatusCode": "204", "ResponseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"}}
    ],
}


def test_a_rest_api_of_resources() -> None:
    found = one(
        **rest(
            Root=method("GET", att("Rest", "RootResourceId")),
            Any=method("ANY", ref("Item"), AuthorizationType="CUSTOM", AuthorizerId=ref("Token"), ApiKeyRequired=True),
            Options=method("OPTIONS", ref("Item"), Integration=MOCK),
            Token=resource(
                "ApiGateway::Authorizer",
                RestApiId=ref("Rest"),
                Type="TOKEN",
                AuthorizerUri=FUNCTION_URI,
                IdentitySource="method.request.header.Auth",
                IdentityValidationExpression="[a-z]+",
            ),
        )
    )

    assert found.routes == (
        HttpRoute(path="/", method="GET", function="answer"),
        HttpRoute(path="/items/{proxy+}", function="answer", authorizer="Token", api_key_required=True),
        HttpRoute(
            path="/items/{proxy+}",
            method="OPTIONS",
            fixed=FixedAnswer(
                status=204, headers={"Access-Control-Allow-Origin": "*", "Content-Type": "application/json"}
            ),
        ),
    )
    assert found.authorizers == (
        HttpAuthorizer(
            name="Token",
            kind="TOKEN",
            function="answer",
            identity_sources=("method.request.header.Auth",),
            ttl_seconds=300,
            validation="[a-z]+",
        ),
    )
    assert (found.stage, found.stage_variables, found.binary_types) == ("live", {"a": "b"}, ("image/*",))


def test_a_mock_method_may_have_a_template() -> None:
    template = "#set($origin = $input.params('Origin'))"
    mock = {
        **MOCK,
        "IntegrationResponses": [{"StatusCode": "204", "ResponseTemplates": {"application/json": template}}],
    }

    found = one(**rest(Options=method("OPTIONS", ref("Items"), Integration=mock)))

    assert found.routes[0].fixed == FixedAnswer(status=204, headers={"Content-Type": "application/json"}, body=template)


@pytest.mark.parametrize(
    ("verb", "asks", "is_fixed"),
    [
        ("OPTIONS", {"application/json": "{statusCode:200}"}, True),
        ("OPTIONS", {}, False),
        ("OPTIONS", {"text/plain": '{"statusCode": 200}'}, False),
        ("GET", {"application/json": '{"statusCode": 200}'}, False),
    ],
)
def test_of_mock_methods_preflights_alone_are_answered_whatever_is_asked(
    verb: str, asks: dict[str, str], is_fixed: bool
) -> None:
    found = one(**rest(Mock=method(verb, ref("Items"), Integration={**MOCK, "RequestTemplates": asks}))).routes[0]

    assert (found.fixed is not None, found.backend is not None) == (is_fixed, not is_fixed)


@pytest.mark.parametrize("pools", [["abc"], ["abc", "def"]])
def test_user_pools_issue_tokens(pools: list[str]) -> None:
    arns = [f"arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_{pool}" for pool in pools]
    authorizer = resource("ApiGateway::Authorizer", RestApiId=ref("Rest"), Type="COGNITO_USER_POOLS", ProviderARNs=arns)
    written = {"type": "apiKey", "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": arns}}
    body = {"paths": {}, "components": {"securitySchemes": {"Pools": written}}}

    of_resources = one(**rest(Pool=authorizer, Get=method("GET", ref("Items"))))
    of_document = one(Rest=resource("ApiGateway::RestApi", Name="rest", Body=body))

    expected = tuple(f"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_{pool}" for pool in pools)
    assert [each.authorizers[0].issuers for each in (of_resources, of_document)] == [expected] * 2


def test_user_pools_in_china_issue_tokens_under_its_own_names() -> None:
    arn = "arn:aws-cn:cognito-idp:cn-north-1:123456789012:userpool/cn-north-1_abc"
    authorizer = resource(
        "ApiGateway::Authorizer", RestApiId=ref("Rest"), Type="COGNITO_USER_POOLS", ProviderARNs=[arn]
    )

    found = one(**rest(Pool=authorizer, Get=method("GET", ref("Items"))))

    assert found.authorizers[0].issuers == ("https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_abc",)


@pytest.mark.parametrize(
    ("kind", "source", "expected"),
    [
        ("TOKEN", None, ("method.request.header.Authorization",)),
        ("REQUEST", None, ()),
        ("REQUEST", "method.request.header.A, context.stage", ("method.request.header.A", "context.stage")),
    ],
)
def test_an_authorizer_that_looks_at_requests_needs_no_identity_source(
    kind: str, source: str | None, expected: tuple[str, ...]
) -> None:
    said = {"Type": kind, "AuthorizerUri": FUNCTION_URI, "IdentitySource": source, "AuthorizerResultTtlInSeconds": 0}
    given = {name: value for name, value in said.items() if value is not None}
    door = resource("ApiGateway::Authorizer", RestApiId=ref("Rest"), **given)

    assert one(**rest(Door=door)).authorizers[0].identity_sources == expected


@pytest.mark.parametrize("kind", ["AWS_IAM", "aws_iam", "NONE"])
def test_an_operation_may_say_itself_that_it_is_for_signed_requests(kind: str) -> None:
    operation = {
        "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": FUNCTION_URI},
        "x-amazon-apigateway-auth": {"type": kind},
    }
    body = {"paths": {"/": {"get": operation}}}

    assert [each.iam for each in one(Web=http_api(Body=body)).routes] == [kind != "NONE"]


def test_a_function_url() -> None:
    cors = {"AllowOrigins": ["*"], "AllowCredentials": True}
    url = resource("Lambda::Url", TargetFunctionArn=att("Answer"), AuthType="AWS_IAM", Cors=cors)

    topology, _ = read({**base(), "Url": url, "Told": resource("SNS::Topic", TopicName=att("Url", "FunctionUrl"))})

    [found] = topology.http_apis
    assert found.kind is HttpKind.URL
    assert [(each.key, each.function, each.iam) for each in found.routes] == [("$default", "answer", True)]
    assert not found.routes[0].streamed
    assert found.cors == Cors(origins=("*",), credentials=True)


def test_routes_that_take_what_a_function_streams() -> None:
    path = "2021-11-15/functions/${Answer.Arn}/response-streaming-invocations"
    uri = {"Fn::Sub": f"arn:aws:apigateway:${{AWS::Region}}:lambda:path/{path}"}
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "ResponseTransferMode": "STREAM", "Uri": uri}
    written = {"type": "aws_proxy", "httpMethod": "POST", "responseTransferMode": "STREAM", "uri": uri}
    document = {"paths": {"/": {"get": {"x-amazon-apigateway-integration": written}}}}
    url = resource("Lambda::Url", TargetFunctionArn=att("Answer"), AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    every = [
        one(**rest(Get=method("GET", ref("Items"), Integration=proxy))),
        one(Rest=resource("ApiGateway::RestApi", Body=document)),
        one(Url=url),
    ]

    assert [(each.routes[0].function, each.routes[0].streamed) for each in every] == [("answer", True)] * 3


@pytest.mark.parametrize(
    ("more", "warning"),
    [
        pytest.param(
            {
                "WebIntegration": integration(IntegrationType="HTTP_PROXY", ConnectionId="link"),
                "A": route("GET /a"),
            },
            "A: the route GET /a has an integration of type HTTP_PROXY, which is not emulated: it is left out",
            id="a private integration",
        ),
        pytest.param(
            {"WebIntegration": integration(IntegrationSubtype="AppConfig-GetConfiguration"), "A": route("GET /a")},
            "A: the route GET /a has an integration of type AppConfig-GetConfiguration, which is not emulated: "
            "it is left out",
            id="a service that is not here",
        ),
    ],
)
def test_what_is_left_out_is_told(more: dict[str, Any], warning: str) -> None:
    topology, warnings = read({**base(), "Web": http_api(), **more})

    assert topology.http_apis[0].routes == ()
    assert warning in warnings


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param(
            {"A": resource("ApiGatewayV2::Route", ApiId=ref("Web"), RouteKey="GET /a", Target="integrations/x")},
            "Resources.A.Properties.Target: 'integrations/x' is no integration of this API",
            id="no integration",
        ),
        pytest.param(
            {
                "WebIntegration": integration(IntegrationUri="arn:aws:lambda:us-east-1:1:function:no"),
                "A": route("GET /"),
            },
            "names no function of this project",
            id="no function",
        ),
        pytest.param(
            {
                "WebIntegration": integration(),
                "A": route("GET /a", AuthorizationType="JWT", AuthorizerId="none"),
            },
            "'none' is no authorizer of this API",
            id="no authorizer",
        ),
        pytest.param(
            rest(A=method("GET", "nowhere")), "'nowhere' is no resource of this API", id="no resource of a REST API"
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(more: dict[str, Any], message: str) -> None:
    with pytest.raises(TemplateError, match=r"t\.json.*") as caught:
        read({**base(), "Web": http_api(), **more})

    assert message in str(caught.value)


def test_a_route_passes_on_or_asks_a_service() -> None:
    passes = integration(
        IntegrationType="HTTP_PROXY",
        IntegrationUri="https://example.com/{proxy}",
        IntegrationMethod="GET",
        RequestParameters={"append:header.x": "1"},
    )
    sends = integration(IntegrationSubtype="SQS-SendMessage", RequestParameters={"MessageBody": "$request.body"})

    def backend(made: dict[str, Any]) -> Backend | None:
        found = one(Web=http_api(), WebIntegration=made, A=route("GET /a/{proxy+}"))
        return found.routes[0].backend

    assert backend(passes) == Backend(
        kind="HTTP_PROXY", uri="https://example.com/{proxy}", method="GET", parameters={"append:header.x": "1"}
    )
    found = backend(sends)
    assert found is not None
    assert (found.subtype, found.parameters) == ("SQS-SendMessage", {"MessageBody": "$request.body"})


def test_a_method_asks_by_templates() -> None:
    made = method("POST", ref("Items"))
    made["Properties"]["Integration"] = {
        "Type": "AWS",
        "Uri": "arn:aws:apigateway:us-east-1:sqs:path/123456789012/jobs",
        "IntegrationHttpMethod": "POST",
        "PassthroughBehavior": "NEVER",
        "RequestTemplates": {"application/json; charset=utf-8": "Action=SendMessage"},
        "RequestParameters": {"integration.request.header.X": "'y'"},
        "IntegrationResponses": [
            {"StatusCode": 200, "ResponseTemplates": {"application/json": "{}"}},
            {
                "StatusCode": "400",
                "SelectionPattern": "4\\d\\d",
                "ResponseParameters": {"method.response.header.X": "'z'"},
            },
        ],
    }

    assert one(**rest(Post=made)).routes[0].backend == Backend(
        kind="AWS",
        uri="arn:aws:apigateway:us-east-1:sqs:path/123456789012/jobs",
        templates={"application/json": "Action=SendMessage"},
        parameters={"integration.request.header.X": "'y'"},
        passthrough="NEVER",
        responses=(
            BackendResponse(templates={"application/json": "{}"}),
            BackendResponse(status=400, pattern="4\\d\\d", headers={"X": "'z'"}),
        ),
    )


@pytest.mark.parametrize("kind", ["ApiGateway::RestApi", "ApiGatewayV2::Api"])
def test_what_is_no_method_is_told(kind: str) -> None:
    written = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": FUNCTION_URI}}
    body = {"openapi": "3.0.1", "paths": {"/things": {"gett": written, "get": written, "x-thing": {}}}}
    topology, warnings = read({**base(), "Web": resource(kind, Body=body)})

    assert "Web: there is no method GETT: /things is not reached by it" in warnings
    assert [each.key for each in topology.http_apis[0].routes] == ["GET /things"]


def test_a_document_says_the_same() -> None:
    written = {
        "type": "http",
        "uri": "https://example.com/things",
        "httpMethod": "GET",
        "requestTemplates": {"application/json": "{}"},
        "responses": {"default": {"statusCode": "200"}, "5\\d\\d": {"statusCode": "502"}},
    }
    body = {"swagger": "2.0", "paths": {"/things": {"get": {"x-amazon-apigateway-integration": written}}}}
    api = {"Rest": resource("ApiGateway::RestApi", Body=body)}

    assert one(**api).routes[0].backend == Backend(
        kind="HTTP",
        uri="https://example.com/things",
        method="GET",
        templates={"application/json": "{}"},
        responses=(BackendResponse(), BackendResponse(status=502, pattern="5\\d\\d")),
    )


MODEL = {"type": "object", "required": ["a"]}
MODELS_OF = "https://apigateway.amazonaws.com/restapis/"


def test_a_method_validates_requests() -> None:
    whole = {"$ref": {"Fn::Join": ["", [MODELS_OF, ref("Rest"), "/models/Part"]]}}
    validators = {
        name: resource("ApiGateway::RequestValidator", RestApiId=ref("Rest"), **{name: True})
        for name in ("ValidateRequestBody", "ValidateRequestParameters")
    }
    asks = {
        "RequestParameters": {"method.request.querystring.q": True, "method.request.header.X-H": False},
        "RequestModels": {"application/json": ref("Whole"), "text/plain": "Empty"},
    }

    found = one(
        **rest(
            **validators,
            Part=resource("ApiGateway::Model", RestApiId=ref("Rest"), Name="Part", Schema=MODEL),
            Whole=resource("ApiGateway::Model", RestApiId=ref("Rest"), Name="Whole", Schema=whole),
            Get=method("GET", ref("Items"), RequestValidatorId=ref("ValidateRequestParameters"), **asks),
            Put=method("PUT", ref("Items"), RequestValidatorId=ref("ValidateRequestBody"), **asks),
            Post=method("POST", ref("Items"), **asks),
        )
    )

    by_method = {each.method: each.validation for each in found.routes}
    assert by_method["GET"] == Validation(parameters=("querystring.q",))
    assert by_method["POST"] is None
    put = by_method["PUT"]
    assert put is not None
    assert put.parameters == ()
    assert {kind: each.get("$ref", each.get("type")) for kind, each in put.models.items()} == {
        "application/json": "#/definitions/Part",
        "text/plain": "object",
    }
    assert put.models["application/json"]["definitions"]["Part"] == MODEL


VALIDATED = {
    "x-amazon-apigateway-request-validators": {
        "all": {"validateRequestBody": True, "validateRequestParameters": True},
        "parameters": {"validateRequestParameters": "true"},
    },
    "x-amazon-apigateway-request-validator": "parameters",
}
ASKS: list[dict[str, Any]] = [
    {"in": "query", "name": "q", "required": True},
    {"in": "header", "name": "X-H", "required": False},
    {"in": "path", "name": "id", "required": True},
]


@pytest.mark.parametrize(
    ("document", "operation", "referred"),
    [
        pytest.param(
            {"swagger": "2.0", "definitions": {"Thing": MODEL}},
            {"parameters": [*ASKS, {"in": "body", "name": "Thing", "schema": {"$ref": "#/definitions/Thing"}}]},
            "#/definitions/Thing",
            id="Swagger",
        ),
        pytest.param(
            {"openapi": "3.0.1", "components": {"schemas": {"Thing": MODEL}}},
            {
                "parameters": ASKS,
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
            },
            "#/components/schemas/Thing",
            id="OpenAPI",
        ),
    ],
)
def test_a_document_validates_requests(document: dict[str, Any], operation: dict[str, Any], referred: str) -> None:
    written = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": FUNCTION_URI}, **operation}
    paths = {"/{id}": {"post": {**written, "x-amazon-apigateway-request-validator": "all"}, "get": written}}

    found = one(Rest=resource("ApiGateway::RestApi", Body={**document, **VALIDATED, "paths": paths}))

    by_method = {each.method: each.validation for each in found.routes}
    post = by_method["POST"]
    assert post is not None
    assert (
        by_method["GET"]
        == Validation(parameters=post.parameters)
        == Validation(parameters=("querystring.q", "path.id"))
    )
    assert post.models["application/json"]["$ref"] == referred


def test_a_model_that_is_none_validates_nothing_and_is_told() -> None:
    topology, warnings = read(
        {
            **base(),
            **rest(
                Validator=resource("ApiGateway::RequestValidator", RestApiId=ref("Rest"), ValidateRequestBody=True),
                Model=resource("ApiGateway::Model", RestApiId=ref("Rest"), Name="M", Schema={"type": "thing"}),
                Put=method(
                    "PUT",
                    ref("Items"),
                    RequestValidatorId=ref("Validator"),
                    RequestModels={"application/json": ref("Model")},
                ),
            ),
        }
    )

    assert topology.http_apis[0].routes[0].validation is None
    assert any(each.startswith("Put: bodies are not validated: ") for each in warnings)


def test_gateway_responses_of_resources_and_of_a_document() -> None:
    parameters = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
    written = {"responseParameters": parameters, "responseTemplates": {"application/json": "{}"}}
    body = {"paths": {}, "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": written}}
    response = resource(
        "ApiGateway::GatewayResponse", RestApiId=ref("Rest"), ResponseType="UNAUTHORIZED", StatusCode="403"
    )

    found = one(Rest=resource("ApiGateway::RestApi", Body=body), Closed=response)

    assert found.gateway_responses == {
        "DEFAULT_4XX": GatewayResponse(
            headers={"Access-Control-Allow-Origin": "'*'"}, templates={"application/json": "{}"}
        ),
        "UNAUTHORIZED": GatewayResponse(status=403),
    }


def test_throttles_of_routes_and_methods() -> None:
    of_all = {"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 20}
    own = {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": "2"}
    stage = resource(
        "ApiGatewayV2::Stage",
        ApiId=ref("Web"),
        StageName="$default",
        DefaultRouteSettings=of_all,
        RouteSettings={"GET /a": own},
    )
    settings = [{"HttpMethod": "*", "ResourcePath": "/*", **of_all}, {"HttpMethod": "GET", "ResourcePath": "/", **own}]
    methods = [*settings, {"HttpMethod": "*", "ResourcePath": "/~1items~1{proxy+}", **own}]

    web = one(Web=http_api(), Stage=stage, WebIntegration=integration(), A=route("GET /a"), B=route("GET /b")).routes
    live = rest(
        Root=method("GET", att("Rest", "RootResourceId")),
        Any=method("ANY", ref("Item")),
        Get=method("GET", ref("Items")),
    )
    live["RestStage"]["Properties"]["MethodSettings"] = methods

    few, many = Throttle(rate=1.0, burst=2), Throttle(rate=10.0, burst=20)
    assert [each.throttle for each in web] == [few, many]
    assert {each.key: each.throttle for each in one(**live).routes} == {
        "GET /": few,
        "ANY /items/{proxy+}": few,
        "GET /items": many,
    }


@pytest.mark.parametrize(
    ("scheme", "is_keyed"),
    [
        ({"type": "apiKey", "name": "x-api-key", "in": "header"}, True),
        ({"type": "apiKey", "name": "X-API-Key", "in": "header"}, True),
        ({"type": "apiKey", "name": "X-Other", "in": "header"}, False),
        ({"type": "apiKey", "name": "x-api-key", "in": "header", "x-amazon-apigateway-authtype": "custom"}, False),
    ],
)
def test_a_document_asks_for_api_keys_by_a_scheme_of_any_name(scheme: dict[str, str], is_keyed: bool) -> None:
    operation = {
        "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": FUNCTION_URI},
        "security": [{"OfShops": []}],
    }
    body = {"components": {"securitySchemes": {"OfShops": scheme}}, "paths": {"/": {"get": operation}}}
    rest_api = resource("ApiGateway::RestApi", Name="rest", Body=body)

    assert [each.api_key_required for each in one(Rest=rest_api).routes] == [is_keyed]
    assert [each.api_key_required for each in one(Web=http_api(Body=body)).routes] == [False]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, False),
        ({"ApiKeySourceType": "HEADER"}, False),
        ({"ApiKeySourceType": "AUTHORIZER"}, True),
        ({"Body": {"paths": {}, "x-amazon-apigateway-api-key-source": "AUTHORIZER"}}, True),
    ],
)
def test_an_api_says_where_its_keys_come_from(properties: dict[str, Any], expected: bool) -> None:
    assert one(Rest=resource("ApiGateway::RestApi", Name="rest", **properties)).keys_from_authorizers is expected


def test_a_key_that_is_not_enabled_opens_nothing() -> None:
    topology, warnings = read(
        {
            **base(),
            **rest(
                Key=resource("ApiGateway::ApiKey", Value="a-key-of-at-least-20-characters"),
                Plan=resource("ApiGateway::UsagePlan", ApiStages=[{"ApiId": ref("Rest"), "Stage": "live"}]),
                PlanKey=resource("ApiGateway::UsagePlanKey", KeyId=ref("Key"), UsagePlanId=ref("Plan")),
            ),
        }
    )

    assert topology.http_apis[0].api_keys == ()
    assert "Key: an API key that is not Enabled opens nothing" in warnings


def test_a_usage_plan() -> None:
    found = one(
        **rest(
            Get=method("GET", ref("Items"), ApiKeyRequired=True),
            Key=resource("ApiGateway::ApiKey", Value="a-key-of-at-least-20-characters", Enabled=True),
            Plan=resource(
                "ApiGateway::UsagePlan",
                ApiStages=[{"ApiId": ref("Rest"), "Stage": "live"}],
                Quota={"Limit": 3, "Period": "WEEK"},
                Throttle={"RateLimit": 5, "BurstLimit": 6},
            ),
            PlanKey=resource("ApiGateway::UsagePlanKey", KeyId=ref("Key"), KeyType="API_KEY", UsagePlanId=ref("Plan")),
        )
    )

    key = "a-key-of-at-least-20-characters"
    assert found.api_keys == (key,)
    [plan] = found.usage_plans
    assert len(plan.name) == 10
    assert replace(plan, name="") == UsagePlan(
        keys=(key,), throttle=Throttle(rate=5.0, burst=6), quota=3, period="WEEK"
    )


@pytest.mark.parametrize(
    ("header", "is_free"),
    [("Authorization", False), ("x-amzn-trace", False), ("Access-Control-Allow-Origin", False), ("x-via", True)],
)
@pytest.mark.parametrize("where", ["request", "answer", "document"])
def test_what_is_api_gateways_no_parameter_changes(where: str, header: str, is_free: bool) -> None:
    name = f"overwrite:header.{header}"
    uri = {"IntegrationUri": "https://example.com/", "IntegrationMethod": "GET"}
    passes = {"type": "http_proxy", "httpMethod": "GET", "uri": "https://example.com/", "payloadFormatVersion": "1.0"}
    document = {
        "openapi": "3.0.1",
        "paths": {"/a": {"get": {"x-amazon-apigateway-integration": {**passes, "requestParameters": {name: "1"}}}}},
    }
    listed = {"200": {"ResponseParameters": [{"Destination": name, "Source": "1"}]}}
    changes = {"RequestParameters": {name: "1"}} if where == "request" else {"ResponseParameters": listed}
    made = {"WebIntegration": integration(IntegrationType="HTTP_PROXY", **uri, **changes), "A": route("GET /a")}
    resources = {"Web": http_api(Body=document)} if where == "document" else {"Web": http_api(), **made}

    if is_free:
        assert len(one(**resources).routes) == 1
    else:
        with pytest.raises(TemplateError, match=f"{name}: API Gateway lets no parameter change the header {header}"):
            one(**resources)


def test_an_http_apis_integration_changes_answers() -> None:
    listed = {"200": {"ResponseParameters": [{"Destination": "append:header.x", "Source": "$context.requestId"}]}}
    written = {"type": "http_proxy", "httpMethod": "GET", "uri": "https://example.com/", "payloadFormatVersion": "1.0"}
    parameters = {"200": {"append:header.x": "$context.requestId"}}
    document = {
        "openapi": "3.0.1",
        "paths": {"/a": {"get": {"x-amazon-apigateway-integration": {**written, "responseParameters": parameters}}}},
    }

    of_resources = one(Web=http_api(), WebIntegration=integration(ResponseParameters=listed), A=route("GET /a")).routes
    of_document = one(Web=http_api(Body=document)).routes

    assert [each.answer_parameters for each in (*of_resources, *of_document)] == [parameters] * 2
