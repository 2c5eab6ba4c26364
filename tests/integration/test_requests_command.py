"""``streamer requests`` against the embedded DynamoDB and its queues, as an emulator of this folder serves them."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from dynamodb_engines import Engine, OurEngine, embedded_engine
from streamer_records import NOW, request_record

import cli
from deploy.command.requests import is_trouble, put_back_line
from deploy.errors import DeployError
from deploy.place import LocalEmulator, emulator_here
from emulator.dynamodb.endpoints.tables import create_tables
from streamer.records import KEPT_SECONDS, Failure, ProgressPoint, RequestRecord, Status
from streamer.requests.runs import run_event
from streamer.service import tables
from streamer.stores.dynamodb_requests import DynamoRequestStore
from streamer.stores.items import TTL

FAILURE = Failure(code="PROCESSING_FAILED", message="the disk is full", retryable=True)
FAILED = request_record(request_id="failed", status=Status.FAILED, attempt=3, max_attempts=3, error=FAILURE)
DONE = request_record(request_id="done", status=Status.COMPLETED, attempt=1, result_json='{"url":"x"}')
STUCK = request_record(request_id="stuck", status=Status.PROCESSING, attempt=1, due_at=NOW)


@pytest.fixture
def engine(nothing_there: OurEngine) -> Engine:
    create_tables(nothing_there.embedded, tables("streamer_"))
    nothing_there.client("sqs").create_queue(QueueName="dead-letters")
    return nothing_there


@pytest.fixture
def nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OurEngine]:
    """An emulator of a service of plain handlers."""
    with embedded_engine() as engine:
        folder = tmp_path / ".streamer"
        folder.mkdir()
        addresses = {"management_url": f"{engine.url}/dev", "dynamodb_url": engine.url, "pid": os.getpid()}
        (folder / "emulator.json").write_text(json.dumps(addresses), "utf-8")
        monkeypatch.chdir(tmp_path)
        yield engine


def stored(engine: Engine, *records: RequestRecord) -> DynamoRequestStore:
    store = DynamoRequestStore(engine.client, "streamer_requests")
    for record in records:
        store.create(record, now=NOW)
    return store


def dead_letter(engine: Engine, record: RequestRecord, error: str = "Task timed out") -> None:
    sqs = engine.client("sqs")
    body = {
        "timestamp": "2026-01-01T12:00:00.000Z",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": run_event(record.key),
        "responsePayload": {"errorMessage": error},
    }
    url = sqs.get_queue_url(QueueName="dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, ["requests", *arguments], standalone_mode=False, catch_exceptions=False)


def lines(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*arguments, "--json").stdout.splitlines()]


def test_all_requests_are_listed_newest_first(engine: Engine) -> None:
    stored(engine, FAILED, replace(DONE, updated_at=NOW + 5), STUCK)

    assert lines()[0]["request_id"] == "done"
    assert {each["request_id"] for each in lines()} == {"failed", "done", "stuck"}
    assert len(lines("--limit", "2")) == 2


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        (("--tenant", "acme"), {"failed", "done"}),
        (("--user", "bob"), {"done", "others"}),
        (("--tenant", "acme", "--user", "bob"), {"done"}),
        (("--tenant", "acme", "--user", "bob", "--failed"), set()),
        (("--user", "nobody"), set()),
    ],
    ids=["tenant", "user", "owner", "owner and status", "nobody's"],
)
def test_those_of_a_tenant_and_of_a_user_are_listed(engine: Engine, options: tuple[str, ...], listed: set[str]) -> None:
    stored(
        engine, FAILED, replace(DONE, user_id="bob"), replace(STUCK, tenant_id="b", user_id="bob", request_id="others")
    )

    assert {each["request_id"] for each in lines(*options)} == listed


def test_dead_letters_of_others_are_not_listed_with_a_user_s_failed_requests(engine: Engine) -> None:
    stored(engine, FAILED, STUCK)
    dead_letter(engine, FAILED)
    dead_letter(engine, replace(STUCK, user_id="bob"))

    found = lines("--failed", "--tenant", "acme", "--user", "ada")

    assert [each["owner"] for each in found if each["kind"] == "dead letter"] == [FAILED.owner]


def test_a_group_s_user_counts_for_its_commands(engine: Engine) -> None:
    stored(engine, FAILED, replace(FAILED, user_id="bob"))

    assert json.loads(run("--user", "bob", "show", "failed").stdout)["user_id"] == "bob"


def test_lines_for_people_say_what_happened_below_a_heading(engine: Engine) -> None:
    stored(engine, FAILED, replace(DONE, updated_at=NOW - 5))

    heading, failed, done = run().stdout.splitlines()

    assert heading == "STATUS     REQUEST  ACTION  TENANT/USER  ATTEMPT  CHANGED              ERROR"
    assert failed.startswith("FAILED     failed   report  acme/ada     3 of 3   2026-01-01")
    assert failed.endswith("PROCESSING_FAILED: the disk is full")
    assert done.startswith("COMPLETED  done     report  acme/ada     1 of ")


def test_they_are_found_from_a_folder_below_the_project(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(engine, FAILED)
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")

    assert [each["request_id"] for each in lines()] == ["failed"]


@pytest.mark.parametrize(
    ("options", "told"),
    [((), "there are no requests"), (("--failed",), "there are no failed or stuck requests, no dead letters")],
    ids=["all", "failed"],
)
def test_that_there_are_none_is_said(engine: Engine, options: tuple[str, ...], told: str) -> None:
    done = run(*options)

    assert (done.stdout, done.stderr) == ("", f"streamer: {told}\n")


@pytest.mark.parametrize("command", [(), ("show", "x"), ("retry", "x")], ids=["list", "show", "retry"])
def test_a_service_that_is_no_app_keeps_no_requests(nothing_there: Engine, command: tuple[str, ...]) -> None:
    with pytest.raises(DeployError, match=r"^the service keeps no requests: it is no App, or"):
        run(*command)


def test_an_emulator_that_does_not_answer_is_one_line(nothing_there: Engine, tmp_path: Path) -> None:
    gone = {"management_url": "http://127.0.0.1:1/dev", "dynamodb_url": "http://127.0.0.1:1", "pid": os.getpid()}
    (tmp_path / ".streamer" / "emulator.json").write_text(json.dumps(gone), "utf-8")

    with pytest.raises(DeployError, match="was not answered: Could not connect"):
        run()


ADDRESSES: dict[str, Any] = {"management_url": "http://127.0.0.1:1/dev", "dynamodb_url": "http://127.0.0.1:1"}
READY: dict[str, Any] = {**ADDRESSES, "pid": os.getpid()}
"""Of an emulator that runs, and does not answer."""

PIDS: dict[str, Any] = {
    "10^20": 10**20,
    "2^70": 2**70,
    "zero": 0,
    "-1": -1,
    "a group": -os.getpid(),
    "true": True,
    "null": None,
    "a fraction": os.getpid() + 0.5,
    "a text": str(os.getpid()),
    "a list": [os.getpid()],
    "an object": {},
}
"""What is no process's id."""


def both(url: Any) -> dict[str, Any]:
    """A ready file in which both addresses are the same."""
    return {**READY, "management_url": url, "dynamodb_url": url}


@pytest.mark.parametrize(
    "content",
    [
        *(pytest.param(text, id=repr(text)) for text in ("", "{", "[]", "{}", "null", "1", '"x"', "\ufffd")),
        pytest.param("[" * 100_000, id="nested too deep"),
        pytest.param(json.dumps(READY).replace(str(os.getpid()), "1e400"), id="an endless pid"),
        pytest.param(json.dumps(READY).replace(str(os.getpid()), "1" * 5000), id="a pid of 5,000 digits"),
        *(pytest.param({**READY, "pid": pid}, id=f"pid {kind}") for kind, pid in PIDS.items()),
        *(pytest.param({name: READY[name] for name in READY if name != gone}, id=f"no {gone}") for gone in READY),
        *(
            pytest.param({**READY, name: url}, id=f"{name} {url!r}")
            for name in ADDRESSES
            for url in ("x", "", "http://", "file:///etc/passwd", "http://127.0.0.1:x", "http://[", None)
        ),
        *(
            pytest.param(both(url), id=f"both {url!r}")
            for url in (
                "http://127.0.0.1:99999",
                "http://127.0.0.1:0",
                "http://a b",
                "http://a..b",
                "http://-a",
                "http://\ud800",
                "http://\x1b]0;x\x07",
                ["http://127.0.0.1:1"],
                True,
                10**20,
            )
        ),
    ],
)
def test_a_ready_file_of_another_kind_is_no_emulator_and_one_line(
    content: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".streamer").mkdir()
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / ".streamer" / "emulator.json").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(
        DeployError, match=r"^no emulator runs in .* or above; start `streamer emulate`, or name a --stage"
    ):
        run()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "my-db.example.com"])
def test_an_emulator_may_have_any_host(host: str, tmp_path: Path) -> None:
    (tmp_path / ".streamer").mkdir()
    (tmp_path / ".streamer" / "emulator.json").write_text(json.dumps(both(f"http://{host}:8000/dev")), "utf-8")

    assert emulator_here(tmp_path) == LocalEmulator(f"http://{host}:8000", f"http://{host}:8000/dev")


def test_failed_ones_stuck_ones_and_dead_letters_are_trouble(engine: Engine) -> None:
    stored(engine, FAILED, DONE, STUCK)
    dead_letter(engine, FAILED)

    found = lines("--failed")

    assert {each.get("request_id") for each in found if each["kind"] == "request"} == {"failed", "stuck"}
    (letter,) = [each for each in found if each["kind"] == "dead letter"]
    assert (letter["request_id"], letter["condition"], letter["error"]) == (
        "failed",
        "RetriesExhausted",
        "Task timed out",
    )
    assert "DEAD LETTER  request failed  RetriesExhausted" in run("--failed").stdout


HOSTILE = "\x1b]52;c;aGk=\x07 \x9b31m \x7f\b\r\nFAILED  forged\u2028row\u202e"
"""Writes the clipboard, colours, erases, adds rows and turns the direction of writing."""


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        pytest.param((), 2, id="list"),
        pytest.param(("--failed",), 3, id="list with a dead letter"),
        pytest.param(("--json",), 1, id="JSON"),
        pytest.param(("--failed", "--json"), 2, id="JSON with a dead letter"),
        pytest.param(("show", HOSTILE), None, id="show"),
        pytest.param(("wait", HOSTILE), None, id="wait"),
    ],
)
def test_what_clients_wrote_reaches_the_terminal_escaped_and_makes_no_rows_of_its_own(
    engine: Engine, arguments: tuple[str, ...], rows: int | None
) -> None:
    failure = Failure(code="PROCESSING_FAILED", message=f"message {HOSTILE}", retryable=True)
    hostile = replace(
        FAILED, request_id=HOSTILE, action=f"action {HOSTILE}", payload_json=json.dumps(HOSTILE), error=failure
    )
    stored(engine, hostile)
    dead_letter(engine, hostile, f"letter {HOSTILE}")

    said = run(*arguments).stdout

    assert [each for each in said if not each.isprintable() and each != "\n"] == []
    assert "forged" in said
    assert rows is None or said.count("\n") == rows
    if "--json" in arguments:
        assert {json.loads(line)["request_id"] for line in said.splitlines()} == {HOSTILE}


def test_a_request_is_shown_with_everything(engine: Engine) -> None:
    stored(engine, replace(DONE, progress=ProgressPoint(percentage=50)))

    shown = json.loads(run("show", "done").stdout)

    assert (shown["result"], shown["payload"]) == ({"url": "x"}, {"pages": 3})
    assert "progress" not in shown  # the last that was stored says nothing of a request that is complete


@pytest.mark.parametrize("named", [(), ("--tenant", "acme", "--user", "ada")], ids=["by its id", "by its key"])
def test_a_large_payload_that_is_kept_apart_is_shown_and_listed_nowhere(engine: Engine, named: tuple[str, ...]) -> None:
    stored(engine, replace(DONE, payload_json=f'"{"x" * 20_000}"'))

    assert json.loads(run("show", "done", *named).stdout)["payload"] == "x" * 20_000
    assert [each["request_id"] for each in lines()] == ["done"]


def test_how_far_a_failed_request_came_is_shown(engine: Engine) -> None:
    stored(engine, replace(FAILED, progress=ProgressPoint(percentage=50)))

    assert json.loads(run("show", "failed").stdout)["progress"]["percentage"] == 50


def test_a_failed_request_is_put_back_and_its_dead_letters_are_removed(engine: Engine) -> None:
    store = stored(engine, FAILED)
    dead_letter(engine, FAILED)

    result = run("retry", "failed", "--attempts", "2")

    after = store.get(FAILED.key)
    assert after is not None
    assert (after.status, after.attempt, after.max_attempts, after.error) == (Status.PENDING, 3, 5, None)
    assert result.stdout == "request failed runs again; 1 of its dead letters removed\n"
    assert lines("--failed") == []


def test_of_a_request_on_its_way_it_is_not_said_that_it_runs_again() -> None:
    assert put_back_line(STUCK, 0) == (
        "request stuck is PROCESSING; it gets another run, which changes nothing unless it is stuck"
    )


def test_a_large_payload_is_kept_for_a_request_that_is_put_back_as_long_as_for_a_new_one(engine: Engine) -> None:
    stored(engine, replace(FAILED, payload_json=f'"{"x" * 20_000}"'))

    run("retry", "failed")

    rows = engine.client("dynamodb").scan(TableName="streamer_requests")["Items"]
    kept = [float(row[TTL]["N"]) for row in rows if row["request_id"]["S"].startswith("#payload#")]
    assert [until > time.time() + KEPT_SECONDS for until in kept] == [True]


def test_what_has_succeeded_is_not_run_again(engine: Engine) -> None:
    store = stored(engine, DONE)

    result = run("retry", "done")

    assert result.return_value == 1
    assert "nothing to retry" in result.stderr
    assert store.get(DONE.key) == DONE


def test_an_id_of_several_users_asks_whose(engine: Engine) -> None:
    store = stored(engine, FAILED, replace(FAILED, user_id="bob"))

    with pytest.raises(DeployError, match="--tenant acme --user bob"):
        run("retry", "failed")
    run("retry", "failed", "--tenant", "acme", "--user", "bob")

    assert store.get(FAILED.key) == FAILED


@pytest.mark.parametrize("command", ["show", "retry"])
def test_an_id_that_is_not_there_is_bad_input(engine: Engine, command: str) -> None:
    with pytest.raises(DeployError, match="there is no request 'nothing'"):
        run(command, "nothing")


def test_without_an_emulator_the_command_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(
        DeployError, match=f"no emulator runs in {tmp_path} or above; start `streamer emulate`, or name a --stage"
    ):
        run()


@pytest.mark.parametrize(
    ("record", "trouble"),
    [
        pytest.param(FAILED, True, id="failed"),
        pytest.param(DONE, False, id="completed"),
        pytest.param(STUCK, True, id="nobody has seen to it"),
        pytest.param(replace(STUCK, due_at=NOW + 900), False, id="running"),
        pytest.param(replace(STUCK, due_at=NOW + 990), False, id="the next sweep will"),
    ],
)
def test_what_is_trouble(record: RequestRecord, trouble: bool) -> None:
    assert is_trouble(record, now=NOW + 1000) is trouble


def test_one_that_runs_can_be_ended(engine: Engine) -> None:
    store = stored(engine, STUCK)

    done = run("cancel", "stuck", "--reason", "the disk is full")

    assert (done.return_value, done.stdout) == (0, "request stuck is cancelled\n")
    record = store.get(STUCK.key)
    assert record is not None
    assert (record.status, record.error) == (
        Status.CANCELLED,
        Failure(code="CANCELLED", message="the disk is full"),
    )


@pytest.mark.parametrize(
    ("kept_seconds", "expected"), [(None, KEPT_SECONDS), (900, 900)], ids=["as most services", "as the service said"]
)
def test_one_that_is_ended_is_kept_for_as_long_as_its_service_keeps_requests(
    engine: Engine, kept_seconds: int | None, expected: int
) -> None:
    store = stored(engine, replace(STUCK, kept_seconds=kept_seconds))

    run("cancel", "stuck")

    record = store.get(STUCK.key)
    assert record is not None
    assert record.expires_at == int(record.updated_at) + expected


@pytest.mark.parametrize("name", ["done", "failed"])
def test_one_that_has_ended_cannot_be_ended(engine: Engine, name: str) -> None:
    stored(engine, DONE, FAILED)

    done = run("cancel", name)

    assert (done.return_value, done.stdout) == (1, "")
    assert done.stderr == f"streamer: request {name} has ended already; there is nothing to cancel\n"


@pytest.mark.parametrize(("record", "status"), [(DONE, 0), (FAILED, 1)], ids=["complete", "failed"])
def test_one_that_has_ended_is_not_waited_for(engine: Engine, record: RequestRecord, status: int) -> None:
    stored(engine, record)

    done = run("wait", record.request_id)

    assert done.return_value == status
    assert json.loads(done.stdout)["status"] == record.status


def test_waiting_has_an_end(engine: Engine) -> None:
    stored(engine, STUCK)

    done = run("wait", "stuck", "--timeout", "0")

    assert done.return_value == 1
    assert done.stderr == "streamer: request stuck goes on (PROCESSING) after 0 seconds\n"
