"""Where the records of asynchronous invocations go: to queues, or to functions, topics and buses."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from streamer.errors import ConfigurationError

from ..foundation.json_bytes import text_of
from ..functions.destinations import DestinationError, EventDestinations
from ..functions.outcome import AcceptEvent
from .calls import Call

_SOURCE: Final = "lambda"


class Performs(Protocol):
    """Does what services are asked for by others than clients."""

    async def perform(self, call: Call) -> None:
        """Do it; raises ConfigurationError if the service refuses it."""
        ...


class Onward:
    """Delivers to the queues of the topology by name, and to whatever else is reached here by its ARN."""

    def __init__(
        self, queues: EventDestinations, accept: Callable[[], AcceptEvent], services: Callable[[], Performs]
    ) -> None:
        """``accept`` and ``services`` are asked when something is delivered to a function, a topic or a bus."""
        self._queues = queues
        self._accept = accept
        self._services = services

    async def send(
        self, queue_name: str, document: Mapping[str, Any] | str, attributes: Mapping[str, Any] | None = None
    ) -> None:
        """Deliver one document, or a text as it is; raises DestinationError."""
        if not queue_name.startswith("arn:"):
            await self._queues.send(queue_name, document, attributes)
            return
        text = text_of(document)
        if ":lambda:" in queue_name:
            function = queue_name.split(":", 6)[6]
            if not self._accept()(function, text.encode(), str(uuid.uuid4())):
                raise DestinationError(f"{function}: too many events wait")
            return
        call = call_of(queue_name, text, document, attributes)
        try:
            await self._services().perform(call)
        except ConfigurationError as error:
            raise DestinationError(str(error)) from error


def call_of(arn: str, text: str, document: Mapping[str, Any] | str, attributes: Mapping[str, Any] | None) -> Call:
    """How a topic or a bus is told. [DOC] lambda-docs:invocation-async-retain-records"""
    if ":sns:" in arn:
        parameters = {"TopicArn": arn, "Message": text, "MessageAttributes": dict(attributes or {})}
        return Call(service="sns", operation="publish", parameters=parameters, resource=arn)
    context = {} if isinstance(document, str) else document["requestContext"]
    result = "Success" if context.get("condition") == "Success" else "Failure"
    entry = {
        "Source": _SOURCE,
        "DetailType": f"Lambda Function Invocation Result - {result}",
        "Detail": text,
        "EventBusName": arn,
        "Resources": [arn, str(context.get("functionArn", ""))],
    }
    return Call(service="events", operation="put_events", parameters={"Entries": [entry]}, resource=arn)
