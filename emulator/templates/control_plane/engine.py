"""Stacks that somebody deploys, read together and emulated: from templates and uploads to what the emulator runs."""

from __future__ import annotations

import asyncio
import copy
import json
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, structs

from streamer.errors import ConfigurationError, StreamerError
from streamer.topology import Api, Topology, grants

from ...foundation import log
from ...foundation.notes import Notes
from ...foundation.place import arn_of
from ...foundation.tasks import end, start
from ...iam.managed import managed
from ...iam.roles import Roles
from ...services.calls import Call, NotMadeError
from .. import policy_flaws
from ..assembly import Part, Project
from ..catalogue import Beside, Catalogue
from ..described import function_roles
from ..errors import Problem, TemplateError
from ..project import Resolved, Settings, described_project, resolved_project
from ..stack import Resource, Stack
from ..topology import Wanted
from . import beside, exports, kept, orphans, strangers
from .ages import Age, aged
from .asked import Asked, invalid
from .nearby import Nearby
from .proposals import proposed
from .protocol import World
from .records import CREATED, Deployed, Proposed, ResourceRecord
from .removal import all_removals
from .stored import refuse_unstored
from .uploads import keep_upload, refuse_lost

HOME: Final = Api(name="control-plane", routes=(), stage="dev", api_id="controlplane")
"""The API that stands at the port's root, before anything is deployed."""
FETCH_SECONDS: Final = 60.0
"""How long S3 may take for one object."""
NO_EXPORT: Final = "No export named {name} found."
"""[USR] CloudFormation's words"""
UPLOADS: Final = "uploads"
"""In the state folder: what stacks were made of."""
_PARAMETER: Final = "AWS::SSM::Parameter"
_OWN: Final = re.compile(r"(?P<name>[A-Za-z0-9]+): ")


class Placed(Struct, frozen=True, kw_only=True):
    """A resource that is emulated, and whose it is."""

    stack: str
    resource: Resource
    uploads: Mapping[tuple[str, str], Path]
    """What its stack was made of."""
    is_nested: bool
    """Whether its stack is part of another."""
    age: Age


class PerformError(StreamerError):
    """A stack cannot be made or changed."""

    def __init__(self, reason: str, logical_id: str | None, made: frozenset[str] = frozenset()) -> None:
        super().__init__(reason)
        self.made = made
        """Logical ids of what services have made nevertheless."""
        self.logical_id = logical_id
        """The resource whose fault it is; None: that is not known."""


class Engine:
    """All stacks. Used from the event loop; one change after the other."""

    def __init__(
        self,
        world: World,
        state_folder: Path,
        provide: Callable[[Topology], Topology] = lambda each: each,
        now: Callable[[], float] = time.time,
        notes: Notes | None = None,
    ) -> None:
        """``provide`` adds to functions what Lambda brings, and may take its time; ``notes`` are for the next run."""
        self._notes = Notes() if notes is None else notes
        self._world = world
        self.nearby = Nearby(world)
        """What is there that no stack has."""
        self._folder = state_folder
        self._provide = provide
        self._deployed: dict[str, Deployed] = {}
        self._resolved_now: Resolved | None = None
        self._ages: dict[tuple[str, str], Age] = {}
        self._told: set[str] = set()
        self._forgotten: set[str] = set()
        """Stacks of the last run that are gone, and may have left what they are deployed with again."""
        self._now = now
        self._one = asyncio.Lock()
        self._changing: set[asyncio.Task[None]] = set()

    @property
    def region(self) -> str:
        """Where all of it is."""
        return self._world.region

    @property
    def account_id(self) -> str:
        """Whose all of it is."""
        return self._world.account_id

    def function_arn(self, name: str) -> str:
        """The ARN of a function, perhaps with a qualifier."""
        return arn_of("lambda", self.region, self.account_id, f"function:{name}")

    def placed(self, *types: str) -> list[Placed]:
        """The resources that are emulated, of these types."""
        found = []
        for top in self._stacks():
            uploads = self._deployed[top.name].uploads
            for stack in top.all():
                for each in stack.resources.values():
                    if each.type in types:
                        age, is_nested = self._ages[(stack.name, each.logical_id)], stack is not top
                        found.append(
                            Placed(stack=top.name, resource=each, uploads=uploads, is_nested=is_nested, age=age)
                        )
        return found

    async def change(
        self, name: str, edit: Callable[[dict[str, Any]], None], uploads: Mapping[tuple[str, str], Path] | None = None
    ) -> None:
        """Change the resources of a stack's template after its transforms; a stack that is not there has none.

        What has begun comes to its end, also if whoever asked for it hangs up: half of it would read no streams.

        Raises:
            PerformError: they cannot be so; everything is as it was.
        """
        changing = start(self._changing, self._change(name, edit, uploads or {}))
        changing.add_done_callback(lambda done: done.cancelled() or done.exception())  # perhaps nobody hears of it
        await asyncio.shield(changing)

    async def close(self) -> None:
        """End what is under way."""
        await end(self._changing)

    async def _change(
        self, name: str, edit: Callable[[dict[str, Any]], None], uploads: Mapping[tuple[str, str], Path]
    ) -> None:
        async with self._one:
            known: dict[str, Any] = next(
                (each.source.tree for each in self._stacks() if each.name == name), {"Resources": {}}
            )
            tree: dict[str, Any] = copy.deepcopy(known)
            edit(tree["Resources"])
            before = self._deployed.get(name) or Deployed(text="", parameters={})
            wanted = dict(self._deployed)
            wanted[name] = structs.replace(before, text=json.dumps(tree), uploads={**before.uploads, **uploads})
            if not tree["Resources"]:
                del wanted[name]
            try:
                wanted = await self._emulate(wanted)
            except ConfigurationError as error:
                raise PerformError(_short(error, name), _culprit(error)) from error
            self._know(wanted)

    async def take_up(self, names: Collection[str]) -> frozenset[str]:
        """Emulate those of the last run's stacks again that have these names, and forget the others; answers which are.

        Raises:
            ConfigurationError: the notes of the last run are damaged.
        """
        async with self._one:
            left = kept.read(self._notes.of(kept.STACKS), self._deployed_of)
            why = dict.fromkeys(left.keys() - names, "CloudFormation does not know it")
            waiting = [name for name in left if name in names]
            while waiting:  # one may use what another one exports
                failed = {name: each for name in waiting if (each := await self._again(name, left[name])) is not None}
                if failed.keys() == set(waiting):
                    why |= failed
                waiting = [] if failed.keys() == set(waiting) else list(failed)
            self._forgotten |= why.keys()
            for name, reason in why.items():
                log.warning(f"the stack {name} is gone: deploy it again", why=reason)
                self._notes.drop(kept.STACKS, name)
        return frozenset(self._deployed)

    async def _again(self, name: str, deployed: Deployed) -> str | None:
        """Emulate a stack of the last run; answers why it cannot be, if so."""
        try:
            refuse_lost(deployed)
            wanted = {**self._deployed, name: deployed}
            await self._apply(wanted, *await self._read(wanted, None))
        except ConfigurationError as error:
            return _short(error, name)
        self._deployed[name] = deployed
        return None

    def _deployed_of(self, note: Any) -> Deployed:
        return kept.deployed_of(note, self._folder / UPLOADS)

    def _know(self, wanted: Mapping[str, Deployed]) -> None:
        for name in self._deployed.keys() - wanted.keys():
            self._notes.drop(kept.STACKS, name)
        for name, each in wanted.items():
            if each is not self._deployed.get(name):
                self._notes.put(kept.STACKS, name, kept.deployed_note(each))
        self._notes.settle()
        self._deployed = dict(wanted)

    async def propose(self, asked: Asked) -> Proposed:
        """What a stack would be, without making it.

        Raises:
            ApiError: its template is refused.
        """
        found = Deployed(text=asked.template, parameters=asked.parameters)
        try:
            resolved = await self._resolved({**self._deployed, asked.name: found}, fresh=asked.name)
        except ConfigurationError as error:
            raise invalid(f"Template format error: {_short(error, asked.name)}") from error
        stack = next(each for each in resolved.stacks if each.name == asked.name)
        own = {str(each.properties.get("Name")) for each in stack.resources.values() if each.type == _PARAMETER}
        refuse_unstored(asked, stack.source, {*self._world.stored(), *own})
        return proposed(asked, stack)

    async def perform(self, name: str, deployed: Deployed, *, adopts: bool = False) -> None:
        """Make a stack, or change it; ``adopts``: what it is to make may be there, from an attempt that was left so.

        Raises:
            PerformError: it cannot be; everything is as it was, but for what the error says was made.
        """
        async with self._one:
            fresh: dict[tuple[str, str], Path] = dict(deployed.uploads)
            wanted = {**self._deployed, name: structs.replace(deployed, uploads=fresh)}
            absent: list[Resource] = []
            try:
                resolved, around = await self._read(wanted, name)
                if (pruned := self._pruned(wanted, resolved)) is not None:
                    wanted = pruned
                    resolved, around = await self._read(wanted, name)
                new = beside.new(resolved.stacks, self._stacks(), name)
                if not adopts and name not in self._forgotten:
                    await self.nearby.refuse_taken(new)
                there = await self.nearby.there(new)
                absent = [each for each in new if each not in there]
                await self._apply(wanted, resolved, around)
            except ConfigurationError as error:
                services = error.made if isinstance(error, NotMadeError) else frozenset()
                tables = frozenset(each.logical_id for each in await self.nearby.there(absent))
                raise PerformError(_short(error, name), _culprit(error), services | tables) from error
            self._know(wanted)

    async def remove(self, name: str) -> None:
        """Have a stack no more; what its resources kept stays until `discard`.

        Raises:
            ExportError: another one needs what it exports.
            PerformError: the others cannot be without it.
        """
        async with self._one:
            wanted = {each: found for each, found in self._deployed.items() if each != name}
            try:
                wanted = await self._emulate(wanted)
            except exports.ExportError:
                raise
            except ConfigurationError as error:
                raise PerformError(str(error), None) from error
            self._know(wanted)

    async def discard(self, resources: Iterable[ResourceRecord]) -> dict[str, str]:
        """Remove what resources kept, whatever their policies say; answers which could not be, each with why."""
        failed = {}
        for each, several in all_removals(resources):
            for found in several:
                try:
                    why = await self._world.remove(found)
                except Exception as error:  # noqa: BLE001 - the others are removed, and the stack comes to an end
                    log.error("a resource could not be removed", resource=each.logical_id, error=error)
                    why = f"Internal Failure: {error}"
                if why is not None:
                    failed[each.logical_id] = why
        return failed

    async def _emulate(self, wanted: dict[str, Deployed]) -> dict[str, Deployed]:
        """Emulate stacks, without what is of no function any more; answers which."""
        resolved, around = await self._read(wanted, None)
        if (pruned := self._pruned(wanted, resolved)) is not None:
            wanted = pruned
            resolved, around = await self._read(wanted, None)
        await self._apply(wanted, resolved, around)
        return wanted

    def _pruned(self, wanted: Mapping[str, Deployed], resolved: Resolved) -> dict[str, Deployed] | None:
        """The stacks without what calls gave functions that are gone; None: there is nothing such."""
        tree = orphans.without(resolved.stacks, CREATED)
        if tree is None:
            return None
        left = {CREATED: structs.replace(wanted[CREATED], text=json.dumps(tree))} if tree["Resources"] else {}
        return {**{name: each for name, each in wanted.items() if name != CREATED}, **left}

    async def _read(self, wanted: Mapping[str, Deployed], fresh: str | None) -> tuple[Resolved, Beside]:
        resolved = await self._resolved(wanted, fresh=fresh)
        self._refuse_exports(resolved)
        around, missing = await self.nearby.beside(resolved.stacks)
        if fresh is not None:
            beside.refuse(resolved.stacks, self._stacks(), fresh, CREATED, self.account_id)
            strangers.refuse_sources(resolved.stacks, fresh, missing, self.region, self.account_id)
            of_all = {top.name: [*top.all()] for top in resolved.stacks}
            catalogue = Catalogue([each for several in of_all.values() for each in several], is_deployed=True)
            policy_flaws.refuse(catalogue, [each for of in of_all[fresh] for each in of.resources.values()])
        return resolved, around

    async def _apply(self, wanted: Mapping[str, Deployed], resolved: Resolved, around: Beside) -> None:
        settings = self._settings(around)
        topology: Topology = HOME_TOPOLOGY
        services: tuple[Call, ...] = ()
        if wanted:
            read_now = await asyncio.to_thread(described_project, _project(()), settings, resolved, self._folder)
            topology, services = read_now.described.topology, read_now.described.services
            self._warn(read_now.warnings)
            topology = await asyncio.to_thread(self._provide, topology)
        await self._world.apply(topology, services, await asyncio.to_thread(self._roles, resolved))
        self._resolved_now = resolved
        every = (stack for top in resolved.stacks for stack in top.all())
        properties = {(of.name, name): each.properties for of in every for name, each in of.resources.items()}
        self._ages = aged(self._ages, properties, self._now())

    def _roles(self, resolved: Resolved) -> Roles:
        if not self._world.asks_for_rights:
            return Roles(of={})
        catalogue = Catalogue((each for top in resolved.stacks for each in top.all()), is_deployed=True)
        roles = function_roles.roles(catalogue, managed, grants.Place.of(self.region, self.account_id))
        self._warn(catalogue.warnings)
        return roles

    def _warn(self, texts: Iterable[str]) -> None:
        for text in texts:
            if text not in self._told:
                self._told.add(text)
                log.warning(text)

    async def _resolved(self, wanted: Mapping[str, Deployed], *, fresh: str | None) -> Resolved:
        loop = asyncio.get_running_loop()
        parts = [self._part(name, each, loop, is_fresh=name == fresh) for name, each in wanted.items()]
        return await asyncio.to_thread(resolved_project, _project(parts), self._settings(), self._folder)

    def _stacks(self) -> tuple[Stack, ...]:
        return () if self._resolved_now is None else self._resolved_now.stacks

    def _refuse_exports(self, resolved: Resolved) -> None:
        before = {each.name: each for each in self._stacks()}
        after = {each.name: each for each in resolved.stacks}
        for name in dict.fromkeys([*before, *after]):
            was, becomes = before.get(name), after.get(name)
            if was is None or becomes is None or exports.exported(was) != exports.exported(becomes):
                others = [each for each in after.values() if each.name != name]
                reason = exports.refusal(was, becomes, others)
                if reason is not None:
                    raise exports.ExportError(reason)

    def _part(self, name: str, found: Deployed, loop: asyncio.AbstractEventLoop, *, is_fresh: bool) -> Part:
        kept = found.uploads if not is_fresh else None
        keeping = found.uploads if isinstance(found.uploads, dict) else {}

        def uploaded(bucket: str, key: str) -> Path:
            known = (keeping if kept is None else kept).get((bucket, key))
            if known is None:
                known = self._fetched(bucket, key, loop)
                keeping[bucket, key] = known
            return known

        return Part(
            template=Path(name),
            folder=self._folder,
            stack=name,
            format="CloudFormation",
            parameters=found.parameters,
            text=found.text,
            uploads=uploaded,
        )

    def _fetched(self, bucket: str, key: str, loop: asyncio.AbstractEventLoop) -> Path:
        """An object in a file of ours, by what it contains; called in a thread."""
        asking = asyncio.run_coroutine_threadsafe(self._world.uploaded(bucket, key), loop)
        try:
            body = asking.result(FETCH_SECONDS)
        except LookupError as error:
            # [REC] ls-snap test_lambda_code_location_s3_errors
            text = "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
            raise Problem((), f"Error occurred while GetObject. {text}") from error
        return self.keep(body)

    def keep(self, body: bytes) -> Path:
        """Keep an upload in a file, named by what it contains."""
        return keep_upload(self._folder / UPLOADS, body)

    def _settings(self, around: Beside | None = None) -> Settings:
        world = self._world
        return Settings(
            region=world.region,
            account_id=world.account_id,
            stored=world.stored(),
            wanted=Wanted(home=HOME, beside=around or Beside()),
            # As it is now, in whatever order stacks were made; what must not change is refused afterwards.
            imports={name: value for each in self._stacks() for name, value in exports.exported(each).items()},
            outputs={each.name: each.outputs for each in self._stacks()},
            no_export=NO_EXPORT,
        )


HOME_TOPOLOGY: Final = Topology(api=HOME, functions=())
"""What is emulated before anything is deployed."""


def _project(parts: Iterable[Part]) -> Project:
    return Project(name="template", root=Path(), parts=tuple(parts))


def _short(error: ConfigurationError, name: str) -> str:
    """A reason as it stands in an event: without the template's name and line, which its sender has in another form."""
    return re.sub(rf"^{re.escape(name)}:\d+: ", "", str(error))


def _culprit(error: ConfigurationError) -> str | None:
    """The resource whose fault it is; None: that is not known."""
    if isinstance(error, TemplateError) and len(error.path) > 1 and error.path[0] == "Resources":
        return str(error.path[1])
    found = _OWN.match(str(error))
    return None if found is None else found["name"]
