"""What `InvokeWithResponseStream` answers: the response in the event stream encoding of AWS. Pure.

[DOC] lambda-api:API_InvokeWithResponseStream, smithy.io:2.0/aws/protocols (event stream encoding)
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Final

from .outcome import Failed, Outcome, Refused

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
CHUNK_BYTES: Final = 256 * 1024
"""How much of a response one event has at most: clients take 24 MB. [INF]"""
_HEADER: Final = b"%c%b\x07%b%b"
_TEXT_LENGTH: Final = struct.Struct(">H")
_PRELUDE: Final = struct.Struct(">II")
_SUM: Final = struct.Struct(">I")
_AROUND: Final = _PRELUDE.size + 2 * _SUM.size
"""What a message has besides its headers and its payload: lengths and two checksums."""


def chunks(payload: bytes) -> bytes:
    """What a function returned, or a part of it, as events."""
    parts = (payload[start : start + CHUNK_BYTES] for start in range(0, len(payload), CHUNK_BYTES))
    return b"".join(_event("PayloadChunk", "application/octet-stream", part) for part in parts)


def complete(outcome: Outcome, log_tail: str | None) -> bytes:
    """The last event: that the function ended, and how.

    ``log_tail`` is the end of the log in base64; None: nobody asked for it. A failure of a function is called
    ``Unhandled``, as `Invoke` calls it. [USR] Remotion, which knows by that word that a function crashed
    """
    said: dict[str, str] = {}
    if isinstance(outcome, Failed):
        said = {"ErrorCode": "Unhandled", "ErrorDetails": outcome.payload.decode("utf-8", "replace")}
    elif isinstance(outcome, Refused):  # midway, such as of an emulator that stops
        said = {"ErrorCode": outcome.error_type, "ErrorDetails": outcome.message}
    if log_tail is not None:
        said["LogResult"] = log_tail
    return _event("InvokeComplete", "application/json", json.dumps(said).encode())


def _event(kind: str, content_type: str, payload: bytes) -> bytes:
    return _message({":message-type": "event", ":event-type": kind, ":content-type": content_type}, payload)


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(
        _HEADER % (len(name), name.encode(), _TEXT_LENGTH.pack(len(value)), value.encode())
        for name, value in headers.items()
    )
    prelude = _PRELUDE.pack(_AROUND + len(head) + len(payload), len(head))
    summed = prelude + _SUM.pack(zlib.crc32(prelude)) + head + payload
    return summed + _SUM.pack(zlib.crc32(summed))
