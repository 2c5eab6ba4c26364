"""What idle connections send runs no function, here as on AWS, and is answered as the protocol says."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from emulator.wiring.emulator import Emulator, EmulatorConfig
from streamer import App
from streamer.auth import mint

SECRET = "a secret of forty characters, or a few more"


class Started:
    """Which functions ran, by Lambda's own lines; a LogSink."""

    platform_lines = True

    def __init__(self) -> None:
        self.functions: list[str] = []

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        if platform and line.startswith("START "):
            self.functions.append(function)


async def said(folder: Path, *messages: dict[str, Any], answers: int) -> tuple[list[dict[str, Any]], list[str]]:
    """What a client hears for its messages, and the functions that ran for them."""
    topology = App().topology(target="streamer.demo:app", environment={"JWT_SECRET": SECRET})
    started = Started()
    config = EmulatorConfig(project_folder=folder, state_folder=folder / "state", isolation="inline")
    async with Emulator(topology, config, log_sink=started) as emulator:
        token = mint(SECRET, user_id="ada", tenant_id="acme", now=time.time(), expires_in_seconds=60)
        async with connect(f"{emulator.websocket_url}?Authorization={token}", proxy=None, open_timeout=60) as client:
            started.functions.clear()
            for message in messages:
                await client.send(json.dumps(message))
            heard = [json.loads(await client.recv()) for _ in range(answers)]
            ran = list(started.functions)
    return heard, ran


async def test_a_ping_is_answered_without_a_function(tmp_path: Path) -> None:
    heard, ran = await said(tmp_path, {"action": "ping", "id": "r-1"}, answers=1)

    assert [(message["type"], message["request_id"]) for message in heard] == [("pong", "r-1")]
    assert abs(heard[0]["timestamp"] - time.time()) < 60
    assert ran == []


async def test_what_keeps_a_connection_open_has_no_answer(tmp_path: Path) -> None:
    heard, ran = await said(tmp_path, {"action": "keep-alive"}, {"action": "ping", "id": "r-1"}, answers=1)

    assert [message["type"] for message in heard] == ["pong"]
    assert ran == []


async def test_other_messages_are_the_routers(tmp_path: Path) -> None:
    heard, ran = await said(tmp_path, {"action": "health", "id": "r-1"}, answers=1)

    assert [message["type"] for message in heard] == ["response"]
    assert ran == ["router"]
