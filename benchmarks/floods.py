"""How long a neighbour waits for an answer while another client floods the emulator: one table, a few seconds a row.

Run: .venv/bin/python benchmarks/floods.py [seconds per flood]

The emulator, the flood and the neighbour are processes of their own. The neighbour asks one question after the other on
an open connection; a function answers.
"""

from __future__ import annotations

import asyncio
import base64
import io
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from websockets.frames import Frame, Opcode

sys.path.append(str(Path(__file__).parent.parent))

import uvloop

from emulator.command.printing.stream import LogStream
from emulator.command.printing.terminal import Terminal, code_of
from emulator.wiring.emulator import Emulator, EmulatorConfig
from streamer.topology import Api, Function, Route, Topology

SECONDS: Final = float(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1][0].isdigit() else 4.0
CODE: Final = """
import json
def f(event, context):
    body = json.loads(event.get("body") or "{}")
    return {"statusCode": 200, "body": "x" * body.get("size", 1)}
"""
TOPOLOGY: Final = Topology(
    api=Api(
        name="flooded",
        stage="dev",
        routes=(Route(route_key="$default", function="f", route_response=True),),
        route_selection_expression="$request.body.action",
    ),
    functions=(Function(name="f", handler="handlers.f", timeout_seconds=10),),
)
READS: Final = 1


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


FLOODS: Final[dict[str, tuple[int, bytes, bytes, int]]] = {
    "pings, unread": (1, b"", frame(Opcode.PING), 0),
    "pongs": (1, b"", frame(Opcode.PONG), READS),
    "pongs of 8": (8, b"", frame(Opcode.PONG), READS),
    "empty fragments": (1, frame(Opcode.TEXT, b"{", fin=False), frame(Opcode.CONT, fin=False), READS),
    "empty fragments of 8": (8, frame(Opcode.TEXT, b"{", fin=False), frame(Opcode.CONT, fin=False), READS),
    "fragments of a byte": (20, frame(Opcode.TEXT, b"{", fin=False), frame(Opcode.CONT, b" ", fin=False), READS),
    "small messages of 20": (20, b"", frame(Opcode.TEXT, b"{}"), READS),
    "messages that are no JSON": (1, b"", frame(Opcode.TEXT, b"x"), READS),
    "100 ask for 100 KB, unread": (100, b"", frame(Opcode.TEXT, b'{"size": 100000}'), 0),
}
"""Connections, what each sends first, what again and again, and whether it reads."""


def dial(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    key = base64.b64encode(os.urandom(16)).decode()
    made.sendall(
        f"GET /dev HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += made.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return made


def flood(port: int, name: str) -> None:
    count, begin, again, reads = FLOODS[name]
    clients = [dial(port) for _ in range(count)]
    for client in clients:
        client.sendall(begin)
        client.setblocking(False)
    data = again * (65536 // len(again))
    rest = dict.fromkeys(clients, b"")
    sent, end = 0, time.monotonic() + SECONDS
    while (now := time.monotonic()) < end and clients:
        readable, writable, _ = select.select(clients if reads else [], clients, [], min(0.1, end - now))
        for client in readable:
            try:
                if not client.recv(1 << 20):
                    clients.remove(client)
            except OSError:
                clients.remove(client)
        for client in writable:
            if client not in clients:
                continue
            piece = rest[client] or data
            try:
                done = client.send(piece)
            except BlockingIOError:
                continue
            except OSError:
                clients.remove(client)
                continue
            sent += done
            rest[client] = piece[done:]
    print(sent // len(again))


def neighbour(port: int) -> None:
    client = dial(port)
    longest = answers = 0.0
    question, end = frame(Opcode.TEXT, b'{"action": "ask"}'), time.monotonic() + SECONDS
    while time.monotonic() < end:
        begin = time.perf_counter()
        client.sendall(question)
        if not client.recv(65536):
            raise ConnectionError("closed")
        longest = max(longest, time.perf_counter() - begin)
        answers += 1
    print(longest, int(answers))


async def run(port: int, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, arguments[0], str(port), *arguments[1:], stdout=subprocess.PIPE
    )
    told, _ = await process.communicate()
    return told.decode().strip()


def memory_mb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20


async def main(folder: Path) -> None:
    config = EmulatorConfig(state_folder=folder, project_folder=folder)
    async with Emulator(
        TOPOLOGY, config, log_sink=Terminal(LogStream(io.StringIO()), code=code_of(Path()))
    ) as emulator:
        longest, answers = (await run(emulator.port, "neighbour")).split()
        print(f"{'no flood':30}{float(longest):8.3f} s at most, {answers:>6} answers", flush=True)
        for name in FLOODS:
            flooding = asyncio.create_task(run(emulator.port, "flood", name))
            await asyncio.sleep(0.3)
            longest, answers = (await run(emulator.port, "neighbour")).split()
            sent = await flooding
            told = f"{float(longest):8.3f} s at most, {answers:>6} answers, {sent:>9} sent, {memory_mb():4} MB"
            print(f"{name:30}{told}", flush=True)


COMMANDS: Final[dict[str, Callable[..., None]]] = {"flood": flood, "neighbour": neighbour}

if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] in COMMANDS:
        COMMANDS[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
    else:
        with tempfile.TemporaryDirectory() as made:
            Path(made, "handlers.py").write_text(CODE)
            uvloop.run(main(Path(made)))
