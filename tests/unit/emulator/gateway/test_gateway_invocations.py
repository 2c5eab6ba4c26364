"""Whoever waits for a function hears of it, whatever happened."""

from __future__ import annotations

import asyncio

from emulator.functions.outcome import Outcome
from emulator.gateway.invocations import Invocations
from emulator.gateway.rules.effects import Invoke, NotInvoked, Result


class Broken:
    """Functions with a fault of ours."""

    def invoke(self, *_: object, **__: object) -> asyncio.Future[Outcome]:
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        outcome.set_exception(ZeroDivisionError("a fault"))
        return outcome


def test_a_fault_is_an_answer_too() -> None:
    async def happened() -> Result:
        heard: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        invocations = Invocations(Broken())
        invocations.start(Invoke("connect", {}, 29.0, "request", "$connect"), heard.set_result)
        result = await asyncio.wait_for(heard, 5)
        assert invocations.running == 0
        return result

    assert asyncio.run(happened()) == NotInvoked("the gateway failed")
