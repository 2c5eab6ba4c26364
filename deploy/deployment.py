"""Bring a service to AWS, and take it away again: the order of things, between whoever asks and AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from . import console, describe
from .changes import require_named, require_safe
from .cloud import Cloud
from .config import Config
from .drift import API, STAGE, Drift
from .errors import DeployError, StoppedError
from .execute import Carried, Performer, Report, sentence
from .package.bundle import Bundle
from .plan import Found, RemoveFailedStack, Wanted, has_value, plan, require_described, tags_of
from .project import Service, want
from .stack.template import INLINE_BYTES, to_json


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
    """Tables that are to be taken over although they do not say whose they are."""

    def wanted(self, given: Iterable[str]) -> Wanted:
        """What should be on AWS, when these parameters have values."""
        return want(self.config, self.service, self.code, frozenset(given), self.adopt)


def require_length(service: Service, name: str, value: str) -> None:
    """Refuse a value that is too short for its parameter.

    Raises:
        DeployError: it is; the message does not hold the value.
    """
    shortest = service.shortest(name)
    if len(value) < shortest:
        raise DeployError(f"{name} must have at least {shortest} characters; it has {len(value)}")


def bring(cloud: Cloud, desk: Desk, wish: Wish) -> None:
    """Deploy.

    Raises:
        DeployError: every end but success, and the message says what AWS does now.
    """
    performer = desk.performer(cloud)
    with performer.accountable():
        drift = _bring(cloud, desk, wish, performer)
    if drift:
        _set_back(cloud, desk, wish.config.stack)


def _bring(cloud: Cloud, desk: Desk, wish: Wish, performer: Performer) -> tuple[Drift, ...]:
    """Deploy; what was not as the stack says before."""
    config, service, code = wish.config, wish.service, wish.code
    found = describe.find(cloud, wish.wanted(wish.values), service.topology)
    values = _asked(desk, wish, found)
    made = plan(wish.wanted(values), found, inline_bytes=INLINE_BYTES)
    require_named(wish.allowed, found.template or {}, service.template)
    require_described(wish.adopt, service.template)
    desk.say(*(f"note: {each.logical_id} {each.what}" for each in found.drift))
    desk.say(*(f"note: {note}" for note in made.notes))
    remains = next((step for step in made.steps if isinstance(step, RemoveFailedStack)), None)
    if remains is not None and not desk.confirm(f"{sentence(remains).capitalize()}?"):
        raise StoppedError("not deployed")
    carried = Carried(
        zipped=code.zipped,
        template=to_json(service.template),
        values=values,
        role_arn=config.cloudformation_role,
        tags={**config.tags, **tags_of(config.service, config.stage)},
    )
    change_set = performer.prepare(made, carried, found.account)
    if change_set is None:
        what = "is described exactly like this, but for what is noted above" if found.drift else "runs exactly this"
        desk.say(f"nothing to do: {config.stack} {what} already")
        desk.say(*console.outputs(found.stack.outputs if found.stack is not None else {}))
        return found.drift
    require_safe(change_set.changes, made.expected, wish.allowed)
    desk.say(*console.changes(change_set.changes))
    if not desk.confirm("Deploy this?"):
        raise StoppedError("not deployed")
    stack = performer.apply(change_set)
    desk.say(f"{config.stack} is deployed", *console.outputs(stack.outputs))
    desk.say(*console.connecting(stack.outputs, found.account.region, has_tokens=service.has_tokens))
    return found.drift


def _set_back(cloud: Cloud, desk: Desk, stack: str) -> None:
    """Make what was changed by hand as the stack says: CloudFormation itself sees no change.

    Raises:
        DeployError: AWS refuses, or Ctrl-C; the stack itself is as it was deployed.
    """
    state = f"{stack} itself is deployed; what was noted above may not all be set back"
    try:
        resources = cloud.resources(stack)
        drift, _ = describe.drift_of(cloud, cloud.deployed_template(stack), resources)
        apis = [each.physical_id for each in resources if each.resource_type == API]
        for each in drift:
            if not each.repair:
                desk.say(f"{each.logical_id} {each.what}; nothing but your own hand sets that back")
            elif desk.confirm(f"Set {each.logical_id} back to what the stack says?"):
                _repair(cloud, each, apis)
                desk.say(f"set {each.logical_id} back")
            else:
                desk.say(f"left {each.logical_id} as it is")
    except KeyboardInterrupt:
        raise StoppedError(f"stopped; {state}") from None
    except DeployError as exc:
        raise type(exc)(f"{exc}; {state}") from exc


def _repair(cloud: Cloud, drift: Drift, apis: Sequence[str]) -> None:
    if drift.resource_type == STAGE:
        cloud.set_stage(apis[0], drift.physical_id, drift.repair)
    else:
        cloud.set_function(drift.physical_id, drift.repair)


def _asked(desk: Desk, wish: Wish, found: Found) -> dict[str, str]:
    """The values, with those asked for that neither this run nor the stack has."""
    values = dict(wish.values)
    for name, variable in wish.service.secret_variables.items():
        if name in values or has_value(found.stack, name):
            continue
        value = desk.secret(variable, wish.service.shortest(name))
        if value is not None:
            require_length(wish.service, name, value)
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
        desk.say(f"delete the stack {name}" if ruin.stack else f"there is no stack {name} any more")
        desk.say(*(f"{'delete' if with_data else 'keep'} the table {table}" for table in ruin.tables))
        desk.say(*(f"keep the table {each}: by its tags it may be somebody else's" for each in ruin.strangers))
        if not desk.type_name(name):
            raise DeployError("that is not the name")
        if ruin.stack is not None:
            performer.remove(name, ruin.stack.stack_id)
    left = list(ruin.tables) if with_data else []
    while left:
        try:
            cloud.delete_table(left[0])
        except KeyboardInterrupt:
            raise StoppedError(f"stopped; {_tables_left(name, left)}") from None
        except DeployError as exc:
            raise type(exc)(f"{exc}; {_tables_left(name, left)}") from exc
        desk.say(f"deleted the table {left.pop(0)}")
    if ruin.tables and not with_data:
        desk.say(
            "the tables stay; `streamer deploy` takes them over again, `streamer destroy --delete-data` deletes them"
        )


def _tables_left(name: str, tables: Sequence[str]) -> str:
    return (
        f"the stack {name} is gone, the table {tables[0]} may be, "
        f"{', '.join(tables[1:]) or 'nothing else'} is left; `streamer destroy --delete-data` goes on"
    )
