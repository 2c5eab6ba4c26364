"""Where mappings go on: what makes one the same as before, where it begins and resumes, and the JSON in between."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from stream_fakes import ARN, mapping

from emulator.event_sources.streams.checkpoints import (
    ENDED,
    OLDEST,
    Checkpoint,
    Checkpoints,
    MappingCheckpoint,
    begin,
    identity,
    resume,
)

FILTER = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"id": {"S": ["a"]}}}}
MAPPING = mapping(filters=(FILTER,))
SAVED = MappingCheckpoint(identity=identity(MAPPING), stream_arn=ARN, shards={"s": Checkpoint(after="7")})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"function": "other"}, id="function"),
        pytest.param({"function": f"{MAPPING.function}:live"}, id="an alias, which may be read for as well"),
        pytest.param({"table": "other"}, id="table"),
        pytest.param({"starting_position": "LATEST"}, id="starting position"),
        pytest.param({"filters": ()}, id="no filters"),
        pytest.param({"filters": (FILTER, {"eventName": ["REMOVE"]})}, id="another filter"),
    ],
)
def test_another_mapping_does_not_go_on_where_this_one_was(change: dict[str, Any]) -> None:
    assert Checkpoints([SAVED]).of(dataclasses.replace(MAPPING, **change)) is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"batch_size": 3, "batching_window_seconds": 1.0, "parallelization_factor": 4}, id="batches"),
        pytest.param(
            {"maximum_retry_attempts": 2, "bisect_on_error": True, "on_failure": "dead-letters"}, id="retries"
        ),
        pytest.param({"filters": (dict(reversed(FILTER.items())),)}, id="the same filter in another order"),
    ],
)
def test_a_mapping_stays_the_same_however_its_batches_are_made_and_retried(change: dict[str, Any]) -> None:
    assert Checkpoints([SAVED]).of(dataclasses.replace(MAPPING, **change)) is SAVED


@pytest.mark.parametrize(
    ("position", "is_closed", "checkpoint"),
    [
        pytest.param("TRIM_HORIZON", False, OLDEST, id="all of an open shard"),
        pytest.param("TRIM_HORIZON", True, OLDEST, id="all of a closed shard"),
        pytest.param("LATEST", False, Checkpoint(not_before=1_000.0), id="what is new in an open shard"),
        pytest.param("LATEST", True, ENDED, id="nothing of a closed shard"),
    ],
)
def test_a_new_mapping_begins_at_its_starting_position(position: str, is_closed: bool, checkpoint: Checkpoint) -> None:
    assert begin(position, is_closed=is_closed, now=1_000.9) == checkpoint


@pytest.mark.parametrize(
    ("saved", "arn", "shards"),
    [
        pytest.param(SAVED, ARN, SAVED.shards, id="the same stream"),
        pytest.param(SAVED, ARN[:-3] + "999", None, id="the table was created again"),
        pytest.param(None, ARN, None, id="a new mapping"),
    ],
)
def test_a_mapping_goes_on_only_in_the_stream_that_it_read(saved: Any, arn: str, shards: object) -> None:
    assert resume(saved, arn) == shards


def test_a_mapping_that_is_gone_is_forgotten() -> None:
    kept = structs.replace(SAVED, identity=identity(mapping()))
    checkpoints = Checkpoints([SAVED])

    checkpoints.replace([kept])

    assert checkpoints.of(MAPPING) is None
    assert checkpoints.of(mapping()) is kept


shards = st.dictionaries(
    st.text(),
    st.one_of(
        st.just(ENDED),
        st.integers(min_value=0).map(lambda number: Checkpoint(after=str(number))),
        st.floats(allow_nan=False, allow_infinity=False).map(lambda seconds: Checkpoint(not_before=seconds)),
    ),
)


@given(st.lists(st.builds(MappingCheckpoint, identity=st.text(), stream_arn=st.text(), shards=shards), max_size=4))
def test_json_keeps_everything(saved: Any) -> None:
    written = Checkpoints(saved).as_json()

    assert Checkpoints.of_json(written).as_json() == written


def test_whoever_keeps_them_is_told_of_what_changes_and_of_nothing_else() -> None:
    told: list[str] = []
    checkpoints = Checkpoints([SAVED], told.append)

    checkpoints.replace([SAVED])
    checkpoints.replace([])
    checkpoints.replace([])

    assert told == ["[]"]
    assert (checkpoints.are_kept, Checkpoints().are_kept) == (True, False)


SHARD = {"after": "7", "not_before": 0.0, "is_ended": False}
ENTRY = {"identity": "i", "stream_arn": ARN, "shards": {"s": SHARD}}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(5, id="a number"),
        pytest.param({"s": 1}, id="an object"),
        pytest.param([5], id="numbers"),
        pytest.param([ENTRY | {"shards": []}], id="shards without ids"),
        pytest.param([ENTRY | {"shards": {"s": {}}}], id="an empty shard"),
        pytest.param([ENTRY | {"shards": {"s": SHARD | {"after": 7}}}], id="a number as position"),
        pytest.param([ENTRY | {"shards": {"s": SHARD | {"after": "-7"}}}], id="no sequence number"),
        pytest.param([ENTRY | {"shards": {"s": SHARD | {"not_before": "soon"}}}], id="no time"),
    ],
)
def test_what_is_not_ours_is_refused(content: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whoever reads the file says what it means
        Checkpoints.of_json(json.dumps(content))


def test_what_is_nested_too_deep_is_refused() -> None:
    with pytest.raises(ValueError, match="RecursionError"):
        Checkpoints.of_json("[" * 100_000)
