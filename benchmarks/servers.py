"""Starts each server in a process of its own, and stops all of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import ministack
from benchmarks.load import ask, dial

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent
SERVICE: Final = HERE / "service"
PEERS: Final = HERE / ".peers"
DYNALITE: Final = PEERS / "dynalite" / "node_modules" / "dynalite" / "cli.js"
MINISTACK: Final = ROOT / ".venv-ministack" / "bin" / "ministack"
STREAMER: Final = Path(sys.executable).with_name("streamer")
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
APART: Final = "that runs functions apart"
"""From the gateway and from each other, in threads of their own or in processes, as Lambda does."""
PYTHON: Final = "that runs Python"
SECRET: Final = "a secret for benchmarks, long enough for HS256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that accepts connections."""

    url: str
    pid: int
    """Of the process at the root of its tree."""
    ready_seconds: float
    """From starting the command until it accepted connections."""
    dynamodb_url: str | None = None
    log: Path | None = None
    folder: Path | None = None
    """Of its project; None: it has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One that can be started."""

    name: str
    """As rows and the command line name it."""
    title: str
    """Head of its column."""
    start: Callable[[], contextlib.AbstractAsyncContextManager[Running]]
    is_peer: bool = False
    kinds: frozenset[str] = frozenset()
    """What a peer is besides, as the rows that are compared with such peers alone say it."""
    missing: str | None = None
    """Why it cannot be started and what to do about it; None: it can."""
    tasks: frozenset[str] = field(default_factory=frozenset)
    """What is measured on it; ``ready`` is its start."""
    column: str = ""
    """Where its figures go."""
    is_warmed: bool = True
    """Whether the echo service runs on it, which then gets a first message before anything is measured."""


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@asynccontextmanager
async def _process(
    command: Sequence[str | Path], *, folder: Path, environment: Mapping[str, str], log: Path
) -> AsyncIterator[subprocess.Popen[bytes]]:
    process = _start(command, folder, environment, log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait)


def tail(log: Path) -> str:
    """The end of what a server said."""
    return log.read_text(errors="replace")[-2000:]


async def _until(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.perf_counter() + START_SECONDS
    while not condition():
        if process.poll() is not None or time.perf_counter() > end:
            raise RuntimeError(f"the server did not start; it said:\n{tail(log)}")
        await asyncio.sleep(0.005)


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@asynccontextmanager
async def bare_echo() -> AsyncIterator[Running]:
    """`websockets` alone, with no gateway, no function and no POST in between."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        began = time.perf_counter()
        command = [sys.executable, str(HERE / "bare_echo.py"), str(port)]
        async with _process(command, folder=HERE, environment={}, log=log) as process:
            await _until(lambda: _accepts(port), process, log)
            yield Running(url=f"ws://127.0.0.1:{port}", pid=process.pid, ready_seconds=time.perf_counter() - began)


@asynccontextmanager
async def ours(
    target: str,
    isolation: str,
    *options: str,
    launcher: Sequence[str] = (),
    prepare: Callable[[Path], None] | None = None,
) -> AsyncIterator[Running]:
    """``streamer emulate`` on a copy of ``benchmarks/service``.

    ``launcher`` stands for the command; ``prepare`` is given the copy before the start.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "project"
        shutil.copytree(SERVICE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        if prepare is not None:
            prepare(folder)
        ready, log = Path(name) / "ready.json", Path(name) / "log"
        head = launcher or [str(STREAMER)]
        command = [*head, "emulate", target, "--port", "0", "--ready-file", str(ready), "--no-reload"]
        environment = {"JWT_SECRET": SECRET} | ({"PYTHONPATH": str(ROOT)} if launcher else {})
        began = time.perf_counter()
        arguments = [*command, "--isolation", isolation, *options]
        async with _process(arguments, folder=folder, environment=environment, log=log) as process:
            await _until(ready.exists, process, log)
            took = time.perf_counter() - began
            where: dict[str, Any] = json.loads(ready.read_text())
            yield Running(
                url=where["websocket_url"],
                pid=process.pid,
                ready_seconds=took,
                dynamodb_url=where["dynamodb_url"],
                log=log,
                folder=folder,
            )


@asynccontextmanager
async def serverless_offline(runtime: str, module: str, *options: str) -> AsyncIterator[Running]:
    """serverless-offline with osls, the framework's free successor."""
    port = free_port()
    folder = PEERS / "serverless_offline"
    environment = {
        "BENCH_RUNTIME": runtime,
        "BENCH_MODULE": module,
        "BENCH_MANAGEMENT_URL": f"http://127.0.0.1:{port}",
        # Its Python functions run the first python3 on the path, which needs boto3.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SLS_TELEMETRY_DISABLED": "1",
        "SLS_NOTIFICATIONS_MODE": "off",
    }
    ports = ["--httpPort", str(free_port()), "--lambdaPort", str(free_port()), "--websocketPort", str(port)]
    serverless = str(folder / "node_modules" / ".bin" / "serverless")
    command = ["node", serverless, "offline", "start", "--host", "127.0.0.1"]
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        began = time.perf_counter()
        async with _process([*command, *ports, *options], folder=folder, environment=environment, log=log) as process:
            await _until(lambda: _accepts(port), process, log)
            took = time.perf_counter() - began
            yield Running(url=f"ws://127.0.0.1:{port}", pid=process.pid, ready_seconds=took, log=log)


@asynccontextmanager
async def ministack_server() -> AsyncIterator[Running]:
    """MiniStack, with the same handlers deployed to it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder, log = Path(name), Path(name) / "log"
        environment = {"HOME": name, "TMPDIR": name, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
        began = time.perf_counter()
        async with _process([MINISTACK], folder=folder, environment=environment, log=log) as process:
            await _until(lambda: _accepts(port), process, log)
            took = time.perf_counter() - began
            root = f"http://127.0.0.1:{port}"
            url = await asyncio.to_thread(ministack.deploy, root)
            yield Running(url=url, pid=process.pid, ready_seconds=took, dynamodb_url=root, log=log)


@asynccontextmanager
async def dynalite() -> AsyncIterator[Running]:
    """Tables alone, in memory, that are there as soon as they are made."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        began = time.perf_counter()
        command = ["node", str(DYNALITE), "--port", str(port), "--createTableMs", "0"]
        async with _process(command, folder=Path(name), environment={}, log=log) as process:
            await _until(lambda: _accepts(port), process, log)
            took = time.perf_counter() - began
            yield Running(url="", pid=process.pid, ready_seconds=took, dynamodb_url=f"http://127.0.0.1:{port}", log=log)


async def warm(running: Running) -> None:
    """Let the first connection and message be over, which start what is started once."""
    client = await dial(running.url)
    await ask(client, "echo")
    await client.close()


def all_servers() -> list[Server]:
    """Every server that the benchmark knows, installed or not."""
    node = shutil.which("node") is not None and (PEERS / "serverless_offline" / "node_modules").is_dir()
    no_node = None if node else "not installed (needs Node.js, then: make bench-peers)"
    no_ministack = None if MINISTACK.exists() else "not installed (make bench-peers)"
    gateway = {"ready", "echo", "connects", "sleepers", "burst"}
    own = frozenset({"echo-sender", "throughput", "throughput-boto3", "stream", "dynamodb", "watched", *gateway})
    no_dynalite = None if node and DYNALITE.exists() else "not installed (needs Node.js, then: make bench-peers)"
    offline = functools.partial(serverless_offline, "nodejs20.x", "node_handlers")
    offline_python = functools.partial(serverless_offline, "python3.11", "python_handlers")
    quick_peer, slow_peer = frozenset({"throughput-peer", *gateway}), frozenset({"throughput-slow-peer", *gateway})
    return [
        _own("bare", "bare echo", bare_echo, frozenset({"echo", "throughput-peer", "connects"})),
        _own("process", "process", lambda: ours("plain:topology", "process"), own),
        _own("inline", "inline", lambda: ours("plain:topology", "inline"), own),
        Server(
            name="app",
            title="process, App",
            column="process",
            start=lambda: ours("app:app", "process"),
            tasks=frozenset({"connects-jwt", "queued", "held"}),
            is_warmed=False,
        ),
        _peer("sls-inprocess", "sls in-process", lambda: offline("--useInProcess"), no_node, quick_peer),
        _peer("sls-threads", "sls threads", offline, no_node, quick_peer, APART),
        _peer("sls-python", "sls Python", offline_python, no_node, slow_peer, APART, PYTHON),
        _peer(
            "ministack", "MiniStack", ministack_server, no_ministack, quick_peer | {"stream", "dynamodb"}, APART, PYTHON
        ),
        _peer("dynalite", "dynalite", dynalite, no_dynalite, frozenset({"dynamodb"})),
    ]


Start = Callable[[], contextlib.AbstractAsyncContextManager[Running]]


def _own(name: str, title: str, start: Start, tasks: frozenset[str]) -> Server:
    return Server(name=name, title=title, column=name, start=start, tasks=tasks)


def _peer(name: str, title: str, start: Start, missing: str | None, tasks: frozenset[str], *kinds: str) -> Server:
    return Server(
        name=name,
        title=title,
        column=name,
        start=start,
        tasks=tasks,
        is_peer=True,
        kinds=frozenset(kinds),
        missing=missing,
    )
