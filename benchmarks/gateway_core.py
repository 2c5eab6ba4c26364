"""What the gateway's rules cost per message, without I/O: one table of microseconds.

Run: .venv/bin/python benchmarks/gateway_core.py
"""

from __future__ import annotations

import gc
import json
import sys
import timeit
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from emulator.gateway.rules import management
from emulator.gateway.rules.connection import Connection
from emulator.gateway.rules.effects import Invoke, Replied
from emulator.gateway.rules.handshake import Handshake, UpgradeRequest
from emulator.gateway.rules.ids import IdSource
from emulator.gateway.rules.stage import Facts, Stage
from streamer.topology import Api, Authorizer, Route

BUDGET_US: Final = 50.0
NOW_MS: Final = 1_767_268_800_345
HEADERS: Final = (
    ("Host", "127.0.0.1:8787"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
    ("User-Agent", "Python/3.13 websockets/17.0"),
)
OK: Final = Replied(b'{"statusCode":200}')
ALLOWED: Final = Replied(
    json.dumps(
        {
            "principalId": "u1",
            "context": {"tenant": "t1", "level": 3},
            "policyDocument": {"Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}]},
        }
    ).encode()
)


def stage() -> Stage:
    """A stage with everything a real one has: authorizer, several routes, stage variables."""
    routes = [
        Route(route_key="$connect", function="connect", authorizer="auth"),
        Route(route_key="$disconnect", function="disconnect"),
        Route(route_key="$default", function="router"),
        *(Route(route_key=f"action-{n}", function="router") for n in range(20)),
    ]
    api = Api(
        name="bench",
        routes=tuple(routes),
        authorizers=(Authorizer(name="auth", function="authorizer", identity_sources=("route.request.header.Host",)),),
        stage_variables={"color": "blue"},
    )
    facts = Facts(region="us-east-1", account_id="123456789012", api_id="a1b2c3d4e5", domain_name="127.0.0.1:8787")
    return Stage(api, facts, IdSource("us-east-1", 1))


def connect(on: Stage) -> Connection:
    """A whole handshake: authorizer, $connect, accepted."""
    handshake = Handshake(on, UpgradeRequest(target="/dev?token=x", headers=HEADERS, peer="127.0.0.1"), NOW_MS)
    handshake.begin(0.0, NOW_MS)
    handshake.resume(ALLOWED, 0.0, NOW_MS)
    handshake.resume(OK, 0.0, NOW_MS)
    return handshake.connection


def microseconds(call: Callable[[], object], number: int = 5_000) -> float:
    """The best of five rounds: what the code costs, not what the machine was also doing."""
    return min(timeit.repeat(call, number=number, repeat=5)) / number * 1e6


def connection_bytes(on: Stage) -> int:
    """Memory that one open connection keeps."""
    gc.collect()
    tracemalloc.start()
    kept = [connect(on) for _ in range(1_000)]
    gc.collect()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return used // len(kept)


def main() -> int:
    """Print the table; exit status 1 when a message costs more than the budget."""
    on = stage()
    connection = connect(on)
    text = json.dumps({"action": "action-7", "id": "r-1", "payload": {"text": "x" * 100}})
    large = json.dumps({"action": "action-7", "payload": "x" * 30_000})
    [invoke] = connection.receive_text(text, 1.0, NOW_MS)
    assert isinstance(invoke, Invoke)
    target = management.ManagementTarget("dev", connection.connection_id)
    post = management.ManagementRequest(method="POST", target=target, body=b'{"type":"response"}')
    message_us = microseconds(lambda: connection.receive_text(text, 1.0, NOW_MS))
    rows = [
        ("message -> Invoke with event", message_us),
        ("message of 30 KB -> Invoke", microseconds(lambda: connection.receive_text(large, 1.0, NOW_MS), 1_000)),
        ("event -> JSON (for comparison)", microseconds(lambda: json.dumps(invoke.event))),
        ("function returned -> effects", microseconds(lambda: connection.replied(invoke, OK, 1.0))),
        ("POST @connections -> Send", microseconds(lambda: management.handle(on, post, connection, 1.0, NOW_MS))),
        ("parse the path of a POST", microseconds(lambda: management.parse_path(f"/dev/%40connections/{target}"))),
        ("whole handshake with authorizer", microseconds(lambda: connect(on), 1_000)),
    ]
    for name, value in rows:
        print(f"{name:<34} {value:8.1f} us")
    print(f"{'memory of an open connection':<34} {connection_bytes(on):8d} B")
    is_within = message_us <= BUDGET_US
    print(f"budget per message {BUDGET_US:.0f} us: {'met' if is_within else 'MISSED'}")
    return 0 if is_within else 1


if __name__ == "__main__":
    sys.exit(main())
