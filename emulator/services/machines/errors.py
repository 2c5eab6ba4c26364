"""What goes wrong in state machines. Pure."""

from __future__ import annotations

from typing import Any

from streamer.errors import StreamerError

from ..errors import ServiceError


class MachineError(ServiceError):
    """An error of the service's API."""


class StateError(StreamerError):
    """An error inside of an execution, which states may retry or catch. [DOC] sfn-docs:concepts-error-handling"""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(cause)
        self.error = error
        self.cause = cause

    def told(self) -> dict[str, Any]:
        """As a catcher hands it on."""
        return {"Error": self.error, "Cause": self.cause}


class TimedOutError(StateError):
    """The machine's own time is over, not that of a state, which fails."""

    def __init__(self) -> None:
        super().__init__(TIMEOUT, "State Machine timed out")


RUNTIME = "States.Runtime"
TIMEOUT = "States.Timeout"
TOO_MUCH = "States.DataLimitExceeded"


def is_matched(error: str, names: Any) -> bool:
    """Whether a retrier or a catcher with these names is for an error."""
    if error in names:
        return True
    if "States.TaskFailed" in names and error not in (TIMEOUT, RUNTIME, TOO_MUCH):
        return True
    return "States.ALL" in names and error not in (RUNTIME, TOO_MUCH)
