"""Ask AWS what is there: for the planner, for ``streamer status``, and before something is destroyed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streamer.topology import Topology

from .adoption import misfit
from .cloud import BucketState, Cloud, Resource, Stack
from .errors import StackStateError
from .plan import SERVICE_TAG, Found, Wanted, bucket_name, code_key

_TABLE = "AWS::DynamoDB::Table"


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


def find(cloud: Cloud, wanted: Wanted, topology: Topology) -> Found:
    """What is on AWS of what is wanted.

    Raises:
        DeployError: AWS does not answer or refuses.
    """
    account = cloud.account()
    bucket = wanted.bucket or bucket_name(account)
    state = cloud.bucket(bucket, account)
    stack = cloud.stack(wanted.stack_name)
    is_there = stack is not None and stack.status not in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
    own = _tables(cloud.resources(wanted.stack_name)) if is_there else frozenset()
    loose = cloud.existing_tables([table.name for table in topology.tables if table.name not in own])
    return Found(
        account=account,
        bucket=state,
        has_code=state is BucketState.OURS and cloud.has_object(bucket, code_key(wanted), account),
        stack=stack,
        template=cloud.deployed_template(wanted.stack_name) if is_there else None,
        loose_tables=tuple(loose),
        misfits=_misfits(cloud, wanted, loose),
        logging_role=cloud.logging_role() if wanted.needs_logging_role else None,
    )


def _misfits(cloud: Cloud, wanted: Wanted, loose: Sequence[str]) -> Mapping[str, str]:
    """Loose table to why it cannot be taken over."""
    described = [resource.get("Properties", {}) for resource in wanted.template["Resources"].values()]
    by_name = {each["TableName"]: each for each in described if isinstance(each.get("TableName"), str)}
    found = {name: misfit(by_name[name], cloud.table(name)) for name in loose if name in by_name}
    return {name: why for name, why in found.items() if why is not None}


def _tables(resources: Sequence[Resource]) -> frozenset[str]:
    return frozenset(resource.physical_id for resource in resources if resource.resource_type == _TABLE)


def require_stack(cloud: Cloud, name: str) -> Stack:
    """A stack of ours.

    Raises:
        StackStateError: there is none of that name, or it was not made by streamer.
    """
    stack = cloud.stack(name)
    if stack is None:
        raise StackStateError(f"there is no stack {name} in this account and region; `streamer deploy` makes it")
    if SERVICE_TAG not in stack.tags:
        raise StackStateError(f"the stack {name} was not made by streamer; name the right one with --stack-name")
    return stack


def status(cloud: Cloud, name: str) -> Status:
    """How a stack is doing.

    Raises:
        DeployError: there is no such stack, or AWS refuses.
    """
    stack = require_stack(cloud, name)
    resources = cloud.resources(name)
    counts: dict[str, int] = {}
    for resource in resources:
        counts[resource.resource_type] = counts.get(resource.resource_type, 0) + 1
    alarms = [r.physical_id for r in resources if r.resource_type == "AWS::CloudWatch::Alarm" and r.physical_id]
    queues = [r for r in resources if r.resource_type == "AWS::SQS::Queue" and r.physical_id]
    return Status(
        stack=stack,
        resources=dict(sorted(counts.items())),
        unhealthy=tuple(r for r in resources if r.status.endswith("_FAILED")),
        alarms=tuple(cloud.firing_alarms(alarms)),
        dead_letters={queue.logical_id: cloud.queue_length(queue.physical_id) for queue in queues},
    )


def function_logs(cloud: Cloud, name: str) -> list[str]:
    """The log groups of the functions of a stack.

    Raises:
        DeployError: there is no such stack, or AWS refuses.
    """
    require_stack(cloud, name)
    groups = (r.physical_id for r in cloud.resources(name) if r.resource_type == "AWS::Logs::LogGroup")
    return sorted(group for group in groups if group.startswith("/aws/lambda/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruin:
    """What ``streamer destroy`` takes away, and what stays."""

    stack: Stack | None
    """None: it is gone already; only its tables may be left."""
    tables: tuple[str, ...]
    """Tables that exist. They stay, with their data, unless the data is to go too."""


def what_is_left(cloud: Cloud, name: str, topology_tables: Sequence[str]) -> Ruin:
    """What there is to destroy.

    Raises:
        StackStateError: there is neither a stack of ours nor a table of it, or the stack is being changed.
    """
    stack = cloud.stack(name)
    if stack is not None:
        stack = require_stack(cloud, name) if stack.status != "REVIEW_IN_PROGRESS" else stack
        if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
            raise StackStateError(f"{name} is being changed right now ({stack.status}); wait for it and try again")
    own = _tables(cloud.resources(name)) if stack is not None else frozenset()
    tables = tuple(cloud.existing_tables(sorted({*own, *topology_tables})))
    if stack is None and not tables:
        raise StackStateError(f"there is no stack {name} in this account and region, and no table of one")
    return Ruin(stack=stack, tables=tables)
