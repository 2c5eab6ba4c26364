"""What type checkers know of a service's client: the base of what ``streamer describe --format python`` makes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, Protocol, Self

from streamer.client.events import Progress
from streamer.client.topics import TopicMessage

if TYPE_CHECKING:
    from streamer.client.uploads import Content


class TypedClient(Protocol):
    """All of `StreamerClient` but actions and topics, which are a service's own; each method is as it is there."""

    async def __aenter__(self) -> Self:
        """Connect."""
        ...

    async def __aexit__(self, *_: object) -> None:
        """Close."""

    async def close(self) -> None:
        """Close."""

    async def resume(
        self,
        request_id: str,
        *,
        on_progress: Callable[[Progress], Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as the client's
    ) -> Any:
        """Wait for the result of a request that was sent before."""

    async def upload(
        self,
        content: Content,
        *,
        content_type: str | None = None,
        action: str = "upload",
        on_progress: Callable[[Progress], Any] | None = None,
    ) -> str:
        """Upload what no message holds."""
        ...

    async def status(self, request_id: str) -> dict[str, Any]:
        """What is stored of a request."""
        ...

    async def cancel(self, request_id: str, reason: str | None = None) -> dict[str, Any]:
        """Cancel a request."""
        ...

    async def publish(self, topic: str, data: Any = None) -> dict[str, Any]:
        """Publish to a topic."""
        ...

    def direct(self) -> AsyncGenerator[TopicMessage]:
        """Yield what is sent without a topic."""
        ...
