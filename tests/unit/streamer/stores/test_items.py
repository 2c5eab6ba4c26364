import base64
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamer_records import NOW, connection_record, request_record, subscription_record

from streamer.records import (
    AUDIENCE_SHARDS,
    Failure,
    ProgressPoint,
    RequestRecord,
    Status,
    audience_shard,
    owner_of,
)
from streamer.stores import items

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SECONDS = st.floats(0, 4e9)


@given(TEXT, TEXT, TEXT, TEXT)
def test_no_two_users_share_an_owner_key(tenant: str, user: str, other_tenant: str, other_user: str) -> None:
    same = owner_of(tenant, user) == owner_of(other_tenant, other_user)

    assert same == ((tenant, user) == (other_tenant, other_user))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("a#b", "c"), ("a", "b#c"), id="separator"),
        pytest.param(("a%23b", "c"), ("a#b", "c"), id="escape"),
    ],
)
def test_separators_inside_ids_do_not_confuse(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert owner_of(*one) != owner_of(*other)


RECORDS = st.builds(
    request_record,
    status=st.sampled_from(Status),
    attempt=st.integers(0, 99),
    updated_at=SECONDS,
    due_at=st.none() | SECONDS,
    permissions=st.frozensets(TEXT),
    progress=st.none() | st.builds(ProgressPoint, percentage=st.integers(0, 100), message=TEXT, metadata=st.none()),
    error=st.none() | st.builds(Failure, code=TEXT, message=TEXT, retryable=st.booleans(), details=st.none()),
)


@given(RECORDS)
def test_a_request_comes_back_as_it_was(record: RequestRecord) -> None:
    assert items.request_record(items.request_item(record)) == record


def test_nested_details_and_metadata_come_back() -> None:
    record = request_record(
        progress=ProgressPoint(percentage=1.5, metadata={"pages": [1, {"n": None}]}),
        error=Failure(code="TIMEOUT", message="", details={"a": {"b": []}}),
    )

    assert items.request_record(items.request_item(record)) == record


@pytest.mark.parametrize("user_agent", [None, "tests"])
def test_a_connection_comes_back_as_it_was(user_agent: str | None) -> None:
    record = connection_record(user_agent=user_agent)
    item = items.connection_item(record)

    assert items.connection_record(item) == record
    assert ("user_agent" in item) == (user_agent is not None)


def test_names_of_attributes_are_those_of_the_topology() -> None:
    assert items.connection_item(connection_record())["owner"] == {"S": "acme#ada"}
    assert items.request_item(request_record())["ttl"] == {"N": "1767873600"}
    first = IN_SHARD[0]
    assert set(items.subscription_item(subscription_record(connection_id=first))) == {
        "connection_id",
        "target",
        "endpoint",
        "ttl",
    }


# shards of tenants and topics

IN_SHARD = [
    next(name for number in range(1000) if audience_shard(name := f"c-{number}") == shard)
    for shard in range(AUDIENCE_SHARDS)
]
"""A connection in each."""


@pytest.mark.parametrize("shard", range(AUDIENCE_SHARDS))
def test_a_connection_is_found_by_its_tenant_and_shard_and_comes_back_as_it_was(shard: int) -> None:
    record = connection_record(connection_id=IN_SHARD[shard], tenant_id="a#b", user_id="ä")
    item = items.connection_item(record)

    assert item["tenant_id"] == {"S": items.tenant_key("a#b", shard)}
    assert items.connection_record(item) == record


@pytest.mark.parametrize("shard", range(AUDIENCE_SHARDS))
def test_a_subscription_is_found_by_its_target_and_shard_and_comes_back_as_it_was(shard: int) -> None:
    record = subscription_record(connection_id=IN_SHARD[shard], target="topic#acme#news")
    item = items.subscription_item(record)

    assert item["target"] == {"S": items.target_key("topic#acme#news", shard)}
    assert items.subscription_record(item) == record
    key = items.subscription_key(record.connection_id, record.target)
    assert key == {name: item[name] for name in ("connection_id", "target")}


def test_connections_spread_over_the_shards() -> None:
    found = Counter(audience_shard(base64.b64encode(bytes([n % 256, n // 256, 7])).decode()) for n in range(4_000))

    assert sorted(found) == list(range(AUDIENCE_SHARDS))
    assert min(found.values()) > 4_000 / AUDIENCE_SHARDS * 0.8


def test_the_first_shard_is_where_versions_without_shards_look_and_write() -> None:
    assert items.tenant_key("acme", 0) == "acme"
    assert items.target_key("topic#acme#news", 0) == "topic#acme#news"
    old = items.connection_item(connection_record(connection_id=IN_SHARD[0]))
    assert (old["tenant_id"], old["connected_at"], "tenant" in old) == ({"S": "acme"}, {"N": repr(NOW)}, False)


@pytest.mark.parametrize("shard", range(1, AUDIENCE_SHARDS))
def test_versions_without_shards_never_take_the_key_of_a_shard_for_a_tenant(shard: int) -> None:
    item = items.connection_item(connection_record(connection_id=IN_SHARD[shard]))

    # They read a number there, so they refuse this row instead.
    assert "N" not in item["connected_at"]


@pytest.mark.parametrize("length", [2045, 2046, 2047, 2048])
def test_a_name_that_leaves_no_room_is_in_the_first_shard_alone(length: int) -> None:
    tenant = "t" * length
    keys = [items.tenant_key(tenant, shard) for shard in range(AUDIENCE_SHARDS)]
    record = connection_record(connection_id=IN_SHARD[1], tenant_id=tenant)

    assert (keys[1] is None) == (length > 2046)
    assert keys[0] == tenant
    assert len(items.connection_item(record)["tenant_id"]["S"]) <= 2048
    assert items.connection_record(items.connection_item(record)) == record


def test_a_payload_is_stored_as_the_text_it_is() -> None:
    item = items.request_item(request_record(payload_json='{"n":1.0,"s":""}'))

    assert item["payload"] == {"S": '{"n":1.0,"s":""}'}
