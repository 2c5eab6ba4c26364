"""Moving dead letters back: the tasks of SQS, which are done as soon as they are asked for. Pure.

[DOC] sqs-api:API_StartMessageMoveTask, API_ListMessageMoveTasks, API_CancelMessageMoveTask;
[REC] ls-snap test_sqs_move_task.py for the words
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol

from msgspec import Struct

from ...foundation.json_bytes import parsed_json

OPERATIONS: Final = frozenset({"CancelMessageMoveTask", "ListMessageMoveTasks", "StartMessageMoveTask"})
KEPT: Final = 10
"""Tasks of a queue that are remembered, as many as are told at once."""
_MISSING: Final = "ResourceNotFoundException"
_VALUE: Final = "InvalidParameterValue"
_FASTEST: Final = 500
NO_SOURCE: Final = "CouldNotDetermineMessageSource"
"""[USR] why a task fails that finds a letter that nobody gave up, and is to move it to where it came from."""


class RefusedError(Exception):
    """What SQS refuses."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.status = 404 if code == _MISSING else 400


class Letters(Protocol):
    """The queues, as tasks see them; queues are named."""

    def has(self, name: str) -> bool:
        """Whether there is a queue of that name."""
        ...

    def takes_letters(self, name: str) -> bool:
        """Whether a queue is the dead-letter queue of another one."""
        ...

    def count(self, name: str) -> int:
        """How many messages can be moved."""
        ...

    def move(self, name: str, to: str | None) -> str | None:
        """Move the first message, to where it came from if ``to`` is None; answers why it cannot be, if so."""
        ...


class _Task(Struct, frozen=True, kw_only=True):
    source: str
    """An ARN, as the next."""
    destination: str | None
    wanted: int
    moved: int
    rate: int | None
    failure: str | None
    started_ms: int

    def told(self) -> dict[str, Any]:
        given = {
            "DestinationArn": self.destination,
            "FailureReason": self.failure,
            "MaxNumberOfMessagesPerSecond": self.rate,
        }
        return {
            "Status": "COMPLETED" if self.failure is None else "FAILED",
            "SourceArn": self.source,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.wanted,
            "StartedTimestamp": self.started_ms,
            **{name: value for name, value in given.items() if value is not None},
        }


class Moves:
    """All tasks of a run."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters
        self._tasks: dict[str, list[_Task]] = {}
        """Of a queue, the latest first."""

    def perform(self, operation: str, asked: Mapping[str, Any], *, now: float, new_id: str) -> Mapping[str, Any]:
        """What one of the operations answers; ``now`` in Unix seconds. Raises RefusedError."""
        if operation == "CancelMessageMoveTask":
            self._cancel(str(asked.get("TaskHandle")))
        source = str(asked.get("SourceArn"))
        name = self._name(source, "SourceArn")
        if operation == "ListMessageMoveTasks":
            most = asked.get("MaxResults", 1)
            if not isinstance(most, int) or not 1 <= most <= KEPT:
                raise _invalid(most, "MaxResults", f"Must be between 1 and {KEPT}, if provided.")
            return {"Results": [each.told() for each in self._tasks.get(source, ())[:most]]}
        task = self._started(name, source, asked, now)
        self._tasks[source] = [task, *self._tasks.get(source, ())][:KEPT]
        return {"TaskHandle": _handle(source, new_id)}

    def _started(self, name: str, source: str, asked: Mapping[str, Any], now: float) -> _Task:
        if not self._letters.takes_letters(name):
            raise RefusedError(_VALUE, "Source queue must be configured as a Dead Letter Queue.")
        destination, rate = asked.get("DestinationArn"), asked.get("MaxNumberOfMessagesPerSecond")
        to = None if destination is None else self._name(str(destination), "DestinationArn")
        if rate is not None and (not isinstance(rate, int) or not 1 <= rate <= _FASTEST):
            raise _invalid(rate, "MaxNumberOfMessagesPerSecond", f"Must be between 1 and {_FASTEST}, if provided.")
        wanted = self._letters.count(name)
        moved, failure = 0, None
        while moved < wanted and failure is None:
            failure = self._letters.move(name, to)
            moved += failure is None
        return _Task(
            source=source,
            destination=None if destination is None else str(destination),
            wanted=wanted,
            moved=moved,
            rate=rate,
            failure=failure,
            started_ms=int(now * 1000),
        )

    def _name(self, arn: str, parameter: str) -> str:
        name = arn.rpartition(":")[2]
        if not self._letters.has(name):
            text = f"The resource that you specified for the {parameter} parameter doesn't exist."
            raise RefusedError(_MISSING, text)
        return name

    def _cancel(self, handle: str) -> None:
        """Refuse: no task is ever running when somebody asks."""
        try:
            source = parsed_json(base64.b64decode(handle, validate=True))["sourceArn"]
        except (ValueError, TypeError, KeyError) as error:
            raise RefusedError(_VALUE, "Value for parameter TaskHandle is invalid.") from error
        self._name(str(source), "SourceArn")
        raise RefusedError(_MISSING, "Task does not exist.")


def _handle(source: str, task_id: str) -> str:
    return base64.b64encode(json.dumps({"taskId": task_id, "sourceArn": source}).encode()).decode()


def _invalid(value: Any, name: str, why: str) -> RefusedError:
    return RefusedError(_VALUE, f"Value {value} for parameter {name} is invalid. Reason: {why}")


def with_sources(answer: Mapping[str, Any], asked: Mapping[str, Any], sources: Mapping[str, str]) -> Mapping[str, Any]:
    """The answer to ReceiveMessage, with where letters came from, if that was asked for.

    ``sources`` has the ARN of a queue by the id of a message that it gave up. [DOC] sqs-api:API_ReceiveMessage
    """
    names: Collection[str] = [*(asked.get("AttributeNames") or ()), *(asked.get("MessageSystemAttributeNames") or ())]
    if not sources or not {"All", "DeadLetterQueueSourceArn"} & set(names):
        return answer
    messages = [
        {**each, "Attributes": {**each.get("Attributes", {}), "DeadLetterQueueSourceArn": sources[each["MessageId"]]}}
        if each["MessageId"] in sources
        else each
        for each in answer.get("Messages", ())
    ]
    return {**answer, **({"Messages": messages} if messages else {})}
