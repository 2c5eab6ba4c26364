"""What one echo costs in the emulator's own code, without sockets and functions: one table of microseconds of CPU.

Run: .venv/bin/python benchmarks/message_path.py

Every step gets the bytes that a real client and the runtime's sender send, and writes to a transport that takes all.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import uvloop
from botocore.credentials import Credentials
from websockets.frames import Frame, Opcode

sys.path.append(str(Path(__file__).parent.parent))  # not first: beside us is a module named profile

from emulator.console.recording.recorder import RingRecorder
from emulator.console.recording.ring import Ring
from emulator.foundation.recording import Recording
from emulator.functions.outcome import Outcome, Returned
from emulator.gateway.rules.ids import IdSource
from emulator.gateway.rules.management import parse_path
from emulator.gateway.rules.stage import Facts, Stage
from emulator.gateway.shell import Gateway
from emulator.gateway.verifier import Verifier
from emulator.iam.guard import Guard
from emulator.iam.keys import KeyRing
from emulator.port.http import HttpRequest, HttpResponse
from emulator.port.http1 import HttpProtocol
from streamer.sending.sender import ManagementApi
from streamer.sending.transport import Answer
from streamer.topology import Api, Function, Route, Topology
from streamer.topology.grants import Place

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
DOMAIN: Final = "127.0.0.1:8787"
MESSAGE: Final = json.dumps({"action": "echo", "id": "m-1234-"})
UPGRADE: Final = (
    f"GET /dev HTTP/1.1\r\nHost: {DOMAIN}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "User-Agent: Python/3.13 websockets/17.0\r\n\r\n"
).encode()
API: Final = Api(
    name="bench",
    stage="dev",
    routes=(Route(route_key="$connect", function="connect"), Route(route_key="echo", function="echo")),
)
FUNCTIONS: Final = tuple(Function(name=name, handler="h.h", posts_to_connections=True) for name in ("connect", "echo"))
_RING: Final = KeyRing(b"s" * 32)
KEYS: Final = {name: _RING[name] for name in ("connect", "echo")}
EVENT: Final = json.dumps({"requestContext": {"connectionId": "c" * 16}, "body": MESSAGE}).encode()
OUTCOME: Final = Returned(b'{"statusCode": 200}', "id")
TRACE: Final = "Root=1-67a1-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0"
ROUNDS: Final = 7
BATCH: Final = 50
"""Messages between two turns of the event loop, as when many clients are busy."""


class Transport(asyncio.Transport):
    """Takes everything at once, and keeps the last piece."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.protocol: Any = None

    def write(self, data: Any) -> None:
        self.written = bytes(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 50000) if name == "peername" else default

    def is_closing(self) -> bool:
        return False

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def get_write_buffer_size(self) -> int:
        return 0


class Instant:
    """Functions that have returned already."""

    def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        source: str | None = None,
    ) -> asyncio.Future[Outcome]:
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        outcome.set_result(Returned(b'{"statusCode": 200}', "id"))
        return outcome


def post(connection_id: str, key: str = KEY, secret: str = SECRET) -> bytes:
    """The sender's request."""
    sent: list[bytes] = []

    def exchange(method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
        lines = [f"{method} {url.removeprefix(f'http://{DOMAIN}')} HTTP/1.1", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        sent.append("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return Answer(200)

    api = ManagementApi(credentials=Credentials(key, secret, "local"), region="us-east-1", exchange=exchange)
    api.at(f"http://{DOMAIN}/dev").send(connection_id, MESSAGE)
    return sent[0]


def ran(recorder: RingRecorder) -> None:
    """What an environment tells of an invocation."""
    recorder.run(
        "echo", EVENT, OUTCOME,
        number=0, trace=TRACE, waited_ms=0.1, duration_ms=1.5, init_ms=None, memory_mb=40,
    )  # fmt: skip
    recorder.line("echo", "id", "echoed")


async def turn() -> None:
    """Let the event loop do what is due."""
    for _ in range(4):
        await asyncio.sleep(0)


async def round_of(call: Callable[[], object], batches: int) -> float:
    """Seconds of a call, on average."""
    begin = time.process_time()
    for _ in range(batches):
        for _ in range(BATCH):
            call()
        await turn()
    return (time.process_time() - begin) / batches / BATCH


async def report(name: str, call: Callable[[], object], batches: int = 60) -> None:
    """The best of some rounds: what the code costs, not what the machine was also doing."""
    tell(name, min([await round_of(call, batches) for _ in range(ROUNDS)]))


async def report_both(name: str, recording: Recording, recorder: RingRecorder, call: Callable[[], object]) -> None:
    """The same of a call, and while it is recorded; in turns, as it is their difference that tells something."""
    plain: list[float] = []
    recorded: list[float] = []
    for _ in range(4 * ROUNDS):
        plain.append(await round_of(call, 15))
        recording.now = recorder
        recorded.append(await round_of(call, 15))
        recording.now = None
    tell(name, min(plain))
    tell("  the same while it is recorded", min(recorded))


def tell(name: str, seconds: float) -> None:
    """One line of the table."""
    print(f"{name:56} {seconds * 1e6:7.1f} us")


def answering(
    gateway: Gateway, guard: Guard, recording: Recording, seen: list[HttpRequest]
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """What answers a port's requests, as the emulator's switchboard does, and leaves the latest in ``seen``."""

    def managed(request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        target = parse_path(request.raw_path)
        return gateway.refuse(request) if target is None else gateway.manage(request, target, guard.caller(request))

    def answer(request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        seen[:] = [request]
        recorder = recording.now
        if recorder is None:
            return managed(request)
        began_ns = time.time_ns()
        found = managed(request)
        if not isinstance(found, HttpResponse):
            return recording.later(request, found, guard.function, began_ns)
        recorder.call(request, found, guard.function(request), began_ns)
        return found

    return answer


async def main() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)  # as in `streamer emulate`
    facts = Facts(region="us-east-1", account_id="123456789012", api_id="a1b2c3d4e5", domain_name=DOMAIN)
    own = {keys.access_key_id: keys.secret_access_key for keys in KEYS.values()}
    verifier = Verifier(secrets={KEY: SECRET, **own}, region=facts.region, clock=time.time)
    place = Place(partition="aws", region="us-east-1", account_id="123456789012", apis={"bench": ("a1b2c3d4e5", "dev")})
    guard = Guard(Topology(api=API, functions=FUNCTIONS), place, KEYS, mode="enforce", advise=lambda *_: None)
    recording = Recording()
    gateway = Gateway(Stage(API, facts, IdSource("us-east-1", 1)), Instant(), verifier, recording)
    requests: list[HttpRequest] = []
    answer = answering(gateway, guard, recording, requests)

    def accepted() -> tuple[HttpProtocol, Transport]:
        transport, protocol = Transport(), HttpProtocol(answer, upgrade=gateway.upgrade)
        protocol.connection_made(transport)
        return protocol, transport

    def connect() -> Transport:
        protocol, transport = accepted()
        protocol.data_received(UPGRADE)
        return transport

    client = connect()
    await turn()
    websocket = client.protocol
    request = post(websocket.connection.connection_id)
    http, caller = accepted()
    http.data_received(request)
    assert caller.written.startswith(b"HTTP/1.1 200"), caller.written
    assert verifier.flaw(requests[0]) is None
    frame = Frame(Opcode.TEXT, MESSAGE.encode()).serialize(mask=True)
    recorder = RingRecorder(Ring(), time.time_ns, lambda keep, record: keep(record))
    name = "a client's message, until its function has answered"
    await report_both(name, recording, recorder, lambda: websocket.data_received(frame))
    name = "its POST to @connections, until the client has it"
    await report_both(name, recording, recorder, lambda: http.data_received(request))
    await report("  recording the invocation, and its line", lambda: ran(recorder))
    await report("  of which: verifying the signature", lambda: verifier.flaw(requests[0]))
    function = next(iter(own))
    enforced = post(websocket.connection.connection_id, function, own[function])
    http.data_received(enforced)
    assert caller.written.startswith(b"HTTP/1.1 200"), caller.written
    await report("the same POST by a function that is held to its role", lambda: http.data_received(enforced))
    held = guard.caller(requests[0])
    assert held is not None
    await report("  of which: who calls", lambda: guard.caller(requests[0]))
    await report("  of which: whether it may", lambda: held.connections("POST", API.name))
    await report("a connection, from its request to its opening", connect, batches=10)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main())
