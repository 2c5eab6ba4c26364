"""A service as its clients see it: actions, topics, and the schemas of what goes to and fro. Pure."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Final

from streamer.actions import Action, signature_of
from streamer.app import QUEUE_THRESHOLD_SECONDS, App
from streamer.describe.components import REFERENCE, Components, component, other_names, rewritten
from streamer.describe.schemas import Mode, Schema, schema_of
from streamer.errors import ConfigurationError
from streamer.protocol.messages import to_json

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


def named_apart(described: Described, taken: Collection[str]) -> Described:
    """The same service, of whose schemas none is called what a language has taken."""
    names = other_names(described.schemas, taken)
    if not names:
        return described

    def renamed(schema: Schema) -> Schema:
        name = component(schema)
        return {**schema, "$ref": REFERENCE + names[name]} if name in names else schema

    def moved(schema: Schema | None) -> Schema | None:
        found: Schema | None = rewritten(schema, renamed)
        return found

    return replace(
        described,
        actions=tuple(replace(a, payload=moved(a.payload), result=moved(a.result)) for a in described.actions),
        topics=tuple(replace(each, data=moved(each.data)) for each in described.topics),
        schemas={names.get(name, name): rewritten(schema, renamed) for name, schema in described.schemas.items()},
    )


def describe(app: App, default: Info) -> Described:
    """What clients can ask an App for, in the order in which its actions are written.

    Args:
        app: the service.
        default: what it is called where it does not say so itself.

    Raises:
        ConfigurationError: something that it declares has no form in JSON, or no schema.
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
            data=_declared(
                components, topic.data, "serialization", (f"{topic.name} data", f"the data of topic {topic.name!r}")
            ),
        )
        for topic in app.topics.values()
    )
    return Described(info=info, actions=actions, topics=topics, schemas=dict(sorted(components.schemas.items())))


def _action(action: Action, components: Components) -> DescribedAction:
    summary, _, description = (inspect.getdoc(action.function) or "").partition("\n")
    payload = action.schema if action.schema is not None else action.validator
    called, of = (f"{action.name} payload", f"{action.name} result"), f"of action {action.name!r}"
    taken = _declared(components, payload, "validation", (called[0], f"the payload {of}"))
    if action.result is not None:
        result = _declared(components, action.result, "serialization", (called[1], f"the result {of}"))
    else:
        result = _annotated(components, action, called[1])
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
        examples=tuple(_example(each, of) for each in action.examples),
        payload=taken,
        result=result,
    )


_TROUBLE: Final = (TypeError, ValueError, RuntimeError, LookupError, AttributeError, NameError)
"""What making a schema of somebody's declaration raises."""


def _put(components: Components, declared: Any, mode: Mode, name: str) -> Schema | None:
    schema = schema_of(declared, mode)
    return None if schema is None else components.add(json.loads(to_json(schema)), name)


def _declared(components: Components, declared: Any, mode: Mode, words: tuple[str, str]) -> Schema | None:
    """Of what was declared for this: whatever it is, it has to be described.

    Args:
        components: where schemas go.
        declared: a model, a schema, a validator, ...
        mode: whether it is taken or given.
        words: what to call the schema if it has no title, and what it is of.
    """
    try:
        return _put(components, declared, mode, words[0])
    except _TROUBLE as error:
        reason = str(error).partition("\n")[0]
        advice = "data=" if words[1].startswith("the data") else "schema=" if mode == "validation" else "result="
        raise ConfigurationError(f"{words[1]} cannot be described: {reason}; {advice} takes a JSON Schema") from error


def _annotated(components: Components, action: Action, name: str) -> Schema | None:
    """Of an annotation, which was written for readers: nothing is known where it cannot be described."""
    try:
        return _put(components, _returned(action.function), "serialization", name)
    except _TROUBLE:
        return None


def _example(example: Any, of: str) -> Any:
    dump = getattr(example, "model_dump", None)
    try:
        return json.loads(to_json(dump(mode="json", by_alias=True) if callable(dump) else example))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"an example {of} is no JSON: {error}") from error


def _returned(function: Any) -> Any:
    """What its annotation says, whatever those of its arguments name; None: nothing that can be known."""
    function = inspect.unwrap(function)
    try:
        written = {"return": signature_of(function).return_annotation}
        more = getattr(function, "__type_params__", ())
        names = getattr(function, "__globals__", {})
        found = typing.get_type_hints(SimpleNamespace(__annotations__=written, __type_params__=more), globalns=names)
    except (NameError, TypeError, ValueError, AttributeError, SyntaxError):
        return None  # it names what is imported for type checkers only, is no type, or no function of Python's
    return None if found["return"] is inspect.Signature.empty else found["return"]
