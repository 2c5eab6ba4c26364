"""Where a real service would ask its database: made-up orders, the same every time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

REGIONS = ("east", "north", "south", "west")
FIRST_MONTH = date(2025, 1, 1)


@dataclass(frozen=True)
class Order:
    """One order."""

    region: str
    amount: int
    """Cents."""


def orders(tenant_id: str, month: date) -> list[Order]:
    """All orders of a tenant in a month; none before the business began."""
    if month < FIRST_MONTH:
        return []
    chance = random.Random(f"{tenant_id} {month}")
    return [Order(chance.choice(REGIONS), chance.randrange(1_000, 50_000)) for _ in range(20)]
