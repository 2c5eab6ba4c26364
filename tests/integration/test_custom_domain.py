"""A custom domain of ``streamer.toml``: clients, events and ``@connections`` as on AWS, without DNS."""

from __future__ import annotations

import json
import ssl
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import websockets
from loaded_target import load_target
from websockets.exceptions import InvalidStatus

from emulator.testing.thread import EmulatorThread, emulator_thread
from emulator.wiring.emulator import EmulatorConfig
from streamer.client import StreamerClient
from streamer.errors import ConfigurationError
from streamer.project import parse

HANDLERS = """
    import json

    import boto3
    from streamer.topology import Api, Function, Route, Topology


    def service():
        routes = tuple(Route(route_key=key, function="f") for key in ("$connect", "$default"))
        return Topology(api=Api(name="chat", routes=routes), functions=(
            Function(name="f", handler="handlers.handler", posts_to_connections=True, timeout_seconds=30),
        ))


    def posted(url, about):
        client = boto3.client("apigatewaymanagementapi", endpoint_url=url)
        try:
            client.post_to_connection(ConnectionId=about["connectionId"], Data=url.encode())
        except client.exceptions.ForbiddenException:
            return "forbidden"
        return "posted"


    def handler(event, context):
        about = event["requestContext"]
        if about["eventType"] == "MESSAGE":
            urls = [f"https://{about['domainName']}/{path}" for path in ("chat", about["stage"])]
            found = {"domainName": about["domainName"], "stage": about["stage"]}
            found["posts"] = [posted(url, about) for url in urls]
            client = boto3.client("apigatewaymanagementapi")
            client.post_to_connection(ConnectionId=about["connectionId"], Data=json.dumps(found).encode())
        return {"statusCode": 200}


    service = service()
"""
APP = """
    from streamer import App

    app = App()


    @app.action("ask")
    def ask(request):
        return request.payload
"""
SETTINGS: dict[str, Any] = {"domain": "ws.example.com", "base_path": "chat"}


def emulated(folder: Path, text: str, app: str, isolation: Any = "process", **settings: Any) -> EmulatorThread:
    (folder / f"{app.partition(':')[0]}.py").write_text(textwrap.dedent(text))
    project = parse({"app": app, **settings}, folder)
    config = EmulatorConfig(project_folder=folder, state_folder=folder / "state", isolation=isolation)
    return emulator_thread(lambda given: load_target(None, project, environment=given), config, {})


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[EmulatorThread]:
    with emulated(tmp_path, HANDLERS, "handlers:service", **SETTINGS) as running:
        yield running


async def said(connection: websockets.ClientConnection) -> list[Any]:
    """What the handler posted by every address, and then what it says of them."""
    await connection.send("?")
    told: list[Any] = []
    async for text in connection:
        is_last = str(text).startswith("{")
        told.append(json.loads(text) if is_last else text)
        if is_last:
            break
    return told


async def test_a_client_of_the_mappings_path_is_one_of_the_domain(plain: EmulatorThread) -> None:
    address = plain.websocket_url.removesuffix("/dev")
    async with websockets.connect(f"{address}/chat", open_timeout=60) as connection:
        told = await said(connection)

    assert told == [
        "https://ws.example.com/chat",
        {"domainName": "ws.example.com", "stage": "dev", "posts": ["posted", "forbidden"]},
    ]


async def test_the_domain_itself_is_answered_over_tls(plain: EmulatorThread) -> None:
    host, _, port = plain.websocket_url.removeprefix("ws://").removesuffix("/dev").rpartition(":")
    trusted = ssl.create_default_context(cafile=str(plain.ca_file))
    url = "wss://ws.example.com/chat"
    async with websockets.connect(
        url, host=host, port=int(port), ssl=trusted, proxy=None, open_timeout=60
    ) as connection:
        assert (await said(connection))[-1]["domainName"] == "ws.example.com"


async def test_the_apis_own_address_goes_on_answering(plain: EmulatorThread) -> None:
    async with websockets.connect(plain.websocket_url, open_timeout=60) as connection:
        told = (await said(connection))[-1]

    assert f"ws://{told['domainName']}/dev" == plain.websocket_url
    assert told["posts"] == ["posted", "posted"]  # either path is one of this address


@pytest.mark.parametrize("path", ["/dev", "/", "/chat/dev"])
async def test_another_path_of_the_domain_is_forbidden(plain: EmulatorThread, path: str) -> None:
    host, _, port = plain.websocket_url.removeprefix("ws://").removesuffix("/dev").rpartition(":")
    with pytest.raises(InvalidStatus) as refused:
        async with websockets.connect(
            f"ws://ws.example.com{path}", host=host, port=int(port), proxy=None, open_timeout=60
        ):
            pass

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("isolation", ["process", "inline"])
async def test_an_app_answers_clients_of_its_domain(tmp_path: Path, isolation: str) -> None:
    with emulated(tmp_path, APP, "served_app:app", isolation, **SETTINGS) as running:
        url = running.websocket_url.replace("/dev", "/chat")
        async with StreamerClient(url, running.token()) as client:
            assert await client.request("ask", 1) == 1


async def test_a_domain_without_a_path_is_the_root(tmp_path: Path) -> None:
    with emulated(tmp_path, APP, "served_app:app", "inline", domain="ws.example.com") as running:
        async with StreamerClient(running.websocket_url.removesuffix("dev"), running.token()) as client:
            assert await client.request("ask", 1) == 1


async def test_sdks_post_to_the_domain_with_the_emulators_certificate(plain: EmulatorThread) -> None:
    address = plain.websocket_url.replace("ws://", "http://").removesuffix("/dev")
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"{address}/chat",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    with pytest.raises(client.exceptions.GoneException):
        client.post_to_connection(ConnectionId="AAAAAAAAAAAAAAA=", Data=b"hello")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"domain": "no domain"}, "no name of one", id="domain"),
        pytest.param({"domain": "ws.example.com", "base_path": "/chat"}, "no path such as chat", id="base path"),
        pytest.param({"domain": 1}, "is not text", id="no text"),
    ],
)
def test_what_is_no_domain_is_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message), emulated(tmp_path, APP, "served_app:app", **settings):
        pass
