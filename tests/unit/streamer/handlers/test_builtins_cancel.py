"""The built-in action ``cancel``, through the real router and processor."""

from collections.abc import Iterator
from typing import Any

import pytest

from streamer import App, Progress, Request
from streamer.records import RequestKey, Status
from streamer.testing import LocalConnection, LocalService, RequestFailed, message_event

KEY = RequestKey("acme#ada", "r-1")


@pytest.fixture
def service() -> Iterator[LocalService]:
    app = App()

    @app.action("report", queued=True)
    def report(request: Request, progress: Progress) -> str:
        raise AssertionError("a request that was cancelled before its first attempt never runs")

    @app.action("quick", queued=True)
    def quick(request: Request) -> str:
        return "done"

    with LocalService(app) as service:
        yield service


@pytest.fixture
def ada(service: LocalService) -> LocalConnection:
    return service.connect(user_id="ada", tenant_id="acme")


def waiting(service: LocalService, ada: LocalConnection) -> None:
    """Store a request that no run has come to yet."""
    event = message_event({"action": "report", "id": "r-1"}, connection_id=ada.connection_id, now=service.clock())
    service.handlers.router(event, service._context())


def test_a_waiting_request_is_cancelled_told_and_never_starts(service: LocalService, ada: LocalConnection) -> None:
    waiting(service, ada)

    assert ada.call("cancel", {"request_id": "r-1"}, id="c-1") == {
        "request_id": "r-1",
        "status": "CANCELLED",
        "cancelled": True,
    }

    assert service.requests.records[KEY].status is Status.CANCELLED
    assert [(m["type"], m.get("reason")) for m in ada.received if m["request_id"] == "r-1"] == [
        ("acknowledgment", None),
        ("cancelled", "cancelled by its user"),
    ]


def test_cancelling_twice_changes_nothing(service: LocalService, ada: LocalConnection) -> None:
    waiting(service, ada)
    first = ada.call("cancel", {"request_id": "r-1", "reason": "changed my mind"})
    stored = service.requests.records[KEY]

    assert ada.call("cancel", {"request_id": "r-1"}) == first
    assert service.requests.records[KEY] == stored
    assert [m["reason"] for m in ada.received if m["type"] == "cancelled"] == ["changed my mind"]


def test_a_request_that_is_over_stays_as_it_is(ada: LocalConnection) -> None:
    ada.call("quick", id="r-2")

    assert ada.call("cancel", {"request_id": "r-2"}) == {
        "request_id": "r-2",
        "status": "COMPLETED",
        "cancelled": False,
    }


def test_cancelling_costs_one_write(service: LocalService, ada: LocalConnection) -> None:
    waiting(service, ada)
    service.requests.calls.clear()
    event = message_event({"action": "cancel", "payload": {"request_id": "r-1"}}, connection_id=ada.connection_id)

    service.handlers.router(event, service._context())

    assert service.requests.calls == ["UpdateItem"]


@pytest.mark.parametrize(
    ("who", "payload", "code"),
    [
        pytest.param(("bob", "acme", []), {"request_id": "r-1"}, "NOT_FOUND", id="an id of another user"),
        pytest.param(("bob", "acme", []), {"request_id": "r-1", "user_id": "ada"}, "FORBIDDEN", id="another user"),
        pytest.param(
            ("bob", "evil", ["requests:cancel"]),
            {"request_id": "r-1", "user_id": "ada"},
            "NOT_FOUND",
            id="another tenant",
        ),
        pytest.param(
            ("bob", "evil", ["requests:cancel"]),
            {"request_id": "r-1", "user_id": "acme#ada"},
            "NOT_FOUND",
            id="a forged key",
        ),
        pytest.param(("ada", "acme", []), {"request_id": "nothing"}, "NOT_FOUND", id="nothing"),
        pytest.param(("ada", "acme", []), {}, "VALIDATION_ERROR", id="no id"),
        pytest.param(("ada", "acme", []), {"request_id": 1}, "VALIDATION_ERROR", id="an id that is none"),
        pytest.param(
            ("ada", "acme", []), {"request_id": "r-1", "user_id": 1}, "VALIDATION_ERROR", id="a user that is none"
        ),
        pytest.param(("ada", "acme", []), "r-1", "VALIDATION_ERROR", id="no object"),
    ],
)
def test_who_may_not_cancel(
    service: LocalService, ada: LocalConnection, who: tuple[str, str, list[str]], payload: Any, code: str
) -> None:
    waiting(service, ada)
    user_id, tenant_id, permissions = who
    other = service.connect(user_id=user_id, tenant_id=tenant_id, permissions=permissions)
    event = message_event({"action": "cancel", "payload": payload}, connection_id=other.connection_id)

    service.handlers.router(event, service._context())

    assert other.received[-1]["error"]["code"] == code
    assert service.requests.records[KEY].status is Status.PENDING


@pytest.mark.parametrize("user_id", ["u" * 2048, "\ud800"], ids=["too long", "no text"])
def test_a_user_whom_no_key_can_name_is_not_asked_for(service: LocalService, user_id: str) -> None:
    admin = service.connect(user_id="root", tenant_id="acme", permissions=["requests:cancel"])

    with pytest.raises(RequestFailed, match="NOT_FOUND"):
        admin.call("cancel", {"request_id": "r-1", "user_id": user_id})
    assert service.requests.calls == []


def test_with_permission_requests_of_the_tenants_users_can_be_cancelled(
    service: LocalService, ada: LocalConnection
) -> None:
    waiting(service, ada)
    admin = service.connect(user_id="root", tenant_id="acme", permissions=["requests:cancel"])

    assert admin.call("cancel", {"request_id": "r-1", "user_id": "ada"})["cancelled"] is True
    assert ada.received[-1]["reason"] == "cancelled by another user with permission"


def test_a_client_that_sends_a_cancelled_request_again_is_told_so(service: LocalService, ada: LocalConnection) -> None:
    waiting(service, ada)
    ada.call("cancel", {"request_id": "r-1"})

    assert [message["type"] for message in ada.send({"action": "report", "id": "r-1"})] == ["cancelled"]


def test_nobody_has_to_guess_that_an_error_is_raised(ada: LocalConnection) -> None:
    with pytest.raises(RequestFailed, match="NOT_FOUND: there is no request 'nothing'"):
        ada.call("cancel", {"request_id": "nothing"})
