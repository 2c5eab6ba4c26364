"""Whom errors are told to that do not say which request they answer."""

from __future__ import annotations

import asyncio

import pytest

from streamer.client.complaints import Complaints
from streamer.client.errors import ClientError, GatewayError
from streamer.client.events import Event
from streamer.client.inbox import Inbox

FIRST, SECOND = GatewayError("Internal server error", "g1="), GatewayError("Endpoint request timed out", "g2=")


async def told(inbox: Inbox) -> str | None:
    """The error that an inbox was told, in words; None: nothing."""
    try:
        async with asyncio.timeout(0):
            await inbox.get()
    except ClientError as error:
        return str(error)
    except TimeoutError:
        return None
    raise AssertionError("it was answered")


async def test_the_only_one_that_waits_is_told() -> None:
    answered, waiting = Inbox(), Inbox()
    answered.put(Event("acknowledgment", "r"))

    assert Complaints().heard(FIRST, [answered, waiting])
    assert await told(waiting) == str(FIRST)


async def test_an_error_of_nobody_is_told_to_nobody() -> None:
    later, complaints = Inbox(), Complaints()

    assert not complaints.heard(FIRST, [])
    assert complaints.heard(SECOND, [later, Inbox()])
    assert await told(later) is None


async def test_as_many_errors_as_wait_are_of_all_of_them() -> None:
    inboxes, complaints = [Inbox(), Inbox()], Complaints()

    assert complaints.heard(FIRST, inboxes)
    assert [await told(inbox) for inbox in inboxes] == [None, None]
    assert complaints.heard(SECOND, inboxes)
    assert [await told(inbox) for inbox in inboxes] == [str(FIRST), str(SECOND)]


async def test_who_came_later_is_not_meant() -> None:
    first, second, later, complaints = Inbox(), Inbox(), Inbox(), Complaints()
    complaints.heard(FIRST, [first, second])
    second.put(Event("response", "r"))
    complaints.settle()

    assert await told(first) == str(FIRST)
    assert await told(later) is None


@pytest.mark.parametrize("is_answered", [True, False])
async def test_who_gave_up_may_have_been_meant_unless_it_was_answered(is_answered: bool) -> None:
    first, second, complaints = Inbox(), Inbox(), Complaints()
    complaints.heard(FIRST, [first, second])
    if is_answered:
        first.put(Event("response", "r"))
    complaints.gone(first)
    complaints.settle()

    assert await told(second) == (str(FIRST) if is_answered else None)
