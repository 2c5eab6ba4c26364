"""Perform a plan through the boundary to AWS, or only say what would be done.

Progress is data handed to ``report``; the command line decides how it looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from .cloud import Account, Change, ChangeSet, Cloud, Event, Parameter, Proposal, Stack
from .errors import FailedError, StoppedError
from .plan import (
    STACK_TYPE,
    CreateBucket,
    Plan,
    Propose,
    RemoveFailedStack,
    Step,
    UploadCode,
    UploadTemplate,
    root_cause,
)

POLL_SECONDS: Final = 1.0
"""How often CloudFormation is asked; it throttles below that when several deployments run."""
_DONE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Ticked:
    """A resource went on."""

    event: Event
    elapsed_seconds: float


Progress = Said | Ticked
Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cargo:
    """What a plan's steps carry to AWS."""

    zipped: bytes = field(repr=False)
    template: str = field(repr=False)
    values: Mapping[str, str] = field(repr=False)
    """Parameter to value."""
    tags: Mapping[str, str]


def sentence(step: Step) -> str:
    """What a step does, for people."""
    match step:
        case RemoveFailedStack(stack_name):
            return f"remove {stack_name}, the empty remains of a deployment that failed"
        case CreateBucket(bucket):
            return f"create the bucket {bucket} for code"
        case UploadCode(bucket, key, size_bytes):
            return f"upload the code ({size_bytes / 1024:,.0f} KB) to s3://{bucket}/{key}"
        case UploadTemplate(bucket, key):
            return f"upload the template to s3://{bucket}/{key}"
        case Propose():
            verb = "create" if step.is_new else "update"
            return f"{verb} the stack {step.stack_name} through a change set"


def rehearse(plan: Plan, report: Report) -> None:
    """Say every step, and take none."""
    for step in plan.steps:
        report(Said(f"would {sentence(step)}"))


class Performer:
    """Performs plans."""

    def __init__(
        self,
        cloud: Cloud,
        account: Account,
        report: Report,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cloud = cloud
        self._account = account
        self._report = report
        self._sleep = sleep
        self._clock = clock

    def prepare(self, plan: Plan, cargo: Cargo) -> ChangeSet | None:
        """Upload, and make the change set.

        Raises:
            DeployError: a step was refused. Nothing but the bucket and the code in it is left behind.
        """
        template, proposed = cargo.template, None
        for step in plan.steps:
            match step:
                case RemoveFailedStack(stack_name):
                    self.remove(stack_name)
                case CreateBucket(bucket):
                    self._cloud.create_bucket(bucket, self._account)
                case UploadCode(bucket, key, _):
                    self._cloud.put_object(bucket, key, cargo.zipped, self._account)
                case UploadTemplate(bucket, key):
                    self._cloud.put_object(bucket, key, cargo.template.encode(), self._account)
                    template = f"https://{bucket}.s3.{self._account.region}.amazonaws.com/{key}"
                case Propose():
                    proposed = self._propose(step, plan, cargo, template)
            self._report(Said(f"did {sentence(step)}") if not isinstance(step, Propose) else Said(""))
        return proposed

    def _propose(self, step: Propose, plan: Plan, cargo: Cargo, template: str) -> ChangeSet | None:
        values = {**cargo.values, "CodeBucket": plan.bucket, "CodeKey": plan.code_key}
        kept = [Parameter(name=name, value=None) for name in step.previous if name not in values]
        proposal = Proposal(
            stack_name=step.stack_name,
            is_new=step.is_new,
            template=template,
            parameters=(*(Parameter(name=n, value=v) for n, v in values.items()), *kept),
            tags=cargo.tags,
            adopts_existing=bool(step.adopted),
        )
        change_set_id = self._cloud.propose(proposal)
        try:
            change_set = self._settled(change_set_id)
        except KeyboardInterrupt:
            self._discard(change_set_id, step.stack_name, is_new=step.is_new)
            raise StoppedError("stopped; nothing was changed") from None
        if change_set.status == "CREATE_COMPLETE":
            return change_set
        self._discard(change_set_id, step.stack_name, is_new=step.is_new)
        if is_empty(change_set):
            return None
        raise FailedError(f"CloudFormation refuses the change: {change_set.reason or change_set.status}")

    def _settled(self, change_set_id: str) -> ChangeSet:
        while True:
            change_set = self._cloud.change_set(change_set_id)
            if change_set.status not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                return change_set
            self._sleep(POLL_SECONDS)

    def discard(self, change_set: ChangeSet, *, is_new: bool) -> None:
        """Delete a change set, and the stack that exists only for it."""
        self._discard(change_set.change_set_id, change_set.stack_id, is_new=is_new)

    def _discard(self, change_set_id: str, stack: str, *, is_new: bool) -> None:
        self._cloud.delete_change_set(change_set_id)
        if is_new:
            self._cloud.delete_stack(stack)

    def apply(self, change_set: ChangeSet) -> Stack:
        """Execute a change set and follow it to its end.

        Raises:
            FailedError: CloudFormation rolled back; the message names the root cause.
            StoppedError: Ctrl-C; CloudFormation goes on by itself.
        """
        stack_id = change_set.stack_id
        seen = self._last_event(stack_id)
        self._cloud.execute(change_set.change_set_id)
        stack, events = self._follow(stack_id, seen)
        if stack is not None and stack.status in _DONE:
            return stack
        raise FailedError(_failure(stack, events))

    def remove(self, name: str) -> None:
        """Delete a stack and follow that to its end.

        Raises:
            FailedError: something could not be deleted.
            StoppedError: Ctrl-C; CloudFormation goes on by itself.
        """
        stack = self._cloud.stack(name)
        if stack is None:
            return
        seen = self._last_event(stack.stack_id)
        self._cloud.delete_stack(stack.stack_id)
        ended, events = self._follow(stack.stack_id, seen)
        if ended is not None and ended.status != "DELETE_COMPLETE":
            raise FailedError(_failure(ended, events))

    def _last_event(self, stack_id: str) -> str | None:
        events = self._cloud.events(stack_id, None)
        return events[-1].event_id if events else None

    def _follow(self, stack_id: str, seen: str | None) -> tuple[Stack | None, list[Event]]:
        """Report events until the stack rests; the stack, None when it is gone, and what happened."""
        begun, happened = self._clock(), list[Event]()
        try:
            while True:
                # The state is read first: what happened up to then is among the events that are read after it.
                stack = self._cloud.stack(stack_id)
                for event in self._cloud.events(stack_id, seen):
                    seen = event.event_id
                    happened.append(event)
                    self._report(Ticked(event, self._clock() - begun))
                if stack is None or _has_ended(stack, happened):
                    return stack, happened
                self._sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            raise StoppedError(_stopped(stack_id)) from None


def _has_ended(stack: Stack, events: list[Event]) -> bool:
    """Whether the stack rests after what happened; before that it may still show the state it rested in before."""
    own = [event for event in events if event.resource_type == STACK_TYPE]
    return bool(own) and own[-1].status == stack.status and not stack.status.endswith("_IN_PROGRESS")


def is_empty(change_set: ChangeSet) -> bool:
    """Whether a change set failed because there is nothing to change. [REC] CloudFormation's two wordings"""
    reason = change_set.reason or ""
    return "didn't contain changes" in reason or "No updates are to be performed" in reason


def _failure(stack: Stack | None, events: list[Event]) -> str:
    cause = root_cause(events)
    state = f" The stack is in {stack.status}." if stack is not None else ""
    if cause is None:
        return f"CloudFormation failed without naming a cause.{state}"
    return f"{cause.logical_id} ({cause.resource_type}) failed: {(cause.reason or 'no reason').rstrip('.')}.{state}"


def _stopped(stack_id: str) -> str:
    name = stack_id.split("/")[1] if "/" in stack_id else stack_id
    return (
        f"stopped watching; CloudFormation goes on with {name} by itself and rolls back if something fails. "
        f"`streamer status` shows how it ends; `aws cloudformation cancel-update-stack --stack-name {name}` undoes an "
        f"update that still runs"
    )


def summary(changes: tuple[Change, ...]) -> dict[str, int]:
    """How many resources are added, modified, replaced, removed and adopted; those that are none are left out."""
    counts: dict[str, int] = {}
    for change in changes:
        is_replaced = change.action == "Modify" and change.replacement == "True"
        word = "replaced" if is_replaced else _WORDS.get(change.action, change.action.lower())
        counts[word] = counts.get(word, 0) + 1
    return counts


_WORDS: Final = {"Add": "added", "Modify": "modified", "Remove": "removed", "Import": "adopted"}
