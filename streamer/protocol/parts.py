r"""Messages that are larger than API Gateway delivers, as parts that the client joins. Pure.

A part is a message of its own::

    {"type": "part", "request_id": "r-1", "timestamp": 1767268800.5,
     "part_of": "9f86d081884c7d65...", "index": 0, "count": 4, "text": "{\"type\":\"complete\",..."}

The ``text`` of all parts with the same ``part_of``, put together in the order of ``index``, is the JSON text of the
message itself. Text rather than base64, so that a browser needs nothing but ``+`` and ``JSON.parse``.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.aws_limits import MESSAGE_BYTES
from streamer.errors import PayloadTooLargeError
from streamer.protocol.messages import rounded, to_json

JOINED_BYTES: Final = 512 * 1024
"""Largest message that is delivered in parts, in bytes of UTF-8. What is stored is smaller still (400 KB)."""
JOINED_AT_ONCE: Final = 8
"""Most messages that a client joins at the same time; the one begun first is given up for a further one."""
PARTS: Final = 64
"""Most parts of one message that a client takes; a message of `JOINED_BYTES` makes 32 at worst."""
TRIMMED: Final = "_trimmed"
"""The member of metadata that names those which were too large."""

_ENVELOPE_BYTES: Final = 512
"""More than what a part takes besides its text: its longest field is the request's id, of 128 characters."""
_TEXT_CHARACTERS: Final = 64 * 1024
"""Characters of a part to begin with; made fewer where they take more bytes than fit."""


def in_parts(message: str, request_id: str | None, *, now: float) -> list[str]:
    """The messages to send instead of one that may be too large; the message alone if it is not.

    Raises:
        PayloadTooLargeError: it is over `JOINED_BYTES`.
    """
    # A character takes 1 to 4 bytes, so most messages need no encoding to be known to fit.
    if len(message) * 4 <= MESSAGE_BYTES:
        return [message]
    size_bytes = len(message.encode())
    if size_bytes <= MESSAGE_BYTES:
        return [message]
    if size_bytes > JOINED_BYTES:
        raise PayloadTooLargeError(size_bytes, JOINED_BYTES)
    # The same message always has the same name, so parts that are sent twice do no harm.
    name = hashlib.sha256(message.encode()).hexdigest()[:32]
    texts = list(_texts(message))
    head = {"type": "part", "request_id": request_id, "timestamp": rounded(now), "part_of": name}
    return [to_json({**head, "index": index, "count": len(texts), "text": text}) for index, text in enumerate(texts)]


def _texts(message: str) -> Iterator[str]:
    start, characters = 0, _TEXT_CHARACTERS
    while start < len(message):
        text = message[start : start + characters]
        # Escaping quotes and backslashes makes it longer.
        if len(to_json(text).encode()) > MESSAGE_BYTES - _ENVELOPE_BYTES:
            characters //= 2
            continue
        yield text
        start += len(text)


@dataclass(slots=True)
class _Joining:
    count: int
    texts: dict[int, str] = field(default_factory=dict)
    characters: int = 0


class Joiner:
    """Joins parts, in any order and repeated or not, within bounds of memory; for one connection."""

    def __init__(self) -> None:
        self._joining: OrderedDict[str, _Joining] = OrderedDict()

    def add(self, part: Mapping[str, Any]) -> str | None:
        """Take a part; the text of the message when it was the last one missing, else None.

        What has not the form of a part is ignored, and so is a message that would become too large.
        """
        match part:
            case {"part_of": str(name), "index": int(index), "count": int(count), "text": str(text)}:
                pass
            case _:
                return None
        if not 0 <= index < count <= PARTS:
            return None
        joining = self._joining.get(name)
        if joining is None:
            joining = self._joining[name] = _Joining(count)
            if len(self._joining) > JOINED_AT_ONCE:
                self._joining.popitem(last=False)
        if index not in joining.texts:
            joining.texts[index] = text
            joining.characters += len(text)
        if joining.characters > JOINED_BYTES or joining.count != count:
            del self._joining[name]
            return None
        if len(joining.texts) < count:
            return None
        del self._joining[name]
        return "".join(joining.texts[number] for number in range(count))


def trimmed(metadata: Mapping[str, Any], limit_bytes: int) -> dict[str, Any]:
    """Metadata that takes at most about ``limit_bytes`` as it is sent: the largest members go first.

    Their names are kept in the member `TRIMMED`, so that nobody wonders where they are.
    """
    sizes = {name: len(to_json([name, value]).encode()) for name, value in metadata.items()}
    total = sum(sizes.values())
    kept, left_out = dict(metadata), []
    for name in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if total <= limit_bytes:
            break
        total -= sizes[name]
        left_out.append(name[:64])
        del kept[name]
    # The names themselves are bounded too: a mapping of a million tiny members is all names.
    return kept | {TRIMMED: sorted(left_out[:32])} if left_out else kept
