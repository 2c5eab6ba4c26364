"""SQS queues for what was given up: moto's, hosted like its DynamoDB. Imported only when a queue is first used.

Both protocols of the SDKs are understood: JSON (``X-Amz-Target: AmazonSQS.*``) and query (``Action=...``).
"""

from __future__ import annotations

from typing import Any

from moto.core.request import Request
from moto.sqs.models import SQSBackend
from moto.sqs.responses import SQSResponse

from ..port.http import HttpRequest, HttpResponse


class _Backend(SQSBackend):  # type: ignore[misc] # moto publishes no types
    def receive_message(
        self, queue_name: str, count: int, _wait_seconds: int, visibility_timeout: int, *names: Any
    ) -> Any:
        """Answer at once: moto would sleep on the event loop until the wait is over."""
        return super().receive_message(queue_name, count, 0, visibility_timeout, *names)


class _Handler(SQSResponse):  # type: ignore[misc] # moto publishes no types
    def __init__(self, backend: SQSBackend) -> None:
        super().__init__()
        self._backend = backend

    @property
    def sqs_backend(self) -> SQSBackend:
        """Our queues, whatever account and region the request is signed for."""
        return self._backend


class EmbeddedQueues:
    """SQS in this process; called from one thread, like the embedded DynamoDB."""

    def __init__(self, region: str, account_id: str) -> None:
        self._backend = _Backend(region, account_id)

    def create(self, name: str) -> str:
        """Create a queue, unless it exists; returns its ARN."""
        return str(self._backend.create_queue(name, {}).queue_arn)

    def send(self, name: str, body: str) -> None:
        """Put a message into a queue that exists."""
        self._backend.send_message(name, body)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request of an SQS client."""
        url = f"http://{request.fields.get('host', 'localhost')}{request.target}"
        prepared = Request.from_primitives(request.method, url, dict(request.headers), request.body)
        status, headers, body = _Handler(self._backend)._dispatch(prepared, url)  # noqa: SLF001 - moto's way in
        kept = tuple(
            (name.lower(), str(value))
            for name, value in headers.items()
            if name.lower() not in ("content-length", "status", "server", "date")
        )
        return HttpResponse(int(status), body.encode() if isinstance(body, str) else body, kept)
