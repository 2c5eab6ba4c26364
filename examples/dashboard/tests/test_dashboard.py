"""The action behind the page."""

import pytest

from streamer.client import RequestFailedError


def test_a_report_is_made_page_by_page(streamer_session):
    with streamer_session.connect("ada") as client:
        events = list(client.events("report", {"title": "Sales", "pages": 2}))

    assert events[-1].fields["result"] == {"title": "Sales", "pages": 2, "rows": None, "for": "ada"}
    assert [event.fields["message"] for event in events if event.type == "progress"][-1] == "page 2 of 2"


def test_a_report_of_rows_that_no_message_holds(streamer_session):
    with streamer_session.connect("ada") as client:
        rows = client.upload(b"name,amount\n" * 50_000, content_type="text/csv")
        assert client.request("report", {"title": "Sales", "pages": 1, "rows": rows})["rows"] == 50_000


@pytest.mark.parametrize("payload", [None, {}, {"title": " ", "pages": 1}, {"title": "x", "pages": 0}])
def test_what_is_no_report_is_refused(streamer_session, payload):
    with streamer_session.connect("ada") as client, pytest.raises(RequestFailedError, match="VALIDATION_ERROR"):
        client.request("report", payload)
