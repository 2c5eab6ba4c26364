"""How often HTTP and REST APIs may be asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from http_api_requests import api

from emulator.gateway.http_apis.usage import QUOTA, THROTTLED, Usage
from streamer.topology.http_apis import HttpApi, HttpKind, HttpRoute
from streamer.topology.throttles import Throttle, UsagePlan

SLOW = Throttle(rate=1.0, burst=2)
ROUTES = (HttpRoute(path="/a", function="answer", throttle=SLOW), HttpRoute(path="/b", function="answer"))


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def with_plan(plan: UsagePlan) -> HttpApi:
    return api(*ROUTES, kind=HttpKind.REST, usage_plans=(plan,))


def test_a_route_may_be_asked_as_often_as_its_throttle_says() -> None:
    of, usage = api(*ROUTES), Usage()
    slow, free = ROUTES

    assert [usage.admits(of, slow, now) for now in (0.0, 0.0, 0.0, 1.0, 1.0)] == [True, True, False, True, False]
    assert all(usage.admits(of, free, 0.0) for _ in range(100))


def test_a_throttle_of_nothing_refuses_everybody() -> None:
    route = HttpRoute(path="/a", function="answer", throttle=Throttle(rate=0.0, burst=0))

    assert not Usage().admits(api(route), route, 0.0)


def test_each_key_of_a_plan_may_ask_as_often() -> None:
    of, usage = with_plan(UsagePlan(keys=("one", "two"), throttle=SLOW)), Usage()

    found = [usage.refusal(of, key, 0.0, 0) for key in ("one", "one", "one", "two")]

    assert found == [None, None, THROTTLED, None]


@pytest.mark.parametrize(
    ("period", "within", "after"),
    [
        ("DAY", "2026-01-31T23:59:59", "2026-02-01T00:00:00"),
        ("WEEK", "2026-02-01T23:59:59", "2026-02-02T00:00:00"),
        ("MONTH", "2026-01-31T23:59:59", "2026-02-01T00:00:00"),
    ],
)
def test_a_quota_is_used_up_until_the_next_period(period: str, within: str, after: str) -> None:
    of, usage = with_plan(UsagePlan(keys=("one", "two"), quota=2, period=period)), Usage()

    times = [at("2026-01-31T12:00:00")] * 2 + [at(within), at(after)]

    assert [usage.refusal(of, "one", 0.0, now_ms) for now_ms in times] == [None, None, QUOTA, None]
    assert usage.refusal(of, "two", 0.0, times[0]) is None


@pytest.mark.parametrize(("name", "second"), [("gold", QUOTA), ("", None)])
def test_apis_of_one_plan_share_what_a_key_may_ask(name: str, second: object) -> None:
    plan, usage = UsagePlan(name=name, keys=("one",), quota=1), Usage()
    of = with_plan(plan)
    other = replace(of, api_id="otherother")

    assert usage.refusal(of, "one", 0.0, 0) is None
    assert usage.refusal(other, "one", 0.0, 0) is second


def test_a_quota_stays_used_up_when_the_api_changes() -> None:
    of, usage = with_plan(UsagePlan(keys=("one",), quota=1)), Usage()
    usage.refusal(of, "one", 0.0, 0)

    usage.change([of])

    assert usage.refusal(of, "one", 0.0, 0) is QUOTA


def test_a_key_without_a_plan_may_ask_as_it_likes() -> None:
    assert Usage().refusal(api(*ROUTES), "one", 0.0, 0) is None
