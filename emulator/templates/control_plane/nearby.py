"""What is there beside the stacks, asked of the emulator."""

from __future__ import annotations

from collections.abc import Iterable

from ..catalogue import Beside
from ..described.tables_and_queues import TABLES, queue_name
from ..errors import TemplateError
from ..stack import Resource, Stack
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

    async def there(self, resources: Iterable[Resource]) -> list[Resource]:
        """Those of resources that there are, with or without a stack; of types of which nothing is kept, none."""
        asked = [(each, lookup(each.type, _name(each), str(each.ref))) for each in resources]
        return [each for each, wanted in asked if wanted is not None and await self._world.has(wanted)]

    async def refuse_taken(self, resources: Iterable[Resource]) -> None:
        """Refuse resources that are to be made and say what they are called, which something is already.

        Names that are made for resources are always the same here, where AWS would make others. [USR] Sceptre #424,
        serverless #2181: the words

        Raises:
            TemplateError: one is there.
        """
        given = [each for each in resources if each.kind.name_property in each.properties]
        outlive = TABLES if self._world.tables_outlive_stacks else ()
        for each in await self.there(each for each in given if each.type not in outlive):
            raise TemplateError(f"{each.name} already exists", each.path)

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


def _name(resource: Resource) -> str:
    return queue_name(resource) if resource.type == QUEUE else resource.name
