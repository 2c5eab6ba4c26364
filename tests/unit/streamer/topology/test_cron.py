"""When EventBridge's cron expressions are due, by its documentation's examples and against looking at every minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import TopologyError
from streamer.topology.cron import parse_cron

EARLIEST, LATEST = datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2027-01-01")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "now", "due"),
    [
        pytest.param("0 10 * * ? *", "2026-01-01 10:00", "2026-01-02 10:00", id="each day"),
        pytest.param("15 12 * * ? *", "2026-01-01 10:00", "2026-01-01 12:15", id="later today"),
        pytest.param("0 18 ? * MON-FRI *", "2026-11-27 18:00", "2026-11-30 18:00", id="workdays"),
        pytest.param("0 8 1 * ? *", "2026-12-02 00:00", "2027-01-01 08:00", id="first of the month"),
        pytest.param("0/15 * * * ? *", "2026-01-01 10:16", "2026-01-01 10:30", id="each quarter"),
        pytest.param("0/10 * ? * MON-FRI *", "2026-11-28 00:00", "2026-11-30 00:00", id="each ten minutes of workdays"),
        pytest.param("0/5 8-17 ? * 2-6 *", "2026-11-27 17:56", "2026-11-30 08:00", id="working hours, by numbers"),
        pytest.param("30 9 L * ? *", "2026-02-01 00:00", "2026-02-28 09:30", id="last day"),
        pytest.param("0 9 3W * ? *", "2026-10-01 00:00", "2026-10-02 09:00", id="nearest weekday: Saturday the 3rd"),
        pytest.param("0 9 1W * ? *", "2026-10-31 10:00", "2026-11-02 09:00", id="nearest weekday: Sunday the 1st"),
        pytest.param("0 9 1W * ? *", "2026-07-31 10:00", "2026-08-03 09:00", id="nearest weekday: Saturday the 1st"),
        pytest.param("0 9 15W * ? *", "2026-12-01 00:00", "2026-12-15 09:00", id="nearest weekday: Tuesday itself"),
        pytest.param("0 9 18W * ? *", "2026-12-01 00:00", "2026-12-18 09:00", id="nearest weekday: Friday itself"),
        pytest.param("0 9 2W * ? *", "2026-04-30 10:00", "2026-05-01 09:00", id="nearest weekday: Saturday the 2nd"),
        pytest.param("0 9 LW * ? *", "2026-05-01 00:00", "2026-05-29 09:00", id="last weekday: Sunday the 31st"),
        pytest.param("0 9 31W * ? *", "2026-05-01 00:00", "2026-05-29 09:00", id="nearest to the same Sunday"),
        pytest.param("0 9 ? * 2#1 *", "2026-11-03 00:00", "2026-12-07 09:00", id="first Monday"),
        pytest.param("0 9 ? * 6L *", "2026-11-01 00:00", "2026-11-27 09:00", id="last Friday"),
        pytest.param("0 9 ? * FRIL *", "2026-11-01 00:00", "2026-11-27 09:00", id="last Friday, by its name"),
        pytest.param("0 9 ? * L *", "2026-11-01 00:00", "2026-11-07 09:00", id="last day of the week"),
        pytest.param("0 0 29 2 ? *", "2026-03-01 00:00", "2028-02-29 00:00", id="leap day"),
        pytest.param("0 0 1 JAN,JUL ? *", "2026-01-01 00:00", "2026-07-01 00:00", id="names of months"),
        pytest.param("0 0 ? * SAT-SUN *", "2026-11-28 00:01", "2026-11-29 00:00", id="around the week's end"),
        pytest.param("0 12 1 1 ? 2020", "2026-01-01 00:00", None, id="never again"),
        pytest.param("0 0 31 2 ? 2030", "2026-01-01 00:00", None, id="never"),
    ],
)
def test_when_it_is_next_due(expression: str, now: str, due: str | None) -> None:
    assert parse_cron(expression).after(moment(now)) == (None if due is None else moment(due))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        pytest.param("0 10 * * *", "six fields", id="no year"),
        pytest.param("0 10 * * * *", "one of day-of-month and day-of-week", id="both days"),
        pytest.param("0 10 ? * ? *", "one of day-of-month and day-of-week", id="no day"),
        pytest.param("60 10 * * ? *", "is not within 0 to 59", id="minute 60"),
        pytest.param("x 10 * * ? *", "'X' is no number", id="a letter"),
        pytest.param("0/0 10 * * ? *", "is not within", id="each zero minutes"),
        pytest.param("0 9 0W * ? *", "'0W' is no number", id="nearest to no day"),
        pytest.param("0 9 32W * ? *", "'32W' is no number", id="nearest to a day that no month has"),
    ],
)
def test_what_eventbridge_would_refuse(expression: str, message: str) -> None:
    with pytest.raises(TopologyError, match=message):
        parse_cron(expression)


@given(
    minute=st.integers(0, 59),
    every=st.integers(1, 23),
    weekdays=st.sets(st.integers(1, 7), min_size=1),
    start=st.datetimes(min_value=EARLIEST, max_value=LATEST),
)
def test_it_is_due_at_the_first_minute_that_matches(
    minute: int, every: int, weekdays: set[int], start: datetime
) -> None:
    start = start.replace(tzinfo=UTC)
    expression = f"{minute} 0/{every} ? * {','.join(map(str, weekdays))} *"

    found = parse_cron(expression).after(start)

    look = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while not (look.minute == minute and look.hour % every == 0 and look.isoweekday() % 7 + 1 in weekdays):
        look += timedelta(minutes=1) if look.minute != minute else timedelta(hours=1)
    assert found == look
