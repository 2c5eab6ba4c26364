"""Whoever waits for a function hears of it, whatever happened."""

from __future__ import annotations

import asyncio

import pytest

from emulator.foundation import log
from emulator.functions.outcome import Outcome, Returned
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


class AtOnce:
    """Functions that answer before anybody waits."""

    def invoke(self, *_: object, **__: object) -> asyncio.Future[Outcome]:
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        outcome.set_result(Returned(b"null", "request"))
        return outcome


def test_what_a_message_took_is_told_in_fractions_of_a_millisecond(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(log.MESSAGE, log.LOGGER.name)

    async def happened() -> None:
        heard: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        invocations = Invocations(AtOnce(), clock=iter((7.0, 7.00042)).__next__)
        invocations.start(Invoke("echo", {}, 29.0, "request", "$default"), heard.set_result)
        await asyncio.wait_for(heard, 5)

    asyncio.run(happened())

    assert [vars(record)["fields"]["latency_ms"] for record in caplog.records] == [0.42]
