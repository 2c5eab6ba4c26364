"""The kinds of HTTP APIs, and what stands for all paths and methods: of a service without any, nothing else is needed.

Pure: no I/O.
"""

from __future__ import annotations

import enum
from typing import Final

ANY: Final = "ANY"
"""Stands for every method. [DOC] apigw-docs:http-api-develop-routes"""
DEFAULT_PATH: Final = "$default"
"""Path of the route that gets what no other does; name of the stage that has no path of its own."""


class HttpKind(enum.StrEnum):
    """Which of AWS's three ways from HTTP to a function it is; their rules, events and errors differ."""

    HTTP = "HTTP API"
    REST = "REST API"
    URL = "function URL"
