"""Random interleavings of everything that can happen, against what must always hold."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from gateway_world import NOW_MS, OK, returned, route, stage_of, upgrade
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from emulator.gateway.rules.connection import State
from emulator.gateway.rules.effects import (
    Accept,
    Close,
    Effect,
    HttpAnswer,
    Invoke,
    NotInvoked,
    Raised,
    Result,
    Send,
    TimedOut,
    Warn,
)
from emulator.gateway.rules.handshake import Handshake
from emulator.gateway.rules.management import ManagementRequest, ManagementTarget, handle
from streamer.topology import Authorizer, Throttle

RESULTS = [
    OK,
    returned({"statusCode": 403}),
    returned({"statusCode": 200, "body": "answer"}),
    returned(None),
    returned({"nonsense": 1}),
    Raised(b'{"errorMessage": "Unauthorized"}'),
    NotInvoked("throttled"),
    TimedOut(),
]
ALLOW = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
AUTHORIZED = returned({"principalId": "p", "policyDocument": {"Statement": [ALLOW]}})
ROUTES = (
    route("$connect", authorizer="auth"),
    route("$disconnect"),
    route("one-way"),
    route("answering", route_response=True),
    route("slow", throttle=Throttle(rate=1, burst=2)),
    route("strict", model={"type": "object", "required": ["x"]}),
)


@dataclass
class Client:
    """One client of the tiny shell: what it got, and what the gateway asked to run for it."""

    handshake: Handshake
    is_accepted: bool = False
    wire: deque[str] = field(default_factory=deque)
    """What was sent and has not arrived yet; lost when the socket closes."""
    received: list[str] = field(default_factory=list)
    promised: list[str] = field(default_factory=list)
    """Every post that was answered 200, in order; each has a text of its own."""
    close: Close | None = None
    disconnects: int = 0
    pending: list[Invoke] = field(default_factory=list)
    is_gone: bool = False

    @property
    def connection_id(self) -> str:
        return self.handshake.connection_id


class Gateway(RuleBasedStateMachine):
    """A shell without sockets around the pure core."""

    clients = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        authorizers = (Authorizer(name="auth", function="authorize"),)
        self.stage = stage_of(*ROUTES, authorizers=authorizers)
        self.now = 0.0
        self.all: list[Client] = []
        self.ids: list[str] = []
        self.posts = 0

    @property
    def now_ms(self) -> int:
        return NOW_MS + int(self.now * 1000)

    # what the shell does

    def perform(self, client: Client, effects: list[Effect] | tuple[Effect, ...]) -> None:
        for effect in effects:
            assert not client.is_gone, "an effect for a client that is gone"
            match effect:
                case Send(text):
                    assert client.close is None, "something was sent after Close"
                    client.wire.append(text)
                case Close():
                    assert client.close is None, "two close frames"
                    client.close = effect
                case Invoke():
                    self.note(effect)
                    client.pending.append(effect)
                case Warn():
                    pass

    def note(self, invoke: Invoke) -> None:
        """Remember the ids that were made, and check what must hold for every invocation."""
        context = invoke.event["requestContext"]
        self.ids.append(context["requestId"])
        if "messageId" in context:
            self.ids.append(context["messageId"])
        assert invoke.route_key in {each.route_key for each in ROUTES}
        assert json.loads(json.dumps(invoke.event)) == invoke.event

    def decided(self, client: Client, decision: Any) -> None:
        match decision:
            case Invoke():
                self.note(decision)
            case Accept():
                client.is_accepted = True
            case HttpAnswer(status):
                assert status >= 300
                client.is_gone = True

    # what can happen

    @initialize(target=clients)
    def first_client_connects(self) -> Client:
        client = self.ask()
        self.decide(client, OK, is_let_in=True)
        return client

    @rule(target=clients)
    def client_asks_to_connect(self) -> Client:
        return self.ask()

    def ask(self) -> Client:
        client = Client(Handshake(self.stage, upgrade(), self.now_ms))
        self.ids.append(client.connection_id)
        self.all.append(client)
        self.decided(client, client.handshake.begin(self.now, self.now_ms))
        return client

    @rule(client=clients, result=st.sampled_from(RESULTS), is_let_in=st.booleans())
    def functions_decide(self, client: Client, result: Result, is_let_in: bool) -> None:
        if not client.is_accepted and not client.is_gone:
            self.decide(client, result, is_let_in=is_let_in)

    def decide(self, client: Client, result: Result, *, is_let_in: bool) -> None:
        self.decided(client, client.handshake.resume(AUTHORIZED if is_let_in else result, self.now, self.now_ms))
        if not client.is_gone:
            self.decided(client, client.handshake.resume(result, self.now, self.now_ms))

    @rule(
        client=clients,
        text=st.sampled_from(["one-way", "answering", "slow", "strict", "unknown", "$connect"]).map(
            lambda action: json.dumps({"action": action})
        )
        | st.text(max_size=10),
    )
    def client_sends(self, client: Client, text: str) -> None:
        if client.is_accepted and not client.is_gone:
            self.perform(client, client.handshake.connection.receive_text(text, self.now, self.now_ms))

    @rule(client=clients)
    def client_sends_binary(self, client: Client) -> None:
        if client.is_accepted and not client.is_gone:
            self.perform(client, client.handshake.connection.receive_binary())

    @rule(client=clients, result=st.sampled_from(RESULTS), which=st.integers(0, 5))
    def function_ends(self, client: Client, result: Result, which: int) -> None:
        if client.pending:
            invoke = client.pending.pop(which % len(client.pending))
            effects = client.handshake.connection.replied(invoke, result, self.now)
            assert not (effects and client.is_gone)
            self.perform(client, effects)

    def call(self, method: str, client: Client, body: bytes = b"", *, is_buffer_full: bool = False) -> int:
        target = ManagementTarget("dev", client.connection_id)
        request = ManagementRequest(method=method, target=target, body=body, is_buffer_full=is_buffer_full)
        answer = handle(self.stage, request, client.handshake.connection, self.now, self.now_ms)
        self.perform(client, answer.effects)
        if method == "POST" and answer.response.status == 200:
            client.promised.append(body.decode())
        return answer.response.status

    @rule(client=clients, text=st.text(max_size=8), is_buffer_full=st.booleans())
    def post(self, client: Client, text: str, is_buffer_full: bool) -> None:
        self.posts += 1
        body = f"post {self.posts} {text}".encode()
        status = self.call("POST", client, body, is_buffer_full=is_buffer_full)

        is_open = client.is_accepted and client.close is None and not client.is_gone
        assert status == ((429 if is_buffer_full else 200) if is_open else 410)

    @rule(client=clients)
    def get(self, client: Client) -> None:
        is_open = client.is_accepted and client.close is None and not client.is_gone
        assert self.call("GET", client) == (200 if is_open else 410)

    @rule(client=clients)
    def delete(self, client: Client) -> None:
        is_open = client.is_accepted and client.close is None and not client.is_gone
        assert self.call("DELETE", client) == (204 if is_open else 410)

    @rule(seconds=st.sampled_from([0.05, 1.0, 300.0, 599.0, 601.0, 7200.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for client in self.all:
            connection = client.handshake.connection
            if connection.deadline() <= self.now:
                self.perform(client, connection.expire(self.now))
                assert client.close is not None
                assert client.close.code == 1001

    @rule(client=clients, code=st.sampled_from([1000, 1001, 1005, 1006, 4000]))
    def socket_closes(self, client: Client, code: int) -> None:
        if not client.is_accepted:
            assert client.handshake.connection.closed(code, "", self.now_ms) is None
            return
        invoke = client.handshake.connection.closed(code, "bye", self.now_ms)
        client.is_gone = True
        client.wire.clear()
        if invoke is not None:
            self.note(invoke)
            client.disconnects += 1
            told = invoke.event["requestContext"]["disconnectStatusCode"]
            assert told == (code if client.close is None else client.close.code)

    @rule(client=clients, count=st.integers(1, 9))
    def network_delivers(self, client: Client, count: int) -> None:
        for _ in range(min(count, len(client.wire))):
            client.received.append(client.wire.popleft())

    # what must always hold

    @invariant()
    def posts_answered_200_arrive_in_order_or_the_connection_ended(self) -> None:
        for client in self.all:
            arrived = [text for text in client.received if text.startswith("post ")]
            waiting = [text for text in client.wire if text.startswith("post ")]
            assert arrived == client.promised[: len(arrived)]
            assert client.is_gone or arrived + waiting == client.promised

    @invariant()
    def no_id_is_reused(self) -> None:
        assert len(set(self.ids)) == len(self.ids)

    @invariant()
    def disconnect_runs_exactly_once_for_accepted_connections(self) -> None:
        for client in self.all:
            assert client.disconnects == (1 if client.is_accepted and client.is_gone else 0)

    @invariant()
    def what_is_gone_or_closing_is_not_open(self) -> None:
        for client in self.all:
            state = client.handshake.connection.state
            if client.is_gone:
                assert state is State.CLOSED
            elif client.is_accepted:
                assert state is (State.OPEN if client.close is None else State.CLOSING)
            else:
                assert state is State.CONNECTING


TestGateway = Gateway.TestCase
TestGateway.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
