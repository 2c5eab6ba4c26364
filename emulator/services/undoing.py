"""What of a description goes on by itself once it is described no more: operations that end it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import structs

from .calls import UNSUBSCRIBE, Call

_SUBSCRIBER: Final = ("TopicArn", "Protocol", "Endpoint")
_RULE: Final = ("Rule", "EventBusName")
_BUCKET: Final = ("Bucket",)
_SCHEDULE: Final = ("Name", "GroupName")
_NOTIFY: Final = "put_bucket_notification_configuration"
_DEFAULTS: Final = {"FilterPolicy": "{}", "FilterPolicyScope": "MessageAttributes", "RawMessageDelivery": "false"}
_End = Callable[[Call, Mapping[str, Any]], Call | None]


def undone(before: Iterable[Call], after: Iterable[Call]) -> tuple[Call, ...]:
    """What ends that is described ``before`` and not ``after``: subscriptions, targets, schedules, notifications.

    What only keeps something, such as a bucket, stays, and so does what is retained. Nobody is told by a bucket or a
    topic that is gone itself.
    """
    calls, kept = tuple(before), tuple(after)
    return (
        *_gone(calls, kept, "subscribe", _SUBSCRIBER, lambda call, where: _call(call, UNSUBSCRIBE, **where)),
        *_without_targets(calls, kept),
        *_gone(calls, kept, "create_schedule", _SCHEDULE, lambda call, where: _call(call, "delete_schedule", **where)),
        *_gone(calls, kept, _NOTIFY, _BUCKET, lambda call, where: _silent(call, where, kept)),
    )


def with_defaults(new: Iterable[Call], before: Iterable[Call]) -> tuple[Call, ...]:
    """What is made anew, of subscribers with the defaults of what they had ``before`` and have no more."""
    known = {tuple(_where(each, _SUBSCRIBER).items()): each for each in before if each.operation == "subscribe"}
    return tuple(_as_now(each, known.get(tuple(_where(each, _SUBSCRIBER).items()))) for each in new)


def _as_now(call: Call, earlier: Call | None) -> Call:
    if call.operation != "subscribe" or earlier is None:
        return call
    given = call.parameters.get("Attributes") or {}
    lost = {name: _DEFAULTS.get(name, "") for name in earlier.parameters.get("Attributes") or {} if name not in given}
    return structs.replace(call, parameters={**call.parameters, "Attributes": {**lost, **given}})


def _gone(
    before: Iterable[Call], after: Iterable[Call], operation: str, names: tuple[str, ...], end: _End
) -> Iterator[Call]:
    """What ends each that an operation made, as its names tell it apart, and that is described no more."""
    left = [_where(each, names) for each in after if each.operation == operation]
    for each in before:
        where = _where(each, names)
        if each.operation != operation or each.is_retained or where in left:
            continue
        if (found := end(each, where)) is not None:
            yield found


def _without_targets(before: Iterable[Call], after: Iterable[Call]) -> Iterator[Call]:
    """Rules lose the targets that they name no more; one that is described no more is deleted."""
    left = [(_where(each, _RULE), _ids(each)) for each in after if each.operation == "put_targets"]
    for each in before:
        if each.operation != "put_targets":
            continue
        where = _where(each, _RULE)
        named = next((ids for rule, ids in left if rule == where), None)
        if named is None and each.is_retained:
            continue
        if ids := [target for target in _ids(each) if target not in (named or ())]:
            yield _call(each, "remove_targets", **where, Ids=ids)
        if named is None:
            bus = {name: value for name, value in where.items() if name != "Rule"}
            yield _call(each, "delete_rule", Name=where["Rule"], **bus)


def _silent(call: Call, where: Mapping[str, Any], after: Iterable[Call]) -> Call | None:
    is_here = any(each.operation == "create_bucket" and _where(each, _BUCKET) == where for each in after)
    return _call(call, _NOTIFY, **where, NotificationConfiguration={}) if is_here else None


def _call(of: Call, operation: str, **parameters: Any) -> Call:
    return Call(service=of.service, operation=operation, parameters=parameters, resource=of.resource)


def _ids(call: Call) -> list[str]:
    return [str(each["Id"]) for each in call.parameters["Targets"]]


def _where(call: Call, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: call.parameters[name] for name in names if name in call.parameters}
