"""How often an API may be asked, as frozen data. Pure: no I/O."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """A token bucket: ``rate`` requests a second on average, ``burst`` at once."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePlan:
    """What whoever has an API key may ask of a REST API. [DOC] apigw-docs:api-gateway-api-usage-plans"""

    keys: tuple[str, ...]
    """Values of its API keys, each of which may ask as much."""
    throttle: Throttle | None = None
    quota: int | None = None
    """Requests in a period; None: as many as anybody likes."""
    period: str = "DAY"
    """``DAY``, ``WEEK`` or ``MONTH``, in UTC."""
    name: str = ""
    """APIs whose plans are called alike share what a key may ask; empty: the plan is of its API alone."""
