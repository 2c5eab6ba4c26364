"""Management APIs of API Gateway and Lambda, asked by an unmodified boto3: what is deployed, and what is made."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import control_world
import pytest
from control_world import ControlWorld, archive, outputs, refused, said, template
from services_world import until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

ECHO = """
import boto3

def handler(event, context):
    where = event["requestContext"]
    if where["routeKey"] == "$default":
        client = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{where['domainName']}/{where['stage']}")
        client.post_to_connection(ConnectionId=where["connectionId"], Data=f"by calls {event['body']}".encode())
    return {"statusCode": 200}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlWorld]:
    with control_world.running(tmp_path_factory.mktemp("calls")) as emulator:
        found = ControlWorld(emulator)
        found.upload("chat.zip")
        yield found


@pytest.fixture(scope="module")
def deployed(world: ControlWorld) -> dict[str, str]:
    stack = world.deployed("chat", template("chat.zip"))
    resources = world.cloudformation.list_stack_resources(StackName="chat")["StackResourceSummaries"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources} | outputs(stack)


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("app.py", text)
    return buffer.getvalue()


def made(world: ControlWorld, name: str) -> str:
    """An API that a script makes call by call; its id."""
    functions, gateway = world.client("lambda"), world.client("apigatewayv2")
    arn = functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": zipped(ECHO)},
        Timeout=10,
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    api = gateway.create_api(Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    api_id = str(api["ApiId"])
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    integration = gateway.create_integration(ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=uri)
    for key in ("$connect", "$default"):
        gateway.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")
    deployment = gateway.create_deployment(ApiId=api_id)
    gateway.create_stage(ApiId=api_id, StageName="test", DeploymentId=deployment["DeploymentId"])
    functions.add_permission(
        FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    return api_id


def test_an_api_that_is_made_with_its_target_has_a_route_an_integration_and_a_stage(world: ControlWorld) -> None:
    functions, gateway = world.client("lambda"), world.client("apigatewayv2")
    text = "def handler(event, context): return event['requestContext']['routeKey']"
    arn = functions.create_function(
        FunctionName="quick",
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": zipped(text)},
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName="quick")

    api = gateway.create_api(Name="quick", ProtocolType="HTTP", Target=arn)

    api_id = api["ApiId"]
    [integration] = gateway.get_integrations(ApiId=api_id)["Items"]
    [route] = gateway.get_routes(ApiId=api_id)["Items"]
    [stage] = gateway.get_stages(ApiId=api_id)["Items"]
    assert (integration["IntegrationUri"], integration["IntegrationType"]) == (arn, "AWS_PROXY")
    assert (route["RouteKey"], route["Target"]) == ("$default", f"integrations/{integration['IntegrationId']}")
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    assert all(each["ApiGatewayManaged"] for each in (integration, route, stage))
    with urllib.request.urlopen(api["ApiEndpoint"], timeout=30) as answer:
        assert answer.read() == b"$default"

    gateway.update_api(ApiId=api_id, Target="https://example.com")
    [integration] = gateway.get_integrations(ApiId=api_id)["Items"]
    assert (integration["IntegrationUri"], integration["IntegrationType"]) == ("https://example.com", "HTTP_PROXY")
    gateway.delete_api(ApiId=api_id)
    assert api_id not in [each["ApiId"] for each in gateway.get_apis()["Items"]]


def test_what_is_deployed_is_told(world: ControlWorld, deployed: dict[str, str]) -> None:
    gateway, api_id = world.client("apigatewayv2"), deployed["Api"]

    api = gateway.get_api(ApiId=api_id)
    assert (api["Name"], api["ProtocolType"]) == ("chat", "WEBSOCKET")
    assert f"{api['ApiEndpoint']}/prod" == deployed["Url"]
    assert api_id in [each["ApiId"] for each in gateway.get_apis()["Items"]]
    assert [each["StageName"] for each in gateway.get_stages(ApiId=api_id)["Items"]] == ["prod"]
    assert gateway.get_stage(ApiId=api_id, StageName="prod")["AutoDeploy"] is True
    routes = gateway.get_routes(ApiId=api_id)["Items"]
    assert {each["RouteKey"] for each in routes} == {"$connect", "$disconnect", "$default"}
    integration = gateway.get_integrations(ApiId=api_id)["Items"][0]
    assert {each["Target"] for each in routes} == {f"integrations/{integration['IntegrationId']}"}
    assert integration["IntegrationType"] == "AWS_PROXY"


def test_functions_that_are_deployed_are_told(world: ControlWorld, deployed: dict[str, str]) -> None:
    functions, name = world.client("lambda"), deployed["Function"]

    found = functions.get_function(FunctionName=name)["Configuration"]
    assert (found["Handler"], found["Timeout"], found["State"]) == ("app.handler", 10, "Active")
    assert found["Environment"]["Variables"] == {"TABLE": deployed["Table"]}
    assert found["CodeSize"] == len(archive())
    assert name in [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    assert functions.get_function_configuration(FunctionName=found["FunctionArn"])["FunctionName"] == name


def test_code_and_settings_of_a_deployed_function_change(world: ControlWorld) -> None:
    stack = world.deployed("updated", template("chat.zip"))
    functions = world.client("lambda")
    resource = world.cloudformation.describe_stack_resource(StackName="updated", LogicalResourceId="Function")
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    with connect(outputs(stack)["Url"], open_timeout=60) as socket:
        functions.update_function_code(FunctionName=name, ZipFile=archive("updated"))
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)
        socket.send("hi")
        assert socket.recv(30) == "updated hi"

    functions.update_function_configuration(FunctionName=name, Timeout=7)
    found = functions.get_function_configuration(FunctionName=name)
    assert (found["Timeout"], found["Handler"], found["LastUpdateStatus"]) == (7, "app.handler", "Successful")


def test_a_function_keeps_what_a_script_sets_of_it(world: ControlWorld) -> None:
    functions = world.client("lambda")
    dead = {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"}
    made = functions.create_function(
        FunctionName="settled",
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": zipped("def handler(event, context): return 1")},
        Architectures=["arm64"],
        DeadLetterConfig=dead,
        TracingConfig={"Mode": "Active"},
        Tags={"by": "me"},
    )
    told = functions.get_function(FunctionName="settled")

    assert (made["Architectures"], made["DeadLetterConfig"], made["TracingConfig"]["Mode"]) == (
        ["arm64"],
        dead,
        "Active",
    )
    assert told["Tags"] == {"by": "me"}
    looked = functions.update_function_code(FunctionName="settled", ZipFile=zipped("x = 1"), DryRun=True)
    assert looked["CodeSha256"] == made["CodeSha256"]
    changed = functions.update_function_configuration(FunctionName="settled", TracingConfig={"Mode": "PassThrough"})
    assert (changed["TracingConfig"]["Mode"], changed["DeadLetterConfig"]) == ("PassThrough", dead)
    functions.delete_function(FunctionName="settled")


def test_an_image_is_a_function_that_is_not_run(world: ControlWorld) -> None:
    functions = world.client("lambda")
    made = functions.create_function(
        FunctionName="pictured",
        PackageType="Image",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/chat:1"},
        ImageConfig={"Command": ["app.handler"]},
    )

    assert (made["PackageType"], made["ImageConfigResponse"]["ImageConfig"]["Command"]) == ("Image", ["app.handler"])
    assert functions.invoke(FunctionName="pictured")["FunctionError"] == "Unhandled"
    functions.delete_function(FunctionName="pictured")


def test_a_script_makes_an_api_call_by_call(world: ControlWorld) -> None:
    api_id = made(world, "by-calls")
    url = f"{world.client('apigatewayv2').get_api(ApiId=api_id)['ApiEndpoint']}/test"

    assert said(url) == "by calls hi"


def test_a_script_makes_routes_before_their_integrations(world: ControlWorld) -> None:
    api_id = made(world, "routes-first")
    gateway = world.client("apigatewayv2")
    url = f"{gateway.get_api(ApiId=api_id)['ApiEndpoint']}/test"
    before = {each["RouteKey"]: each for each in gateway.get_routes(ApiId=api_id)["Items"]}
    route = gateway.create_route(ApiId=api_id, RouteKey="hi")
    assert "Target" not in gateway.get_route(ApiId=api_id, RouteId=route["RouteId"])
    assert said(url) == "by calls hi"

    gateway.update_route(ApiId=api_id, RouteId=route["RouteId"], Target=before["$default"]["Target"])

    assert said(url) == "by calls hi"


def test_no_two_routes_or_stages_have_one_name(world: ControlWorld) -> None:
    api_id = made(world, "twice")
    gateway = world.client("apigatewayv2")

    assert refused(gateway.create_route, ApiId=api_id, RouteKey="$default") == (
        "ConflictException",
        "Route with key $default already exists for this API",
    )
    assert refused(gateway.create_stage, ApiId=api_id, StageName="test")[0] == "ConflictException"


def test_what_a_script_made_goes_as_it_came(world: ControlWorld) -> None:
    api_id = made(world, "goes")
    functions, gateway = world.client("lambda"), world.client("apigatewayv2")
    url = f"{gateway.get_api(ApiId=api_id)['ApiEndpoint']}/test"
    route = next(each for each in gateway.get_routes(ApiId=api_id)["Items"] if each["RouteKey"] == "$default")
    gateway.update_route(ApiId=api_id, RouteId=route["RouteId"], RouteKey="other")
    assert gateway.get_route(ApiId=api_id, RouteId=route["RouteId"])["RouteKey"] == "other"

    gateway.delete_api(ApiId=api_id)

    assert refused(gateway.get_api, ApiId=api_id)[0] == "NotFoundException"
    with pytest.raises(InvalidStatus):
        connect(url, open_timeout=60)
    functions.delete_function(FunctionName="goes")
    assert refused(functions.get_function, FunctionName="goes") == (
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:us-east-1:123456789012:function:goes",
    )


def test_a_queue_is_read_by_a_function_as_a_script_wants(world: ControlWorld, deployed: dict[str, str]) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "jobs"}}
    world.deployed("jobs", {"Resources": {"Queue": queue}})
    code = "def handler(event, context):\n    pass\n"
    functions, sqs = world.client("lambda"), world.client("sqs")
    functions.create_function(
        FunctionName="reader",
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": zipped(code)},
    )
    arn = "arn:aws:sqs:us-east-1:123456789012:jobs"
    source = functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="reader", BatchSize=1)
    for of in ({}, {"FunctionName": "reader"}, {"EventSourceArn": arn}, {"FunctionName": source["FunctionArn"]}):
        listed = functions.list_event_source_mappings(**of)["EventSourceMappings"]
        assert [each["UUID"] for each in listed] == [source["UUID"]]
    for other in ({"FunctionName": "another"}, {"EventSourceArn": f"{arn}2"}):
        assert functions.list_event_source_mappings(**other)["EventSourceMappings"] == []
    code, text = refused(functions.create_event_source_mapping, EventSourceArn=arn, FunctionName="reader")
    assert (code, text.rpartition(" ")[2]) == ("ResourceConflictException", source["UUID"])
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="work")

    def left() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    assert until(left, lambda count: count == 0) == 0
    functions.delete_event_source_mapping(UUID=source["UUID"])
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []


def test_a_stream_of_kinesis_is_read_by_a_function_as_a_script_wants(
    world: ControlWorld, deployed: dict[str, str]
) -> None:
    functions, kinesis, sqs = world.client("lambda"), world.client("kinesis"), world.client("sqs")
    code = "import boto3\ndef handler(event, context):\n    boto3.client('sqs').create_queue(QueueName='seen')\n"
    functions.create_function(
        FunctionName="follower",
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": zipped(code)},
    )
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]["StreamARN"]
    asked = {"EventSourceArn": arn, "FunctionName": "follower", "BatchSize": 3}
    since = datetime(2026, 1, 1, tzinfo=UTC)
    source = functions.create_event_source_mapping(
        StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=since, **asked
    )
    kinesis.put_record(StreamName="clicks", Data=b"x", PartitionKey="k")

    assert until(lambda: sqs.list_queues(QueueNamePrefix="seen").get("QueueUrls", []), bool)
    found = functions.get_event_source_mapping(UUID=source["UUID"])
    assert (found["BatchSize"], found["State"]) == (3, "Enabled")
    assert found["StartingPositionTimestamp"] == since
    functions.delete_event_source_mapping(UUID=source["UUID"])


def test_a_function_gets_a_url_that_answers(world: ControlWorld, deployed: dict[str, str]) -> None:
    functions = world.client("lambda")
    code = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'at ' + event['rawPath']}\n"
    functions.create_function(
        FunctionName="page",
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": zipped(code)},
    )
    assert refused(functions.get_function_url_config, FunctionName="page")[0] == "ResourceNotFoundException"
    made = functions.create_function_url_config(FunctionName="page", AuthType="NONE", Cors={"AllowOrigins": ["*"]})
    assert refused(functions.create_function_url_config, FunctionName="page", AuthType="NONE")[0] == (
        "ResourceConflictException"
    )

    with urllib.request.urlopen(f"{made['FunctionUrl']}a/b", timeout=60) as answer:
        assert answer.read() == b"at /a/b"
    assert functions.get_function_url_config(FunctionName="page")["Cors"] == {"AllowOrigins": ["*"]}
    functions.update_function_url_config(FunctionName="page", AuthType="AWS_IAM")
    with pytest.raises(urllib.error.HTTPError) as unsigned:
        urllib.request.urlopen(made["FunctionUrl"], timeout=60)
    with unsigned.value as error:
        assert error.code == 403
    (listed,) = functions.list_function_url_configs(FunctionName="page")["FunctionUrlConfigs"]
    assert listed["AuthType"] == "AWS_IAM"
    functions.delete_function_url_config(FunctionName="page")
    assert functions.list_function_url_configs(FunctionName="page")["FunctionUrlConfigs"] == []


def test_a_function_goes_with_its_url_and_its_reservation_can_be_taken_back(
    world: ControlWorld, deployed: dict[str, str]
) -> None:
    functions = world.client("lambda")
    functions.create_function(
        FunctionName="passing",
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": zipped("def handler(event, context):\n    pass\n")},
    )
    functions.put_function_concurrency(FunctionName="passing", ReservedConcurrentExecutions=2)
    assert functions.get_function_concurrency(FunctionName="passing")["ReservedConcurrentExecutions"] == 2
    functions.delete_function_concurrency(FunctionName="passing")
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName="passing")
    functions.create_function_url_config(FunctionName="passing", AuthType="NONE")
    code, text = refused(functions.list_code_signing_configs)
    assert code == "NotImplementedException", "the function at the root would answer"
    assert text.startswith("GET /2020-04-22/code-signing-configs of lambda is not emulated")

    functions.delete_function(FunctionName="passing")

    assert refused(functions.get_function, FunctionName="passing")[0] == "ResourceNotFoundException"


def test_a_statement_of_a_function_is_given_once_and_can_be_taken_back(
    world: ControlWorld, deployed: dict[str, str]
) -> None:
    functions = world.client("lambda")
    for name in ("guarded", "unguarded"):
        functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="app.handler",
            Role="arn:aws:iam::123456789012:role/any",
            Code={"ZipFile": zipped("def handler(event, context):\n    pass\n")},
        )
    asked = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    assert refused(functions.get_policy, FunctionName="guarded")[0] == "ResourceNotFoundException"
    source = "arn:aws:execute-api:us-east-1:123456789012:a/*"
    told = functions.add_permission(FunctionName="guarded", SourceArn=source, **asked)["Statement"]
    policy = json.loads(functions.get_policy(FunctionName="guarded")["Policy"])
    assert policy["Statement"] == [json.loads(told)]
    assert policy["Statement"][0]["Condition"] == {"ArnLike": {"AWS:SourceArn": source}}

    text = "The statement id (s) provided already exists."
    text = f"{text} Please provide a new statement id, or remove the existing statement."
    assert refused(functions.add_permission, FunctionName="guarded", **asked) == ("ResourceConflictException", text)
    code, text = refused(functions.remove_permission, FunctionName="guarded", StatementId="t")
    assert (code, text) == ("ResourceNotFoundException", "Statement t is not found in resource policy.")
    code, text = refused(functions.remove_permission, FunctionName="unguarded", StatementId="s")
    assert (code, text) == ("ResourceNotFoundException", "No policy is associated with the given resource.")

    functions.add_permission(FunctionName="unguarded", **{**asked, "Principal": "210987654321"})
    policy = json.loads(functions.get_policy(FunctionName="unguarded")["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::210987654321:root"}
    functions.remove_permission(FunctionName="guarded", StatementId="s")
    functions.add_permission(FunctionName="guarded", **asked)
    functions.delete_function(FunctionName="guarded")
    assert refused(functions.add_permission, FunctionName="unguarded", **asked)[0] == "ResourceConflictException"


def test_a_stream_of_a_stack_goes_with_it(world: ControlWorld) -> None:
    stream = {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": "of-a-stack", "ShardCount": 1}}
    stack = world.deployed("streams", {"Resources": {"Stream": stream}})
    kinesis = world.client("kinesis")
    assert "of-a-stack" in kinesis.list_streams()["StreamNames"]

    world.cloudformation.delete_stack(StackName=stack["StackName"])
    assert world.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert "of-a-stack" not in kinesis.list_streams()["StreamNames"]


def test_what_is_in_use_does_not_go(world: ControlWorld) -> None:
    api_id = made(world, "in-use")
    gateway = world.client("apigatewayv2")
    routes = gateway.get_routes(ApiId=api_id)["Items"]
    integration = gateway.get_integrations(ApiId=api_id)["Items"][0]["IntegrationId"]
    deployment = gateway.get_deployments(ApiId=api_id)["Items"][0]["DeploymentId"]

    assert refused(gateway.delete_integration, ApiId=api_id, IntegrationId=integration) == (
        "ConflictException",
        "Cannot delete Integration because it is referenced by the following Routes with Ids: "
        f"[{', '.join(each['RouteId'] for each in routes)}]",
    )
    assert refused(gateway.delete_deployment, ApiId=api_id, DeploymentId=deployment) == (
        "BadRequestException",
        "Active stages pointing to this deployment must be moved or deleted",
    )

    for each in routes:
        gateway.delete_route(ApiId=api_id, RouteId=each["RouteId"])
    gateway.delete_integration(ApiId=api_id, IntegrationId=integration)
    gateway.delete_stage(ApiId=api_id, StageName="test")
    gateway.delete_deployment(ApiId=api_id, DeploymentId=deployment)

    assert gateway.get_integrations(ApiId=api_id)["Items"] == []


def test_lists_come_in_pages(world: ControlWorld) -> None:
    api_id = made(world, "pages")
    gateway = world.client("apigatewayv2")

    first = gateway.get_routes(ApiId=api_id, MaxResults="1")
    second = gateway.get_routes(ApiId=api_id, MaxResults="1", NextToken=first["NextToken"])

    assert [each["RouteKey"] for page in (first, second) for each in page["Items"]] == ["$connect", "$default"]
    assert "NextToken" not in second
    keys = [key for page in gateway.get_paginator("get_routes").paginate(ApiId=api_id) for key in page["Items"]]
    assert len(keys) == 2
    assert refused(gateway.get_routes, ApiId=api_id, MaxResults="none")[0] == "BadRequestException"


def test_what_is_of_a_stack_goes_with_it_alone(world: ControlWorld, deployed: dict[str, str]) -> None:
    code, text = refused(world.client("apigatewayv2").delete_api, ApiId=deployed["Api"])

    assert (code, text) == ("ConflictException", "Api is of the stack chat, and goes with it")


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        pytest.param("apigatewayv2", "get_routes", {"ApiId": "nothing"}, "NotFoundException", id="no API"),
        pytest.param("lambda", "get_function", {"FunctionName": "no"}, "ResourceNotFoundException", id="no function"),
        pytest.param(
            "apigatewayv2", "create_api", {"Name": "x", "ProtocolType": "GRPC"}, "BadRequestException", id="protocol"
        ),
        pytest.param(
            "apigatewayv2",
            "create_api",
            {"Name": "x", "ProtocolType": "WEBSOCKET"},
            "BadRequestException",
            id="no selection expression",
        ),
        pytest.param("apigatewayv2", "get_vpc_links", {}, "UnknownOperationException", id="not emulated"),
        pytest.param(
            "lambda",
            "create_function",
            {"FunctionName": "x", "Role": "arn:aws:iam::123456789012:role/any", "Code": {"ZipFile": b"no zip"}},
            "InvalidParameterValueException",
            id="no archive",
        ),
        pytest.param(
            "lambda",
            "publish_layer_version",
            {"LayerName": "x", "Content": {"ZipFile": b"PK\x05\x06" + bytes(18)}},
            "InvalidParameterValueException",
            id="an archive of nothing",
        ),
        pytest.param(
            "lambda",
            "create_function",
            {"FunctionName": "x", "Role": "any", "Code": {"ZipFile": b"no zip"}},
            "ValidationException",
            id="no role",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    world: ControlWorld, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    assert refused(getattr(world.client(service), operation), **parameters)[0] == code


def test_a_stage_is_of_a_deployment_that_is_there(world: ControlWorld) -> None:
    gateway = world.client("apigatewayv2")
    api = gateway.create_api(Name="staged", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")[
        "ApiId"
    ]

    assert refused(gateway.create_stage, ApiId=api, StageName="dev", DeploymentId="none") == (
        "NotFoundException",
        "Unable to find Deployment by key none within the provided API",
    )
    gateway.delete_api(ApiId=api)


def test_an_api_that_is_wrong_changes_nothing(world: ControlWorld, deployed: dict[str, str]) -> None:
    gateway = world.client("apigatewayv2")
    code, text = refused(gateway.create_route, ApiId=deployed["Api"], RouteKey="a", Target="integrations/nothing")

    assert code == "BadRequestException"
    assert "'integrations/nothing' is no integration of this API" in text
    assert said(deployed["Url"]) == "echo hi"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_picture_of_another_page_deploys_nothing(world: ControlWorld, site: str) -> None:
    """AWS's Query protocol takes operations by GET, for which a browser tells no ``Origin``."""
    asked = {
        "Action": "CreateStack",
        "StackName": f"by-{site}",
        "TemplateBody": json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
        "X-Amz-Credential": f"AKIAIOSFODNN7EXAMPLE/20261129/{control_world.REGION}/cloudformation/aws4_request",
    }
    url = f"{world.url}/?{urllib.parse.urlencode(asked)}"
    picture = urllib.request.Request(url, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"})

    with pytest.raises(urllib.error.HTTPError, match="403") as answer:
        urllib.request.urlopen(picture)
    answer.value.close()

    assert f"by-{site}" not in [each["StackName"] for each in world.cloudformation.describe_stacks()["Stacks"]]


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"[]", b'{"a": NaN}', b"\xff"], ids=["deep", "a list", "NaN", "no text"]
)
@pytest.mark.parametrize("path", ["/2015-03-31/functions", "/v2/apis"])
def test_a_body_that_is_no_json_object_is_refused(world: ControlWorld, path: str, body: bytes) -> None:
    service = "lambda" if "functions" in path else "apigateway"
    scope = f"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261129/us-east-1/{service}/aws4_request, Signature=0"
    asked = urllib.request.Request(f"{world.url}{path}", body, {"Authorization": scope}, method="POST")

    with pytest.raises(urllib.error.HTTPError, match="400") as answer:
        urllib.request.urlopen(asked)
    answer.value.close()
