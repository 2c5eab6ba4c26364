"""How often HTTP and REST APIs may be asked: throttles of routes, usage plans of API keys. Pure: times are arguments.

[DOC] apigw-docs:api-gateway-request-throttling, http-api-throttling, api-gateway-api-usage-plans
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from streamer.topology.throttles import Throttle, UsagePlan

from ..rules.throttle import TokenBucket
from .identity import Refused

if TYPE_CHECKING:
    from streamer.topology.http_apis import HttpApi, HttpRoute

QUOTA: Final = Refused(429, "Limit Exceeded", "LimitExceededException", "the API key has used up its quota")
"""[USR] clients of such APIs show the body and the error type"""
THROTTLED: Final = Refused(429, "Too Many Requests", "TooManyRequestsException", "the API key asks too often")


class Usage:
    """What was asked of all APIs lately."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, ...], TokenBucket] = {}
        """By API and route key, or by plan and API key."""
        self._used: dict[tuple[str, str], tuple[int, int]] = {}
        """By plan and API key: the period, and how many requests there were in it."""

    def change(self, apis: Iterable[HttpApi]) -> None:
        """Go by other throttles; quotas that are used up stay so, where there still are the keys."""
        self._buckets.clear()
        known = {(_named(api, plan), key) for api in apis for plan in api.usage_plans for key in plan.keys}
        self._used = {name: used for name, used in self._used.items() if name in known}

    def admits(self, api: HttpApi, route: HttpRoute, now: float) -> bool:
        """Whether a route may be asked now, in seconds of a monotonic clock; counts the request."""
        return self._takes(("route", api.api_id, route.key), route.throttle, now)

    def refusal(self, api: HttpApi, key: str, now: float, now_ms: int) -> Refused | None:
        """Why whoever has an API key may not ask now; None: they may, and the request counts."""
        plan = next((each for each in api.usage_plans if key in each.keys), None)
        if plan is None:
            return None
        named = _named(api, plan)
        if not self._takes(("key", named, key), plan.throttle, now):
            return THROTTLED
        if plan.quota is None:
            return None
        current = _period(plan, now_ms)
        period, used = self._used.get((named, key), (current, 0))
        used = used if period == current else 0
        if used >= plan.quota:
            return QUOTA
        self._used[named, key] = (current, used + 1)
        return None

    def _takes(self, name: tuple[str, ...], throttle: Throttle | None, now: float) -> bool:
        if throttle is None:
            return True
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = TokenBucket(throttle)
        return bucket.take(now)


def _named(api: HttpApi, plan: UsagePlan) -> str:
    """Whose requests count together: those of all APIs of a plan. [USR] AWS re:Post QUFD1EPj5dRYaYaqpNepE34A"""
    return plan.name or api.api_id


def _period(plan: UsagePlan, now_ms: int) -> int:
    """The number of the period that a moment is in; [INF] that weeks begin on Mondays."""
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    if plan.period == "MONTH":
        return at.year * 12 + at.month
    days = at.toordinal()
    return (days - 1) // 7 if plan.period == "WEEK" else days
