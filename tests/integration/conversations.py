"""Holds the conversations of ``tests/protocol`` with a client: plays the service, and has the client do its part."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from streamer.client import Reconnect, StreamerClient
from streamer.client.errors import ClientError
from streamer.errors import PayloadTooLargeError

ROOT = Path(__file__).resolve().parents[2]
CONVERSATIONS = {
    conversation["name"]: conversation
    for file in sorted((ROOT / "tests" / "protocol").glob("*.json"))
    for conversation in json.loads(file.read_text())
}
PATIENCE_SECONDS = 30


class Told:
    """What the client's calls have come to."""

    def __init__(self) -> None:
        self._said: dict[str, list[dict[str, Any]]] = {}
        self._changed = asyncio.Condition()

    async def add(self, call: str, what: dict[str, Any]) -> None:
        async with self._changed:
            self._said.setdefault(call, []).append(what)
            self._changed.notify_all()

    async def progress(self, call: str, count: int) -> list[Any]:
        """What a call reported, once there is so much of it."""

        def reported() -> list[Any]:
            return [what["progress"] for what in self._said.get(call, ()) if "progress" in what]

        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: len(reported()) >= count), PATIENCE_SECONDS)
        return reported()

    async def end(self, call: str) -> dict[str, Any]:
        def ends() -> list[dict[str, Any]]:
            return [what for what in self._said.get(call, ()) if "progress" not in what]

        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(ends), PATIENCE_SECONDS)
        return ends()[0]


class Player(Protocol):
    """Does the client's part."""

    told: Told

    async def do(self, step: dict[str, Any]) -> None:
        """Begin something; what comes of it is told."""


class PythonPlayer:
    """The Python client."""

    def __init__(self, url: str) -> None:
        self.told = Told()
        self._url = url
        self._tokens = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: StreamerClient | None = None

    async def do(self, step: dict[str, Any]) -> None:
        task = asyncio.create_task(self._tell(step))
        self._tasks.add(task)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
        await asyncio.gather(*self._tasks)

    async def _tell(self, step: dict[str, Any]) -> None:
        try:
            result = await self._done(step)
        except (ClientError, PayloadTooLargeError, ValueError) as error:
            names = ("code", "reason", "message", "status", "size_bytes")
            fields = {name: getattr(error, name, None) for name in names}
            await self.told.add(step["call"], {"error": type(error).__name__, "fields": fields})
        else:
            await self.told.add(step["call"], {"result": result})

    async def _done(self, step: dict[str, Any]) -> Any:
        if step["do"] == "client":
            await self._open(step)
            return None
        client = self._client
        assert client is not None

        async def report(progress: Any) -> None:
            await self.told.add(step["call"], {"progress": progress.percentage})

        match step["do"]:
            case "request":
                seconds = step["timeout_ms"] / 1000 if "timeout_ms" in step else None
                options = {"id": step.get("id"), "resend": step.get("resend", False), "timeout": seconds}
                return await client.request(step["action"], step.get("payload"), on_progress=report, **options)
            case "resume":
                return await client.resume(step["id"], on_progress=report)
            case "topic":
                return await self._heard(client, step)
            case "cancel":
                return await client.cancel(step["id"], step.get("reason"))
            case "publish":
                return await client.publish(step["topic"], step["data"])
            case "close":
                return await client.close()
        return await getattr(client, step["do"])(step["id"])

    async def _open(self, step: dict[str, Any]) -> None:
        policy = Reconnect(base_seconds=0.001, most_seconds=0.01, give_up_seconds=step.get("give_up_ms", 30_000) / 1000)
        token = self._fresh_token if step.get("fresh_token") else step.get("token")
        self._client = StreamerClient(self._url, token, reconnect=policy)
        await self._client.__aenter__()

    def _fresh_token(self) -> str:
        self._tokens += 1
        return f"token-{self._tokens}"

    async def _heard(self, client: StreamerClient, step: dict[str, Any]) -> list[Any]:
        heard: list[Any] = []
        async with contextlib.aclosing(client.topic(step["topic"])) as messages:
            async for message in messages:
                heard.append({"data": message.data, "missed": message.missed} if message.missed else message.data)
                await self.told.add(step["call"], {"progress": message.data})
                if len(heard) == step["count"]:
                    break
        return heard


class NodePlayer:
    """The JavaScript client, in Node."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.told = Told()
        self._process = process
        self._reading = asyncio.create_task(self._read())

    async def do(self, step: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(step).encode() + b"\n")
        await self._process.stdin.drain()

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._reading
        assert await self._process.wait() == 0

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            what = json.loads(line)
            await self.told.add(what.pop("call"), what)


@contextlib.asynccontextmanager
async def python_player(url: str) -> AsyncIterator[Player]:
    player = PythonPlayer(url)
    try:
        yield player
    finally:
        await player.close()


@contextlib.asynccontextmanager
async def node_player(url: str) -> AsyncIterator[Player]:
    node = shutil.which("node")
    assert node is not None
    process = await asyncio.create_subprocess_exec(
        *(node, "--experimental-websocket", "--no-warnings", str(ROOT / "clients/javascript/test/driver.js"), url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    player = NodePlayer(process)
    try:
        yield player
    finally:
        await player.close()


class Service:
    """Plays the service: one connection after the other, one message after the other."""

    def __init__(self) -> None:
        self.tokens: list[str | None] = []
        self.refusing: list[Any] = []
        self._got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sockets: list[ServerConnection] = []
        self._changed = asyncio.Condition()

    async def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        offers = [offer.strip() for offer in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        bearers = [offer.removeprefix("bearer.") for offer in offers if offer.startswith("bearer.")]
        header = request.headers.get("Authorization", "").removeprefix("Bearer ")
        async with self._changed:
            self.tokens.append(bearers[0] if bearers else header or None)
            self._changed.notify_all()
        if not self.refusing:
            return None
        return socket.respond(self.refusing[0] if self.refusing[1:] == ["*"] else self.refusing.pop(0), "")

    async def serve(self, socket: ServerConnection) -> None:
        async with self._changed:
            self._sockets.append(socket)
            self._changed.notify_all()
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                await self._got.put(json.loads(text))

    async def offered(self, count: int) -> list[str | None]:
        """The tokens of all handshakes, once there were so many."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: len(self.tokens) >= count), PATIENCE_SECONDS)
        return self.tokens

    async def got(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._got.get(), PATIENCE_SECONDS)

    async def say(self, text: str) -> None:
        await self._sockets[-1].send(text)

    async def end(self, code: int | None) -> None:
        """End the connection, with a close frame or without."""
        socket = self._sockets[-1]
        if code is None:
            socket.transport.abort()
        else:
            await socket.close(code)


def _subprotocol(_: ServerConnection, offers: Any) -> Subprotocol | None:
    return Subprotocol("streamer.v1") if "streamer.v1" in offers else None


@contextlib.asynccontextmanager
async def playing() -> AsyncIterator[tuple[Service, str]]:
    """A service without clients, and its URL."""
    service = Service()
    limits = (131_072, 32_768)
    async with serve(
        *(service.serve, "127.0.0.1", 0),
        process_request=service.admit,
        select_subprotocol=_subprotocol,
        max_size=limits,
    ) as server:
        yield service, f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/dev"


async def hold(conversation: dict[str, Any], service: Service, player: Player) -> None:
    """Go through the steps; an assertion fails where the client does something else."""
    kept: dict[str, str] = {}
    await player.do({"do": "client", "call": "client", **conversation.get("client", {})})
    assert await player.told.end("client") == {"result": None}
    for step in conversation["steps"]:
        await _step(_filled(step, kept), service, player, kept)


async def _step(step: dict[str, Any], service: Service, player: Player, kept: dict[str, str]) -> None:
    match step:
        case {"do": _}:
            await player.do(step)
        case {"got": fields}:
            got = await service.got()
            assert {name: got.get(name) for name in fields} == fields
            kept[step.get("keep", "")] = got["id"]
        case {"progress": call, "is": progress}:
            assert await player.told.progress(call, len(progress)) == progress
        case {"ends": call, **wanted}:
            _check_end(await player.told.end(call), wanted)
        case _:
            await _play(step, service)


async def _play(step: dict[str, Any], service: Service) -> None:
    match step:
        case {"say": message}:
            await service.say(json.dumps(message))
        case {"say_in_parts": message, "parts": count}:
            for part in _parts(json.dumps(message, ensure_ascii=False), count):
                await service.say(json.dumps(part))
        case {"close": code}:
            await service.end(code)
        case {"cut": True}:
            await service.end(None)
        case {"refuse": statuses}:
            service.refusing = statuses
        case {"tokens": tokens}:
            assert await service.offered(len(tokens)) == tokens
        case _:
            raise AssertionError(f"no step: {step}")


def _check_end(came: dict[str, Any], wanted: dict[str, Any]) -> None:
    if wanted.get("error") == "*":
        assert "error" in came
        return
    fields = wanted.get("fields", {})
    came = came if "result" in came else {**came, "fields": {name: came["fields"].get(name) for name in fields}}
    assert came == (wanted if "result" in wanted else {"error": wanted["error"], "fields": fields})


def _parts(text: str, count: int) -> list[dict[str, Any]]:
    size = len(text) // count + 1
    texts = [text[start : start + size] for start in range(0, len(text), size)]
    head = {"type": "part", "request_id": "r-1", "part_of": "whole", "count": len(texts)}
    parts = [{**head, "index": index, "text": part} for index, part in enumerate(texts)]
    return [parts[-1], *parts]


def _filled(value: Any, kept: dict[str, str]) -> Any:
    match value:
        case {"repeat": str(text), "times": int(times)}:
            return text * times
        case dict():
            return {name: _filled(inner, kept) for name, inner in value.items()}
        case list():
            return [_filled(inner, kept) for inner in value]
        case str() if value.startswith("$"):
            return kept[value[1:]]
    return value
