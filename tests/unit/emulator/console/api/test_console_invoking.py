from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from console_records import World

from emulator.console.api.invoking import Invoking
from emulator.console.reading.asked import BadRequestError
from emulator.console.recording.records import Run
from emulator.functions.outcome import Failed, Outcome, Refused, Returned

EVENT = b'{"mine":true}'


class FakeFunctions:
    """Runs what it is told to have run, by the id of the invocation."""

    def __init__(self, run: Callable[[str], Outcome]) -> None:
        self._run = run

    def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        source: str | None = None,
    ) -> asyncio.Future[Outcome]:
        assert (function, payload, client_context, source) == ("processor", EVENT, None, None)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        future.set_result(self._run(request_id or ""))
        return future


def invoking(world: World, run: Callable[[str], Outcome]) -> Invoking:
    return Invoking(FakeFunctions(run), world.recorder, look=lambda: None)


@pytest.mark.parametrize("others", ["before", "after"])
@pytest.mark.parametrize("error", [None, {"errorMessage": "no"}])
async def test_the_number_is_of_the_own_invocation_among_those_of_others(
    others: str, error: dict[str, str] | None
) -> None:
    world = World()

    def run(request_id: str) -> Outcome:
        for is_own in (False, True) if others == "before" else (True, False):
            if is_own:
                world.runs({"mine": True}, request=request_id, error=error, function="processor")
            else:
                world.runs({"mine": False}, function="processor")
        return Returned(b"null", request_id) if error is None else Failed(json.dumps(error).encode(), request_id)

    outcome, number = await invoking(world, run).invoke("processor", EVENT)

    found = world.ring.find(number or 0)
    assert isinstance(found, Run)
    assert json.loads(found.payload) == {"mine": True}
    assert isinstance(outcome, Returned if error is None else Failed)


async def test_there_is_no_number_of_an_invocation_that_is_not_kept() -> None:
    _outcome, number = await invoking(World(), lambda own: Returned(b"null", own)).invoke("processor", EVENT)

    assert number is None


async def test_a_function_that_lambda_does_not_run_is_told_as_that() -> None:
    refused = Refused(429, "TooManyRequestsException", "Rate Exceeded.")

    with pytest.raises(BadRequestError, match=r"^processor did not run: Rate Exceeded\.$") as told:
        await invoking(World(), lambda _own: refused).invoke("processor", EVENT)

    assert told.value.status == 429
