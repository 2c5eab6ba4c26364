"""Which notifications an event of S3 is for, and its text, compared with the documentation's example."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from emulator.services.s3.events import (
    ObjectEvent,
    bus_event,
    notification,
    refused_configuration,
    sequencer,
    told_of,
    wants,
)
from emulator.services.s3.events import test_event as told_test_event

AT = datetime(2026, 11, 27, 8, 30, 5, 250_000, tzinfo=UTC)
PUT = ObjectEvent(
    name="s3:ObjectCreated:Put",
    bucket="made",
    key="images/red flower.jpg",
    size=1024,
    etag="d41d8cd98f00b204e9800998ecf8427e",
    version="096fKKXTRTtl3on89fVO.nfljtsv6qko",
    region="eu-west-1",
    peer="127.0.0.1",
    principal="AKIAIOSFODNN7EXAMPLE",
)


def test_the_event_has_the_documented_shape() -> None:
    # [DOC] s3-docs:notification-content-structure
    assert notification(PUT, "uploads", AT, request_id="c3d13fe58de4c810" * 2) == {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-west-1",
                "eventTime": "2026-11-27T08:30:05.250Z",
                "eventName": "ObjectCreated:Put",
                "userIdentity": {"principalId": "AWS:AKIAIOSFODNN7EXAMPLE"},
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "c3d13fe58de4c810" * 4},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "uploads",
                    "bucket": {
                        "name": "made",
                        "ownerIdentity": {"principalId": "A3NL1KOZZKEXAMPLE"},
                        "arn": "arn:aws:s3:::made",
                    },
                    "object": {
                        "key": "images/red+flower.jpg",
                        "size": 1024,
                        "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                        "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
                        "sequencer": sequencer(AT),
                    },
                },
            }
        ]
    }


ORDERED = {"sequencer": sequencer(AT)}
TAG = {"eTag": "d41d8cd98f00b204e9800998ecf8427e"}


@pytest.mark.parametrize(
    ("name", "version", "about"),
    [
        ("s3:ObjectRemoved:Delete", "2.1", ORDERED),
        ("s3:ObjectRemoved:DeleteMarkerCreated", "2.1", {**TAG, **ORDERED}),
        ("s3:ObjectTagging:Put", "2.3", TAG),
        ("s3:ObjectTagging:Delete", "2.3", TAG),
        ("s3:ObjectAcl:Put", "2.3", TAG),
    ],
)
def test_what_is_told_of_an_object_depends_on_what_happened_to_it(
    name: str, version: str, about: dict[str, str]
) -> None:
    """[REC] ls-snap test_s3_notifications_sqs.py."""
    (record,) = notification(structs.replace(PUT, name=name), "uploads", AT, request_id="0" * 32)["Records"]

    assert record["eventVersion"] == version
    assert record["s3"]["object"] == {"key": "images/red+flower.jpg", "versionId": PUT.version, **about}


LATER = {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"}


@pytest.mark.parametrize(
    ("name", "detail_type", "about", "more"),
    [
        ("s3:ObjectCreated:Put", "Object Created", {"size": 1024, "etag": PUT.etag}, {"reason": "PutObject"}),
        ("s3:ObjectRemoved:Delete", "Object Deleted", {}, LATER),
        ("s3:ObjectAcl:Put", "Object ACL Updated", {"etag": PUT.etag}, {}),
        ("s3:ObjectTagging:Put", "Object Tags Added", {"etag": PUT.etag}, {}),
        ("s3:ObjectTagging:Delete", "Object Tags Deleted", {"etag": PUT.etag}, {}),
    ],
)
def test_a_bus_is_told_what_happened(name: str, detail_type: str, about: dict[str, Any], more: dict[str, str]) -> None:
    """[REC] ls-snap test_s3_notifications_eventbridge.py; [DOC] s3-docs:EventBridge for tags."""
    sent = bus_event(structs.replace(PUT, name=name), AT, account="123456789012", request_id="0" * 32)

    assert sent is not None
    assert (sent["source"], sent["detail-type"], sent["resources"]) == ("aws.s3", detail_type, ["arn:aws:s3:::made"])
    found = sent["detail"]
    assert found["object"].pop("sequencer", None) == (sequencer(AT) if more else None)
    assert found == {
        "version": "0",
        "bucket": {"name": "made"},
        "object": {"key": "images/red flower.jpg", "version-id": PUT.version, **about},
        "request-id": "0" * 16,
        "requester": "123456789012",
        "source-ip-address": "127.0.0.1",
        **more,
    }


def test_a_bus_is_not_told_of_what_it_has_no_name_for() -> None:
    restored = structs.replace(PUT, name="s3:ReducedRedundancyLostObject")
    assert bus_event(restored, AT, account="123456789012", request_id="0" * 32) is None


@pytest.mark.parametrize(
    ("events", "filters", "is_wanted"),
    [
        (["s3:ObjectCreated:*"], [], True),
        (["s3:ObjectCreated:Put"], [], True),
        (["s3:ObjectCreated:Copy", "s3:ObjectRemoved:*"], [], False),
        (["s3:ObjectCreated:*"], [{"Name": "prefix", "Value": "images/"}], True),
        (["s3:ObjectCreated:*"], [{"Name": "Prefix", "Value": "images/"}, {"Name": "Suffix", "Value": ".jpg"}], True),
        (["s3:ObjectCreated:*"], [{"Name": "prefix", "Value": "images/"}, {"Name": "suffix", "Value": ".png"}], False),
        (["s3:ObjectCreated:*"], [{"Name": "suffix", "Value": ""}], True),
    ],
    ids=["all-of-a-kind", "one", "others", "prefix", "capitals", "both-must-hold", "empty"],
)
def test_a_notification_is_for_kinds_of_events_and_beginnings_and_ends_of_keys(
    events: list[str], filters: list[dict[str, Any]], is_wanted: bool
) -> None:
    assert wants(PUT, events, filters) is is_wanted


def test_a_later_event_has_a_greater_sequencer() -> None:
    assert sequencer(AT) < sequencer(AT.replace(microsecond=250_001))


def test_a_queue_is_told_that_it_was_named() -> None:
    # [DOC] s3-docs:notification-content-structure
    assert told_test_event("made", AT, request_id="5582815e1aea5adf" * 2) == {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": "2026-11-27T08:30:05.250Z",
        "Bucket": "made",
        "RequestId": "5582815E1AEA5ADF",
        "HostId": "5582815e1aea5adf" * 4,
    }


CREATED = "s3:ObjectCreated:*"


@pytest.mark.parametrize(
    ("entries", "is_taken"),
    [
        ([("a", [CREATED], "", ""), ("b", ["s3:ObjectRemoved:*"], "", "")], True),
        ([("a", [CREATED], "in/", ""), ("b", [CREATED], "out/", "")], True),
        ([("a", [CREATED], "in/", ".jpg"), ("b", [CREATED], "in/", ".png")], True),
        ([("a", ["s3:ObjectCreated:Put"], "", ""), ("b", ["s3:ObjectCreated:Copy"], "", "")], True),
        ([("a", [CREATED], "", ""), ("b", ["s3:ObjectCreated:Put"], "", "")], False),
        ([("a", [CREATED], "in/", ""), ("b", [CREATED], "in/deep/", ".jpg")], False),
        ([("a", [CREATED], "", ".jpg"), ("b", [CREATED], "in/", "")], False),
        ([("a.fifo", [CREATED], "", "")], False),
    ],
)
def test_a_configuration_is_taken_unless_two_are_told_of_the_same(entries: Any, is_taken: bool) -> None:
    told = [
        told_of(to, events, [{"Name": "Prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}])
        for to, events, prefix, suffix in entries
    ]
    assert (refused_configuration(told) is None) is is_taken
