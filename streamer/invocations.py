"""The events that the processor is invoked with besides those of the stream. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamer.records import RequestKey

RUN: Final = "streamer:run"
"""The member of an event that makes it a run event; no stream or API Gateway event has one of that name."""

SWEEP: Final = "streamer:sweep"
"""The member of an event that makes the processor look for requests that nobody sees to."""

SWEEP_EVENT: Final[Mapping[str, Any]] = {SWEEP: {}}
"""What the schedule invokes the processor with."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of one request that somebody asks for. It may come twice, late or in vain."""

    key: RequestKey
    not_before: float | None = None
    """Unix seconds; None: at once."""
    tells: bool = False
    """Whether to tell how the request ended, if it has, because nobody else does: it was cancelled."""


def run_event(key: RequestKey, *, not_before: float | None = None, tells: bool = False) -> dict[str, Any]:
    """The event that makes the processor run a request; see `Run`."""
    run: dict[str, Any] = {"key": {"owner": key.owner, "request_id": key.request_id}}
    if not_before is not None:
        run["not_before"] = not_before
    if tells:
        run["tells"] = True
    return {RUN: run}


def run_of(event: Mapping[str, Any]) -> Run:
    """What a run event asks for."""
    run = event[RUN]
    key = RequestKey(run["key"]["owner"], run["key"]["request_id"])
    return Run(key, run.get("not_before"), run.get("tells", False))
