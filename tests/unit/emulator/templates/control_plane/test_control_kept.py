"""What the next run reads of stacks is what was noted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.templates.control_plane import kept
from emulator.templates.control_plane.records import (
    Change,
    ChangeSet,
    Deployed,
    Event,
    Output,
    Proposed,
    ResourceRecord,
    StackRecord,
)
from streamer.errors import ConfigurationError

QUEUE = ResourceRecord(logical_id="Q", physical_id="q-1", type="AWS::SQS::Queue", properties={"A": [1, {"b": None}]})
PROPOSED = Proposed(
    template="Resources: {}",
    processed={"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}},
    parameters={"Stage": "dev"},
    tags={"team": "chat"},
    capabilities=("CAPABILITY_IAM",),
    resources={"Q": QUEUE},
    outputs=(Output(name="Out", value="1", export="shared"),),
    imports=("other",),
    hidden=frozenset({"Password", "Key"}),
)
NESTED = ResourceRecord(logical_id="N", physical_id="arn:n", type="S", properties={}, inner=PROPOSED)
EVENT = Event(
    event_id="e", logical_id="Q", physical_id="q-1", type=QUEUE.type, status="S", reason=None, at=1.5, token=None
)
CHANGE = Change(action="Modify", logical_id="Q", physical_id="q-1", type=QUEUE.type, properties=("A", "B"))
CHANGE_SET = ChangeSet(
    name="c",
    change_set_id="arn:c",
    kind="UPDATE",
    status="CREATE_COMPLETE",
    reason=None,
    execution="AVAILABLE",
    at=2.0,
    proposed=PROPOSED,
    changes=(CHANGE,),
)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(
            StackRecord(name="chat", stack_id="arn:s", status="REVIEW_IN_PROGRESS", created_at=1.0), id="not yet made"
        ),
        pytest.param(
            StackRecord(
                name="chat",
                stack_id="arn:s",
                status="CREATE_COMPLETE",
                created_at=1.0,
                updated_at=2.0,
                current=PROPOSED,
                resources={"Q": QUEUE, "N": NESTED},
                events=(EVENT, EVENT),
                change_sets={"c": CHANGE_SET},
                is_protected=True,
            ),
            id="everything",
        ),
    ],
)
def test_a_stack_is_what_it_was(record: StackRecord) -> None:
    assert kept.record_of(json.loads(json.dumps(kept.record_note(record)))) == record


def test_what_is_emulated_is_what_it_was() -> None:
    deployed = Deployed(text="{}", parameters={"A": "1"}, uploads={("code", "a/b.zip"): Path("/state/uploads/abc")})

    note = json.loads(json.dumps(kept.deployed_note(deployed)))

    assert kept.deployed_of(note, Path("/state/uploads")) == deployed


@pytest.mark.parametrize("note", [{}, [], 1, {"text": 1}, {"name": "chat"}])
def test_a_note_that_says_nothing_is_one_line(note: object) -> None:
    for made in (kept.record_of, lambda each: kept.deployed_of(each, Path())):
        with pytest.raises(ConfigurationError, match="stacks are damaged"):
            kept.read({"a": note}, made)
