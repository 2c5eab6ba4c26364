import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamer_records import connection_record, request_record, subscription_record

from streamer.records import Failure, ProgressPoint, RequestRecord, Status, owner_of
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
    assert set(items.subscription_item(subscription_record())) == {"connection_id", "target", "endpoint", "ttl"}


def test_a_payload_is_stored_as_the_text_it_is() -> None:
    item = items.request_item(request_record(payload_json='{"n":1.0,"s":""}'))

    assert item["payload"] == {"S": '{"n":1.0,"s":""}'}
