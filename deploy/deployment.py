"""Bring a service to AWS, and take it away again: the order of things, between whoever asks and AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from . import console, describe
from .changes import require_named, require_safe
from .cloud import Cloud
from .config import Config
from .errors import DeployError, StoppedError
from .execute import Cargo, Performer, Report, sentence
from .package.bundle import Bundle
from .plan import SERVICE_TAG, STAGE_TAG, Found, RemoveFailedStack, has_value, plan
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
        _bring(cloud, desk, wish, performer)


def _bring(cloud: Cloud, desk: Desk, wish: Wish, performer: Performer) -> None:
    config, service, code = wish.config, wish.service, wish.code
    found = describe.find(cloud, want(config, service, code, frozenset(wish.values)), service.topology)
    values = _asked(desk, wish, found)
    made = plan(want(config, service, code, frozenset(values)), found, inline_bytes=INLINE_BYTES)
    require_named(wish.allowed, found.template or {}, service.template)
    desk.say(*(f"note: {note}" for note in made.notes))
    remains = next((step for step in made.steps if isinstance(step, RemoveFailedStack)), None)
    if remains is not None and not desk.confirm(f"{sentence(remains).capitalize()}?"):
        raise StoppedError("not deployed")
    cargo = Cargo(
        zipped=code.zipped,
        template=to_json(service.template),
        values=values,
        role_arn=config.cloudformation_role,
        tags={**config.tags, SERVICE_TAG: config.service, STAGE_TAG: config.stage},
    )
    change_set = performer.prepare(made, cargo, found.account)
    if change_set is None:
        desk.say(f"nothing to do: {config.stack} runs exactly this already")
        desk.say(*console.outputs(found.stack.outputs if found.stack is not None else {}))
        return
    require_safe(change_set.changes, made.expected, wish.allowed)
    desk.say(*console.changes(change_set.changes))
    if not desk.confirm("Deploy this?"):
        raise StoppedError("not deployed")
    stack = performer.apply(change_set)
    desk.say(f"{config.stack} is deployed", *console.outputs(stack.outputs))
    desk.say(*console.connecting(stack.outputs, found.account.region, has_tokens=service.has_tokens))


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


def take_away(cloud: Cloud, desk: Desk, name: str, named_tables: Sequence[str], *, with_data: bool) -> None:
    """Delete a stack, and its tables if ``with_data``.

    Raises:
        DeployError: every end but success, and the message says what AWS does now.
    """
    performer = desk.performer(cloud)
    with performer.accountable():
        ruin = describe.what_is_left(cloud, name, named_tables)
        desk.say(f"delete the stack {name}" if ruin.stack else f"there is no stack {name} any more")
        desk.say(*(f"{'delete' if with_data else 'keep'} the table {table}" for table in ruin.tables))
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
