"""What deploying needs of AWS, as one typed boundary: plain frozen data in, plain frozen data out.

`deploy.aws.boto` fulfils it with boto3; tests fulfil it with a fake. Methods raise the errors of `deploy.errors` only.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom the credentials belong to, and where we work."""

    account_id: str
    region: str

    @property
    def place(self) -> str:
        """For whoever is asked whether to go on: the same name may stand for another stack in another account."""
        return f"account {self.account_id} in {self.region}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A CloudFormation stack that exists, or existed when it is asked for by its id."""

    name: str
    stack_id: str
    status: str
    reason: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values as CloudFormation shows them: asterisks for NoEcho."""
    tags: Mapping[str, str] = field(default_factory=dict)
    changed_at: float | None = None
    """Unix seconds of the last change."""
    is_protected: bool = False
    """Whether CloudFormation refuses to delete it."""


class Replacement(enum.StrEnum):
    """Whether CloudFormation makes a new resource in place of the old one. [DOC] cfn-api:ResourceChange"""

    NO = "False"
    YES = "True"
    CONDITIONAL = "Conditional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to one resource."""

    action: str
    """``Add``, ``Modify``, ``Remove`` or ``Import``."""
    logical_id: str
    """Of what is in a nested stack, that stack's, a slash, and its own."""
    resource_type: str
    replacement: Replacement = Replacement.NO
    properties: tuple[str, ...] = ()
    """Names of the properties that change."""
    policy: str = ""
    """What becomes of it when it is removed or replaced: ``Delete``, ``ReplaceAndRetain`` ...; empty: nothing says so.
    [DOC] cfn-api:ResourceChange, PolicyAction"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """A change set, in whatever state."""

    change_set_id: str
    stack_id: str
    status: str
    reason: str | None = None
    changes: tuple[Change, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values as CloudFormation shows them: asterisks for NoEcho."""
    execution: str = "AVAILABLE"
    """[DOC] cfn-api:DescribeChangeSet: ``AVAILABLE``, ``UNAVAILABLE``, ``OBSOLETE``, or ``EXECUTE_``..."""

    @property
    def is_executed(self) -> bool:
        """Whether CloudFormation performs it, or has done so."""
        return self.execution.startswith("EXECUTE_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A stack event."""

    event_id: str
    at: float
    """Unix seconds."""
    logical_id: str
    physical_id: str
    resource_type: str
    status: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of a stack."""

    logical_id: str
    physical_id: str
    resource_type: str
    status: str

    @property
    def is_left(self) -> bool:
        """Whether the stack has it no more, though it still lists it. [DOC] cfn-api:StackResourceSummary"""
        return self.status in ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value for a template parameter. Secret values do not show in its ``repr``."""

    name: str
    value: str | None = field(repr=False)
    """None: the value that the stack has already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change set to be made."""

    name: str
    """Of the change set; used once, so that it can be found again if the answer to its creation is lost."""
    stack_name: str
    is_new: bool
    template: str = field(repr=False)
    """The template itself, or its address."""
    parameters: tuple[Parameter, ...]
    tags: Mapping[str, str]
    role_arn: str | None
    """With which CloudFormation works, now and whenever it changes the stack again; None: with ours."""
    adopts_existing: bool
    """Whether resources of the same names that exist already become part of the stack."""
    has_nested: bool = False
    """Whether it is a change of nested stacks, too, and tells what is in them."""
    reverts_drift: bool = False
    """Whether what was changed or deleted by hand becomes what the template says.
    [DOC] cfn-docs:drift-aware-change-sets"""
    rollback_alarms: tuple[str, ...] = ()
    """ARNs of alarms that make CloudFormation take the change back."""
    rollback_minutes: int = 0
    """How long they are watched after it."""


class BucketState(enum.Enum):
    """What a bucket's name stands for."""

    OURS = enum.auto()
    ABSENT = enum.auto()
    UNFINISHED = enum.auto()
    """It is ours, and whoever made it was stopped, or denied, before it was closed."""
    ELSEWHERE = enum.auto()
    """It is in another Region. [DOC] lambda-api:FunctionCode, S3Bucket: the function's own Region"""
    FOREIGN = enum.auto()
    """It belongs to another account, or we may not look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """A line in CloudWatch Logs."""

    event_id: str
    at_ms: int
    message: str
    group: str = ""
    """The log group that it is in."""


class Cloud(Protocol):
    """AWS, as far as deploying needs it."""

    def account(self) -> Account:
        """Whose credentials these are; the first thing that fails when there are none."""

    def stack(self, name: str) -> Stack | None:
        """A stack by name, or by id also when it is deleted; None when there is none."""

    def deployed_template(self, name: str) -> Mapping[str, Any]:
        """The template of an existing stack."""

    def resources(self, name: str) -> Sequence[Resource]:
        """All resources of a stack."""

    def events(self, stack_id: str, after: str | None) -> Sequence[Event]:
        """Events newer than the event with id ``after``, oldest first; all of them for None."""

    def last_event(self, stack_id: str) -> str | None:
        """The id of the newest event; None: nothing happened yet. Older ones, of all deployments, are not read."""

    def bucket(self, name: str, account: Account) -> BucketState:
        """Whether a bucket is ours."""

    def is_closed(self, name: str, account: Account) -> bool:
        """Whether a bucket that we made was finished; also where nobody may ask."""

    def create_bucket(self, name: str, account: Account) -> None:
        """Make a private bucket that TLS alone reaches; that it is ours already is as good."""

    def has_object(self, bucket: str, key: str, account: Account) -> bool:
        """Whether an object exists in a bucket of ours."""

    def object_digest(self, bucket: str, key: str, account: Account) -> str | None:
        """The SHA-256 digest of an object, in base 64; None: S3 does not know it, or there is no such object."""

    def put_object(self, bucket: str, key: str, body: bytes, account: Account) -> None:
        """Upload an object into a bucket of ours."""

    def object_keys(self, bucket: str, prefix: str, account: Account) -> Sequence[str]:
        """Keys of a bucket of ours that begin so, in their order."""

    def get_object(self, bucket: str, key: str, account: Account) -> bytes:
        """An object of a bucket of ours."""

    def object_url(self, bucket: str, key: str) -> str:
        """The address of an object for CloudFormation, right in every partition."""

    def propose(self, proposal: Proposal) -> str:
        """Make a change set; its id. That one of this name exists already is as good."""

    def change_set(self, change_set_id: str) -> ChangeSet:
        """A change set with all its changes."""

    def refusals(self, change_set_id: str) -> Sequence[str]:
        """What CloudFormation has against a change set that it refused, a sentence each; none: it tells no more."""

    def proposed_template(self, change_set_id: str) -> Mapping[str, Any]:
        """The template that a change set brings."""

    def change_sets(self, stack: str) -> Mapping[str, str]:
        """Name to id of all change sets of a stack, by its name or id; none where there is no such stack."""

    def execute(self, change_set_id: str, token: str) -> None:
        """Let CloudFormation perform a change set. The same token twice is one request."""

    def delete_change_set(self, change_set_id: str) -> None:
        """Forget a change set; that there is none is as good."""

    def protect_stack(self, name: str, *, is_protected: bool) -> None:
        """Let CloudFormation refuse to delete a stack, or not."""

    def delete_stack(self, name: str, token: str) -> None:
        """Let CloudFormation delete a stack. The same token twice is one request."""

    def existing_tables(self, names: Sequence[str]) -> Sequence[str]:
        """Those of the tables that exist."""

    def table_names(self, prefix: str) -> Sequence[str]:
        """The tables whose names begin so."""

    def table(self, name: str) -> Mapping[str, Any] | None:
        """What DynamoDB says of a table; None: there is none. [DOC] ddb-api:TableDescription"""

    def table_tags(self, name: str) -> Mapping[str, str]:
        """The tags of a table; none where there is no such table."""

    def table_settings(self, name: str) -> Mapping[str, Any]:
        """Time to live and point-in-time recovery of a table, as a template has them; DescribeTable tells neither."""

    def set_table(self, name: str, settings: Mapping[str, Any]) -> None:
        """Set time to live, point-in-time recovery and capacity mode of a table, in the same words."""

    def there(self, kind: str, names: Sequence[str], owner: str) -> Mapping[str, Mapping[str, Any] | None]:
        """What AWS says of resources of a type, in the words of templates, by physical id; None: there is none.

        What nobody can tell is left out.

        Args:
            kind: One of `deploy.planning.drift.COMPARED`.
            names: Physical ids.
            owner: The API, the domain or the function that they are of; empty: they are of none.
        """

    def set_back(self, kind: str, name: str, owner: str, settings: Mapping[str, Any]) -> None:
        """Change settings of a resource, in the same words, and wait until they are so."""

    def protect_table(self, name: str, *, is_protected: bool) -> None:
        """Let DynamoDB refuse to delete a table, or not."""

    def delete_table(self, name: str) -> None:
        """Delete a table and what is in it; that there is none is as good."""

    def logging_role(self) -> str | None:
        """ARN of the role with which API Gateway writes logs in this account and region."""

    def firing_alarms(self, names: Sequence[str]) -> Sequence[str]:
        """Descriptions of those alarms that are in the state ALARM."""

    def queue_length(self, url: str) -> int | None:
        """About how many messages wait in a queue; None: there is no such queue."""

    def log_events(self, group: str, *, start_ms: int, pattern: str | None) -> Iterator[LogEvent]:
        """Lines of a log group from a time on, of all streams, oldest first."""

    def trace_ids(self, expression: str, *, start: float, end: float) -> Sequence[str]:
        """Ids of the traces between two moments (Unix seconds) that a filter expression of X-Ray finds."""

    def segments(self, trace_ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """The segments of traces, as X-Ray keeps them. [DOC] xray-docs:xray-api-segmentdocuments"""
