"""The load client: the same measurements for every server, all over real sockets.

A server is any WebSocket URL whose service sends back something that contains the ``id`` of what it was sent. Times are
in seconds, taken with one clock in one process.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

PATIENCE_SECONDS: Final = 20.0
"""How long one answer or handshake may take before it counts as a failure."""
_ids = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What a number of equal operations took."""

    seconds: Sequence[float]
    failures: Counter[str] = field(default_factory=Counter)
    elapsed_seconds: float = 0.0

    def p(self, percent: float) -> float:
        """A percentile, in ms; infinite when nothing succeeded."""
        if not self.seconds:
            return float("inf")
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000

    @property
    def rate(self) -> float:
        """Successful operations a second."""
        return len(self.seconds) / self.elapsed_seconds if self.elapsed_seconds else 0.0

    def details(self) -> dict[str, Any]:
        """For the JSON file."""
        if not self.seconds:
            return {"count": 0, "failures": dict(self.failures)}
        return {
            "count": len(self.seconds),
            "p50_ms": round(self.p(50), 3),
            "p99_ms": round(self.p(99), 3),
            "max_ms": round(max(self.seconds) * 1000, 3),
            "mean_ms": round(statistics.fmean(self.seconds) * 1000, 3),
            "per_second": round(self.rate, 1),
            "failures": dict(self.failures),
        }


async def dial(url: str) -> ClientConnection:
    """Open a connection; no compression, which API Gateway does not offer either."""
    return await connect(
        url, compression=None, proxy=None, ping_interval=None, max_size=None, open_timeout=PATIENCE_SECONDS
    )


@asynccontextmanager
async def connections(url: str, count: int, *, at_once: int = 25) -> AsyncIterator[list[ClientConnection]]:
    """So many open connections."""
    gate = asyncio.Semaphore(at_once)

    async def one() -> ClientConnection:
        async with gate:
            return await dial(url)

    opened = await asyncio.gather(*(one() for _ in range(count)))
    try:
        yield opened
    finally:
        await asyncio.gather(*(client.close() for client in opened), return_exceptions=True)


async def ask(client: ClientConnection, action: str, **extra: Any) -> float:
    """Send a message and wait for what contains its id; answers how long that took."""
    message_id = f"m-{next(_ids)}-"
    text = json.dumps({"action": action, "id": message_id, **extra})
    begin = time.perf_counter()
    await client.send(text)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while message_id not in await client.recv(decode=True):
            pass
    return time.perf_counter() - begin


async def echoes(url: str, *, seconds: float, most: int = 500, warm_up: int = 20, action: str = "echo") -> Times:
    """Round trips on one connection, one at a time, for so long or so many."""
    async with connections(url, 1) as (client,):
        end = time.perf_counter() + seconds
        for _ in range(warm_up):
            await ask(client, action)
            if time.perf_counter() > end:
                break
        begin = time.perf_counter()
        times: list[float] = []
        while len(times) < 3 or (len(times) < most and time.perf_counter() - begin < seconds):
            times.append(await ask(client, action))
        return Times(seconds=times, elapsed_seconds=time.perf_counter() - begin)


async def throughput(
    url: str, *, clients: int = 50, warm_up_seconds: float, seconds: float, action: str = "echo"
) -> Times:
    """Round trips on many connections, each one at a time; only those that end in the counted time count."""
    times: list[float] = []
    failures: Counter[str] = Counter()
    async with connections(url, clients) as opened:
        counted_from = time.perf_counter() + warm_up_seconds
        end = counted_from + seconds

        async def keep_asking(client: ClientConnection) -> None:
            while time.perf_counter() < end:
                try:
                    took = await ask(client, action)
                except (TimeoutError, ConnectionClosed) as error:
                    failures[type(error).__name__] += 1
                    return
                if counted_from <= time.perf_counter() <= end:
                    times.append(took)

        await asyncio.gather(*map(keep_asking, opened))
    return Times(seconds=times, failures=failures, elapsed_seconds=seconds)


@dataclass(slots=True)
class Opened:
    """Connections that are held, and what it took to open them."""

    clients: list[ClientConnection]
    times: Times

    async def close(self, *, at_once: int = 1000) -> float:
        """Close all of them; answers how long it took."""
        begin = time.perf_counter()
        for first in range(0, len(self.clients), at_once):
            batch = self.clients[first : first + at_once]
            await asyncio.gather(*(client.close() for client in batch), return_exceptions=True)
        return time.perf_counter() - begin


async def open_many(urls: Sequence[str], *, at_once: int = 50, seconds: float = 60.0) -> Opened:
    """Open a connection per URL, so many at once, as long as there is time; none is closed."""
    gate = asyncio.Semaphore(at_once)
    clients: list[ClientConnection] = []
    times: list[float] = []
    failures: Counter[str] = Counter()
    begin = time.perf_counter()

    async def one(url: str) -> None:
        async with gate:
            started = time.perf_counter()
            if started - begin > seconds:
                return
            try:
                clients.append(await dial(url))
            except InvalidStatus as error:
                failures[f"HTTP {error.response.status_code}"] += 1
            except (OSError, TimeoutError, ConnectionClosed) as error:
                failures[type(error).__name__] += 1
            else:
                times.append(time.perf_counter() - started)

    await asyncio.gather(*map(one, urls))
    return Opened(clients, Times(seconds=times, failures=failures, elapsed_seconds=time.perf_counter() - begin))


async def ask_all_at_once(url: str, *, clients: int, action: str, **extra: Any) -> float:
    """Every one of so many connections asks at the same moment; answers when the last has its answer."""
    async with connections(url, clients) as opened:
        await asyncio.gather(*(ask(client, "echo") for client in opened))  # everything is warm
        begin = time.perf_counter()
        await asyncio.gather(*(ask(client, action, **extra) for client in opened))
        return time.perf_counter() - begin


async def burst(url: str, *, clients: int, give_up: Callable[[], bool]) -> Times:
    """So many clients connect, echo and disconnect, all at the same moment, until ``give_up``."""
    times: list[float] = []
    failures: Counter[str] = Counter()
    begin = time.perf_counter()

    async def one() -> None:
        started = time.perf_counter()
        try:
            client = await dial(url)
            try:
                await ask(client, "echo")
            finally:
                await client.close()
        except InvalidStatus as error:
            failures[f"HTTP {error.response.status_code}"] += 1
        except (OSError, TimeoutError, ConnectionClosed) as error:
            failures[type(error).__name__] += 1
        else:
            times.append(time.perf_counter() - started)

    work = asyncio.gather(*(one() for _ in range(clients)))
    while not work.done():
        await asyncio.wait([work], timeout=0.25)
        if give_up():
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            failures["given up"] += clients - len(times) - failures.total()
            break
    return Times(seconds=times, failures=failures, elapsed_seconds=time.perf_counter() - begin)
