"""Keeps the latest records within bounds, and tells readers what is new since they last asked. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from msgspec import Struct

RECORDS: Final = 20_000
"""Most changes of records that are kept."""
BYTES: Final = 32 * 1024 * 1024
"""Most bytes of records that are kept."""
OVERHEAD_BYTES: Final = 1024
"""What a record takes besides its payloads, counted generously."""
PAYLOAD_BYTES: Final = 256 * 1024
"""A payload over this is kept as its head."""
CALL_BYTES: Final = 16 * 1024
"""The same of a request to one of AWS's APIs, and of its answer."""
PIECES: Final = 64
"""Into how many pieces what nobody has read is divided, at least."""


@dataclass(slots=True, eq=False, kw_only=True)
class Record:
    """Something that happened."""

    kind: ClassVar[str] = ""

    at_ns: int
    """When, in Unix nanoseconds."""
    number: int = 0
    """Its name; set once, when it is kept."""
    sequence: int = 0
    """Its place among the latest states of all records; higher whenever it changes. 0: it is not kept any more."""

    @property
    def size(self) -> int:
        """About how many bytes it holds."""
        return OVERHEAD_BYTES


class Page(Struct, frozen=True):
    """What a reader is told at once, the oldest first."""

    records: tuple[Record, ...]
    next: int
    """What to ask for next."""
    missed: int
    """Changes since the reader's last question that it is not told: gone already, or more than it wants at once."""
    gone: int
    """Number of the latest change that is not kept any more."""


class Ring:
    """The latest changes, within bounds. A record that changes comes again, and its older state is told to nobody.

    What happens is noted as it comes, and made into records when somebody reads: what gives way unread costs little.
    Notes are kept in pieces, and a piece of them gives way at once.
    """

    __slots__ = (
        "_bytes",
        "_changes",
        "_gone",
        "_last",
        "_most_bytes",
        "_most_records",
        "_piece_bytes",
        "_piece_notes",
        "_pieces",
        "_unread",
        "_unread_bytes",
        "latest",
        "make",
        "room",
        "waker",
    )

    def __init__(self, *, most_records: int = RECORDS, most_bytes: int = BYTES) -> None:
        self.waker: Callable[[], None] | None = None
        """Called once when something is new."""
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._last = self._bytes = 0
        self._changes: deque[tuple[Record, int]] = deque()
        """The record, and its size then; the numbers of the changes have no gaps."""
        self._gone = 0
        """Number of the latest change that is not kept any more."""
        self._piece_notes = max(1, min(most_records, most_bytes // OVERHEAD_BYTES) // PIECES)
        self._piece_bytes = self._piece_notes * OVERHEAD_BYTES
        self._pieces: deque[tuple[list[Sequence[Any]], int]] = deque()
        """What is not made into records yet, the oldest first, each with its bytes."""
        self._unread = self._unread_bytes = 0
        """How many notes those are, and their bytes."""
        self.latest: list[Sequence[Any]] = []
        """The piece that is being filled: of each note what it is, and what makes its record."""
        self.make: Callable[[Sequence[Any]], None] = _nothing
        """Makes the record of a note, and adds it."""
        self.room = self._piece_bytes
        """Bytes until it is full."""

    def note(self, size: int, *noted: Any) -> None:
        """Keep something for whoever reads, by its size in bytes."""
        self.latest.append(noted)
        self.room -= max(size, OVERHEAD_BYTES)
        self.noted()

    def noted(self) -> None:
        """Something was put into `latest`, and its bytes, `OVERHEAD_BYTES` at least, were taken from `room`.

        Who does that for each message does it without `note`, and calls this only if no room is left or there is a
        waker.
        """
        if self.room <= 0:
            self._finish_piece()
            self._spill()
        if self.waker is not None:
            waker, self.waker = self.waker, None
            waker()

    def _finish_piece(self) -> None:
        size = self._piece_bytes - self.room
        self._pieces.append((self.latest, size))
        self._unread += len(self.latest)
        self._unread_bytes += size
        self.latest, self.room = [], self._piece_bytes

    def _spill(self) -> None:
        """Let the oldest go until the next piece has room: records first, then what nobody has read."""
        most_bytes = self._most_bytes - (self._piece_bytes - OVERHEAD_BYTES)
        most_notes = self._most_records - (self._piece_notes - 1)
        while self._bytes + self._unread_bytes > most_bytes or len(self._changes) + self._unread > most_notes:
            if self._changes:
                self._drop()
            elif len(self._pieces) > 1:
                piece, size = self._pieces.popleft()
                self._unread -= len(piece)
                self._unread_bytes -= size
                self._last += len(piece)
                self._gone += len(piece)
            else:
                return

    def settle(self) -> None:
        """Make records of all that was noted."""
        if self.latest:
            self._finish_piece()
        while self._pieces:
            piece, size = self._pieces.popleft()
            self._unread -= len(piece)
            self._unread_bytes -= size
            for noted in piece:
                self.make(noted)

    @property
    def last(self) -> int:
        """Sequence number of the latest change."""
        self.settle()
        return self._last

    @property
    def bytes(self) -> int:
        """What is kept, about."""
        return self._bytes + self._unread_bytes + self._piece_bytes - self.room

    def add(self, record: Record) -> None:
        """Keep a new record, or one that was kept before and has changed; the oldest ones give way."""
        self._last = sequence = self._last + 1
        if not record.number:
            record.number = sequence
        record.sequence = sequence
        size = record.size
        changes = self._changes
        changes.append((record, size))
        self._bytes += size
        while len(changes) > 1 and (len(changes) > self._most_records or self._bytes > self._most_bytes):
            self._drop()

    def _drop(self) -> None:
        self._gone += 1
        record, size = self._changes.popleft()
        self._bytes -= size
        if record.sequence == self._gone:
            record.sequence = 0

    @property
    def _first(self) -> int:
        return self._gone + 1

    def __iter__(self) -> Iterator[Record]:
        """Every record that is kept, by its last change, the oldest first."""
        self.settle()
        for sequence, (record, _size) in enumerate(self._changes, self._first):
            if record.sequence == sequence:
                yield record

    def __len__(self) -> int:
        self.settle()
        return len(self._changes)

    def find(self, number: int) -> Record | None:
        """The record of that number; None: it is not kept any more."""
        return next((record for record in self if record.number == number), None)

    def read(self, after: int, *, limit: int, wanted: Callable[[Record], bool] | None = None) -> Page:
        """What changed after that number, the newest if there is more than ``limit``.

        A reader that is told of nothing more than this ring ever knew begins anew.
        """
        after = after if after <= self.last else 0
        missed = max(0, self._first - 1 - after)
        found: list[Record] = []
        for sequence, (record, _size) in zip(range(self.last, after, -1), reversed(self._changes), strict=False):
            if record.sequence != sequence or (wanted is not None and not wanted(record)):
                continue
            if len(found) < limit:
                found.append(record)
            else:
                missed += 1
        return Page(tuple(reversed(found)), self.last, missed, self._gone)

    def clear(self) -> None:
        """Forget everything; the numbers go on."""
        self.settle()
        while self._changes:
            self._drop()


def _nothing(_noted: Sequence[Any]) -> None:
    """Nobody notes anything yet."""
