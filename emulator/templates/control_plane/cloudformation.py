"""CloudFormation's API: change sets and stacks, executed in the background as AWS does. Who owns it ends its tasks."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import Any, Final

from msgspec import structs

from streamer.errors import ConfigurationError

from ...foundation import log
from ...foundation.notes import Notes
from ...foundation.place import arn_of
from ...foundation.tasks import end, start
from ..errors import Problem
from ..project import bucket_and_key
from . import asked as asking
from . import lives, reports, told
from .asked import invalid
from .book import Book
from .changes import changed, fresh, gone, is_same
from .engine import Engine, PerformError
from .exports import ExportError
from .protocol import World
from .query import ApiError
from .records import REVIEW, ChangeSet, Deployed, Failure, Moment, Proposed, ResourceRecord, StackRecord

NO_CHANGES: Final = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
NO_UPDATES: Final = "No updates are to be performed."

Parameters = Mapping[str, Any]


class CloudFormation:
    """All stacks and what can be done to them. An async context manager."""

    def __init__(
        self,
        engine: Engine,
        world: World,
        *,
        address: Callable[[str], str],
        notes: Notes | None = None,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        """``address`` makes what an output says reachable from here; ``notes`` are for the next run."""
        self._engine = engine
        self._world = world
        self._address = address
        self._now = now
        self._new_id = new_id
        self._tasks: set[asyncio.Task[None]] = set()
        self.book = Book(notes)
        self._acting: Mapping[str, Callable[[Parameters], Awaitable[Mapping[str, Any]]]] = {
            "CreateChangeSet": self._create_change_set,
            "CreateStack": self._create_stack,
            "DeleteChangeSet": self._delete_change_set,
            "DeleteStack": self._delete_stack,
            "ExecuteChangeSet": self._execute_change_set,
            "GetTemplateSummary": self._summary,
            "RollbackStack": self._roll_back,
            "UpdateStack": self._update_stack,
            "UpdateTerminationProtection": self._protect,
            "ValidateTemplate": self._validate,
        }

    async def take_up(self, others: Collection[str]) -> None:
        """Have the stacks of the last run again, and ``others``, of which CloudFormation does not tell.

        Raises:
            ConfigurationError: what was noted of them is damaged.
        """
        left = self.book.left()
        made = await self._engine.take_up({*others, *(each.name for each in left if each.current is not None)})
        for each in left:
            if each.current is None or each.name in made:
                self.book.put(each)
            else:
                self.book.forget(each)

    async def close(self) -> None:
        """End what is under way."""
        await end(self._tasks)

    async def perform(self, operation: str, parameters: Parameters) -> Mapping[str, Any] | None:
        """What an operation answers; None: it is not known.

        Raises:
            ApiError: it is refused.
        """
        acts = self._acting.get(operation)
        if acts is not None:
            return await acts(parameters)
        return reports.answer(operation, parameters, self.book, self._address)

    # change sets

    async def _create_change_set(self, parameters: Parameters) -> Mapping[str, Any]:
        name, set_name = asking.stack_name(parameters), asking.change_set_name(parameters)
        kind = str(parameters.get("ChangeSetType") or "UPDATE")
        if kind not in ("CREATE", "UPDATE"):
            raise invalid(f"ChangeSetType {kind} is not emulated; there are CREATE and UPDATE")
        found = self.book.find(name)
        if kind == "CREATE":
            if found is not None and found.status != REVIEW:
                raise invalid(
                    f"Stack [{found.name}] already exists and cannot be created again with the changeSet [{set_name}]."
                )
            found = found or lives.reviewed(asking.new_name(name), self._stack_id(name), self._moment(parameters))
        elif found is None or found.status == REVIEW:
            raise invalid(f"Stack [{name}] does not exist")
        asking.refuse_state(found, "updated")
        known = found.change_sets.get(set_name)
        if known is not None and not known.execution.startswith("EXECUTE_"):
            raise ApiError("AlreadyExistsException", f"ChangeSet {set_name} already exists")
        proposed, wanted = await self._proposed(parameters, found)
        is_empty = found.status != "UPDATE_FAILED" and is_same(found.current, proposed)
        change_set = ChangeSet(
            name=set_name,
            change_set_id=self._id("changeSet", set_name),
            kind=kind,
            status="FAILED" if is_empty else "CREATE_COMPLETE",
            reason=NO_CHANGES if is_empty else None,
            execution="UNAVAILABLE" if is_empty else "AVAILABLE",
            at=self._now(),
            proposed=proposed,
            changes=changed({} if found.current is None else found.current.resources, proposed.resources),
            description=parameters.get("Description"),
            on_failure=wanted.on_failure,
            token=wanted.token,
            # [DOC] cfn-docs:import-resources-automatically
            takes_over=parameters.get("ImportExistingResources") == "true",
        )
        # Somebody else may have been faster while the template was read.
        self.book.put(lives.proposed(self.book.find(name) or found, change_set))
        return {"Id": change_set.change_set_id, "StackId": found.stack_id}

    async def _proposed(self, parameters: Parameters, stack: StackRecord | None) -> tuple[Proposed, asking.Asked]:
        before = None if stack is None else stack.current
        name = asking.stack_name(parameters) if stack is None else stack.name
        for ignored in asking.passed_over(parameters):
            log.warning(f"{ignored} is not held to", stack=name)
        template = await self._template(parameters, before)
        wanted = asking.wanted(parameters, name, template, before)
        proposed = await self._engine.propose(wanted)
        asking.refuse_count(proposed.processed)
        asking.refuse_capabilities(proposed.processed["Resources"], wanted.capabilities)
        return proposed, wanted

    async def _template(self, parameters: Parameters, before: Proposed | None) -> str:
        body, url = parameters.get("TemplateBody"), parameters.get("TemplateURL")
        if body is not None:
            asking.refuse_length(str(body), is_inline=True)
            return str(body)
        if url is not None:
            try:
                bucket, key = bucket_and_key(str(url), ())
                found = (await self._world.uploaded(bucket, key)).decode("utf-8", "replace")
            except Problem as problem:
                raise invalid(problem.text) from problem
            except LookupError as error:
                raise invalid("S3 error: The specified key does not exist.") from error
            asking.refuse_length(found, is_inline=False)
            return found
        if parameters.get("UsePreviousTemplate") == "true" and before is not None:
            return before.template
        raise invalid("Either Template URL or Template Body must be specified.")

    async def _execute_change_set(self, parameters: Parameters) -> Mapping[str, Any]:
        stack, change_set = self.book.change_set(parameters)
        if change_set.execution != "AVAILABLE":
            raise ApiError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of "
                f"[{change_set.status}]",
            )
        asking.refuse_state(stack, "updated")
        asking.refuse_rollback(stack, parameters)
        running = structs.replace(change_set, execution="EXECUTE_IN_PROGRESS")
        token = parameters.get("ClientRequestToken")
        on_failure = "DO_NOTHING" if parameters.get("DisableRollback") == "true" else change_set.on_failure
        # What was proposed from the same beginning cannot be executed any more; CloudFormation forgets it.
        stack = structs.replace(stack, change_sets={running.name: running}, disable_rollback=on_failure == "DO_NOTHING")
        self._begin(stack, change_set.kind, change_set.proposed, on_failure, token)
        return {}

    async def _delete_change_set(self, parameters: Parameters) -> Mapping[str, Any]:
        stack, change_set = self.book.change_set(parameters)
        if change_set.execution == "EXECUTE_IN_PROGRESS":
            raise ApiError("InvalidChangeSetStatus", f"ChangeSet [{change_set.change_set_id}] is being executed")
        self.book.put(lives.withdrawn(stack, change_set.name))
        return {}

    # stacks

    async def _create_stack(self, parameters: Parameters) -> Mapping[str, Any]:
        name = asking.new_name(asking.stack_name(parameters))
        found = self.book.find(name)
        if found is not None:
            if asking.is_asked_again(parameters, found):
                return {"StackId": found.stack_id}
            raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists")
        proposed, wanted = await self._proposed(parameters, None)
        asking.refuse_macros(wanted)
        moment = self._moment(parameters)
        stack = StackRecord(
            name=name,
            stack_id=self._stack_id(name),
            status="CREATE_IN_PROGRESS",
            created_at=moment.at,
            is_protected=parameters.get("EnableTerminationProtection") == "true",
            disable_rollback=parameters.get("DisableRollback") == "true",
        )
        self._begin(stack, "CREATE", proposed, wanted.on_failure, wanted.token)
        return {"StackId": stack.stack_id}

    async def _update_stack(self, parameters: Parameters) -> Mapping[str, Any]:
        name = asking.stack_name(parameters)
        found = self.book.find(name)
        if found is None or found.status == REVIEW:
            self.book.refuse_nested(name)
            raise invalid(f"Stack [{name}] does not exist")
        asking.refuse_state(found, "updated")
        asking.refuse_rollback(found, parameters)
        proposed, wanted = await self._proposed(parameters, found)
        asking.refuse_macros(wanted)
        stack = self.book.named(found.stack_id)
        asking.refuse_state(stack, "updated")
        if stack.status != "UPDATE_FAILED" and is_same(stack.current, proposed):
            raise invalid(NO_UPDATES)
        stack = structs.replace(stack, disable_rollback=wanted.on_failure == "DO_NOTHING")
        self._begin(stack, "UPDATE", proposed, wanted.on_failure, wanted.token)
        return {"StackId": stack.stack_id}

    async def _delete_stack(self, parameters: Parameters) -> Mapping[str, Any]:
        stack = self.book.find(asking.stack_name(parameters))
        if stack is None:
            self.book.refuse_nested(asking.stack_name(parameters))
            return {}  # [DOC] cfn-api:DeleteStack: a stack that is gone is no error
        if stack.is_protected:
            raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack.status == "DELETE_IN_PROGRESS":
            return {}
        kept = asking.retained(stack, parameters)
        is_forced = parameters.get("DeletionMode") == "FORCE_DELETE_STACK"
        if stack.status != "CREATE_IN_PROGRESS":  # whose creation AWS ends, and this waits for
            asking.refuse_state(stack, "deleted")
            self.book.put(lives.started(stack, "DELETE", self._moment(parameters)))
        self._run(stack.stack_id, self._delete(stack, kept, self._moment(parameters), is_forced=is_forced))
        return {}

    async def _roll_back(self, parameters: Parameters) -> Mapping[str, Any]:
        """Back to what a stack was before it failed and was left so. [DOC] cfn-api:RollbackStack"""
        stack = self.book.named(asking.stack_name(parameters))
        if stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
            raise invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not be rolled back.")
        if stack.current is None:
            await self._engine.discard(stack.standing.values())
        self.book.put(lives.rolled_back(stack, self._moment(parameters)))
        return {"StackId": stack.stack_id}

    async def _protect(self, parameters: Parameters) -> Mapping[str, Any]:
        stack = self.book.named(asking.stack_name(parameters))
        is_on = parameters.get("EnableTerminationProtection") == "true"
        self.book.put(structs.replace(stack, is_protected=is_on))
        return {"StackId": stack.stack_id}

    # templates

    async def _validate(self, parameters: Parameters) -> Mapping[str, Any]:
        return reports.template(await self._template(parameters, None))

    async def _summary(self, parameters: Parameters) -> Mapping[str, Any]:
        if parameters.get("StackName") is None:
            return reports.template_summary(await self._template(parameters, None))
        stack = self.book.named(asking.stack_name(parameters))
        if stack.current is None:
            raise invalid(f"Stack with id {stack.name} does not exist")
        return reports.template_summary(stack.current.template)

    # in the background

    def _begin(self, stack: StackRecord, kind: str, to: Proposed, on_failure: str, token: Any) -> None:
        moment = Moment(at=self._now(), ids=self._ids(), token=token)
        executed = [each for each in stack.change_sets.values() if each.execution == "EXECUTE_IN_PROGRESS"]
        adopts = stack.status in asking.LEFT or any(each.takes_over for each in executed)
        self.book.put(lives.started(stack, kind, moment))
        self._run(stack.stack_id, self._perform(stack.stack_id, kind, to, on_failure, token, adopts=adopts))

    def _run(self, stack_id: str, work: Awaitable[None]) -> None:
        start(self._tasks, self._guarded(stack_id, work), name=stack_id)

    async def _guarded(self, stack_id: str, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - top of a task, whose end nobody asks for: told
            log.error("a stack could not be changed", stack=stack_id, error=error)

    async def _perform(
        self, stack_id: str, kind: str, to: Proposed, on_failure: str, token: Any, *, adopts: bool
    ) -> None:
        name = self.book.named(stack_id).name
        before = self.book.named(stack_id).standing
        failure: PerformError | None = None
        try:
            await self._engine.perform(name, Deployed(text=to.template, parameters=to.parameters), adopts=adopts)
        except PerformError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - top of a task: whatever it is, the stack must not stay in progress
            log.error("a stack could not be changed", stack=name, error=error)
            failure = PerformError(f"Internal Failure: {error}", None)
        moment = Moment(at=self._now(), ids=self._ids(), token=token)
        stack = self.book.named(stack_id)
        if failure is None:
            await self._discard_replaced(before, to)
            stack = lives.created(stack, to, moment) if kind == "CREATE" else lives.updated(stack, to, moment)
            log.info(f"the stack {name} is {'deployed' if kind == 'CREATE' else 'changed'}", **self._urls(to))
        else:
            log.warning(f"the stack {name} could not be {'made' if kind == 'CREATE' else 'changed'}", why=str(failure))
            fails = lives.not_created if kind == "CREATE" else lives.not_updated
            if on_failure != "DO_NOTHING":
                await self._engine.discard(fresh(before, to.resources, failure.made))
            culprit = failure.logical_id if failure.logical_id in to.resources else None
            failed = Failure(reason=str(failure), logical_id=culprit, on_failure=on_failure, made=failure.made)
            stack = fails(stack, to, failed, moment)
        done = "EXECUTE_COMPLETE" if failure is None else "EXECUTE_FAILED"
        sets = {each.name: structs.replace(each, execution=done) for each in stack.change_sets.values()}
        self.book.put(structs.replace(stack, change_sets=sets))

    async def _discard_replaced(self, before: Mapping[str, ResourceRecord], to: Proposed) -> None:
        for name, why in (await self._engine.discard(gone(before, to.resources))).items():
            log.warning("what a resource kept is still there", resource=name, why=why)

    async def _delete(
        self, asked: StackRecord, kept: frozenset[str], moment: Moment, *, is_forced: bool = False
    ) -> None:
        """Delete a stack, after its creation if that is under way; ``asked`` is the stack as it was before."""
        stack_id, status = asked.stack_id, asked.status
        if status == "CREATE_IN_PROGRESS":
            others = {each for each in self._tasks if each.get_name() == stack_id} - {asyncio.current_task()}
            if others:
                await asyncio.wait(others)
            made = self.book.named(stack_id)
            if made.is_gone:
                return
            status = made.status
            self.book.put(lives.started(made, "DELETE", moment))
        stack = self.book.named(stack_id)
        failed: dict[str, str] = {}
        try:
            await self._engine.remove(stack.name)
            failed = await self._engine.discard(
                each for name, each in stack.standing.items() if name not in kept and not each.retained
            )
        except ExportError as error:
            self.book.put(lives.not_deleted_at_all(stack, status, str(error), structs.replace(moment, at=self._now())))
            return
        except (PerformError, ConfigurationError) as error:
            failed = dict.fromkeys(stack.standing, str(error))
        except Exception as error:  # noqa: BLE001 - top of a task: whatever it is, the stack must not stay in progress
            log.error("a stack could not be deleted", stack=stack.name, error=error)
            failed = dict.fromkeys(stack.standing, f"Internal Failure: {error}")
        stack = self.book.named(stack_id)
        end_moment = structs.replace(moment, at=self._now())
        if failed and not is_forced:
            self.book.put(lives.not_deleted(stack, failed, end_moment))
        else:
            self.book.put(lives.deleted(stack, end_moment, {*kept, *failed}))
            log.info(f"the stack {stack.name} is deleted")

    def _urls(self, to: Proposed) -> dict[str, str]:
        everything = [*to.resources.values(), *(each for stack in self.book.all() for each in stack.standing.values())]
        found = told.addresses(to.resources.values(), everything, self._world.region)
        return {logical_id: self._address(address) for logical_id, address in found.items()}

    # names and times

    def _moment(self, parameters: Parameters) -> Moment:
        return Moment(at=self._now(), ids=self._ids(), token=parameters.get("ClientRequestToken"))

    def _ids(self) -> Iterator[str]:
        while True:
            yield self._new_id()

    def _stack_id(self, name: str) -> str:
        return self._id("stack", name)

    def _id(self, kind: str, name: str) -> str:
        world = self._world
        return arn_of("cloudformation", world.region, world.account_id, f"{kind}/{name}/{self._new_id()}")
