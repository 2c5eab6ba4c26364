"""A change comes to an end, whatever fails on the way, and whoever hangs up."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from emulator.templates.control_plane import lives
from emulator.templates.control_plane.cloudformation import CloudFormation
from emulator.templates.control_plane.engine import Engine
from emulator.templates.control_plane.records import Moment, Proposed, ResourceRecord


class StubWorld:
    """A `World` with nothing in it. One of its operations may have a fault of ours, and to apply something waits."""

    region, account_id = "us-east-1", "123456789012"
    asks_for_rights = tables_outlive_stacks = False

    def __init__(self, broken: str = "") -> None:
        self._broken = broken
        self.is_asked, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def apply(self, *_: Any) -> None:
        self._fail("apply")
        self.is_asked.set()
        await self.may_go_on.wait()

    async def remove(self, _removal: Any) -> str | None:
        self._fail("remove")
        return None

    async def has(self, _wanted: Any) -> bool:
        return False

    def stored(self) -> dict[str, str]:
        return {}

    def _fail(self, what: str) -> None:
        if what == self._broken:
            raise ZeroDivisionError("a fault")


@pytest.mark.parametrize(
    ("broken", "status", "reason"),
    [
        pytest.param("", "DELETE_COMPLETE", None, id="nothing"),
        pytest.param("apply", "DELETE_FAILED", "Internal Failure: a fault", id="the others without it"),
        pytest.param("remove", "DELETE_FAILED", "Internal Failure: a fault", id="what it kept"),
    ],
)
async def test_a_stack_whose_deletion_meets_a_fault_does_not_stay_in_progress(
    broken: str, status: str, reason: str | None, tmp_path: Path
) -> None:
    world: Any = StubWorld(broken)
    world.may_go_on.set()
    stacks = CloudFormation(Engine(world, tmp_path), world, address=str)
    queue = ResourceRecord(logical_id="Queue", physical_id="queue", type="AWS::SQS::Queue", properties={})
    to = Proposed(template="{}", processed={}, parameters={}, resources={"Queue": queue})
    moment = Moment(at=1.0, ids=(f"event-{number}" for number in itertools.count()))
    stacks.book.put(lives.created(lives.started(lives.reviewed("s", "arn:s", moment), "CREATE", moment), to, moment))

    await stacks.perform("DeleteStack", {"StackName": "s"})
    async with asyncio.timeout(30):
        while (found := stacks.book.named("arn:s")).is_busy:  # noqa: ASYNC110 - the stack tells nobody
            await asyncio.sleep(0)
    await stacks.close()

    assert (found.status, found.resources["Queue"].reason) == (status, reason)


async def test_a_change_that_has_begun_is_made_though_whoever_asked_for_it_hangs_up(tmp_path: Path) -> None:
    world: Any = StubWorld()
    engine = Engine(world, tmp_path)

    def edit(resources: dict[str, Any]) -> None:
        resources["Queue"] = {"Type": "AWS::SQS::Queue", "Properties": {}}

    asking = asyncio.ensure_future(engine.change("s", edit))
    await world.is_asked.wait()
    asking.cancel()
    await asyncio.wait([asking])
    world.may_go_on.set()
    await engine.change("s", lambda _: None)

    assert [each.resource.logical_id for each in engine.placed("AWS::SQS::Queue")] == ["Queue"]
    await engine.close()
