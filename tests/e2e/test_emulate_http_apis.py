"""HTTP APIs beside a WebSocket API: a POST that pushes to sockets, by functions that know nothing of an emulator."""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from running_command import Emulate, dial, streamer

TEMPLATE = Path(__file__).parents[1] / "templates" / "sam-http"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "shop"
    shutil.copytree(TEMPLATE, found)
    return found


def post(url: str, body: bytes, **headers: str) -> Any:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "text/plain", **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


@pytest.mark.parametrize("api", ["Web", "ServerlessRestApi", "NotifyUrl"])
def test_a_post_reaches_every_socket_by_boto3(api: str, folder: Path) -> None:
    with Emulate(folder=folder) as emulate, dial(emulate.url) as first, dial(emulate.url) as second:
        path = "/rooms/1/messages"
        # What a browser resolves by itself, and other clients are told.
        host = emulate.ready["http_urls"][api].split("/")[2]
        stage = emulate.ready["http_urls"][api].split(host)[1].rstrip("/")

        event = post(f"http://127.0.0.1:{emulate.port}{stage}{path}", b"news", Host=host)

        assert first.recv(timeout=60) == second.recv(timeout=60) == "news"
        assert event["requestContext"]["domainName"].endswith((".amazonaws.com", ".on.aws"))


@pytest.mark.needs_node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_a_post_reaches_one_socket_by_node(folder: Path) -> None:
    with Emulate(folder=folder) as emulate, dial(emulate.url) as connection:
        url = emulate.ready["http_urls"]["Web"]
        event = post(f"{url}/rooms/1/messages", b"")  # tells nobody
        assert event["version"] == "2.0"
        table = emulate.ready["resources"]["Connections"]["id"]
        [row] = emulate.aws("dynamodb").scan(TableName=table)["Items"]

        answer = post(f"{url}/connections/{quote(row['id']['S'])}", b"for you alone")

        assert answer == {"sent": 200, "version": "2.0"}
        assert connection.recv(timeout=60) == "for you alone"


def test_the_list_names_each_api_and_its_routes(folder: Path) -> None:
    done = streamer("emulate", "--check", folder=folder)

    assert done.returncode == 0, done.stderr
    assert "Web, HTTP API: " in done.stdout
    assert "POST /rooms/{room}/messages" in done.stdout
    assert "ServerlessRestApi, REST API: ANY /rooms/{proxy+}" in done.stdout
    assert "NotifyUrl, function URL" in done.stdout
