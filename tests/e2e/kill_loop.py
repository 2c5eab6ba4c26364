"""Kills everything that runs, again and again, while clients ask for things, and counts what came of it.

Functions, the process that starts them, the emulator itself and the clients' connections; with tables in memory, in a
file, and in another DynamoDB (a second emulator, which stays). A seed decides what is killed when; what the machine
does meanwhile is not repeated.

    python tests/e2e/kill_loop.py [--rounds 2000] [--mode memory|state|remote] [--seed 1] [--pause 0.9]

runs it alone: so many rounds over all modes together, which run side by side, and in the end a table. A round is a
kill, perhaps a client's cut connection, and a pause. Ends with status 1 if there is anything that must not be.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from running_command import Emulate, descendants
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

MODES: Final = ("memory", "state", "remote")
CLIENTS: Final = 3
ANSWER_SECONDS: Final = 10.0
"""After so long a client sends a request again that nothing was said about."""
SETTLE_SECONDS: Final = 420.0
"""Nearly always a lease of 45 s is all there is to wait for. A request whose first run was killed three times in a row
waits for the sweep, which looks after 300 s."""
LIFE_ROUNDS: Final = 100
"""Rounds after which a service is let settle, is counted, and another one begins."""
FINALS: Final = ("complete", "error", "cancelled")
APP: Final = '''
import time

from streamer import App

app = App()


@app.action("work", queued=True, max_attempts=100)
def work(request, progress):
    """Sleep in steps. What it returns tells attempts apart."""
    for step in range(request.payload["steps"]):
        progress(100 * step / request.payload["steps"])
        time.sleep(request.payload["seconds"] / request.payload["steps"])
    return {"number": request.payload["number"], "attempt": request.attempt}
'''
TABLES: Final = """
from streamer.topology import Api, Topology

topology = Topology(api=Api(name="tables", routes=()), functions=())
"""


@dataclass
class Counts:
    """What came of a run."""

    mode: str
    rounds: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    cuts: int = 0
    acknowledged: int = 0
    lost: int = 0
    """Acknowledged, and not in the table."""
    stuck: int = 0
    """Acknowledged, and not over in the end, or over and never told."""
    two_finals: int = 0
    """Requests of which clients were told two different ends, or another one than is stored."""
    duplicates: int = 0
    """Finals that came again on a connection, without being asked for."""
    progress_back: int = 0
    rows_left: int = 0
    """Rows of connections that are not open, and of subscriptions. As on AWS, a `$disconnect` that is killed leaves one
    until it expires: more rows than functions were killed is a fault. A template takes all environments with it, and so
    perhaps the `$disconnect` of each client, as when they all left with an emulator that was killed before."""
    max_rss_mb: int = 0
    descriptors: int = 0
    """Of the emulator, in the end."""
    settled_seconds: float = 0.0
    strange: list[str] = field(default_factory=list)
    """What is wrong with some."""

    @property
    def faults(self) -> dict[str, int]:
        """What there must be none of."""
        names = ("lost", "stuck", "two_finals", "progress_back")
        found = {name: getattr(self, name) for name in names}
        allowed = self.kills["function"] + self.kills["template"] * CLIENTS
        found["rows_left"] = max(0, self.rows_left - allowed)
        return {name: count for name, count in found.items() if count}

    def add(self, other: Counts) -> None:
        """Take another run's in."""
        for name in ("rounds", "cuts", "acknowledged", "lost", "stuck", "two_finals", "duplicates", "progress_back"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.rows_left += other.rows_left
        self.kills += other.kills
        self.strange += other.strange
        for name in ("max_rss_mb", "descriptors", "settled_seconds"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))

    def cells(self) -> tuple[str | int, ...]:
        """As a line of a table."""
        kills = [self.kills[kind] for kind in KINDS]
        counts = (self.acknowledged, self.lost, self.stuck, self.two_finals, self.progress_back, self.duplicates)
        rest = (self.rows_left, self.max_rss_mb, self.descriptors, round(self.settled_seconds))
        return (self.mode, self.rounds, *kills, self.cuts, *counts, *rest)


KINDS: Final = ("function", "template", "emulator", "restart")
"""What is killed; a restart is SIGTERM and another start."""
HEAD: Final = (
    *("mode", "rounds", "functions", "templates", "emulators", "restarts", "clients", "acknowledged", "lost", "stuck"),
    *("two finals", "progress back", "duplicates", "rows left", "max RSS, MB", "descriptors", "settled after, s"),
)


def table(found: Sequence[Counts]) -> str:
    """What came of each mode, and of all."""
    everything = Counts("all")
    for counts in found:
        everything.add(counts)
    rows = [HEAD, ["---"] * len(HEAD), *(counts.cells() for counts in (*found, everything))]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


class Client(threading.Thread):
    """Sends requests over one connection after the other, and again what it has not heard the end of."""

    def __init__(self, number: int, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.wanted: dict[str, dict[str, Any]] = {}
        """Payloads by id."""
        self.acknowledged: set[str] = set()
        self.ends: dict[str, list[str]] = {}
        """All that it was told of the end of each request, as text."""
        self.duplicates = self.progress_back = 0
        self._number = number
        self._asked: Counter[str] = Counter()
        """How often each request was sent over the connection."""
        self._heard_of: set[str] = set()
        """Requests that anything was said about over the connection."""
        self._lock = threading.Lock()
        self._socket: ClientConnection | None = None
        self._is_over = threading.Event()

    def ask(self, number: int, seconds: float, steps: int) -> None:
        """Have something done."""
        request_id = f"c{self._number}-{number}"
        with self._lock:
            self.wanted[request_id] = {"number": number, "seconds": seconds, "steps": steps}
            self._send(request_id)

    def cut(self) -> None:
        """End the connection without a word."""
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.socket.shutdown(socket.SHUT_RDWR)

    @property
    def waits_for(self) -> set[str]:
        """Requests whose end it has not heard."""
        with self._lock:
            return self.wanted.keys() - self.ends.keys()

    def finish(self) -> None:
        """End the thread and its connection."""
        self._is_over.set()
        self.cut()
        self.join(30)

    def run(self) -> None:
        """Connect, ask again, listen; until `finish`."""
        while not self._is_over.is_set():
            try:
                with connect(self.url, compression=None, proxy=None, open_timeout=20, close_timeout=1) as client:
                    self._listen(client)
            except (OSError, InvalidHandshake, ConnectionClosed, EOFError, TimeoutError):
                self._is_over.wait(0.2)

    def _listen(self, client: ClientConnection) -> None:
        with self._lock:
            self._socket = client
            self._asked.clear()
            self._heard_of.clear()
            for request_id in self.wanted:
                if request_id not in self.ends:
                    self._send(request_id)
        here: Counter[str] = Counter()
        progress: dict[str, float] = {}
        asked_at = time.monotonic()
        while not self._is_over.is_set():
            with contextlib.suppress(TimeoutError):
                self._hear(json.loads(client.recv(1.0)), here, progress)
            if time.monotonic() - asked_at > ANSWER_SECONDS:
                asked_at = time.monotonic()
                with self._lock:  # the answer, or the message itself, may have been lost with the function
                    for request_id in self.wanted.keys() - self._heard_of - self.ends.keys():
                        self._send(request_id)

    def _send(self, request_id: str) -> None:
        if self._socket is not None:
            self._asked[request_id] += 1
            message = {"action": "work", "id": request_id, "payload": self.wanted[request_id]}
            with contextlib.suppress(ConnectionClosed, OSError):
                self._socket.send(json.dumps(message))

    def _hear(self, message: dict[str, Any], here: Counter[str], progress: dict[str, float]) -> None:
        request_id = message.get("request_id")
        if request_id not in self.wanted:
            return  # API Gateway's own errors: the function was killed
        with self._lock:
            self._heard_of.add(request_id)
            match message["type"]:
                case "acknowledgment":
                    self.acknowledged.add(request_id)
                case "progress":
                    self.progress_back += message["percentage"] < progress.get(request_id, 0)
                    progress[request_id] = message["percentage"]
                case kind if kind in FINALS and not _is_passing(message):
                    here[request_id] += 1
                    self.duplicates += here[request_id] > self._asked[request_id]
                    self.ends.setdefault(request_id, []).append(_end_of(message))


def _is_passing(message: dict[str, Any]) -> bool:
    """An error of this attempt to ask, not of the request."""
    return message["type"] == "error" and message["error"]["code"] in ("SERVICE_UNAVAILABLE", "INTERNAL_ERROR")


def _end_of(message: dict[str, Any]) -> str:
    return json.dumps([message["type"], message.get("result"), message.get("error", {}).get("code")], sort_keys=True)


def _stored_end(item: dict[str, Any]) -> str | None:
    status = item["status"]["S"]
    if status == "COMPLETED":
        return json.dumps(["complete", json.loads(item["result"]["S"]), None], sort_keys=True)
    if status in ("FAILED", "CANCELLED"):
        kind = "error" if status == "FAILED" else "cancelled"
        code = json.loads(item["error"]["S"])["code"] if kind == "error" else None
        return json.dumps([kind, None, code], sort_keys=True)
    return None


class World:
    """A service in one mode, and its clients."""

    def __init__(self, mode: str, seed: int, folder: Path, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self.counts = Counts(mode)
        self._chance = random.Random(seed)
        self._folder = folder / mode
        self._folder.mkdir()
        (self._folder / "app.py").write_text(APP)
        self._others = contextlib.ExitStack()
        self._arguments = ["--no-reload"]
        if mode == "state":
            self._arguments += ["--state", "state"]
        if mode == "remote":
            tables = folder / "tables"
            tables.mkdir()
            (tables / "tables.py").write_text(TABLES)
            database = self._others.enter_context(Emulate("tables:topology", "--no-reload", folder=tables))
            self._arguments += ["--dynamodb", database.ready["dynamodb_url"]]
        self._emulator = self._started()
        self._arguments += ["--port", str(self._emulator.port)]
        address = f"{self._emulator.url}?Authorization={self._emulator.token()}"
        self._clients = [Client(number, address) for number in range(CLIENTS)]
        for client in self._clients:
            client.start()

    def _started(self) -> Emulate:
        return Emulate(*self._arguments, folder=self._folder, own_children=True).__enter__()

    def run(self, rounds: int) -> Counts:
        """Ask and kill, wait until all is over, and count."""
        try:
            for number in range(rounds):
                self._round(number)
            self._settle()
            self._count()
        finally:
            for client in self._clients:
                client.finish()
            self._emulator.__exit__()
            self._others.close()
        return self.counts

    def _round(self, number: int) -> None:
        self.counts.rounds += 1
        for client in self._clients:
            if self._chance.random() < 0.6:
                client.ask(number, self._chance.choice((0.0, 0.1, 0.5, 2.0)), self._chance.randint(1, 5))
        time.sleep(self._chance.uniform(0, 2 * self._pause_seconds))
        if self._chance.random() < 0.3:
            self._chance.choice(self._clients).cut()
            self.counts.cuts += 1
        kinds = ["function"] * 6 + ["template"]
        if self.counts.mode != "memory":
            kinds += ["emulator", "restart"]
        self._kill(self._chance.choice(kinds))
        self._measure()

    def _kill(self, what: str) -> None:
        self.counts.kills[what] += 1
        match what:
            case "emulator":
                self._emulator.kill()
                self._emulator = self._started()
            case "restart":
                assert self._emulator.stop(signal.SIGTERM) == 0
                self._emulator = self._started()
            case _:
                children = _children(self._emulator.pid)
                found = children if what == "template" else descendants(self._emulator.pid) - children
                if found:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self._chance.choice(sorted(found)), signal.SIGKILL)

    def _measure(self) -> None:
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self._emulator.pid}/status").read_text()
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            self.counts.max_rss_mb = max(self.counts.max_rss_mb, int(peak.split()[1]) // 1024)

    def _settle(self) -> None:
        began = time.monotonic()
        while time.monotonic() - began < SETTLE_SECONDS and any(client.waits_for for client in self._clients):
            time.sleep(0.2)
        self.counts.settled_seconds = time.monotonic() - began

    def _count(self) -> None:
        counts, dynamodb = self.counts, self._emulator.aws("dynamodb")
        stored = {item["request_id"]["S"]: item for item in _scanned(dynamodb, "streamer_requests")}
        for client in self._clients:
            counts.acknowledged += len(client.acknowledged)
            counts.duplicates += client.duplicates
            counts.progress_back += client.progress_back
            for request_id in sorted(client.waits_for & client.acknowledged):
                counts.stuck += 1
                found = stored.get(request_id, {})
                said = {name: found.get(name) for name in ("status", "attempt", "due_at", "runner")}
                counts.strange.append(f"{request_id} was never told its end, and is stored so: {said}")
            for request_id in client.acknowledged | client.ends.keys():
                if request_id not in stored:
                    counts.lost += 1
                    counts.strange.append(f"{request_id} is not stored, and ended so: {client.ends.get(request_id)}")
                if request_id in stored and (ends := client.ends.get(request_id)):
                    end = _stored_end(stored[request_id])
                    if {*ends} != {end}:
                        counts.two_finals += 1
                        counts.strange.append(f"{request_id} is stored as {end}, and was told: {ends}")
        counts.rows_left = self._rows_left(dynamodb)
        counts.descriptors = len(list(Path(f"/proc/{self._emulator.pid}/fd").iterdir()))
        self._measure()

    def _rows_left(self, dynamodb: Any) -> int:
        """Rows that no client has; a `$disconnect` may still be on its way."""
        left = 0
        for _ in range(100):
            rows = len(list(_scanned(dynamodb, "streamer_connections")))
            left = rows - CLIENTS + len(list(_scanned(dynamodb, "streamer_subscriptions")))
            if left <= 0:
                break
            time.sleep(0.1)
        return max(0, left)


def _children(pid: int) -> set[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(child) for child in listed.split()}


def _scanned(dynamodb: Any, table: str) -> list[Any]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    return [item for page in pages for item in page["Items"] if "status" in item or table != "streamer_requests"]


def run(mode: str, *, seed: int, rounds: int, folder: Path, pause_seconds: float = 0.9) -> Counts:
    """One run of a mode, with a pause about that long between two kills."""
    return World(mode, seed, folder, pause_seconds).run(rounds)


def run_all(
    modes: Sequence[str], *, seed: int, rounds: int, pause_seconds: float, tell: Callable[[Counts], None]
) -> list[Counts]:
    """So many rounds over all modes together, side by side; ``tell`` hears of each service that was let settle."""

    def lives(mode: str, rounds: int) -> Counts:
        sum_of = Counts(mode)
        while sum_of.rounds < rounds:
            with tempfile.TemporaryDirectory() as folder:
                some = min(LIFE_ROUNDS, rounds - sum_of.rounds)
                # Rounds before count on, so that each service of a mode has a seed of its own.
                own = seed * 1_000_000 + sum_of.rounds
                counts = run(mode, seed=own, rounds=some, folder=Path(folder), pause_seconds=pause_seconds)
            tell(counts)
            sum_of.add(counts)
        return sum_of

    with ThreadPoolExecutor(len(modes)) as pool:
        each = -(-rounds // len(modes))
        return list(pool.map(lives, modes, [each] * len(modes)))


def main() -> None:
    """Run all modes, or some, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=MODES, action="append", help="of these modes alone")
    parser.add_argument("--seed", type=int, default=1, help="what is killed when")
    parser.add_argument("--rounds", type=int, default=150, help="how often something is killed, over all modes")
    parser.add_argument("--pause", type=float, default=0.9, help="seconds between two kills, about")
    options = parser.parse_args()

    def tell(counts: Counts) -> None:
        said = f"{counts.mode}: {counts.rounds} rounds, settled after {counts.settled_seconds:.0f} s"
        print(said, counts.faults or "", *counts.strange[:20], sep="\n  ", file=sys.stderr, flush=True)  # noqa: T201 - a command

    found = run_all(
        options.mode or MODES, seed=options.seed, rounds=options.rounds, pause_seconds=options.pause, tell=tell
    )
    print(f"\nseed {options.seed}\n\n{table(found)}")  # noqa: T201 - a command
    sys.exit(any(counts.faults for counts in found))


if __name__ == "__main__":
    main()
