"""What can change in the description of a service that runs. Pure."""

from __future__ import annotations

from typing import Any

from streamer.errors import ConfigurationError
from streamer.topology import Topology
from streamer.topology.grants import grants


def refuse(before: Topology, after: Topology, *, moves: bool, rights: bool) -> None:
    """Refuse what needs a restart: other addresses of APIs, other functions, other rights of functions.

    Args:
        before: How it runs now.
        after: How it should.
        moves: Whether addresses are kept.
        rights: Whether functions are held to what the topology granted at the start.

    Raises:
        ConfigurationError: it needs a restart.
    """
    if moves:
        _refuse_moves(before, after)
    if rights:
        _refuse_new_rights(before, after)


def _refuse_moves(before: Topology, after: Topology) -> None:
    old = [(api.name, api.api_id, api.stage) for api in before.all_apis()]
    new = [(api.name, api.api_id, api.stage) for api in after.all_apis()]
    if old != new:
        raise ConfigurationError("the APIs, their ids or their stages changed, which takes effect at the next start")


def _refuse_new_rights(before: Topology, after: Topology) -> None:
    old, new = _rights(before), _rights(after)
    changed = sorted(name for name in new if new[name] != old.get(name))
    if changed:
        raise ConfigurationError(
            f"function {changed[0]} is new or may do other things now: that takes effect at the next start, "
            "or with --iam off"
        )


def _rights(topology: Topology) -> dict[str, Any]:
    return {function.name: grants(topology, function) for function in topology.functions}


def read_by(topology: Topology) -> tuple[Any, ...]:
    """What decides about the readers of streams, queues and the clock."""
    streams = [table for table in topology.tables if table.stream is not None]
    mappings = (topology.event_source_mappings, topology.kinesis_mappings, topology.queue_mappings)
    return (*mappings, topology.schedules, streams, topology.queues)
