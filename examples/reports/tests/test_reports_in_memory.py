"""Unit tests of the same actions: the real router and processor, without sockets, in milliseconds."""

import app
import pytest

from streamer.testing import LocalService, RequestFailed


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setattr(app, "SECONDS_PER_ORDER", 0)
    with LocalService(app.app) as service:
        yield service


def test_total(service):
    assert service.connect().call("total", {"month": "2026-03"})["month"] == "2026-03"


def test_report(service):
    client = service.connect(user_id="ada", permissions=["reports"])

    assert client.call("report", {"month": "2026-03"})["for"] == "ada"
    assert [message["type"] for message in client.received if message["type"] != "progress"] == [
        "acknowledgment",
        "complete",
    ]


def test_report_without_orders(service):
    with pytest.raises(RequestFailed, match="NOT_FOUND"):
        service.connect(permissions=["reports"]).call("report", {"month": "1999-12"})
