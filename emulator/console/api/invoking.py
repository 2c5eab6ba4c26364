"""Invocations that the console asks for, each with the number of its own record among those of others."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from ...functions.outcome import Failed, Functions, Refused, Returned
from ..reading.asked import BadRequestError
from ..recording.meaning import lambda_request_of
from ..recording.recorder import RingRecorder
from ..recording.records import Run
from ..recording.ring import Record


class Invoking:
    """Runs functions while their invocations are recorded."""

    def __init__(self, functions: Functions, recorder: RingRecorder, *, look: Callable[[], None]) -> None:
        """``look`` makes sure that what follows is recorded."""
        self._functions = functions
        self._recorder = recorder
        self._look = look

    def new_request(self) -> str:
        """An id for an invocation, whose record then says that the console asked for it."""
        request_id = str(uuid.uuid4())
        self._recorder.invoked_here.append(request_id)
        return request_id

    async def invoke(self, function: str, payload: bytes) -> tuple[Returned | Failed, int | None]:
        """What came of running a function with an event, and the number of the invocation's record.

        None for the number: so much has happened since that the record is not kept any more.

        Raises:
            BadRequestError: Lambda does not run the function, such as when it is throttled.
        """
        self._look()
        before, request_id = self._recorder.ring.last, self.new_request()
        outcome = await self._functions.invoke(function, payload, request_id=request_id)
        if isinstance(outcome, Refused):
            raise BadRequestError(outcome.status, f"{function} did not run: {outcome.message}")

        def is_own(record: Record) -> bool:
            return isinstance(record, Run) and lambda_request_of(record.outcome) == request_id

        page = self._recorder.ring.read(before, limit=1, wanted=is_own)
        return outcome, page.records[0].number if page.records else None
