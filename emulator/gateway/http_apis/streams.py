"""Answers that functions stream: begun as soon as their head is known, and cut off where the function fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from ...functions.streaming import ResponseStream
from ...port.streaming import CutOffError, Rest
from ..rules.effects import HttpAnswer, Replied, Result
from . import answers
from .events import Asked
from .headers import MalformedError


class StreamedAnswer(HttpAnswer, frozen=True, kw_only=True):
    """An answer whose body, of which it has the beginning, goes on."""

    rest: Rest


async def answered(
    asked: Asked, stream: ResponseStream, result: asyncio.Future[Result], settle: Callable[[], None]
) -> tuple[HttpAnswer, str | None]:
    """The answer, as soon as it has begun, and what the developer should hear of it.

    ``settle`` keeps what functions did, before the client hears of it.
    """
    begun = b""
    try:
        while part := await stream.read():
            begun += part
            if (answer := answers.begun(asked, stream.content_type or "", begun)) is not None:
                settle()
                rest = Rest(_parts(stream, result, settle), stream.abandon)
                return StreamedAnswer(answer.status, answer.headers, answer.body, rest=rest), None
    except MalformedError as wrong:
        stream.abandon()
        return answers.malformed(asked, wrong)
    except BaseException:  # the client is gone
        stream.abandon()
        raise
    ended = await result
    if stream.content_type is None or not isinstance(ended, Replied):
        return answers.answered(asked, ended)
    nothing = None if begun else answers.begun(asked, stream.content_type, begun)
    return answers.answered(asked, Replied(begun)) if nothing is None else (nothing, None)


async def _parts(
    stream: ResponseStream, result: asyncio.Future[Result], settle: Callable[[], None]
) -> AsyncIterator[bytes]:
    while part := await stream.read():
        settle()
        yield part
    if not isinstance(await result, Replied):
        raise CutOffError
