from typing import Any

import pytest

from streamer.demo import app
from streamer.testing import LocalService, RequestFailed


def test_echo_answers_with_the_payload() -> None:
    with LocalService(app) as service:
        assert service.connect().call("echo", {"a": [1, None]}) == {"a": [1, None]}


def test_report_shows_progress_after_each_step_and_returns_a_summary() -> None:
    with LocalService(app) as service:
        acknowledgment, *progress, complete = service.connect(user_id="ada").send(
            {"action": "report", "payload": {"steps": 4, "seconds": 0}}
        )

    assert acknowledgment["status"] == "queued"
    assert [message["percentage"] for message in progress] == [25, 50, 75, 100]
    assert (complete["result"]["steps"], complete["result"]["for"]) == (4, "ada")


def test_report_takes_ten_steps_in_two_seconds_unless_told() -> None:
    report = app.find("report")

    assert report is not None
    assert report.validated(None) == {"steps": 10, "seconds": 2}


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param([1], id="a list"),
        pytest.param("ten", id="a string"),
        pytest.param({"step": 3}, id="an unknown option"),
        pytest.param({"steps": 0}, id="no steps"),
        pytest.param({"steps": True}, id="steps as a boolean"),
        pytest.param({"steps": 1.5}, id="half a step"),
        pytest.param({"seconds": -1}, id="negative time"),
        pytest.param({"seconds": "2"}, id="time as a string"),
    ],
)
def test_report_refuses_what_makes_no_sense(payload: Any) -> None:
    with LocalService(app) as service, pytest.raises(RequestFailed) as caught:
        service.connect().call("report", payload)
    assert caught.value.code == "VALIDATION_ERROR"


def test_fail_is_an_internal_error() -> None:
    with LocalService(app) as service, pytest.raises(RequestFailed) as caught:
        service.connect().call("fail")
    assert caught.value.code == "INTERNAL_ERROR"
