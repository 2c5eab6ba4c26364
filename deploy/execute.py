"""Perform a plan through the boundary to AWS, or only say what would be done.

Progress is data handed to ``report``; the command line decides how it looks.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from .cloud import Account, Change, ChangeSet, Cloud, Event, Parameter, Proposal, Stack
from .errors import DeployError, FailedError, GoneError, StackStateError, unwritten
from .moments import Moment, ended_after, ended_before, is_passing
from .planning.plan import (
    CHANGE_SETS,
    STACK_TYPE,
    CreateBucket,
    Plan,
    Propose,
    RemoveFailedStack,
    Step,
    UploadCode,
    UploadTemplate,
    is_ours,
    root_cause,
)

POLL_SECONDS: Final = 1.0
"""How often CloudFormation is asked; it throttles below that when several deployments run."""
PATIENCE_SECONDS: Final = 120.0
"""How long CloudFormation is asked again while it does not answer; what it does meanwhile it does without us."""
MOST_REFUSALS: Final = 3
"""What CloudFormation has against a change that is told one by one."""
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
class Carried:
    """What a plan's steps carry to AWS."""

    zipped: bytes = field(repr=False)
    template: str = field(repr=False)
    values: Mapping[str, str] = field(repr=False)
    """Parameter to value."""
    tags: Mapping[str, str]
    role_arn: str | None = None
    rollback_alarms: tuple[str, ...] = ()
    rollback_minutes: int = 0


def sentence(step: Step) -> str:
    """What a step does, for people."""
    match step:
        case RemoveFailedStack(stack_name, _):
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


def done(step: Step) -> str:
    """What a step did, for people. All verbs of `sentence` are regular."""
    verb, _, rest = sentence(step).partition(" ")
    return f"{verb.removesuffix('e')}ed {rest}"


def rehearse(plan: Plan, report: Report) -> None:
    """Say every step, and take none."""
    for step in plan.steps:
        report(Said(f"would {sentence(step)}"))


class Performer:
    """Performs plans, and alone knows how far one is: `accountable` turns every end into one true sentence."""

    def __init__(
        self,
        cloud: Cloud,
        report: Report,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._cloud = cloud
        self._report = report
        self._sleep = sleep
        self._clock = clock
        self._new_id = new_id
        self._moment = Moment.BEFORE
        self._name = ""
        self._is_new = False
        self._proposed = ""
        """Name of the change set, from before it is asked for."""
        self._change_set_id: str | None = None
        self._stack_id = ""
        """Id of the stack that is deleted."""
        self._is_kept = False
        """Whether the change set was made by somebody else, and so is not ours to take back."""
        self._was_removed = False
        """Whether the remains of a failed deployment were removed."""

    @contextlib.contextmanager
    def accountable(self) -> Iterator[None]:
        """Around everything that is done to one stack.

        Raises:
            DeployError: whatever ended it early, in a sentence that says what AWS does now and what to do.
        """
        try:
            yield
        except KeyboardInterrupt:
            raise self._ending(None) from None
        except FailedError:
            raise  # CloudFormation told how it ended
        except DeployError as exc:
            raise self._ending(exc) from exc
        except OSError as exc:  # what goes to AWS raises no such thing
            raise self._ending(unwritten(exc)) from exc

    def _ending(self, error: DeployError | None) -> DeployError:
        try:
            if self._moment is Moment.EXECUTING:
                is_executed = self._execution()
                if is_executed is not None:
                    self._moment = Moment.EXECUTED if is_executed else Moment.PROPOSED
            if self._moment is Moment.DELETING:
                self._moment = self._deletion()
            if self._moment in (Moment.BEFORE, Moment.PROPOSED):
                return ended_before(error, self._tidied(), was_removed=self._was_removed)
        except KeyboardInterrupt:
            if self._moment is Moment.PROPOSED:
                left = [self._is_left("interrupted while tidying up")]
                return ended_before(error, left, was_removed=self._was_removed)
        return ended_after(error, self._moment, self._name, is_new=self._is_new)

    def _execution(self) -> bool | None:
        """Whether our change set is under way or done; None: nobody can tell."""
        try:
            found = self._found()
        except GoneError:
            return False  # one that was executed stays
        except DeployError:
            return None
        return None if found is None else found.is_executed

    def _deletion(self) -> Moment:
        """How far a deletion is that was asked for; that it has not begun yet does not tell whether it will."""
        try:
            stack = self._cloud.stack(self._stack_id)
        except DeployError:
            return Moment.DELETING
        if stack is None or stack.status == "DELETE_COMPLETE":
            return Moment.GONE
        return Moment.DELETED if stack.status.startswith("DELETE_") else Moment.DELETING

    def _found(self) -> ChangeSet | None:
        if self._change_set_id is None:
            self._change_set_id = self._cloud.change_sets(self._name).get(self._proposed)
        return self._cloud.change_set(self._change_set_id) if self._change_set_id is not None else None

    def _tidied(self) -> list[str]:
        """Take back a change set that was not executed; what is left, a sentence each."""
        if self._moment is not Moment.PROPOSED or self._is_kept:
            return []
        try:
            stack_id = self._taken_back()
            if self._is_new:
                self._remove_empty(stack_id or self._name)
        except DeployError as exc:
            return [self._is_left(str(exc))]
        self._moment = Moment.BEFORE
        return []

    def _taken_back(self) -> str | None:
        """Delete our change set, also if it may not be looked at; the id of its stack, None where that is not known."""
        try:
            found = self._found()
        except DeployError:
            if self._change_set_id is None:
                raise
            self._cloud.delete_change_set(self._change_set_id)
            return None
        if found is None:
            return None
        self._cloud.delete_change_set(found.change_set_id)
        return found.stack_id

    def _is_left(self, why: str) -> str:
        stack = f" and the empty stack {self._name} that it is for" if self._is_new else ""
        return (
            f"the change set {self._proposed} of {self._name}{stack} may be left, unexecuted ({why}); "
            f"the next `streamer deploy` is not hindered by it"
        )

    def _remove_empty(self, stack_id: str) -> None:
        """Delete a stack that never was, if it still is none, is ours, and waits for nobody else's change set.

        On AWS all first change sets of a name belong to one stack, which another deployment may have made live.
        """
        stack = self._cloud.stack(stack_id)
        if stack is None or stack.status != "REVIEW_IN_PROGRESS" or not is_ours(stack):
            return
        if not self._cloud.change_sets(stack.stack_id):
            self._cloud.delete_stack(stack.stack_id, self._new_id())

    def prepare(self, plan: Plan, carried: Carried, account: Account) -> ChangeSet | None:
        """Upload, and make the change set; None: there is nothing to change, and no trace of the attempt."""
        template, proposed = carried.template, None
        for step in plan.steps:
            match step:
                case RemoveFailedStack(stack_name, stack_id):
                    self.remove(stack_name, stack_id, {"ROLLBACK_COMPLETE"})
                    self._moment, self._was_removed = Moment.BEFORE, True
                case CreateBucket(bucket):
                    self._cloud.create_bucket(bucket, account)
                case UploadCode(bucket, key, _):
                    self._cloud.put_object(bucket, key, carried.zipped, account)
                case UploadTemplate(bucket, key):
                    self._cloud.put_object(bucket, key, carried.template.encode(), account)
                    template = self._cloud.object_url(bucket, key)
                case Propose():
                    proposed = self._propose(step, plan, carried, template)
            self._report(Said(done(step)) if not isinstance(step, Propose) else Said(""))
        return proposed

    def _propose(self, step: Propose, plan: Plan, carried: Carried, template: str) -> ChangeSet | None:
        values = {**carried.values, "CodeBucket": plan.bucket, "CodeKey": plan.code_key}
        kept = [Parameter(name=name, value=None) for name in step.previous if name not in values]
        # A stack remembers the change sets that were executed, so a name serves once.
        proposal = Proposal(
            name=f"{CHANGE_SETS}{self._new_id()}",
            stack_name=step.stack_name,
            is_new=step.is_new,
            template=template,
            parameters=(*(Parameter(name=n, value=v) for n, v in values.items()), *kept),
            tags=carried.tags,
            role_arn=carried.role_arn,
            adopts_existing=bool(step.adopted) or step.takes_logs,
            # Of a first deployment everything is new, in a nested stack, too.
            has_nested=not step.is_new and f'"{STACK_TYPE}"' in carried.template,
            reverts_drift=step.reverts_drift,
            rollback_alarms=carried.rollback_alarms,
            rollback_minutes=carried.rollback_minutes,
        )
        self._name, self._is_new, self._proposed = step.stack_name, step.is_new, proposal.name
        self._moment = Moment.PROPOSED
        self._change_set_id = self._cloud.propose(proposal)
        change_set = self._settled(self._change_set_id)
        if change_set.status == "CREATE_COMPLETE":
            return change_set
        if is_empty(change_set):
            for left in self._tidied():
                self._report(Said(f"note: {left}"))
            return None
        raise DeployError(f"CloudFormation refuses the change: {self._refusal(change_set)}")

    def _refusal(self, change_set: ChangeSet) -> str:
        """What CloudFormation has against a change; whoever may not ask has what the change set says."""
        try:
            said = self._cloud.refusals(change_set.change_set_id)
        except DeployError:
            said = ()
        more = [f"and {len(said) - MOST_REFUSALS} more"] if len(said) > MOST_REFUSALS else []
        return "; ".join([*said[:MOST_REFUSALS], *more]) or change_set.reason or change_set.status

    def _settled(self, change_set_id: str) -> ChangeSet:
        while True:
            change_set = self._cloud.change_set(change_set_id)
            if change_set.status not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                return change_set
            self._sleep(POLL_SECONDS)

    def leave(self) -> str:
        """Let the change set that was made wait for somebody else; its name."""
        self._moment = Moment.BEFORE
        return self._proposed

    def take_up(self, name: str, proposed: str, change_set: ChangeSet, *, is_new: bool) -> None:
        """Go on with a change set that waits for us; whatever happens, nothing but executing it takes it away."""
        self._name, self._is_new, self._proposed = name, is_new, proposed
        self._change_set_id, self._is_kept = change_set.change_set_id, True

    def apply(self, change_set: ChangeSet) -> Stack:
        """Execute a change set and follow it to its end.

        Raises:
            FailedError: CloudFormation rolled back; the message names the root cause.
            DeployError: it was not executed, or cannot be followed.
        """
        stack_id = change_set.stack_id
        seen = self._cloud.last_event(stack_id)
        self._moment = Moment.EXECUTING
        try:
            self._cloud.execute(change_set.change_set_id, self._new_id())
        except GoneError as exc:
            # [DOC] cfn-api:ExecuteChangeSet: it deletes all other change sets of the stack.
            raise StackStateError(f"somebody deployed or deleted {self._name} meanwhile; look, and try again") from exc
        except DeployError:
            # An answer that was lost, or a refusal of what the SDK sent twice.
            if not self._execution():
                raise
        self._moment = Moment.EXECUTED
        stack, events = self._follow(stack_id, seen)
        if stack is not None and stack.status in _DONE:
            self._moment = Moment.DEPLOYED
            return stack
        raise FailedError(_failure(stack, events) if stack is not None else f"somebody deleted {self._name} meanwhile")

    def remove(self, name: str, stack_id: str, expected: Collection[str] | None = None) -> None:
        """Delete that very stack, if it is still as it was shown, and follow that to its end.

        Args:
            name: The stack's name.
            stack_id: The stack that was shown to whoever said yes.
            expected: The states in which it may be deleted; None: every one in which nothing is under way.

        Raises:
            StackStateError: it was changed, or made anew, meanwhile.
            FailedError: something could not be deleted.
        """
        stack = self._cloud.stack(name)
        if stack is None:
            return
        is_busy = stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS"
        is_other = stack.stack_id != stack_id or not is_ours(stack)
        if is_other or (is_busy if expected is None else stack.status not in expected):
            raise StackStateError(f"somebody changed {name} meanwhile (it is in {stack.status}); look, and try again")
        seen = self._cloud.last_event(stack_id)
        self._name, self._stack_id, self._moment = name, stack_id, Moment.DELETING
        self._delete(stack_id)
        self._moment = Moment.DELETED
        ended, events = self._follow(stack_id, seen)
        if ended is not None and ended.status != "DELETE_COMPLETE":
            raise FailedError(_failure(ended, events))
        self._moment = Moment.GONE

    def _delete(self, stack_id: str) -> None:
        try:
            self._cloud.delete_stack(stack_id, self._new_id())
        except DeployError:
            now = self._cloud.stack(stack_id)
            if now is not None and not now.status.startswith("DELETE_"):
                self._moment = Moment.BEFORE
                raise

    def _follow(self, stack_id: str, seen: str | None) -> tuple[Stack | None, list[Event]]:
        """Report events until the stack rests; the stack, None when it is gone, and what happened."""
        begun, happened = self._clock(), list[Event]()
        heard = begun
        while True:
            try:
                # The state is read first: what happened up to then is among the events that are read after it.
                stack = self._cloud.stack(stack_id)
                for event in self._cloud.events(stack_id, seen) if stack is not None else ():
                    seen = event.event_id
                    happened.append(event)
                    self._report(Ticked(event, self._clock() - begun))
            except DeployError as exc:
                if not is_passing(exc) or self._clock() - heard > PATIENCE_SECONDS:
                    raise
            else:
                heard = self._clock()
                if stack is None or _has_ended(stack, happened):
                    return stack, happened
            self._sleep(POLL_SECONDS)


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


def summary(changes: tuple[Change, ...]) -> dict[str, int]:
    """How many resources are added, modified, replaced, removed and adopted; those that are none are left out."""
    counts: dict[str, int] = {}
    for change in changes:
        is_replaced = change.action == "Modify" and change.replacement == "True"
        word = "replaced" if is_replaced else _WORDS.get(change.action, change.action.lower())
        counts[word] = counts.get(word, 0) + 1
    return counts


_WORDS: Final = {
    "Add": "added",
    "Modify": "modified",
    "Remove": "removed",
    "Import": "adopted",
    "SyncWithActual": "noted as they are",
}
