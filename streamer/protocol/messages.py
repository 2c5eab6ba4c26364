"""The wire protocol: JSON text from and to clients. Pure; ``docs/protocol.md`` is the reference.

Every function that makes a message for a client returns its text, so that a stored result reaches the client as the
very JSON that was stored, without being parsed again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from typing import Any, Final, NoReturn

from streamer.aws_limits import ITEM_BYTES, MESSAGE_BYTES
from streamer.errors import ActionError, ErrorCode, PayloadTooLargeError
from streamer.records import Failure, ProgressPoint

ACTION_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What an action may be called."""

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
"""What a client may use as the id of a request."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message from a client that has the right form."""

    action: str
    request_id: str
    payload: Any
    """Any JSON value; None when the client sent none."""
    metadata: Mapping[str, Any]


WRONG_ID: Final = '"id" must be a string of 1 to 128 letters, digits, ".", "_", ":" and "-"'
"""What is said of an id that is none."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message from a client that cannot be accepted."""

    request_id: str | None
    """None when the client's id could not be read."""
    failure: Failure


def parse(body: str, *, new_id: str) -> Message | Malformed:
    """Read a client's message.

    Fields that the protocol does not know are ignored, and an optional field that is null counts as absent.

    Args:
        body: the text that the client sent.
        new_id: the request's id if the client chose none.
    """
    try:
        envelope = strict_json(body)
    except ValueError as exc:
        return _malformed(None, f"the message is not JSON: {exc}")
    if not isinstance(envelope, dict):
        return _malformed(None, f'the message must be a JSON object like {{"action": "ping"}}, not {_kind(envelope)}')
    request_id = envelope.get("id")
    if request_id is None:
        request_id = new_id
    elif not isinstance(request_id, str) or REQUEST_ID.fullmatch(request_id) is None:
        return _malformed(None, WRONG_ID, {"field": "id"})
    return _checked(envelope, request_id)


def _checked(envelope: Mapping[str, Any], request_id: str) -> Message | Malformed:
    action = envelope.get("action")
    if action is None:
        return _malformed(request_id, '"action" is missing', {"field": "action"})
    if not isinstance(action, str) or ACTION_NAME.fullmatch(action) is None:
        return _malformed(
            request_id, '"action" must be a string of 1 to 64 letters, digits, ".", "_" and "-"', {"field": "action"}
        )
    metadata = envelope.get("metadata")
    if metadata is None:
        metadata = {}
    elif not isinstance(metadata, dict):
        return _malformed(request_id, f'"metadata" must be a JSON object, not {_kind(metadata)}', {"field": "metadata"})
    return Message(action, request_id, envelope.get("payload"), metadata)


def _malformed(request_id: str | None, message: str, details: Mapping[str, Any] | None = None) -> Malformed:
    return Malformed(request_id, Failure(code=ErrorCode.VALIDATION_ERROR, message=message, details=details))


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:32]} is too large a number")
    return number


_STRICT: Final = json.JSONDecoder(parse_constant=_reject_constant, parse_float=_finite)


def strict_json(text: str) -> Any:
    """What JSON says that can be told again as JSON: NaN is none, nor is a number that becomes Infinity.

    Raises:
        ValueError: it is none, or nested too deeply to be read.
    """
    try:
        return _STRICT.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "an array"
        case _:
            return "an object"


def to_json(value: Any) -> str:
    """A value as compact JSON.

    Besides what JSON knows it takes ``Decimal`` (as a number, as Lambda's own encoder does, [REC] ric), objects
    with ``model_dump`` (Pydantic models) and dataclasses. Text that UTF-8 cannot carry (lone surrogates) comes out
    escaped.

    Raises:
        TypeError: the value, or one inside of it, has a type that JSON has no form for; the message names it.
        ValueError: it contains itself, NaN or an infinity.
    """
    try:
        text = _TEXT.encode(value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    try:
        text.encode()
    except UnicodeEncodeError:
        return _ESCAPED.encode(value)
    return text


def _extended(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


# Made once: `json.dumps` makes an encoder for each value, a quarter of what a short one costs.
_TEXT: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_extended)
_ESCAPED: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_extended)


def result_json(value: Any) -> str:
    """What an action returned, as JSON.

    Raises:
        ActionError: it is not JSON; the message names the type that is not.
    """
    try:
        return to_json(value)
    except (TypeError, ValueError) as exc:
        raise ActionError(f"the action's result is not JSON: {exc}", code=ErrorCode.INTERNAL_ERROR) from exc


def same_json(one: str, other: str) -> bool:
    """Whether two JSON texts mean the same value; the order of an object's keys does not matter."""
    if one == other:
        return True
    return json.dumps(json.loads(one), sort_keys=True) == json.dumps(json.loads(other), sort_keys=True)


def rounded(now: float) -> float:
    """A time as messages carry it: Unix seconds with milliseconds."""
    return round(now, 3)


def check_size(message: str) -> None:
    """Check that API Gateway would deliver a message.

    Raises:
        PayloadTooLargeError: it would not.
    """
    # A character takes 1 to 4 bytes, so most messages need no encoding to be known to fit.
    if len(message) * 4 > MESSAGE_BYTES and (size := len(message.encode())) > MESSAGE_BYTES:
        raise PayloadTooLargeError(size, MESSAGE_BYTES)


def too_large(exc: PayloadTooLargeError) -> Failure:
    """What a client is told instead of a message that cannot be delivered, not even in parts."""
    return Failure(
        code=ErrorCode.PAYLOAD_TOO_LARGE,
        message=f"the result makes a message of {exc.size_bytes} bytes; at most {exc.limit_bytes} can be delivered",
        details={"size_bytes": exc.size_bytes, "limit_bytes": exc.limit_bytes},
    )


def too_large_to_store(size_bytes: int) -> Failure:
    """What a client is told instead of a result that does not fit into the request's item."""
    return Failure(
        code=ErrorCode.PAYLOAD_TOO_LARGE,
        message=f"the result has {size_bytes} bytes; with the payload, at most about {ITEM_BYTES} can be stored",
        details={"size_bytes": size_bytes, "limit_bytes": ITEM_BYTES},
    )


def response(request_id: str, data_json: str, *, now: float) -> str:
    """A quick action answered."""
    return _message("response", request_id, now, {"success": True}, data=data_json)


def acknowledgment(request_id: str, status: str, message: str, *, now: float) -> str:
    """A slow action was accepted, now or before."""
    return _message("acknowledgment", request_id, now, {"status": status, "message": message})


def progress(request_id: str, point: ProgressPoint, *, now: float) -> str:
    """A slow action has come this far."""
    return _message("progress", request_id, now, progress_fields(point))


def retrying(
    request_id: str, failure: Failure, *, attempt: int, max_attempts: int, retry_in_seconds: float, now: float
) -> str:
    """An attempt failed, and another one follows after a pause."""
    fields = {
        "attempt": attempt,
        "max_attempts": max_attempts,
        "retry_in": round(retry_in_seconds, 3),
        "error": failure_fields(failure),
    }
    return _message("retrying", request_id, now, fields)


def complete(request_id: str, result_json: str, *, now: float) -> str:
    """A slow action finished."""
    return _message("complete", request_id, now, {}, result=result_json)


def cancelled(request_id: str, reason: str, *, now: float) -> str:
    """A request was cancelled."""
    return _message("cancelled", request_id, now, {"reason": reason})


def error(request_id: str | None, failure: Failure, *, now: float) -> str:
    """A request failed for good, or a message could not be accepted."""
    return _message("error", request_id, now, {"error": failure_fields(failure)})


def pong(request_id: str, *, now: float) -> str:
    """The answer to ``ping``."""
    return _message("pong", request_id, now, {})


def published(topic: str | None, data_json: str, *, now: float) -> str:
    """Something was published to a topic, or (without one) sent to this connection, user or tenant."""
    return _message("message", None, now, {"topic": topic}, data=data_json)


def progress_fields(point: ProgressPoint) -> dict[str, Any]:
    """A progress point as clients see it."""
    fields: dict[str, Any] = {"percentage": point.percentage, "message": point.message}
    if point.metadata is not None:
        fields["metadata"] = point.metadata
    return fields


def failure_fields(failure: Failure) -> dict[str, Any]:
    """A failure as clients see it."""
    fields: dict[str, Any] = {"code": failure.code, "message": failure.message, "retryable": failure.retryable}
    if failure.details is not None:
        fields["details"] = failure.details
    return fields


def _message(type_: str, request_id: str | None, now: float, fields: Mapping[str, Any], **texts: str) -> str:
    head = to_json({"type": type_, "request_id": request_id, "timestamp": rounded(now), **fields})
    return head[:-1] + "".join(f',"{name}":{text}' for name, text in texts.items()) + "}"
