from __future__ import annotations

import asyncio

import pytest

from streamer.client.errors import ConnectionLostError
from streamer.client.events import Event
from streamer.client.inbox import Inbox


def progress(percentage: int) -> Event:
    return Event("progress", "r", {"percentage": percentage})


async def drained(inbox: Inbox, count: int) -> list[Event]:
    return [await inbox.get() for _ in range(count)]


async def test_events_come_out_in_order() -> None:
    inbox = Inbox()
    events = [Event("acknowledgment", "r"), progress(1), Event("complete", "r")]
    for event in events:
        inbox.put(event)

    assert await drained(inbox, 3) == events


async def test_a_reader_waits_for_what_comes_later() -> None:
    inbox = Inbox()
    reader = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    inbox.put(progress(1))

    assert await reader == progress(1)


async def test_what_the_service_tells_again_is_left_out() -> None:
    inbox = Inbox()
    accepted, final = Event("acknowledgment", "r"), Event("complete", "r")
    for event in [accepted, progress(1), accepted, progress(1), progress(2), progress(1), final, final, progress(3)]:
        inbox.put(event)
    inbox.fail(ConnectionLostError(1000, "the end"))

    assert await drained(inbox, 4) == [accepted, progress(1), progress(2), final]
    with pytest.raises(ConnectionLostError, match="the end"):
        await inbox.get()


async def test_when_full_the_oldest_progress_makes_room() -> None:
    inbox = Inbox(limit=3)
    accepted, final = Event("acknowledgment", "r"), Event("complete", "r")
    for event in [accepted, progress(1), progress(2), progress(3), final]:
        inbox.put(event)

    assert await drained(inbox, 3) == [accepted, progress(3), final]


async def test_memory_is_bounded_even_without_progress() -> None:
    inbox = Inbox(limit=3)
    for number in range(100):
        inbox.put(Event("retrying", "r", {"attempt": number}))

    assert [event.fields["attempt"] for event in await drained(inbox, 3)] == [97, 98, 99]


async def test_an_end_is_told_after_what_came_before_it() -> None:
    inbox = Inbox()
    inbox.put(progress(1))
    inbox.fail(ConnectionLostError(1001, "Going away"))

    assert await inbox.get() == progress(1)
    with pytest.raises(ConnectionLostError, match="1001"):
        await inbox.get()


async def test_the_first_reason_for_an_end_counts() -> None:
    inbox = Inbox()
    inbox.fail(ConnectionLostError(1001, "first"))
    inbox.fail(ConnectionLostError(1000, "second"))

    with pytest.raises(ConnectionLostError, match="first"):
        await inbox.get()
