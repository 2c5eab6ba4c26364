"""The console's view of streams and queues: how far mappings are, stream records, dead letters."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from console_world import Asked, running

from emulator.console.settings import ConsoleSettings
from streamer.topology import Queue

SECRET = "s" * 32
WORK = (Queue(name="work", dead_letter_queue="failed", maximum_receives=3), Queue(name="failed"))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("streams")
    settings = ConsoleSettings(is_app=True)
    with running(folder, "inline", settings, {"JWT_SECRET": SECRET}, queues=WORK) as found:
        with found.emulator.connect("ada", "acme") as client:
            client.request("slow", {"name": "ada"}, id="s1")
        yield found


def sqs(asked: Asked, operation: str, queue: str, **parameters: Any) -> None:

    connection = http.client.HTTPConnection(asked.address, timeout=60)
    headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    url = f"http://{asked.address}/queue/{queue}"
    connection.request("POST", "/", json.dumps({"QueueUrl": url, **parameters}), headers)
    assert connection.getresponse().status == 200
    connection.close()


def until_settled(asked: Asked) -> dict[str, Any]:
    after = 0
    while True:
        (mapping,) = asked.get("mappings")["mappings"]
        if mapping["shards"] and mapping["shards"][0]["settled"] == mapping["shards"][0]["read"]:
            found: dict[str, Any] = mapping
            return found
        after = asked.get(f"events?after={after}&wait=1")["next"]


def test_a_mapping_tells_how_far_it_is(asked: Asked) -> None:
    mapping = until_settled(asked)

    assert (mapping["function"], mapping["source"], mapping["state"]) == ("processor", "streamer_requests", "Enabled")
    assert (mapping["batches"] >= 1, mapping["failed"], mapping["last_result"]) == (True, 0, "OK")
    assert mapping["shards"][0]["lanes"][0] == {
        "waiting": 0, "flying": 0, "attempts": 0, "failures": 0, "retry_at": None, "oldest_at": None,
    }  # fmt: skip


def test_records_of_a_stream_are_shown_with_old_and_new(asked: Asked) -> None:
    records = asked.get("streams/streamer_requests")["records"]

    mine = [each for each in records if each["keys"]["request_id"] == {"S": "s1"}]
    assert (mine[-1]["event"], mine[-1]["old"], mine[-1]["new"]["status"]) == ("INSERT", None, {"S": "PENDING"})
    assert (mine[0]["new"]["status"]) == {"S": "COMPLETED"}
    assert asked.ask("api/streams/streamer_connections")[0] == 404
    assert asked.ask("api/streams/nothing")[0] == 404


def test_queues_are_counted_looked_at_redriven_and_purged(asked: Asked) -> None:
    sqs(asked, "SendMessage", "failed", MessageBody='{"order": 7}')

    listed = {each["name"]: each for each in asked.get("queues")["queues"]}
    shown = asked.get("queues/failed")
    moved = asked.ask("api/queues/failed/redrive", method="POST", body={})[1]

    assert (listed["failed"]["waiting"], listed["failed"]["filled_by"]) == (1, ["work"])
    assert [message["body"] for message in shown["messages"]] == [{"order": 7}]
    assert moved == {"moved": 1, "to": "work"}
    assert (asked.get("queues/work")["waiting"], asked.get("queues/work")["messages"]) == (1, None)
    assert asked.ask("api/queues/work/purge", method="POST", body={})[0] == 200
    assert asked.get("queues/work")["waiting"] == 0


def test_dead_letters_go_back_where_they_came_from_or_nowhere(asked: Asked) -> None:
    assert asked.ask("api/queues/work/redrive", method="POST", body={})[0] == 409
    assert asked.ask("api/queues/nothing/purge", method="POST", body={})[0] == 404
