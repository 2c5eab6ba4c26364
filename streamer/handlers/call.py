"""One message of a client that has the right form, with who sent it and how to answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamer.context import Principal
from streamer.errors import ActionError, ErrorCode
from streamer.handlers.events import Origin
from streamer.observability import Logger
from streamer.protocol.messages import REQUEST_ID, Message
from streamer.records import Listener, RequestKey, RequestRecord, owner_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What the router's actions are given."""

    message: Message
    origin: Origin
    principal: Principal
    log: Logger
    now: float
    """When it came, in Unix seconds."""
    reply: Callable[[str], None]
    """Sends the caller a message ahead of the answer."""
    seconds_left: Callable[[], float]
    """What is left of the invocation's time, less what the answer takes."""

    @property
    def listener(self) -> Listener:
        """The connection it came from, as one that hears about something."""
        return Listener(self.origin.connection_id, self.origin.endpoint)

    def own(self, request_id: str) -> RequestKey:
        """The key of a request of the caller's: those of others cannot even be asked for."""
        return RequestKey(owner_of(self.principal.tenant_id, self.principal.user_id), request_id)

    def wanted_request_id(self) -> str:
        """The id of the request that the payload asks for.

        Raises:
            ActionError: it names none.
        """
        payload = self.message.payload
        wanted = payload.get("request_id") if isinstance(payload, dict) else None
        if not isinstance(wanted, str) or REQUEST_ID.fullmatch(wanted) is None:
            raise ActionError(
                'the payload must be {"request_id": "<id of the request>"}',
                code=ErrorCode.VALIDATION_ERROR,
                details={"field": "payload.request_id"},
            )
        return wanted

    def living(self, found: RequestRecord | None, request_id: str) -> RequestRecord:
        """The request that was found under an id.

        Raises:
            ActionError: none was, or it has expired, which DynamoDB may take days to notice.
        """
        if found is None or (found.expires_at is not None and found.expires_at < self.now):
            raise self.not_found(request_id)
        return found

    @staticmethod
    def not_found(request_id: str) -> ActionError:
        """The refusal of a request that there is not, or that is another's."""
        return ActionError(f"there is no request {request_id!r}", code=ErrorCode.NOT_FOUND)
