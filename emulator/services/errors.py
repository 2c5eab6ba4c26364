"""What services of ours refuse. Pure."""

from __future__ import annotations

from streamer.errors import StreamerError


class ServiceError(StreamerError):
    """A refusal, with AWS's code."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message)
        self.code = code

    def told(self) -> dict[str, str]:
        """As AWS's JSON protocols have it."""
        return {"__type": self.code, "message": str(self)}
