"""What somebody edited and sends again, with the secrets put back that were not shown to them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from streamer.protocol.messages import strict_json

from ..reading.asked import BadRequestError
from ..recording.masking import has_note, masked

ELSEWHERE: Final = "a note stands where a secret was, in a place that has none now: write there what is to be sent"


def restored(edited: Any, original: Any) -> Any:
    """A JSON value that was edited from what is told of ``original``: what was left as it was told is as it was.

    Raises:
        BadRequestError: it has a note elsewhere.
    """
    value = _restored(edited, masked(original), original)
    if has_note(json.dumps(value, ensure_ascii=False)) and not has_note(json.dumps(original, ensure_ascii=False)):
        raise BadRequestError(409, ELSEWHERE)
    return value


def restored_event(edited: Any, payload: bytes) -> bytes:
    """The same for the event of an invocation.

    Raises:
        BadRequestError: it has a note elsewhere.
    """
    try:
        original = strict_json(payload.decode())
    except ValueError:
        original = None
    return json.dumps(restored(edited, original)).encode("utf-8", "surrogatepass")


def restored_text(edited: str, original: str) -> str:
    """The same for a message's text, which may be JSON.

    Raises:
        BadRequestError: it has a note elsewhere.
    """
    text = _text(edited, original)
    if has_note(text) and not has_note(original):
        raise BadRequestError(409, ELSEWHERE)
    return text


def _restored(edited: Any, told: Any, original: Any) -> Any:
    if edited == told:
        return original
    if isinstance(edited, Mapping) and isinstance(told, Mapping) and len(told) == len(original):
        known = dict(zip(told, zip(told.values(), original.values(), strict=True), strict=True))
        return {name: _restored(each, *known[name]) if name in known else each for name, each in edited.items()}
    if isinstance(edited, list) and isinstance(told, list):
        pairs = zip(edited, told, original, strict=False)
        return [*(_restored(*each) for each in pairs), *edited[len(told) :]]
    return _text(edited, original) if isinstance(edited, str) and isinstance(original, str) else edited


def _text(edited: str, original: str) -> str:
    if not has_note(edited):
        return edited  # as it was written, to the last blank
    if edited == masked(original):
        return original
    try:
        values = strict_json(edited), strict_json(original)
    except ValueError:
        return edited
    return json.dumps(_restored(values[0], masked(values[1]), values[1]), ensure_ascii=False)
