from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamer_records import request_record

from streamer.errors import ActionError
from streamer.protocol.topics import (
    OwnRequest,
    Topic,
    audience_of,
    hears,
    subject_of,
    topic_of,
    topic_target,
)
from streamer.records import Listener

HERE = "https://api.example.com/dev"


@pytest.mark.parametrize(
    ("payload", "subject"),
    [
        pytest.param({"topic": "news"}, Topic("news"), id="topic"),
        pytest.param({"topic": "a/b:c.d-e_F9"}, Topic("a/b:c.d-e_F9"), id="all characters"),
        pytest.param({"request_id": "r-1"}, OwnRequest("r-1"), id="request"),
        pytest.param({"request_id": "r-1", "topic": None}, OwnRequest("r-1"), id="null counts as absent"),
    ],
)
def test_what_a_subscription_is_about(payload: Any, subject: Topic | OwnRequest) -> None:
    assert subject_of(payload) == subject


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="an array"),
        pytest.param({}, id="neither"),
        pytest.param({"topic": "news", "request_id": "r-1"}, id="both"),
        pytest.param({"topic": ""}, id="empty topic"),
        pytest.param({"topic": "x" * 129}, id="long topic"),
        pytest.param({"topic": "a#b"}, id="separator in a topic"),
        pytest.param({"topic": "news\n"}, id="line break"),
        pytest.param({"topic": 1}, id="number"),
        pytest.param({"request_id": "a#b"}, id="no request id"),
        pytest.param({"request_id": ["r-1"]}, id="list of ids"),
    ],
)
def test_a_subscription_to_anything_else_is_refused(payload: Any) -> None:
    with pytest.raises(ActionError) as caught:
        subject_of(payload)

    assert caught.value.code == "VALIDATION_ERROR"


@pytest.mark.parametrize("name", [None, "", "a b", "ä", 1])
def test_what_is_no_topic_is_refused(name: Any) -> None:
    with pytest.raises(ActionError, match="a topic takes"):
        topic_of(name)


tenants = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400)
topics = st.from_regex(r"[A-Za-z0-9._:/-]{1,128}", fullmatch=True).map(Topic)


@given(tenants, topics, tenants, topics)
def test_topics_of_different_tenants_never_meet(one: str, topic: Topic, other: str, another: Topic) -> None:
    same = (one, topic) == (other, another)

    assert (topic_target(one, topic) == topic_target(other, another)) == same
    assert len(topic_target(one, topic).encode()) <= 1024


def test_a_tenants_name_cannot_pretend_to_hold_a_topic() -> None:
    assert topic_target("a#b", Topic("c")) != topic_target("a", Topic("b"))
    assert topic_target("a%23b", Topic("c")) != topic_target("a#b", Topic("c"))


def test_the_requester_is_always_in_the_audience_and_once() -> None:
    others = frozenset({Listener("c-3", HERE), Listener("c-2", HERE), Listener("c-1", "https://other.example.com/dev")})
    record = request_record(connection_id="c-1", listeners=others)

    assert audience_of(record) == (Listener("c-1", HERE), Listener("c-2", HERE), Listener("c-3", HERE))
    assert [hears(record, name) for name in ("c-1", "c-2", "c-4")] == [True, True, False]
