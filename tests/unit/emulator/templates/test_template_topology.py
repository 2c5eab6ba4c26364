"""Resources become a topology: each property that matters, and each mistake."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from template_parts import FUNCTION_URI, PLACE, att, base, locate, read, ref, resource, route

from emulator.gateway.rules.domains import Domain
from emulator.templates.errors import TemplateError
from emulator.templates.source import load
from emulator.templates.stack import Surroundings, resolve
from emulator.templates.topology import Wanted, describe
from streamer.topology import (
    Api,
    AsyncInvocation,
    Authorizer,
    EventSourceMapping,
    Function,
    Index,
    Key,
    Queue,
    QueueMapping,
    Route,
    Schedule,
    StreamView,
    Table,
    Throttle,
    Topology,
)
from streamer.topology.integrations import Integration, IntegrationResponse


def topology(**more: Any) -> Topology:
    return read({**base(), **more})[0]


def table(**properties: Any) -> dict[str, Any]:
    own = {
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        **properties,
    }
    return resource("DynamoDB::Table", **{name: value for name, value in own.items() if value is not None})


def answer(**variables: str) -> dict[str, Any]:
    environment = {"Variables": variables}
    return resource(
        "Lambda::Function", FunctionName="answer", Handler="a.b", Runtime="python3.12", Environment=environment
    )


def mapping(**properties: Any) -> dict[str, Any]:
    own = {"ApiId": ref("Api"), "DomainName": ref("Name"), "Stage": ref("Stage"), **properties}
    return resource("ApiGatewayV2::ApiMapping", **own)


@pytest.mark.parametrize(
    ("properties", "domains"),
    [
        pytest.param({}, [Domain(name="ws.example.com")], id="no path"),
        pytest.param({"ApiMappingKey": "chat"}, [Domain(name="ws.example.com", base_path="chat")], id="a path"),
        pytest.param({"ApiMappingKey": "chat/v1"}, [Domain(name="ws.example.com", base_path="chat/v1")], id="levels"),
        pytest.param({"Stage": "other"}, [], id="of a stage that is not emulated"),
        pytest.param({"ApiId": "other"}, [], id="of another API"),
    ],
)
def test_a_mapping_leads_from_a_domain_to_the_stage(properties: dict[str, str], domains: list[Domain]) -> None:
    name = resource("ApiGatewayV2::DomainName", DomainName="ws.Example.com")
    source = load(json.dumps({"Resources": {**base(), "Name": name, "Mapping": mapping(**properties)}}), "t.json")
    described = describe([resolve(source, Surroundings(place=PLACE))], locate, Wanted())

    assert list(described.domains.get("chat", ())) == domains
    assert bool(described.warnings) is not bool(domains)


def test_an_api_with_a_route_and_its_function() -> None:
    found = topology()

    assert found.functions == (Function(name="answer", handler="app.handler", code_root="/code"),)
    assert found.api == Api(
        name="chat",
        stage="prod",
        routes=(Route(route_key="$connect", function="answer"),),
        api_id=found.api.api_id,
    )
    assert found.api.api_id is not None
    assert len(found.api.api_id) == 10


@pytest.mark.parametrize(
    ("settings", "plan", "said"),
    [
        pytest.param({"ThrottlingRateLimit": 0}, {}, ["Stage: a throttle with only a rate or only"], id="a rate"),
        pytest.param({"ThrottlingBurstLimit": 1}, {}, ["Stage: a throttle with only a rate or only"], id="a burst"),
        pytest.param({}, {"Quota": {"Limit": 2}}, ["Api: of usage plans"], id="a quota"),
        pytest.param({}, {"Throttle": {"RateLimit": 1, "BurstLimit": 2}}, ["Api: of usage plans"], id="a throttle"),
        pytest.param({"DetailedMetricsEnabled": True}, {}, [], id="none"),
    ],
)
def test_throttles_that_are_not_emulated_are_told(
    settings: dict[str, Any], plan: dict[str, Any], said: list[str]
) -> None:
    stage = {**base()["Stage"]["Properties"], "DefaultRouteSettings": settings}
    of_stage = [{"ApiId": ref("Api"), "Stage": stage["StageName"]}]
    _, lines = read(
        {
            **base(),
            "Stage": resource("ApiGatewayV2::Stage", **stage),
            "Plan": resource("ApiGateway::UsagePlan", ApiStages=of_stage, **plan),
        }
    )

    assert [line[: len(start)] for line, start in zip(lines, said, strict=True)] == said


@pytest.mark.parametrize(
    ("written", "is_refused"),
    [
        ("$context.routeKey $context.status", True),
        ("$context.requestIdentity", True),
        ("$context.routeKey $context.requestId", False),
        ('{"id":"$context.extendedRequestId"}', False),
        ("placeholder", False),
        (None, False),
    ],
)
def test_an_access_log_without_the_requests_id_is_told_to_be_refused(written: str | None, is_refused: bool) -> None:
    logs = {"DestinationArn": "arn:aws:logs:us-east-1:1:log-group:g", **({"Format": written} if written else {})}
    stage = resource("ApiGatewayV2::Stage", **base()["Stage"]["Properties"], AccessLogSettings=logs)
    _, lines = read({**base(), "Stage": stage})

    assert [line.partition(": its")[0] for line in lines] == ["Stage: API Gateway refuses it"] * is_refused


def test_everything_that_an_api_can_have() -> None:
    found = topology(
        Api=resource(
            "ApiGatewayV2::Api",
            Name="chat",
            ProtocolType="WEBSOCKET",
            RouteSelectionExpression="$request.body.op",
            ApiKeySelectionExpression="$context.authorizer.usageIdentifierKey",
        ),
        Stage=resource(
            "ApiGatewayV2::Stage",
            ApiId=ref("Api"),
            StageName="prod",
            StageVariables={"fn": "answer"},
            DefaultRouteSettings={"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 20},
            RouteSettings={"send": {"ThrottlingRateLimit": "1.5", "ThrottlingBurstLimit": 2}},
        ),
        Integration=resource(
            "ApiGatewayV2::Integration",
            ApiId=ref("Api"),
            IntegrationType="AWS_PROXY",
            TimeoutInMillis=5000,
            IntegrationUri="arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
            "arn:aws:lambda:us-east-1:123456789012:function:${stageVariables.fn}/invocations",
        ),
        Connect=route(
            "$connect",
            AuthorizationType="CUSTOM",
            AuthorizerId=ref("Auth"),
            ApiKeyRequired="true",
            RequestParameters={
                "route.request.querystring.room": {"Required": True},
                "route.request.header.x": {"Required": False},
            },
        ),
        Send=route(
            "send",
            RouteResponseSelectionExpression="$default",
            ModelSelectionExpression="$request.body.kind",
            RequestModels={"small": ref("Model"), "$default": "any"},
        ),
        Answered=resource(
            "ApiGatewayV2::RouteResponse", ApiId=ref("Api"), RouteId=ref("Send"), RouteResponseKey="$default"
        ),
        Model=resource("ApiGatewayV2::Model", ApiId=ref("Api"), Name="m", Schema={"type": "object"}),
        Any=resource("ApiGatewayV2::Model", ApiId=ref("Api"), Name="any", Schema='{"type": "array"}'),
        Auth=resource(
            "ApiGatewayV2::Authorizer",
            ApiId=ref("Api"),
            Name="a",
            AuthorizerType="REQUEST",
            AuthorizerUri=FUNCTION_URI,
            IdentitySource=["route.request.header.Auth"],
        ),
        Plan=resource("ApiGateway::UsagePlan", ApiStages=[{"ApiId": ref("Api"), "Stage": ref("Stage")}]),
        Key=resource("ApiGateway::ApiKey", Enabled=True, Value="k" * 20),
        OfPlan=resource("ApiGateway::UsagePlanKey", KeyId=ref("Key"), KeyType="API_KEY", UsagePlanId=ref("Plan")),
    )

    assert dataclasses.replace(found.api, api_id=None) == Api(
        name="chat",
        stage="prod",
        stage_variables={"fn": "answer"},
        route_selection_expression="$request.body.op",
        api_key_selection_expression="$context.authorizer.usageIdentifierKey",
        api_keys=("k" * 20,),
        throttle=Throttle(rate=10, burst=20),
        authorizers=(Authorizer(name="Auth", function="answer", identity_sources=("route.request.header.Auth",)),),
        routes=(
            Route(
                route_key="$connect",
                function="answer",
                authorizer="Auth",
                api_key_required=True,
                required_parameters=("route.request.querystring.room",),
                integration_timeout_seconds=5.0,
            ),
            Route(
                route_key="send",
                function="answer",
                route_response=True,
                model={"type": "array"},
                model_selection="$request.body.kind",
                models={"small": {"type": "object"}},
                throttle=Throttle(rate=1.5, burst=2),
                integration_timeout_seconds=5.0,
            ),
        ),
    )


@pytest.mark.parametrize(("runtime", "is_told"), [("python3.12", True), ("provided.al2023", False)])
def test_a_wrapper_that_would_start_the_runtime_is_told_of(runtime: str, is_told: bool) -> None:
    """[DOC] lambda-docs:runtimes-modify; runtimes of the family provided have none"""
    resources = base()
    variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument"}}
    resources["Answer"]["Properties"] |= {"Runtime": runtime, "Environment": variables}

    _, warnings = read(resources)

    told = "Answer: its runtime is started without /opt/otel-instrument (AWS_LAMBDA_EXEC_WRAPPER)"
    assert (told in warnings) is is_told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CapacityProviderConfig", {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "arn:x"}}),
        ("DurableConfig", {"ExecutionTimeout": 60}),
        ("FileSystemConfigs", [{"Arn": "arn:x", "LocalMountPath": "/mnt/x"}]),
        ("TenancyConfig", {"TenantIsolationMode": "PER_TENANT"}),
    ],
)
def test_what_a_function_does_without_here_is_told(name: str, value: object) -> None:
    resources = base()
    resources["Answer"]["Properties"] |= {name: value}

    _, warnings = read(resources)

    assert [each for each in warnings if each.startswith(f"Answer: {name}: ")] == list(warnings)


@pytest.mark.parametrize(
    ("name", "value", "missing"),
    [
        ("KinesisStreamSpecification", {"StreamArn": "arn:x"}, "its changes are not sent to a stream of Kinesis here"),
        (
            "ImportSourceSpecification",
            {"InputFormat": "CSV", "S3BucketSource": {"S3Bucket": "b"}},
            "nothing is imported from S3 here: the table is empty",
        ),
    ],
)
def test_what_a_table_does_without_here_is_told(name: str, value: object, missing: str) -> None:
    key = {"KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    attributes = [{"AttributeName": "a", "AttributeType": "S"}]
    given: Any = {**key, "AttributeDefinitions": attributes, name: value}

    _, warnings = read({**base(), "Jobs": resource("DynamoDB::Table", **given)})

    assert list(warnings) == [f"Jobs: {name}: {missing}"]


def test_a_route_without_an_integration_is_told_of_and_left_out() -> None:
    found, warnings = read({**base(), "More": resource("ApiGatewayV2::Route", ApiId=ref("Api"), RouteKey="x")})

    assert [each.route_key for each in found.api.routes] == ["$connect"]
    assert warnings == ("More: it has no Target, no integration, so no message takes it",)


def test_a_key_counts_for_the_stage_of_its_plan() -> None:
    def keys(stage: str) -> tuple[str, ...]:
        plan = resource("ApiGateway::UsagePlan", ApiStages=[{"ApiId": ref("Api"), "Stage": stage}])
        key = resource("ApiGateway::ApiKey", Enabled=True, Value="k" * 20)
        of_plan = resource("ApiGateway::UsagePlanKey", KeyId=ref("Key"), KeyType="API_KEY", UsagePlanId=ref("Plan"))
        return read({**base(), "Plan": plan, "Key": key, "OfPlan": of_plan})[0].api.api_keys

    assert keys("prod") == ("k" * 20,)
    assert keys("beta") == ()


def test_a_conversion_of_bodies_is_told_since_there_is_none() -> None:
    integration = base()["Integration"]["Properties"]
    converting = resource("ApiGatewayV2::Integration", **integration, ContentHandlingStrategy="CONVERT_TO_BINARY")
    response = resource(
        "ApiGatewayV2::IntegrationResponse",
        ApiId=ref("Api"),
        IntegrationId=ref("Integration"),
        IntegrationResponseKey="$default",
        ContentHandlingStrategy="CONVERT_TO_TEXT",
    )

    _, warnings = read({**base(), "Integration": converting, "Response": response})

    said = "its ContentHandlingStrategy is not emulated: bodies stay as they are"
    assert warnings == (f"Integration, Response: {said}",)


@pytest.mark.parametrize(
    ("stage", "deployment", "is_told"),
    [
        pytest.param({"AutoDeploy": True}, None, False, id="it deploys itself"),
        pytest.param({"AutoDeploy": "true"}, None, False, id="in words"),
        pytest.param({"DeploymentId": ref("Made")}, {}, False, id="it has a deployment"),
        pytest.param({}, {"StageName": "prod"}, False, id="a deployment has it"),
        pytest.param({"AutoDeploy": False}, {}, True, id="a deployment of no stage"),
        pytest.param({}, {"StageName": "beta"}, True, id="a deployment of another stage"),
        pytest.param({}, None, True, id="nothing"),
    ],
)
def test_a_stage_that_nothing_deploys_is_told(
    stage: dict[str, Any], deployment: dict[str, Any] | None, is_told: bool
) -> None:
    own = resource("ApiGatewayV2::Stage", ApiId=ref("Api"), StageName="prod", **stage)
    made = resource("ApiGatewayV2::Deployment", ApiId=ref("Api"), **(deployment or {}))
    made["DependsOn"] = "Connect"

    _, warnings = read({**base(), "Stage": own, **({} if deployment is None else {"Made": made})})

    said = "Stage: on AWS it is Forbidden to everyone: it has neither AutoDeploy nor a deployment"
    assert warnings == ((said,) if is_told else ())


@pytest.mark.parametrize(
    ("waits", "is_told"),
    [
        pytest.param(None, True, id="for nothing"),
        pytest.param("Stage", True, id="for something else"),
        pytest.param(["Stage", "Connect"], False, id="for a route"),
        pytest.param("Answer", False, id="for what waits for a route"),
    ],
)
def test_a_deployment_that_may_come_before_its_routes_is_told(waits: Any, is_told: bool) -> None:
    made = resource("ApiGatewayV2::Deployment", ApiId=ref("Api")) | ({} if waits is None else {"DependsOn": waits})
    with_circle = {"Log": resource("Logs::LogGroup") | {"DependsOn": "Connect"}}
    waiting = base()["Answer"] | {"DependsOn": "Log"}
    integration = resource("ApiGatewayV2::Integration", ApiId=ref("Api"), IntegrationType="MOCK")
    resources = {**base(), **with_circle, "Integration": integration, "Answer": waiting, "Made": made}

    _, warnings = read(resources)

    said = 'Made: CloudFormation may refuse it, "At least one route is required before deploying the Api"'
    assert any(line.startswith(said) for line in warnings) is is_told


def test_an_authorizer_that_its_route_does_not_ask_is_told() -> None:
    _, warnings = read({**base(), "Connect": route("$connect", AuthorizerId="abc")})

    assert "Connect: its authorizer is not asked, since its AuthorizationType is NONE, not CUSTOM" in warnings


def test_functions_that_lambda_would_refuse_are_told() -> None:
    function = resource("Lambda::Function", Runtime="python312")
    new = resource("Lambda::Function", Runtime="java8.al2023", Handler="a.B", Code={"ZipFile": ""})

    _, warnings = read({**base(), "Answer": function, "New": new})

    assert warnings == (
        "Answer: Lambda refuses it: code in an archive needs a Handler",
        "Answer: Lambda refuses it: there is no runtime python312",
    )


@pytest.mark.parametrize(
    ("function", "told"),
    [
        pytest.param(answer(BIG="x" * 4084), (), id="variables of 4 KB"),
        pytest.param(
            answer(BIG="x" * 4087),
            ("Answer: Lambda refuses it: its variables are of 4097 bytes, more than 4096",),
            id="more",
        ),
        pytest.param(
            {**answer(), "Properties": {**answer()["Properties"], "Runtime": "python3.7"}},
            ("Answer: Lambda refuses it: no function is made with python3.7 any more",),
            id="a runtime of the past",
        ),
        pytest.param(
            {**answer(), "Properties": {**answer()["Properties"], "Runtime": "python3.15"}}, (), id="one of the future"
        ),
    ],
)
def test_what_lambda_takes_of_a_function_is_known(function: dict[str, Any], told: tuple[str, ...]) -> None:
    assert read({**base(), "Answer": function})[1] == told


def permission(source: Any = None, **properties: Any) -> dict[str, Any]:
    own = {"FunctionName": ref("Answer"), "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    arn = {} if source is None else {"SourceArn": {"Fn::Sub": source}}
    return resource("Lambda::Permission", **{**own, **arn, **properties})


EXECUTE = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"


@pytest.mark.parametrize(
    ("given", "is_told"),
    [
        pytest.param([], False, id="none at all, so they are given elsewhere"),
        pytest.param([permission()], False, id="one for any API"),
        pytest.param([permission(FunctionName=att("Answer"))], False, id="by the function's ARN"),
        pytest.param([permission(f"{EXECUTE}:${{Api}}/*")], False, id="one for the API"),
        pytest.param([permission(f"{EXECUTE}:${{Api}}/${{Stage}}/$connect")], False, id="one for the route"),
        pytest.param([permission(f"{EXECUTE}:${{Api}}/*$connect")], False, id="one of CDK's"),
        pytest.param([permission(f"{EXECUTE}:${{Api}}/*/$default")], True, id="one for another route"),
        pytest.param([permission(f"{EXECUTE}:other/*")], True, id="one for another API"),
        pytest.param([permission(FunctionName="other")], True, id="one for another function"),
        pytest.param([permission(Principal="events.amazonaws.com")], False, id="one for another service"),
        pytest.param([permission(FunctionName="other"), permission()], False, id="several"),
    ],
)
def test_a_function_that_the_api_may_not_invoke_on_aws_is_told(given: list[dict[str, Any]], is_told: bool) -> None:
    _, warnings = read({**base(), **{f"Permission{number}": each for number, each in enumerate(given)}})

    assert len(warnings) == is_told
    for each in warnings:
        assert each.startswith(
            'Integration: clients are told "Internal server error" on AWS, since no AWS::Lambda::Perm'
        )
        assert each.endswith("/$connect")


@pytest.mark.parametrize(
    ("source", "is_told"),
    [
        pytest.param("${Api}/authorizers/${Auth}", False, id="for the authorizer"),
        pytest.param("${Api}/*", False, id="for the API"),
        pytest.param("${Api}/*/$connect", True, id="for a route"),
    ],
)
def test_an_authorizer_that_the_api_may_not_invoke_on_aws_is_told(source: str, is_told: bool) -> None:
    uri = {"AuthorizerUri": FUNCTION_URI, "AuthorizerType": "REQUEST", "Name": "door"}
    authorizer = resource("ApiGatewayV2::Authorizer", ApiId=ref("Api"), **uri)
    parts = {"Auth": authorizer, "Its": permission(f"{EXECUTE}:{source}")}

    _, warnings = read({**base(), **parts, "OfRoutes": permission(f"{EXECUTE}:${{Api}}/*/$connect")})

    assert any(each.startswith("Auth: clients are told") for each in warnings) is is_told


def test_an_integration_with_credentials_needs_no_permission() -> None:
    integration = base()["Integration"]["Properties"]
    own = resource("ApiGatewayV2::Integration", **integration, CredentialsArn="arn:aws:iam::123456789012:role/caller")

    assert read({**base(), "Integration": own, "Permission": permission(FunctionName="other")})[1] == ()


def test_models_validate_where_an_expression_selects_one() -> None:
    model = resource("ApiGatewayV2::Model", ApiId=ref("Api"), Name="m", Schema={"type": "object"})
    send = route("send", RequestModels={"$default": "m"})
    selecting = route("send", RequestModels={"$default": "m"}, ModelSelectionExpression="$default")

    found, warnings = read({**base(), "Send": send, "Model": model})
    assert [each.model for each in found.api.routes if each.route_key == "send"] == [None]
    assert warnings == ("Send: its models validate nothing: it has no ModelSelectionExpression",)
    found, warnings = read({**base(), "Send": selecting, "Model": model})
    assert [each.model for each in found.api.routes if each.route_key == "send"] == [{"type": "object"}]
    assert warnings == ()


def test_everything_that_a_function_can_have() -> None:
    found = topology(
        Answer=resource(
            "Lambda::Function",
            FunctionName="answer",
            Handler="app.handler",
            Runtime="python3.12",
            Timeout="30",
            MemorySize=512,
            ReservedConcurrentExecutions=2,
            Environment={"Variables": {"NUMBER": 1, "ON": True, "URL": att("Api", "ApiEndpoint")}},
        ),
        Version=resource("Lambda::Version", FunctionName=ref("Answer")),
        Live=resource("Lambda::Alias", FunctionName=ref("Answer"), FunctionVersion="1", Name="live"),
        Retries=resource(
            "Lambda::EventInvokeConfig",
            FunctionName=ref("Answer"),
            Qualifier="$LATEST",
            MaximumRetryAttempts=0,
            MaximumEventAgeInSeconds=60,
            DestinationConfig={"OnFailure": {"Destination": att("Failed")}},
        ),
        Failed=resource("SQS::Queue", QueueName="failed"),
    )

    assert found.functions == (
        Function(
            name="answer",
            handler="app.handler",
            code_root="/code",
            timeout_seconds=30,
            memory_mb=512,
            reserved_concurrency=2,
            environment={
                "NUMBER": "1",
                "ON": "true",
                "URL": f"wss://{found.api.api_id}.execute-api.us-east-1.amazonaws.com",
            },
            qualifiers={"1": "1", "live": "1"},
        ),
    )
    assert found.async_invocations == (
        AsyncInvocation(function="answer", maximum_retry_attempts=0, maximum_event_age_seconds=60, on_failure="failed"),
    )


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        pytest.param({"LogFormat": "Text"}, {}, id="text"),
        pytest.param(
            {"LogFormat": "JSON"}, {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}, id="JSON"
        ),
        pytest.param(
            {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "WARN"},
            {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"},
            id="a level",
        ),
    ],
)
def test_a_function_is_told_how_to_log(config: dict[str, str], variables: dict[str, str]) -> None:
    answer = resource(
        "Lambda::Function", FunctionName="answer", Handler="a.b", Runtime="python3.12", LoggingConfig=config
    )

    assert topology(Answer=answer).functions[0].environment == variables


def test_who_is_told_of_asynchronous_invocations() -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:given-up"
    bus = "arn:aws:events:us-east-1:123456789012:event-bus/default"

    found = topology(
        Answer=resource(
            "Lambda::Function",
            FunctionName="answer",
            Handler="a.b",
            Runtime="python3.12",
            DeadLetterConfig={"TargetArn": att("Failed")},
        ),
        Other=resource(
            "Lambda::Function",
            FunctionName="other",
            Handler="a.b",
            Runtime="python3.12",
            DeadLetterConfig={"TargetArn": topic},
        ),
        Told=resource(
            "Lambda::EventInvokeConfig",
            FunctionName=ref("Answer"),
            DestinationConfig={
                "OnSuccess": {"Destination": bus},
                "OnFailure": {"Destination": att("Other")},
            },
        ),
        Failed=resource("SQS::Queue", QueueName="failed"),
    )

    assert found.async_invocations == (
        AsyncInvocation(
            function="answer",
            on_success=bus,
            on_failure="arn:aws:lambda:us-east-1:123456789012:function:other",
            dead_letters="failed",
        ),
        AsyncInvocation(function="other", dead_letters=topic),
    )


def test_an_alias_has_retries_of_its_own() -> None:
    found = topology(
        Live=resource("Lambda::Alias", FunctionName=ref("Answer"), FunctionVersion="$LATEST", Name="live"),
        Of=resource("Lambda::EventInvokeConfig", FunctionName=ref("Answer"), Qualifier="live", MaximumRetryAttempts=1),
    )

    assert found.async_invocations == (AsyncInvocation(function="answer:live", maximum_retry_attempts=1),)


@pytest.mark.parametrize("reader", ["async", "stream"])
def test_a_topic_is_told_even_where_a_queue_has_its_name(reader: str) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:failed"
    told = {"OnFailure": {"Destination": topic}}
    of_events = resource("Lambda::EventInvokeConfig", FunctionName=ref("Answer"), DestinationConfig=told)
    of_stream = resource(
        "Lambda::EventSourceMapping",
        FunctionName=ref("Answer"),
        EventSourceArn="arn:aws:kinesis:us-east-1:123456789012:stream/s",
        StartingPosition="LATEST",
        DestinationConfig=told,
    )
    found, warnings = read(
        {
            **base(),
            "Told": of_events if reader == "async" else of_stream,
            "Q": resource("SQS::Queue", QueueName="failed"),
        }
    )

    targets = [each.on_failure for each in found.async_invocations] + [
        each.on_failure for each in found.kinesis_mappings
    ]
    assert targets == [topic]
    assert not any("destination" in each for each in warnings)


def test_a_destination_that_is_not_reached_is_told() -> None:
    told = {"OnSuccess": {"Destination": "arn:aws:s3:::records"}}
    config = resource("Lambda::EventInvokeConfig", FunctionName=ref("Answer"), DestinationConfig=told)

    found, warnings = read({**base(), "Told": config})

    assert found.async_invocations == (AsyncInvocation(function="answer"),)
    assert any("arn:aws:s3:::records is not reached here" in warning for warning in warnings)


FUNCTIONS = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param(f"{FUNCTIONS}${{Live}}/invocations", id="its ARN"),
        pytest.param(f"{FUNCTIONS}${{Answer.Arn}}:${{!stageVariables.alias}}/invocations", id="a stage variable"),
    ],
)
def test_an_integration_with_an_alias_runs_its_function_as_that(uri: str) -> None:
    found = topology(
        Live=resource("Lambda::Alias", FunctionName=ref("Answer"), FunctionVersion="$LATEST", Name="live"),
        Integration=resource(
            "ApiGatewayV2::Integration", ApiId=ref("Api"), IntegrationType="AWS_PROXY", IntegrationUri={"Fn::Sub": uri}
        ),
        Stage=resource(
            "ApiGatewayV2::Stage", ApiId=ref("Api"), StageName="dev", AutoDeploy=True, StageVariables={"alias": "live"}
        ),
    )

    assert found.api.routes == (Route(route_key="$connect", function="answer:live"),)


@pytest.mark.parametrize(("qualifier", "count"), [("live", 0), ("$LATEST", 0), ("beta", 1), ("7", 1)])
def test_a_version_or_alias_that_no_template_makes_is_told(qualifier: str, count: int) -> None:
    uri = {"Fn::Sub": f"{FUNCTIONS}${{Answer.Arn}}:{qualifier}/invocations"}
    resources = {
        "Live": resource("Lambda::Alias", FunctionName=ref("Answer"), FunctionVersion="$LATEST", Name="live"),
        "Integration": resource(
            "ApiGatewayV2::Integration", ApiId=ref("Api"), IntegrationType="AWS_PROXY", IntegrationUri=uri
        ),
        "Reads": resource(
            "Lambda::EventSourceMapping",
            FunctionName={"Fn::Sub": f"${{Answer}}:{qualifier}"},
            EventSourceArn="arn:aws:kinesis:us-east-1:123456789012:stream/s",
            StartingPosition="LATEST",
        ),
    }

    _, warnings = read({**base(), **resources})

    assert [each for each in warnings if "no template makes" in each] == count * [
        f"Answer: it is invoked as {qualifier}, a version or alias that no template makes: it runs here, and on AWS "
        "only if there is one all the same"
    ]


def test_tables_in_full() -> None:
    attributes = [{"AttributeName": name, "AttributeType": kind} for name, kind in (("p", "S"), ("s", "N"), ("t", "S"))]
    key = [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}]
    local = [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "t", "KeyType": "RANGE"}]
    found = topology(
        Table=resource(
            "DynamoDB::Table",
            TableName="orders",
            AttributeDefinitions=attributes,
            KeySchema=key,
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-t",
                    "KeySchema": [{"AttributeName": "t", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]},
                }
            ],
            LocalSecondaryIndexes=[{"IndexName": "local", "KeySchema": local, "Projection": {"ProjectionType": "ALL"}}],
            TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True},
            StreamSpecification={"StreamViewType": "NEW_IMAGE"},
        ),
        Source=resource(
            "Lambda::EventSourceMapping",
            FunctionName=ref("Answer"),
            EventSourceArn=att("Table", "StreamArn"),
            StartingPosition="LATEST",
            BatchSize=5,
            MaximumBatchingWindowInSeconds=2,
            ParallelizationFactor=3,
            MaximumRetryAttempts=4,
            MaximumRecordAgeInSeconds=600,
            BisectBatchOnFunctionError=True,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            FilterCriteria={"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
        ),
        Off=resource(
            "Lambda::EventSourceMapping",
            FunctionName=ref("Answer"),
            EventSourceArn=att("Table", "StreamArn"),
            StartingPosition="LATEST",
            Enabled=False,
        ),
    )

    assert found.tables == (
        Table(
            name="orders",
            key=Key(partition="p", sort="s", types={"s": "N"}),
            indexes=(
                Index(name="by-t", key=Key(partition="t"), projection="INCLUDE", include=("note",)),
                Index(name="local", key=Key(partition="p", sort="t"), is_local=True),
            ),
            ttl_attribute="ttl",
            stream=StreamView.NEW_IMAGE,
        ),
    )
    assert found.event_source_mappings == (
        EventSourceMapping(
            function="answer",
            table="orders",
            starting_position="LATEST",
            batch_size=5,
            batching_window_seconds=2,
            parallelization_factor=3,
            maximum_retry_attempts=4,
            maximum_record_age_seconds=600,
            bisect_on_error=True,
            report_batch_item_failures=True,
            filters=({"eventName": ["INSERT"]},),
        ),
    )


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ('{"body": {"a": [{"wildcard": "*"}]}}', "the pattern.body.a: there is no comparison 'wildcard'"),
        ('{"body": []}', "the pattern.body is an empty list"),
        ("{", "the pattern is not JSON"),
    ],
)
def test_a_filter_that_lambda_would_refuse_is_refused_with_its_place(pattern: str, problem: str) -> None:
    source = resource(
        "Lambda::EventSourceMapping",
        FunctionName=ref("Answer"),
        EventSourceArn=att("Jobs"),
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"a": ["b"]}}'}, {"Pattern": pattern}]},
    )

    with pytest.raises(TemplateError) as refused:
        topology(Jobs=resource("SQS::Queue"), Source=source)

    assert "Resources.Source.Properties.FilterCriteria.Filters[1]: " in str(refused.value)
    assert problem in str(refused.value)


def test_queues_and_what_reads_them() -> None:
    found = topology(
        Jobs=resource(
            "SQS::Queue",
            QueueName="jobs.fifo",
            FifoQueue=True,
            ContentBasedDeduplication=True,
            VisibilityTimeout=60,
            DelaySeconds=1,
            ReceiveMessageWaitTimeSeconds=20,
            DeduplicationScope="messageGroup",
            MaximumMessageSize=2048,
            MessageRetentionPeriod=120,
            RedrivePolicy={"deadLetterTargetArn": att("Failed"), "maxReceiveCount": 3},
        ),
        Failed=resource("SQS::Queue", QueueName="failed.fifo", FifoQueue=True),
        Source=resource(
            "Lambda::EventSourceMapping",
            FunctionName=att("Answer"),
            EventSourceArn=att("Jobs"),
            BatchSize=1,
            ScalingConfig={"MaximumConcurrency": 2},
        ),
    )

    assert found.queues == (
        Queue(
            name="jobs.fifo",
            visibility_timeout_seconds=60,
            delay_seconds=1,
            receive_wait_seconds=20,
            retention_seconds=120,
            maximum_message_bytes=2048,
            deduplicates_by_content=True,
            deduplicates_by_group=True,
            dead_letter_queue="failed.fifo",
            maximum_receives=3,
        ),
        Queue(name="failed.fifo", retention_seconds=4 * 24 * 3600),
    )
    assert found.queue_mappings == (
        QueueMapping(function="answer", queue="jobs.fifo", batch_size=1, maximum_concurrency=2),
    )


def test_schedules() -> None:
    target = {"Id": "x", "Arn": att("Answer")}
    found = topology(
        Hourly=resource("Events::Rule", Name="hourly", ScheduleExpression="rate(2 hours)", Targets=[target]),
        Noon=resource(
            "Events::Rule",
            Name="noon",
            ScheduleExpression="cron(0 12 * * ? *)",
            Targets=[{**target, "Input": '{"a": 1}'}],
        ),
        Off=resource("Events::Rule", State="DISABLED", ScheduleExpression="rate(1 day)", Targets=[target]),
        Scheduler=resource(
            "Scheduler::Schedule",
            Name="daily",
            ScheduleExpression="cron(0 0 * * ? *)",
            Target={"Arn": att("Answer"), "RoleArn": "r", "Input": "{}"},
        ),
    )

    assert found.schedules == (
        Schedule(name="hourly", function="answer", rate_minutes=120),
        Schedule(name="noon", function="answer", cron="0 12 * * ? *", event={"a": 1}),
        Schedule(name="daily", function="answer", cron="0 0 * * ? *", event={}),
    )


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        pytest.param(
            {
                "Often": resource(
                    "Events::Rule", ScheduleExpression="rate(1 minutes)", Targets=[{"Id": "x", "Arn": att("Answer")}]
                )
            },
            "Often.Properties.ScheduleExpression: 'rate(1 minutes)' is no rate of a rule: 1 minute, 2 minutes",
            id="a rate that EventBridge refuses",
        ),
        pytest.param(
            {
                "Often": resource(
                    "Events::Rule",
                    ScheduleExpression=f"rate({'9' * 5000} days)",
                    Targets=[{"Id": "x", "Arn": att("Answer")}],
                )
            },
            f"Often.Properties.ScheduleExpression: 'rate({'9' * 5000} days)' is no rate of a rule: 1 minute",
            id="a rate longer than an expression may be",
        ),
        pytest.param(
            {"Connect": route("send", AuthorizationType="CUSTOM")},
            "Connect: AWS::ApiGatewayV2::Route needs AuthorizerId",
            id="authorizer",
        ),
        pytest.param(
            {"Connect": route("$connect", AuthorizationType="CUSTOM", AuthorizerId=ref("Integration"))},
            "Connect.Properties.AuthorizerId: 'denb2ma9xp' is no authorizer of this API: Integration is of type AWS::",
            id="an integration as authorizer",
        ),
        pytest.param(
            {"Integration": resource("ApiGatewayV2::Integration", ApiId="Api", IntegrationType="MOCK")},
            "Connect.Properties.Target: 'integrations/denb2ma9xp' is no integration of this API: Integration has the "
            "ApiId 'Api'; did you mean !Ref Api?",
            id="a name instead of a reference",
        ),
        pytest.param(
            {"Integration": resource("ApiGatewayV2::Integration", ApId=ref("Api"), IntegrationType="MOCK")},
            "Connect.Properties.Target: 'integrations/denb2ma9xp' is no integration of this API: Integration has no "
            "ApiId (t.json:1: Resources.Integration.Properties.ApId: AWS::ApiGatewayV2::Integration has no property "
            "'ApId': CloudFormation refuses or ignores it; did you mean ApiId?)",
            id="what is behind it, a typing error elsewhere",
        ),
        pytest.param(
            {"Integration": resource("ApiGatewayV2::Integration", ApiId=ref("Api"), IntegrationType="AWS_PROXY")},
            "Integration.Properties.IntegrationUri: the address of a function is missing",
            id="no uri",
        ),
        pytest.param(
            {"More": route("$connect")}, "Connect.Properties.RouteKey: the route '$connect' exists twice", id="twice"
        ),
        pytest.param(
            {"Api": resource("ApiGatewayV2::Api", Name="chat", ProtocolType="WEBSOCKET")},
            "Api: a WebSocket API needs RouteSelectionExpression",
            id="no selection expression",
        ),
        pytest.param(
            {"More": resource("ApiGatewayV2::Route", ApiId=ref("Api"), RouteKey="x", Target="integrations/y")},
            "More.Properties.Target: 'integrations/y' is no integration",
            id="wrong target",
        ),
        pytest.param(
            {"Unused": resource("ApiGatewayV2::Integration", ApiId=ref("Api"), IntegrationType="LAMBDA")},
            "Unused.Properties.IntegrationType: LAMBDA is none of AWS_PROXY, MOCK",
            id="type of an integration that no route has",
        ),
        pytest.param(
            {
                "Unused": resource(
                    "ApiGatewayV2::Integration", ApiId=ref("Api"), IntegrationType="MOCK", TimeoutInMillis=30_000
                )
            },
            "Unused.Properties.TimeoutInMillis: Timeout should be between 50 ms and 29000 ms",
            id="timeout of an integration that no route has",
        ),
        pytest.param(
            {"Other": resource("ApiGatewayV2::Stage", ApiId=ref("Api"), StageName="a b")},
            "Other.Properties.StageName: 'a b' has other characters",
            id="name of a stage that is not emulated",
        ),
        pytest.param({"More": route("")}, "More.Properties.RouteKey: a route has a key", id="no route key"),
        pytest.param(
            {
                "Integration": resource(
                    "ApiGatewayV2::Integration", ApiId=ref("Api"), IntegrationType="AWS_PROXY", IntegrationUri="arn:x"
                )
            },
            "Integration.Properties.IntegrationUri: 'arn:x' names no function",
            id="uri",
        ),
        pytest.param(
            {"Send": route("send", RequestModels={"$default": "m"})},
            "Send.Properties.RequestModels.$default: the API has no model 'm'",
            id="model",
        ),
        pytest.param(
            {"Connect": route("$connect", AuthorizationType="Custom")},
            "Connect.Properties.AuthorizationType: 'Custom' is none of NONE, AWS_IAM, CUSTOM",
            id="authorization",
        ),
        pytest.param(
            {"Jobs": resource("SQS::Queue", QueueName="jobs", FifoQueue=True)},
            "Jobs.Properties.QueueName: it ends with .fifo, since it is FIFO",
            id="name of a FIFO queue",
        ),
        pytest.param(
            {"Jobs": resource("SQS::Queue", QueueName="my.jobs")},
            "Jobs.Properties.QueueName: Can only include alphanumeric characters, hyphens, or underscores.",
            id="name of a queue",
        ),
        pytest.param(
            {"Jobs": resource("SQS::Queue", QueueName="jobs.fifo")},
            "Jobs.Properties.QueueName: it ends with .fifo only with FifoQueue",
            id="name of a queue",
        ),
        *(
            pytest.param(
                {"Jobs": resource("SQS::Queue", RedrivePolicy=policy)},
                "Jobs.Properties.RedrivePolicy: it has a deadLetterTargetArn and a maxReceiveCount",
                id=f"dead letters {name}",
            )
            for name, policy in (
                ("without a count", {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:lost"}),
                ("without a queue", {"deadLetterTargetARN": "arn:aws:sqs:us-east-1:1:x", "maxReceiveCount": 3}),
            )
        ),
        pytest.param(
            {
                "Jobs": resource("SQS::Queue"),
                "Reading": resource(
                    "Lambda::EventSourceMapping",
                    FunctionName=ref("Answer"),
                    EventSourceArn=att("Jobs"),
                    StartingPosition="LATEST",
                ),
            },
            "Reading.Properties.StartingPosition: StartingPosition is not valid for SQS event sources",
            id="where to begin in a queue",
        ),
        pytest.param(
            {
                "Answer": resource(
                    "Lambda::Function", FunctionName="answer", Handler="a.b", Runtime="python3.12", Timeout="x"
                )
            },
            "Answer.Properties.Timeout: a number is expected, and there is 'x'",
            id="number",
        ),
        pytest.param(
            {"Queue": resource("SQS::Queue", Name="jobs"), "Mine": resource("SNS::Topic", TopicName=att("Queu"))},
            "Mine.Properties.TopicName: there is no resource 'Queu'; there is Queue",
            id="a name that is like another",
        ),
        pytest.param(
            {"Answer": resource("Lambda::Function", FunctionName="answer", Handler="a.b")},
            "Answer: AWS::Lambda::Function needs Runtime",
            id="runtime",
        ),
        pytest.param(
            {"Table": table(ProvisionedThroughput=None)},
            "Table.Properties.ProvisionedThroughput: it is missing; a table has ProvisionedThroughput",
            id="throughput",
        ),
        pytest.param(
            {"Table": table(BillingMode="PAY_PER_REQUEST")},
            "Table.Properties.ProvisionedThroughput: with BillingMode PAY_PER_REQUEST there is none",
            id="throughput on demand",
        ),
        pytest.param(
            {"Table": table(AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("p", "more")])},
            "Table.Properties.AttributeDefinitions: no key has more: only attributes of keys are defined",
            id="an attribute that no key has",
        ),
        pytest.param(
            {"Answer": answer(AWS_REGION="eu-west-1")},
            "Answer.Properties.Environment.Variables.AWS_REGION: Lambda sets it itself",
            id="a variable of Lambda's",
        ),
        pytest.param(
            {"Answer": answer(**{"A-B": "x"})},
            "Answer.Properties.Environment.Variables.A-B: it takes letters, digits and '_', two at least",
            id="no name of a variable",
        ),
        pytest.param(
            {"Table": resource("DynamoDB::Table", KeySchema=[])},
            "Table.Properties.KeySchema: a key has an attribute of KeyType HASH",
            id="key",
        ),
        pytest.param(
            {"Table": resource("DynamoDB::Table", KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}])},
            "Table.Properties.KeySchema: the key attribute 'p' is not in",
            id="attribute",
        ),
        pytest.param(
            {
                "Rule": resource(
                    "Events::Rule", ScheduleExpression="every day", Targets=[{"Id": "x", "Arn": att("Answer")}]
                )
            },
            "Rule.Properties.ScheduleExpression: 'every day' is neither",
            id="schedule",
        ),
        pytest.param(
            {
                "Source": resource("Lambda::EventSourceMapping", FunctionName="other", EventSourceArn=att("Queue")),
                "Queue": resource("SQS::Queue"),
            },
            "Source.Properties.FunctionName: 'other' is none",
            id="source",
        ),
        pytest.param(
            {"Api": resource("ApiGatewayV2::Api", ProtocolType="HTTP")},
            "Api: there is no WebSocket API; Api is an HTTP or REST API",
            id="http",
        ),
        pytest.param(
            {"Api": resource("ApiGatewayV2::Api", ProtocolType="WebSocket")},
            "Api.Properties.ProtocolType: 'WebSocket' is neither WEBSOCKET nor HTTP",
            id="protocol",
        ),
    ],
)
def test_mistakes_are_told_with_their_place(resources: dict[str, Any], message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        topology(**resources)

    assert str(refused.value).startswith(f"t.json:1: Resources.{message}")


@pytest.mark.parametrize("wanted", [{}, {"home": Api(name="streamer", routes=()), "api": "Chat"}])
def test_a_template_of_which_no_condition_lets_anything_be_made_is_told(wanted: dict[str, Any]) -> None:
    never = {"Topic": {"Type": "AWS::SNS::Topic", "Condition": "Never"}}
    written = {"Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}, "Resources": never}
    stack = resolve(load(json.dumps(written), "t.json"), Surroundings(place=PLACE))

    with pytest.raises(TemplateError, match=r"^t\.json:1: Resources: (--api Chat: )?there is no "):
        describe([stack], locate, Wanted(**wanted))


def test_a_mock_integration_with_its_responses() -> None:
    mock = resource(
        "ApiGatewayV2::Integration",
        ApiId=ref("Api"),
        IntegrationType="MOCK",
        TemplateSelectionExpression="200",
        RequestTemplates={"200": '{"statusCode": 200}'},
        PassthroughBehavior="NEVER",
    )
    response = resource(
        "ApiGatewayV2::IntegrationResponse",
        ApiId=ref("Api"),
        IntegrationId=ref("Mock"),
        IntegrationResponseKey="/200/",
        ResponseTemplates={"200": "pong"},
        TemplateSelectionExpression="200",
    )
    more = resource("ApiGatewayV2::Route", ApiId=ref("Api"), RouteKey="x", Target={"Fn::Sub": "integrations/${Mock}"})

    found, warnings = read({**base(), "Mock": mock, "Response": response, "More": more})

    assert warnings == ()
    assert found.api.routes[1] == Route(
        route_key="x",
        integration=Integration(
            kind="MOCK",
            templates={"200": '{"statusCode": 200}'},
            template_selection="200",
            passthrough="NEVER",
            responses=(IntegrationResponse(key="/200/", templates={"200": "pong"}, template_selection="200"),),
        ),
    )


def test_an_integration_of_type_aws_may_invoke_a_function() -> None:
    asked = resource("ApiGatewayV2::Integration", ApiId=ref("Api"), IntegrationType="AWS", IntegrationUri=FUNCTION_URI)
    more = resource("ApiGatewayV2::Route", ApiId=ref("Api"), RouteKey="x", Target={"Fn::Sub": "integrations/${Asked}"})

    integration = topology(Asked=asked, More=more).api.routes[1].integration

    assert integration is not None
    assert (integration.kind, integration.function) == ("AWS", "answer")


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"IntegrationType": "HTTPS"}, "Asked.Properties.IntegrationType: HTTPS is none of AWS_PROXY, MOCK, AWS, HTTP"),
        ({"IntegrationType": "AWS"}, "Resources.Asked: an integration of type AWS needs IntegrationUri"),
    ],
)
def test_an_integration_that_is_none_is_refused(properties: dict[str, str], message: str) -> None:
    asked = resource("ApiGatewayV2::Integration", ApiId=ref("Api"), **properties)
    more = resource("ApiGatewayV2::Route", ApiId=ref("Api"), RouteKey="x", Target={"Fn::Sub": "integrations/${Asked}"})

    with pytest.raises(TemplateError) as caught:
        topology(Asked=asked, More=more)

    assert message in str(caught.value)


def test_an_http_api_beside_it_is_none_of_the_websocket_apis() -> None:
    found, warnings = read({**base(), "Http": resource("ApiGatewayV2::Api", Name="h", ProtocolType="HTTP")})

    assert [api.name for api in found.all_apis()] == ["chat"]
    assert [api.name for api in found.http_apis] == ["Http"]
    assert warnings == ()


def test_one_of_several_apis_is_chosen_by_its_id_or_name() -> None:
    other = {"Other": {**base()["Api"], "Properties": {**base()["Api"]["Properties"], "Name": "other"}}}

    both, _ = read({**base(), **other})
    one, _ = read({**base(), **other}, api="other")

    assert [api.name for api in both.all_apis()] == ["chat", "other"]
    assert [api.name for api in one.all_apis()] == ["other"]
    with pytest.raises(TemplateError, match="--api x: there is no such WebSocket API; there are Api, Other"):
        read({**base(), **other}, api="x")


def test_variables_and_commands_come_from_the_user_too() -> None:
    found, _ = read(
        base(), commands={"Answer": "node run.mjs"}, variables={"*": {"A": "1", "B": "1"}, "answer": {"B": "2"}}
    )

    assert found.functions[0].runtime == "node run.mjs"
    assert found.functions[0].environment == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("runtime", "reason"), [("dotnet8", "dotnet8 is not run here"), ("java21", "java21 is not run here")]
)
def test_a_runtime_that_nothing_runs_is_no_error(runtime: str, reason: str) -> None:
    function = resource("Lambda::Function", FunctionName="answer", Handler="a.b", Runtime=runtime)

    found = topology(Answer=function)

    assert found.functions[0].unavailable is not None
    assert found.functions[0].unavailable.startswith(reason)
