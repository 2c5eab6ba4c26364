"""Whether memory and descriptors stay flat: hours of mixed load on ``streamer emulate``, one row a minute.

    python -m benchmarks.mixed_load [--minutes 60] [--clients 12] [--seed 1] [-- OPTIONS OF EMULATE]

Each client of the load is one of several kinds, drawn anew after every connection: one that asks for quick and queued
actions, cancels and publishes; one whose connection is cut in the middle; one that asks for much and reads nothing; one
that sends what is no message or has no token; one that writes and deletes items. Ends with status 1 if the emulator's
own memory or descriptors at the end are more than a tenth above those of half-time: until then what is kept on purpose
grows to its bounds (the console's 32 MB, the streams' records, requests that are over).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import resource
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import boto3
from botocore.config import Config
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from benchmarks.processes import family, memory
from streamer.auth import mint
from streamer.client import StreamerClient
from streamer.errors import StreamerError

READY_SECONDS: Final = 60
GROWTH: Final = 1.1
KEPT_SECONDS: Final = 900
"""How long the service keeps a request that is over: the least it takes. What is kept is memory that may grow."""
ITEMS: Final = 500
PAUSE_SECONDS: Final = 0.3
NONSENSE: Final[Sequence[str | bytes]] = ("", "{", "[]", "x" * 1000, '{"action": 7}', b"\x00\xff")
OPTIONS: Final[dict[str, Any]] = {"compression": None, "proxy": None, "ping_interval": None, "open_timeout": 60}


@dataclass(frozen=True, slots=True)
class Sample:
    """What the emulator used at the end of a minute. ``own`` is its process alone, the others with what it started."""

    minute: int
    own_rss_mb: float
    own_descriptors: int
    rss_mb: float
    pss_mb: float
    processes: int

    def row(self, done: Counter[str]) -> str:
        """The figures, and what was done until then."""
        own = f"{self.minute:>6} {self.own_rss_mb:>9.1f} {self.own_descriptors:>11}"
        everything = f"{self.pss_mb:>9.1f} {self.rss_mb:>9.1f} {self.processes:>9}"
        return f"{own} {everything}  " + " ".join(f"{kind}={count}" for kind, count in sorted(done.items()))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the emulator is, and what signs its tokens."""

    url: str
    endpoint: str
    secret: str

    def token(self, user: str) -> str:
        """One that outlives every connection of the load."""
        return mint(
            self.secret,
            user_id=user,
            tenant_id="load",
            permissions=["topics:publish"],
            now=time.time(),
            expires_in_seconds=3600,
        )

    def signed_url(self, user: str) -> str:
        """The address that a plain WebSocket client opens."""
        return f"{self.url}?Authorization={quote(self.token(user))}"


class Load:
    """Clients of all kinds, from a seed; counts what they did."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._random = random.Random(seed)
        self._table = boto3.client(
            "dynamodb",
            endpoint_url=place.endpoint,
            region_name="us-east-1",
            aws_access_key_id="load",
            aws_secret_access_key="load",
            config=Config(retries={"max_attempts": 1}),
        )
        self._kinds: Sequence[Callable[[str], Awaitable[None]]] = (
            self._asks,
            self._asks,
            self._is_cut,
            self._does_not_read,
            self._makes_no_sense,
            self._has_no_token,
            self._writes_items,
        )
        self.done: Counter[str] = Counter()

    def make_table(self) -> None:
        """Make the table that some clients write."""
        self._table.create_table(
            TableName="load",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )

    async def run(self, number: int, end: float) -> None:
        """Be one client after the other until ``end``, in seconds of the monotonic clock."""
        while time.monotonic() < end:
            kind = self._random.choice(self._kinds)
            try:
                await asyncio.wait_for(kind(f"user-{number}"), 60)
            except (StreamerError, ConnectionClosed, OSError, TimeoutError) as error:
                self.done[f"{kind.__name__}:{type(error).__name__}"] += 1
            self.done[kind.__name__.removeprefix("_")] += 1
            await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.random() * 2 * PAUSE_SECONDS)

    async def _asks(self, user: str) -> None:
        async with StreamerClient(self._place.url, self._place.token(user)) as client:
            listening = asyncio.ensure_future(_listen(client))
            for _ in range(self._random.randrange(1, 10)):
                what = self._random.randrange(4)
                if what == 0:
                    await client.request("report", {"steps": 5, "seconds": 0.2})
                elif what == 1:
                    events = client.events("report", {"steps": 50, "seconds": 5})
                    first = await anext(events)
                    await client.cancel(str(first.request_id))
                    with contextlib.suppress(StreamerError):
                        async for _event in events:
                            pass
                elif what == 2:
                    await client.publish("news", {"text": "x" * self._random.randrange(2000)})
                else:
                    await client.request("echo", "ä" * self._random.randrange(1, 10_000))
                await self._pause()
            listening.cancel()
            await asyncio.wait([listening])

    async def _is_cut(self, user: str) -> None:
        async with connect(self._place.signed_url(user), **OPTIONS) as socket:
            await socket.send(json.dumps({"action": "report", "id": self._id(), "payload": {"steps": 5, "seconds": 1}}))
            await self._pause()
            socket.transport.abort()

    async def _does_not_read(self, user: str) -> None:
        async with connect(self._place.signed_url(user), max_queue=1, **OPTIONS) as socket:
            for _ in range(20):
                await socket.send(json.dumps({"action": "echo", "id": self._id(), "payload": "x" * 30_000}))
            await self._pause()

    async def _makes_no_sense(self, user: str) -> None:
        async with connect(self._place.signed_url(user), **OPTIONS) as socket:
            for _ in range(10):
                await socket.send(self._random.choice(NONSENSE))
            await self._pause()

    async def _has_no_token(self, user: str) -> None:
        with contextlib.suppress(InvalidStatus):
            async with connect(self._place.url + f"?Authorization={user}", **OPTIONS):
                raise AssertionError("a client without a token was let in")

    async def _writes_items(self, user: str) -> None:
        for _ in range(20):
            key = {"id": {"S": str(self._random.randrange(ITEMS))}}
            await asyncio.to_thread(self._table.put_item, TableName="load", Item={**key, "of": {"S": user * 50}})
            await asyncio.to_thread(self._table.delete_item, TableName="load", Key=key)

    def _id(self) -> str:
        return f"r-{self._random.getrandbits(64):x}"


async def _listen(client: StreamerClient) -> None:
    with contextlib.suppress(StreamerError):  # the connection was closed meanwhile
        async for _message in client.topic("news"):
            pass


def sample(minute: int, root: int) -> Sample:
    """What the processes use now."""
    status = Path(f"/proc/{root}/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024
    all_of_it = memory(root)
    descriptors = len(list(Path(f"/proc/{root}/fd").iterdir()))
    return Sample(minute, own, descriptors, all_of_it.rss_mb, all_of_it.pss_mb, len(family(root)))


async def measure(place: Place, root: int, *, minutes: int, clients: int, seed: int) -> list[Sample]:
    """Let the clients come and go, and print a row at the end of each minute."""
    load = Load(place, seed)
    load.make_table()
    began = time.monotonic()
    tasks = [asyncio.ensure_future(load.run(number, began + 60 * minutes)) for number in range(clients)]
    print("minute   own RSS descriptors  all, PSS  all, RSS processes  done until then", flush=True)
    samples = []
    for minute in range(1, minutes + 1):
        await asyncio.sleep(began + 60 * minute - time.monotonic())
        samples.append(sample(minute, root))
        print(samples[-1].row(load.done), flush=True)
    await asyncio.gather(*tasks)
    await asyncio.sleep(15)
    print("without clients:", flush=True)
    print(sample(minutes, root).row(load.done), flush=True)
    return samples


def grown(samples: Sequence[Sample]) -> list[str]:
    """What is more than a tenth above its value of half-time in each of the last minutes."""
    settled = samples[len(samples) // 2]
    last = samples[-3:]
    least = {
        "memory of the emulator's process": min(sample.own_rss_mb for sample in last) / settled.own_rss_mb,
        "descriptors": min(sample.own_descriptors for sample in last) / settled.own_descriptors,
    }
    return [
        f"{name}: {ratio:.2f} times that of minute {settled.minute}" for name, ratio in least.items() if ratio > GROWTH
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("options", nargs="*", help="of streamer emulate, after --")
    arguments = parser.parse_args()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="streamer-load-") as name:
        folder = Path(name)
        command = [str(Path(sysconfig.get_path("scripts")) / "streamer"), "emulate", "--demo", "--port", "0", "-q"]
        command += ["--env", f"REQUEST_TTL_SECONDS={KEPT_SECONDS}", *arguments.options]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            place = ready(folder, process)
            samples = asyncio.run(
                measure(place, process.pid, minutes=arguments.minutes, clients=arguments.clients, seed=arguments.seed)
            )
            process.send_signal(signal.SIGINT)
            status = process.wait(60)
        finally:
            process.kill()
            process.wait()
    faults = grown(samples) + ([f"the emulator ended with status {status}"] if status else [])
    print(*(faults or ["flat"]), sep="\n")
    return 1 if faults else 0


def ready(folder: Path, process: subprocess.Popen[bytes]) -> Place:
    """Wait until the emulator serves."""
    file, end = folder / ".streamer" / "emulator.json", time.monotonic() + READY_SECONDS
    while not file.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit((folder / "log").read_text())
        time.sleep(0.05)
    found = json.loads(file.read_text())
    return Place(
        found["websocket_url"], found["dynamodb_url"], (folder / ".streamer" / "jwt-secret").read_text().strip()
    )


if __name__ == "__main__":
    sys.exit(main())
