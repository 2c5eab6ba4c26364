"""API Gateway's quotas for WebSocket APIs. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streamer.aws_limits import FRAME_BYTES, INTEGRATION_SECONDS, MESSAGE_BYTES
from streamer.topology import Throttle

IDLE_SECONDS: Final = 600.0
"""Silence in both directions after which the connection is closed with 1001. [DOC] apigw-docs:limits"""
MAX_DURATION_SECONDS: Final = 7200.0
"""Age at which a connection is closed with 1001, however busy. [DOC] apigw-docs:limits"""
HEADER_BYTES: Final = 10_240
"""Names and values of all headers of a handshake together. [INF] from the REST quota"""
URL_CHARS: Final = 4096
"""Request target of a handshake, query included. [DOC] apigw-docs:limits"""
AUTHORIZER_RESULT_BYTES: Final = 8 * 1024
"""Largest result of an authorizer. [DOC] apigw-docs:limits"""
ACCOUNT_THROTTLE: Final = Throttle(rate=10_000, burst=5_000)
"""An account's requests in one Region, ``@connections`` calls included. [DOC] apigw-docs:limits"""
CONNECTION_THROTTLE: Final = Throttle(rate=500, burst=500)
"""An account's new connections in one Region. [DOC] apigw-docs:limits"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The quotas in force. Defaults are AWS's; tests and the command line shorten them."""

    frame_bytes: int = FRAME_BYTES
    message_bytes: int = MESSAGE_BYTES
    idle_seconds: float = IDLE_SECONDS
    max_duration_seconds: float = MAX_DURATION_SECONDS
    integration_timeout_seconds: float = INTEGRATION_SECONDS
    """A cap: a route with a shorter timeout keeps its own."""
    header_bytes: int = HEADER_BYTES
    url_chars: int = URL_CHARS
    account: Throttle | None = None
    """The account's throttle over messages, handshakes and ``@connections``. None: not throttled, because a quota
    of the account is not a property of the service; `ACCOUNT_THROTTLE` is AWS's."""
    connections: Throttle | None = None
    """New connections a second. None: not throttled; `CONNECTION_THROTTLE` is AWS's."""
    messages_per_connection: Throttle | None = None
    """A client that sends faster is closed with 1008. None: no client is. AWS documents the close code, not the
    rate. [DOC] apigw-docs:apigateway-websocket-api-close-codes"""
