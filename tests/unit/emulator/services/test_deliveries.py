"""Where what services deliver goes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from emulator.event_sources.queues.batches import MessageRefusedError
from emulator.services.deliveries import Outside
from emulator.services.wire import DELIVERY, Frame
from streamer.errors import ConfigurationError

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:"


class World:
    def __init__(self, *, has_queues: bool = True, is_full: bool = False) -> None:
        self.accepted: list[tuple[str, bytes]] = []
        self.sent: list[tuple[str, str, Any]] = []
        self.posted: list[tuple[str, Any, bytes]] = []
        self._has_queues = has_queues
        self._is_full = is_full
        self.outside = Outside(lambda: {"writer"}, self._accept, self._queues, Posted(self))

    def _accept(self, function: str, payload: bytes, request_id: str) -> bool:
        assert request_id
        self.accepted.append((function, payload))
        return not self._is_full

    def _queues(self) -> World:
        if not self._has_queues:
            raise ConfigurationError("queues come with the embedded DynamoDB only")
        return self

    def has(self, name: str) -> bool:
        return name in ("inbox", "full")

    def send(self, name: str, body: str, **more: Any) -> None:
        if name == "full":
            raise MessageRefusedError("it takes no more")
        self.sent.append((name, body, more))

    def deliver(self, to: str, **more: Any) -> None:
        self.outside.deliver(Frame(DELIVERY, 0, {"to": to, "by": "bucket made", "payload": "{}", **more}))


class Posted:
    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, url: str, headers: Mapping[str, str], body: bytes, *, by: str) -> None:
        assert by == "bucket made"
        self._world.posted.append((url, headers, body))


def test_functions_are_invoked_and_queues_get_messages() -> None:
    world = World()
    world.deliver(f"{FUNCTION}writer")
    world.deliver(f"{FUNCTION}writer:live")
    world.deliver(f"{QUEUE}inbox")

    assert world.accepted == [("writer", b"{}"), ("writer:live", b"{}")]
    assert world.sent == [("inbox", "{}", {"attributes": None, "group": None, "deduplication": None})]


def test_messages_keep_what_they_carry_and_servers_get_headers() -> None:
    world = World()
    world.deliver(f"{QUEUE}inbox", group="a", deduplication="b", attributes={"c": {"DataType": "String"}})
    world.deliver("http://127.0.0.1:1/told", headers={"x-amz-sns-message-type": "Notification"})

    more = {"attributes": {"c": {"DataType": "String"}}, "group": "a", "deduplication": "b"}
    assert world.sent == [("inbox", "{}", more)]
    assert world.posted == [("http://127.0.0.1:1/told", {"x-amz-sns-message-type": "Notification"}, b"{}")]


@pytest.mark.parametrize(
    ("to", "why"),
    [
        (f"{FUNCTION}gone", "there is no such function"),
        (f"{QUEUE}gone", "there is no such queue"),
        (f"{QUEUE}full", "it takes no more"),
        ("arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "targets that are calls of a service are not emulated"),
        ("arn:aws:events:us-east-1:123456789012:event-bus/gone", "there is no such event bus"),
        (
            "arn:aws:logs:us-east-1:123456789012:log-group:x",
            "only functions, queues and web servers are delivered to here",
        ),
    ],
)
def test_what_arrives_nowhere_is_told_once(to: str, why: str, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    with caplog.at_level(logging.WARNING):
        world.deliver(to)
        world.deliver(to)

    (line,) = [each for each in caplog.records if "arrives nowhere" in each.message]
    assert line.__dict__["fields"]["why"] == why
    assert not world.accepted
    assert not world.sent


def test_what_cannot_be_sent_is_told_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.deliver(f"{QUEUE}inbox", why="it has no group")

    (line,) = [each for each in caplog.records if "arrives nowhere" in each.message]
    assert line.__dict__["fields"]["why"] == "it has no group"
    assert not world.sent


def test_a_database_of_the_users_has_no_queues(caplog: pytest.LogCaptureFixture) -> None:
    world = World(has_queues=False)
    with caplog.at_level(logging.WARNING):
        world.deliver(f"{QUEUE}inbox")

    assert "arrives nowhere" in caplog.text


def test_too_many_events_are_dropped_and_told(caplog: pytest.LogCaptureFixture) -> None:
    world = World(is_full=True)
    with caplog.at_level(logging.WARNING):
        world.deliver(f"{FUNCTION}writer")

    assert "too many events wait" in caplog.text
