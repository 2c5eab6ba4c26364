"""A cloud for tests: the typed boundary, kept in memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deploy.cloud import (
    Account,
    BucketState,
    Change,
    ChangeSet,
    Event,
    LogEvent,
    Proposal,
    Resource,
    Stack,
)
from deploy.errors import CredentialsError

STACK_TYPE = "AWS::CloudFormation::Stack"
OURS = {"streamer:service": "chat", "streamer:stage": "dev"}
STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/chat-dev/1"


def stack(status: str = "CREATE_COMPLETE", **changes: Any) -> Stack:
    found = Stack(name="chat-dev", stack_id=STACK_ID, status=status, tags={"streamer:service": "chat"})
    return replace(found, **changes)


def event(number: int, status: str, logical_id: str = "Thing", reason: str | None = None, type_: str = "X::Y") -> Event:
    return Event(
        event_id=str(number),
        at=number,
        logical_id=logical_id,
        physical_id=logical_id,
        resource_type=type_,
        status=status,
        reason=reason,
    )


@dataclass
class FakeCloud:
    """Does what it is told: ``scripts`` says what CloudFormation does at each time it is asked after an execution."""

    found: Stack | None = None
    state: BucketState = BucketState.OURS
    is_bucket_closed: bool = True
    objects: dict[str, bytes] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    descriptions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    tags_of: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Table to its tags, where they are not ours."""
    settings_of: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Table to what is told of its TTL and its backups."""
    functions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    apis: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Id, or id/stage, to what is there."""
    others: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    """Physical id to what is there of other types, where it is not as it should be."""
    digests: dict[str, str] = field(default_factory=dict)
    """Key of an object to its digest, in base 64."""
    role: str | None = "arn:aws:iam::123456789012:role/logs"
    template: Mapping[str, Any] = field(default_factory=dict)
    parts: list[Resource] = field(default_factory=list)
    changes: tuple[Change, ...] = (Change(action="Add", logical_id="Api", resource_type="AWS::ApiGatewayV2::Api"),)
    change_set_status: str = "CREATE_COMPLETE"
    change_set_reason: str | None = None
    refused_for: list[str] = field(default_factory=list)
    """What CloudFormation has against the change set."""
    script: list[tuple[str | None, list[Event]]] = field(default_factory=list)
    """Status of the stack (None: gone) and new events, one entry per question after an execution."""
    lines: list[LogEvent] = field(default_factory=list)
    traces: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    """Trace to its segments."""
    annotated: dict[str, list[str]] = field(default_factory=dict)
    """Filter expression to the traces that it finds."""
    asked: list[str] = field(default_factory=list)
    """Filter patterns and expressions."""
    did: list[str] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    """Name to id of change sets."""
    execution: str = "AVAILABLE"
    proposed: Mapping[str, Any] = field(default_factory=dict)
    """The template of the change set."""
    _happened: list[Event] = field(default_factory=list)
    _running: bool = False

    def account(self) -> Account:
        return Account(account_id="123456789012", region="us-east-1")

    def stack(self, name: str) -> Stack | None:
        if self._running and self.script:
            status, events = self.script.pop(0)
            self._happened += events
            if status is not None:
                # As CloudFormation does, the stack tells of each of its own states.
                self._happened.append(event(1000 + len(self._happened), status, "chat-dev", type_=STACK_TYPE))
            self.found = None if status is None else replace(self.found or stack(), status=status)
        return self.found

    def deployed_template(self, name: str) -> Mapping[str, Any]:
        return self.template

    def resources(self, name: str) -> Sequence[Resource]:
        return self.parts

    def events(self, stack_id: str, after: str | None) -> Sequence[Event]:
        numbers = [each.event_id for each in self._happened]
        return self._happened[numbers.index(after) + 1 if after in numbers else 0 :]

    def last_event(self, stack_id: str) -> str | None:
        events = self.events(stack_id, None)
        return events[-1].event_id if events else None

    def bucket(self, name: str, account: Account) -> BucketState:
        return self.state

    def is_closed(self, name: str, account: Account) -> bool:
        return self.is_bucket_closed

    def create_bucket(self, name: str, account: Account) -> None:
        self.did.append(f"create bucket {name}")

    def has_object(self, bucket: str, key: str, account: Account) -> bool:
        return key in self.objects

    def object_digest(self, bucket: str, key: str, account: Account) -> str | None:
        return self.digests.get(key)

    def put_object(self, bucket: str, key: str, body: bytes, account: Account) -> None:
        self.objects[key] = body
        self.did.append(f"put {key}")

    def object_keys(self, bucket: str, prefix: str, account: Account) -> Sequence[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def get_object(self, bucket: str, key: str, account: Account) -> bytes:
        return self.objects[key]

    def propose(self, proposal: Proposal) -> str:
        self.proposals.append(proposal)
        self.did.append("propose")
        return "change-set"

    def change_set(self, change_set_id: str) -> ChangeSet:
        return ChangeSet(
            change_set_id=change_set_id,
            stack_id=STACK_ID,
            status=self.change_set_status,
            reason=self.change_set_reason,
            changes=self.changes,
            execution=self.execution,
        )

    def refusals(self, change_set_id: str) -> Sequence[str]:
        return self.refused_for

    def proposed_template(self, change_set_id: str) -> Mapping[str, Any]:
        return self.proposed

    def change_sets(self, stack: str) -> Mapping[str, str]:
        return self.waiting

    def object_url(self, bucket: str, key: str) -> str:
        return f"https://s3.test/{bucket}/{key}"

    def execute(self, change_set_id: str, token: str) -> None:
        self.did.append("execute")
        self._running = True

    def delete_change_set(self, change_set_id: str) -> None:
        self.did.append("delete change set")

    def protect_stack(self, name: str, *, is_protected: bool) -> None:
        self.did.append(f"{'protect' if is_protected else 'unprotect'} {name}")

    def delete_stack(self, name: str, token: str) -> None:
        self.did.append("delete stack")
        self._running = bool(self.script)

    def existing_tables(self, names: Sequence[str]) -> Sequence[str]:
        return [name for name in names if name in self.tables]

    def table(self, name: str) -> Mapping[str, Any] | None:
        return self.descriptions.get(name)

    def table_names(self, prefix: str) -> Sequence[str]:
        return [name for name in self.tables if name.startswith(prefix)]

    def table_tags(self, name: str) -> Mapping[str, str]:
        return self.tags_of.get(name, OURS)

    def table_settings(self, name: str) -> Mapping[str, Any]:
        return self.settings_of.get(name, {})

    def set_table(self, name: str, settings: Mapping[str, Any]) -> None:
        self.did.append(f"set {name}")
        self.settings_of[name] = {**self.settings_of[name], **settings}

    def there(self, kind: str, names: Sequence[str], owner: str) -> Mapping[str, Mapping[str, Any] | None]:
        match kind:
            case "AWS::Lambda::Function":
                return {name: self.functions.get(name) for name in names}
            case "AWS::DynamoDB::Table":
                return {name: self.table(name) for name in names}
            case "AWS::ApiGatewayV2::Api" | "AWS::ApiGatewayV2::Stage":
                return {name: self.apis.get(f"{owner}/{name}" if owner else name) for name in names}
        return {name: self.others.get(name, {}) for name in names}

    def set_back(self, kind: str, name: str, owner: str, settings: Mapping[str, Any]) -> None:
        place = f"{owner}/{name}" if owner else name
        self.did.append(f"set {place}")
        where = next(each for each in (self.functions, self.apis, self.others) if place in each)
        where[place] = {**(where[place] or {}), **settings}

    def protect_table(self, name: str, *, is_protected: bool) -> None:
        self.did.append(f"{'protect' if is_protected else 'unprotect'} {name}")

    def delete_table(self, name: str) -> None:
        self.tables.remove(name)

    def logging_role(self) -> str | None:
        return self.role

    def firing_alarms(self, names: Sequence[str]) -> Sequence[str]:
        return [f"{name} rings" for name in names]

    def queue_length(self, url: str) -> int | None:
        return 3

    def log_events(self, group: str, *, start_ms: int, pattern: str | None) -> Iterator[LogEvent]:
        self.asked += [pattern] if pattern else []
        ours = (line for line in self.lines if line.at_ms >= start_ms and line.group in ("", group))
        term = pattern.strip('"') if pattern and pattern.startswith('"') else ""
        yield from (line for line in ours if term in line.message)

    def trace_ids(self, expression: str, *, start: float, end: float) -> Sequence[str]:
        self.asked.append(expression)
        return self.annotated.get(expression, [])

    def segments(self, trace_ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        return [segment for each in trace_ids for segment in self.traces.get(each, [])]


class NoCredentials(FakeCloud):
    """AWS, for whom has no credentials."""

    def account(self) -> Account:
        raise CredentialsError("there are no AWS credentials here")

    def logging_role(self) -> str | None:
        raise CredentialsError("there are no AWS credentials here")
