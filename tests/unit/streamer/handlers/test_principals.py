import pytest
from streamer_records import connection_record

from streamer.context import Principal
from streamer.errors import ActionError, ErrorCode
from streamer.handlers.admission import Principals
from streamer.stores.memory import MemoryConnectionStore


def store(*connection_ids: str) -> MemoryConnectionStore:
    store = MemoryConnectionStore()
    for connection_id in connection_ids:
        store.records[connection_id] = connection_record(
            connection_id=connection_id, user_id=f"user of {connection_id}"
        )
    return store


def test_a_connection_is_read_once() -> None:
    connections = store("a")
    principals = Principals(connections)

    assert {principals.of("a") for _ in range(3)} == {Principal("user of a", "acme", frozenset({"reports"}))}
    assert connections.calls == ["GetItem"]


def test_an_unknown_connection_is_refused_and_not_remembered() -> None:
    connections = store()
    principals = Principals(connections)

    with pytest.raises(ActionError) as caught:
        principals.of("a")
    assert caught.value.code == ErrorCode.UNAUTHORIZED

    connections.records.update(store("a").records)
    assert principals.of("a").user_id == "user of a"


def test_the_connection_not_heard_of_for_longest_is_forgotten() -> None:
    connections = store("a", "b", "c")
    principals = Principals(connections, capacity=2)
    for connection_id in ("a", "b", "a", "c"):
        principals.of(connection_id)
    connections.calls.clear()

    principals.of("a")
    principals.of("c")
    assert connections.calls == []
    principals.of("b")
    assert connections.calls == ["GetItem"]
