"""What waits for something, so that who sends much does not keep others waiting. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")


class InTurn(Generic[_T]):
    """A line for each source; the lines are served in turn, each first come, first served.

    A source that was served goes behind the others, and one that is new comes last: between two of its own items a
    source waits for one of every other, however many those have.
    """

    def __init__(self) -> None:
        self._lines: dict[Hashable, deque[_T]] = {}
        """By source, in the order of their turns."""
        self._count = 0

    def append(self, item: _T, source: Hashable) -> None:
        """Put an item last in its source's line."""
        self._lines.setdefault(source, deque()).append(item)
        self._count += 1

    def put_back(self, item: _T, source: Hashable) -> None:
        """Put an item before all others."""
        line = self._lines.pop(source, None) or deque()
        line.appendleft(item)
        self._lines = {source: line, **self._lines}
        self._count += 1

    def popleft(self) -> _T:
        """Take the item whose turn it is. Raises IndexError when there is none."""
        if not self._count:
            raise IndexError("nothing waits")
        source = next(iter(self._lines))
        line = self._lines.pop(source)
        item = line.popleft()
        if line:
            self._lines[source] = line
        self._count -= 1
        return item

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[_T]:
        for line in self._lines.values():
            yield from line
