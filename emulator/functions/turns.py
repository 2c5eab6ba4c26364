"""What waits for something, so that who sends much does not keep others waiting. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")


class InTurn(Generic[_T]):
    """A line for each source; the lines are served in turn, each first come, first served.

    A source that was served goes behind the others, and one that is new comes last: between two of its own items a
    source waits for one of every other, however many those have.
    """

    def __init__(self, size: Callable[[_T], int]) -> None:
        """``size`` of an item, of which `size` is the sum."""
        self._lines: OrderedDict[Hashable, deque[_T]] = OrderedDict()
        """By source, in the order of their turns. In a plain dictionary the first would be looked for behind all those
        that were served: a second for fifty thousand."""
        self._count = 0
        self._size_of = size
        self.size = 0
        """Of all that waits."""

    def append(self, item: _T, source: Hashable) -> None:
        """Put an item last in its source's line."""
        self._lines.setdefault(source, deque()).append(item)
        self._count += 1
        self.size += self._size_of(item)

    def put_back(self, item: _T, source: Hashable) -> None:
        """Put an item before all others."""
        self._lines.setdefault(source, deque()).appendleft(item)
        self._lines.move_to_end(source, last=False)
        self._count += 1
        self.size += self._size_of(item)

    def popleft(self) -> _T:
        """Take the item whose turn it is. Raises IndexError when there is none."""
        if not self._count:
            raise IndexError("nothing waits")
        source, line = self._lines.popitem(last=False)
        item = line.popleft()
        if line:
            self._lines[source] = line
        self._count -= 1
        self.size -= self._size_of(item)
        return item

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()
        self._count = self.size = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[_T]:
        for line in self._lines.values():
            yield from line
