"""A thousand clients at once: nobody is refused, mixed up or forgotten."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from running_command import PATIENCE_SECONDS, Emulate
from websockets.asyncio.client import ClientConnection, connect

from streamer.auth import mint

CLIENTS = 1000
CROWD = 200
"""Most that wait for a function at a time: the gateway gives each 29 seconds, which a busy machine needs for all."""


@pytest.fixture
def _enough_files() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * CLIENTS:
        pytest.skip(f"the machine allows only {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4 * CLIENTS if hard == resource.RLIM_INFINITY else hard, hard))


def users_with_a_row(emulator: Emulate) -> list[str]:
    pages = emulator.aws("dynamodb").get_paginator("scan").paginate(TableName="streamer_connections")
    return sorted(item["user_id"]["S"] for page in pages for item in page["Items"])


@pytest.mark.usefixtures("_enough_files")
async def test_a_thousand_clients_are_connected_at_once_and_each_gets_its_own_echo(tmp_path: Path) -> None:
    users = [f"user-{number:04}" for number in range(CLIENTS)]
    with Emulate("--log-format", "json", folder=tmp_path) as emulator:
        secret = (tmp_path / ".streamer" / "jwt-secret").read_text().strip()
        now = (tmp_path / "ready.json").stat().st_mtime
        async with AsyncExitStack() as stack:

            async def join(user: str) -> ClientConnection:
                token = quote(mint(secret, user_id=user, tenant_id="acme", now=now, expires_in_seconds=3600))
                url = f"{emulator.url}?Authorization={token}"
                options: dict[str, Any] = {"compression": None, "proxy": None, "ping_interval": None}
                return await stack.enter_async_context(connect(url, open_timeout=PATIENCE_SECONDS, **options))

            clients: list[ClientConnection] = await in_crowds(join, users)
            connected = await asyncio.to_thread(users_with_a_row, emulator)
            answers = await in_crowds(echo, clients, users)

        await asyncio.to_thread(emulator.log.wait_for, '"connection closed"', count=CLIENTS)
        left = await asyncio.to_thread(users_with_a_row, emulator)

    assert connected == users
    assert answers == [{"for": user} for user in users]
    assert left == []


async def in_crowds(do: Callable[..., Awaitable[Any]], *of: Sequence[Any]) -> list[Any]:
    """What comes of doing it for each, in their order."""
    places = asyncio.Semaphore(CROWD)

    async def one(*each: Any) -> Any:
        async with places:
            return await do(*each)

    return await asyncio.gather(*map(one, *of))


async def echo(client: ClientConnection, user: str) -> Any:
    await client.send(json.dumps({"action": "echo", "id": user, "payload": {"for": user}}))
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = json.loads(await client.recv())
    assert answer["request_id"] == user
    return answer["data"]
