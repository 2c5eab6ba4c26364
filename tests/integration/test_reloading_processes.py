"""Processes that import a project's code anew: what they tell, and that they end with whoever waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from functions_world import until

from emulator.command.reloading.described_now import described_now
from emulator.command.reloading.trial import Part, problem_of
from emulator.functions.tracebacks import Code

NEVER_IMPORTED = """
import pathlib, time
pathlib.Path(__file__).with_name("began").touch()
time.sleep(600)
"""


@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_a_process_ends_with_a_client_that_goes_while_the_emulator_ends(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    (tmp_path / "app.py").write_text(NEVER_IMPORTED)

    async def client_goes() -> asyncio.Task[object]:
        task: asyncio.Task[object] = asyncio.create_task(described_now("app:app", tmp_path))
        await until((tmp_path / "began").exists)
        task.cancel()
        await asyncio.sleep(0)
        return task

    with asyncio.Runner(loop_factory=loop) as runner:  # which cancels what is left, once more, and closes the loop
        task = runner.run(client_goes())

    assert task.cancelled()


async def test_what_code_and_its_programs_write_is_no_part_of_what_it_offers(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\nos.system('echo 2')\nfrom streamer import App\napp = App()\n")

    described = await described_now("app:app", tmp_path)

    assert described["describe"] == 1


async def test_why_code_does_not_load_is_told_however_much_there_is_to_tell(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text('raise ValueError("no" * 500_000)\n')
    tried = [Part(folder=str(tmp_path), import_path=(), modules={"service": ["app"]})]

    problem = await problem_of(tried, {}, Code(folder=str(tmp_path)))

    assert problem is not None
    assert problem.text == f"ValueError: {'no' * 500_000}"
    assert (problem.file, problem.line) == ("service.py", 1)
