"""What is there beside the stacks, asked of the emulator."""

from __future__ import annotations

from collections.abc import Iterable

from ..described_data import TABLES
from ..stack import Stack
from ..things import Beside
from .lookups import lookup, stream
from .protocol import World
from .strangers import QUEUE, Named, named, strangers


class Nearby:
    """Asks for what calls made."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def beside(self, stacks: Iterable[Stack]) -> tuple[Beside, tuple[Named, ...]]:
        """What stacks name and none of them has: what of it is there, and what is nowhere."""
        place = self._world.region, self._world.account_id
        names = sorted(strangers(stacks, *place), key=lambda each: (each.type, each.name))
        there = {each for each in names if await self.has(each)}
        tables = [await self._world.table(each.name) for each in names if each in there and each.type in TABLES]
        queues = tuple(each.name for each in names if each in there and each.type == QUEUE)
        around = Beside(tables=tuple(each for each in tables if each is not None), queues=queues)
        return around, tuple(each for each in names if each not in there)

    async def has(self, wanted: Named) -> bool:
        """Whether there is a table, queue or stream, whoever made it."""
        asked = lookup(wanted.type, wanted.name)
        return asked is not None and await self._world.has(asked)

    async def source(self, arn: str) -> bool:
        """Whether what an ARN names is there; something of another place is, for all that is known."""
        wanted = named(arn, self._world.region, self._world.account_id)
        if wanted is not None and wanted.type in TABLES:
            return await self._world.has(stream(arn))
        return wanted is None or await self.has(wanted)

    async def visibility_seconds(self, arn: str) -> int | None:
        """How long what is received from a queue is invisible; None: it is no queue that is here."""
        wanted = named(arn, self._world.region, self._world.account_id)
        return None if wanted is None or wanted.type != QUEUE else await self._world.visibility_seconds(wanted.name)
