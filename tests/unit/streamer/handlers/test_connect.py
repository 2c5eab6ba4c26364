import base64
import hmac
import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from streamer_records import NOW

from streamer.auth import mint
from streamer.errors import StoreError
from streamer.observability import Logger, Metrics
from streamer.records import ConnectionRecord
from streamer.settings import Settings
from streamer.stores.memory import MemoryConnectionStore
from streamer.testing import FakeClock, FakeContext, Handlers, connect_event

SECRET = "a-secret-of-at-least-32-bytes-long"


class BrokenStore(MemoryConnectionStore):
    def put(self, record: ConnectionRecord) -> None:
        raise StoreError("DynamoDB did not answer")


@dataclass
class World:
    settings: Settings = field(default_factory=lambda: Settings(jwt_secret=SECRET))
    connections: MemoryConnectionStore = field(default_factory=MemoryConnectionStore)
    output: io.StringIO = field(default_factory=io.StringIO)

    def connect(self, event: dict[str, Any]) -> dict[str, Any]:
        handlers = Handlers(
            settings=self.settings,
            connections=self.connections,
            log=Logger(stream=self.output),
            metrics=Metrics(stream=self.output),
            clock=FakeClock(NOW),
        )
        return handlers.connect(event, FakeContext())

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]

    def metric(self, name: str) -> Any:
        return next((line[name] for line in self.lines if name in line), None)


def token(**changes: Any) -> str:
    return mint(SECRET, **{"user_id": "ada", "tenant_id": "acme", "permissions": ["reports"], "now": NOW, **changes})


def longest_token() -> str:
    """Ids of as many characters as may be, each of four bytes; `mint` would escape them and exceed a token's length."""
    claims = {"user_id": "\U0001f600" * 256, "tenant_id": "\U0001f600" * 256, "exp": NOW + 60}
    parts = [b'{"alg":"HS256"}', json.dumps(claims, ensure_ascii=False).encode()]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(SECRET.encode(), signed, "sha256")
    return f"{signed.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def with_token(text: str, **more: Any) -> dict[str, Any]:
    return connect_event(query={"Authorization": text}, **more)


def test_a_client_with_a_token_gets_in_and_is_remembered() -> None:
    world = World()

    assert world.connect(with_token(token())) == {"statusCode": 200}
    assert world.connections.records == {
        "WgQ2HdS5oAMCKkw=": ConnectionRecord(
            connection_id="WgQ2HdS5oAMCKkw=",
            tenant_id="acme",
            user_id="ada",
            permissions=frozenset({"reports"}),
            endpoint="https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/dev",
            source_ip="203.0.113.7",
            user_agent="streamer-testing",
            connected_at=NOW,
            expires_at=int(NOW) + 86_400,
        )
    }
    assert world.metric("ConnectionEstablished") == 1


def test_connecting_costs_one_write() -> None:
    world = World()
    world.connect(with_token(token()))

    assert world.connections.calls == ["PutItem"]


def test_an_offered_subprotocol_is_answered() -> None:
    event = connect_event(headers={"Sec-WebSocket-Protocol": f"streamer.v1, bearer.{token()}"})

    assert World().connect(event) == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "streamer.v1"}}


@pytest.mark.parametrize(
    ("event", "settings", "status", "reason"),
    [
        pytest.param(connect_event(), {}, 401, "token_missing", id="no token"),
        pytest.param(with_token("not-a-token"), {}, 401, "token_malformed", id="malformed"),
        pytest.param(with_token(token(now=NOW - 90_000)), {}, 401, "token_expired", id="expired"),
        pytest.param(with_token(token()[:-4] + "AAAA"), {}, 401, "signature_invalid", id="wrongly signed"),
        pytest.param(
            with_token(token()), {"allowed_tenants": frozenset({"other"})}, 403, "tenant_not_allowed", id="tenant"
        ),
        pytest.param(with_token(longest_token()), {}, 401, "identity_too_long", id="too long a key"),
    ],
)
def test_a_refused_client_learns_no_reason_and_leaves_no_row(
    event: dict[str, Any], settings: dict[str, Any], status: int, reason: str
) -> None:
    world = World(settings=Settings(jwt_secret=SECRET, **settings))

    assert world.connect(event) == {"statusCode": status}
    assert world.connections.calls == []
    assert world.metric("AuthenticationFailed") == 1
    assert [line["reason"] for line in world.lines if "reason" in line] == [reason]


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(World(connections=BrokenStore()), id="the store fails"),
        pytest.param(World(settings=Settings()), id="no key is configured"),
    ],
)
def test_our_own_failure_is_a_500(world: World) -> None:
    assert world.connect(with_token(token())) == {"statusCode": 500}
    assert world.metric("AuthenticationFailed") is None
    assert world.lines[0]["level"] == "ERROR"


@pytest.mark.parametrize("event", [with_token(token()), with_token(token()[:-4] + "AAAA")])
def test_a_token_is_never_logged(event: dict[str, Any]) -> None:
    world = World()
    world.connect(event)

    assert token()[:-8] not in world.output.getvalue()
    assert SECRET not in world.output.getvalue()


def test_log_lines_say_who() -> None:
    world = World()
    world.connect(with_token(token()))

    line = world.lines[0]
    assert {name: line[name] for name in ("connection_id", "user_id", "tenant_id")} == {
        "connection_id": "WgQ2HdS5oAMCKkw=",
        "user_id": "ada",
        "tenant_id": "acme",
    }
