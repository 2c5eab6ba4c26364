"""Which public projects are emulated, and what is said to each: data of `benchmarks.public_projects`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One project: where it is, what it is started with, and a conversation of two clients."""

    name: str
    """``OWNER/NAME``."""
    form: str
    target: str
    says: str = ""
    """What the first client sends; ``CONNECTION`` stands for the second one's id, which the emulator tells."""
    hears: str = ""
    """What the answer contains."""
    by: int = 1
    """Who hears it: 0 the first client, 1 the second."""
    folder: str = "."
    options: tuple[str, ...] = ()
    before: str = ""
    """What the first client sends, and hears an answer to, before."""
    query: tuple[str, str] = ("", "")
    """What each client adds to the URL."""
    table: tuple[str, str] | None = None
    """A table that is in no template, and its key; made before."""
    item: tuple[str, str] | None = None
    """Table, by its logical id, and an item in DynamoDB's JSON that is there before."""
    user: tuple[str, str, str] | None = None
    """User pool and client, by a part of their logical ids, and the header in which a user's access token comes."""
    token: tuple[str, str] | None = None
    """A function, and where its answer has a token, which is each client's second subprotocol."""
    invoked: tuple[str, str] | None = None
    """A function and the event with which it is invoked once both are connected."""
    event: tuple[str, str] | None = None
    """Type and detail of an event on the default bus, once the first client has been answered nothing or something."""
    parameter_of_web: str = ""
    """A parameter that is given the address of a web server, which answers everything with ``WEB``."""
    rows: tuple[str, int] | None = None
    """Table, by its logical id, and how many items it has while both clients are connected."""


PROJECTS: Final = (
    Project(
        name="aws-samples/serverless-websocket-chat",
        form="SAM, Python",
        target="template.yaml",
        says="hello",
        hears="hello",
    ),
    Project(
        name="shameerkamal2801/aws-simple-websocket-chat-app-python",
        form="SAM, Python",
        target="template.yaml",
        says='{"action": "sendmessage", "message": "hello"}',
        hears="hello",
    ),
    Project(
        name="LZafiro/python-serverless-websocket-chat",
        form="Serverless, Python",
        target=".serverless",
        says='{"type": "chat", "data": {"message": "hello", "username": "ada"}}',
        hears="hello",
    ),
    Project(
        name="v-studios/apigateway-websockets",
        form="Serverless, Python",
        target=".serverless",
        says='{"route": "sendMessage", "data": "hello"}',
        hears="hello",
    ),
    Project(
        name="Zapodask/lambda-websockets-chat",
        form="CloudFormation, Python",
        target="template.yaml",
        options=("--code", "lambdaFunction=."),
        before='{"action": "setName", "name": "ada"}',
        says='{"action": "sendToAll", "message": "hello"}',
        hears="hello",
    ),
    Project(
        name="aws-samples/simple-websockets-chat-app",
        form="SAM, Node.js",
        target="template.yaml",
        says='{"action": "sendmessage", "data": "hello"}',
        hears="hello",
    ),
    Project(
        name="giusedroid/serverless-websockets-no-dynamo",
        form="SAM, Node.js",
        target="template.yaml",
        says='{"action": "message"}',
        hears="connectionId",
        by=0,
    ),
    Project(
        name="aurbac/sam-websocket-api-gateway",
        form="SAM, Node.js",
        target="template.yaml",
        options=("--parameter", "WebsiteName=site"),
        item=("DevicesTable", '{"deviceId": {"S": "lamp"}, "status": {"BOOL": true}, "updated_at": {"N": "1"}}'),
        says='{"message": "sendstatus", "data": "lamp,switch"}',
        hears="false",
        by=0,
    ),
    Project(
        name="nirgluzman/AWS-Serverless-WebSocket",
        form="Serverless, Node.js",
        target=".serverless",
        says='{"action": "message", "message": "hello"}',
        hears="This is a reply to your message",
        by=0,
    ),
    Project(
        name="publiosilva/serverless-websocket",
        form="Serverless, Node.js (SDK v2)",
        target=".serverless",
        says='{"action": "message", "message": "hello"}',
        hears="This is a reply to your message",
        by=0,
    ),
    Project(
        name="emilhein/serverless-websockets",
        form="Serverless, Node.js",
        target=".serverless",
        options=("--port", "3001"),
        says="hello",
        hears="hello",
        by=0,
    ),
    Project(
        name="karloscodes/serverless-websockets-demo",
        form="Serverless, Node.js",
        target=".serverless",
        query=("?userId=1", "?userId=2"),
        says='{"action": "sendMessage", "userId": "2", "body": "hello"}',
        hears="hello",
    ),
    Project(
        name="neverendingqs/serverless-websocket-example",
        form="Serverless, Node.js",
        target=".serverless",
        says='{"action": "routeA", "data": "hello"}',
        hears="Received on routeA",
        by=0,
    ),
    Project(
        name="aws-samples/serverless-patterns",
        folder="apigw-websocket-api-sqs-lambda",
        form="SAM, a mapping template of SQS, Node.js (SDK v3)",
        target="template.yaml",
        says=json.dumps({"action": "any", "MessageGroupId": "one", "text": "hello"}),
        hears="hello",
        by=0,
    ),
    Project(
        name="aws-samples/serverless-patterns",
        form="SAM, Python",
        folder="apigw-websocket-ack-connect-route",
        target="template.yml",
        says="",
        hears="we are now connected",
        by=0,
    ),
    Project(
        name="aws-samples/serverless-patterns",
        form="SAM, Node.js",
        folder="apigw-websocket-api-lambda",
        target="template.yml",
        says='{"action": "post", "data": "hello"}',
        hears="hello",
    ),
    Project(
        name="aws-samples/serverless-patterns",
        form="SAM, Node.js, mapping templates",
        folder="apigw-websocket-mapping-template-authorizer",
        target="template.yaml",
        says='{"action": "sendmessage", "data": "hello"}',
        hears="hello",
    ),
    Project(
        name="amfreitas1981/python-poc-lambda-websocket",
        form="SAM, Python",
        target="template.yaml",
        query=("?session=1", "?session=2"),
        says='{"action": "message", "sessions": ["2"], "text": "hello"}',
        hears="hello",
    ),
    Project(
        name="AlexNaga/aws-websocket-push-notifications",
        form="Serverless, Node.js",
        target=".serverless",
        options=("--port", "3001"),
        table=("ws-push-notifications-clients--test", "clientId"),
        invoked=("PushNotificationsLambdaFunction", '{"body": {"action": "sendMessage", "data": "hello"}}'),
        hears="hello",
    ),
    Project(
        name="aws-samples/serverless-patterns",
        form="SAM, Step Functions (express, synchronous)",
        folder="apigw-websocket-api-sfn-sync",
        target="template.yaml",
        says='{"first_name": "Jane"}',
        hears="SUCCEEDED",
        by=0,
    ),
    Project(
        name="aws-samples/serverless-patterns",
        form="SAM, Step Functions (standard, calls `@connections`)",
        folder="apigw-websocket-api-sfn-async",
        target="template.yaml",
        before='{"first_name": "Jane"}',
        says="",
        hears="Hello from asynchronous workflow execution!",
        by=0,
    ),
    Project(
        name="aws-samples/serverless-patterns",
        form="SAM, mapping templates of SNS",
        folder="apigw-websocket-api-sns",
        target="template.yaml",
        says='{"action": "sendOrder", "Name": "Jon", "SirName": "Doe", "Number": "123"}',
        hears="MessageId",
        by=0,
    ),
    Project(
        name="aws-samples/serverless-patterns",
        form="SAM, mapping templates of DynamoDB",
        folder="apigw-websocket-api-connection-dynamodb",
        target="template.yaml",
        rows=("SessionsTable", 2),
    ),
    Project(
        name="allenheltondev/serverless-websockets",
        form="SAM, Node.js (SDK v3, layer), authorizer, Secrets Manager, EventBridge, SQS",
        target="template.yaml",
        options=(
            *("--parameter", "JwtSecret=secret"),
            *("--parameter", "DomainName=none", "--parameter", "HostedZoneId=none"),
        ),
        token=("CreateTestJwt", "authToken"),
        says='{"action": "subscribe", "entityId": "lamp"}',
        event=("Entity Updated", '{"entityId": "lamp", "message": "hello"}'),
        hears="hello",
        by=0,
    ),
    Project(
        name="drewski90/AWS-SAM-APIGateway-WebSocket-LLM-Completion",
        form="SAM, Python, a layer, a web service (a stand-in)",
        target="template.yaml",
        options=("--parameter", "OpenAIAPIKey=none"),
        parameter_of_web="OpenAIBaseUrl",
        says='{"action": "any", "id": "1", "payload": {"messages": []}}',
        hears="hello",
        by=0,
    ),
    Project(
        name="haandol/cognito-websocket-authorizer-example",
        form="CDK, Cognito, Python",
        folder="infra",
        target="cdk.out",
        user=("UserPool", "UserPoolClient", "Auth"),
        says='{"text": "hello"}',
        hears="connection_id",
        by=0,
    ),
    Project(
        name="prandogabriel/talk-websocket-with-lambda-and-api-gw",
        form="Serverless (serverless.ts, bundled), Node.js (SDK v3, Powertools)",
        folder="backend",
        target=".serverless",
        says='{"action": "joinroom", "roomKey": "one", "nickName": "ada"}',
        hears="ada",
        by=0,
    ),
    Project(
        name="theo-dean/serverless-websocket-example",
        form="Serverless, Node.js (SDK v3), a stream",
        target=".serverless",
        query=("?requestId=1", "?requestId=2"),
        hears='"requestId":{"S":"2"}',
        by=1,
    ),
    Project(
        name="sidathasiri/apigateway-websocket-api",
        form="CDK, Node.js (SDK v2, bundled)",
        target="cdk.out",
        says='{"action": "sendMessage", "connectionId": "CONNECTION", "message": "hello"}',
        hears="hello",
    ),
    Project(
        name="joshclowater/dice10k-serverless",
        form="SAM, Node.js (ESM, SDK v3)",
        target="template.yml",
        says='{"message": "creategame", "name": "ada"}',
        hears="youjoinedgame",
        by=0,
    ),
    Project(
        name="aws-samples/step-functions-workflows-collection",
        form="SAM, Python, a state machine that posts to its client",
        folder="stepfunction-progress-tracking",
        target="template.yml",
        says='{"action": "onOrder"}',
        hears="Workflow started",
        by=0,
    ),
    Project(
        name="Shreyanair77/AWS-WebSocket-Chat",
        form="SAM, Node.js (SDK v3)",
        folder="backend/cloudformation",
        target="template.yaml",
        says='{"action": "sendMessage", "message": "hello", "username": "ada"}',
        hears="hello",
    ),
    Project(
        name="DigitalVilla/aws-websockets",
        form="Serverless, Node.js (SDK v2)",
        target=".serverless",
        says='{"action": "message", "message": "hello"}',
        hears="hello",
        by=0,
    ),
)
