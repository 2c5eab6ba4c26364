"""Ask AWS what is there: for the planner, for ``streamer status``, and before something is destroyed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .cloud import Account, BucketState, Cloud, Resource, Stack
from .errors import CredentialsError, DeniedError, DeployError, StackStateError
from .planning.adoption import misfit
from .planning.drift import COMPARED, NEEDED, QUEUE, TABLE, Code, Drift, drifts, owner_of
from .planning.plan import AT_REST, CHANGE_SETS, Found, Wanted, bucket_name, is_ours, other_owner, tags_of, way_out
from .stack.access_log import LOGGING_ROLE_PARAMETER
from .stack.losses import BUCKET, holds_data, of_removal, stays


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a stack is doing."""

    stack: Stack
    resources: Mapping[str, int]
    """Resource type to how many the stack has."""
    unhealthy: tuple[Resource, ...]
    """Resources whose last operation failed."""
    alarms: tuple[str, ...]
    """Descriptions of alarms that ring."""
    dead_letters: Mapping[str, int]
    """Queue to about how many messages wait in it."""
    drift: tuple[Drift, ...] = ()
    """What is not as the stack says."""
    notes: tuple[str, ...] = ()
    """What could not be found out."""


def find(cloud: Cloud, wanted: Wanted) -> Found:
    """What is on AWS of what is wanted.

    Raises:
        DeployError: AWS does not answer or refuses.
    """
    account = cloud.account()
    bucket = wanted.bucket or bucket_name(account)
    state = cloud.bucket(bucket, account)
    if state is BucketState.OURS and wanted.bucket is None and not cloud.is_closed(bucket, account):
        state = BucketState.UNFINISHED
    stack = cloud.stack(wanted.stack_name)
    is_there = stack is not None and stack.status not in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
    resources = _present(cloud.resources(wanted.stack_name)) if is_there else ()
    template = cloud.deployed_template(wanted.stack_name) if is_there else None
    own = _tables(resources)
    loose = cloud.existing_tables([name for name in _described(wanted) if name not in own])
    misfits = _misfits(cloud, wanted, loose)
    code = code_of(cloud, stack, account) if stack is not None else None
    drift, notes = drift_of(cloud, template or {}, resources, code, stack)
    joining, more = drift_of(cloud, wanted.template, _joining(wanted, [n for n in loose if n not in misfits]))
    return Found(
        account=account,
        bucket=state,
        has_code=state is BucketState.OURS and cloud.has_object(bucket, wanted.code_key, account),
        stack=stack,
        template=template,
        loose_tables=tuple(loose),
        misfits=misfits,
        strangers=_strangers(cloud, [n for n in loose if n not in wanted.adopt], tags_of(wanted.service, wanted.stage)),
        logging_role=cloud.logging_role() if _writes_logs(wanted) else None,
        drift=(*drift, *joining),
        notes=tuple(dict.fromkeys((*notes, *more, *_lost_code(cloud, wanted, stack, account)))),
    )


def require_same(cloud: Cloud, found: Found) -> None:
    """Refuse to go on with a comparison of what is not there any more: another deployment was faster.

    A change set that was made before that becomes obsolete; one that was made after it would undo it, by what it shows.

    Raises:
        StackStateError: it was.
    """
    before = found.stack
    if before is None or before.status not in AT_REST:
        return
    now = cloud.stack(before.name)
    is_same = now is not None and (now.stack_id, now.parameters) == (before.stack_id, before.parameters)
    if not is_same or cloud.deployed_template(before.name) != found.template:
        raise StackStateError(f"somebody deployed {before.name} meanwhile; look, and try again")


def _lost_code(cloud: Cloud, wanted: Wanted, stack: Stack | None, account: Account) -> list[str]:
    """That a change which fails could not be rolled back, for want of the code that runs now."""
    if stack is None or stack.status not in AT_REST:
        return []
    bucket, key = (stack.parameters.get(name, "") for name in ("CodeBucket", "CodeKey"))
    if not bucket or key in ("", wanted.code_key):
        return []
    try:
        is_there = cloud.has_object(bucket, key, account)
    except DeniedError:  # somebody else's bucket: nobody here can tell
        return []
    lost = f"s3://{bucket}/{key}, the code that runs now, is gone: if this change fails, it cannot be rolled back"
    return [] if is_there else [lost]


def _joining(wanted: Wanted, names: Sequence[str]) -> list[Resource]:
    """Tables that the stack takes over, as resources that it will have: CloudFormation compares nothing then."""
    named = {i: each.get("Properties", {}).get("TableName") for i, each in _tables_of(wanted).items()}
    return [
        Resource(logical_id=logical_id, physical_id=name, resource_type=TABLE, status="")
        for logical_id, name in named.items()
        if name in names
    ]


def _tables_of(wanted: Wanted) -> dict[str, Mapping[str, Any]]:
    resources = wanted.template["Resources"]
    return {logical_id: each for logical_id, each in resources.items() if each["Type"] == TABLE}


def _writes_logs(wanted: Wanted) -> bool:
    """Whether it matters which role API Gateway writes logs with."""
    return wanted.needs_logging_role or LOGGING_ROLE_PARAMETER in wanted.template.get("Parameters", {})


def _described(wanted: Wanted) -> Mapping[str, Mapping[str, Any]]:
    """Name to the properties of each table that the template names."""
    described = [resource.get("Properties", {}) for resource in _tables_of(wanted).values()]
    return {each["TableName"]: each for each in described if isinstance(each.get("TableName"), str)}


def _misfits(cloud: Cloud, wanted: Wanted, loose: Sequence[str]) -> Mapping[str, str]:
    """Loose table to why it cannot be taken over."""
    by_name = _described(wanted)
    found = {name: misfit(by_name[name], cloud.table(name) or {}) for name in loose if name in by_name}
    return {name: why for name, why in found.items() if why is not None}


def _kept_buckets(described: Mapping[str, Any], resources: Sequence[Resource]) -> dict[str, bool]:
    """Bucket that stays to whether what is in it expires."""
    return {
        each.physical_id: _expires(described[each.logical_id])
        for each in resources
        if each.resource_type == BUCKET and stays(described.get(each.logical_id, {}))
    }


def _lost(described: Mapping[str, Any], resources: Sequence[Resource]) -> tuple[str, ...]:
    """What holds data and goes with the stack, a line each: of the user's own, since all of ours stays."""
    kinds = [each for each in resources if holds_data(each.resource_type) and each.resource_type not in _LEFT_UNSAID]
    going = [(each, described[each.logical_id]) for each in kinds if each.logical_id in described]
    return tuple(
        f"{each.logical_id} ({each.resource_type}, {each.physical_id}): {of_removal(resource)}"
        for each, resource in going
        if not stays(resource)
    )


_STAYS: Final = {"DeletionPolicy": "Retain"}
_LEFT_UNSAID: Final = frozenset({QUEUE, "AWS::SecretsManager::Secret"})
"""Every stack has them, and nothing in them is for later."""


def _expires(bucket: Mapping[str, Any]) -> bool:
    """Whether all that is in a bucket of a template is deleted in time."""
    rules = bucket.get("Properties", {}).get("LifecycleConfiguration", {}).get("Rules", [])
    whole = [each for each in rules if each.get("Status") == "Enabled" and not each.get("Prefix")]
    return any("ExpirationInDays" in each for each in whole)


def _strangers(cloud: Cloud, names: Sequence[str], tags: Mapping[str, str]) -> tuple[str, ...]:
    """Tables without these tags."""
    return tuple(name for name in names if not tags.items() <= cloud.table_tags(name).items())


def _of_live_stacks(cloud: Cloud, names: Sequence[str], stack: Stack | None) -> tuple[str, ...]:
    """Tables that say of another stack that it has them, which is there, or which nobody here may look at.

    [DOC] cfn-docs:aws-properties-resource-tags: CloudFormation tags what it makes with the id of the stack.
    """
    found: list[str] = []
    for name in names:
        other = cloud.table_tags(name).get(_STACK_ID_TAG)
        if other is None or (stack is not None and other == stack.stack_id):
            continue
        try:
            owner = cloud.stack(other)
        except DeniedError:
            found.append(name)
        else:
            found += [name] if owner is not None and owner.status != "DELETE_COMPLETE" else []
    return tuple(found)


_STACK_ID_TAG: Final = "aws:cloudformation:stack-id"


def drift_of(
    cloud: Cloud,
    template: Mapping[str, Any],
    resources: Sequence[Resource],
    code: Code | None = None,
    stack: Stack | None = None,
) -> tuple[tuple[Drift, ...], tuple[str, ...]]:
    """What is not as a stack says, and what could not be looked at.

    Args:
        cloud: AWS.
        template: The stack's.
        resources: The stack's, with their physical ids.
        code: What its functions should run; None: that is not compared.
        stack: The stack; None: it is not there yet.
    """
    real: dict[str, Mapping[str, Any] | None] = {}
    refused: dict[str, DeployError] = {}
    for (kind, owner), parts in _alike(template, resources).items():
        try:
            found = cloud.there(kind, [each.physical_id for each in parts], owner)
        except DeployError as exc:
            # Who deploys from a closed network may reach no more than what deploying itself needs.
            if isinstance(exc, CredentialsError) or (kind in NEEDED and not isinstance(exc, DeniedError)):
                raise
            refused[COMPARED[kind]] = exc
        else:
            real |= {each.logical_id: found[each.physical_id] for each in parts if each.physical_id in found}
    try:
        real |= _with_settings(cloud, resources, real)
    except DeniedError as exc:
        refused["TTL and backups of the tables"] = exc
    notes = [
        f"{', '.join(refused)} were not compared with what the stack says: {why}" for why in [*refused.values()][:1]
    ]
    return drifts(template, resources, real, code, stack.stack_id if stack is not None else ""), tuple(notes)


def drifted(cloud: Cloud, name: str) -> list[tuple[Drift, str]]:
    """What is not as a stack says now, and the owner of each."""
    stack, resources, template = require_stack(cloud, name), cloud.resources(name), cloud.deployed_template(name)
    drift, _ = drift_of(cloud, template, resources, code_of(cloud, stack, cloud.account()), stack)
    owners = {each.logical_id: owner_of(template, resources, each) or "" for each in resources}
    return [(each, owners[each.logical_id]) for each in drift]


def _alike(template: Mapping[str, Any], resources: Sequence[Resource]) -> dict[tuple[str, str], list[Resource]]:
    """Type and owner to the resources that can be looked at together."""
    found: dict[tuple[str, str], list[Resource]] = {}
    for each in resources:
        owner = owner_of(template, resources, each)
        if each.resource_type in COMPARED and each.physical_id and owner is not None:
            found.setdefault((each.resource_type, owner), []).append(each)
    return found


def code_of(cloud: Cloud, stack: Stack, account: Account) -> Code | None:
    """What the functions of a stack should run; None: nobody here can tell its digest."""
    bucket, key = (stack.parameters.get(name, "") for name in ("CodeBucket", "CodeKey"))
    if not (bucket and key):
        return None
    try:
        digest = cloud.object_digest(bucket, key, account)
    except DeniedError:  # somebody else's bucket, or key
        return None
    return Code(bucket=bucket, key=key, sha256=digest) if digest is not None else None


def _with_settings(
    cloud: Cloud, resources: Sequence[Resource], real: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, Mapping[str, Any]]:
    """What AWS says of the tables among those that were looked at, with what it says of them elsewhere."""
    tables = {each.logical_id: each.physical_id for each in resources if each.resource_type == TABLE}
    there = {logical_id: found for logical_id, found in real.items() if found is not None and logical_id in tables}
    return {each: {**found, **cloud.table_settings(tables[each])} for each, found in there.items()}


def _present(resources: Sequence[Resource]) -> list[Resource]:
    """Those that the stack still has."""
    return [each for each in resources if not each.is_left]


def _tables(resources: Sequence[Resource]) -> frozenset[str]:
    return frozenset(resource.physical_id for resource in resources if resource.resource_type == TABLE)


def require_stack(cloud: Cloud, name: str) -> Stack:
    """A stack of ours.

    Raises:
        StackStateError: there is none of that name, or it was not made by streamer.
    """
    stack = cloud.stack(name)
    if stack is None:
        raise StackStateError(f"there is no stack {name} in this account and region; `streamer deploy` makes it")
    if not is_ours(stack):
        raise StackStateError(f"the stack {name} was not made by streamer; name the right one with --stack-name")
    return stack


def status(cloud: Cloud, name: str) -> Status:
    """How a stack is doing.

    Raises:
        DeployError: there is no such stack, or AWS refuses.
    """
    stack = require_stack(cloud, name)
    resources = _present(cloud.resources(name))
    counts: dict[str, int] = {}
    for resource in resources:
        counts[resource.resource_type] = counts.get(resource.resource_type, 0) + 1
    alarms = [r.physical_id for r in resources if r.resource_type == "AWS::CloudWatch::Alarm" and r.physical_id]
    queues = {r.logical_id: r.physical_id for r in resources if r.resource_type == QUEUE and r.physical_id}
    lengths = {name: cloud.queue_length(url) for name, url in queues.items()}
    drift: tuple[Drift, ...] = ()
    way = way_out(stack)
    notes: tuple[str, ...] = (f"{way}; until then what there is is not compared with what the stack says",)
    if way is None:
        code = code_of(cloud, stack, cloud.account())
        drift, notes = drift_of(cloud, cloud.deployed_template(name), resources, code, stack)
    return Status(
        stack=stack,
        resources=dict(sorted(counts.items())),
        unhealthy=tuple(r for r in resources if r.status.endswith("_FAILED")),
        alarms=tuple(cloud.firing_alarms(alarms)),
        dead_letters={name: length for name, length in lengths.items() if length is not None},
        drift=drift,
        notes=notes,
    )


FUNCTION_LOGS: Final = "/aws/lambda/"
"""Begins the log groups of functions."""


def function_logs(cloud: Cloud, name: str) -> list[str]:
    """The log groups of the functions of a stack; raises as `log_groups`."""
    return log_groups(cloud, name, (FUNCTION_LOGS,))


def log_groups(cloud: Cloud, name: str, begins: tuple[str, ...]) -> list[str]:
    """The log groups of a stack whose names begin so.

    Raises:
        DeployError: there is no such stack, or AWS refuses.
    """
    require_stack(cloud, name)
    groups = (r.physical_id for r in cloud.resources(name) if r.resource_type == "AWS::Logs::LogGroup")
    return sorted(group for group in groups if group.startswith(begins))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruin:
    """What ``streamer destroy`` takes away, and what stays."""

    stack: Stack | None
    """None: it is gone already; only its tables may be left."""
    tables: tuple[str, ...]
    """Tables that exist, but for those that go with the stack. They stay, unless the data is to go too."""
    strangers: tuple[str, ...] = ()
    """Tables of these names that do not say that they are this stage's, or are another stack's; they stay."""
    lost: tuple[str, ...] = ()
    """What of the stack holds data and goes with it, a line each."""
    waiting: tuple[str, ...] = ()
    """Names of the change sets that go with a stack in review, and would have made it."""
    buckets: Mapping[str, bool] = field(default_factory=dict)
    """Bucket of the stack that stays to whether it empties itself: CloudFormation deletes none that holds something."""


def _waiting(cloud: Cloud, stack: Stack) -> tuple[str, ...]:
    """The change sets for which a stack is in review.

    Raises:
        StackStateError: one of them is another tool's.
    """
    names = tuple(sorted(cloud.change_sets(stack.stack_id)))
    for name in names:
        if not name.startswith(CHANGE_SETS):
            raise StackStateError(
                f"the stack {stack.name} is in review for the change set {name}, which streamer did not make; name the "
                f"right one with --stack-name"
            )
    return names


def what_is_left(cloud: Cloud, name: str, topology_tables: Sequence[str], prefix: str, tags: Mapping[str, str]) -> Ruin:
    """What there is to destroy.

    Args:
        cloud: AWS.
        name: The stack.
        topology_tables: Names of tables that the service describes.
        prefix: What names of further tables begin with; empty: there are none.
        tags: What the stack must say, and a table outside of it to be counted.

    Raises:
        StackStateError: there is neither a stack of ours nor a table of it, the stack is another service's, or is
            being changed.
    """
    stack = cloud.stack(name)
    if stack is not None:
        stack = require_stack(cloud, name)
        owner = other_owner(stack, tags)
        if owner is not None:
            raise StackStateError(
                f"the stack {name} is that of {owner}; destroy it from there, or name the right one with --stack-name"
            )
        if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
            raise StackStateError(f"{name} is being changed right now ({stack.status}); wait for it and try again")
    resources = cloud.resources(name) if stack is not None else ()
    is_made = stack is not None and stack.status != "REVIEW_IN_PROGRESS"
    waiting = _waiting(cloud, stack) if stack is not None and not is_made else ()
    described = cloud.deployed_template(name).get("Resources", {}) if is_made else {}
    own = _tables(_present(resources))
    # What the stack lists and has no more another one may have taken over since: its tags say so.
    former = _tables(resources) - own
    going = _tables([each for each in resources if not stays(described.get(each.logical_id, _STAYS))])
    named = {*topology_tables, *former, *(cloud.table_names(prefix) if prefix else ())}
    loose = cloud.existing_tables(sorted(named - own))
    strangers = _strangers(cloud, loose, tags)
    strangers += _of_live_stacks(cloud, [each for each in loose if each not in strangers], stack)
    tables = tuple(cloud.existing_tables(sorted((named | own) - going - {*strangers})))
    if stack is None and not tables:
        left = f"; {', '.join(strangers)} may be somebody else's, by the tags" if strangers else ""
        raise StackStateError(f"there is no stack {name} in this account and region, and no table of one{left}")
    return Ruin(
        stack=stack,
        tables=tables,
        strangers=strangers,
        lost=_lost(described, _present(resources)),
        waiting=waiting,
        buckets=_kept_buckets(described, resources),
    )
