"""How an environment's output is cut into events: lines, and the frames of AWS's runtime client."""

from __future__ import annotations

import os
import tempfile

import pytest
from awslambdaric.bootstrap import FramedTelemetryLogSink
from hypothesis import given
from hypothesis import strategies as st

from emulator.functions.logs import LINE_BYTES
from emulator.functions.processes.output_events import Cutter


def frame(text: str) -> bytes:
    """What the client writes for a record."""
    with tempfile.TemporaryFile() as file:
        with FramedTelemetryLogSink(os.dup(file.fileno())) as sink:
            sink.log(text)
        file.seek(0)
        return file.read()


TRACE = "[ERROR]\tcaught it\nTraceback (most recent call last):\nZeroDivisionError"


@pytest.mark.parametrize(
    ("written", "events"),
    [
        pytest.param([b"one\ntwo\n"], [b"one", b"two"], id="lines"),
        pytest.param([b"on", b"e\n"], [b"one"], id="a line in pieces"),
        pytest.param([b"\n\n"], [b"", b""], id="empty lines"),
        pytest.param([b"no end"], [b"no end"], id="a last line without its end"),
        pytest.param([frame(TRACE), b'{"level":"INFO"}\n'], [TRACE.encode(), b'{"level":"INFO"}'], id="a record"),
        pytest.param([b"x", frame("y\n"), b"z\n"], [b"x", b"y", b"z"], id="a record after a line without its end"),
        pytest.param([frame("")], [b""], id="an empty record"),
        pytest.param([b"\xa5\x5a\x00 and more\n"], [b"\xa5\x5a\x00 and more"], id="bytes that only look like a frame"),
        pytest.param([b"\xa5\xa5\x5a\n"], [b"\xa5\xa5\x5a"], id="the beginning of a mark"),
        pytest.param([b"\xa5\x5a"], [b"\xa5\x5a"], id="a mark at the end of all"),
    ],
)
def test_output_is_cut_into_events(written: list[bytes], events: list[bytes]) -> None:
    cutter = Cutter()

    found = [event for data in written for event in cutter.feed(data)] + cutter.end()

    assert found == events


@given(
    st.lists(
        st.one_of(
            st.text("ab\n").map(str.encode),
            st.text("ab\n", max_size=20).map(frame),
            st.sampled_from([b"\xa5", b"\xa5\x5a\x00", b"\xff"]),
        )
    ).map(b"".join),
    st.lists(st.integers(1, 7)),
)
def test_it_does_not_matter_in_which_pieces_output_comes(written: bytes, sizes: list[int]) -> None:
    whole, piecewise = Cutter(), Cutter()
    events, at = [], 0
    for size in sizes:
        events += piecewise.feed(written[at : at + size])
        at += size
    events += piecewise.feed(written[at:])

    assert events + piecewise.end() == whole.feed(written) + whole.end()


@pytest.mark.parametrize("written", [b"a" * (2 * LINE_BYTES + 1), frame("a" * (2 * LINE_BYTES + 1))])
def test_what_is_longer_than_an_event_may_be_comes_in_pieces(written: bytes) -> None:
    cutter = Cutter()

    assert [len(event) for event in (*cutter.feed(written), *cutter.end())] == [LINE_BYTES, LINE_BYTES, 1]
