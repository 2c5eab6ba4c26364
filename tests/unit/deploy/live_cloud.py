"""CloudFormation as it behaves while things go wrong: stacks with ids, reviews, change sets; and a wrapper."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fake_cloud import STACK_TYPE, FakeCloud, event

from deploy.cloud import BucketState, Change, ChangeSet, Event, Proposal, Stack
from deploy.errors import DeniedError, DeployError, GoneError

PARAMETERS = {"JwtSecret": "****", "CodeBucket": "code", "CodeKey": "x"}
POLLS = 2
"""How often CloudFormation is asked until it is done."""


class LiveCloud(FakeCloud):
    """One stack name. On AWS all first change sets of a name belong to one stack, which this keeps to."""

    def __init__(self) -> None:
        super().__init__(state=BucketState.ABSENT)
        self.stacks: dict[str, Stack] = {}
        self.sets: dict[str, ChangeSet] = {}
        self.set_names: dict[str, str] = {}
        self.tags: dict[str, Mapping[str, str]] = {}
        self.left = 0
        self.happened: list[Event] = []
        self.executed: list[str] = []
        self.deleted_live = False
        self.keeps_obsolete = False
        """Whether change sets stay that cannot be executed any more, as after an update without one."""
        self._made = 0

    @property
    def live(self) -> Stack | None:
        return next((s for s in self.stacks.values() if s.status != "DELETE_COMPLETE"), None)

    def _to(self, stack_id: str, status: str, **changes: Any) -> None:
        self.stacks[stack_id] = replace(self.stacks[stack_id], status=status, **changes)
        self.happened.append(event(len(self.happened), status, "chat-dev", type_=STACK_TYPE))

    def settle(self) -> None:
        """Let CloudFormation finish."""
        for stack in self.stacks.values():
            if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
                self._to(stack.stack_id, stack.status.replace("IN_PROGRESS", "COMPLETE"))

    def stack(self, name: str) -> Stack | None:
        self.left -= 1
        if self.left <= 0:
            self.settle()
        return self.stacks.get(name) or self.live

    def events(self, stack_id: str, after: str | None) -> Sequence[Event]:
        return self.happened[int(after) + 1 if after is not None else 0 :]

    def create_bucket(self, name: str, account: Any) -> None:
        self.state = BucketState.OURS

    def propose(self, proposal: Proposal) -> str:
        there = self.live
        if proposal.is_new and there is not None and there.status != "REVIEW_IN_PROGRESS":
            raise DeployError("Stack [chat-dev] already exists and cannot be created again")
        if there is None:
            self._made += 1
            there = Stack(name="chat-dev", stack_id=f"arn:stack/chat-dev/{self._made}", status="REVIEW_IN_PROGRESS")
            self.stacks[there.stack_id] = there
        made = ChangeSet(
            change_set_id=f"arn:set/{proposal.name}",
            stack_id=there.stack_id,
            status="CREATE_COMPLETE",
            changes=(Change(action="Add", logical_id="Api", resource_type="AWS::ApiGatewayV2::Api"),),
        )
        self.sets[made.change_set_id], self.set_names[made.change_set_id] = made, proposal.name
        self.tags[made.change_set_id] = proposal.tags
        return made.change_set_id

    def change_set(self, change_set_id: str) -> ChangeSet:
        if change_set_id not in self.sets:
            raise GoneError("ChangeSet does not exist")
        return self.sets[change_set_id]

    def change_sets(self, stack: str) -> Mapping[str, str]:
        there = self.stacks.get(stack) or self.live
        return {
            self.set_names[i]: i for i, s in self.sets.items() if there is not None and s.stack_id == there.stack_id
        }

    def execute(self, change_set_id: str, token: str) -> None:
        found = self.change_set(change_set_id)
        if found.execution != "AVAILABLE":
            raise DeployError(f"ChangeSet cannot be executed in its current execution status of [{found.execution}]")
        there = self.stacks[found.stack_id]
        for other in list(self.sets):
            if self.sets[other].stack_id != there.stack_id or other == change_set_id:
                continue
            if self.keeps_obsolete:
                self.sets[other] = replace(self.sets[other], execution="OBSOLETE")
            else:
                del self.sets[other]
        self.sets[change_set_id] = replace(found, execution="EXECUTE_COMPLETE")
        self.executed.append(change_set_id)
        self.left = POLLS
        verb = "CREATE" if there.status == "REVIEW_IN_PROGRESS" else "UPDATE"
        tags = self.tags[change_set_id]
        self._to(there.stack_id, f"{verb}_IN_PROGRESS", tags=tags, parameters=PARAMETERS)

    def delete_change_set(self, change_set_id: str) -> None:
        if change_set_id in self.sets and not self.sets[change_set_id].is_executed:
            del self.sets[change_set_id]

    def delete_stack(self, name: str, token: str) -> None:
        there = self.stacks[name]
        self.deleted_live |= there.status not in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
        self.left = POLLS
        review = there.status == "REVIEW_IN_PROGRESS"
        self._to(name, "DELETE_COMPLETE" if review else "DELETE_IN_PROGRESS")

    def delete_table(self, name: str) -> None:
        if name in self.tables:
            self.tables.remove(name)


class Fault(enum.Enum):
    """What happens to a call."""

    REFUSED = "refused"
    UNSENT = "no network before it arrived"
    LOST = "arrived, the answer was lost"
    STOPPED_BEFORE = "Ctrl-C before it arrived"
    STOPPED_AFTER = "Ctrl-C after it arrived"


class Faulty:
    """A cloud whose ``number``-th call fails; with ``for_ever``, all calls after it, too (credentials expired)."""

    def __init__(self, cloud: LiveCloud, number: int, fault: Fault, *, for_ever: bool = False) -> None:
        self.cloud, self.number, self.fault, self.for_ever = cloud, number, fault, for_ever
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        does = getattr(self.cloud, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            count = len(self.calls) - 1
            if not (count == self.number or (self.for_ever and count > self.number)):
                return does(*arguments, **options)
            match self.fault:
                case Fault.REFUSED:
                    raise DeniedError(f"not permitted ({name})")
                case Fault.UNSENT:
                    raise DeployError(f"AWS cannot be reached ({name})")
                case Fault.STOPPED_BEFORE:
                    raise KeyboardInterrupt
            does(*arguments, **options)
            if self.fault is Fault.LOST:
                raise DeployError(f"the answer was lost ({name})")
            raise KeyboardInterrupt

        return call
