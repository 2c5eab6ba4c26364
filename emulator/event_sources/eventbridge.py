"""EventBridge's events, as functions and other targets get them, and times of its rates. Pure.

[DOC] eb-docs:eb-events-structure
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from ..foundation.times import iso_seconds

SET_BACK: Final = timedelta(minutes=1)
"""By how much a clock has to be set back for what was due by it to be counted anew."""


def event(
    *,
    event_id: str,
    source: str,
    detail_type: str,
    detail: Any,
    at: datetime,
    region: str,
    account: str,
    resources: list[str],
) -> dict[str, Any]:
    """An event; ``at`` is in UTC."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": iso_seconds(at),
        "region": region,
        "resources": resources,
        "detail": detail,
    }


def event_about(arn: str, *, event_id: str, source: str, detail_type: str, detail: Any, at: datetime) -> dict[str, Any]:
    """An event about one resource, whose ARN tells Region and account."""
    region, account = arn.split(":")[3:5]
    return event(
        event_id=event_id,
        source=source,
        detail_type=detail_type,
        detail=detail,
        at=at,
        region=region,
        account=account,
        resources=[arn],
    )


def scheduled_event(rule_arn: str, at: datetime, *, event_id: str) -> dict[str, Any]:
    """What a rule sends at a time, which is in UTC. [DOC] eb-docs:eb-run-lambda-schedule"""
    return event_about(
        rule_arn, event_id=event_id, source="aws.events", detail_type="Scheduled Event", detail={}, at=at
    )


def at_rate(begin: datetime, each: timedelta, now: datetime) -> datetime | None:
    """The first of the times that come each period after a begin, and after now; None: none before the year 10000."""
    try:
        return begin + ((now - begin) // each + 1) * each
    except OverflowError:
        return None
