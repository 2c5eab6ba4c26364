"""What is deployed works and may do what it does: the bundle alone, with the roles of the template.

The four functions run from the unpacked bundle, each in a process of its own under AWS's runtime client. Every call
they make to AWS is recorded and compared with the roles, both ways.
"""

import fnmatch
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from deployed_functions import RUNTIME_CLIENT, SECONDS, Call, DeployedFunction, RecordingAws, recording_aws, running
from moto.server import ThreadedMotoServer

from deploy.config import Config
from deploy.package.bundle import unpack
from deploy.package.bytecode import provide
from deploy.project import Service, build, load_service
from streamer.auth import mint
from streamer.records import RequestKey
from streamer.requests.runs import SWEEP_EVENT, run_event
from streamer.testing import connect_event, disconnect_event, message_event

REGION = "us-east-1"
ACCOUNT = "123456789012"
SECRET = "a secret of forty characters, or a few more"
CONNECTION = "WgQ2HdS5oAMCKkw="
SECOND = "WgQ2HdS5oAMSECN="

APP = """
import os
from pathlib import Path

if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    Path("imported-by-" + os.environ["AWS_LAMBDA_FUNCTION_NAME"].removeprefix("chat-dev-")).touch()

from streamer import App, Limits

# Two at once: the third request finds both places taken, one by a request that is over.
app = App(environment=("GREETING",), limits=Limits(concurrent_requests_per_user=2))
GREETING = os.environ.get("GREETING")


@app.action("greet")
def greet(request):
    return {"says": GREETING}


@app.action("report", queued=True)
def report(request, progress):
    progress(50, "half way")
    return {"done": True}


@app.action("reach", queued=False)
def reach(request):
    # Everything that an action can do with connections.
    mine, all_mine = request.connection_id, app.connections
    all_mine.broadcast("hello", user_id=request.user_id)
    all_mine.broadcast("hello", tenant=True)
    app.publish("news", "hello")
    all_mine.send(mine, "hello")
    return {"active": all_mine.is_active(mine)}


@app.action("reach-slowly", queued=True)
def reach_slowly(request, progress):
    return reach(request)
"""


@dataclass
class World:
    """A deployed service, without AWS."""

    service: Service
    aws: RecordingAws
    functions: dict[str, DeployedFunction]
    dynamodb: Any
    arns: dict[str, str]
    in_init: list[Call]
    """The calls before there was any event."""
    imported_in_init: set[str]
    """Functions that had imported the App by then."""
    connected_at: float = field(default_factory=time.time)

    def event(self, make: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        now = time.time()
        since = {} if make is connect_event else {"connected_at": self.connected_at}
        made: dict[str, Any] = make(*arguments, now=now, **since, **options)
        return made

    def say(self, action: str, id_: str, *, by: str = CONNECTION, **payload: Any) -> list[dict[str, Any]]:
        """What the client hears when it sends a message."""
        before = len(self.aws.sent)
        message = {"action": action, "id": id_, "payload": payload}
        event = self.event(message_event, message, connection_id=by)
        assert self.functions["router"].invoke(event) == {"statusCode": 200}
        return [heard for _, heard in self.aws.sent[before:]]

    def run(self, request_id: str) -> list[dict[str, Any]]:
        """What the client hears when the stream has told the processor of a request, and it invoked itself."""
        before, processor = len(self.aws.sent), self.functions["processor"]
        assert processor.invoke(stream_records(self, request_id)) == {"batchItemFailures": []}
        while self.aws.invoked:
            processor.invoke(self.aws.invoked.pop())
        return [heard for _, heard in self.aws.sent[before:]]

    def leave_behind(self, connection_id: str, token: str) -> None:
        """A subscriber that closed its connection long ago, and API Gateway's $disconnect was lost."""
        event = connect_event(query={"Authorization": token}, connection_id=connection_id, now=time.time() - 3600)
        assert self.functions["connect"].invoke(event)["statusCode"] == 200
        self.say("subscribe", f"of-{connection_id[:8]}", by=connection_id, topic="news")

    def table(self, name: str) -> str:
        return f"chat-dev_{name}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Config]]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "deployed_app.py").write_text(APP)
    config = Config(folder=folder, service="chat", app="deployed_app:app", region=REGION)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield load_service(config), config


@pytest.fixture(scope="module")
def task(service: tuple[Service, Config], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle in a folder of its own."""
    folder = tmp_path_factory.mktemp("task")
    unpack(build(service[1], service[0]).files, folder)
    return folder


@pytest.fixture(scope="module")
def provided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda provides: boto3 and the runtime client, and nothing else of this environment."""
    folder = tmp_path_factory.mktemp("runtime") / "provided"
    provide(folder)
    packages = Path(boto3.__file__).parent.parent
    for found in (path for name in RUNTIME_CLIENT for path in packages.glob(f"{name}*")):
        if not found.name.endswith(".dist-info"):
            (folder / found.name).symlink_to(found)
    return folder


@pytest.fixture(scope="module")
def world(service: tuple[Service, Config], task: Path, provided: Path) -> Iterator[World]:
    described = service[0]
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    with ExitStack() as stack:
        stack.callback(moto.stop)
        aws, url = stack.enter_context(recording_aws(f"http://{host}:{port}"))
        options = {
            "endpoint_url": f"http://{host}:{port}",
            "region_name": REGION,
            "aws_access_key_id": "x",
            "aws_secret_access_key": "y",
        }
        dynamodb = boto3.client("dynamodb", **options)
        arns = create(described, dynamodb, boto3.client("secretsmanager", **options))
        functions = {
            function.name: stack.enter_context(
                running(function.handler, task, provided, environment(described, function.name, url, arns))
            )
            for function in described.topology.functions
        }
        assert all(function.is_ready.wait(SECONDS) for function in functions.values())
        imported = {path.name.removeprefix("imported-by-") for path in task.glob("imported-by-*")}
        yield World(described, aws, functions, dynamodb, arns, in_init=list(aws.calls), imported_in_init=imported)


def create(service: Service, dynamodb: Any, vault: Any) -> dict[str, str]:
    """Tables and secrets of the template; logical id and attribute to ARN."""
    arns = {"Api": "api-id", "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
    arns["AWS::StackName"] = "chat-dev"
    for logical_id, resource in service.template["Resources"].items():
        properties = dict(resource["Properties"])
        if resource["Type"] == "AWS::DynamoDB::Table":
            for name in ("PointInTimeRecoverySpecification", "TimeToLiveSpecification"):
                properties.pop(name)
            if "StreamSpecification" in properties:
                properties["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
            made = dynamodb.create_table(**properties)["TableDescription"]
            arns[f"{logical_id}.Arn"] = made["TableArn"]
        elif resource["Type"] == "AWS::SecretsManager::Secret":
            value = SECRET if logical_id == "JwtSecretStore" else "servus"
            arns[f"{logical_id}.Id"] = vault.create_secret(Name=logical_id, SecretString=value)["ARN"]
    return arns


def resolved(value: Any, arns: dict[str, str]) -> str:
    """A value of the template as CloudFormation would have it."""
    match value:
        case {"Ref": name}:
            return arns[name]
        case {"Fn::GetAtt": [name, attribute]}:
            return arns.get(f"{name}.{attribute}", f"unused:{name}.{attribute}")
        case {"Fn::Sub": text}:
            for name, arn in arns.items():
                text = text.replace(f"${{{name}}}", arn)
            return str(text)
    return str(value)


def environment(service: Service, function: str, url: str, arns: dict[str, str]) -> dict[str, str]:
    """A function's environment, by the template and by Lambda."""
    properties = service.template["Resources"][f"{function.capitalize()}Function"]["Properties"]
    variables = properties["Environment"]["Variables"]
    return {
        **{name: resolved(value, arns) for name, value in variables.items()},
        "AWS_LAMBDA_FUNCTION_NAME": f"chat-dev-{function}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": function,
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_ENDPOINT_URL": url,
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": f"{url}/dev",
    }


def stream_records(world: World, request_id: str) -> dict[str, Any]:
    """What the stream says about a request that was just stored."""
    rows = world.dynamodb.scan(TableName=world.table("requests"))["Items"]
    [row] = [row for row in rows if row["request_id"]["S"] == request_id]
    change = {"Keys": {name: row[name] for name in ("owner", "request_id")}, "NewImage": row}
    record = {"eventID": "1", "eventName": "INSERT", "eventSource": "aws:dynamodb"}
    return {"Records": [{**record, "dynamodb": {**change, "SequenceNumber": "100000000000000000000001"}}]}


def visit(world: World) -> dict[str, Any]:
    """Everything a client can make the functions do; what it heard, by step."""
    heard: dict[str, Any] = {}
    token = mint(SECRET, user_id="ada", tenant_id="acme", now=time.time(), expires_in_seconds=600)
    connect, processor = world.functions["connect"], world.functions["processor"]
    heard["refused"] = connect.invoke(world.event(connect_event))["statusCode"]
    heard["accepted"] = connect.invoke(world.event(connect_event, query={"Authorization": token}))["statusCode"]
    heard["quick"] = world.say("greet", "quick")
    heard["queued"] = world.say("report", "slow")
    heard["repeated"] = world.say("report", "slow")
    heard["ran"] = world.run("slow")
    heard["status"] = world.say("status", "asked", request_id="slow")
    processor.invoke(run_event(RequestKey("acme/ada", "expired")))
    heard["queued too"] = world.say("report", "unwanted")
    connect.invoke(world.event(connect_event, query={"Authorization": token}, connection_id=SECOND))
    heard["followed"] = world.say("subscribe", "listen", by=SECOND, request_id="unwanted")
    world.functions["disconnect"].invoke(world.event(disconnect_event, connection_id=SECOND))
    heard["subscribed"] = world.say("subscribe", "follow", topic="news")
    world.leave_behind("goneAAAAAAAAAAA=", token)
    heard["reached"] = world.say("reach", "reach")
    world.leave_behind("goneBBBBBBBBBBB=", token)
    world.say("reach-slowly", "reach-slowly")
    heard["reached slowly"] = world.run("reach-slowly")
    heard["unsubscribed"] = world.say("unsubscribe", "leave", topic="news")
    heard["subscribed again"] = world.say("subscribe", "again", topic="news")
    processor.invoke(SWEEP_EVENT)
    heard["gone"] = world.functions["disconnect"].invoke(world.event(disconnect_event))["statusCode"]
    heard["rows"] = [
        world.dynamodb.scan(TableName=world.table(name))["Count"] for name in ("connections", "subscriptions")
    ]
    return heard


@pytest.fixture(scope="module")
def heard(world: World) -> dict[str, Any]:
    return visit(world)


def types(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


def test_the_bundle_alone_serves_a_client(heard: dict[str, Any]) -> None:
    assert (heard["refused"], heard["accepted"], heard["gone"]) == (401, 200, 200)
    assert [message["data"] for message in heard["quick"]] == [{"says": "servus"}]
    assert types(heard["queued"]) == types(heard["repeated"]) == ["acknowledgment"]
    assert types(heard["ran"]) == ["progress", "complete"]
    assert heard["status"][0]["data"]["status"] == "COMPLETED"
    assert types(heard["followed"])[0] == "response"
    assert types(heard["reached"]) == ["message"] * 4 + ["response"]
    assert heard["reached"][-1]["data"] == {"active": True}
    assert types(heard["reached slowly"])[-1] == "complete"
    assert heard["rows"] == [0, 0]


def granted(world: World) -> Iterator[Call]:
    """What the roles allow the functions' own code; what Lambda does in their name is listed below."""
    for function in world.service.topology.functions:
        role = world.service.template["Resources"][f"{function.name.capitalize()}Role"]["Properties"]
        for statement in role["Policies"][0]["PolicyDocument"]["Statement"]:
            for action in statement["Action"]:
                for resource in statement["Resource"]:
                    yield Call(function.name, action, resolved(resource, world.arns))


BY_LAMBDA = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "sqs:SendMessage",
}
"""Actions that Lambda takes with a function's role: logs, traces, reading the stream, giving up on records."""


def covers(grant: Call, call: Call) -> bool:
    is_same = (grant.function, grant.action) == (call.function, call.action)
    return is_same and fnmatch.fnmatchcase(call.resource, grant.resource)


def test_every_call_is_allowed_by_the_callers_role(world: World, heard: dict[str, Any]) -> None:
    grants = list(granted(world))

    denied = {call for call in world.aws.calls if not any(covers(grant, call) for grant in grants)}

    assert denied == set()


def test_nothing_is_granted_that_no_call_needed(world: World, heard: dict[str, Any]) -> None:
    own = [grant for grant in granted(world) if grant.action not in BY_LAMBDA]

    idle = {grant for grant in own if not any(covers(grant, call) for call in world.aws.calls)}

    # Messages to audiences of thousands are passed on by parts, which nobody here is.
    passes_on = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:chat-dev-processor"
    assert idle == {Call("router", "lambda:InvokeFunction", passes_on)}


def test_secrets_are_fetched_once_per_execution_environment(world: World, heard: dict[str, Any]) -> None:
    fetched = [call.function for call in world.aws.calls if call.action == "secretsmanager:GetSecretValue"]

    assert sorted(fetched) == ["connect", "processor", "router"]


def test_secrets_and_the_users_code_are_loaded_in_init_and_no_client_waits_for_them(world: World) -> None:
    assert {(call.function, call.action) for call in world.in_init} == {
        (function, "secretsmanager:GetSecretValue") for function in ("connect", "processor", "router")
    }
    assert world.imported_in_init == {"processor", "router"}


def test_a_role_covers_no_other_table_and_no_other_api(world: World) -> None:
    grants = list(granted(world))
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table"

    for call in (
        Call("connect", "dynamodb:PutItem", f"{arn}/chat-dev_requests"),
        Call("connect", "dynamodb:PutItem", f"{arn}/chat-prod_connections"),
        Call(
            "router", "execute-api:ManageConnections", "arn:aws:execute-api:us-east-1:1:other/dev/POST/@connections/x"
        ),
        Call("disconnect", "execute-api:ManageConnections", "*"),
        Call("connect", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:chat-dev-processor"),
        Call("router", "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:chat-prod-processor"),
    ):
        assert not any(covers(grant, call) for grant in grants), call


def test_the_template_of_this_service_holds_no_secret(world: World) -> None:
    text = json.dumps(world.service.template)

    assert SECRET not in text
    assert "servus" not in text
