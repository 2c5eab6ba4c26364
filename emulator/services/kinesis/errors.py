"""What Kinesis refuses. Pure."""

from __future__ import annotations

from ..errors import ServiceError


class KinesisError(ServiceError):
    """An error of the service."""


def invalid(text: str) -> KinesisError:
    """A parameter that cannot be."""
    return KinesisError("InvalidArgumentException", text)
