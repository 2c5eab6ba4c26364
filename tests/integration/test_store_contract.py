"""What every store must do: one suite, over memory and over DynamoDB."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeVar

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from dynamodb_engines import embedded_engine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamer_records import NOW, connection_record, request_record, subscription_record

from emulator.dynamodb.endpoints.tables import create_tables
from streamer.aws_limits import attributes_bytes
from streamer.errors import ItemTooLargeError, StoreError
from streamer.handlers.setup import Environment
from streamer.records import (
    KEPT_SECONDS,
    PAGE,
    ConnectionRecord,
    Failure,
    Listener,
    Page,
    ProgressPoint,
    RequestKey,
    RequestRecord,
    Slots,
    Status,
    SubscriptionRecord,
    owner_of,
)
from streamer.requests import lifecycle
from streamer.requests.lifecycle import Applied, Change, Created, Duplicate, Full, Refused
from streamer.service import tables
from streamer.stores.dynamodb import DynamoConnectionStore, DynamoSubscriptionStore
from streamer.stores.dynamodb_requests import DynamoRequestStore
from streamer.stores.items import request_item
from streamer.stores.memory import MemoryConnectionStore, MemoryRequestStore, MemorySubscriptionStore
from streamer.stores.protocols import ConnectionStore, RequestStore, SubscriptionStore


@dataclass
class Stores:
    connections: ConnectionStore
    requests: RequestStore
    subscriptions: SubscriptionStore
    calls: list[str]
    """DynamoDB operations so far; for memory, of all three stores one after the other."""


@pytest.fixture(scope="module")
def dynamodb_client() -> Iterator[Any]:
    """The runtime's own client, pointed at the embedded DynamoDB as Lambda's environment would."""
    with embedded_engine() as engine, pytest.MonkeyPatch.context() as environment:
        create_tables(engine.embedded, tables("test_"))
        environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", engine.url)
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_ACCESS_KEY_ID", "local")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "local")
        client = Environment().clients.get("dynamodb")
        yield client
        client.close()


def memory_stores() -> Stores:
    connections, requests, subscriptions = MemoryConnectionStore(), MemoryRequestStore(), MemorySubscriptionStore()
    requests.calls = subscriptions.calls = connections.calls
    return Stores(connections, requests, subscriptions, connections.calls)


def dynamodb_stores(client: Any) -> Stores:
    calls: list[str] = []
    client.meta.events.unregister("before-call.dynamodb", unique_id="count")
    client.meta.events.register(
        "before-call.dynamodb", lambda model, **rest: calls.append(model.name), unique_id="count"
    )
    return Stores(
        DynamoConnectionStore(lambda: client, "test_connections"),
        DynamoRequestStore(lambda: client, "test_requests"),
        DynamoSubscriptionStore(lambda: client, "test_subscriptions"),
        calls,
    )


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return memory_stores()
    return dynamodb_stores(request.getfixturevalue("dynamodb_client"))


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A user of this test alone: the tables are shared."""
    return str(request.node.name)


# connections


@pytest.mark.parametrize("user_agent", ["tests", None])
def test_a_connection_is_what_was_put(stores: Stores, user: str, user_agent: str | None) -> None:
    record = connection_record(connection_id=user, user_agent=user_agent, permissions=frozenset({"a", "", "ä"}))

    stores.connections.put(record)

    assert stores.connections.get(user) == record
    assert stores.calls == ["PutItem", "GetItem"]


def test_a_connection_that_was_never_put_is_none(stores: Stores, user: str) -> None:
    assert stores.connections.get(user) is None
    assert stores.connections.remove(user) is None


def test_a_connection_can_be_put_again(stores: Stores, user: str) -> None:
    stores.connections.put(connection_record(connection_id=user))
    again = connection_record(connection_id=user, user_id="again")
    stores.connections.put(again)

    assert stores.connections.get(user) == again


def test_a_removed_connection_is_returned_and_gone(stores: Stores, user: str) -> None:
    record = connection_record(connection_id=user)
    stores.connections.put(record)
    stores.calls.clear()

    assert stores.connections.remove(user) == record
    assert stores.calls == ["DeleteItem"]
    assert stores.connections.get(user) is None


# requests


def test_a_request_is_what_was_created(stores: Stores, user: str) -> None:
    record = request_record(user_id=user, payload_json='{"t":"\\ud83d","e":""}', permissions=frozenset())

    assert stores.requests.create(record, now=NOW) == Created()
    assert stores.calls == ["PutItem"]
    assert stores.requests.get(record.key) == record


def test_a_request_that_was_never_created_is_none(stores: Stores, user: str) -> None:
    assert stores.requests.get(RequestKey(user, "r-1")) is None


def test_an_id_is_used_once_per_user(stores: Stores, user: str) -> None:
    first = request_record(user_id=user, payload_json="1")
    stores.requests.create(first, now=NOW)
    stores.calls.clear()

    assert stores.requests.create(request_record(user_id=user, payload_json="2"), now=NOW) == Duplicate(first)
    assert stores.calls == ["PutItem"]
    assert stores.requests.get(first.key) == first


def test_other_users_and_tenants_have_ids_of_their_own(stores: Stores, user: str) -> None:
    for fields in ({"user_id": user}, {"user_id": f"{user}2"}, {"user_id": user, "tenant_id": "zeta"}):
        assert stores.requests.create(request_record(**fields), now=NOW) == Created()


def test_an_expired_request_makes_room_though_it_is_still_there(stores: Stores, user: str) -> None:
    first = request_record(user_id=user, expires_at=int(NOW))
    later = request_record(user_id=user, payload_json="2")
    stores.requests.create(first, now=NOW - 100)

    assert stores.requests.create(later, now=NOW - 1) == Duplicate(first)
    assert stores.requests.create(later, now=NOW + 1) == Created()
    assert stores.requests.get(later.key) == later


def claimed(stores: Stores, record: RequestRecord) -> RequestRecord:
    stores.requests.create(record, now=NOW)
    outcome = stores.requests.apply(record.key, lifecycle.claim(runner="me", now=NOW, lease_seconds=60))
    assert isinstance(outcome, Applied)
    assert outcome.record is not None
    return outcome.record


def test_a_claim_returns_the_request_in_one_call(stores: Stores, user: str) -> None:
    record = request_record(user_id=user)

    taken = claimed(stores, record)

    assert stores.calls == ["PutItem", "UpdateItem"]
    assert taken == replace(
        record,
        status=Status.PROCESSING,
        attempt=1,
        due_at=NOW + 60,
        runner="me",
        updated_at=NOW,
        expires_at=None,
    )
    assert stores.requests.get(record.key) == taken


def test_a_claimed_request_is_not_claimed_again_before_its_lease_is_over(stores: Stores, user: str) -> None:
    taken = claimed(stores, request_record(user_id=user))

    def claim(now: float) -> Applied | Refused:
        return stores.requests.apply(taken.key, lifecycle.claim(runner="other", now=now, lease_seconds=60))

    assert claim(NOW + 59.9) == Refused(taken)
    assert isinstance(claim(NOW + 60), Applied)


def test_a_request_that_does_not_exist_cannot_be_claimed(stores: Stores, user: str) -> None:
    change = lifecycle.claim(runner="me", now=NOW, lease_seconds=60)

    assert stores.requests.apply(RequestKey(user, "r-1"), change) == Refused(None)
    assert stores.requests.get(RequestKey(user, "r-1")) is None


def test_progress_and_result_are_stored(stores: Stores, user: str) -> None:
    taken = claimed(stores, request_record(user_id=user))
    point = ProgressPoint(percentage=12.5, message="ä", metadata={"page": 1})
    stores.calls.clear()

    on_its_way = replace(taken, progress=point, updated_at=NOW + 1)
    over = replace(
        on_its_way,
        status=Status.COMPLETED,
        result_json='{"a":1}',
        due_at=None,
        updated_at=NOW + 2,
        expires_at=int(NOW) + 2 + KEPT_SECONDS,
    )
    progress, complete = (
        lifecycle.progress(point, attempt=1, now=NOW + 1),
        lifecycle.complete('{"a":1}', attempt=1, now=NOW + 2),
    )
    assert stores.requests.apply(taken.key, progress) == Applied(on_its_way)
    assert stores.requests.apply(taken.key, complete) == Applied(over)
    assert stores.calls == ["UpdateItem", "UpdateItem"]
    assert stores.requests.get(taken.key) == over


HERE, THERE = Listener("c-2=", "https://api.example.com/dev"), Listener("c-3=", "https://other.example.com/prod")


def test_who_listens_is_learnt_by_the_write_that_changes_the_state(stores: Stores, user: str) -> None:
    record = request_record(user_id=user)
    stores.requests.create(record, now=NOW)
    stores.calls.clear()

    assert stores.requests.apply(record.key, lifecycle.join(HERE)) == Applied(
        replace(record, listeners=frozenset({HERE}))
    )
    assert stores.requests.apply(record.key, lifecycle.join(HERE)) == Applied(
        replace(record, listeners=frozenset({HERE}))
    )
    claim = stores.requests.apply(record.key, lifecycle.claim(runner="me", now=NOW, lease_seconds=60))
    assert isinstance(claim, Applied)
    assert claim.record is not None
    assert claim.record.listeners == {HERE}
    stores.requests.apply(record.key, lifecycle.join(THERE))
    told = stores.requests.apply(
        record.key, lifecycle.progress(ProgressPoint(percentage=1), attempt=claim.record.attempt, now=NOW)
    )
    assert isinstance(told, Applied)
    assert told.record is not None
    assert told.record.listeners == {HERE, THERE}
    stores.requests.apply(record.key, lifecycle.leave(frozenset({HERE})))
    end = stores.requests.apply(record.key, lifecycle.complete("1", attempt=claim.record.attempt, now=NOW))
    assert isinstance(end, Applied)
    assert end.record is not None
    assert end.record.listeners == {THERE}
    assert stores.calls == ["UpdateItem"] * 7


def test_the_last_listener_can_leave(stores: Stores, user: str) -> None:
    record = request_record(user_id=user, listeners=frozenset({HERE}))
    stores.requests.create(record, now=NOW)

    for _ in range(2):
        stores.requests.apply(record.key, lifecycle.leave(frozenset({HERE})))

    assert stores.requests.get(record.key) == replace(record, listeners=frozenset())


def test_nobody_joins_what_is_over(stores: Stores, user: str) -> None:
    record = request_record(user_id=user, status=Status.COMPLETED, result_json="1")
    stores.requests.create(record, now=NOW)

    assert stores.requests.apply(record.key, lifecycle.join(HERE)) == Refused(record)


def test_an_error_is_stored(stores: Stores, user: str) -> None:
    taken = claimed(stores, request_record(user_id=user))
    failure = Failure(code="OWN_CODE", message="no", details={"a": [1, None]}, retryable=True)

    stores.requests.apply(taken.key, lifecycle.fail(failure, attempt=1, now=NOW))

    stored = stores.requests.get(taken.key)
    assert stored is not None
    assert (stored.status, stored.error) == (Status.FAILED, failure)


def test_an_older_attempt_is_fenced_off(stores: Stores, user: str) -> None:
    first = claimed(stores, request_record(user_id=user))
    stores.requests.apply(first.key, lifecycle.claim(runner="other", now=NOW + 60, lease_seconds=60))
    second = stores.requests.get(first.key)

    for change in (
        lifecycle.progress(ProgressPoint(percentage=1), attempt=1, now=NOW),
        lifecycle.complete("1", attempt=1, now=NOW),
        lifecycle.fail(Failure(code="TIMEOUT", message=""), attempt=1, now=NOW),
    ):
        assert stores.requests.apply(first.key, change) == Refused(second)


def test_one_of_many_claims_wins(stores: Stores, user: str) -> None:
    record = request_record(user_id=user)
    stores.requests.create(record, now=NOW)
    meeting = threading.Barrier(8)

    def claim(number: int) -> Applied | Refused:
        meeting.wait(30)
        return stores.requests.apply(record.key, lifecycle.claim(runner=str(number), now=NOW, lease_seconds=60))

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(claim, range(8)))

    assert sum(isinstance(outcome, Applied) for outcome in outcomes) == 1


CHANGES = st.one_of(
    st.builds(
        lifecycle.claim, runner=st.sampled_from("ab"), now=st.sampled_from([1.0, 5.0, 9.0]), lease_seconds=st.just(3.0)
    ),
    st.builds(lifecycle.progress, st.just(ProgressPoint(percentage=1)), attempt=st.integers(0, 3), now=st.just(2.0)),
    st.builds(lifecycle.complete, st.just("1"), attempt=st.integers(0, 3), now=st.just(2.0)),
    st.builds(lifecycle.join, st.sampled_from([HERE, THERE])),
    st.builds(lifecycle.leave, st.sampled_from([frozenset({HERE}), frozenset({HERE, THERE})])),
    st.builds(lifecycle.fail, st.just(Failure(code="X", message="")), attempt=st.integers(0, 3), now=st.just(2.0)),
)
_NUMBERS = iter(range(1_000_000))


@given(
    st.sampled_from(Status), st.integers(0, 2), st.none() | st.sampled_from([4.0, 8.0]), st.lists(CHANGES, max_size=5)
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_dynamodb_decides_every_change_as_the_table_does(
    dynamodb_client: Any, status: Status, attempt: int, lease: float | None, changes: list[Change]
) -> None:
    store = dynamodb_stores(dynamodb_client).requests
    record = request_record(user_id=f"model-{next(_NUMBERS)}", status=status, attempt=attempt, due_at=lease)
    store.create(record, now=NOW)
    for change in changes:
        outcome = store.apply(record.key, change)
        assert isinstance(outcome, Applied) == change.admits(record)
        if change.admits(record):
            record = change.applied_to(record)
        assert store.get(record.key) == record


def test_an_item_holds_400_kb(stores: Stores, user: str) -> None:
    with pytest.raises(ItemTooLargeError):
        stores.requests.create(request_record(user_id=user, payload_json="1" * 410_000), now=NOW)

    taken = claimed(stores, request_record(user_id=user, payload_json="1" * 200_000))
    with pytest.raises(ItemTooLargeError):
        stores.requests.apply(taken.key, lifecycle.complete("1" * 410_000, attempt=1, now=NOW))
    assert stores.requests.get(taken.key) == taken


LARGE = f'"{"x" * 50_000}"'


def test_a_large_payload_is_apart_from_its_request_and_read_when_it_is_wanted(stores: Stores, user: str) -> None:
    record = request_record(user_id=user, payload_json=LARGE, metadata_json='{"trace":7}')

    assert stores.requests.create(record, now=NOW) == Created()
    assert stores.calls == ["PutItem", "PutItem"]
    taken = claimed(stores, request_record(user_id=user, request_id="r-2", payload_json=LARGE))
    stored = stores.requests.get(record.key)
    assert stored is not None
    for each in (stored, taken):
        assert attributes_bytes(request_item(each)) < 1024
        assert (each.payload_json, each.metadata_json) == (None, None)
    stores.calls.clear()

    assert stores.requests.whole(stored) == replace(record, payload_key=stored.payload_key)
    assert stores.calls == ["GetItem"]


def test_a_large_payload_and_a_result_of_400_kb_have_room(stores: Stores, user: str) -> None:
    taken = claimed(stores, request_record(user_id=user, payload_json="1" * 400_000))

    assert isinstance(stores.requests.apply(taken.key, lifecycle.complete("1" * 400_000, attempt=1, now=NOW)), Applied)


def test_the_whole_of_a_small_request_costs_no_call(stores: Stores, user: str) -> None:
    record = request_record(user_id=user)
    stores.requests.create(record, now=NOW)
    stores.calls.clear()

    assert stores.requests.whole(record) == record
    assert stores.calls == []


def test_a_refused_request_leaves_the_payload_of_the_first_alone(stores: Stores, user: str) -> None:
    first, other = (request_record(user_id=user, payload_json=text) for text in (LARGE, f"[{LARGE}]"))
    stores.requests.create(first, now=NOW)

    refused = stores.requests.create(other, now=NOW)

    assert isinstance(refused, Duplicate)
    assert stores.requests.whole(refused.record).payload_json == LARGE
    assert isinstance(again := stores.requests.create(first, now=NOW), Duplicate)
    assert stores.requests.whole(again.record).payload_json == LARGE


def test_a_large_payload_comes_with_slots_too(stores: Stores, user: str) -> None:
    record = request_record(user_id=user, payload_json=LARGE)

    assert stores.requests.create(record, now=NOW, slots=[SLOTS]) == Created()
    assert stores.calls == ["PutItem", "TransactWriteItems"]
    stored = stores.requests.get(record.key)
    assert stored is not None
    assert stores.requests.whole(stored).payload_json == LARGE


def test_requests_of_older_versions_hold_their_large_payloads_and_go_on(dynamodb_client: Any, user: str) -> None:
    store = dynamodb_stores(dynamodb_client).requests
    record = request_record(user_id=user, payload_json=LARGE)
    dynamodb_client.put_item(TableName="test_requests", Item=request_item(record))

    taken = store.apply(record.key, lifecycle.claim(runner="i/1", now=NOW))

    assert isinstance(taken, Applied)
    assert taken.record is not None
    assert store.whole(taken.record).payload_json == LARGE
    assert isinstance(store.create(record, now=NOW), Duplicate)


# subscriptions


@pytest.mark.parametrize(
    ("count", "calls"),
    [
        pytest.param(0, ["Query"], id="none"),
        pytest.param(25, ["Query", "BatchWriteItem"], id="one batch"),
        pytest.param(60, ["Query", *["BatchWriteItem"] * 3], id="three batches"),
    ],
)
def test_all_subscriptions_of_a_connection_are_removed(stores: Stores, user: str, count: int, calls: list[str]) -> None:
    for number in range(count):
        stores.subscriptions.add(subscription_record(connection_id=user, target=f"t-{number}"))
    stores.subscriptions.add(subscription_record(connection_id=f"{user}2"))
    stores.calls.clear()

    assert stores.subscriptions.remove_connection(user) == count
    assert stores.calls == calls
    assert stores.subscriptions.remove_connection(user) == 0
    assert stores.subscriptions.remove_connection(f"{user}2") == 1


def test_subscribers_of_a_target_are_found_until_they_leave(stores: Stores, user: str) -> None:
    subscribers = [subscription_record(connection_id=f"c-{number}", target=user) for number in range(3)]
    for record in (*subscribers, subscription_record(target=f"{user}2")):
        stores.subscriptions.add(record)
    stores.subscriptions.remove("c-1", user)
    stores.subscriptions.remove("c-1", user)
    stores.calls.clear()

    found, calls = (
        of_target(stores, user),
        stores.calls,
    )

    assert found == [subscribers[0], subscribers[2]]
    assert calls == ["Query"] * stores.subscriptions.shards


T = TypeVar("T", ConnectionRecord, SubscriptionRecord)


def everyone(page_of: Callable[[int, str | None], Page[T]], shards: int = 1) -> list[T]:
    """All records of all pages of all shards, by their connections."""
    found: list[T] = []
    for shard in range(shards):
        page = page_of(shard, None)
        found += page.records
        while page.after is not None:
            page = page_of(shard, page.after)
            found += page.records
    return sorted(found, key=lambda record: record.connection_id)


def of_tenant(stores: Stores, tenant_id: str, limit: int = PAGE) -> list[ConnectionRecord]:
    store = stores.connections
    return everyone(lambda shard, after: store.of_tenant(tenant_id, shard, after=after, limit=limit), store.shards)


def of_target(stores: Stores, target: str, limit: int = PAGE) -> list[SubscriptionRecord]:
    store = stores.subscriptions
    return everyone(lambda shard, after: store.of_target(target, shard, after=after, limit=limit), store.shards)


@pytest.mark.parametrize("limit", [1, 3, 7, 8, 100])
def test_pages_have_everyone_once_whatever_their_size(stores: Stores, user: str, limit: int) -> None:
    for number in range(7):
        stores.connections.put(connection_record(connection_id=f"{user}-{number}", tenant_id=user, user_id=user))
        stores.subscriptions.add(subscription_record(connection_id=f"{user}-{number}", target=user))
    owner = owner_of(user, user)

    for found in (
        of_tenant(stores, user, limit),
        everyone(lambda shard, after: stores.connections.of_user(owner, after=after, limit=limit)),
        of_target(stores, user, limit),
    ):
        assert [record.connection_id for record in found] == [f"{user}-{number}" for number in range(7)]


def test_connections_of_a_user_and_of_a_tenant_are_found(stores: Stores, user: str) -> None:
    ada, bob, eve = (
        connection_record(connection_id=f"{tenant}-{name}", user_id=name, tenant_id=tenant)
        for name, tenant in (("ada", user), ("bob", user), ("ada", f"{user}2"))
    )
    for record in (ada, bob, eve):
        stores.connections.put(record)
    stores.calls.clear()

    assert stores.connections.of_user(ada.owner).records == [ada]
    assert stores.calls == ["Query"]
    shards = stores.connections.shards
    assert of_tenant(stores, user) == [ada, bob]
    assert stores.calls == ["Query"] * (1 + shards)


def test_a_tenant_called_like_a_shard_of_another_is_another(stores: Stores, user: str) -> None:
    names = [user, *(f"{user}#{shard}" for shard in range(stores.connections.shards))]
    for number, tenant in enumerate(names * 8):
        name = f"{user}-{number}"
        stores.connections.put(connection_record(connection_id=name, tenant_id=tenant))
        stores.subscriptions.add(subscription_record(connection_id=name, target=tenant))

    for each, tenant in enumerate(names):
        expected = sorted(f"{user}-{number}" for number in range(each, len(names) * 8, len(names)))
        assert [record.connection_id for record in of_tenant(stores, tenant)] == expected
        assert [record.connection_id for record in of_target(stores, tenant)] == expected


def test_names_that_leave_no_room_for_a_shard_are_found_all_the_same(stores: Stores, user: str) -> None:
    tenant, target = (f"{user}{'x' * (length - len(user))}" for length in (2040, 1023))
    for number in range(12):
        stores.connections.put(connection_record(connection_id=f"{user}-{number:02}", tenant_id=tenant))
        stores.subscriptions.add(subscription_record(connection_id=f"{user}-{number:02}", target=target))

    assert len(of_tenant(stores, tenant)) == len(of_target(stores, target)) == 12
    stores.subscriptions.remove(f"{user}-03", target)
    assert stores.subscriptions.remove_connection(f"{user}-03") == 0


def test_rows_of_versions_without_shards_are_found(dynamodb_client: Any, user: str) -> None:
    stores = dynamodb_stores(dynamodb_client)
    names = [f"{user}-{number}" for number in range(12)]
    for name in names:
        record = connection_record(connection_id=name, tenant_id=user)
        plain = {"owner": record.owner, "connection_id": name, "tenant_id": user, "user_id": "ada"}
        plain |= {"permissions": '["reports"]', "endpoint": record.endpoint, "source_ip": record.source_ip}
        item = {field: {"S": value} for field, value in plain.items()} | {"user_agent": {"S": "tests"}}
        numbers = {"connected_at": {"N": repr(NOW)}, "ttl": {"N": str(record.expires_at)}}
        dynamodb_client.put_item(TableName="test_connections", Item=item | numbers)
        row = {"connection_id": {"S": name}, "target": {"S": user}, "endpoint": {"S": record.endpoint}}
        dynamodb_client.put_item(TableName="test_subscriptions", Item=row | {"ttl": numbers["ttl"]})

    found, heard = of_tenant(stores, user), of_target(stores, user)

    assert [record.connection_id for record in found] == [record.connection_id for record in heard] == sorted(names)
    assert stores.connections.get(names[0]) == connection_record(connection_id=names[0], tenant_id=user)


def test_a_subscription_is_there_once(stores: Stores, user: str) -> None:
    for _ in range(2):
        stores.subscriptions.add(subscription_record(connection_id=user))

    assert stores.subscriptions.remove_connection(user) == 1


# DynamoDB alone


class _Client:
    """Answers batches as it is told."""

    def __init__(self, unprocessed: int) -> None:
        self.unprocessed = unprocessed
        self.batches: list[int] = []

    def query(self, **arguments: Any) -> Any:
        first = "ExclusiveStartKey" not in arguments
        page: dict[str, Any] = {"Items": [{"connection_id": {"S": "c"}, "target": {"S": str(first)}}] * 2}
        return page | ({"LastEvaluatedKey": {"target": {"S": "x"}}} if first else {})

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> Any:  # noqa: N803 - the API's own name
        ((table, requests),) = RequestItems.items()
        self.batches.append(len(requests))
        if self.unprocessed:
            self.unprocessed -= 1
            return {"UnprocessedItems": {table: requests[:1]}}
        return {"UnprocessedItems": {}}


def test_pages_and_unprocessed_deletions_are_followed_up() -> None:
    client = _Client(unprocessed=2)
    slept: list[float] = []

    removed = DynamoSubscriptionStore(lambda: client, "subscriptions", sleep=slept.append).remove_connection("c")

    assert removed == 4
    assert client.batches == [2, 1, 1, 2]
    assert slept == [0.05, 0.1]


def test_deletions_that_stay_unprocessed_are_an_error() -> None:
    with pytest.raises(StoreError, match="left 1 deletions unprocessed"):
        DynamoSubscriptionStore(lambda: _Client(99), "t", sleep=lambda seconds: None).remove_connection("c")


class _Busy:
    """Cancels transactions for these reasons, one after the other; then it does what it is asked."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = [*reasons]

    def transact_write_items(self, TransactItems: list[Any]) -> None:  # noqa: N803 - the API's own name
        if self.reasons:
            codes = [{"Code": "None"}] * (len(TransactItems) - 1) + [{"Code": self.reasons.pop(0)}]
            answer = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": codes}
            raise ClientError(answer, "TransactWriteItems")


def test_a_transaction_that_came_at_a_bad_time_is_tried_again() -> None:
    busy = _Busy("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")
    slept: list[float] = []
    store = DynamoRequestStore(lambda: busy, "requests", sleep=slept.append)

    assert store.create(request_record(), now=NOW, slots=[SLOTS]) == Created()
    assert [0 <= pause <= most for pause, most in zip(slept, (0.04, 0.08, 0.16), strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("reasons", "complaint"),
    [
        pytest.param(["ItemCollectionSizeLimitExceeded"], "cancelled a transaction: ItemCollection", id="what stays"),
        pytest.param(["TransactionConflict"] * 99, "came in the way 6 times", id="what does not end"),
    ],
)
def test_other_transactions_are_given_up(reasons: list[str], complaint: str) -> None:
    store = DynamoRequestStore(lambda: _Busy(*reasons), "requests", sleep=lambda seconds: None)

    with pytest.raises(StoreError, match=complaint):
        store.create(request_record(), now=NOW, slots=[SLOTS])


class _Reading:
    """Notes how it is read."""

    def __init__(self) -> None:
        self.read: list[dict[str, Any]] = []

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        self.read.append(arguments)
        return {}


def test_what_was_just_written_is_read_as_it_was_written() -> None:
    client = _Reading()
    requests = DynamoRequestStore(lambda: client, "requests")
    record = replace(request_record(), payload_json=None, metadata_json=None, payload_key="#payload#r-0#abc")

    DynamoConnectionStore(lambda: client, "connections").get("c")
    requests.get(record.key)
    requests.whole(record)

    assert [each["ConsistentRead"] for each in client.read] == [True] * 3


class _Silent:
    """A client whose endpoint cannot be reached."""

    def get_item(self, **arguments: Any) -> NoReturn:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


def test_an_answer_that_does_not_come_is_a_store_error() -> None:
    with pytest.raises(StoreError, match="GetItem was not answered"):
        DynamoConnectionStore(_Silent, "t").get("c")


def test_a_table_that_does_not_exist_is_a_store_error(dynamodb_client: Any) -> None:
    with pytest.raises(StoreError, match="GetItem was refused: ResourceNotFoundException"):
        DynamoConnectionStore(lambda: dynamodb_client, "no_such_table").get("c")


# what is due


def test_requests_are_due_when_their_time_has_come_longest_first(stores: Stores, user: str) -> None:
    shard = request_record(user_id=user).key.shard
    ids = [f"r-{number}" for number in range(200)]
    ids = [one for one in ids if RequestKey(request_record(user_id=user).owner, one).shard == shard][:4]
    times = [1.5, 0.25, 3.0, None]
    for request_id, due_at in zip(ids, times, strict=True):
        stores.requests.create(request_record(user_id=user, request_id=request_id, due_at=due_at), now=NOW)

    owner = request_record(user_id=user).owner
    found = [key for key in stores.requests.due(shard, now=2.0, limit=100) if key.owner == owner]

    assert [key.request_id for key in found] == [ids[1], ids[0]]
    assert len(stores.requests.due(shard, now=4.0, limit=1)) == 1
    assert stores.calls[-2:] == ["Query", "Query"]
    for request_id in ids[:3]:
        stores.requests.apply(RequestKey(owner, request_id), lifecycle.cancel("tidy up", now=NOW))


def test_what_seems_to_be_due_later_than_anything_can_be_is_found(stores: Stores, user: str) -> None:
    far = request_record(user_id=user, request_id="far", due_at=NOW + lifecycle.FAR_SECONDS + 1)
    near = request_record(user_id=user, request_id="near", due_at=NOW + lifecycle.FAR_SECONDS)
    for record in (far, near):
        stores.requests.create(record, now=NOW)

    found = {key for record in (far, near) for key in stores.requests.misdated(record.key.shard, now=NOW, limit=250)}

    assert far.key in found
    assert near.key not in found
    for record in (far, near):
        stores.requests.apply(record.key, lifecycle.cancel("tidy up", now=NOW))


def test_a_request_that_is_over_is_not_due(stores: Stores, user: str) -> None:
    record = request_record(user_id=user, due_at=1.0)
    stores.requests.create(record, now=NOW)
    assert record.key in stores.requests.due(record.key.shard, now=NOW, limit=250)

    stores.requests.apply(record.key, lifecycle.cancel("enough", now=NOW))

    assert record.key not in stores.requests.due(record.key.shard, now=NOW, limit=250)


def test_every_change_of_a_life_is_stored_as_it_is_meant(stores: Stores, user: str) -> None:
    record = request_record(user_id=user, max_attempts=2, due_at=NOW + 300)
    stores.requests.create(record, now=NOW)
    failure = Failure(code="TIMEOUT", message="slow", retryable=True)
    changes = [
        lifecycle.claim(runner="i-1/a", now=NOW + 1),
        lifecycle.progress(
            ProgressPoint(percentage=5), attempt=1, now=NOW + 2, told_percentage=99.99, lease_seconds=45
        ),
        lifecycle.renew(attempt=1, now=NOW + 12),
        lifecycle.retry(failure, attempt=1, now=NOW + 13, due_at=NOW + 14.5, told_percentage=5.0),
        lifecycle.claim(runner="i-2/b", now=NOW + 15),
        lifecycle.fail(failure, attempt=2, now=NOW + 16),
        lifecycle.reopen(attempt=2, further_attempts=3, now=NOW + 17),
        lifecycle.claim(runner="i-3/c", now=NOW + 18),
        lifecycle.complete('"done"', attempt=3, now=NOW + 19),
    ]
    expected = record
    for change in changes:
        expected = change.applied_to(expected)

        assert isinstance(stores.requests.apply(record.key, change), Applied)
        assert stores.requests.get(record.key) == expected

    assert (expected.status, expected.attempt, expected.max_attempts, expected.error) == (Status.COMPLETED, 3, 5, None)


# slots

SLOTS = Slots("concurrent_requests_per_user", "#user", 2)
OTHER_SLOTS = Slots("concurrent_requests_per_connection", "#connection#c-1", 1)


def test_a_request_takes_a_slot_by_the_call_that_stores_it(stores: Stores, user: str) -> None:
    created = [
        stores.requests.create(request_record(user_id=user, request_id=f"r-{n}"), now=NOW, slots=[SLOTS])
        for n in range(3)
    ]

    assert created == [Created(), Created(), Full(SLOTS, frozenset({"r-0", "r-1"}))]
    assert stores.requests.get(request_record(user_id=user, request_id="r-2").key) is None
    assert stores.calls[:3] == ["TransactWriteItems"] * 3


def test_of_several_slots_it_takes_all_or_none(stores: Stores, user: str) -> None:
    both = [SLOTS, OTHER_SLOTS]
    first, second = (request_record(user_id=user, request_id=f"r-{n}") for n in range(2))

    assert stores.requests.create(first, now=NOW, slots=both) == Created()
    assert stores.requests.create(second, now=NOW, slots=both) == Full(OTHER_SLOTS, frozenset({"r-0"}))
    assert stores.requests.create(second, now=NOW, slots=[SLOTS]) == Created()


def test_a_repeated_request_takes_no_other_slot(stores: Stores, user: str) -> None:
    record = request_record(user_id=user)
    stores.requests.create(record, now=NOW, slots=[OTHER_SLOTS])

    assert stores.requests.create(record, now=NOW, slots=[OTHER_SLOTS]) == Duplicate(record)


def test_a_released_slot_can_be_taken_again(stores: Stores, user: str) -> None:
    first, second = (request_record(user_id=user, request_id=f"r-{n}") for n in range(2))
    stores.requests.create(first, now=NOW, slots=[OTHER_SLOTS])

    for _ in range(2):
        stores.requests.release(first.owner, OTHER_SLOTS, frozenset({"r-0", "never had one"}))

    assert stores.requests.create(second, now=NOW, slots=[OTHER_SLOTS]) == Created()


def test_slots_of_others_are_others(stores: Stores, user: str) -> None:
    stores.requests.create(request_record(user_id=user), now=NOW, slots=[OTHER_SLOTS])

    other = request_record(user_id=f"{user}-other")
    assert stores.requests.create(other, now=NOW, slots=[OTHER_SLOTS]) == Created()


def test_a_request_that_is_too_large_takes_no_slot(stores: Stores, user: str) -> None:
    large = request_record(user_id=user, payload_json=f'"{"x" * 420_000}"')

    with pytest.raises(ItemTooLargeError):
        stores.requests.create(large, now=NOW, slots=[OTHER_SLOTS])

    assert stores.requests.create(request_record(user_id=user), now=NOW, slots=[OTHER_SLOTS]) == Created()


def test_no_two_requests_take_the_last_slot(stores: Stores, user: str) -> None:
    records = [request_record(user_id=user, request_id=f"r-{number}") for number in range(8)]

    def create(record: RequestRecord) -> bool:
        try:
            return stores.requests.create(record, now=NOW, slots=[SLOTS]) == Created()
        except StoreError:
            return False  # others came in the way each time; the client is told to try again

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, records)) == 2


def test_statuses_of_many_requests_cost_a_call_per_hundred(stores: Stores, user: str) -> None:
    record = request_record(user_id=user)
    stores.requests.create(record, now=NOW)
    keys = [record.key, *(RequestKey(record.owner, f"nothing-{number}") for number in range(120))]
    stores.calls.clear()

    found = stores.requests.statuses(keys)

    assert found[record.key] is Status.PENDING
    assert set(found) == set(keys)
    assert sum(status is not None for status in found.values()) == 1
    assert stores.calls == ["BatchGetItem", "BatchGetItem"]
