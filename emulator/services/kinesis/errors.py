"""What Kinesis refuses. Pure."""

from __future__ import annotations

from streamer.errors import StreamerError


class KinesisError(StreamerError):
    """A refusal, with AWS's code."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def invalid(text: str) -> KinesisError:
    """A parameter that cannot be."""
    return KinesisError("InvalidArgumentException", text)
