"""Whatever tenant A sends, it neither sees, nor cancels, nor hears, nor changes anything of tenant B."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from streamer import App, Progress, Request
from streamer.records import RequestRecord, Status, owner_of
from streamer.testing import LocalService

SECRET = "the-secret-of-b"
IDS = ["r-running", "r-waiting", "r-done"]
STATES: dict[str, dict[str, Any]] = {
    "r-running": {"status": Status.PROCESSING, "attempt": 1},
    "r-waiting": {"status": Status.PENDING},
    "r-done": {"status": Status.COMPLETED, "attempt": 1, "result_json": f'"{SECRET}"'},
}

app = App()


@app.action("slow", queued=True)
def slow(request: Request, progress: Progress) -> Any:
    progress(50)
    return request.payload


@app.action("reach")
def reach(request: Request) -> Any:
    """An action that trusts its payload: it does with connections whatever the client says."""
    name, arguments = request.payload["name"], request.payload["arguments"]
    result = getattr(app.connections, name)(**arguments)
    return getattr(result, "delivered", result)


class World:
    """Two tenants with a user of the same name, and everything that B can have."""

    def __init__(self, service: LocalService) -> None:
        self.service = service
        permissions = ["topics:publish", "requests:cancel"]
        self.a = service.connect(user_id="ada", tenant_id="a", permissions=permissions)
        self.b = service.connect(user_id="ada", tenant_id="b", permissions=permissions)
        self.b.send({"action": "subscribe", "payload": {"topic": "news"}})
        for request_id in IDS:
            self._put(request_id)
        self.before = self.of_b()
        self.heard = len(self.b.received)

    def _put(self, request_id: str) -> None:
        record = RequestRecord(
            tenant_id="b",
            user_id="ada",
            request_id=request_id,
            action="slow",
            payload_json=f'"{SECRET}"',
            metadata_json="{}",
            permissions=frozenset(),
            connection_id=self.b.connection_id,
            endpoint="https://api.example.com/dev",
            max_attempts=1,
            created_at=self.service.clock(),
            updated_at=self.service.clock(),
            expires_at=int(self.service.clock()) + 1000,
            **{"attempt": 0, **STATES[request_id]},
        )
        self.service.requests.records[record.key] = record

    def of_b(self) -> list[Any]:
        """Every row of tenant B."""
        return [
            [row for row in self.service.connections.records.values() if row.tenant_id == "b"],
            [row for row in self.service.requests.records.values() if row.tenant_id == "b"],
            [row for row in self.service.subscriptions.records.values() if row.connection_id == self.b.connection_id],
        ]


B_CONNECTION = "connection-2"
OWNER_OF_B = owner_of("b", "ada")
names = st.sampled_from(
    [
        *IDS,
        "news",
        "b",
        "ada",
        "b#ada",
        "b%23ada",
        OWNER_OF_B,
        f"{OWNER_OF_B}#r-running",
        "topic#b#news",
        "b#news",
        "../b/news",
        B_CONNECTION,
        "",
        "*",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
FIELDS = [
    "request_id", "topic", "data", "tenant_id", "user_id", "owner", "connection_id", "id", "key", "name", "tenant",
    "target", "principal", "reason",
]  # fmt: skip
payloads = st.dictionaries(st.sampled_from(FIELDS), values, max_size=5)
reaching = st.one_of(
    st.fixed_dictionaries(
        {"name": st.just("send"), "arguments": st.fixed_dictionaries({"connection_id": names, "data": values})}
    ),
    st.fixed_dictionaries({"name": st.just("is_active"), "arguments": st.fixed_dictionaries({"connection_id": names})}),
    st.fixed_dictionaries(
        {
            "name": st.just("broadcast"),
            "arguments": st.one_of(
                st.fixed_dictionaries({"data": values, "user_id": names}),
                st.fixed_dictionaries({"data": values, "topic": names}),
                st.fixed_dictionaries({"data": values, "tenant": st.just(True)}),
            ),
        }
    ),
)
ACTIONS = ["ping", "health", "status", "cancel", "subscribe", "unsubscribe", "publish", "slow", "reach", "unknown"]
messages = st.one_of(
    st.fixed_dictionaries(
        {"action": st.sampled_from(ACTIONS)},
        optional={
            "id": st.sampled_from(IDS) | names,
            "payload": payloads | values,
            "metadata": payloads,
            "tenant_id": names,
            "user_id": names,
            "principal": payloads,
        },
    ),
    st.fixed_dictionaries({"action": st.just("reach"), "payload": reaching}),
    values,
)


@given(st.lists(messages, max_size=12))
@example([{"action": action, "payload": {"request_id": "r-running"}} for action in ("status", "cancel", "subscribe")])
@example([{"action": "subscribe", "payload": {"topic": "news"}}, {"action": "publish", "payload": {"topic": "news"}}])
@example([{"action": "slow", "id": id_, "payload": SECRET} for id_ in IDS])
@example(
    [
        {"action": "reach", "payload": {"name": "send", "arguments": {"connection_id": B_CONNECTION, "data": 1}}},
        {"action": "reach", "payload": {"name": "broadcast", "arguments": {"user_id": "ada", "data": 1}}},
    ]
)
def test_no_message_of_one_tenant_touches_another(sent: list[Any]) -> None:
    with LocalService(app) as service:
        world = World(service)
        assert world.b.connection_id == B_CONNECTION

        for message in sent:
            world.a.send(message)

        assert world.of_b() == world.before
        assert len(world.b.received) == world.heard
        # What A was told holds nothing of B, unless A has said it itself.
        if SECRET not in json.dumps(sent):
            assert SECRET not in json.dumps(world.a.received)

        # And what B publishes now does not reach A, whatever A has subscribed to.
        before = len(world.a.received)
        world.b.send({"action": "publish", "payload": {"topic": "news", "data": SECRET}})
        to_all = {"name": "broadcast", "arguments": {"data": SECRET, "tenant": True}}
        world.b.send({"action": "reach", "payload": to_all})
        assert len(world.a.received) == before
        world.a.close()
        assert world.of_b()[0] == world.before[0]
