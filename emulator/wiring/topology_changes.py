"""What can change in the description of a service that runs. Pure."""

from __future__ import annotations

from typing import Any

from streamer.errors import ConfigurationError
from streamer.topology import Topology


def refuse_moves(before: Topology, after: Topology) -> None:
    """Refuse other addresses of APIs.

    Raises:
        ConfigurationError: there are such, which needs a restart.
    """
    old = [(api.name, api.api_id, api.stage) for api in before.all_apis()]
    new = [(api.name, api.api_id, api.stage) for api in after.all_apis()]
    if old != new:
        raise ConfigurationError("the APIs, their ids or their stages changed, which takes effect at the next start")


def read_by(topology: Topology) -> tuple[Any, ...]:
    """What decides about the readers of streams, queues and the clock."""
    streams = [table for table in topology.tables if table.stream is not None]
    mappings = (topology.event_source_mappings, topology.kinesis_mappings, topology.queue_mappings)
    return (*mappings, topology.schedules, streams, topology.queues, topology.found_tables)
