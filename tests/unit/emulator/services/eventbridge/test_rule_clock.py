"""When rules with a schedule are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from emulator.services.eventbridge.rule_clock import Clock, is_cron, is_rate, next_due
from emulator.services.eventbridge.schedule_clock import Timing

NOW = datetime(2026, 11, 27, 9, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("rate(1 minute)", NOW + timedelta(minutes=1)),
        ("rate(2 hours)", NOW + timedelta(hours=2)),
        ("rate(3 days)", NOW + timedelta(days=3)),
        ("cron(0 10 * * ? *)", datetime(2026, 11, 27, 10, 0, tzinfo=UTC)),
        ("cron(0 10 * * ? 2020)", None),
        ("sometimes", None),
    ],
)
def test_an_expression_says_when_it_is_due(expression: str, due: datetime | None) -> None:
    assert next_due(expression, NOW) == due


@pytest.mark.parametrize(
    ("expression", "is_taken"),
    [
        *(
            (each, True)
            for each in ("rate(1 minute)", "rate(1 hour)", "rate(1 day)", "rate(10 minutes)", "rate(2 days)")
        ),
        *(
            (f"rate({each})", False)
            for each in ("10 seconds", "10 years", "1 minutes", "1 hours", "1 days", "10 minute")
        ),
        *(
            (f"rate({each})", False)
            for each in ("10 hour", "10 day", "", "10", "10 minutess", "foo minutes", "0 minutes")
        ),
        *((f"rate({each})", False) for each in ("-10 minutes", "10 MINUTES", " 10 minutes ")),
        (" rate(10 minutes)", False),
        pytest.param(f"rate({'9' * 5000} minutes)", False, id="a number longer than an expression may be"),
    ],
)
def test_rules_take_the_rates_that_aws_takes(expression: str, is_taken: bool) -> None:
    """[REC] ls-snap: test_put_rule_with_invalid_schedule_rate"""
    assert is_rate(expression) is is_taken


@pytest.mark.parametrize(
    ("expression", "is_taken"),
    [
        ("cron(0 18 ? * MON-FRI *)", True),
        ("cron(0/15 * * * ? *)", True),
        ("cron(0 18 * * * *)", False),
        ("cron(60 18 * * ? *)", False),
        ("cron()", False),
        ("0 18 ? * MON-FRI *", False),
    ],
)
def test_rules_take_calendars(expression: str, is_taken: bool) -> None:
    assert is_cron(expression) is is_taken


@pytest.mark.parametrize("expression", ["rate(1 minute)", "cron(* * * * ? *)"])
def test_a_rule_is_due_in_its_time_though_the_clock_is_set(expression: str) -> None:
    clock = Clock(next_due)
    looks = [0, 61, 61 - 86_400, 122 - 86_400, 122, 123, 183]

    found = [len(clock.due([expression], NOW + timedelta(seconds=at))) for at in looks]

    assert found == [0, 1, 0, 1, 1, 0, 1]


def test_what_was_due_once_is_not_due_again_where_the_clock_is_set_back() -> None:
    clock = Clock(Timing.after, Timing.first)
    once = [Timing(arn="a", expression="at(2026-11-27T09:06:00)", made=NOW)]

    assert [len(clock.due(once, NOW + timedelta(seconds=at))) for at in (0, 31, -3600, 31)] == [0, 1, 0, 0]


def test_a_rule_is_due_again_and_again_and_a_period_after_it_was_made() -> None:
    clock, rules = Clock(next_due), ["rate(1 minute)"]

    assert [len(clock.due(rules, NOW + timedelta(seconds=at))) for at in (0, 59, 60, 61, 119, 120)] == [
        0,
        0,
        1,
        0,
        0,
        1,
    ]


def test_a_rule_that_changed_or_is_gone_begins_anew() -> None:
    clock = Clock(next_due)
    clock.due(["rate(1 minute)"], NOW)

    assert clock.due(["rate(2 minutes)"], NOW + timedelta(seconds=60)) == []
    assert clock.due([], NOW + timedelta(seconds=61)) == []
    assert clock.due(["rate(1 minute)"], NOW + timedelta(seconds=62)) == []
