"""Clients as users have them, at ``https://{domainName}/{stage}`` and ``wss://``: nothing in them knows of us."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import javascript_tools
import pytest
import websockets
from botocore.exceptions import ClientError
from fidelity_client import Upgrading
from fidelity_world import CONNECT, DEFAULT, DISCONNECT, OWN, MakeWorld, World
from websockets.sync.client import connect

ECHO = replace(DEFAULT, function="echo", route_response=True)


@pytest.fixture
def echoing(make_world: MakeWorld) -> World:
    return make_world(CONNECT, DISCONNECT, ECHO)


@pytest.fixture
def aws_environment(echoing: World) -> dict[str, str]:
    """What a developer exports: credentials, a Region, and whom to trust."""
    return {
        "AWS_ACCESS_KEY_ID": OWN.access_key,
        "AWS_SECRET_ACCESS_KEY": OWN.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CA_BUNDLE": str(echoing.emulator.ca_file),
        "NODE_EXTRA_CA_CERTS": str(echoing.emulator.ca_file),
        "AWS_EC2_METADATA_DISABLED": "true",
        "PATH": os.environ["PATH"],
        "HOME": str(echoing.folder),
    }


@pytest.fixture
def client(echoing: World) -> Upgrading:
    """A connection to post to."""
    return echoing.open(("User-Agent", "probe/1.0"))


def endpoint(world: World) -> str:
    """As user code makes it, from an event."""
    context = world.event("connect")["requestContext"]
    return f"https://{context['domainName']}/{context['stage']}"


# Python


@pytest.fixture
def management(
    echoing: World, client: Upgrading, aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The client of boto3 over TLS."""
    for name, value in aws_environment.items():
        monkeypatch.setenv(name, value)
    return boto3.Session().client("apigatewaymanagementapi", endpoint_url=endpoint(echoing))


def test_boto3_posts_gets_and_deletes(echoing: World, client: Upgrading, management: Any) -> None:
    connection_id = echoing.id_of()

    management.post_to_connection(ConnectionId=connection_id, Data="käse".encode())
    assert client.message() == "käse"
    found = management.get_connection(ConnectionId=connection_id)
    assert found["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "probe/1.0"}
    assert found["ConnectedAt"] <= found["LastActiveAt"]
    management.delete_connection(ConnectionId=connection_id)
    assert client.closed().close_code == 1000


def test_boto3_knows_who_is_gone(management: Any) -> None:
    with pytest.raises(management.exceptions.GoneException) as caught:
        management.post_to_connection(ConnectionId="H111mc0HywMCEEf=", Data=b"x")

    assert str(caught.value) == "An error occurred (GoneException) when calling the PostToConnection operation: "


def test_boto3_knows_a_malformed_id_as_client_error_only(management: Any) -> None:
    with pytest.raises(ClientError) as caught:
        management.get_connection(ConnectionId="nonsense")

    assert type(caught.value) is ClientError
    assert caught.value.response["Error"] == {
        "Code": "BadRequestException",
        "Message": "Invalid connectionId: nonsense",
    }


def test_boto3_knows_what_is_too_large(echoing: World, management: Any) -> None:
    with pytest.raises(management.exceptions.PayloadTooLargeException) as caught:
        management.post_to_connection(ConnectionId=echoing.id_of(), Data=b"x" * 131_073)

    assert caught.value.response["Error"]["Message"]


def test_boto3_knows_a_wrong_stage_as_forbidden(echoing: World, management: Any) -> None:
    del management
    wrong = boto3.client(
        "apigatewaymanagementapi", endpoint_url=f"https://{echoing.host}/prod", region_name="us-east-1"
    )

    with pytest.raises(wrong.exceptions.ForbiddenException):
        wrong.post_to_connection(ConnectionId=echoing.id_of(), Data=b"x")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_the_websockets_library_talks_both_ways(echoing: World, scheme: str) -> None:
    """Its asyncio client: the one with threads reads and writes one TLS connection at once, which Python before 3.13
    does not protect; one in some hundred requests never leaves it, to whatever server."""
    trusted = ssl.create_default_context(cafile=str(echoing.emulator.ca_file)) if scheme == "wss" else None

    async def talk() -> str | bytes:
        async with websockets.connect(f"{scheme}://{echoing.host}/dev", ssl=trusted, open_timeout=60) as websocket:
            await websocket.send("hello")
            async with asyncio.timeout(60):
                return await websocket.recv()

    assert asyncio.run(talk()) == "hello"
    assert echoing.ended() == (1000, "")


def test_its_client_with_threads_talks_both_ways(echoing: World) -> None:
    with connect(f"ws://{echoing.host}/dev", open_timeout=60) as websocket:
        websocket.send("hello")
        assert websocket.recv(timeout=60) == "hello"

    assert echoing.ended() == (1000, "")


def test_a_client_that_does_not_trust_us_hears_so(echoing: World) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(f"wss://{echoing.host}/dev", ssl=ssl.create_default_context(), open_timeout=60)

    echoing.open().pinged()


# the AWS CLI


@pytest.fixture
def aws(
    echoing: World, client: Upgrading, aws_environment: dict[str, str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``aws apigatewaymanagementapi COMMAND …`` for the open connection."""
    del client
    if shutil.which("aws") is None:
        pytest.skip("the AWS CLI is not installed")
    url, connection_id = endpoint(echoing), echoing.id_of()

    def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        line = ["aws", "apigatewaymanagementapi", command, "--endpoint-url", url, "--connection-id", connection_id]
        managers = {name: os.environ[name] for name in ("PYENV_ROOT", "ASDF_DATA_DIR") if name in os.environ}
        environment = aws_environment | managers
        return subprocess.run(
            [*line, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_the_aws_cli_posts_gets_and_deletes(
    client: Upgrading, aws: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    # The second version of the CLI takes base64 unless told otherwise, the first knows no such option.
    version = subprocess.run(["aws", "--version"], capture_output=True, text=True, check=True).stdout
    raw = () if "aws-cli/1." in version else ("--cli-binary-format", "raw-in-base64-out")

    posted = aws("post-to-connection", "--data", "from the command line", *raw)
    assert (posted.returncode, posted.stdout) == (0, ""), posted.stderr
    assert client.message() == "from the command line"
    found = aws("get-connection", "--output", "json")
    assert json.loads(found.stdout)["Identity"]["UserAgent"] == "probe/1.0"
    assert aws("delete-connection").returncode == 0
    assert client.closed().close_code == 1000
    gone = aws("get-connection")
    assert gone.returncode != 0
    assert "GoneException" in gone.stderr


# JavaScript

MANAGE = """
    import * as api from "@aws-sdk/client-apigatewaymanagementapi";

    const [endpoint, ConnectionId] = process.argv.slice(2);
    const client = new api.ApiGatewayManagementApiClient({ endpoint, region: "us-east-1" });
    const seen = {};
    await client.send(new api.PostToConnectionCommand({ ConnectionId, Data: "käse from JavaScript" }));
    seen.identity = (await client.send(new api.GetConnectionCommand({ ConnectionId }))).Identity;
    await client.send(new api.DeleteConnectionCommand({ ConnectionId }));
    try {
      await client.send(new api.PostToConnectionCommand({ ConnectionId, Data: "x" }));
    } catch (error) {
      seen.gone = [error.name, error.$metadata.httpStatusCode, error instanceof api.GoneException];
    }
    console.log(JSON.stringify(seen));
"""
TALK = """
    import WebSocket from "ws";

    const socket = new WebSocket(process.argv[2]);
    socket.on("open", () => socket.send("hello"));
    socket.on("message", (data) => { console.log(String(data)); socket.close(); });
    socket.on("error", (error) => console.log(String(error)));
"""


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with AWS's SDK for JavaScript, version 3, and the ws library."""
    javascript_tools.node()
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "manage.js").write_text(textwrap.dedent(MANAGE))
    (folder / "talk.js").write_text(textwrap.dedent(TALK))
    return javascript_tools.install(folder, *javascript_tools.SDK)


def node(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    finished = subprocess.run(
        ["node", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.needs_node
def test_the_javascript_sdk_posts_gets_and_deletes(
    echoing: World, client: Upgrading, node_folder: Path, aws_environment: dict[str, str]
) -> None:
    output = node(node_folder, aws_environment, "manage.js", endpoint(echoing), echoing.id_of())

    assert client.message() == "käse from JavaScript"
    assert client.closed().close_code == 1000
    assert json.loads(output) == {
        "identity": {"SourceIp": "127.0.0.1", "UserAgent": "probe/1.0"},
        "gone": ["GoneException", 410, True],
    }


@pytest.mark.needs_node
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_the_ws_library_of_node_talks_both_ways(
    echoing: World, node_folder: Path, aws_environment: dict[str, str], scheme: str
) -> None:
    assert node(node_folder, aws_environment, "talk.js", f"{scheme}://{echoing.host}/dev") == "hello\n"

    assert echoing.ended() == (1005, "Client-side close frame status not set")
