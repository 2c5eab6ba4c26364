"""The dispatcher function: starts runs of queued requests, where the processor's concurrency is reserved.

Then what the processor has is for work alone: however much of it waits, the stream is read and the sweep goes on. It
loads neither the user's code nor secrets.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from streamer.handlers.dispatching import Dispatching
from streamer.handlers.events import LambdaContext
from streamer.handlers.setup import Environment, Once
from streamer.handlers.sweep import Sweep
from streamer.observability import Logger
from streamer.requests.runs import SWEEP, row_changes


class DispatcherHandler:
    """Dispatches stream records, and sweeps."""

    def __init__(self, *, dispatching: Dispatching, sweep: Sweep, log: Logger) -> None:
        self._dispatching = dispatching
        self._sweep = sweep
        self._log = log

    def __call__(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any] | None:
        """Handle a stream event (the result names the records to send again) or a sweep."""
        log = self._log.bind(invocation_id=context.aws_request_id)
        if SWEEP in event:
            self._sweep(log)
            return None
        return {"batchItemFailures": self._dispatching.stream(row_changes(event), log)}


def _build() -> DispatcherHandler:
    environment = Environment()
    environment.prepare()
    dispatching = Dispatching(environment.processor)
    return DispatcherHandler(
        dispatching=dispatching,
        sweep=Sweep(dispatching, requests=environment.requests, clock=time.time),
        log=environment.log,
    )


_handler = Once(_build)
_handler.in_init()


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """The Lambda function."""
    return _handler()(event, context)
