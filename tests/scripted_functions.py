"""`Functions` for tests: what an invocation does is a coroutine of the test's."""

from __future__ import annotations

import abc
import asyncio

from emulator.functions.outcome import Outcome


class ScriptedFunctions(abc.ABC):
    """Runs every invocation at once, as its subclass says."""

    @abc.abstractmethod
    async def run(self, function: str, payload: bytes) -> Outcome:
        """What the function does with the event, and what comes of it."""

    def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        source: str | None = None,
    ) -> asyncio.Future[Outcome]:
        return asyncio.ensure_future(self.run(function, payload))
