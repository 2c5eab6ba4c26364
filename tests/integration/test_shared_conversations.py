"""Both clients hold the same conversations, so that they cannot drift apart (``tests/protocol``)."""

from __future__ import annotations

import shutil

import pytest
from conversations import CONVERSATIONS, hold, node_player, playing, python_player

NODE = shutil.which("node")


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_the_python_client_holds_it(name: str) -> None:
    async with playing() as (service, url), python_player(url) as player:
        await hold(CONVERSATIONS[name], service, player)


@pytest.mark.needs_node
@pytest.mark.skipif(NODE is None, reason="needs Node.js")
@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_the_javascript_client_holds_it(name: str) -> None:
    async with playing() as (service, url), node_player(url) as player:
        await hold(CONVERSATIONS[name], service, player)
