"""Frames between the emulator and the process of the services."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from emulator.services.wire import ANSWER, CALLS, DELIVERY, REQUEST, Frame, Unpacker, packed

FRAMES = st.builds(
    Frame,
    kind=st.sampled_from([REQUEST, CALLS, ANSWER, DELIVERY]),
    number=st.integers(0, 2**32 - 1),
    head=st.dictionaries(st.text(max_size=8), st.none() | st.text() | st.lists(st.integers(-9, 9)), max_size=3),
    body=st.binary(max_size=300),
)


@given(frames=st.lists(FRAMES, max_size=5), cuts=st.lists(st.integers(1, 40), min_size=1))
def test_frames_arrive_as_they_were_sent_however_the_bytes_are_cut(frames: list[Frame], cuts: list[int]) -> None:
    sent = b"".join(map(packed, frames))
    unpacker, found, position, turn = Unpacker(), [], 0, 0
    while position < len(sent):
        size = cuts[turn % len(cuts)]
        found += unpacker.feed(sent[position : position + size])
        position, turn = position + size, turn + 1

    assert found == [Frame(each.kind, each.number, json.loads(json.dumps(each.head)), each.body) for each in frames]
