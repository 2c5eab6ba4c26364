"""Functions call APIs that ask for IAM, and URLs of functions: as their roles allow."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from emulator.functions.factory import Isolation
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Api, Function, Permission, Route, Topology
from streamer.topology.http_apis import HttpApi, HttpKind, HttpRoute

HANDLERS = """
    import http.client
    import json

    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest


    def answer(event, context):
        about = event.get("requestContext", {})
        return {"statusCode": 200, "body": json.dumps(about.get("authorizer") or about.get("identity"))}


    def caller(event, context):
        request = AWSRequest("GET", event["url"])
        keys = boto3.Session().get_credentials()
        SigV4Auth(keys, event["service"], "us-east-1").add_auth(request)
        host = event["url"].split("/")[2]
        headers = {**dict(request.headers.items()), "Host": host}
        if event.get("upgrade"):
            headers |= {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        connection = http.client.HTTPConnection("127.0.0.1", int(host.rpartition(":")[2]), timeout=20)
        connection.request("GET", event["url"].split(host)[1], headers=headers)
        response = connection.getresponse()
        text = "" if response.status == 101 else response.read().decode()
        connection.close()
        return {"status": response.status, "type": response.getheader("x-amzn-errortype"), "body": text}
"""
API = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"
URL = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:answer"


def calling(name: str, *permissions: Permission) -> Function:
    return Function(name=name, handler="handlers.caller", timeout_seconds=30, permissions=permissions)


def may(action: str, resource: str, **conditions: Any) -> Permission:
    return Permission(actions=[action], resources=[resource], conditions=conditions)


TOPOLOGY = Topology(
    api=Api(name="chat", stage="dev", routes=(Route(route_key="$connect", function="answer", iam=True),)),
    functions=(
        Function(name="answer", handler="handlers.answer", timeout_seconds=30),
        calling("nobody"),
        calling(
            "somebody",
            may("execute-api:Invoke", f"{API}:*/dev/$connect"),
            may("execute-api:Invoke", f"{API}:webwebweb0/*/GET/open/*"),
            may("execute-api:Invoke", f"{API}:restrestre/Prod/GET/open/*"),
            may("lambda:InvokeFunctionUrl", URL, StringEquals={"lambda:FunctionUrlAuthType": "AWS_IAM"}),
            may("lambda:InvokeFunction", URL, Bool={"lambda:InvokedViaFunctionUrl": "true"}),
        ),
        calling("older", may("lambda:InvokeFunctionUrl", URL)),
    ),
    http_apis=(
        HttpApi(
            name="Web",
            kind=HttpKind.HTTP,
            api_id="webwebweb0",
            routes=(HttpRoute(path="/{proxy+}", method="GET", function="answer", iam=True),),
        ),
        HttpApi(
            name="Rest",
            kind=HttpKind.REST,
            api_id="restrestre",
            stage="Prod",
            routes=(HttpRoute(path="/{proxy+}", method="GET", function="answer", iam=True),),
        ),
        HttpApi(
            name="Url",
            kind=HttpKind.URL,
            api_id="urlurlurlu",
            routes=(HttpRoute(path="$default", function="answer", iam=True),),
        ),
    ),
)


class World:
    def __init__(self, emulator: EmulatorThread) -> None:
        self.emulator = emulator
        self._lambda = boto3.client("lambda", **emulator.aws("lambda"))

    def ask(self, function: str, to: str, path: str = "") -> Any:
        """What a function is answered by an API, ``connect`` being an upgrade."""
        if to == "connect":
            event = {"url": self.emulator.websocket_url.replace("ws:", "http:"), "upgrade": True}
        else:
            event = {"url": f"{self.emulator.http_urls[to].rstrip('/')}/{path}"}
        event["service"] = "lambda" if to == "Url" else "execute-api"
        answer = self._lambda.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())

    def lines(self, function: str) -> list[str]:
        return [line.text for line in self.emulator.logs.lines if line.function == function]


@pytest.fixture(scope="module", params=["process", "inline"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("apis")
    isolation: Isolation = request.param
    (folder / "handlers.py").write_text(textwrap.dedent(HANDLERS))
    config = EmulatorConfig(project_folder=folder, state_folder=folder / "state", isolation=isolation)
    with EmulatorThread(TOPOLOGY, config) as emulator:
        yield World(emulator)


@pytest.mark.parametrize(
    ("to", "path", "status"),
    [("connect", "", 101), ("Web", "open/a", 200), ("Rest", "open/a", 200), ("Url", "a", 200), ("Web", "shut/a", 403),
     ("Rest", "shut/a", 403)],
)  # fmt: skip
def test_a_function_calls_what_its_role_allows(world: World, to: str, path: str, status: int) -> None:
    assert world.ask("somebody", to, path)["status"] == status


WHO = "User: arn:aws:sts::123456789012:assumed-role/nobody-role/nobody is not authorized to perform: "


@pytest.mark.parametrize(
    ("to", "body", "resource"),
    [
        pytest.param("connect", "message", "/dev/$connect", id="upgrade"),
        pytest.param("Rest", "Message", "restrestre/Prod/GET/open/a", id="REST API"),
    ],
)
def test_who_may_not_is_told_so_in_awss_words(world: World, to: str, body: str, resource: str) -> None:
    answer = world.ask("nobody", to, "open/a")

    assert (answer["status"], answer["type"]) == (403, "AccessDeniedException")
    message = json.loads(answer["body"])[body]
    assert message.startswith(f"{WHO}execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9012:")
    assert message.endswith(f"{resource} because no identity-based policy allows the execute-api:Invoke action")


@pytest.mark.parametrize(
    ("to", "body"),
    [
        ("Web", '{"message":"Forbidden"}'),
        (
            "Url",
            '{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: '
            'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}',
        ),
    ],
)
def test_http_apis_and_urls_say_no_more_than_forbidden(world: World, to: str, body: str) -> None:
    answer = world.ask("nobody", to, "open/a")

    assert (answer["status"], answer["body"]) == (403, body)


def test_a_url_needs_both_permissions(world: World) -> None:
    assert world.ask("older", "Url")["status"] == 403
    assert any("may not lambda:InvokeFunction on function answer" in line for line in world.lines("older"))


def test_the_log_says_which_permission_is_missing(world: World) -> None:
    world.ask("nobody", "Rest", "open/a")

    (line,) = {line for line in world.lines("nobody") if "restrestre" in line}
    assert line.endswith(
        'add Permission(actions=["execute-api:Invoke"], resources=["arn:${AWS::Partition}:execute-api:${AWS::Region}:'
        '${AWS::AccountId}:*/Prod/GET/open/a"]) to its permissions'
    )


def test_events_say_which_function_signed(world: World) -> None:
    rest = json.loads(world.ask("somebody", "Rest", "open/a")["body"])
    assert rest["userArn"] == "arn:aws:sts::123456789012:assumed-role/somebody-role/somebody"
    assert rest["accessKey"].startswith("ASIA")
    assert (rest["accountId"], rest["caller"], rest["user"]) == ("123456789012", *["AROAEXAMPLE:somebody"] * 2)

    iam = json.loads(world.ask("somebody", "Web", "open/a")["body"])["iam"]

    assert iam["userArn"] == "arn:aws:sts::123456789012:assumed-role/somebody-role/somebody"
    assert iam["accessKey"].startswith("ASIA")
    assert iam["userId"] == iam["callerId"] == "AROAEXAMPLE:somebody"


@pytest.mark.parametrize(("function", "status"), [("somebody", 200), ("nobody", 403)])
def test_a_url_at_the_root_is_asked_as_the_banner_names_it(tmp_path: Path, function: str, status: int) -> None:
    (tmp_path / "handlers.py").write_text(textwrap.dedent(HANDLERS))
    alone = replace(TOPOLOGY, http_apis=(TOPOLOGY.http_apis[-1],))
    with EmulatorThread(alone, EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path / "state")) as emulator:
        assert emulator.http_urls["Url"].startswith("http://127.0.0.1:")

        assert World(emulator).ask(function, "Url", "a/b")["status"] == status
        with pytest.raises(ClientError, match="is not emulated"):
            boto3.client("lambda", **emulator.aws("lambda")).list_functions()
