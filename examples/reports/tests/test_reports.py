"""End-to-end tests: real WebSockets, the four Lambda functions, DynamoDB and its streams, all on this machine."""

import asyncio

import pytest

from streamer.client import CannotConnectError, RequestFailedError


def test_a_total_is_answered_at_once(streamer_session):
    with streamer_session.connect("ada", "acme") as client:
        answer = client.request("total", {"month": "2026-03"})

    assert answer["month"] == "2026-03"
    assert answer["total"] > 0


def test_tenants_see_their_own_sales(streamer_session):
    totals = set()
    for tenant in ("acme", "umbrella"):
        with streamer_session.connect("ada", tenant) as client:
            totals.add(client.request("total", {"month": "2026-03"})["total"])

    assert len(totals) == 2


@pytest.mark.parametrize("payload", [None, {}, {"month": 3}, {"month": "March"}, {"month": "2026-13"}])
def test_what_is_not_a_month_is_refused(streamer_session, payload):
    with streamer_session.connect("ada", "acme") as client, pytest.raises(RequestFailedError) as failed:
        client.request("total", payload)

    assert failed.value.code == "VALIDATION_ERROR"


def test_a_report_is_queued_reports_progress_and_completes(streamer_session):
    with streamer_session.connect("ada", "acme", permissions=["reports"]) as client:
        *events, complete = client.events("report", {"month": "2026-03"})

    # An acknowledgment is among them, as a rule first: what comes at the same moment may overtake.
    progress = [event for event in events if event.type == "progress"]
    assert progress[-1].fields["percentage"] == 100
    assert complete.fields["result"]["orders"] == 20


def test_a_report_needs_the_permission(streamer_session):
    with streamer_session.connect("bob", "acme") as client, pytest.raises(RequestFailedError) as failed:
        client.request("report", {"month": "2026-03"})

    assert failed.value.code == "FORBIDDEN"


def test_a_month_without_orders_has_no_report(streamer_session):
    allowed = streamer_session.connect("ada", "acme", permissions=["reports"])

    with allowed as client, pytest.raises(RequestFailedError) as failed:
        client.request("report", {"month": "1999-12"})

    assert failed.value.code == "NOT_FOUND"


async def test_many_clients_are_served_at_once(streamer_session):
    async def ask(number):
        async with streamer_session.client(f"user-{number}", "acme", permissions=["reports"]) as client:
            return await client.request("report", {"month": "2026-03"}, timeout=30)

    reports = await asyncio.gather(*map(ask, range(10)))

    assert sorted(report["for"] for report in reports) == [f"user-{number}" for number in range(10)]


async def test_an_expired_token_does_not_connect(streamer_session):
    with pytest.raises(CannotConnectError) as refused:
        async with streamer_session.client("ada", "acme", expires_in=-60):
            pass

    assert refused.value.status == 401
