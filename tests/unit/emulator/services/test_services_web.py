"""Messages to web servers: tried again, and bounded."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping

import pytest

from emulator.services.web import RETRY_SECONDS, WAITING, Web


class Server:
    def __init__(self, *answers: int | OSError) -> None:
        self.got: list[tuple[str, Mapping[str, str], bytes]] = []
        self.paused: list[float] = []
        self._answers = list(answers)

    def post(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> int:
        assert seconds > 0
        self.got.append((url, headers, body))
        answer = self._answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.paused.append(seconds)


async def settled(web: Web) -> None:
    while web._tasks:
        await asyncio.wait(web._tasks)


async def test_a_message_is_posted_once_if_it_arrives() -> None:
    server = Server(204)
    async with Web(server.post, sleep=server.sleep) as web:
        web.send("http://there", {"a": "b"}, b"text", by="topic t")
        await settled(web)

    assert server.got == [("http://there", {"a": "b"}, b"text")]


async def test_it_is_posted_again_until_it_arrives() -> None:
    server = Server(500, OSError("refused"), 200)
    async with Web(server.post, sleep=server.sleep) as web:
        web.send("http://there", {}, b"", by="topic t")
        await settled(web)

    assert len(server.got) == 3
    assert server.paused == list(RETRY_SECONDS[:2])


async def test_what_does_not_arrive_is_told(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(*[500] * (len(RETRY_SECONDS) + 1))
    with caplog.at_level(logging.WARNING):
        async with Web(server.post, sleep=server.sleep) as web:
            web.send("http://there", {}, b"", by="topic t")
            await settled(web)

    assert "arrives nowhere" in caplog.text


async def test_too_many_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    held = threading.Event()

    def post(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> int:
        held.wait(60)
        return 200

    with caplog.at_level(logging.WARNING):
        async with Web(post) as web:
            for _ in range(WAITING + 1):
                web.send("http://there", {}, b"", by="topic t")
            assert len(web._tasks) == WAITING
            held.set()
    assert caplog.text.count("too many wait") == 1
