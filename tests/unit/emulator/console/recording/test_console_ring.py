from __future__ import annotations

from collections.abc import Sequence

import pytest
from console_records import World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.console.recording.recorder import Gate
from emulator.console.recording.records import Call, Log, Message, Run
from emulator.console.recording.ring import CALL_BYTES, OVERHEAD_BYTES, Record, Ring
from emulator.functions.outcome import Failed
from emulator.gateway.rules.effects import Replied, Send


def log(text: str = "") -> Log:
    return Log(at_ns=0, function="f", request_id=None, text=text)


def filled(count: int, **bounds: int) -> tuple[Ring, list[Log]]:
    ring, records = Ring(**bounds), [log(str(number)) for number in range(count)]
    for record in records:
        ring.add(record)
    return ring, records


def test_a_record_is_numbered_when_it_is_first_kept_and_keeps_its_number() -> None:
    ring, (first, second) = filled(2)

    ring.add(first)

    assert (first.number, second.number) == (1, 2)
    assert (first.sequence, second.sequence) == (3, 2)


def test_a_record_that_changed_is_told_again_and_its_older_state_is_not() -> None:
    ring, (first, second) = filled(2)

    ring.add(first)

    assert ring.read(0, limit=10).records == (second, first)
    assert ring.read(2, limit=10).records == (first,)
    assert list(ring) == [second, first]


def test_the_oldest_records_give_way_to_the_newest() -> None:
    ring, records = filled(5, most_records=3)

    assert list(ring) == records[2:]
    assert ring.find(1) is None
    assert ring.find(5) is records[4]


def test_payloads_give_way_when_they_are_too_many_bytes() -> None:
    ring = Ring(most_bytes=10_000)

    for _ in range(10):
        ring.add(log("x" * 3000))

    assert ring.bytes <= 10_000
    assert len(ring) == 2


def test_one_payload_over_the_bound_is_kept_alone() -> None:
    ring = Ring(most_bytes=1000)

    ring.add(log("x" * 3000))

    assert len(ring) == 1


def test_a_reader_that_was_slow_hears_how_much_it_missed() -> None:
    ring, records = filled(5, most_records=3)

    page = ring.read(0, limit=10)

    assert (page.records, page.next, page.missed) == (tuple(records[2:]), 5, 2)


def test_a_reader_that_wants_few_is_told_the_newest_and_how_many_were_left_out() -> None:
    ring, records = filled(5)

    page = ring.read(0, limit=2)

    assert (page.records, page.next, page.missed) == (tuple(records[3:]), 5, 3)


def test_what_a_reader_does_not_want_is_no_miss() -> None:
    ring, records = filled(5)

    page = ring.read(0, limit=2, wanted=lambda record: record in records[:2])

    assert (page.records, page.missed) == (tuple(records[:2]), 0)


def test_a_reader_of_another_run_begins_anew() -> None:
    ring, records = filled(2)

    assert ring.read(1000, limit=10).records == tuple(records)


def test_numbers_go_on_after_everything_is_forgotten() -> None:
    ring, _ = filled(2)
    ring.clear()

    ring.add(log())

    assert [record.number for record in ring] == [3]
    assert ring.bytes == log().size


def test_a_record_that_changes_after_it_was_forgotten_is_kept_again() -> None:
    ring, records = filled(5, most_records=2)

    ring.add(records[0])

    assert list(ring) == [records[4], records[0]]
    assert records[0].number == 1


def test_what_is_noted_becomes_a_record_when_somebody_reads() -> None:
    ring = Ring()
    made: list[str] = []

    def make(noted: Sequence[str]) -> None:
        made.extend(noted)
        ring.add(log(*noted))

    ring.make = make
    for text in "abc":
        ring.note(10, text)
    assert (made, ring.bytes) == ([], 3 * OVERHEAD_BYTES)

    assert [each.text for each in ring.read(0, limit=10).records if isinstance(each, Log)] == ["a", "b", "c"]
    assert (made, ring.last) == (["a", "b", "c"], 3)


def test_what_is_large_is_kept_as_its_head_from_the_start_and_puts_nothing_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("emulator.console.recording.recorder.PAYLOAD_BYTES", 1000)
    world = World()
    world.refuses("first")
    for _ in range(40):
        world.calls("root", "", b"x" * 1_000_000, path="/uploads/file", answer=b"y" * 1_000_000)
        world.runs({"x": "z" * 2000}, error={"x": "z" * 2000})

    assert world.ring.bytes < 40 * (2 * CALL_BYTES + 2 * 1000 + 3 * OVERHEAD_BYTES)
    first, call, run, *_ = world.ring
    assert isinstance(first, Message)
    assert isinstance(call, Call)
    assert (len(call.body), call.body_bytes, len(call.answer), call.answer_bytes) == (
        CALL_BYTES,
        1_000_000,
        CALL_BYTES,
        1_000_000,
    )
    assert isinstance(run, Run)
    assert isinstance(run.outcome, Failed)
    assert (len(run.payload), run.payload_bytes, len(run.outcome.payload)) == (1000, 2009, 1000)


def test_what_gives_way_unread_is_never_made_and_counts_as_missed() -> None:
    ring, records = filled(2, most_records=3)
    made: list[int] = []

    def make(noted: Sequence[int]) -> None:
        made.extend(noted)
        ring.add(log(str(*noted)))

    ring.make = make
    for number in range(5):
        ring.note(10, number)
    page = ring.read(1, limit=10)

    assert (made, page.missed, page.next) == ([2, 3, 4], 3, 7)
    assert records[1].sequence == 0


@given(
    st.integers(1, 300),
    st.integers(1, 300).map(lambda most: most * OVERHEAD_BYTES),
    st.lists(st.one_of(st.just(None), st.integers(0, 5 * OVERHEAD_BYTES)), max_size=700),
)
def test_what_is_noted_stays_within_the_bounds_and_whatever_is_not_told_counts_as_missed(
    most: int, most_bytes: int, steps: list[int | None]
) -> None:
    ring, noted, told, missed, after = Ring(most_records=most, most_bytes=most_bytes), 0, 0, 0, 0

    ring.make = lambda note: ring.add(log("x" * note[0]))
    for step in [*steps, None]:
        if step is None:
            page = ring.read(after, limit=1000)
            told, missed, after = told + len(page.records), missed + page.missed, page.next
        else:
            ring.note(step, step)
            noted += 1
            assert ring.bytes <= max(most_bytes, 6 * OVERHEAD_BYTES)

    assert told + missed == noted
    assert len(ring) <= most


def test_a_message_that_was_answered_before_anybody_read_is_told_once_with_its_answer() -> None:
    world = World()
    world.answers(world.receives("hello"))

    (message,) = world.ring.read(0, limit=10).records

    assert isinstance(message, Message)
    assert (message.answered_ns, world.ring.last, world.recorder.unanswered) == (world.now_ns, 1, 0)


def test_what_a_function_returned_is_kept_with_its_run_and_not_with_its_message_too() -> None:
    world = World()
    world.answers(world.receives("hi"), Replied(b"x" * 6_000_000))

    assert world.message().result == Replied(b"")


@pytest.mark.parametrize("is_read", [True, False], ids=["read before its answer", "unread"])
def test_what_the_gateway_sends_back_counts(is_read: bool) -> None:
    world = World()
    invoke = world.receives("hi")
    if is_read:
        world.message()
    before = world.ring.bytes
    world.answers(invoke, None, Send("x" * 100_000))

    assert world.ring.bytes >= before + 100_000
    assert world.message().size >= 100_000


def test_a_message_that_was_told_before_its_answer_is_told_again() -> None:
    world = World()
    invoke = world.receives("hello")
    before = world.ring.read(0, limit=10)

    world.answers(invoke)

    assert world.ring.read(before.next, limit=10).records == before.records == (world.message(),)
    assert world.message().answered_ns == world.now_ns


@pytest.mark.parametrize("is_read", [True, False], ids=["read before", "not read"])
def test_a_message_whose_answer_came_while_nothing_was_recorded_stays_without_one(is_read: bool) -> None:
    world = World()
    invoke = world.receives("hello")
    if is_read:
        world.ring.settle()
    world.recorder.pause()

    world.answers(invoke)

    assert (world.message().answered_ns, world.recorder.unanswered) == (0, 0)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(1, 8),
    st.lists(st.one_of(st.just("new"), st.tuples(st.just("again"), st.integers(0, 30)), st.just("read")), max_size=60),
    st.integers(1, 10),
)
def test_every_last_state_is_told_once_or_counted_as_missed(most: int, steps: list[object], limit: int) -> None:
    ring = Ring(most_records=most)
    records: list[Record] = []
    after, told, missed, changes = 0, 0, 0, 0
    unread: set[int] = set()
    for step in [*steps, "read"]:
        if step == "new":
            records.append(log())
            ring.add(records[-1])
            unread.add(records[-1].number)
        elif step == "read":
            page = ring.read(after, limit=limit)
            assert page.next - after >= len(page.records) + page.missed
            assert [record.sequence for record in page.records] == sorted({record.sequence for record in page.records})
            assert all(record.sequence > after for record in page.records)
            unread -= {record.number for record in page.records}
            assert len(unread) <= page.missed, "a record was neither told nor counted"
            unread.clear()
            after, told, missed = page.next, told + len(page.records), missed + page.missed
        elif records:
            changed = records[step[1] % len(records)]  # type: ignore[index]
            ring.add(changed)
            unread.add(changed.number)
        changes = ring.last

    assert told + missed <= changes
    assert len(ring) <= most


# the gate


def test_messages_at_human_rates_are_recorded() -> None:
    gate = Gate(busy_messages=200)

    for second in range(10):
        assert gate.tick(second, 100 * second) is None

    assert gate.is_open


def test_nothing_is_recorded_while_messages_come_fast_and_nobody_looks() -> None:
    gate = Gate(busy_messages=200)
    gate.tick(0, 0)

    gate.tick(1, 5000)

    assert not gate.is_open


def test_how_many_were_not_recorded_is_told_when_it_is_calm_again() -> None:
    gate = Gate(busy_messages=200)
    gate.tick(0, 0)
    gate.tick(1, 5000)
    assert gate.tick(2, 10_000) is None

    assert gate.tick(3, 10_010) == 5010
    assert gate.is_open


@pytest.mark.parametrize(("after", "is_open"), [(29.0, True), (31.0, False)], ids=["still looks", "looks no more"])
def test_whoever_looks_gets_everything(after: float, is_open: bool) -> None:
    gate = Gate(busy_messages=200, looking_seconds=30)
    gate.tick(0, 0)
    gate.looked(0.5)

    gate.tick(after, 1_000_000)

    assert gate.is_open is is_open
