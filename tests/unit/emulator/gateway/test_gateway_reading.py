"""Turns of connections that have much to read."""

from __future__ import annotations

import asyncio

from emulator.gateway.reading import TURNS_SECONDS, Turns


class Reader:
    """Takes so many turns; notes whose they were, and in one of them there may be an error."""

    def __init__(self, name: str, turns: int, taken: list[str], *, fails: bool = False) -> None:
        self._name = name
        self._left = turns
        self._taken = taken
        self._fails = fails

    def take_turn(self) -> bool:
        self._taken.append(self._name)
        if self._fails:
            raise RuntimeError("a mistake of ours")
        self._left -= 1
        return self._left > 0


async def go_round(turns: Turns, *readers: Reader) -> list[str]:
    """Let them stand in line until the loop has nothing left to do; what was told as errors."""
    errors: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: errors.append(str(told.get("exception"))))
    for reader in readers:
        turns.wait(reader)
    for _ in range(50):
        await asyncio.sleep(0)
    return errors


async def test_each_has_its_turn_in_the_order_in_which_they_came() -> None:
    taken: list[str] = []
    errors = await go_round(
        Turns(clock=lambda: 0.0), Reader("a", 3, taken), Reader("b", 1, taken), Reader("c", 2, taken)
    )

    assert (taken, errors) == (["a", "b", "c", "a", "c", "a"], [])


async def test_when_their_time_is_over_the_others_go_on_in_the_next_turn_of_the_loop() -> None:
    taken: list[str] = []
    times = iter(range(1_000))
    turns = Turns(clock=lambda: next(times) * TURNS_SECONDS)
    errors = await go_round(turns, Reader("a", 2, taken), Reader("b", 2, taken))

    assert (taken, errors) == (["a", "b", "a", "b"], [])


async def test_an_error_of_one_takes_no_turn_from_the_others() -> None:
    taken: list[str] = []
    turns = Turns(clock=lambda: 0.0)
    errors = await go_round(turns, Reader("a", 1, taken, fails=True), Reader("b", 2, taken), Reader("c", 1, taken))

    assert taken == ["a", "b", "c", "b"]
    assert errors == ["a mistake of ours"]
