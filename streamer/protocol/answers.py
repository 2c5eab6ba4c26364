"""What a stored request tells its owner: the acknowledgment of a repeated one, its final message, its state. Pure."""

from __future__ import annotations

from typing import Any, Final

from streamer.errors import ActionError, ErrorCode
from streamer.protocol import messages
from streamer.protocol.messages import Message
from streamer.records import ProgressPoint, RequestRecord, Status
from streamer.requests.lifecycle import is_final

_STATES: Final = {
    Status.PENDING: ("queued", "this request was accepted before; it waits to be run"),
    Status.PROCESSING: ("processing", "this request was accepted before; it is running"),
    Status.RETRYING: ("retrying", "this request was accepted before; an attempt failed and another one will follow"),
}


def check_same(record: RequestRecord, message: Message) -> None:
    """Check that a message whose request id was used before asks for the same thing.

    Raises:
        ActionError: the id was used for another action or payload; metadata may differ.
    """
    # A payload that is not kept any more is one of the same user's of long ago; it counts as the same.
    stored, asked = record.payload_json, messages.to_json(message.payload)
    if record.action != message.action or (stored is not None and not messages.same_json(stored, asked)):
        raise ActionError(
            f"request id {message.request_id!r} was used before, with another action or payload",
            code=ErrorCode.DUPLICATE_REQUEST,
        )


def to_duplicate(record: RequestRecord, *, now: float) -> str:
    """The message for a client that sends a request again: where the first one is, or what came of it."""
    if is_final(record.status):
        return final(record, now=now)
    status, text = _STATES[record.status]
    return messages.acknowledgment(record.request_id, status, text, now=now)


def final(record: RequestRecord, *, now: float) -> str:
    """The last message about a request whose status is final."""
    match record.status:
        case Status.COMPLETED:
            assert record.result_json is not None
            return messages.complete(record.request_id, record.result_json, now=now)
        case Status.FAILED:
            assert record.error is not None
            return messages.error(record.request_id, record.error, now=now)
        case _:
            reason = record.error.message if record.error is not None else "the request was cancelled"
            return messages.cancelled(record.request_id, reason, now=now)


def state_json(record: RequestRecord) -> str:
    """The data of the answer to ``status``: stored state, progress, result or error."""
    text = messages.to_json(state(record))
    return text if record.result_json is None else f'{text[:-1]},"result":{record.result_json}}}'


def state(record: RequestRecord) -> dict[str, Any]:
    """All that `state_json` says, but the result."""
    fields: dict[str, Any] = {
        "request_id": record.request_id,
        "action": record.action,
        "status": record.status,
        "attempt": record.tries,
        "max_attempts": record.max_attempts,
        "created_at": round(record.created_at, 3),
        "updated_at": round(record.updated_at, 3),
    }
    if (progress := known_progress(record)) is not None:
        fields["progress"] = messages.progress_fields(progress)
    if record.error is not None:
        fields["error"] = messages.failure_fields(record.error)
    return fields


def known_progress(record: RequestRecord) -> ProgressPoint | None:
    """How far a request is, or was when it ended; None: that is not known, or it is complete.

    Progress is stored once a second, so the last that is stored of a complete request may be any.
    """
    return None if record.status is Status.COMPLETED else record.progress
