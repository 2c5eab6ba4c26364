"""Whatever clients, functions and callers do, in any order: what holds for every connection, over real sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fidelity_client import BINARY, CLOSE, PING, TEXT, Frame, Upgrading, close_payload
from fidelity_world import CONNECT, DEFAULT, DISCONNECT, MakeWorld, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TWO_WAY = replace(DEFAULT, route_response=True)
OPERATIONS = ("post", "send", "fail", "binary", "get", "delete", "close", "drop", "reset", "refuse", "open", "ping")
STEPS = st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 3)), max_size=25)


@dataclass
class Life:
    """What a probe knows about one connection."""

    client: Upgrading
    connection_id: str
    accepted_posts: list[str] = field(default_factory=list)
    is_deleted: bool = False
    is_left: bool = False
    """Whether the client is gone, so that nothing more can be read."""


class Interleaving:
    """Does steps and remembers; `check` at the end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.begun = len(world.events("connect"))
        self.ended_before = len(world.events("disconnect"))
        self.lives: list[Life] = []
        self.refused = 0
        self.open(0)

    def do(self, operation: str, which: int) -> None:
        step: Callable[[int], None] = getattr(self, operation)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server had ended the connection
            step(which % len(self.lives))

    # steps

    def open(self, _which: int) -> None:
        client = self.world.open()
        context = self.world.event("connect", self.begun + len(self.lives) + self.refused)["requestContext"]
        self.lives.append(Life(client, context["connectionId"]))

    def refuse(self, _which: int) -> None:
        self.world.refused(self.world.told(**{"return": {"statusCode": 403}}))
        self.refused += 1

    def post(self, which: int) -> None:
        life = self.lives[which]
        text = f"post {len(life.accepted_posts)}"
        status = self.world.call("POST", life.connection_id, text.encode()).status
        assert status in {200, 410}
        assert not (status == 200 and life.is_deleted), "posted to a connection that was deleted before"
        if status == 200:
            life.accepted_posts.append(text)

    def send(self, which: int) -> None:
        if not self.lives[which].is_left:
            self.lives[which].client.json(do={"return": {"statusCode": 200, "body": "answer"}})

    def fail(self, which: int) -> None:
        if not self.lives[which].is_left:
            self.lives[which].client.json(do={"raise": "boom"})

    def binary(self, which: int) -> None:
        if not self.lives[which].is_left:
            self.lives[which].client.frame(BINARY, b"x")

    def get(self, which: int) -> None:
        life = self.lives[which]
        assert self.world.call("GET", life.connection_id).status in ({410} if life.is_deleted else {200, 410})

    def delete(self, which: int) -> None:
        life = self.lives[which]
        assert self.world.call("DELETE", life.connection_id).status in ({410} if life.is_deleted else {204, 410})
        life.is_deleted = True

    def close(self, which: int) -> None:
        if not self.lives[which].is_left:
            self.lives[which].client.frame(CLOSE, close_payload(4000))

    def drop(self, which: int) -> None:
        self.lives[which].is_left = True
        self.lives[which].client.drop()

    def reset(self, which: int) -> None:
        if not self.lives[which].is_left:
            self.lives[which].is_left = True
            self.lives[which].client.reset()

    def ping(self, which: int) -> None:
        if not self.lives[which].is_left:
            self.lives[which].client.frame(PING, b"x")

    # what must hold

    def check(self) -> None:
        for life in self.lives:
            if not life.is_left:
                check_stream(life)
                life.client.drop()
        total = self.begun + len(self.lives) + self.refused
        ids = {life.connection_id for life in self.lives}
        self.world.event("disconnect", self.ended_before + len(self.lives) - 1)
        ended = [event["requestContext"]["connectionId"] for event in self.world.events("disconnect")]
        assert len(ended[self.ended_before :]) == len(ids)
        assert set(ended[self.ended_before :]) == ids
        connected = [event["requestContext"]["connectionId"] for event in self.world.events("connect")]
        assert len(set(connected)) == len(connected) == total


def check_stream(life: Life) -> None:
    """Every accepted post arrived in order, or the connection ended; nothing came after a close frame."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        life.client.frame(CLOSE, close_payload(1000))
    seen: list[str] = []
    frame: Frame | None = None
    with contextlib.suppress(EOFError, ConnectionResetError):
        while (frame := life.client.next()).opcode != CLOSE:
            if frame.opcode == TEXT and frame.payload.startswith(b"post"):
                seen.append(frame.payload.decode())
    assert seen == life.accepted_posts[: len(seen)]
    if frame is not None and frame.opcode == CLOSE:
        assert life.client.is_ended(), "something came after the close frame"
    if frame is not None and frame.opcode == CLOSE and frame.close_code in {1000, 4000, 1003}:
        assert seen == life.accepted_posts


def test_every_interleaving_keeps_the_promises(make_world: MakeWorld) -> None:
    world = make_world(CONNECT, DISCONNECT, TWO_WAY)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(STEPS)
    def run(steps: list[tuple[str, int]]) -> None:
        interleaving = Interleaving(world)
        for operation, which in steps:
            interleaving.do(operation, which)
        interleaving.check()

    run()
