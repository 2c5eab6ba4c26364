"""Long polling: who asks for messages is answered once there are some, or when its time is over.

[DOC] sqs-docs:sqs-short-and-long-polling
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ...foundation.tasks import happens
from ...port.http import HttpResponse

LOOK_SECONDS: Final = 0.5
"""How often a queue is looked at in which nothing is known to have happened: for delays and visibility timeouts."""


async def answered(
    first: HttpResponse,
    seconds: float,
    *,
    listen: Callable[[Callable[[], None]], Callable[[], None]],
    ask: Callable[[], HttpResponse | None],
) -> HttpResponse:
    """The answer to a request for messages that had none.

    Args:
        first: what it got, which it gets in the end, too, if nothing comes.
        seconds: how long it waits.
        listen: has something called whenever anything happens to the queues; returns what ends that.
        ask: asks again; None: there is still nothing.
    """
    loop = asyncio.get_running_loop()
    until, happened = loop.time() + seconds, asyncio.Event()
    unlisten = listen(happened.set)
    try:
        while (left := until - loop.time()) > 0:
            happened.clear()
            await happens(happened, min(left, LOOK_SECONDS))
            if (answer := ask()) is not None:
                return answer
        return first
    finally:
        unlisten()
