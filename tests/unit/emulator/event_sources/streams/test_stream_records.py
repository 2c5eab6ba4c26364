"""The record that a function receives, whatever the engine returned."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.event_sources.streams.records import corrected, stream_record

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/Messages/stream/2026-01-01T11:59:00.123"
KEYS = {"room": {"S": "blue"}, "ts": {"S": "0001"}}
OLD = KEYS | {"text": {"S": "hello"}}
NEW = KEYS | {"text": {"S": "hello!"}}


def raw(event_name: str = "MODIFY", view: str = "NEW_AND_OLD_IMAGES", **over: Any) -> dict[str, Any]:
    """What GetRecords of plain moto gives, parsed by botocore."""
    change = {
        "StreamViewType": view,
        "ApproximateCreationDateTime": datetime.datetime(2026, 1, 1, 12, 0, 6, 789000, datetime.UTC),
        "SequenceNumber": "1100000000017454423009",
        "SizeBytes": 1,
        "Keys": KEYS,
        "NewImage": NEW,
        "OldImage": OLD,
    } | over.pop("change", {})
    return {
        "eventID": "1c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f",
        "eventName": event_name,
        "eventSource": "aws:dynamodb",
        "eventVersion": "1.0",
        "awsRegion": "us-east-1",
        "dynamodb": change,
    } | over


def event_of(record: dict[str, Any]) -> Any:
    return json.loads(stream_record(corrected(record), stream_arn=ARN, partition_key="room").body)


def test_record_has_awss_shape_values_and_key_order() -> None:
    record = stream_record(corrected(raw()), stream_arn=ARN, partition_key="room")

    assert record.body.decode() == json.dumps(
        {
            "eventID": "1c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f",
            "eventName": "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1767268806.0,
                "Keys": KEYS,
                "NewImage": NEW,
                "OldImage": OLD,
                "SequenceNumber": "1100000000017454423009",
                "SizeBytes": 61,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN": ARN,
        },
        separators=(",", ":"),
    )


def test_expiry_names_the_service_between_the_change_and_the_arn() -> None:
    expired = raw("REMOVE", userIdentity={"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"})

    event = event_of(expired)

    assert event["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert list(event)[-3:] == ["dynamodb", "userIdentity", "eventSourceARN"]


@pytest.mark.parametrize("identity", [None, {}], ids=["null", "empty"])
def test_other_records_have_no_identity(identity: object) -> None:
    assert "userIdentity" not in event_of(raw(userIdentity=identity))


@pytest.mark.parametrize(
    ("view", "event_name", "images"),
    [
        pytest.param("KEYS_ONLY", "MODIFY", set(), id="keys only"),
        pytest.param("NEW_IMAGE", "MODIFY", {"NewImage"}, id="new image"),
        pytest.param("OLD_IMAGE", "MODIFY", {"OldImage"}, id="old image"),
        pytest.param("NEW_AND_OLD_IMAGES", "MODIFY", {"NewImage", "OldImage"}, id="both"),
    ],
)
def test_images_that_the_view_excludes_are_absent(view: str, event_name: str, images: set[str]) -> None:
    assert {"NewImage", "OldImage"} & event_of(raw(event_name, view))["dynamodb"].keys() == images


def test_an_image_that_an_event_does_not_have_is_absent_rather_than_null() -> None:
    assert "OldImage" not in event_of(raw("INSERT", change={"OldImage": None}))["dynamodb"]


@pytest.mark.parametrize(
    "given_time",
    [
        datetime.datetime(2026, 1, 1, 12, 0, 6, 1, datetime.UTC),
        datetime.datetime(2026, 1, 1, 12, 0, 6, 1),  # noqa: DTZ001 - moto's, UTC without saying so
        datetime.datetime(2026, 1, 1, 14, 0, 6, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
        1767268806,
        1767268806.9,
        "1767268806.9",
        "2026-01-01T12:00:06.9Z",
    ],
    ids=["aware", "naive", "other zone", "int", "float", "number as text", "ISO"],
)
def test_creation_time_is_whole_epoch_seconds_as_a_float(given_time: object) -> None:
    body = stream_record(
        corrected(raw(change={"ApproximateCreationDateTime": given_time})), stream_arn=ARN, partition_key="room"
    ).body

    assert b'"ApproximateCreationDateTime":1767268806.0,' in body


@pytest.mark.parametrize("blob", [b"foobar", bytearray(b"foobar"), "Zm9vYmFy"], ids=["bytes", "bytearray", "wire"])
def test_blobs_are_base64_and_count_their_raw_bytes(blob: object) -> None:
    change = event_of(raw("INSERT", change={"NewImage": KEYS | {"b": {"B": blob}}, "OldImage": None}))["dynamodb"]

    assert change["NewImage"]["b"] == {"B": "Zm9vYmFy"}
    assert change["SizeBytes"] == 14 + 14 + 1 + 6


def test_blobs_are_found_at_any_depth() -> None:
    nested = {"L": [{"M": {"x": {"BS": [b"a", b"b"]}}}, {"NULL": True}]}

    change = event_of(raw(change={"NewImage": KEYS | {"n": nested}}))["dynamodb"]

    assert change["NewImage"]["n"] == {"L": [{"M": {"x": {"BS": ["YQ==", "Yg=="]}}}, {"NULL": True}]}


@pytest.mark.parametrize(
    ("given_id", "same"),
    [
        pytest.param("1C1D2E3F-4A5B-6C7D-8E9F-0A1B2C3D4E5F", "1c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f", id="uuid"),
        pytest.param("7", None, id="counter"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_event_id_is_32_lower_case_hex_digits_and_stays_the_same(given_id: str | None, same: bool) -> None:
    first, second = event_of(raw(eventID=given_id))["eventID"], event_of(raw(eventID=given_id))["eventID"]

    assert first == second == (same or first)
    assert re.fullmatch("[0-9a-f]{32}", first)


def test_label_of_the_source_arn_has_milliseconds() -> None:
    record = stream_record(corrected(raw()), stream_arn=ARN + "456", partition_key="room")

    assert record.event["eventSourceARN"] == ARN


def test_items_are_told_apart_by_partition_key_alone() -> None:
    def item(keys: dict[str, Any]) -> str:
        return stream_record(corrected(raw(change={"Keys": keys})), stream_arn=ARN, partition_key="room").item

    assert item({"room": {"S": "a"}, "ts": {"S": "1"}}) == item({"room": {"S": "a"}, "ts": {"S": "2"}})
    assert item({"room": {"S": "a"}}) != item({"room": {"S": "b"}})
    assert item({"room": {"S": "1"}}) != item({"room": {"N": "1"}})


values = st.recursive(
    st.one_of(
        st.builds(lambda s: {"S": s}, st.text()),
        st.builds(lambda n: {"N": str(n)}, st.decimals(allow_nan=False, allow_infinity=False)),
        st.builds(lambda b: {"B": b}, st.binary()),
        st.builds(lambda b: {"BOOL": b}, st.booleans()),
        st.builds(lambda s: {"SS": sorted(s)}, st.sets(st.text(), min_size=1)),
    ),
    lambda inner: st.one_of(
        st.builds(lambda v: {"L": v}, st.lists(inner, max_size=3)),
        st.builds(lambda v: {"M": v}, st.dictionaries(st.text(), inner, max_size=3)),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1), values, min_size=1, max_size=4))
def test_any_item_becomes_json_that_is_read_back_the_same(image: dict[str, Any]) -> None:
    record = stream_record(corrected(raw(change={"NewImage": image})), stream_arn=ARN, partition_key="room")

    assert json.loads(record.body) == record.event
