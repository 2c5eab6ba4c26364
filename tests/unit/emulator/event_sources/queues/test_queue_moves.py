"""What SQS refuses of tasks that move dead letters, in its words."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from emulator.event_sources.queues.moves import KEPT, Moves, RefusedError, with_sources

ARN = "arn:aws:sqs:us-east-1:123456789012"


class Letters:
    """Queues of names, one of which takes letters, that have nothing."""

    def has(self, name: str) -> bool:
        return name in ("lost", "letters")

    def takes_letters(self, name: str) -> bool:
        return name == "lost"

    def count(self, name: str) -> int:
        return 0

    def move(self, name: str, to: str | None) -> str | None:
        raise AssertionError(name)


def handle(queue: str) -> str:
    return base64.b64encode(json.dumps({"taskId": "t", "sourceArn": f"{ARN}:{queue}"}).encode()).decode()


@pytest.mark.parametrize(
    ("operation", "asked", "code", "text"),
    [
        pytest.param(
            "StartMessageMoveTask",
            {"SourceArn": f"{ARN}:nowhere"},
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter doesn't exist.",
            id="no queue",
        ),
        pytest.param(
            "StartMessageMoveTask",
            {"SourceArn": f"{ARN}:lost", "DestinationArn": f"{ARN}:nowhere"},
            "ResourceNotFoundException",
            "The resource that you specified for the DestinationArn parameter doesn't exist.",
            id="no destination",
        ),
        pytest.param(
            "StartMessageMoveTask",
            {"SourceArn": f"{ARN}:letters"},
            "InvalidParameterValue",
            "Source queue must be configured as a Dead Letter Queue.",
            id="no dead letters",
        ),
        pytest.param(
            "StartMessageMoveTask",
            {"SourceArn": f"{ARN}:lost", "MaxNumberOfMessagesPerSecond": 501},
            "InvalidParameterValue",
            "Value 501 for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and 500, if "
            "provided.",
            id="too fast",
        ),
        pytest.param(
            "ListMessageMoveTasks",
            {"SourceArn": f"{ARN}:lost", "MaxResults": 11},
            "InvalidParameterValue",
            "Value 11 for parameter MaxResults is invalid. Reason: Must be between 1 and 10, if provided.",
            id="too many",
        ),
        pytest.param(
            "CancelMessageMoveTask",
            {"TaskHandle": "no handle"},
            "InvalidParameterValue",
            "Value for parameter TaskHandle is invalid.",
            id="no handle",
        ),
        pytest.param(
            "CancelMessageMoveTask",
            {"TaskHandle": handle("nowhere")},
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter doesn't exist.",
            id="a task of no queue",
        ),
        pytest.param(
            "CancelMessageMoveTask",
            {"TaskHandle": handle("lost")},
            "ResourceNotFoundException",
            "Task does not exist.",
            id="no task",
        ),
    ],
)
def test_a_task_that_cannot_be_is_refused(operation: str, asked: dict[str, Any], code: str, text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        Moves(Letters()).perform(operation, asked, now=0.0, new_id="t")

    assert (refused.value.code, str(refused.value)) == (code, text)
    assert refused.value.status == (404 if code == "ResourceNotFoundException" else 400)


def test_the_latest_tasks_of_a_queue_are_told() -> None:
    moves, asked = Moves(Letters()), {"SourceArn": f"{ARN}:lost"}
    for second in range(KEPT + 1):
        moves.perform("StartMessageMoveTask", asked, now=float(second), new_id="t")

    told = moves.perform("ListMessageMoveTasks", {**asked, "MaxResults": KEPT}, now=0.0, new_id="")["Results"]
    assert [each["StartedTimestamp"] for each in told] == [1000 * second for second in range(KEPT, 0, -1)]
    assert len(moves.perform("ListMessageMoveTasks", asked, now=0.0, new_id="")["Results"]) == 1


@pytest.mark.parametrize(
    ("asked", "sources", "told"),
    [
        ({"AttributeNames": ["All"]}, {"m": "arn"}, {"SenderId": "s", "DeadLetterQueueSourceArn": "arn"}),
        ({"MessageSystemAttributeNames": ["DeadLetterQueueSourceArn"]}, {"m": "arn"}, None),
        ({"AttributeNames": ["SenderId"]}, {"m": "arn"}, {"SenderId": "s"}),
        ({"AttributeNames": ["All"]}, {"other": "arn"}, {"SenderId": "s"}),
    ],
    ids=["all", "by name", "not asked for", "no letter"],
)
def test_where_a_letter_comes_from_is_told_if_that_is_asked_for(
    asked: dict[str, Any], sources: dict[str, str], told: dict[str, str] | None
) -> None:
    answer = {"Messages": [{"MessageId": "m", **({} if told is None else {"Attributes": {"SenderId": "s"}})}]}

    found = with_sources(answer, asked, sources)["Messages"][0]["Attributes"]

    assert found == (told or {"DeadLetterQueueSourceArn": "arn"})
