"""The built-in action ``cancel``."""

from __future__ import annotations

from typing import Any, Final

from streamer.errors import ActionError, ErrorCode
from streamer.handlers.call import Call
from streamer.protocol import messages
from streamer.records import RequestKey, RequestRecord, Status, owner_of
from streamer.requests import lifecycle
from streamer.requests.lifecycle import Refused
from streamer.stores.protocols import RequestStore

CANCEL_PERMISSION: Final = "requests:cancel"
"""What a client needs to cancel requests of other users of its tenant."""
REASON_CHARACTERS: Final = 256
"""Longest reason that a client may give."""


class Cancelling:
    """Ends requests that nobody wants any more: one DynamoDB call.

    Those who hear about the request are told by a run that the stream starts, which no crash can prevent.
    """

    def __init__(self, requests: RequestStore) -> None:
        self._requests = requests

    def cancel(self, call: Call) -> str:
        """Cancel a request, unless it is over; the answer says what it is now. Doing it twice changes nothing.

        Raises:
            ActionError: the payload is wrong, there is no such request, or it is another's and the permission is
                missing.
        """
        payload = call.message.payload if isinstance(call.message.payload, dict) else {}
        key = self._key(call, payload)
        outcome = self._requests.apply(key, lifecycle.cancel(_reason(call, payload), now=call.now))
        record = outcome.current if isinstance(outcome, Refused) else outcome.record
        if record is None or record.expires_at < call.now:
            raise ActionError(f"there is no request {key.request_id!r}", code=ErrorCode.NOT_FOUND)
        call.log.info("request cancelled", cancelled=key.request_id, status=record.status)
        return messages.response(call.message.request_id, _state_json(record), now=call.now)

    def _key(self, call: Call, payload: dict[str, Any]) -> RequestKey:
        wanted, user_id = payload.get("request_id"), payload.get("user_id", call.principal.user_id)
        if not isinstance(wanted, str) or messages.REQUEST_ID.fullmatch(wanted) is None:
            raise ActionError(
                'the payload must be {"request_id": "<id of the request>"}',
                code=ErrorCode.VALIDATION_ERROR,
                details={"field": "payload.request_id"},
            )
        if not isinstance(user_id, str):
            raise ActionError(
                '"user_id" must be a string', code=ErrorCode.VALIDATION_ERROR, details={"field": "payload.user_id"}
            )
        if user_id != call.principal.user_id and CANCEL_PERMISSION not in call.principal.permissions:
            # Before anything is looked up: whether the request exists is nobody's business.
            raise ActionError(
                f"cancelling another user's request needs the permission {CANCEL_PERMISSION}",
                code=ErrorCode.FORBIDDEN,
                details={"missing": [CANCEL_PERMISSION]},
            )
        # The tenant is the caller's own, whatever the message says.
        return RequestKey(owner_of(call.principal.tenant_id, user_id), wanted)


def _reason(call: Call, payload: dict[str, Any]) -> str:
    given = payload.get("reason")
    if isinstance(given, str) and given.strip():
        return given.strip()[:REASON_CHARACTERS]
    is_own = payload.get("user_id", call.principal.user_id) == call.principal.user_id
    return "cancelled by its user" if is_own else "cancelled by another user with permission"


def _state_json(record: RequestRecord) -> str:
    state = {
        "request_id": record.request_id,
        "status": record.status,
        "cancelled": record.status is Status.CANCELLED,
    }
    return messages.to_json(state)
