"""What the emulator runs and where, as JSON: for the page's head, its forms, and programs."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.metadata
import platform
from typing import Any, Final, cast

from streamer.topology import Api, Key, Topology

from ...functions.variables import name_and_qualifier
from ...gateway.rules.expressions import parse
from ..around import Around
from .actions import TOKEN_SECONDS

LIBRARIES: Final = ("awslambdaric", "boto3", "moto", "websockets")
DOCS: Final = "https://github.com/streamer-ws/streamer/blob/main/docs"
ROWS: Final = {
    "frame_bytes": "E3",
    "message_bytes": "E3",
    "idle_seconds": "E6",
    "max_duration_seconds": "E8",
    "integration_timeout_seconds": "E11",
    "header_bytes": "E12",
    "url_chars": "A5",
    "account": "E2",
    "connections": "E1",
    "messages_per_connection": "D15",
    "ping_resets_idle": "E10",
    "none_result_is_error": "D13",
    "missing_status_is_error": "A12",
    "empty_message_body": "B24",
    "non_utf8_post": "G3",
    "abnormal_reason": "F6",
    "unsupported_data_reason": "C12",
    "policy_violation_reason": "K",
    "too_big_reason": "E4",
    "throttled_message": "D15",
}
"""Rows of ``docs/fidelity.md`` that tell why a limit or an assumption is what it is."""


def facts(around: Around) -> dict[str, Any]:
    """Everything that does not change from one message to the next."""
    settings, topology = around.settings, around.topology()
    return {
        "version": importlib.metadata.version("streamer-ws"),
        "versions": versions(),
        "target": settings.target,
        "is_app": settings.is_app,
        "actions": list(settings.actions),
        "mints": settings.secret is not None,
        "why_no_tokens": settings.why_no_tokens if settings.secret is None else "",
        "identity": {"user": settings.user, "tenant": settings.tenant, "permissions": list(settings.permissions)},
        "token_seconds": TOKEN_SECONDS,
        "stage": topology.api.stage,
        "isolation": around.isolation,
        "websocket_urls": list(around.websocket_urls()),
        "http_urls": [[each.kind, around.http_urls()[each.name]] for each in topology.http_apis],
        "management_url": around.management_url,
        "dynamodb_url": around.dynamodb_url,
        "url": around.url,
        "ca_file": around.ca_file,
        "topology": described(topology),
        "limits": dataclasses.asdict(around.limits),
        "assumptions": dataclasses.asdict(around.assumptions),
        "fidelity": {name: f"{DOCS}/fidelity.md#:~:text={row}" for name, row in ROWS.items()},
    }


@functools.cache
def versions() -> dict[str, str]:
    """Of Python, and of the libraries whose behaviour shows in a service."""
    found = {"Python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def described(topology: Topology) -> dict[str, Any]:
    """Routes, functions, tables, sources and schedules, without variables: those may hold secrets."""
    return {
        "routes": [
            {"api": api.name, "message": _message_to(each.route_key, api), **_route(each.route_key, each.function)}
            for api in topology.all_apis()
            for each in api.routes
        ]
        + [
            {
                "api": f"{api.name}, {api.kind}",
                "message": None,
                **_route(each.key, each.function or (each.backend.function if each.backend else None)),
            }
            for api in topology.http_apis
            for each in api.routes
        ],
        "functions": [
            {
                "name": each.name,
                "handler": each.handler,
                "memory_mb": each.memory_mb,
                "timeout_seconds": each.timeout_seconds,
                "concurrency": each.reserved_concurrency,
            }
            for each in topology.functions
        ],
        "tables": [
            {
                "name": table.name,
                "key": _key(table.key),
                "indexes": [{"name": index.name, "key": _key(index.key)} for index in table.indexes],
                "ttl": table.ttl_attribute,
            }
            for table in topology.tables
        ],
        "mappings": [
            {"function": each.function, "table": each.table, "batch_size": each.batch_size}
            for each in topology.event_source_mappings
        ]
        + [
            {"function": each.function, "stream": each.stream, "batch_size": each.batch_size}
            for each in topology.kinesis_mappings
        ]
        + [
            {"function": each.function, "queue": each.queue, "batch_size": each.batch_size}
            for each in topology.queue_mappings
        ],
        "queues": [each.name for each in topology.queues],
        "schedules": [{"name": each.name, "function": each.function} for each in topology.schedules],
    }


def _route(key: str, function: str | None) -> dict[str, Any]:
    return {"route": key, "function": None if function is None else name_and_qualifier(function)[0]}


def _message_to(key: str, api: Api) -> Any:
    """A message that a route is chosen for; None: no message chooses it alone."""
    path, *others = parse(api.route_selection_expression).parts
    if others or key.startswith("$") or not isinstance(path, tuple) or not all(isinstance(step, str) for step in path):
        return None
    return functools.reduce(lambda value, step: {step: value}, reversed(path), cast("Any", key))


def _key(key: Key) -> dict[str, Any]:
    return {"partition": key.partition, "sort": key.sort, "types": key.attributes()}
