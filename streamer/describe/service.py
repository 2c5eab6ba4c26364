"""A service as its clients see it: actions, topics, and the schemas of what goes to and fro. Pure."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from streamer.actions import Action
from streamer.app import QUEUE_THRESHOLD_SECONDS, App
from streamer.describe.schemas import Components, Schema, schema_of

VERSION: Final = 1
"""Of the JSON document; a reader of version 1 can read every document that says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What the service is called."""

    title: str
    version: str = "0.0.0"
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedAction:
    """An action as its callers see it."""

    name: str
    summary: str = ""
    description: str = ""
    queued: bool = False
    permissions: tuple[str, ...] = ()
    max_attempts: int = 1
    timeout_seconds: float | None = None
    cancel_on_disconnect: bool = False
    deprecated: bool = False
    examples: tuple[Any, ...] = ()
    """Payloads."""
    payload: Schema | None = None
    """None: nothing is known of it."""
    result: Schema | None = None
    """None: nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedTopic:
    """A topic that the service says it publishes to."""

    name: str
    description: str = ""
    data: Schema | None = None
    """None: nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A service as its clients see it. References in schemas look like ``#/schemas/Name``."""

    info: Info
    actions: tuple[DescribedAction, ...] = ()
    topics: tuple[DescribedTopic, ...] = ()
    schemas: Mapping[str, Schema] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The plain, stable list for tools."""
        return {"describe": VERSION, **asdict(self)}


def describe(app: App, default: Info) -> Described:
    """What clients can ask an App for, in the order in which its actions are written.

    Args:
        app: the service.
        default: what it is called where it does not say so itself.
    """
    components = Components()
    info = Info(
        title=app.title or default.title,
        version=app.version or default.version,
        description=app.description or default.description,
    )
    actions = tuple(_action(action, components) for action in app.actions.values())
    topics = tuple(
        DescribedTopic(
            name=topic.name,
            description=topic.description,
            data=_put(components, schema_of(topic.data, "serialization"), f"{topic.name} data"),
        )
        for topic in app.topics.values()
    )
    return Described(info=info, actions=actions, topics=topics, schemas=dict(sorted(components.schemas.items())))


def _action(action: Action, components: Components) -> DescribedAction:
    summary, _, description = (inspect.getdoc(action.function) or "").partition("\n")
    payload = action.schema if action.schema is not None else action.validator
    result = action.result if action.result is not None else _returned(action.function)
    return DescribedAction(
        name=action.name,
        summary=summary,
        description=description.strip(),
        queued=action.is_queued(QUEUE_THRESHOLD_SECONDS),
        permissions=tuple(sorted(action.permissions)),
        max_attempts=action.max_attempts,
        timeout_seconds=action.timeout_seconds,
        cancel_on_disconnect=action.cancel_on_disconnect,
        deprecated=action.deprecated,
        examples=action.examples,
        payload=_put(components, schema_of(payload, "validation"), f"{action.name} payload"),
        result=_put(components, schema_of(result, "serialization"), f"{action.name} result"),
    )


def _put(components: Components, schema: Schema | None, name: str) -> Schema | None:
    return None if schema is None else components.add(schema, name)


def _returned(function: Any) -> Any:
    try:
        hints = typing.get_type_hints(inspect.unwrap(function))
    except (NameError, TypeError, AttributeError):
        return None  # it is annotated with what is imported for type checkers only, or is no function of Python's
    if "return" not in hints:
        return None
    found = hints["return"]
    return type(None) if found is None else found
