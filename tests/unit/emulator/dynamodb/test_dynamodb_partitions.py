from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.dynamodb.expressions.keys import KeySchema
from emulator.dynamodb.items import StoredItem
from emulator.dynamodb.partitions import KeyIndex, Partition, bounds_of, everything
from emulator.dynamodb.values import read_attributes

TYPES = {"pk": "S", "sk": "S", "third": "S", "owner": "S"}


def stored(pk: str, sk: str, **more: str) -> StoredItem:
    return StoredItem(read_attributes({name: {"S": value} for name, value in {"pk": pk, "sk": sk, **more}.items()}))


def index_of(*items: StoredItem) -> KeyIndex:
    index = KeyIndex(KeySchema(("pk",), ("sk",)), TYPES)
    for item in items:
        index.replace(None, item)
    return index


COMPARISONS: dict[str, Any] = {
    "=": lambda key, values: key == values[0],
    "<": lambda key, values: key < values[0],
    "<=": lambda key, values: key <= values[0],
    ">": lambda key, values: key > values[0],
    ">=": lambda key, values: key >= values[0],
    "BETWEEN": lambda key, values: values[0] <= key <= values[1],
    "begins_with": lambda key, values: key.startswith(values[0]),
}
KEYS = st.text(alphabet="abz\U0001f600", max_size=4)


@given(st.sets(KEYS), st.sampled_from(sorted(COMPARISONS)), KEYS, KEYS, st.none() | KEYS, st.booleans())
def test_a_span_is_what_filtering_everything_would_find(  # noqa: PLR0917 - drawn by hypothesis
    keys: set[str], comparison: str, one: str, two: str, start: str | None, forward: bool
) -> None:
    partition = Partition()
    for key in keys:
        partition.put((key,), stored("p", key))
    values = sorted([one, two]) if comparison == "BETWEEN" else [one]
    bounds = bounds_of((), comparison, values)
    found = [
        item.attrs["sk"].content
        for item in partition.span(bounds, None if start is None else (start,), forward=forward)
    ]

    expected = sorted((key for key in keys if COMPARISONS[comparison](key, values)), reverse=not forward)
    if start is not None:
        expected = [key for key in expected if (key > start if forward else key < start)]
    assert found == expected


def test_a_query_of_ten_touches_ten_of_ten_thousand_items() -> None:
    class Counting(dict[Any, Any]):
        touched = 0

        def __getitem__(self, key: Any) -> Any:
            self.touched += 1
            return super().__getitem__(key)

    partition = Partition()
    partition.items = counting = Counting()
    for number in range(10_000):
        partition.put((f"{number:05}",), stored("p", f"{number:05}"))
    counting.touched = 0
    span = partition.span(bounds_of((), ">=", ["05000"]), None, forward=True)
    found = [next(span) for _ in range(10)]

    assert found[0].attrs["sk"].content == "05000"
    assert counting.touched == 10


def test_conditions_on_several_sort_attributes_narrow_one_after_the_other() -> None:
    index = KeyIndex(KeySchema(("pk",), ("sk", "third")), TYPES)
    for sk, third in (("a", "1"), ("a", "2"), ("b", "1"), ("b", "3")):
        index.replace(None, stored("p", sk, third=third))
    partition = index.partition(("p",))

    def found(*arguments: Any) -> list[tuple[str, str]]:
        span = partition.span(bounds_of(*arguments), None, forward=True)
        return [(item.attrs["sk"].content, item.attrs["third"].content) for item in span]

    assert found(("b",), ">", ["1"]) == [("b", "3")]
    assert found(("a",), "<=", ["2"]) == [("a", "1"), ("a", "2")]
    assert found((), "=", ["a"]) == [("a", "1"), ("a", "2")]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.sampled_from("xyz"))))
def test_an_index_holds_what_was_put_and_not_removed(steps: list[tuple[bool, str, str]]) -> None:
    index = index_of()
    expected: dict[tuple[str, str], StoredItem] = {}
    for puts, pk, sk in steps:
        old = expected.pop((pk, sk), None)
        new = stored(pk, sk) if puts else None
        index.replace(old, new)
        if new is not None:
            expected[pk, sk] = new

    assert len(index) == len(expected)
    assert list(index.scan()) == [expected[name] for name in sorted(expected)]


def test_an_item_without_the_key_of_an_index_is_not_in_it() -> None:
    index = KeyIndex(KeySchema(("owner",), ()), TYPES, ["pk", "sk"])
    old, new = stored("a", "1"), stored("a", "1", owner="x")
    index.replace(None, old)
    before = len(index)
    index.replace(old, new)
    after = len(index)
    index.replace(new, old)

    assert (before, after, len(index)) == (0, 1, 0)


@pytest.mark.parametrize("deleted", [True, False])
def test_a_scan_goes_on_after_an_item_that_may_be_gone(*, deleted: bool) -> None:
    items = [stored(pk, sk) for pk in "abc" for sk in "xy"]
    index = index_of(*items)
    if deleted:
        index.replace(items[2], None)
        index.replace(items[3], None)

    assert list(index.scan(items[2].attrs)) == items[4 if deleted else 3 :]


def test_an_unknown_partition_is_empty() -> None:
    assert list(index_of().partition(("nobody",)).span(everything, None, forward=True)) == []
