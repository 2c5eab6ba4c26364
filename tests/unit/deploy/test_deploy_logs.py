"""Following a log."""

import pytest
from fake_cloud import FakeCloud

from deploy.cloud import LogEvent
from deploy.errors import DeployError
from deploy.logs import LATE_MS, SEEN, Window, ago_ms, lines


def line(number: int, at_ms: int = 0) -> LogEvent:
    return LogEvent(event_id=str(number), at_ms=at_ms, message=f"line {number}")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("30s", 30, id="seconds"),
        pytest.param("15m", 900, id="minutes"),
        pytest.param("2h", 7200, id="hours"),
        pytest.param("1d", 86_400, id="days"),
        pytest.param("2w", 1_209_600, id="weeks"),
        pytest.param("1.5h", 5400, id="a fraction"),
        pytest.param("5", 5, id="a bare number, which is seconds"),
    ],
)
def test_since_takes_every_unit(text: str, seconds: int) -> None:
    assert ago_ms(text, 10_000_000_000) == 10_000_000_000 - seconds * 1000


@pytest.mark.parametrize("text", ["yesterday", "-5m", "1y", "0s", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(DeployError, match="such as 90s"):
        ago_ms(text, 0)


def test_a_line_is_shown_once() -> None:
    window = Window(0)

    assert [e.event_id for e in window.new([line(1), line(2)])] == ["1", "2"]
    assert [e.event_id for e in window.new([line(2), line(3)])] == ["3"]


def test_a_line_that_arrives_late_is_still_shown() -> None:
    window = Window(0)
    list(window.new([line(1, at_ms=60_000)]))

    assert window.start_ms == 60_000 - LATE_MS
    assert [e.event_id for e in window.new([line(2, at_ms=55_000)])] == ["2"]


def test_memory_is_bounded() -> None:
    window = Window(0)

    list(window.new(line(n) for n in range(SEEN + 100)))

    assert len(window._seen) == SEEN


def test_without_follow_it_ends() -> None:
    cloud = FakeCloud(lines=[line(1, at_ms=10), line(2, at_ms=20)])

    shown = lines(cloud, ["g"], Window(15), pattern=None, follow=False, sleep=lambda seconds: None)

    assert [event.event_id for event in shown] == ["2"]


def test_following_shows_what_comes_next() -> None:
    cloud = FakeCloud(lines=[line(1, at_ms=10)])

    def sleep(seconds: float) -> None:
        cloud.lines.append(line(len(cloud.lines) + 1, at_ms=20))

    shown = lines(cloud, ["g"], Window(0), pattern=None, follow=True, sleep=sleep)

    assert [next(shown).event_id for _ in range(3)] == ["1", "2", "3"]


def test_lines_of_several_functions_are_merged_by_time() -> None:
    said = [("router", 10), ("connect", 20), ("router", 30), ("connect", 30), ("connect", 50)]
    cloud = FakeCloud(lines=[LogEvent(event_id=str(at), at_ms=at, message="", group=group) for group, at in said])

    shown = lines(cloud, ["connect", "router"], Window(0), pattern=None, follow=False, sleep=lambda seconds: None)

    assert [(event.at_ms, event.group) for event in shown] == [
        (10, "router"),
        (20, "connect"),
        (30, "connect"),
        (30, "router"),
        (50, "connect"),
    ]
