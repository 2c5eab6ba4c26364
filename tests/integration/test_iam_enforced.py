"""Functions may do here what their roles allow on AWS: real clients inside functions, in both isolations."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from emulator.functions.factory import Isolation
from emulator.iam.guard import Mode
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.errors import ConfigurationError
from streamer.topology import (
    Api,
    Function,
    Index,
    Key,
    Permission,
    Queue,
    Route,
    StreamView,
    Table,
    TableAccess,
    Topology,
)

HANDLERS = """
    import json
    import threading

    import boto3
    from botocore.exceptions import ClientError

    SHARED = boto3.client("dynamodb")  # by whichever function is first to import this


    def calling(event, context):
        made = SHARED if event["service"] == "dynamodb" else boto3.client(event["service"], **event.get("client", {}))
        if not event.get("in_a_thread"):
            return call(made, event)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(call(boto3.client(event["service"]), event)))
        thread.start()
        thread.join()
        return answers[0]


    def call(client, event):
        try:
            getattr(client, event["call"])(**event.get("with", {}))
        except ClientError as error:
            return {
                "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
                "code": error.response["Error"]["Code"],
                "message": error.response["Error"]["Message"],
            }
        return "allowed"


    def upgrade(event, context):
        return {"statusCode": 200}
"""

TABLE, STREAMED = "chat", "log"
KEY = {"id": {"S": "a"}}
TOPOLOGY = Topology(
    api=Api(name="chat", routes=(Route(route_key="$connect", function="upgrade"),)),
    functions=(
        Function(name="nobody", handler="handlers.calling", timeout_seconds=20),
        Function(
            name="somebody",
            handler="handlers.calling",
            timeout_seconds=20,
            tables=(TableAccess(table=TABLE, actions=("GetItem", "PutItem"), indexes=("by-user",)),),
            posts_to_connections=True,
            invokes=("upgrade",),
            sends_to=("jobs",),
        ),
        Function(
            name="tenant",
            handler="handlers.calling",
            timeout_seconds=20,
            permissions=(
                Permission(
                    actions=["dynamodb:GetItem", "dynamodb:Query"],
                    resources=[f"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/{TABLE}*"],
                    conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["a*"]}},
                ),
            ),
        ),
        Function(name="upgrade", handler="handlers.upgrade", timeout_seconds=20),
    ),
    tables=(
        Table(name=TABLE, key=Key(partition="id"), indexes=(Index(name="by-user", key=Key(partition="user")),)),
        Table(name=STREAMED, key=Key(partition="id"), stream=StreamView.KEYS_ONLY),
    ),
    queues=(Queue(name="jobs"),),
)


class World:
    def __init__(self, emulator: EmulatorThread) -> None:
        self.emulator = emulator
        self._lambda = boto3.client("lambda", **emulator.aws("lambda"))

    def ask(self, function: str, service: str, call: str, parameters: Mapping[str, Any] = {}, **further: Any) -> Any:
        """What a function gets for a call: "allowed", or the error."""
        if service == "apigatewaymanagementapi":
            further["client"] = {"endpoint_url": self.emulator.management_url}
        event = {"service": service, "call": call, "with": parameters, **further}
        answer = self._lambda.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())

    def aws(self, service: str) -> Any:
        return boto3.client(service, **self.emulator.aws(service))

    def lines(self, function: str) -> list[str]:
        return [line.text for line in self.emulator.logs.lines if line.function == function]


def start(folder: Path, isolation: Isolation, iam: Mode | None = None) -> EmulatorThread:
    (folder / "handlers.py").write_text(textwrap.dedent(HANDLERS))
    config = EmulatorConfig(project_folder=folder, state_folder=folder / "state", isolation=isolation, iam=iam)
    return EmulatorThread(TOPOLOGY, config)


@pytest.fixture(scope="module", params=["process", "inline"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with start(tmp_path_factory.mktemp("iam"), request.param) as emulator:
        yield World(emulator)


def calls(queue_url: str = "http://x/123456789012/jobs") -> dict[str, tuple[str, str, dict[str, Any]]]:
    return {
        "PutItem": ("dynamodb", "put_item", {"TableName": TABLE, "Item": KEY}),
        "GetItem": ("dynamodb", "get_item", {"TableName": TABLE, "Key": KEY}),
        "DeleteItem": ("dynamodb", "delete_item", {"TableName": TABLE, "Key": KEY}),
        "Scan": ("dynamodb", "scan", {"TableName": TABLE}),
        "Query of an index": (
            "dynamodb",
            "query",
            {
                "TableName": TABLE,
                "IndexName": "by-user",
                "KeyConditionExpression": "#u = :u",
                "ExpressionAttributeNames": {"#u": "user"},
                "ExpressionAttributeValues": {":u": {"S": "ada"}},
            },
        ),
        "TransactWriteItems": (
            "dynamodb",
            "transact_write_items",
            {"TransactItems": [{"Put": {"TableName": TABLE, "Item": KEY}}]},
        ),
        "BatchWriteItem": (
            "dynamodb",
            "batch_write_item",
            {"RequestItems": {TABLE: [{"PutRequest": {"Item": KEY}}]}},
        ),
        "PartiQL": ("dynamodb", "execute_statement", {"Statement": f"SELECT * FROM {TABLE}"}),
        "ListTables": ("dynamodb", "list_tables", {}),
        "ListStreams": ("dynamodbstreams", "list_streams", {}),
        "PostToConnection": (
            "apigatewaymanagementapi",
            "post_to_connection",
            {"ConnectionId": "AAAAAAAAAAAAAAA=", "Data": "x"},
        ),
        "DeleteConnection": ("apigatewaymanagementapi", "delete_connection", {"ConnectionId": "AAAAAAAAAAAAAAA="}),
        "Invoke": ("lambda", "invoke", {"FunctionName": "upgrade"}),
        "Invoke another": ("lambda", "invoke", {"FunctionName": "nobody", "InvocationType": "DryRun"}),
        "SendMessage": ("sqs", "send_message", {"QueueUrl": queue_url, "MessageBody": "x"}),
        "ReceiveMessage": ("sqs", "receive_message", {"QueueUrl": queue_url}),
    }


ALLOWED = {"PutItem", "GetItem", "Query of an index", "TransactWriteItems", "PostToConnection", "Invoke", "SendMessage"}
CODES = {"sqs": (403, "AccessDenied"), "lambda": (403, "AccessDeniedException"),
         "apigatewaymanagementapi": (403, "AccessDeniedException")}  # fmt: skip


@pytest.mark.parametrize("name", calls())
def test_a_function_may_do_what_it_was_granted(world: World, name: str) -> None:
    queue_url = world.aws("sqs").get_queue_url(QueueName="jobs")["QueueUrl"]
    service, call, parameters = calls(queue_url)[name]

    answer = world.ask("somebody", service, call, parameters)

    if name == "PostToConnection":
        assert answer["code"] == "GoneException"  # the connection is invented; the call was let through
    elif name in ALLOWED:
        assert answer == "allowed"
    else:
        assert (answer["status"], answer["code"]) == CODES.get(service, (400, "AccessDeniedException"))


def test_a_function_may_read_the_items_whose_partition_key_a_condition_names(world: World) -> None:
    answers = {
        user: world.ask("tenant", "dynamodb", "get_item", {"TableName": TABLE, "Key": {"id": {"S": user}}})
        for user in ("ada", "bob")
    }

    assert answers["ada"] == "allowed"
    assert answers["bob"]["code"] == "AccessDeniedException"
    assert world.ask("tenant", *calls()["Query of an index"]) == "allowed"  # of the index's partition key


@pytest.mark.parametrize("name", calls())
def test_a_function_without_grants_may_do_nothing(world: World, name: str) -> None:
    service, call, parameters = calls()[name]

    answer = world.ask("nobody", service, call, parameters)

    assert (answer["status"], answer["code"]) == CODES.get(service, (400, "AccessDeniedException"))
    assert answer["message"].startswith(
        "User: arn:aws:sts::123456789012:assumed-role/nobody-role/nobody is not authorized to perform: "
    )
    assert answer["message"].endswith(" action")


@pytest.mark.parametrize("name", calls())
def test_clients_outside_functions_are_the_owner(world: World, name: str) -> None:
    queue_url = world.aws("sqs").get_queue_url(QueueName="jobs")["QueueUrl"]
    service, call, parameters = calls(queue_url)[name]

    if service == "apigatewaymanagementapi":
        with pytest.raises(ClientError, match="GoneException"):
            getattr(world.aws(service), call)(**parameters)
    else:
        getattr(world.aws(service), call)(**parameters)


def test_the_log_says_what_would_allow_it(world: World) -> None:
    world.ask("nobody", "dynamodb", "put_item", {"TableName": TABLE, "Item": KEY})

    advice = (
        'function nobody may not dynamodb:PutItem on chat; add TableAccess(table="chat", actions=("PutItem",)) to it'
    )
    assert advice in world.lines("nobody")


def test_a_refused_write_writes_nothing(world: World) -> None:
    item = {"id": {"S": "refused"}}

    world.ask("nobody", "dynamodb", "put_item", {"TableName": TABLE, "Item": item})

    assert "Item" not in world.aws("dynamodb").get_item(TableName=TABLE, Key=item)


def test_functions_that_share_a_client_sign_as_themselves(world: World) -> None:
    """Inline, all functions have one module and its clients."""
    call = ("dynamodb", "get_item", {"TableName": TABLE, "Key": KEY})

    answers = [world.ask(function, *call) for function in ("nobody", "somebody", "nobody", "somebody")]

    assert [answer == "allowed" for answer in answers] == [False, True, False, True]


def test_a_thread_of_a_functions_own_signs_as_the_function_in_a_process_of_its_own(world: World) -> None:
    """Inline such a thread cannot be told from the emulator's process, so that it is the owner."""
    answer = world.ask("nobody", "dynamodb", "get_item", {"TableName": TABLE, "Key": KEY}, in_a_thread=True)

    is_inline = world.emulator._emulator.config.isolation == "inline"
    assert (answer == "allowed") is is_inline


def test_a_forged_signature_is_no_function(tmp_path: Path) -> None:
    """The management API verifies signatures, also those of functions."""
    with start(tmp_path, "process") as emulator:
        keys = emulator._emulator._guard._callers
        access_key_id = next(key for key, caller in keys.items() if caller.function == "somebody")
        forged = {"aws_access_key_id": access_key_id, "aws_session_token": "forged"}
        settings = {**emulator.aws("apigatewaymanagementapi"), **forged}

        with pytest.raises(ClientError) as refused:
            boto3.client("apigatewaymanagementapi", **settings).post_to_connection(
                ConnectionId="AAAAAAAAAAAAAAA=", Data=b"x"
            )

    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"


def test_off_lets_every_function_do_everything(tmp_path: Path) -> None:
    with start(tmp_path, "process", "off") as emulator:
        answer = World(emulator).ask("nobody", "dynamodb", "put_item", {"TableName": TABLE, "Item": KEY})
        recorded = emulator._emulator.recorded_grants()

    assert answer == "allowed"
    assert recorded is None


def test_record_lets_every_function_do_everything_and_tells_what_it_was(tmp_path: Path) -> None:
    with start(tmp_path, "process", "record") as emulator:
        world = World(emulator)
        assert world.ask("nobody", "dynamodb", "put_item", {"TableName": TABLE, "Item": KEY}) == "allowed"
        assert world.ask("somebody", "lambda", "invoke", {"FunctionName": "upgrade"}) == "allowed"
        recorded = emulator._emulator.recorded_grants()

    assert (recorded or "").splitlines() == [
        "# the grants that this run needed",
        "# nobody",
        "tables=(",
        '    TableAccess(table="chat", actions=("PutItem",)),',
        "),",
        "# somebody",
        'invokes=("upgrade",),',
    ]


def test_connect_that_may_not_write_refuses_the_client(tmp_path: Path) -> None:
    """As on AWS: the function fails, and so does the handshake."""
    handler = "import boto3\ndef handler(event, context):\n    boto3.client('dynamodb').scan(TableName='chat')\n"
    (tmp_path / "failing.py").write_text(handler)
    functions = tuple(
        replace(function, handler="failing.handler") if function.name == "upgrade" else function
        for function in TOPOLOGY.functions
    )
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path)
    with EmulatorThread(replace(TOPOLOGY, functions=functions), config) as emulator:
        with pytest.raises(InvalidStatus) as refused:
            connect(emulator.websocket_url, open_timeout=60)

        assert refused.value.response.status_code == 502
        assert "AccessDeniedException" in emulator.logs.wait_for("AccessDeniedException").text


@pytest.mark.parametrize("iam", ["enforce", "record"])
def test_a_dynamodb_elsewhere_cannot_be_guarded(tmp_path: Path, iam: Mode) -> None:
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path, dynamodb="http://127.0.0.1:1", iam=iam)

    with pytest.raises(ConfigurationError, match=f"--iam {iam} needs the embedded DynamoDB"):
        EmulatorThread(TOPOLOGY, config)
