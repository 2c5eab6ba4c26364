"""What pipelines do apart from deploying at once: execute a change set that waits, and go back to what ran before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from streamer.aws_limits import INLINE_TEMPLATE_BYTES

from . import describe, history, lines
from .cloud import Cloud, Stack
from .config import Config
from .deployment import (
    Desk,
    Ended,
    Offer,
    asked,
    carried_for,
    catch_up,
    ended_without_changes,
    proposed,
    protect,
    require_length,
    set_back,
    settled,
    show,
)
from .errors import DeployError, StackStateError, StoppedError
from .planning.changes import require_named, require_safe
from .planning.plan import CHANGE_SETS, Wanted, chosen_values, has_value, plan, require_ours
from .stack.template import secret_variables, to_json


def carry_out(cloud: Cloud, desk: Desk, config: Config, named: str, allowed: frozenset[str]) -> Ended:
    """Execute a change set that ``streamer deploy --no-execute`` left.

    Args:
        cloud: AWS.
        desk: Whoever is told and asked.
        config: Which stack.
        named: The change set's name.
        allowed: Logical ids that may be replaced or removed.

    Raises:
        DeployError: every end but success, and the message says what AWS does now; the change set stays.
    """
    performer = desk.performer(cloud)
    with performer.accountable():
        account = cloud.account()
        there = cloud.stack(config.stack)
        is_new = there is None or there.status == "REVIEW_IN_PROGRESS"
        if there is not None:
            there = describe.require_stack(cloud, config.stack)
        waiting = cloud.change_sets(config.stack)
        if named not in waiting:
            known = ", ".join(sorted(each for each in waiting if each.startswith(CHANGE_SETS))) or "none"
            raise DeployError(
                f"{config.stack} has no change set {named}; those of streamer are: {known}. With the next deployment "
                f"of a stack all that wait for it are deleted; `streamer deploy --no-execute` makes a new one"
            )
        change_set = cloud.change_set(waiting[named])
        if change_set.status != "CREATE_COMPLETE" or change_set.execution != "AVAILABLE":
            raise StackStateError(
                f"the change set {named} cannot be executed ({change_set.status}, {change_set.execution}): it was "
                f"executed already, or the stack was changed since; `streamer deploy --no-execute` makes a new one"
            )
        old = {} if is_new else cloud.deployed_template(config.stack)
        new = cloud.proposed_template(change_set.change_set_id)
        drift = [] if is_new else describe.drifted(cloud, config.stack)
        require_named(allowed, old, new)
        require_safe(change_set.changes, old, new, allowed)
        running = there.parameters.get("CodeKey") if there is not None else None
        code = (running, change_set.parameters.get("CodeKey", running or ""))
        offer = Offer(question=f"Execute this in {account.place}?", old=old, new=new, code=code)
        show(desk, change_set, offer)
        if not desk.confirm(offer.question):
            raise StoppedError(f"not deployed; the change set {named} goes on waiting")
        if there is not None and not is_new:
            bucket = change_set.parameters.get("CodeBucket", there.parameters.get("CodeBucket", ""))
            catch_up(cloud, desk, config, there, old, bucket=bucket)
        performer.take_up(config.stack, named, change_set, is_new=is_new)
        stack = performer.apply(change_set)
        desk.say(f"{config.stack} is deployed", *lines.outputs(stack.outputs))
        has_tokens = "JwtSecretArn" in stack.outputs
        desk.say(*(lines.connecting(stack.outputs, account.region, has_tokens=True) if has_tokens else ()))
    ended = settled(cloud, desk, config, stack, new)
    protect(cloud, desk, config, new)
    if drift or any(change.action == "Import" for change in change_set.changes):
        set_back(cloud, desk, config.stack)
    return ended


def go_back(
    cloud: Cloud,
    desk: Desk,
    config: Config,
    named: str | None,
    allowed: frozenset[str],
    *,
    environment: Mapping[str, str],
) -> Ended:
    """Deploy the code and the template of an earlier deployment again. Secrets and data stay as they are.

    Args:
        cloud: AWS.
        desk: Whoever is told and asked.
        config: Which stack.
        named: How the name of the deployment begins; None: the one before that which runs now.
        allowed: Logical ids that may be replaced or removed.
        environment: Variables, for secrets that the stack does not have any more.

    Raises:
        DeployError: every end but success, and the message says what AWS does now.
    """
    performer = desk.performer(cloud)
    with performer.accountable():
        stack, kept_in, known = _remembered(cloud, config)
        account = cloud.account()
        running = stack.parameters.get("CodeKey", "")
        target = history.chosen(known, running, cloud.deployed_template(config.stack), named)
        bucket, key, template = history.read(cloud, kept_in, target, account)
        require_named(allowed, cloud.deployed_template(config.stack), template)
        wanted = _as_it_was(config, template, bucket, key)
        found = describe.find(cloud, wanted)
        if not found.has_code:
            raise DeployError(f"the code of {target.name} is not at s3://{bucket}/{key} any more")
        require_ours(stack, wanted)  # before anybody types a secret for nothing
        values = asked(desk, template, stack, _again(template, stack, environment)) | chosen_values(wanted, found)
        made = plan(replace(wanted, given=frozenset(values)), found, inline_bytes=INLINE_TEMPLATE_BYTES)
        desk.say(f"back to {target.name}")
        change_set = proposed(desk, performer, made, carried_for(config, template, values), found)
        if change_set is None:
            return ended_without_changes(desk, config, found)
        describe.require_same(cloud, found)
        require_safe(change_set.changes, found.template or {}, template, allowed)
        question = f"Go back to this in {account.place}?"
        offer = Offer(question=question, old=found.template or {}, new=template, code=(running, key))
        show(desk, change_set, offer)
        if not desk.confirm(offer.question):
            raise StoppedError("not rolled back")
        catch_up(cloud, desk, config, stack, offer.old, bucket=bucket)
        stack = performer.apply(change_set)
        desk.say(f"{config.stack} is what it was at {target.name}", *lines.outputs(stack.outputs))
    protect(cloud, desk, config, template)  # a table that came back may be a new one
    return Ended(stack=stack.name, status=stack.status, outputs=stack.outputs)


def _as_it_was(config: Config, template: Mapping[str, Any], bucket: str, key: str) -> Wanted:
    """What an earlier deployment wanted: its template, and its code where that still lies."""
    return Wanted(
        stack_name=config.stack,
        stage=config.stage,
        service=config.service,
        template=template,
        template_bytes=len(to_json(template).encode()),
        code_key=key,
        code_bytes=0,
        bucket=bucket,
        given=frozenset(),
        needs_logging_role=False,
    )


def _again(template: Mapping[str, Any], stack: Stack, environment: Mapping[str, str]) -> dict[str, str]:
    """Values of the secrets that a template needs and the stack has given up since, of those that are known here."""
    named = secret_variables(template).items()
    values = {name: environment.get(variable, "") for name, variable in named if not has_value(stack, name)}
    for name, value in values.items():
        if value:
            require_length(template, name, value)
    return {name: value for name, value in values.items() if value}


def list_of(cloud: Cloud, config: Config) -> list[str]:
    """Lines: the deployments that can be gone back to, newest first; a mark where what runs now was deployed.

    Raises:
        DeployError: there is no stack, or AWS refuses.
    """
    stack, _, known = _remembered(cloud, config)
    now = (
        history.code_digest(stack.parameters.get("CodeKey", "")),
        history.template_digest(cloud.deployed_template(config.stack)),
    )
    listed = [f"{'*' if each.what == now else ' '} {each.name}" for each in reversed(known) if not each.is_again]
    return listed or ["no deployment is remembered"]


def _remembered(cloud: Cloud, config: Config) -> tuple[Stack, str, tuple[history.Deployment, ...]]:
    """The stack, the bucket with its code, and its deployments, oldest first."""
    stack = describe.require_stack(cloud, config.stack)
    bucket = stack.parameters.get("CodeBucket")
    if stack.status in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE") or bucket is None:
        raise StackStateError(f"{config.stack} was never deployed ({stack.status}); `streamer deploy` does that")
    keys = cloud.object_keys(bucket, history.prefix(config.service, config.stack), cloud.account())
    return stack, bucket, history.deployments(keys)
