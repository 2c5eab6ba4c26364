"""Public projects, each emulated by one command and talked to: ``python -m benchmarks.public_projects FOLDER``.

FOLDER has a checkout of each as ``OWNER+NAME``; none of their code is part of this repository. A project of Serverless
must be packaged before, by ``npx serverless package`` or ``npx osls package`` in its folder, one of CDK synthesised;
one with packages of its own has them by ``npm install``. What Lambda provides is fetched by the emulator itself.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

PATIENCE_SECONDS: Final = 60.0
MESSAGES: Final = 20
_TELLING: Final = ("not run", "ERROR\tInvoke", "ERROR\tUncaught", "Error:", "streamer:")
"""What lines of the log tell why nobody was heard."""
STREAMER: Final = Path(sysconfig.get_path("scripts")) / "streamer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One project: where it is, what it is started with, and a conversation of two clients."""

    name: str
    """``OWNER/NAME``."""
    form: str
    target: str
    says: str
    """What the first client sends."""
    hears: str
    """What the answer contains."""
    by: int = 1
    """Who hears it: 0 the first client, 1 the second."""
    folder: str = "."
    options: tuple[str, ...] = ()
    before: str = ""
    """What the first client sends, and hears an answer to, before."""
    query: tuple[str, str] = ("", "")
    """What each client adds to the URL."""
    item: tuple[str, str] | None = None
    """Table, by its logical id, and an item in DynamoDB's JSON that is there before."""
    user: tuple[str, str, str] | None = None
    """User pool and client, by a part of their logical ids, and the header in which a user's access token comes."""


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
        says="hello",
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
        name="sidathasiri/apigateway-websocket-api",
        form="CDK, Node.js",
        target="cdk.out",
        says='{"action": "sendMessage", "message": "hello"}',
        hears="hello",
    ),
)


def main(folder: Path) -> None:
    """Print a line of a table for each project."""
    print("| project | form | ran | |")
    print("|---|---|---|---|")
    for project in PROJECTS:
        where = folder / project.name.replace("/", "+") / project.folder
        ran, remark = tried(project, where) if where.is_dir() else ("not tried", "no checkout")
        name = project.name if project.folder == "." else f"{project.name}, {project.folder}"
        print(f"| {name} | {project.form} | {ran} | {remark} |", flush=True)


def tried(project: Project, folder: Path) -> tuple[str, str]:
    """Whether the conversation came about, and a remark."""
    with tempfile.TemporaryDirectory() as temporary:
        ready = Path(temporary, "ready.json")
        with Path(temporary, "log").open("w+") as log:
            process = subprocess.Popen(
                [STREAMER, "emulate", project.target, "--port", "0", "--ready-file", ready, *project.options],
                cwd=folder,
                stdout=log,
                stderr=log,
            )
            try:
                return _talked(project, process, ready)
            except (OSError, WebSocketException) as error:
                log.seek(0)
                lines = [line.strip() for line in log if any(word in line for word in _TELLING)]
                return "no", (lines[-1] if lines else f"{type(error).__name__}: {error}")[:160]
            finally:
                process.terminate()
                process.wait()


def _talked(project: Project, process: subprocess.Popen[bytes], ready: Path) -> tuple[str, str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError("it did not start")
        time.sleep(0.05)
    told = json.loads(ready.read_text("utf-8"))
    if project.item is not None:
        table, item = project.item
        name = told["resources"][table]["id"]
        _database(told["dynamodb_url"]).put_item(TableName=name, Item=json.loads(item))
    url = told["websocket_url"]
    headers = {} if project.user is None else {project.user[2]: _signed_in(told, *project.user[:2])}
    more: Any = {"open_timeout": PATIENCE_SECONDS, "proxy": None, "additional_headers": headers}
    with connect(url + project.query[0], **more) as first, connect(url + project.query[1], **more) as second:
        if project.before:
            first.send(project.before)
            first.recv(timeout=PATIENCE_SECONDS)
        if project.says:
            first.send(project.says)
        _listened((first, second)[project.by], project.hears)
    return ("with an option", " ".join(project.options)) if project.options else ("unmodified", "")


def _listened(client: ClientConnection, wanted: str) -> None:
    """Listen until it is heard: a project's stream may tell of other changes before."""
    heard = "nothing"
    for _ in range(MESSAGES):
        try:
            heard = str(client.recv(timeout=PATIENCE_SECONDS))
        except TimeoutError:
            break
        if wanted in heard:
            return
    raise TimeoutError(f"heard {heard[:100]}")


def _signed_in(told: Any, pool: str, client: str) -> str:
    """The access token of a user who signs up."""
    url = "http://" + urlsplit(told["websocket_url"]).netloc
    keys = {"aws_access_key_id": "-", "aws_secret_access_key": "-"}
    cognito = boto3.client("cognito-idp", endpoint_url=url, region_name="us-east-1", **keys)
    client_id = _ids(told, client)[0]
    pool_id = next(each for each in _ids(told, pool) if re.fullmatch(r"[a-z]+(-[a-z]+)+-\d_\w+", each))
    user = {"Username": "ann@example.com"}
    cognito.admin_create_user(UserPoolId=pool_id, MessageAction="SUPPRESS", **user)
    cognito.admin_set_user_password(UserPoolId=pool_id, Password="Passw0rd!", Permanent=True, **user)
    said = {"USERNAME": "ann@example.com", "PASSWORD": "Passw0rd!"}
    answer = cognito.initiate_auth(ClientId=client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=said)
    return str(answer["AuthenticationResult"]["AccessToken"])


def _ids(told: Any, text: str) -> list[str]:
    """The ids of resources whose logical ids contain a text."""
    return [str(each["id"]) for name, each in told["resources"].items() if text in name]


def _database(url: str) -> Any:
    keys = {"aws_access_key_id": "-", "aws_secret_access_key": "-"}
    return boto3.client("dynamodb", endpoint_url=url, region_name="us-east-1", **keys)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
