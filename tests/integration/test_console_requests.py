"""The console's list of queued requests: how far each is, another run, and an end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from console_world import Asked, running

from emulator.console.settings import ConsoleSettings
from streamer.client import RequestFailedError

SECRET = "s" * 32
OWNER = {"tenant": "acme", "user": "ada"}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    settings = ConsoleSettings(target="app:app", is_app=True, secret=SECRET)
    with running(tmp_path_factory.mktemp("requests"), "inline", settings, {"JWT_SECRET": SECRET}) as found:
        yield found


def ask_for(asked: Asked, request_id: str, payload: dict[str, Any], *, user: str = "ada") -> None:
    with asked.emulator.connect(user, "acme") as client:
        if "name" in payload:
            client.request("slow", payload, id=request_id)
        else:
            with pytest.raises(RequestFailedError):
                client.request("slow", payload, id=request_id)


def once(asked: Asked, request_id: str, state: str) -> Any:
    """A request as soon as it is in that state."""
    after = 0
    while True:
        found = {one["request"]: one for one in asked.get("requests")["requests"]}
        if found.get(request_id, {}).get("state") == state:
            return found[request_id]
        after = asked.get(f"events?after={after}&wait=1")["next"]


def test_requests_are_listed_with_state_attempt_and_reason(asked: Asked) -> None:
    ask_for(asked, "good-1", {"name": "ada"})
    ask_for(asked, "bad-1", {})

    found = asked.get("requests")
    listed = {one["request"]: one for one in found["requests"]}

    assert (listed["good-1"]["state"], listed["good-1"]["is_final"]) == ("COMPLETED", True)
    assert (listed["bad-1"]["state"], listed["bad-1"]["attempt"], listed["bad-1"]["max_attempts"]) == ("FAILED", 1, 1)
    assert listed["bad-1"]["why"] == "PROCESSING_FAILED: KeyError: 'name'"
    assert found["counts"]["FAILED"] >= 1
    assert found["whole"] is True


def test_the_list_is_filtered_by_state_and_user(asked: Asked) -> None:
    ask_for(asked, "good-2", {"name": "bob"}, user="bob")
    ask_for(asked, "bad-2", {})

    assert {one["state"] for one in asked.get("requests?status=FAILED")["requests"]} == {"FAILED"}
    assert {one["user"] for one in asked.get("requests?user=bob")["requests"]} == {"bob"}
    assert len(asked.get("requests?limit=1")["requests"]) == 1
    assert asked.ask("api/requests?status=LOST")[0] == 400


def test_the_list_is_read_page_by_page_and_each_request_told_once_though_new_ones_come(asked: Asked) -> None:
    for number in range(5):
        ask_for(asked, f"page-{number}", {"name": "eve"}, user="eve")
    told, cursor, left = [], "", []
    while cursor is not None:
        found = asked.get(f"requests?user=eve&limit=2&cursor={cursor}")
        told += [one["request"] for one in found["requests"]]
        left.append(found["left"])
        cursor = found["next"]
        if len(told) == 2:
            ask_for(asked, "page-new", {"name": "eve"}, user="eve")

    assert told == [f"page-{number}" for number in reversed(range(5))]
    assert left == [3, 1, 0]


@pytest.mark.parametrize(
    "cursor",
    ["x", "W10", "bnVsbA", "%C3%A4", "WyJhIiwxLDIsMyw0XQ", "W1tb" * 5000],
    ids=["no base64", "an empty list", "null", "no ASCII", "other types", "nested deeply"],
)
def test_a_cursor_that_is_none_is_refused(asked: Asked, cursor: str) -> None:
    assert asked.ask(f"api/requests?cursor={cursor}")[0] == 400


def test_one_is_shown_whole(asked: Asked) -> None:
    ask_for(asked, "good:3", {"name": "ada", "password": "secret"})

    one = asked.get("requests/good%3A3?tenant=acme&user=ada")

    assert (one["payload"], one["result"]) == ({"name": "ada", "password": "\u2039hidden\u203a"}, "ADA")
    assert asked.ask("api/requests/good%3A3?tenant=acme&user=bob")[0] == 404


def test_one_with_a_large_payload_which_is_kept_apart_is_shown_whole_and_listed_once(asked: Asked) -> None:
    ask_for(asked, "large-1", {"name": "x" * 20_000, "password": "secret"})

    one = asked.get("requests/large-1?tenant=acme&user=ada")

    assert (one["payload"]["name"], one["payload"]["password"]) == ("x" * 20_000, "\u2039hidden\u203a")
    listed = [each["request"] for each in asked.get("requests")["requests"]]
    assert listed.count("large-1") == 1
    assert not [name for name in listed if name.startswith("#")]


def test_a_failed_one_is_tried_again(asked: Asked) -> None:
    ask_for(asked, "bad-4", {})

    status, told = asked.post("requests/bad-4/retry", **OWNER, attempts=2)

    assert (status, told["state"], told["max_attempts"]) == (200, "PENDING", 3)
    assert once(asked, "bad-4", "FAILED")["attempt"] == 2


@pytest.mark.parametrize("attempts", [0, 101, "2", True], ids=str)
def test_attempts_have_to_be_a_number_in_range(asked: Asked, attempts: Any) -> None:
    ask_for(asked, f"bad-5-{attempts}", {})

    assert asked.post(f"requests/bad-5-{attempts}/retry", **OWNER, attempts=attempts)[0] == 400


def test_what_is_over_is_neither_run_nor_cancelled(asked: Asked) -> None:
    ask_for(asked, "good-6", {"name": "ada"})

    assert asked.post("requests/good-6/retry", **OWNER)[0] == 409
    assert asked.post("requests/good-6/cancel", **OWNER)[0] == 409
    assert asked.post("requests/nothing/cancel", **OWNER)[0] == 404


def test_one_that_runs_is_cancelled_in_its_owners_name(asked: Asked) -> None:
    with ThreadPoolExecutor() as pool, asked.emulator.connect("ada", "acme") as client:
        heard = pool.submit(lambda: [*client.events("wait", {}, id="wait-7")])
        once(asked, "wait-7", "PROCESSING")

        status, told = asked.post("requests/wait-7/cancel", **OWNER, reason="not needed")

        assert (status, told["state"], told["why"]) == (200, "CANCELLED", "CANCELLED: not needed")
        assert heard.result(timeout=60)[-1].type == "cancelled"


def test_plain_handlers_have_no_requests(tmp_path: Path) -> None:
    with running(tmp_path, "process", ConsoleSettings(is_app=False), {"JWT_SECRET": SECRET}) as found:
        status, content, _headers = found.ask("api/requests")

    assert (status, content["message"].partition(";")[0]) == (404, "only an App has queued requests")
