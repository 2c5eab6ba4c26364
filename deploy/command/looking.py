"""The commands ``status`` and ``logs``, which change nothing."""

from __future__ import annotations

import time
from typing import Any

import click

from streamer.errors import ConfigurationError

from .. import describe, lines
from .. import logs as log
from ..config import Config
from ..project import load_service
from ..stack.template import to_json
from .options import WithExamples, cloud_of, config_of, of_stack, say


@click.command(cls=WithExamples, epilog="streamer status --stage prod\nstreamer status --json | jq .alarms")
@of_stack
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def status(*, as_json: bool, **said: Any) -> None:
    """Show how the stack is doing: its state, alarms, dead letters and addresses."""
    config = config_of(**said)
    found = describe.status(cloud_of(config), config.stack)
    say(*([to_json(fields(found), indent=2)] if as_json else lines.status(found)))


def fields(found: describe.Status) -> dict[str, Any]:
    """How a stack is doing, as documented for ``streamer status --json``. Parameters are not told."""
    stack = found.stack
    return {
        "stack": stack.name,
        "stack_id": stack.stack_id,
        "status": stack.status,
        "reason": stack.reason,
        "changed_at": stack.changed_at,
        "is_protected": stack.is_protected,
        "outputs": dict(stack.outputs),
        "tags": dict(stack.tags),
        "resources": dict(found.resources),
        "unhealthy": [{"logical_id": each.logical_id, "status": each.status} for each in found.unhealthy],
        "alarms": list(found.alarms),
        "dead_letters": dict(found.dead_letters),
        "drift": [{"logical_id": each.logical_id, "what": each.what} for each in found.drift],
        "notes": list(found.notes),
    }


@click.command(cls=WithExamples, epilog="streamer logs router --since 1h\nstreamer logs --follow --filter ERROR")
@click.argument("function", required=False)
@of_stack
@click.option("--follow", "-f", is_flag=True, help="Go on showing new lines until Ctrl-C.")
@click.option(
    "--since", metavar="DURATION", default="10m", show_default=True, help="How far back, such as 30s, 15m, 2h or 1d."
)
@click.option(
    "--filter", "pattern", help="Filter pattern of CloudWatch Logs, such as ERROR or '{ $.level = \"ERROR\" }'."
)
def logs(function: str | None, *, follow: bool, since: str, pattern: str | None, **said: Any) -> None:
    """Show the log lines of FUNCTION, such as connect or router; without one, those of all functions, by time."""
    config = config_of(**said)
    if function is not None and said["stack_name"] is None:  # which may be that of another service
        _require_function(config, function)
    window = log.Window(log.ago_ms(since, time.time_ns() // 1_000_000))
    cloud, prefix = cloud_of(config), f"/aws/lambda/{config.stack}-"
    groups = [f"{prefix}{function}"] if function is not None else describe.function_logs(cloud, config.stack)
    width = max((len(group.removeprefix(prefix)) for group in groups), default=0)
    is_silent = True
    for event in log.lines(cloud, groups, window, pattern=pattern, follow=follow, sleep=time.sleep):
        is_silent = False
        say(lines.log_line(event, event.group.removeprefix(prefix).ljust(width) if function is None else ""))
    if is_silent:
        click.echo(f"streamer: there are no such lines of the last {since}; see --since", err=True)


def _require_function(config: Config, function: str) -> None:
    try:
        topology = load_service(config).topology
    except (
        ConfigurationError
    ):  # code that is not here, or broken just now, is no reason not to look at what is deployed
        return
    log.require_function(function, [each.name for each in topology.functions])
