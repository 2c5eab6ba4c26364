import pytest

from streamer.records import ProgressPoint
from streamer.requests import lifecycle
from streamer.stores.expressions import UpdateArguments, update_of


def test_a_claim_is_one_conditional_update() -> None:
    update = update_of(lifecycle.claim(runner="run-1", now=100.5, lease_seconds=60))

    assert update == UpdateArguments(
        update=(
            "SET #status = :v1, #due_at = :v5, #runner = :v6, #updated_at = :v3, #attempt = #attempt + :v7 REMOVE #ttl"
        ),
        condition="(#status IN (:v0)) OR (#status IN (:v1, :v2) AND (#due_at <= :v3 OR #due_at > :v4))",
        names={
            "#status": "status",
            "#due_at": "due_at",
            "#runner": "runner",
            "#updated_at": "updated_at",
            "#attempt": "attempt",
            "#ttl": "ttl",
        },
        values={
            ":v0": {"S": "PENDING"},
            ":v1": {"S": "PROCESSING"},
            ":v2": {"S": "RETRYING"},
            ":v3": {"N": "100.5"},
            ":v4": {"N": "700.5"},
            ":v5": {"N": "160.5"},
            ":v6": {"S": "run-1"},
            ":v7": {"N": "1"},
        },
    )


def test_a_value_that_becomes_none_is_removed() -> None:
    update = update_of(lifecycle.complete("[1]", attempt=2, now=100.0))

    assert update.update == "SET #status = :v2, #updated_at = :v3, #ttl = :v4, #result = :v5 REMOVE #due_at, #error"
    assert update.condition == "(#status IN (:v0) AND #attempt = :v1)"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lifecycle.claim(runner="r", now=1.0, lease_seconds=1), id="claim"),
        pytest.param(lifecycle.progress(ProgressPoint(percentage=1), attempt=1, now=1.0), id="progress"),
        pytest.param(lifecycle.complete("1", attempt=1, now=1.0), id="complete"),
    ],
)
def test_every_placeholder_is_used(change: lifecycle.Change) -> None:
    """DynamoDB refuses an expression with names or values that do not occur in it."""
    update = update_of(change)

    for placeholder in (*update.names, *update.values):
        assert placeholder in f"{update.update} {update.condition}"
