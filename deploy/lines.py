"""How plans, progress and states look on a terminal or in a log: text from data. Pure, but for click's styles."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import click

from streamer.observability.printable import printable

from .cloud import Change, Event, LogEvent, Replacement
from .describe import Status
from .execute import Progress, Said, Ticked, summary
from .package.bundle import RUNTIME_DISTRIBUTIONS, Bundle
from .package.dependencies import canonical
from .planning.differences import Difference, Right
from .planning.drift import Drift, sentences

_SIGNS = {
    "Add": ("+", "green"),
    "Modify": ("~", "yellow"),
    "Remove": ("-", "red"),
    "Import": ("=", "cyan"),
    "SyncWithActual": ("=", "cyan"),
}
_MANY = 12
"""Changes of the same kind that are listed one by one; more are counted by type."""
_WIDE = 100
"""Letters of a value that are shown."""


def progress(step: Progress) -> str | None:
    """A line for a step; None when it deserves none."""
    match step:
        case Said(text):
            return text or None
        case Ticked(event, elapsed_seconds):
            return _tick(event, elapsed_seconds)


def _tick(event: Event, elapsed_seconds: float) -> str | None:
    if event.status.endswith("_FAILED"):
        mark, colour = "✗", "red"
    elif event.status.endswith("_COMPLETE"):
        mark, colour = "✓", "yellow" if "ROLLBACK" in event.status else "green"
    elif "ROLLBACK" in event.status:
        mark, colour = "↩", "yellow"
    else:
        return None
    text = f"{mark} {event.logical_id:<34} {event.resource_type.removeprefix('AWS::'):<32} {event.status.lower()}"
    reason = f"  {event.reason}" if event.reason and event.status.endswith("_FAILED") else ""
    return f"{elapsed_seconds:6.1f} s  {click.style(text, fg=colour)}{reason}"


def changes(found: Sequence[Change], values: Mapping[str, Sequence[Difference]] = MappingProxyType({})) -> list[str]:
    """What a change set does, dangerous things first; ``values`` are what differs, by logical id."""
    if not found:
        return ["no resource changes"]
    ordered = sorted(found, key=lambda change: (_order(change), change.logical_id))
    lines: list[str] = []
    for change in ordered:
        if change.action != "Add" or len(found) <= _MANY:
            lines += [_change(change), *_values(values.get(change.logical_id, ()))]
    added = [change for change in ordered if change.action == "Add"]
    if len(found) > _MANY:
        lines += [click.style(f"  + {count} {name}", fg="green") for name, count in _by_type(added).items()]
    total = ", ".join(f"{count} {word}" for word, count in summary(tuple(found)).items())
    return [*lines, f"  {total}"]


def _values(found: Sequence[Difference]) -> list[str]:
    lines = [f"      {each.path}: {_short(each.before)} -> {_short(each.after)}" for each in found[:_MANY]]
    return lines + ([f"      and {len(found) - _MANY} more values"] if len(found) > _MANY else [])


def _short(value: str | None) -> str:
    if value is None:
        return "(none)"
    line = " ".join(value.split())
    return line if len(line) <= _WIDE else f"{line[: _WIDE - 3]}..."


def drift(found: Sequence[Drift]) -> list[str]:
    """What is not as the stack says, before that is changed."""
    return [f"note: {line}" for _, line in sentences(found)]


def permissions(added: Sequence[Right], removed: Sequence[Right]) -> list[str]:
    """Who may do more, and who may do less; a line for each holder and resource."""
    if not (added or removed):
        return []
    lines = [
        click.style(f"  {sign} {line}", fg=colour)
        for sign, colour, rights in (("+", "yellow", added), ("-", "green", removed))
        for line in _grouped(rights)
    ]
    return ["permissions:", *lines]


def _grouped(rights: Sequence[Right]) -> list[str]:
    actions: dict[tuple[str, ...], list[str]] = {}
    for right in rights:
        key = (right.holder, right.effect, right.principal, right.resource, right.condition)
        actions.setdefault(key, []).append(right.action)
    lines = []
    for (holder, effect, principal, resource, condition), names in actions.items():
        who = f"{principal}, by {holder}," if principal else holder
        verb = "may" if effect == "Allow" else "must not"
        on, when = f" on {resource}" if resource else "", f" if {_short(condition)}" if condition else ""
        lines.append(f"{who} {verb} {', '.join(names)}{on}{when}")
    return lines


def _order(change: Change) -> int:
    if change.action == "Remove" or change.replacement is Replacement.YES:
        return 0
    return {"Modify": 1, "Import": 2}.get(change.action, 3)


def _change(change: Change) -> str:
    sign, colour = _SIGNS.get(change.action, ("?", "white"))
    what = f" ({', '.join(change.properties)})" if change.properties else ""
    if change.replacement is Replacement.YES:
        sign, colour, what = "±", "red", f"{what} is replaced"
    elif change.replacement is Replacement.CONDITIONAL:
        what = f"{what} may be replaced"
    elif change.action == "Import":
        what = " joins the stack as it is"
    elif change.action == "SyncWithActual":
        what = " is as described already, by hand"
    return click.style(f"  {sign} {change.logical_id}  {change.resource_type}{what}", fg=colour)


def _by_type(found: Iterable[Change]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for change in found:
        counts[change.resource_type] = counts.get(change.resource_type, 0) + 1
    return dict(sorted(counts.items()))


def sizes(code: Bundle) -> list[str]:
    """The size report of a bundle."""
    lines = [f"{'':24}{'files':>7}{'unzipped':>14}{'zipped':>14}"]
    lines += [
        f"  {part.name:<22}{part.files:>7}{_kb(part.unzipped_bytes):>14}{_kb(part.zipped_bytes):>14}"
        for part in code.parts
    ]
    total = f"  {'together':<22}{len(code.files):>7}{_kb(code.unzipped_bytes):>14}{_kb(len(code.zipped)):>14}"
    notes = [f"note: {note}" for note in code.notes]
    times = [f"  import {handler}: {ms:,.0f} ms" for handler, ms in code.import_ms.items()]
    return [*lines, total, *times, *notes]


def listing(code: Bundle) -> list[str]:
    """Every file of a bundle and what brought it, and what of the project was left out and why."""
    why = {"runtime": "the runtime of streamer", "project": "the project"}
    why |= {canonical(name): f"{canonical(name)}: needed by the runtime" for name in RUNTIME_DISTRIBUTIONS}
    required = f"requirement, by {code.source}" if code.source else "needed by the runtime"
    lines = [
        f"  {path}  ({why.get(file.part, f'{file.part}: {required}')})" for path, file in sorted(code.files.items())
    ]
    return ["packed:", *lines, "left out:", *(f"  {each.path}  ({each.reason})" for each in code.left_out)]


def _kb(size_bytes: int) -> str:
    return f"{size_bytes / 1024:,.1f} KB"


def outputs(found: Mapping[str, str]) -> list[str]:
    """The stack's outputs, the address first."""
    ordered = sorted(found.items(), key=lambda pair: (pair[0] != "WebSocketUrl", pair[0]))
    return [f"  {name:<26} {value}" for name, value in ordered]


def connecting(found: Mapping[str, str], region: str, *, has_tokens: bool) -> list[str]:
    """How to connect to a stack with these outputs."""
    url, secret = found.get("WebSocketUrl"), found.get("JwtSecretArn")
    if url is None:
        return []
    if not has_tokens:
        return [f'connect: wscat -c "{url}"']
    if secret is None:
        return [f'connect: wscat -c "{url}?Authorization=$TOKEN", with a token of yours']
    fetch = f"aws secretsmanager get-secret-value --region {region} --secret-id {secret}"
    token = f'streamer token --secret "$({fetch} --query SecretString --output text)"'
    return [f'connect: wscat -c "{url}?Authorization=$({token})"']


def status(found: Status) -> list[str]:
    """How a stack is doing."""
    stack = found.stack
    is_good = stack.status.endswith("_COMPLETE") and "ROLLBACK" not in stack.status
    when = f", {_moment(stack.changed_at)}" if stack.changed_at is not None else ""
    lines = [f"{stack.name}: {click.style(stack.status, fg='green' if is_good else 'yellow')}{when}"]
    if stack.reason:
        lines.append(f"  {stack.reason}")
    lines += [click.style(f"  ✗ {r.logical_id} is in {r.status}", fg="red") for r in found.unhealthy]
    lines += [click.style(f"  ✗ {line}", fg="red") for _, line in sentences(found.drift)]
    lines += [f"  note: {note}" for note in found.notes]
    lines += [click.style(f"  alarm: {text}", fg="red") for text in found.alarms] or ["  no alarm rings"]
    for queue, count in found.dead_letters.items():
        lines.append(f"  {queue}: {f'about {count} wait' if count else 'empty'}")
    lines.append("  resources: " + ", ".join(f"{n} {kind.split('::')[-1]}" for kind, n in found.resources.items()))
    return lines + outputs(stack.outputs)


def log_line(event: LogEvent, function: str = "") -> str:
    """A record of a function's log; with the function's name where those of several are shown.

    What clients sent may be in it: nothing that a terminal obeys reaches one, but for ends of lines.
    """
    text = "\n".join(map(printable, event.message.rstrip().replace("\r\n", "\n").split("\n")))
    name = f"{click.style(function, fg='cyan')} " if function else ""
    return f"{click.style(_moment(event.at_ms / 1000), dim=True)} {name}{text}"


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
