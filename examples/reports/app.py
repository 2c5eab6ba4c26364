"""Sales reports over WebSockets: a quick question answered at once, and a slow report that is queued."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import sales

from streamer import ActionError, App, ErrorCode, Progress, Request

app = App()

SECONDS_PER_ORDER = 0.05
"""What a real report would spend on queries and rendering."""


def month(payload: Any) -> date:
    """``{"month": "2026-03"}`` as the first day of that month; ValueError tells the client what is wrong."""
    try:
        return date.fromisoformat(f"{payload['month']}-01")
    except (TypeError, LookupError, ValueError):
        raise ValueError('the payload must be {"month": "YYYY-MM"}') from None


@app.action("total", validator=month)
def total(request: Request) -> dict[str, Any]:
    """Quick: runs in the router, which sends back what it returns."""
    orders = sales.orders(request.tenant_id, request.payload)
    return {"month": f"{request.payload:%Y-%m}", "total": sum(order.amount for order in orders)}


@app.action("report", estimated_duration=60, permissions=["reports"], max_attempts=3, validator=month)
def report(request: Request, progress: Progress) -> dict[str, Any]:
    """Slow: stored first, then run by the processor, which tells the client how far it is."""
    orders = sales.orders(request.tenant_id, request.payload)
    if not orders:
        raise ActionError(f"there are no orders in {request.payload:%Y-%m}", code=ErrorCode.NOT_FOUND)
    by_region: dict[str, int] = {}
    for done, order in enumerate(orders, start=1):
        time.sleep(SECONDS_PER_ORDER)
        by_region[order.region] = by_region.get(order.region, 0) + order.amount
        progress(100 * done / len(orders), f"{done} of {len(orders)} orders", {"region": order.region})
    return {
        "month": f"{request.payload:%Y-%m}",
        "for": request.user_id,
        "orders": len(orders),
        "by_region": dict(sorted(by_region.items())),
    }
