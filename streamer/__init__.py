"""Asynchronous request processing over WebSockets on AWS, developed entirely offline."""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers read it: a command has not heard of Ctrl-C while typing is imported
if TYPE_CHECKING:
    from typing import Any, Final

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

_HOMES: Final = {
    "App": "app",
    "Cancelled": "context",
    "Principal": "context",
    "Progress": "context",
    "Request": "context",
    "ActionError": "errors",
    "ErrorCode": "errors",
    "RetryableError": "errors",
    "Limits": "limits",
}


def __getattr__(name: str) -> Any:
    # Every command and every test begins with this package, and most have no App: half of what `--help` took.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - as above

    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
