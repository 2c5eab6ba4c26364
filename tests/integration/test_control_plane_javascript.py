"""The control plane, Lambda and DynamoDB asked by an unmodified AWS SDK for JavaScript, and clients of what it made."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import control_world
import javascript_tools
import javascript_world
import pytest
from control_world import REGION, ControlWorld, archive, said, template

pytestmark = pytest.mark.needs_node

CLIENTS = {
    "cloudformation": "CloudFormation",
    "apigatewayv2": "ApiGatewayV2",
    "lambda": "Lambda",
    "dynamodb": "DynamoDB",
}
"""Packages of the SDK, and what the client of each is called."""
STACK = """
    const StackName = "by-js";
    await send("CreateChangeSet", {
      StackName, ChangeSetName: "first", ChangeSetType: "CREATE",
      TemplateBody: process.env.TEMPLATE, Capabilities: ["CAPABILITY_IAM"],
    });
    const limits = { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
    await sdk.waitUntilChangeSetCreateComplete(limits, { StackName, ChangeSetName: "first" });
    await send("ExecuteChangeSet", { StackName, ChangeSetName: "first" });
    await sdk.waitUntilStackCreateComplete(limits, { StackName });
    const { Stacks } = await send("DescribeStacks", { StackName });
    const outputs = Object.fromEntries(Stacks[0].Outputs.map((each) => [each.OutputKey, each.OutputValue]));
    return [Stacks[0].StackStatus, outputs, await failure(send("DescribeStacks", { StackName: "none" }))];
"""
FUNCTION = """
    const { FunctionArn } = await send("CreateFunction", {
      FunctionName: "by-js", Runtime: "python3.12", Handler: "app.handler", Timeout: 10,
      Role: "arn:aws:iam::123456789012:role/any", Code: { ZipFile: Buffer.from(process.env.CODE, "base64") },
      Environment: { Variables: { TABLE: "by-js" } },
    });
    await sdk.waitUntilFunctionActiveV2({ client, maxWaitTime: 30 }, { FunctionName: "by-js" });
    const missing = await failure(send("GetFunction", { FunctionName: "none" }));
    return [FunctionArn, missing];
"""
TABLE = """
    await send("CreateTable", {
      TableName: "by-js", BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    });
    await send("PutItem", { TableName: "by-js", Item: { id: { S: "a" }, n: { N: "1" } } });
    const { Item } = await send("GetItem", { TableName: "by-js", Key: { id: { S: "a" } } });
    return [Item, await failure(send("DescribeTable", { TableName: "none" }))];
"""
API = """
    const { ApiId } = await send("CreateApi", {
      Name: "by-js", ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.action",
    });
    const { IntegrationId } = await send("CreateIntegration", {
      ApiId, IntegrationType: "AWS_PROXY",
      IntegrationUri: `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${process.env.ARN}/invocations`,
    });
    for (const RouteKey of ["$connect", "$disconnect", "$default"]) {
      await send("CreateRoute", { ApiId, RouteKey, Target: `integrations/${IntegrationId}` });
    }
    await send("CreateStage", { ApiId, StageName: "live", AutoDeploy: true });
    const { Items } = await send("GetRoutes", { ApiId });
    return [ApiId, Items.length, await failure(send("GetApi", { ApiId: "none" }))];
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlWorld]:
    with control_world.running(tmp_path_factory.mktemp("deployed-by-js")) as emulator:
        yield ControlWorld(emulator)


@pytest.fixture(scope="module")
def ask(world: ControlWorld, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Has a service asked by a program."""
    folder = tmp_path_factory.mktemp("control-sdk")
    javascript_tools.install(folder, *javascript_tools.SDK)

    def asked(package: str, code: str, **more: str) -> Any:
        return javascript_world.asked(folder, package, CLIENTS[package], code, url=world.url, region=REGION, more=more)

    return asked


def test_a_stack_that_node_deploys_answers_a_client(world: ControlWorld, ask: Callable[..., Any]) -> None:
    world.upload("js.zip", "by a stack")
    status, outputs, missing = ask("cloudformation", STACK, TEMPLATE=json.dumps(template("js.zip")))

    assert (status, missing) == ("CREATE_COMPLETE", ["ValidationError", 400])
    assert said(outputs["Url"]) == "by a stack hi"


def test_an_api_that_node_makes_call_by_call_answers_a_client(world: ControlWorld, ask: Callable[..., Any]) -> None:
    item, no_table = ask("dynamodb", TABLE)
    assert (item, no_table) == ({"id": {"S": "a"}, "n": {"N": "1"}}, ["ResourceNotFoundException", 400])
    arn, no_function = ask("lambda", FUNCTION, CODE=base64.b64encode(archive("by calls")).decode())
    assert no_function == ["ResourceNotFoundException", 404]
    api_id, routes, no_api = ask("apigatewayv2", API, ARN=arn)
    assert (routes, no_api) == (3, ["NotFoundException", 404])

    assert said(f"{world.url.replace('http', 'ws')}/{api_id}/live") == "by calls hi"
