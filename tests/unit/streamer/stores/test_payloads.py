"""Large payloads of requests, kept apart."""

import pytest
from streamer_records import NOW, request_record

from streamer.aws_limits import attributes_bytes
from streamer.records import KEPT_SECONDS
from streamer.requests.runs import row_changes
from streamer.service import describe
from streamer.stores.items import request_item
from streamer.stores.items import request_record as read_request
from streamer.stores.payloads import APART_BYTES, WAITING_SECONDS, apart, joined

LARGE = f'"{"x" * 50_000}"'


def test_a_request_that_is_stored_with_a_large_payload_apart_takes_less_than_a_kilobyte() -> None:
    stored, payload = apart(request_record(payload_json=LARGE), kept_seconds=KEPT_SECONDS)

    assert attributes_bytes(request_item(stored)) < 1024
    assert payload is not None
    assert 50_000 < attributes_bytes(payload.item) < 51_000


@pytest.mark.parametrize(
    ("payload_json", "metadata_json"),
    [
        pytest.param(LARGE, "{}", id="payload"),
        pytest.param("1", f'{{"m":{LARGE}}}', id="metadata"),
        pytest.param(f'"{"x" * (APART_BYTES // 2)}"', f'"{"y" * (APART_BYTES // 2)}"', id="both together"),
        pytest.param('"\\ud83d' + "ä" * APART_BYTES + '"', "{}", id="not ASCII"),
    ],
)
def test_what_is_apart_and_the_request_are_the_whole_again(payload_json: str, metadata_json: str) -> None:
    record = request_record(payload_json=payload_json, metadata_json=metadata_json)
    stored, payload = apart(record, kept_seconds=KEPT_SECONDS)

    assert payload is not None
    found = joined(read_request(request_item(stored)), payload.item)
    assert (found.payload_json, found.metadata_json) == (payload_json, metadata_json)
    assert found == joined(stored, payload.item)


def test_a_small_payload_stays_with_its_request() -> None:
    record = request_record(payload_json=f'"{"x" * (APART_BYTES - 4)}"', metadata_json="{}")

    assert apart(record, kept_seconds=KEPT_SECONDS) == (record, None)


def test_the_key_tells_contents_and_requests_apart_and_repetitions_alike() -> None:
    records = [
        request_record(payload_json=LARGE),
        request_record(payload_json=LARGE),
        request_record(payload_json=f"[{LARGE}]"),
        request_record(payload_json=LARGE, request_id="r-2"),
    ]
    keys = [apart(record, kept_seconds=KEPT_SECONDS)[0].payload_key for record in records]

    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert all(key is not None and key.startswith("#payload#") and len(key) < 1024 for key in keys)


def test_it_outlives_a_request_that_waited_and_was_kept() -> None:
    _, payload = apart(request_record(payload_json=LARGE), kept_seconds=100)

    assert payload is not None
    assert payload.expires_at == int(NOW) + 100 + WAITING_SECONDS


def test_a_payload_that_is_not_there_any_more_stays_unknown() -> None:
    stored, _ = apart(request_record(payload_json=LARGE), kept_seconds=KEPT_SECONDS)

    assert joined(stored, None) == stored
    assert stored.payload_json is None


def test_the_stream_starts_nothing_for_it() -> None:
    _, payload = apart(request_record(payload_json=LARGE), kept_seconds=KEPT_SECONDS)
    assert payload is not None
    item = payload.item
    keys = {name: item[name] for name in ("owner", "request_id")}
    change = {"SequenceNumber": "1", "Keys": keys, "NewImage": item}

    (found,) = row_changes({"Records": [{"eventName": "INSERT", "dynamodb": change}]})

    assert found.run is None
    topology = describe(target="app:app", table_prefix="t_", stage="dev", needed=(), environment={})
    (mapping,) = topology.event_source_mappings
    # Filtered before anybody is invoked: every pattern asks for a status, which it does not have.
    assert all("status" in pattern["dynamodb"]["NewImage"] for pattern in mapping.filters)
    assert "status" not in item
    assert "due_at" not in item
