"""Asynchronous request processing over WebSockets on AWS, developed entirely offline."""

from streamer.app import App
from streamer.context import Cancelled, Principal, Progress, Request
from streamer.errors import ActionError, ErrorCode, RetryableError
from streamer.limits import Limits

__version__ = "0.1.0"

__all__ = [
    "ActionError",
    "App",
    "Cancelled",
    "ErrorCode",
    "Limits",
    "Principal",
    "Progress",
    "Request",
    "RetryableError",
]
