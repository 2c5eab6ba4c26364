"""A small world for the gateway's tests: a stage, a client's upgrade, and functions that answer as told."""

from __future__ import annotations

import json
from typing import Any

from emulator.gateway.rules.assumptions import Assumptions
from emulator.gateway.rules.connection import Connection
from emulator.gateway.rules.effects import Accept, Invoke, Replied, Result
from emulator.gateway.rules.handshake import Handshake, UpgradeRequest
from emulator.gateway.rules.ids import IdSource
from emulator.gateway.rules.limits import Limits
from emulator.gateway.rules.stage import Facts, Stage
from streamer.topology import Api, Authorizer, Route

NOW_MS = 1_767_268_800_345
FACTS = Facts(region="eu-west-1", account_id="210987654321", api_id="z9y8x7w6v5", domain_name="127.0.0.1:8787")
OK = Replied(b'{"statusCode": 200}')
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    ("Host", "127.0.0.1:8787"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", KEY),
)


def route(key: str, **settings: Any) -> Route:
    return Route(route_key=key, function=f"on_{key.lstrip('$')}", **settings)


def stage_of(
    *routes: Route, limits: Limits | None = None, assumptions: Assumptions | None = None, seed: int = 1, **api: Any
) -> Stage:
    """A stage ``dev`` with these routes; without any: $connect, $disconnect, $default."""
    chosen = routes or (route("$connect"), route("$disconnect"), route("$default"))
    described = Api(name="test", routes=chosen, **api)
    return Stage(described, FACTS, IdSource(FACTS.region, seed), limits=limits, assumptions=assumptions)


def authorized_stage(*sources: str, **connect: Any) -> Stage:
    """A stage whose $connect has an authorizer with these identity sources."""
    authorizer = Authorizer(name="auth", function="authorize", identity_sources=sources)
    routes = (route("$connect", authorizer="auth", **connect), route("$disconnect"), route("$default"))
    return stage_of(*routes, authorizers=(authorizer,))


def upgrade(*headers: tuple[str, str], target: str = "/dev", **settings: Any) -> UpgradeRequest:
    return UpgradeRequest(target=target, headers=(*UPGRADE, *headers), peer="192.0.2.9", **settings)


def returned(result: Any) -> Replied:
    return Replied(json.dumps(result).encode())


def opened(
    stage: Stage, *headers: tuple[str, str], now: float = 0.0, connect: Result = OK, authorizer: Result | None = None
) -> Connection:
    """A connection that was accepted at ``now``."""
    handshake = Handshake(stage, upgrade(*headers), NOW_MS)
    decision = handshake.begin(now, NOW_MS)
    if authorizer is not None:
        decision = handshake.resume(authorizer, now, NOW_MS)
    if isinstance(decision, Invoke):
        decision = handshake.resume(connect, now, NOW_MS)
    assert isinstance(decision, Accept), decision
    return handshake.connection


def header(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name.lower()), None)
