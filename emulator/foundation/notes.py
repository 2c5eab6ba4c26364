"""What an emulator remembers besides tables, so that the next one goes on after its end, however it ended.

Notes of several kinds: how far streams were read, events that were accepted and not done, connections that are open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

CHECKPOINTS: Final = "checkpoints"
EVENTS: Final = "events"
CONNECTIONS: Final = "connections"
NOTE: Final = "note"
"""Begins a line that is a note: ``["note", kind, name, value]``; a value of null is no note any more."""

Content = dict[str, dict[str, Any]]
"""Values, which are JSON, by kind and name."""
_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Notes:
    """Notes by kind and name. Without a place where they are kept, none is taken."""

    def __init__(
        self,
        content: Content | None = None,
        write: Callable[[bytes], None] | None = None,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        """Args: ``content`` is what the last run left; ``write`` keeps a line soon; see `settle`."""
        self.content: Content = {} if content is None else content
        self._write = write
        self.settle = settle
        """Keeps what waits to be kept, tables' changes too: to be called before a client is told what came of them."""

    @property
    def are_kept(self) -> bool:
        """Whether the next run will know them."""
        return self._write is not None

    def put(self, kind: str, name: str, value: Any) -> None:
        """Note a value, which is not None."""
        if self._write is not None:
            take(self.content, kind, name, value)
            self._write(_line(kind, name, value))

    def drop(self, kind: str, name: str) -> None:
        """Forget a note, if there is one."""
        if self._write is not None and name in self.content.get(kind, {}):
            take(self.content, kind, name, None)
            self._write(_line(kind, name, None))

    def of(self, kind: str) -> dict[str, Any]:
        """All notes of a kind, by name, as they are now."""
        return dict(self.content.get(kind, {}))


def take(content: Content, kind: str, name: str, value: Any) -> None:
    """Take a note over; None: there is none any more."""
    if value is not None:
        content.setdefault(kind, {})[name] = value
    elif kind in content:
        content[kind].pop(name, None)


def lines(content: Content) -> Iterator[bytes]:
    """Notes as lines, as they are now."""
    return iter([_line(kind, name, value) for kind, named in content.items() for name, value in named.items()])


def _line(kind: str, name: str, value: Any) -> bytes:
    return f"{_encode([NOTE, kind, name, value])}\n".encode()
