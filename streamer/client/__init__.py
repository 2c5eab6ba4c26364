"""Talk to a streamer service from Python: ``async with StreamerClient(url, token) as client``. Never bundled."""

from __future__ import annotations

from streamer.client.client import StreamerClient
from streamer.client.errors import (
    CannotConnectError,
    ClientError,
    ConnectionLostError,
    GatewayError,
    RequestCancelledError,
    RequestFailedError,
    RequestTimeoutError,
    UploadFailedError,
)
from streamer.client.events import Event, Progress
from streamer.client.link import Reconnect
from streamer.client.signing import signed_with
from streamer.client.sync import SyncClient
from streamer.client.topics import TopicMessage
from streamer.client.typed import TypedClient

__all__ = [
    "CannotConnectError",
    "ClientError",
    "ConnectionLostError",
    "Event",
    "GatewayError",
    "Progress",
    "Reconnect",
    "RequestCancelledError",
    "RequestFailedError",
    "RequestTimeoutError",
    "StreamerClient",
    "SyncClient",
    "TopicMessage",
    "TypedClient",
    "UploadFailedError",
    "signed_with",
]
