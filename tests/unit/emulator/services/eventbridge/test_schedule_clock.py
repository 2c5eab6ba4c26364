"""When schedules of the scheduler are due, and what they send."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from emulator.services.eventbridge.rule_clock import Clock
from emulator.services.eventbridge.schedule_clock import Timing, problem, target_input

NOW = datetime(2026, 11, 27, 9, 5, 30, tzinfo=UTC)
ARN = "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/daily"


def at(hour: int, minute: int = 0, day: int = 27) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "due"),
    [
        ("rate(5 minutes)", "UTC", NOW + timedelta(minutes=5)),
        ("cron(0 10 * * ? *)", "UTC", at(10)),
        ("cron(0 10 * * ? *)", "America/New_York", at(15)),
        ("cron(0 10 * * ? *)", "Asia/Tokyo", at(1, day=28)),
        ("at(2026-11-27T10:30:00)", "UTC", at(10, 30)),
        ("at(2026-11-27T10:30:00)", "Europe/Berlin", at(9, 30)),
        ("at(2026-11-27T09:00:00)", "UTC", None),
        ("at(soon)", "UTC", None),
        ("cron(0 10 * * ? *)", "Nowhere/Land", None),
    ],
)
def test_an_expression_is_due_in_its_zone(expression: str, zone: str, due: datetime | None) -> None:
    assert Timing(arn=ARN, expression=expression, zone=zone).after(NOW) == due


@pytest.mark.parametrize(
    ("expression", "is_taken"),
    [
        *((f"cron({each})", False) for each in ("0 1 * * * *", "7 20 * * NOT *", "INVALID", "0 dummy ? * MON-FRI *")),
        *((f"cron({each})", False) for each in ("71 8 1 * ? *", "")),
        *((f"rate({each})", False) for each in ("10 seconds", "10 years", "", "10", "10 minutess", "foo minutes")),
        *((each, False) for each in ("rate(-10 minutes)", "rate( 10 minutes )", " rate(10 minutes)")),
        *((f"at({each})", False) for each in ("2021-12-31T23:59:59Z", "2021-12-31", "2021-13-31T23:59:59")),
        *(
            (each, True)
            for each in ("at(2022-12-31T23:59:59)", "rate(1 minute)", "rate(2 minute)", "cron(0 1 * * ? *)")
        ),
    ],
)
def test_the_scheduler_takes_what_awss_takes(expression: str, is_taken: bool) -> None:
    """[REC] ls-snap: tests_create_schedule_with_invalid_schedule_expression, test_update_schedule"""
    told = None if is_taken else f"Invalid Schedule Expression {expression}."

    assert problem(expression, "Europe/Berlin") == told


def test_the_scheduler_takes_zones_that_there_are() -> None:
    assert problem("rate(1 minute)", "Mars/X") == "Invalid ScheduleExpressionTimezone Mars/X."


def test_nothing_is_due_before_the_start_or_after_the_end() -> None:
    early = Timing(arn=ARN, expression="rate(1 hour)", start=at(12))
    late = Timing(arn=ARN, expression="rate(1 hour)", end=at(9, 30))

    assert early.after(NOW) == at(12)
    assert early.after(at(12)) == at(13)
    assert late.after(NOW) is None
    daily = Timing(arn=ARN, expression="cron(0 12 * * ? *)", start=at(12))
    assert daily.after(NOW) == at(12, day=28)


def test_start_and_end_mean_nothing_where_a_schedule_is_due_once() -> None:
    """[DOC] scheduler-docs:schedule-types"""
    once = Timing(arn=ARN, expression="at(2026-11-27T10:00:00)", start=at(11), end=at(9, 30))

    assert once.after(NOW) == at(10)


@pytest.mark.parametrize(
    ("timing", "first"),
    [
        pytest.param(Timing(arn=ARN, expression="rate(1 hour)"), NOW, id="a rate, at once"),
        pytest.param(Timing(arn=ARN, expression="rate(1 hour)", made=at(9)), at(9), id="when it was made"),
        pytest.param(Timing(arn=ARN, expression="rate(1 hour)", start=at(12)), at(12), id="or at its start"),
        pytest.param(Timing(arn=ARN, expression="rate(1 hour)", end=at(9)), None, id="not after its end"),
        pytest.param(Timing(arn=ARN, expression="cron(0 10 * * ? *)"), at(10), id="a calendar"),
    ],
)
def test_a_schedule_is_due_for_the_first_time(timing: Timing, first: datetime | None) -> None:
    """[DOC] scheduler-docs:schedule-types (rate-based schedules)"""
    assert timing.first(NOW) == first


def test_a_rate_keeps_its_times_however_late_it_is_asked() -> None:
    often = Timing(arn=ARN, expression="rate(5 minutes)", made=NOW)
    begun = Timing(arn=ARN, expression="rate(1 hour)", start=at(8), made=NOW)

    assert often.after(NOW + timedelta(seconds=301)) == NOW + timedelta(minutes=10)
    assert often.after(NOW + timedelta(hours=1)) == NOW + timedelta(minutes=65)
    assert begun.after(NOW) == at(10)


def test_a_rate_that_is_longer_than_time_itself_keeps_no_other_waiting() -> None:
    endless, often = (Timing(arn=each, expression=f"rate({each} days)", made=NOW) for each in ("9" * 12, "1"))
    clock = Clock(Timing.after, Timing.first)

    assert clock.due([endless, often], NOW) == [(endless, NOW), (often, NOW)]
    assert clock.due([endless, often], at(9, 6, day=28)) == [(often, NOW + timedelta(days=1))]


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "now", "due"),
    [
        pytest.param("cron(30 2 * * ? *)", utc(3, 8, 9), utc(3, 9, 9, 30), id="half past two is left out"),
        pytest.param("cron(30 2,3 * * ? *)", utc(3, 8, 9), utc(3, 8, 10, 30), id="the next one is not"),
        pytest.param("cron(30 1 * * ? *)", utc(11, 1, 8), utc(11, 1, 8, 30), id="half past one, the first time"),
        pytest.param("cron(30 1 * * ? *)", utc(11, 1, 8, 30), utc(11, 2, 9, 30), id="not the second time"),
        pytest.param("cron(0/10 * * * ? *)", utc(11, 1, 9, 15), utc(11, 1, 10), id="in the hour that comes again"),
        pytest.param("rate(1 hour)", utc(3, 8, 9, 45), utc(3, 8, 10, 45), id="an hour is an hour in spring"),
        pytest.param("rate(1 hour)", utc(11, 1, 8, 45), utc(11, 1, 9, 45), id="and in autumn"),
        pytest.param("rate(1 days)", utc(10, 31, 20), utc(11, 1, 20), id="a day is 24 hours"),
    ],
)
def test_when_the_clocks_change(expression: str, now: datetime, due: datetime) -> None:
    """[DOC] scheduler-docs:schedule-types; in Los Angeles they do at 2 on March 8 and November 1, 2026"""
    assert Timing(arn=ARN, expression=expression, zone="America/Los_Angeles").after(now) == due


def test_a_schedule_is_due_once_or_again_and_anew_when_it_is_changed() -> None:
    clock = Clock(Timing.after, Timing.first)
    once, often = Timing(arn="a", expression="at(2026-11-27T09:06:00)"), Timing(arn="b", expression="rate(1 minute)")
    seen = []
    for second in range(0, 150, 10):
        now = NOW + timedelta(seconds=second)
        seen += [(each.arn, second) for each, _ in clock.due([once, often], now)]

    assert seen == [("b", 0), ("a", 30), ("b", 60), ("b", 120)]
    made = Timing(arn="c", expression="at(2026-11-27T09:09:00)", made=NOW)
    assert clock.due([made], at(9, 10)) == [(made, at(9, 9))]
    changed = Timing(arn="a", expression="at(2026-11-27T09:09:00)")
    assert clock.due([changed], at(9, 8)) == []
    assert clock.due([changed], at(9, 9)) == [(changed, at(9, 9))]


def test_a_target_gets_its_input_with_what_it_asks_for() -> None:
    given = '{"at": "<aws.scheduler.scheduled-time>", "id": "<aws.scheduler.execution-id>"}'

    assert json.loads(target_input({"Input": given}, ARN, NOW, execution_id="e1")) == {
        "at": "2026-11-27T09:05:30Z",
        "id": "e1",
    }
    assert json.loads(target_input({}, ARN, NOW, execution_id="e1")) == {
        "version": "0",
        "id": "e1",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "123456789012",
        "time": "2026-11-27T09:05:30Z",
        "region": "eu-west-1",
        "resources": [ARN],
        "detail": "{}",
    }
