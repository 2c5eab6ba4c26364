"""When rules with a schedule are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from emulator.services.rule_clock import RuleClock, next_due

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


def test_a_rule_is_due_again_and_again_and_a_period_after_it_was_made() -> None:
    clock, rules = RuleClock(), [("a", "rate(1 minute)")]

    assert [clock.due(rules, NOW + timedelta(seconds=at)) for at in (0, 59, 60, 61, 119, 120)] == [
        *([], [], ["a"], [], [], ["a"]),
    ]


def test_a_rule_that_changed_or_is_gone_begins_anew() -> None:
    clock = RuleClock()
    clock.due([("a", "rate(1 minute)")], NOW)

    assert clock.due([("a", "rate(2 minutes)")], NOW + timedelta(seconds=60)) == []
    assert clock.due([], NOW + timedelta(seconds=61)) == []
    assert clock.due([("a", "rate(1 minute)")], NOW + timedelta(seconds=62)) == []
