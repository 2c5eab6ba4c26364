"""Changes of requests as DynamoDB expressions. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamer.requests.lifecycle import FAR_SECONDS, Change, Precondition
from streamer.stores.items import Item, Value, attribute_of, request_value


@dataclass(slots=True)
class _Placeholders:
    """Stands in for attribute names (many of ours are reserved words) and values; equal ones share a placeholder."""

    names: dict[str, str] = field(default_factory=dict)
    values: Item = field(default_factory=dict)

    def name(self, field_name: str) -> str:
        attribute = attribute_of(field_name)
        self.names[f"#{attribute}"] = attribute
        return f"#{attribute}"

    def value(self, value: Value) -> str:
        for placeholder, known in self.values.items():
            if known == value:
                return placeholder
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = value
        return placeholder


@dataclass(frozen=True, slots=True)
class UpdateArguments:
    """The arguments of ``UpdateItem`` that express a change."""

    update: str
    condition: str
    names: dict[str, str]
    values: Item


def update_of(change: Change) -> UpdateArguments:
    """Express a change as one conditional update."""
    placeholders = _Placeholders()
    condition = " OR ".join(f"({_condition(precondition, placeholders)})" for precondition in change.preconditions)
    sets, removes = [], []
    for field_name, value in change.values.items():
        name = placeholders.name(field_name)
        if value is None:
            removes.append(name)
        else:
            sets.append(f"{name} = {placeholders.value(request_value(field_name, value))}")
    if change.begins_attempt:
        name = placeholders.name("attempt")
        sets.append(f"{name} = {name} + {placeholders.value(request_value('attempt', 1))}")
    clauses = [("SET", sets), ("REMOVE", removes)]
    for word, listeners in (("ADD", change.joining), ("DELETE", change.leaving)):
        if listeners:
            name = placeholders.name("listeners")
            clauses.append((word, [f"{name} {placeholders.value(request_value('listeners', listeners))}"]))
    update = " ".join(f"{word} {', '.join(actions)}" for word, actions in clauses if actions)
    return UpdateArguments(update, condition, placeholders.names, placeholders.values)


def _condition(precondition: Precondition, placeholders: _Placeholders) -> str:
    statuses = [placeholders.value(request_value("status", status)) for status in sorted(precondition.statuses)]
    terms = [f"{placeholders.name('status')} IN ({', '.join(statuses)})"]
    if precondition.attempt is not None:
        terms.append(
            f"{placeholders.name('attempt')} = {placeholders.value(request_value('attempt', precondition.attempt))}"
        )
    if precondition.due_by is not None:
        name = placeholders.name("due_at")
        moment, far = (
            placeholders.value(request_value("due_at", precondition.due_by + further)) for further in (0.0, FAR_SECONDS)
        )
        # False for an absent attribute, as `lifecycle.is_due` has it.
        terms.append(f"({name} <= {moment} OR {name} > {far})")
    return " AND ".join(terms)
