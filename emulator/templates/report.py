"""What of a project is emulated, ignored, missing and to be checked, in a few lines. Pure."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Final

from streamer.topology.http_apis import HttpKind

from .project import Read
from .resources.kind import Meaning
from .stack import Stack
from .topology import counted

LINES: Final = 12
"""Most lines before the rest is only counted."""
_WIDTH: Final = 10
_NAMES: Final = 5
"""Most names of functions on a line before the rest is only counted."""
_ROUTES: Final = 8
"""Likewise most routes of an HTTP or REST API."""
_ONLY_NAMES: Final = re.compile(r"\w+(, \w+)*")
OF_ROLES: Final = (
    *("IAM role", "IAM policy", "Lambda permission", "bucket policy", "queue policy", "topic policy"),
    *("event bus policy", "stream policy"),
)
"""What says what functions may do, by its noun."""
_OF_SERVICES: Final = (
    *("bucket", "topic", "subscription", "event bus", "Kinesis stream", "stored parameter", "secret", "key"),
    *("state machine", "user pool"),
)
"""What is emulated outside of the topology, by its noun."""


def report(read: Read, *, all_lines: bool = False, without: Container[str] = ()) -> list[str]:
    """The list. With ``all_lines`` nothing is left out; nouns ``without`` are told elsewhere."""
    stacks = [each for top in read.stacks for each in top.all()]
    names = ", ".join(stack.name for stack in read.stacks)
    head = f"{read.project.name} ({', '.join(read.formats)}), stack {names}, {read.region}"
    lines = [_line("emulated", _emulated(read, all_lines))]
    counted_nouns = counted(stacks, Meaning.IGNORED)
    idle = counted(stacks, Meaning.EMULATED).get("function", 0) - len(read.described.topology.functions)
    counted_nouns |= {"provider function": idle} if idle else {}
    ignored = counts({noun: count for noun, count in counted_nouns.items() if noun not in without})
    lines += [_line("ignored", ignored)] if ignored else []
    lines += [_line("missing", text) for text in _missing(stacks)]
    shown = str if all_lines else brief
    lines += [_line("not run", shown(text)) for text in _not_run(read)]
    lines += [_line("check", shown(text)) for text in (*_regions(read), *_versions(read), *read.warnings)]
    if not all_lines and len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"and {len(lines) - LINES + 1} more, see --check"]
    return [head, *lines]


def brief(text: str) -> str:
    """What is said of functions, with the first few of their names where it begins with many."""
    names, colon, said = text.partition(": ")
    return f"{_first(names.split(', '), _NAMES)}: {said}" if colon and _ONLY_NAMES.fullmatch(names) else text


def _first(names: Sequence[str], most: int) -> str:
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def of_roles(held: int, everything: int, warnings: Iterable[str]) -> list[str]:
    """How many functions, of how many, may do what their roles allow and nothing else, and why not all."""
    are = "function is held to its role" if everything == 1 else "functions are held to their roles"
    return [_line("roles", f"{held} of {everything} {are}"), *(_line("check", text) for text in warnings)]


def ids(read: Read) -> dict[str, dict[str, Any]]:
    """Logical id to physical id and meaning, for programs."""
    stacks = [each for top in read.stacks for each in top.all()]
    several = len(stacks) > 1
    return {
        f"{stack.name}/{name}" if several else name: {"id": resource.ref, "state": resource.kind.meaning.value}
        for stack in stacks
        for name, resource in stack.resources.items()
    }


def outputs(read: Read) -> dict[str, Any]:
    """Outputs of all stacks; those of several by their stack's name."""
    if len(read.stacks) == 1:
        return dict(read.stacks[0].outputs)
    return {f"{stack.name}.{name}": value for stack in read.stacks for name, value in stack.outputs.items()}


def _line(title: str, text: str) -> str:
    return f"{title:<{_WIDTH}} {text}"


def _emulated(read: Read, all_lines: bool) -> str:
    topology = read.described.topology
    asked = Counter(call.operation for call in read.described.services)
    parts = []
    for api, logical_id in zip(topology.all_apis(), read.described.api_ids, strict=True):
        routes = [route.route_key for route in api.routes]
        routes += ["authorizer"] if api.authorizers else []
        parts.append(f"{logical_id}: {', '.join(routes) or 'no routes'}")
    for http_api in topology.http_apis:
        routes = [route.key for route in http_api.routes if route.fixed is None]
        told = _first(routes, len(routes) if all_lines else _ROUTES) or "no routes"
        what = "" if http_api.kind is HttpKind.URL else f": {told}"
        parts.append(f"{http_api.name}, {http_api.kind.value}{what}")
    runtimes = Counter(_runtimes(read).values())
    run = ", ".join(f"{count} {name}" for name, count in sorted(runtimes.items()))
    parts.append(f"{_count(len(topology.functions), 'function')} ({run})" if run else "no functions")
    sources = (*topology.event_source_mappings, *topology.kinesis_mappings, *topology.queue_mappings)
    for number, noun in (
        (len(topology.tables), "table"),
        (len(topology.queues), "queue"),
        (len(sources), "event source"),
        (len(topology.schedules) + asked["create_schedule"], "schedule"),
    ):
        if number:
            parts.append(_count(number, noun))
    found = counted((each for top in read.stacks for each in top.all()), Meaning.EMULATED)
    parts += [_count(found[noun], noun) for noun in _OF_SERVICES if noun in found]
    parts += [_count(asked["put_rule"], "rule")] if asked["put_rule"] else []
    return "; ".join(parts)


def _runtimes(read: Read) -> dict[str, str]:
    """Runtimes of the functions that there are, by their names."""
    found, names = {}, {function.name for function in read.described.topology.functions}
    for stack in (each for top in read.stacks for each in top.all()):
        for resource in stack.resources.values():
            if resource.type == "AWS::Lambda::Function" and resource.name in names:
                found[resource.name] = str(resource.properties.get("Runtime", "image"))
    return found


def _regions(read: Read) -> list[str]:
    """Regions that the project is deployed to, and is not emulated in."""
    other = sorted({*read.project.regions} - {read.region})
    return [f"stacks of {', '.join(other)} are emulated in {read.region}"] if other else []


def _versions(read: Read) -> list[str]:
    """Functions in another Python or Node.js than those of this machine."""
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    found = set(_runtimes(read).values())
    other = sorted(name for name in found if name.startswith("python") and name != own)
    lines = [f"functions of {', '.join(other)} run in this interpreter, {own}"] if other else []
    if read.node is not None:
        other = sorted(name for name in found if name.startswith("nodejs") and name != f"nodejs{read.node}.x")
        lines += [f"functions of {', '.join(other)} run in Node.js {read.node}, which is on the PATH"] if other else []
    return lines


def _not_run(read: Read) -> list[str]:
    """Functions that are not run, those of one reason together."""
    logical = {
        resource.name: name
        for stack in (each for top in read.stacks for each in top.all())
        for name, resource in stack.resources.items()
    }
    reasons: dict[str, list[str]] = {}
    for function in read.described.topology.functions:
        if function.unavailable is not None:
            reasons.setdefault(function.unavailable, []).append(logical[function.name])
    return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _missing(stacks: Iterable[Stack]) -> list[str]:
    return [
        f"{resource.type} {name}: it is not emulated, its names are made up"
        for stack in stacks
        for name, resource in stack.resources.items()
        if resource.kind.meaning is Meaning.MISSING and name != "ServerlessDeploymentBucket"
    ]


def counts(found: Mapping[str, int]) -> str:
    """Nouns with their numbers, most first."""
    return ", ".join(_count(number, noun) for noun, number in sorted(found.items(), key=lambda each: -each[1]))


def _count(number: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith(("cy", "ry")) else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
