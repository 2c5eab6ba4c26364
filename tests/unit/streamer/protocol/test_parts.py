from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.aws_limits import MESSAGE_BYTES
from streamer.errors import PayloadTooLargeError
from streamer.protocol import messages
from streamer.protocol.messages import to_json
from streamer.protocol.parts import JOINED_AT_ONCE, JOINED_BYTES, Joiner, in_parts, trimmed

NOW = 1_767_268_800.5


def complete(result: Any) -> str:
    return messages.complete("r-1", to_json(result), now=NOW)


def test_a_message_that_fits_is_sent_as_it_is() -> None:
    message = "x" * MESSAGE_BYTES

    assert in_parts(message, "r-1", now=NOW) == [message]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param("x" * 200_000, id="ASCII"),
        pytest.param("ä" * 100_000, id="two bytes"),
        pytest.param("🙂" * 100_000, id="four bytes"),
        pytest.param('"\\' * 60_000, id="escapes"),
        pytest.param("\ud83d" * 50_000, id="half surrogate pairs"),
        pytest.param([{"name": "ä\n", "n": number} for number in range(15_000)], id="rows"),
    ],
)
def test_parts_are_deliverable_and_join_to_the_message(result: Any) -> None:
    message = complete(result)

    parts = in_parts(message, "r-1", now=NOW)

    assert len(parts) > 1
    assert all(len(part.encode()) <= MESSAGE_BYTES for part in parts)
    joiner = Joiner()
    joined = [joiner.add(json.loads(part)) for part in parts]
    assert joined == [None] * (len(parts) - 1) + [message]


def test_a_part_says_what_it_belongs_to() -> None:
    first, second = map(json.loads, in_parts(complete("x" * 150_000), "r-1", now=NOW)[:2])

    assert first | {"text": "", "part_of": ""} == {
        "type": "part",
        "request_id": "r-1",
        "timestamp": NOW,
        "part_of": "",
        "index": 0,
        "count": 3,
        "text": "",
    }
    assert (second["part_of"], second["index"]) == (first["part_of"], 1)


def test_the_largest_message_is_joined_whatever_is_in_it() -> None:
    for text in ("x", "\\", '"', "🙂"):
        message = text * (JOINED_BYTES // len(text.encode()))
        joiner = Joiner()

        assert [joined for part in in_parts(message, None, now=NOW) if (joined := joiner.add(json.loads(part)))] == [
            message
        ]


def test_what_is_larger_still_is_refused() -> None:
    with pytest.raises(PayloadTooLargeError) as caught:
        in_parts("x" * (JOINED_BYTES + 1), "r-1", now=NOW)

    assert (caught.value.size_bytes, caught.value.limit_bytes) == (JOINED_BYTES + 1, JOINED_BYTES)


@given(st.permutations(range(5)), st.data())
def test_parts_join_in_any_order_and_repeated(order: list[int], data: st.DataObject) -> None:
    texts = ["ab", "c", "", "d\n", "e"]
    parts = [{"type": "part", "part_of": "p", "index": i, "count": 5, "text": text} for i, text in enumerate(texts)]
    joiner = Joiner()
    joined = None
    for index in order:
        assert joined is None
        joined = joiner.add(parts[index])
        if joined is None and data.draw(st.booleans()):
            assert joiner.add(parts[index]) is None

    assert joined == "abcd\ne"


def test_messages_that_come_at_the_same_time_are_kept_apart() -> None:
    one, two = (in_parts(complete(text * 150_000), "r-1", now=NOW) for text in "ab")
    joiner = Joiner()
    joined = [joiner.add(json.loads(part)) for pair in zip(one, two, strict=True) for part in pair]

    assert [json.loads(text)["result"][0] for text in joined if text] == ["a", "b"]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({}, id="empty"),
        pytest.param({"part_of": "p", "index": 1, "count": 1, "text": ""}, id="index too high"),
        pytest.param({"part_of": "p", "index": -1, "count": 1, "text": ""}, id="index negative"),
        pytest.param({"part_of": "p", "index": 0, "count": 65, "text": ""}, id="too many"),
        pytest.param({"part_of": "p", "index": "0", "count": 1, "text": ""}, id="index is text"),
        pytest.param({"part_of": 1, "index": 0, "count": 1, "text": ""}, id="name is a number"),
        pytest.param({"part_of": "p", "index": 0, "count": 1, "text": "x" * (JOINED_BYTES + 1)}, id="too large"),
    ],
)
def test_what_is_no_part_is_ignored(part: dict[str, Any]) -> None:
    assert Joiner().add(part) is None


def test_a_part_that_contradicts_the_others_ends_the_message() -> None:
    joiner = Joiner()
    joiner.add({"part_of": "p", "index": 0, "count": 2, "text": "a"})

    assert joiner.add({"part_of": "p", "index": 1, "count": 3, "text": "b"}) is None
    assert joiner.add({"part_of": "p", "index": 1, "count": 2, "text": "b"}) is None


def test_messages_whose_rest_never_comes_take_bounded_memory() -> None:
    joiner = Joiner()
    for number in range(JOINED_AT_ONCE + 1):
        joiner.add({"part_of": f"p-{number}", "index": 0, "count": 2, "text": "a"})

    assert joiner.add({"part_of": "p-0", "index": 1, "count": 2, "text": "b"}) is None
    assert joiner.add({"part_of": f"p-{JOINED_AT_ONCE}", "index": 1, "count": 2, "text": "b"}) == "ab"


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        pytest.param({"a": 1}, {"a": 1}, id="small"),
        pytest.param({}, {}, id="empty"),
        pytest.param({"a": 1, "b": "x" * 200}, {"a": 1, "_trimmed": ["b"]}, id="the largest goes"),
        pytest.param(
            {"a": "x" * 60, "b": "x" * 90, "c": "x" * 80},
            {"a": "x" * 60, "_trimmed": ["b", "c"]},
            id="as many as need be",
        ),
        pytest.param({"a": "ä" * 40}, {"a": "ä" * 40}, id="as large as it is in UTF-8"),
    ],
)
def test_metadata_is_trimmed(metadata: dict[str, Any], kept: dict[str, Any]) -> None:
    assert trimmed(metadata, 100) == kept


@given(st.dictionaries(st.text(max_size=100), st.text(max_size=300), max_size=60))
def test_trimmed_metadata_is_bounded(metadata: dict[str, str]) -> None:
    assert len(to_json(trimmed(metadata, 1000)).encode()) <= 1000 + 4 * 60 + 32 * 12 * 64
