"""CloudWatch metrics as log lines in Embedded Metric Format (EMF): no call, no permission, no library.

[DOC] AmazonCloudWatch: CloudWatch_Embedded_Metric_Format_Specification
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TextIO

from streamer.observability.logs import compact
from streamer.observability.redaction import loggable

NAMESPACE: Final = "Streamer"
VALUES: Final = 100
"""Most values of one metric, and most metrics, in one document. [DOC] EMF specification"""
GROUPS: Final = 50
"""Most sets of dimensions kept before they are written; bounds memory in a long batch."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: what alarms and dashboards are declared with, and what the functions emit."""

    name: str
    unit: str = "Count"
    """A CloudWatch unit such as ``Count``, ``Seconds``, ``Milliseconds``."""
    dimensions: tuple[str, ...] = ()
    """Names of dimensions beside those that every metric of the service has."""


CONNECTION_ESTABLISHED: Final = Metric("ConnectionEstablished")
CONNECTION_DISCONNECTED: Final = Metric("ConnectionDisconnected")
CONNECTION_DURATION: Final = Metric("ConnectionDuration", "Seconds")
AUTHENTICATION_FAILED: Final = Metric("AuthenticationFailed")
ACTION_COUNT: Final = Metric("ActionCount", "Count", ("Action",))
ACTION_LATENCY: Final = Metric("ActionLatency", "Milliseconds", ("Action",))
ACTION_ERRORS: Final = Metric("ActionErrors", "Count", ("Action",))
"""Runs that failed: not those that an action refused, and not those that were cancelled."""
ACTION_REFUSALS: Final = Metric("ActionRefusals", "Count", ("Action",))
"""Runs that an action ended with an `ActionError` whose code is the client's business, such as NOT_FOUND."""
REQUEST_WAIT: Final = Metric("RequestWait", "Milliseconds")
"""How long a queued request waited until an attempt began."""

CATALOG: Final = (
    CONNECTION_ESTABLISHED,
    CONNECTION_DISCONNECTED,
    CONNECTION_DURATION,
    AUTHENTICATION_FAILED,
    ACTION_COUNT,
    ACTION_LATENCY,
    ACTION_ERRORS,
    ACTION_REFUSALS,
    REQUEST_WAIT,
)
"""All metrics that the runtime emits. ``Action`` must be the name of a registered action, never what a client sent:
each new value is a metric of its own that is paid for."""

_Group = tuple[tuple[str, str], ...]


class Metrics:
    """Collects values and writes them at `flush`, one document per set of dimensions. Safe to share between threads."""

    def __init__(
        self,
        *,
        dimensions: Mapping[str, str] | None = None,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dimensions = dict(dimensions or {})
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()
        self._groups: dict[_Group, dict[Metric, list[float]]] = {}

    def count(self, metric: Metric, value: float = 1, **dimensions: str) -> None:
        """Add to a counter."""
        self.put(metric, value, **dimensions)

    def put(self, metric: Metric, value: float, **dimensions: str) -> None:
        """Record one value, in the metric's unit; the dimensions must be those that the metric declares.

        Raises:
            ValueError: the dimensions are others, or the value is not a finite number.
        """
        if set(dimensions) != set(metric.dimensions):
            raise ValueError(f"{metric.name} has the dimensions {metric.dimensions}, not {tuple(dimensions)}")
        if not math.isfinite(value):
            raise ValueError(f"{metric.name} cannot be {value}")
        group = tuple({**self._dimensions, **dimensions}.items())
        with self._lock:
            series = self._groups.setdefault(group, {})
            values = series.setdefault(metric, [])
            values.append(value)
            is_full = len(values) >= VALUES or len(series) >= VALUES or len(self._groups) >= GROUPS
        if is_full:
            self.flush()

    def action(self, name: str, *, latency_seconds: float, failed: bool, refused: bool = False) -> None:
        """Record one run of an action: count, latency and whether it failed (0 or 1, so that rates have a base)."""
        self.put(ACTION_COUNT, 1, Action=name)
        self.put(ACTION_LATENCY, round(latency_seconds * 1000, 3), Action=name)
        self.put(ACTION_ERRORS, 1 if failed else 0, Action=name)
        if refused:
            self.count(ACTION_REFUSALS, Action=name)

    def flush(self, **properties: Any) -> None:
        """Write what was collected; call it at the end of every invocation, since Lambda freezes what is left.

        ``properties`` (such as ``request_id``) go into the documents for log queries; they are no dimensions.
        """
        with self._lock:
            groups, self._groups = self._groups, {}
        if not groups:
            return
        timestamp_ms = int(self._clock() * 1000)
        written = documents(groups, timestamp_ms, loggable(properties))
        lines = [f"{compact(document)}\n" for document in written]
        stream = self._stream or sys.stdout
        stream.write("".join(lines))
        stream.flush()


def documents(
    groups: Mapping[_Group, Mapping[Metric, list[float]]],
    timestamp_ms: int,
    properties: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    """EMF documents, one for each set of dimensions, since all metrics of a document share theirs."""
    for group, series in groups.items():
        dimensions = dict(group)
        yield {
            "_aws": {
                "Timestamp": timestamp_ms,
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [list(dimensions)],
                        "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in series],
                    }
                ],
            },
            # Before the others: a dimension or value of the same name must win, or the document is not valid.
            **{name: value for name, value in properties.items() if name != "_aws"},
            **dimensions,
            **{metric.name: values[0] if len(values) == 1 else values for metric, values in series.items()},
        }
