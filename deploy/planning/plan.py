"""What is there, what should be, and so what has to be done. Pure: the plan is frozen data.

A plan never holds a secret: parameters are named in it, not valued.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..cloud import Account, BucketState, Change, Event, Stack
from ..errors import DeployError, StackStateError
from ..history import template_digest
from ..stack.access_log import LOGGING_ROLE_PARAMETER
from ..stack.names import within
from ..stack.template import secret_variables
from .changes import expected, require_possible
from .drift import NEEDED, TABLE, Drift

SERVICE_TAG: Final = "streamer:service"
"""Tag of every stack made here; a stack without it is somebody else's."""
STAGE_TAG: Final = "streamer:stage"
CHANGE_SETS: Final = "streamer-"
"""Begins the names of change sets that are made here."""
STACK_TYPE: Final = "AWS::CloudFormation::Stack"
"""Resource type of the stack's own events."""

AT_REST: Final = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)
"""States of stacks that are what their templates say, and can be updated."""
_IS_HERE: Final = re.compile(r"[a-z]+://(127\.0\.0\.1|localhost|\[::1\])([:/]|$)")
"""An address of this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What should be on AWS."""

    stack_name: str
    stage: str
    service: str
    template: Mapping[str, Any]
    template_bytes: int
    code_key: str
    """Of the zip in the bucket; that of a service which has another name now begins with its old one."""
    code_bytes: int
    """Size of the zip."""
    bucket: str | None
    """None: the default name, which needs the account's id."""
    given: frozenset[str]
    """Parameters that were given a value on this run."""
    needs_logging_role: bool
    adopt: frozenset[str] = frozenset()
    """Tables, and the stack itself, that are to be taken over although they do not say that they are this one's."""
    reverts_drift: bool = False
    """Whether CloudFormation compares with what there is, and not with the template that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is on AWS."""

    account: Account
    bucket: BucketState
    has_code: bool
    stack: Stack | None
    template: Mapping[str, Any] | None
    """Of the stack; None when there is none."""
    loose_tables: tuple[str, ...] = ()
    """Tables of this service that exist outside of any stack of ours, left by an earlier one."""
    misfits: Mapping[str, str] = field(default_factory=dict)
    """Loose table to why it cannot be taken over."""
    strangers: tuple[str, ...] = ()
    """Loose tables that do not say that they are this stage's."""
    drift: tuple[Drift, ...] = ()
    """What is not as the stack says."""
    notes: tuple[str, ...] = ()
    """What could not be found out."""
    logging_role: str | None = None


@dataclass(frozen=True, slots=True)
class RemoveFailedStack:
    """Delete what a failed first deployment left: an empty stack that cannot be updated."""

    stack_name: str
    stack_id: str
    """That very stack; one that was made under its name since is another."""


@dataclass(frozen=True, slots=True)
class CreateBucket:
    """Make the bucket for code."""

    bucket: str


@dataclass(frozen=True, slots=True)
class UploadCode:
    """Upload the zip."""

    bucket: str
    key: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class UploadTemplate:
    """Upload a template that is too large for a request."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """Make a change set."""

    stack_name: str
    is_new: bool
    previous: tuple[str, ...]
    """Parameters that keep the value which the stack has."""
    adopted: tuple[str, ...]
    """Tables that the stack takes over."""
    takes_logs: bool = False
    """Whether log groups of an earlier stack may be there, for the stack to take over."""
    reverts_drift: bool = False
    """Whether what was changed or deleted by hand becomes what the template says."""


Step = RemoveFailedStack | CreateBucket | UploadCode | UploadTemplate | Propose


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps in order, and what we expect the change set to be."""

    bucket: str
    code_key: str
    steps: tuple[Step, ...]
    expected: tuple[Change, ...]
    notes: tuple[str, ...] = ()


def _keeps_logs(template: Mapping[str, Any]) -> bool:
    groups = [each for each in template["Resources"].values() if each["Type"] == "AWS::Logs::LogGroup"]
    return any(each.get("DeletionPolicy", "").startswith("Retain") for each in groups)


def tags_of(service: str, stage: str) -> dict[str, str]:
    """What a stack of ours is tagged with, and by CloudFormation everything in it."""
    return {SERVICE_TAG: service, STAGE_TAG: stage}


def other_owner(stack: Stack, tags: Mapping[str, str]) -> str | None:
    """Whose a stack of ours is, in words, if not of the service and the stage of these tags; None: it is theirs.

    A name can be made of several services and stages: ``chat`` in ``eu-dev`` and ``chat-eu`` in ``dev`` have one.
    """
    said = {name: stack.tags.get(name, value) for name, value in tags.items()}
    return None if said == tags else f"the service {said[SERVICE_TAG]} in its stage {said[STAGE_TAG]}"


def bucket_name(account: Account) -> str:
    """The bucket for code of an account in a region; Lambda wants the code in its own region."""
    return f"streamer-code-{account.account_id}-{account.region}"


def _addresses_here(template: Mapping[str, Any]) -> str:
    """The variables of functions that hold one."""
    functions = (each for each in template["Resources"].values() if each["Type"] == "AWS::Lambda::Function")
    variables = [each["Properties"].get("Environment", {}).get("Variables", {}) for each in functions]
    found = {name for each in variables for name, value in each.items() if _IS_HERE.match(str(value))}
    return ", ".join(sorted(found))


def code_key(service: str, digest: str) -> str:
    """The key of a zip: its content's name, so the same code is never uploaded twice."""
    return f"{service}/{digest}.zip"


def plan(wanted: Wanted, found: Found | None, *, inline_bytes: int) -> Plan:
    """What has to be done.

    ``found`` is None when AWS was not asked (a dry run without credentials): a first deployment is assumed.

    Raises:
        StackStateError: the stack must leave its state first, or is not ours.
        DeployError: a precondition in the account is missing.
    """
    if found is None:
        bucket = wanted.bucket or "streamer-code-ACCOUNT-REGION"
        notes: tuple[str, ...] = ("AWS was not asked what exists already; this is what a first deployment does",)
        stack: Stack | None = None
        steps: list[Step] = [CreateBucket(bucket), UploadCode(bucket, wanted.code_key, wanted.code_bytes)]
    else:
        bucket = wanted.bucket or bucket_name(found.account)
        stack = require_ours(found.stack, wanted)
        _require_account(wanted, found, bucket)
        steps, notes = _uploads(wanted, found, bucket), found.notes
    is_new = stack is None or stack.status in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
    if stack is not None and stack.status == "ROLLBACK_COMPLETE":
        steps.insert(0, RemoveFailedStack(stack.name, stack.stack_id))
    if wanted.template_bytes > inline_bytes:
        # Its content's name: of two deployments at once neither proposes what the other one uploaded.
        name = f"{wanted.stack_name}.{template_digest(wanted.template)}.template.json"
        steps.append(UploadTemplate(bucket, f"{wanted.service}/{name}"))
    adopted = found.loose_tables if found is not None else ()
    if adopted:
        notes = (*notes, f"tables of an earlier stack are taken over with their data: {', '.join(adopted)}")
    if here := _addresses_here(wanted.template):
        notes = (*notes, f"functions are told addresses of this machine, where on AWS nothing answers: {here}")
    previous = () if is_new else _previous(wanted, stack)
    steps.append(
        Propose(
            stack_name=wanted.stack_name,
            is_new=is_new,
            previous=previous,
            adopted=adopted,
            takes_logs=is_new and _keeps_logs(wanted.template),
            reverts_drift=wanted.reverts_drift and not is_new,
        )
    )
    old = {} if is_new or found is None or found.template is None else found.template
    require_possible(old, wanted.template)
    was, will = (within(wanted.stack_name, each) for each in (old, wanted.template))
    changes = expected(was, will, _other_code(wanted, bucket, stack))
    if found is not None and not wanted.reverts_drift:
        _require_whole(found.drift, wanted.template, frozenset(each.logical_id for each in changes))
    return Plan(
        bucket=bucket,
        code_key=wanted.code_key,
        steps=tuple(steps),
        expected=_adopting(changes, wanted, adopted),
        notes=notes,
    )


def _require_whole(drifts: Sequence[Drift], template: Mapping[str, Any], changed: frozenset[str]) -> None:
    """Refuse to deploy over what somebody deleted: CloudFormation would fail half way, or say that all is well."""
    for drift in drifts:
        is_in_the_way = drift.resource_type in NEEDED or drift.logical_id in changed
        if not drift.is_gone or not is_in_the_way or drift.logical_id not in template["Resources"]:
            continue
        kept = "; what was in it is in DynamoDB's backup for 35 days" if drift.resource_type == TABLE else ""
        raise StackStateError(
            f"{drift.logical_id} ({drift.physical_id}) {drift.what}; `streamer deploy --revert-drift` lets "
            f"CloudFormation make it anew; else run `streamer destroy`, which keeps the tables, and deploy again{kept}"
        )


def _uploads(wanted: Wanted, found: Found, bucket: str) -> list[Step]:
    steps: list[Step] = []
    if found.bucket in (BucketState.ABSENT, BucketState.UNFINISHED):
        steps.append(CreateBucket(bucket))
    if not found.has_code:
        steps.append(UploadCode(bucket, wanted.code_key, wanted.code_bytes))
    return steps


def _previous(wanted: Wanted, stack: Stack | None) -> tuple[str, ...]:
    known = stack.parameters if stack is not None else {}
    return tuple(n for n in wanted.template.get("Parameters", {}) if n in known and n not in wanted.given)


def chosen_values(wanted: Wanted, found: Found) -> dict[str, str]:
    """Values of parameters that follow from what there is.

    The account's role for logs outlives the stack that made it: another stack, or the next one of this name, makes no
    second one. A stack that made it keeps it.
    """
    if LOGGING_ROLE_PARAMETER not in wanted.template.get("Parameters", {}):
        return {}
    has_it = "GatewayAccount" in (found.template or {}).get("Resources", {})
    before = found.stack.parameters.get(LOGGING_ROLE_PARAMETER) if found.stack is not None else None
    makes = before != "false" if has_it else found.logging_role is None
    return {LOGGING_ROLE_PARAMETER: "true" if makes else "false"}


def _adopting(changes: Sequence[Change], wanted: Wanted, tables: Sequence[str]) -> tuple[Change, ...]:
    """The changes, where a table that exists already is not added but joins."""
    resources = wanted.template["Resources"]
    return tuple(
        replace(change, action="Import")
        if change.action == "Add" and resources[change.logical_id].get("Properties", {}).get("TableName") in tables
        else change
        for change in changes
    )


def _other_code(wanted: Wanted, bucket: str, stack: Stack | None) -> set[str]:
    """Those of the code's parameters that get other values."""
    before = stack.parameters if stack is not None else {}
    return {name for name, value in (("CodeBucket", bucket), ("CodeKey", wanted.code_key)) if before.get(name) != value}


def is_ours(stack: Stack) -> bool:
    """Whether streamer made a stack; of one in review that is told without tags nobody can tell."""
    return SERVICE_TAG in stack.tags or (stack.status == "REVIEW_IN_PROGRESS" and not stack.tags)


def require_ours(stack: Stack | None, wanted: Wanted) -> Stack | None:
    """The stack, if it can be created or updated now.

    Raises:
        StackStateError: it is somebody else's, is being changed, or is stuck; the message says what to do.
    """
    if stack is None:
        return None
    if not is_ours(stack):
        raise StackStateError(
            f"a stack named {stack.name} exists and was not made by streamer; choose another name with --stack-name"
        )
    owner = other_owner(stack, tags_of(wanted.service, wanted.stage))
    if owner is not None and stack.name not in wanted.adopt:
        raise StackStateError(
            f"the stack {stack.name} is that of {owner}, not of {wanted.service} in {wanted.stage}; choose another "
            f"name with --stack-name, or, if it shall be this one's from now on, say `streamer deploy --adopt "
            f"{stack.name}`"
        )
    way = way_out(stack)
    if way is None or stack.status in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"):
        return stack
    raise StackStateError(f"{way}; `streamer status` shows it" if stack.status.endswith("_IN_PROGRESS") else way)


def way_out(stack: Stack) -> str | None:
    """What keeps a stack from being changed in the state that it is in, and what to do; None: nothing does.

    [DOC] cfn-docs:view-stack-events, stack status codes
    """
    name, why = stack.name, f"({_reason(stack)})"
    if stack.status in AT_REST:
        return None
    if stack.status == "REVIEW_IN_PROGRESS":
        return f"{name} is empty: a change set waits for it, or did; `streamer deploy` makes another one"
    if stack.status.endswith("_IN_PROGRESS"):
        return f"{name} is being changed right now ({stack.status}); wait for it"
    match stack.status:
        case "ROLLBACK_COMPLETE":
            return f"{name} is the empty remains of a deployment that failed; `streamer deploy` removes it first"
        case "UPDATE_ROLLBACK_FAILED":
            return (
                f"{name} could not be rolled back {why}; remove the cause, then run "
                f"`aws cloudformation continue-update-rollback --stack-name {name}` and deploy again"
            )
        case "UPDATE_FAILED":
            # [DOC] cfn-docs:stack-failure-options: somebody else's update that kept what it had made; it serves on.
            return (
                f"an update of {name} was left half done {why}; run `aws cloudformation rollback-stack "
                f"--stack-name {name}`, wait for it, and deploy again"
            )
        case "IMPORT_ROLLBACK_FAILED":
            # Somebody else's import: ours is part of an update. What was there before it serves on.
            return (
                f"resources that somebody imported into {name} could not be given back {why}; the service may go on "
                f"serving, and CloudFormation takes no change; AWS Support may help; else `streamer destroy`, which "
                f"ends the service and keeps the tables, and deploy again"
            )
    return f"{name} is stuck in {stack.status} {why}; run `streamer destroy`, which keeps the tables, and deploy again"


def _reason(stack: Stack) -> str:
    return (stack.reason or "CloudFormation gives no reason").rstrip(".")


def _require_account(wanted: Wanted, found: Found, bucket: str) -> None:
    if found.bucket is BucketState.FOREIGN:
        raise DeployError(
            f"the bucket {bucket} belongs to another account, or your credentials may not use it; "
            f"name one of yours as `bucket` in streamer.toml"
        )
    if found.bucket is BucketState.ELSEWHERE:
        raise DeployError(
            f"the bucket {bucket} is in another Region, and Lambda takes code from a bucket in its own, "
            f"{found.account.region}; name one there as `bucket` in streamer.toml"
        )
    if wanted.needs_logging_role and found.logging_role is None:
        raise DeployError(
            "API Gateway has no role to write access logs in this account and region; set `logging_role = true` in "
            "streamer.toml to let this stack give it one, or `access_logs = false`"
        )
    for name, why in found.misfits.items():
        raise DeployError(
            f"a table {name} exists already and is not the one that is described: {why}; choose another `table_prefix` "
            f"in streamer.toml, or delete that table if it is nobody's"
        )
    for name in found.strangers:
        raise DeployError(
            f"a table {name} exists already and has not the tags {SERVICE_TAG}={wanted.service} and "
            f"{STAGE_TAG}={wanted.stage}, so it may be somebody else's; if this stack shall have it, say --adopt {name}"
        )
    missing = [
        name
        for name, parameter in wanted.template.get("Parameters", {}).items()
        if parameter.get("NoEcho") and name not in wanted.given and not has_value(found.stack, name)
    ]
    if missing:
        variables = secret_variables(wanted.template)
        names = ", ".join(variables.get(name, name) for name in missing)
        raise DeployError(f"no value for {names}; pass it in the environment or answer when asked")


def require_described(adopt: frozenset[str], template: Mapping[str, Any], stack_name: str) -> None:
    """Refuse to adopt what the service does not have.

    Raises:
        DeployError: neither the stack nor a table of the template has that name.
    """
    names = {each.get("Properties", {}).get("TableName") for each in template["Resources"].values()}
    for name in sorted(adopt - names - {stack_name}):
        known = ", ".join(sorted(each for each in names if isinstance(each, str))) or "none"
        raise DeployError(f"--adopt {name}: the service has no such table; it has {known}")


def has_value(stack: Stack | None, name: str) -> bool:
    """Whether a stack will still have a parameter's value when it is updated."""
    return stack is not None and stack.status in AT_REST and name in stack.parameters


def root_cause(events: Sequence[Event]) -> Event | None:
    """The first resource that failed by itself; what failed later did so because the rest was being cancelled."""
    for event in events:
        cancelled = "cancelled" in (event.reason or "").lower()
        if event.status.endswith("_FAILED") and not cancelled and event.resource_type != STACK_TYPE:
            return event
    return next((e for e in events if e.status.endswith(("_FAILED", "ROLLBACK_IN_PROGRESS")) and e.reason), None)
