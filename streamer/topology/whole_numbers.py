"""Where AWS takes whole numbers only. Pure: no I/O."""

from __future__ import annotations

import dataclasses
from typing import Any

from streamer.errors import TopologyError
from streamer.topology import Topology


def require_whole_numbers(topology: Topology) -> None:
    """Fields that are ``int`` are integers of AWS's, which refuses others.

    [DOC] lambda-api:CreateFunction, sqs-api:CreateQueue, apigwv2-api:RouteSettings

    Raises:
        TopologyError: one of them has a fraction.
    """
    things: list[Any] = [
        *topology.functions, *topology.queues, *topology.buckets, *topology.schedules,
        *topology.event_source_mappings, *topology.kinesis_mappings, *topology.queue_mappings,
        *topology.async_invocations,
    ]  # fmt: skip
    for api in topology.all_apis():
        things += filter(None, (api.throttle, *(route.throttle for route in api.routes)))
    for thing in things:
        for field in dataclasses.fields(thing):
            value = getattr(thing, field.name)
            if field.type in ("int", "int | None") and isinstance(value, float) and not value.is_integer():
                name, kind = getattr(thing, "name", None), type(thing).__name__
                whose = kind if name is None else f"{kind}({name!r})"
                raise TopologyError(f"{whose}: {field.name} must be a whole number, not {value}")
