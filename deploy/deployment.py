"""Bring a service to AWS, and take it away again: the order of things, between whoever asks and AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from streamer.aws_limits import INLINE_TEMPLATE_BYTES

from . import describe, history, lines
from .cloud import ChangeSet, Cloud, Stack
from .config import Config
from .errors import DeployError, StackStateError, StoppedError, UnwatchedError, unwritten
from .execute import Carried, Performer, Report, sentence
from .package.bundle import Bundle
from .planning.changes import require_named, require_safe
from .planning.differences import Difference, differences, rights
from .planning.drift import TABLE, Drift, sentences
from .planning.plan import (
    Found,
    Plan,
    RemoveFailedStack,
    Wanted,
    chosen_values,
    has_value,
    plan,
    require_described,
    require_ours,
    tags_of,
)
from .project import Service, want
from .stack.limits import PARAMETER_BYTES
from .stack.template import secret_variables, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Whoever is told and asked. Asking raises KeyboardInterrupt on Ctrl-C."""

    say: Callable[..., None]
    """Print lines."""
    report: Report
    confirm: Callable[[str], bool]
    type_name: Callable[[str], bool]
    """Whether somebody types a name, or need not."""
    secret: Callable[[str, int], str | None]
    """The value of a variable, which has so many characters at least; None: nobody can be asked."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def performer(self, cloud: Cloud) -> Performer:
        """Who acts, and reports here."""
        return Performer(cloud, self.report, sleep=self.sleep, clock=self.clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be deployed."""

    config: Config
    service: Service
    code: Bundle
    values: Mapping[str, str] = field(repr=False)
    """Parameter to value, of those that this run knows."""
    allowed: frozenset[str]
    """Logical ids that may be replaced or removed."""
    adopt: frozenset[str] = frozenset()
    """Tables, and the stack itself, that are to be taken over although they do not say that they are this one's."""
    reverts_drift: bool = False
    """Whether CloudFormation compares with what there is, and makes anew what is gone."""
    executes: bool = True
    """Whether the change set is executed, or waits for somebody who does that later."""

    def wanted(self, given: Iterable[str]) -> Wanted:
        """What should be on AWS, when these parameters have values."""
        wanted = want(self.config, self.service, self.code, frozenset(given), self.adopt)
        return replace(wanted, reverts_drift=self.reverts_drift)


def require_length(template: Mapping[str, Any], name: str, value: str) -> None:
    """Refuse a value that is too short for its parameter, or too long for any: CloudFormation's refusal may tell it.

    Raises:
        DeployError: it is; the message does not hold the value.
    """
    shortest = _shortest(template, name)
    if len(value) < shortest:
        raise DeployError(f"{name} must have at least {shortest} characters; it has {len(value)}")
    if (size := len(value.encode(errors="surrogateescape"))) > PARAMETER_BYTES:
        raise DeployError(
            f"{name} has {size:,} bytes, and CloudFormation takes {PARAMETER_BYTES:,} in a parameter; make a secret of "
            f"it in Secrets Manager, which takes 65,536, and name that one below secret_arns in streamer.toml"
        )


def _shortest(template: Mapping[str, Any], parameter: str) -> int:
    return int(template["Parameters"][parameter].get("MinLength", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a deployment ended, for programs."""

    stack: str
    status: str | None
    """Of the stack; None: there is none yet."""
    change_set: str | None = None
    """The change set that waits to be executed; None: none does."""
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is shown before somebody says yes."""

    question: str
    old: Mapping[str, Any]
    """The template of the stack; empty: there is none."""
    new: Mapping[str, Any]
    code: tuple[str | None, str]
    """Keys of the code, now and then."""


def bring(cloud: Cloud, desk: Desk, wish: Wish) -> Ended:
    """Deploy, or prepare to.

    Raises:
        DeployError: every end but success, and the message says what AWS does now.
    """
    performer = desk.performer(cloud)
    with performer.accountable():
        ended, drift = _bring(cloud, desk, wish, performer)
    if isinstance(ended, Stack):
        ended = settled(cloud, desk, wish.config, ended, wish.service.template)
    if wish.executes:
        protect(cloud, desk, wish.config, wish.service.template)
    if drift and wish.executes:
        set_back(cloud, desk, wish.config.stack, is_reverted=wish.reverts_drift)
    return ended


def _bring(cloud: Cloud, desk: Desk, wish: Wish, performer: Performer) -> tuple[Stack | Ended, tuple[Drift, ...]]:
    """Deploy; the stack that was changed or how it ended otherwise, and what was not as the stack said before."""
    config, service = wish.config, wish.service
    found = describe.find(cloud, wish.wanted(wish.values))
    require_named(wish.allowed, found.template or {}, service.template)
    require_described(wish.adopt, service.template, config.stack)
    require_ours(found.stack, wish.wanted(()))  # before anybody types a secret for nothing
    values = asked(desk, service.template, found.stack, wish.values) | chosen_values(wish.wanted(()), found)
    made = plan(wish.wanted(values), found, inline_bytes=INLINE_TEMPLATE_BYTES)
    carried = carried_for(config, service.template, values, zipped=wish.code.zipped)
    change_set = proposed(desk, performer, made, carried, found)
    if change_set is None:
        return ended_without_changes(desk, config, found), found.drift
    describe.require_same(cloud, found)
    require_safe(change_set.changes, found.template or {}, service.template, wish.allowed)
    now = found.stack.parameters.get("CodeKey") if found.stack is not None else None
    question = f"Deploy this to {found.account.place}?"
    offer = Offer(question=question, old=found.template or {}, new=service.template, code=(now, made.code_key))
    show(desk, change_set, offer)
    stale = service.snapshots_with(wish.values) if now == made.code_key else []
    if stale:
        desk.say(
            f"note: {', '.join(stale)} with SnapStart may keep the secrets of the last snapshot: another one is taken "
            f"when the code or the settings of a function change"
        )
    if not wish.executes:
        name = performer.leave()
        desk.say(f"the change set {name} of {config.stack} waits; `streamer deploy --execute {name}` executes it")
        there = found.stack.status if found.stack is not None else None
        return Ended(stack=config.stack, status=there, change_set=name), found.drift
    if not desk.confirm(offer.question):
        raise StoppedError("not deployed")
    if found.stack is not None and found.template is not None:
        catch_up(cloud, desk, config, found.stack, found.template, bucket=made.bucket)
    stack = performer.apply(change_set)
    desk.say(f"{config.stack} is deployed", *lines.outputs(stack.outputs))
    desk.say(*lines.connecting(stack.outputs, found.account.region, has_tokens=service.has_tokens))
    return stack, found.drift


def proposed(desk: Desk, performer: Performer, made: Plan, carried: Carried, found: Found) -> ChangeSet | None:
    """Tell what was noticed and make the change set; None: there is nothing to change."""
    desk.say(*lines.drift(found.drift))
    desk.say(*(f"note: {note}" for note in made.notes))
    remains = next((step for step in made.steps if isinstance(step, RemoveFailedStack)), None)
    if remains is not None and not desk.confirm(f"{sentence(remains).capitalize()}?"):
        raise StoppedError("not deployed")
    return performer.prepare(made, carried, found.account)


def carried_for(
    config: Config, template: Mapping[str, Any], values: Mapping[str, str], *, zipped: bytes = b""
) -> Carried:
    """What goes to AWS: the template, values of its parameters, and the code unless it is there."""
    return Carried(
        zipped=zipped,
        template=to_json(template),
        values=values,
        role_arn=config.cloudformation_role,
        tags={**config.tags, **tags_of(config.service, config.stage)},
        rollback_alarms=config.rollback_alarms,
        rollback_minutes=config.rollback_minutes,
    )


def ended_without_changes(desk: Desk, config: Config, found: Found) -> Ended:
    """Say that there is nothing to do."""
    what = "is described exactly like this, but for what is noted above" if found.drift else "runs exactly this"
    outputs = found.stack.outputs if found.stack is not None else {}
    desk.say(f"nothing to do: {config.stack} {what} already", *lines.outputs(outputs))
    status = found.stack.status if found.stack is not None else None
    return Ended(stack=config.stack, status=status, outputs=outputs)


def show(desk: Desk, change_set: ChangeSet, offer: Offer) -> None:
    """What a change set does: resources, values, permissions."""
    values = differences(offer.old, offer.new)
    if offer.old and offer.code[0] != offer.code[1]:
        code = Difference("Code", *offer.code)
        functions = (i for i, each in offer.new["Resources"].items() if each["Type"] == "AWS::Lambda::Function")
        values |= {each: (code, *values.get(each, ())) for each in functions}
    desk.say(*lines.changes(change_set.changes, values))
    desk.say(*lines.permissions(*rights(offer.old, offer.new)))


def catch_up(
    cloud: Cloud, desk: Desk, config: Config, stack: Stack, template: Mapping[str, Any], *, bucket: str
) -> None:
    """Before a stack is changed: let ``streamer rollback`` know of what it runs, however that came there."""
    try:
        history.catch_up(cloud, config.service, stack, template, bucket)
    except DeployError as exc:
        desk.say(f"note: `streamer rollback` may not know of what runs now: {exc}")


def settled(cloud: Cloud, desk: Desk, config: Config, stack: Stack, template: Mapping[str, Any]) -> Ended:
    """Keep what is deployed now for ``streamer rollback``, and say how it ended.

    Raises:
        StoppedError, UnwatchedError: Ctrl-C, or nobody reads what is said; the stack itself is deployed.
    """
    with _saying(lambda: f"{stack.name} is deployed, but `streamer rollback` may not know of it"):
        try:
            history.keep(cloud, config.service, stack, template)
        except DeployError as exc:
            desk.say(f"note: `streamer rollback` will not know of this deployment: {exc}")
    return Ended(stack=stack.name, status=stack.status, outputs=stack.outputs)


def protect(cloud: Cloud, desk: Desk, config: Config, template: Mapping[str, Any]) -> None:
    """Let AWS refuse to delete the stack and its tables, or not, as the configuration says.

    Tables are protected only now: in the template it would make the roll-back of a failed first deployment fail.

    Raises:
        DeployError: AWS refuses, or Ctrl-C; the stack itself is as it was deployed.
    """
    if config.termination_protection is not None:
        _protect_stack(cloud, desk, config, wanted=config.termination_protection)
    if config.deletion_protection is not None:
        _protect_tables(cloud, desk, config, template, wanted=config.deletion_protection)


def _protect_tables(cloud: Cloud, desk: Desk, config: Config, template: Mapping[str, Any], *, wanted: bool) -> None:
    state = f"{config.stack} itself is deployed; the protection of its tables may not be as streamer.toml says"
    found = [each for each in template["Resources"].values() if each["Type"] == "AWS::DynamoDB::Table"]
    names = [each.get("Properties", {}).get("TableName") for each in found]
    with _saying(lambda: state):
        for name in names:
            table = cloud.table(name) if isinstance(name, str) else None
            if table is not None and table.get("DeletionProtectionEnabled", False) is not wanted:
                cloud.protect_table(name, is_protected=wanted)
                what = "protected" if wanted else "not protected any more"
                desk.say(f"the table {name} is {what} from being deleted")


def _protect_stack(cloud: Cloud, desk: Desk, config: Config, *, wanted: bool) -> None:
    state = f"{config.stack} itself is deployed; its termination protection may not be as streamer.toml says"
    with _saying(lambda: state):
        stack = cloud.stack(config.stack)
        if stack is not None and stack.is_protected is not wanted:
            cloud.protect_stack(config.stack, is_protected=wanted)
            desk.say(f"{config.stack} is {'protected' if wanted else 'not protected any more'} from being deleted")


def set_back(cloud: Cloud, desk: Desk, stack: str, *, is_reverted: bool = False) -> None:
    """Make what was changed by hand as the stack says: CloudFormation itself sees no change.

    ``is_reverted``: it was told to look, and so has set back what it compares.

    Raises:
        DeployError: AWS refuses, or Ctrl-C; the stack itself is as it was deployed.
    """
    state = f"{stack} itself is deployed; what was noted above may not all be set back"
    with _saying(lambda: state):
        drifted = describe.drifted(cloud, stack)
        owners = {each.logical_id: owner for each, owner in drifted}
        for each, line in sentences([each for each, _ in drifted]):
            if not each.repair:
                desk.say(f"{line}; {_way(each, is_reverted=is_reverted)}")
            elif desk.confirm(f"Set {each.logical_id} back to what the stack says?"):
                _repair(cloud, each, owners[each.logical_id])
                desk.say(f"set {each.logical_id} back")
            else:
                desk.say(f"left {each.logical_id} as it is")


@contextmanager
def _saying(state: Callable[[], str]) -> Iterator[None]:
    """Add to whatever ends it early what AWS is in by then."""
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(f"stopped; {state()}") from None
    except OSError as exc:  # what goes to AWS raises no such thing
        raise UnwatchedError(f"{unwritten(exc)}; {state()}") from exc
    except DeployError as exc:
        raise type(exc)(f"{exc}; {state()}") from exc


def _way(drift: Drift, *, is_reverted: bool) -> str:
    """How somebody else sets back what nobody does here."""
    if drift.command:
        return f"`aws {drift.command}` takes it away"
    if is_reverted:
        return "nothing but your own hand sets that back"
    return f"`streamer deploy --revert-drift` lets CloudFormation {'make it anew' if drift.is_gone else 'set it back'}"


def _repair(cloud: Cloud, drift: Drift, owner: str) -> None:
    if drift.resource_type == TABLE:
        cloud.set_table(drift.physical_id, drift.repair)
    else:
        cloud.set_back(drift.resource_type, drift.physical_id, owner, drift.repair)


def asked(desk: Desk, template: Mapping[str, Any], stack: Stack | None, known: Mapping[str, str]) -> dict[str, str]:
    """The values of parameters that this run knows, with those of secrets asked for that the stack has not either."""
    values = dict(known)
    for name, variable in secret_variables(template).items():
        if name in values or has_value(stack, name):
            continue
        value = desk.secret(variable, _shortest(template, name))
        if value is not None:
            require_length(template, name, value)
            values[name] = value
    return values


def take_away(cloud: Cloud, desk: Desk, config: Config, named_tables: Sequence[str], *, with_data: bool) -> None:
    """Delete the stack of a configuration, and its tables if ``with_data``.

    Raises:
        DeployError: every end but success, and the message says what AWS does now.
    """
    performer, name = desk.performer(cloud), config.stack
    with performer.accountable():
        tags = tags_of(config.service, config.stage)
        ruin = describe.what_is_left(cloud, name, named_tables, config.prefix, tags)
        if ruin.stack is not None and ruin.stack.is_protected:
            raise StackStateError(
                f"{name} is protected from being deleted; write `termination_protection = false` for its stage into "
                f"streamer.toml, deploy, and then destroy it"
            )
        if with_data:
            _refuse_protected(cloud, ruin.tables)
        place = cloud.account().place
        desk.say(
            f"delete the stack {name} of {place}" if ruin.stack else f"there is no stack {name} any more in {place}"
        )
        desk.say(*(f"delete the change set {each}, which waits to be executed" for each in ruin.waiting))
        desk.say(*(f"{'delete' if with_data else 'keep'} the table {table}" for table in ruin.tables))
        desk.say(*(f"delete {each}" for each in ruin.lost))
        for bucket, expires in ruin.buckets.items():
            desk.say(
                f"keep the bucket {bucket}" + (": what is in it expires by itself" if expires else ", with all in it")
            )
        desk.say(*(["keep the log groups"] if config.keep_logs and ruin.stack else []))
        desk.say(*(f"keep the table {each}: by its tags it may be somebody else's" for each in ruin.strangers))
        if not desk.type_name(name):
            raise DeployError("that is not the name")
        if ruin.stack is not None:
            performer.remove(name, ruin.stack.stack_id)
    if with_data:
        _delete_tables(cloud, desk, name, list(ruin.tables))
    elif ruin.tables:
        desk.say(
            "the tables stay; `streamer deploy` takes them over again, `streamer destroy --delete-data` deletes them"
        )


def _refuse_protected(cloud: Cloud, tables: Sequence[str]) -> None:
    for table in tables:
        if (cloud.table(table) or {}).get("DeletionProtectionEnabled", False):
            raise StackStateError(
                f"the table {table} is protected from being deleted; write `deletion_protection = false` for its stage "
                f"into streamer.toml and deploy, or, where the stack has it no more, run `aws dynamodb update-table "
                f"--table-name {table} --no-deletion-protection-enabled`; then destroy it"
            )


def _delete_tables(cloud: Cloud, desk: Desk, name: str, left: list[str]) -> None:
    with _saying(lambda: _tables_left(name, left)):
        while left and not (is_back := _is_there(cloud, name)):
            cloud.delete_table(left[0])
            desk.say(f"deleted the table {left.pop(0)}")
    if left and is_back:
        raise StackStateError(f"somebody deployed {name} meanwhile, and it may have taken over {', '.join(left)}")


def _is_there(cloud: Cloud, name: str) -> bool:
    """Whether there is a stack again, which was deleted or was not there when what is deleted was shown."""
    stack = cloud.stack(name)
    return stack is not None and stack.status not in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE")


def _tables_left(name: str, tables: Sequence[str]) -> str:
    if not tables:
        return f"the stack {name} is gone, and so are its tables"
    return (
        f"the stack {name} is gone, the table {tables[0]} may be, "
        f"{', '.join(tables[1:]) or 'nothing else'} is left; `streamer destroy --delete-data` goes on"
    )
