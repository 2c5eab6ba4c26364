"""Who waits for an environment is served in turn."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.functions.turns import InTurn


def taken(line: InTurn[str]) -> str:
    return "".join(line.popleft() for _ in range(len(line)))


@pytest.mark.parametrize(
    ("come", "served"),
    [
        pytest.param("AAAABC", "ABCAAA", id="much of one, little of others"),
        pytest.param("AABBCC", "ABCABC", id="as much of each"),
        pytest.param("AAAA", "AAAA", id="of one alone, first come, first served"),
    ],
)
def test_sources_are_served_in_turn(come: str, served: str) -> None:
    line: InTurn[str] = InTurn(len)
    for source in come:
        line.append(source, source)

    assert taken(line) == served


def test_what_is_put_back_is_next() -> None:
    line: InTurn[str] = InTurn(len)
    for item in ("a1", "a2", "b1"):
        line.append(item, item[0])
    line.popleft()
    line.put_back("a1", "a")

    assert list(line) == ["a1", "a2", "b1"]
    assert line.size == 6
    assert taken(line) == "a1b1a2"
    assert line.size == 0


def test_what_is_forgotten_has_no_size() -> None:
    line: InTurn[str] = InTurn(len)
    line.append("a1", "a")
    line.clear()

    assert (len(line), line.size) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.booleans())))
def test_nothing_is_lost_or_doubled_and_each_line_stays_in_order(steps: list[tuple[str, bool]]) -> None:
    line: InTurn[tuple[str, int]] = InTurn(lambda item: item[1])
    given_in: Counter[str] = Counter()
    served: list[tuple[str, int]] = []
    for source, serves in steps:
        line.append((source, given_in[source]), source)
        given_in[source] += 1
        if serves:
            served.append(line.popleft())
    assert len(line) == len(list(line)) == len(steps) - len(served)
    assert line.size == sum(number for _, number in line)
    served += [line.popleft() for _ in range(len(line))]

    for source, count in given_in.items():
        assert [number for each, number in served if each == source] == list(range(count))
    with pytest.raises(IndexError):
        line.popleft()
