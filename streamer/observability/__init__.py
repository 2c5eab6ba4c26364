"""Structured logs and Embedded Metric Format metrics; why not a library is in ``docs/decisions/0002``."""

from __future__ import annotations

from streamer.observability.logs import Logger
from streamer.observability.metrics import (
    ACTION_COUNT,
    ACTION_ERRORS,
    ACTION_LATENCY,
    ACTION_REFUSALS,
    AUTHENTICATION_FAILED,
    CATALOG,
    CONNECTION_DISCONNECTED,
    CONNECTION_DURATION,
    CONNECTION_ESTABLISHED,
    NAMESPACE,
    REQUEST_WAIT,
    Metric,
    Metrics,
)

__all__ = [
    "ACTION_COUNT",
    "ACTION_ERRORS",
    "ACTION_LATENCY",
    "ACTION_REFUSALS",
    "AUTHENTICATION_FAILED",
    "CATALOG",
    "CONNECTION_DISCONNECTED",
    "CONNECTION_DURATION",
    "CONNECTION_ESTABLISHED",
    "NAMESPACE",
    "REQUEST_WAIT",
    "Logger",
    "Metric",
    "Metrics",
]
