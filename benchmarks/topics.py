"""One topic, a thousand subscribers of ``streamer emulate``: how long a publish takes to reach them all. One table.

Run: .venv/bin/python benchmarks/topics.py [SUBSCRIBERS]
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from websockets.asyncio.client import ClientConnection, connect

from streamer.auth import mint

SUBSCRIBERS = 1000
PUBLISHES = 5
PATIENCE_SECONDS = 60.0
TABLE = "streamer_subscriptions"
OPTIONS: dict[str, Any] = {"compression": None, "proxy": None, "ping_interval": None, "open_timeout": PATIENCE_SECONDS}


def main() -> None:
    """Run it all and print the table."""
    subscribers = int(sys.argv[1]) if len(sys.argv) > 1 else SUBSCRIBERS
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="streamer-bench-") as name:
        folder = Path(name)
        script = str(Path(sysconfig.get_path("scripts")) / "streamer")
        command = [script, "emulate", "--demo", "--port", "0", "--no-reload", "--ready-file", "ready.json"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            next(line for line in process.stdout if "Ctrl-C" in line)
            asyncio.run(measure(folder, subscribers))
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()


def row(name: str, value: str) -> None:
    print(f"{name:<48}{value}", flush=True)


async def measure(folder: Path, subscribers: int) -> None:
    """Subscribe everybody, publish, then publish with a tenth of them gone but not yet forgotten."""
    ready = json.loads((folder / "ready.json").read_text())
    secret = (folder / ".streamer" / "jwt-secret").read_text().strip()
    token = mint(
        secret,
        user_id="ada",
        tenant_id="acme",
        permissions=["topics:publish"],
        now=time.time(),
        expires_in_seconds=3600,
    )
    url = f"{ready['websocket_url']}?Authorization={quote(token)}"
    table = boto3.resource(
        "dynamodb",
        endpoint_url=ready["dynamodb_url"],
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    ).Table(TABLE)
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(connect(url, **OPTIONS))
        clients = [await stack.enter_async_context(connect(url, **OPTIONS)) for _ in range(subscribers)]
        began = time.perf_counter()
        await asyncio.gather(*(ask(client, "subscribe", topic="news") for client in clients))
        row(f"{subscribers} subscribe", f"{time.perf_counter() - began:.2f} s")
        await publishes(publisher, clients, "all open")

        gone, left = clients[: subscribers // 10], clients[subscribers // 10 :]
        rows = table.scan()["Items"]
        await asyncio.gather(*(client.close() for client in gone))
        while len(table.scan()["Items"]) > len(left):  # noqa: ASYNC110 - nobody tells when $disconnect has run
            await asyncio.sleep(0.01)
        # As if nobody had been told that they closed: $disconnect is best effort.
        with table.batch_writer() as writer:
            for item in rows:
                writer.put_item(item)
        await publishes(publisher, left, f"{len(gone)} gone", times=1)
        row("rows left", str(len(table.scan()["Items"])))


async def publishes(publisher: ClientConnection, clients: list[ClientConnection], what: str, times: int = 0) -> None:
    """Publish several times; when the first, the median and the last subscriber got it, and when it was answered."""
    firsts, medians, lasts, answers = [], [], [], []
    for number in range(times or PUBLISHES):
        began = time.perf_counter()

        async def arrival(client: ClientConnection, number: int = number, began: float = began) -> float:
            message = json.loads(await client.recv())
            assert message["data"] == number, message
            return time.perf_counter() - began

        arrivals = asyncio.gather(*map(arrival, clients))
        counts = await ask(publisher, "publish", topic="news", data=number)
        answers.append(time.perf_counter() - began)
        assert counts["delivered"] == len(clients), counts
        seconds = sorted(await arrivals)
        firsts.append(seconds[0])
        medians.append(statistics.median(seconds))
        lasts.append(seconds[-1])
    for name, values in (("first", firsts), ("median", medians), ("last", lasts), ("answered", answers)):
        row(f"{len(clients)} subscribers, {what}: {name}", f"{statistics.median(values) * 1000:.0f} ms")


async def ask(client: ClientConnection, action: str, **payload: Any) -> Any:
    await client.send(json.dumps({"action": action, "payload": payload}))
    async with asyncio.timeout(PATIENCE_SECONDS):
        message = json.loads(await client.recv())
    assert message["type"] == "response", message
    return message["data"]


if __name__ == "__main__":
    main()
