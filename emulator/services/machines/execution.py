"""One execution of a state machine: its states one after the other, branches side by side.

[DOC] states-language.net; sfn-docs:concepts-amazon-states-language, input-output-contextobject, concepts-error-handling
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from msgspec import Struct, field, structs

from ...foundation.json_bytes import is_number, json_text
from ...foundation.times import iso_time
from . import choices, paths
from .errors import RUNTIME, TIMEOUT, TOO_MUCH, StateError, TimedOutError, is_matched
from .intrinsics import Bits, evaluate, is_intrinsic

TRANSITIONS: Final = 25_000
"""Most states that a standard execution enters: a circle would never end. [DOC] sfn-docs:limits, events of a history"""
EXPRESS_SECONDS: Final = 300.0
"""Longest express execution, which may enter any number of states. [DOC] sfn-docs:service-quotas"""
DATA_BYTES: Final = 262_144
"""Longest input, result or output of a state, and of an execution, as JSON. [DOC] sfn-docs:service-quotas"""
_DEFAULT_RETRY: Final = {"IntervalSeconds": 1.0, "MaxAttempts": 3, "BackoffRate": 2.0}


class Tasks(Protocol):
    """Does what Task states want."""

    async def do(self, resource: str, parameters: Any, token: str | None, heartbeat_seconds: float | None) -> Any:
        """The result; raises StateError.

        ``token`` is the task's own, if it waits for somebody to send it back, who has to say that it is alive at least
        every ``heartbeat_seconds``; None: once is enough.
        """
        ...

    def token(self, machine: str) -> str:
        """A new token for a task of the machine of that ARN."""
        ...


class Around(Struct, frozen=True, kw_only=True):
    """What an execution runs in."""

    tasks: Tasks
    sleep: Callable[[float], Awaitable[Any]]
    now: Callable[[], datetime]
    bits: Bits
    record: Callable[[str, Mapping[str, Any]], None]
    """Told the type and the details of each event."""
    is_express: bool = False
    context: Mapping[str, Any] = field(default_factory=dict)
    """The context object's parts that are the same in all states."""


class Run:
    """Runs machines; `run` may be entered again for branches."""

    def __init__(self, around: Around, entered: Iterator[int] | None = None) -> None:
        """``entered`` numbers the states that are entered; None: from the first."""
        self._around = around
        self._entered = itertools.count(1) if entered is None else entered

    async def run(self, machine: Mapping[str, Any], data: Any) -> Any:
        """The output; raises StateError."""
        limit = float(machine.get("TimeoutSeconds", math.inf))
        try:
            async with asyncio.timeout(min(limit, EXPRESS_SECONDS) if self._around.is_express else limit):
                return await self._states(machine, data)
        except TimeoutError as error:
            raise TimedOutError from error

    async def _states(self, machine: Mapping[str, Any], data: Any) -> Any:
        name = machine["StartAt"]
        while True:
            if next(self._entered) > TRANSITIONS:
                if not self._around.is_express:
                    raise StateError(RUNTIME, f"more than {TRANSITIONS} states were entered")
                # A circle that waits for nothing must let others work, and its own time be over.
                await asyncio.sleep(0)
            state = machine["States"][name]
            entered = {"name": name, "input": json_text(data)}
            self._around.record(f"{state['Type']}StateEntered", {"stateEnteredEventDetails": entered})
            data, following = await self._attempts(name, state, data)
            self._around.record(
                f"{state['Type']}StateExited", {"stateExitedEventDetails": {"name": name, "output": json_text(data)}}
            )
            if following is None:
                return data
            name = following

    async def _attempts(self, name: str, state: Mapping[str, Any], data: Any) -> tuple[Any, str | None]:
        """One state, again and again as its retriers say; its output, and who is next."""
        counts = [0] * len(state.get("Retry") or ())
        attempts = 0
        while True:
            context = self._context(name, attempts)
            try:
                return await _State(self, state, context, self._around).do(data)
            except StateError as error:
                pause = _pause(state.get("Retry") or (), counts, error.error)
                if pause is None:
                    return self._caught(state, data, error)
                attempts += 1
            await self._around.sleep(pause)

    def _caught(self, state: Mapping[str, Any], data: Any, error: StateError) -> tuple[Any, str]:
        for catcher in state.get("Catch") or ():
            if is_matched(error.error, catcher["ErrorEquals"]):
                path = catcher.get("ResultPath", "$")
                return (data if path is None else paths.put(path, data, error.told())), str(catcher["Next"])
        raise error

    def _context(self, name: str, attempts: int) -> dict[str, Any]:
        state = {"Name": name, "EnteredTime": told(self._around.now()), "RetryCount": attempts}
        return {**self._around.context, "State": state}

    def within(self, **more: Any) -> Run:
        """The same run, with more in the context object."""
        return Run(structs.replace(self._around, context={**self._around.context, **more}), self._entered)


class _State:
    """One attempt of one state."""

    def __init__(self, run: Run, state: Mapping[str, Any], context: dict[str, Any], around: Around) -> None:
        self._run = run
        self._state = state
        self._context = context
        self._around = around

    async def do(self, data: Any) -> tuple[Any, str | None]:
        given = self._selected("InputPath", data)
        following = None if self._state.get("End") else self._state.get("Next")
        match self._state["Type"]:
            case "Succeed":
                return self._selected("OutputPath", given), None
            case "Fail":
                raise StateError(self._said("Error", given), self._said("Cause", given))
            case "Choice":
                return self._selected("OutputPath", given), self._chosen(given)
            case "Wait":
                await self._around.sleep(self._seconds(given))
                return self._selected("OutputPath", given), following
            case "Pass":
                made = self._parameters(given)
                return self._output(data, self._state.get("Result", made)), following
            case kind:
                result = await {"Task": self._task, "Parallel": self._parallel, "Map": self._map}[kind](given)
                if "ResultSelector" in self._state:
                    result = self._filled(self._state["ResultSelector"], result)
                return self._output(data, result), following

    # input and output

    def _selected(self, name: str, data: Any) -> Any:
        path = self._state.get(name, "$")
        return {} if path is None else choices.look(path, data, self._context)

    def _output(self, data: Any, result: Any) -> Any:
        path = self._state.get("ResultPath", "$")
        found = self._selected("OutputPath", data if path is None else paths.put(path, data, result))
        return self._held(found, self._context["State"]["Name"])

    def _parameters(self, data: Any) -> Any:
        return self._filled(self._state["Parameters"], data) if "Parameters" in self._state else data

    def _filled(self, template: Any, data: Any) -> Any:
        """A payload template with everything that ends with ``.$`` filled in."""
        if isinstance(template, list):
            return [self._filled(each, data) for each in template]
        if not isinstance(template, dict):
            return template
        found = {}
        for name, value in template.items():
            if not name.endswith(".$"):
                found[name] = self._filled(value, data)
                continue
            try:
                found[name[:-2]] = self._evaluated(str(value), data)
            except StateError as error:
                if error.error != RUNTIME:
                    raise
                why = f"An error occurred while evaluating '{name}': '{value}'. {error.cause}"
                raise StateError("States.ParameterPathFailure", why) from error
        return found

    def _evaluated(self, text: str, data: Any) -> Any:
        if is_intrinsic(text):
            return evaluate(text, lambda path: choices.look(path, data, self._context), self._around.bits)
        return choices.look(text, data, self._context)

    # kinds

    def _said(self, name: str, data: Any) -> str:
        path = self._state.get(f"{name}Path")
        return str(self._state.get(name, "") if path is None else self._evaluated(path, data))

    def _chosen(self, data: Any) -> str:
        for rule in self._state.get("Choices") or ():
            if choices.is_met(rule, data, self._context):
                return str(rule["Next"])
        if "Default" not in self._state:
            raise StateError("States.NoChoiceMatched", "No choice matched, and there is no Default")
        return str(self._state["Default"])

    def _seconds(self, data: Any) -> float:
        for name in ("Seconds", "Timestamp"):
            value = self._given(name, data)
            if value is None:
                continue
            try:
                if name == "Seconds":
                    return float(value)
                until = datetime.fromisoformat(str(value))
                return max(0.0, (until - self._around.now()).total_seconds())
            except (TypeError, ValueError) as error:
                raise StateError(RUNTIME, f"{value!r} is no time to wait") from error
        raise StateError(RUNTIME, "the state does not say how long it waits")

    async def _task(self, data: Any) -> Any:
        resource = str(self._state["Resource"])
        token = None
        if resource.endswith(".waitForTaskToken"):
            token = self._around.tasks.token(str(self._context["StateMachine"]["Id"]))
            self._context["Task"] = {"Token": token}
        parameters = self._parameters(data)
        try:
            async with asyncio.timeout(self._limit("TimeoutSeconds", data)):
                heartbeat = self._limit("HeartbeatSeconds", data)
                result = await self._around.tasks.do(resource, parameters, token, heartbeat)
        except TimeoutError as error:
            raise StateError(TIMEOUT, "") from error
        return self._held(result, resource if ":function:" in resource else self._context["State"]["Name"])

    def _given(self, name: str, data: Any) -> Any:
        """What the state says under a name, or where its path leads; None: it says nothing."""
        path = self._state.get(f"{name}Path")
        return self._state.get(name) if path is None else choices.look(path, data, self._context)

    def _limit(self, name: str, data: Any) -> float | None:
        """Seconds that a state or its path says; None: it says nothing. Raises StateError."""
        value = self._given(name, data)
        try:
            return None if value is None else float(value)
        except (TypeError, ValueError) as error:
            raise StateError(RUNTIME, f"{value!r} is no number of seconds for {name}") from error

    def _at_once(self, data: Any) -> int:
        """How many items run at the same time; 0 is all of them. Raises StateError."""
        most = self._given("MaxConcurrency", data)
        if most is not None and not (is_number(most) and 0 <= most < math.inf):
            raise StateError(RUNTIME, f"{most!r} is no number of items for MaxConcurrency")
        return int(most or 0)

    def _held(self, data: Any, of: str) -> Any:
        """The data, if it is no more than one state may hand on; raises StateError."""
        if len(json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")) > DATA_BYTES:
            limit = "the maximum number of bytes service limit"  # [USR] the words, in many a log in public
            raise StateError(TOO_MUCH, f"The state/task '{of}' returned a result with a size exceeding {limit}.")
        return data

    async def _parallel(self, data: Any) -> Any:
        given = self._parameters(data)
        return await _together([self._run.within().run(each, given) for each in self._state["Branches"]])

    async def _map(self, data: Any) -> Any:
        items = choices.look(self._state.get("ItemsPath", "$"), data, self._context)
        if not isinstance(items, list):
            raise StateError(RUNTIME, "Reference path for items is not an array")
        machine = self._state.get("ItemProcessor") or self._state["Iterator"]
        selector = self._state.get("ItemSelector", self._state.get("Parameters"))
        free = asyncio.Semaphore(self._at_once(data) or len(items) or 1)

        async def one(index: int, item: Any) -> Any:
            async with free:
                of_map = {"Item": {"Index": index, "Value": item}}
                self_context = {**self._context, "Map": of_map}
                inner = _State(self._run, self._state, self_context, self._around)
                given = item if selector is None else inner._filled(selector, data)
                return await self._run.within(Map=of_map).run(machine, given)

        return await _together([one(index, item) for index, item in enumerate(items)])


async def _together(running: list[Any]) -> list[Any]:
    """What all come to; the first that fails ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in running]
    except BaseExceptionGroup as failed:
        # Raised within `except*` it would come in a group of its own, or not, as its traceback happens to be.
        errors = failed.subgroup(StateError)
        if errors is None:
            raise
        first: BaseException = errors
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    return [each.result() for each in tasks]


def _pause(retriers: Any, counts: list[int], error: str) -> float | None:
    """Seconds until a state is tried again; None: it is not."""
    for at, retrier in enumerate(retriers):
        if is_matched(error, retrier["ErrorEquals"]):
            rule = {**_DEFAULT_RETRY, **retrier}
            if counts[at] >= int(rule["MaxAttempts"]):
                return None
            try:
                seconds = float(rule["IntervalSeconds"]) * float(rule["BackoffRate"]) ** counts[at]
            except OverflowError:
                seconds = math.inf
            counts[at] += 1
            return min(seconds, float(retrier.get("MaxDelaySeconds", seconds)))
    return None


def told(moment: datetime) -> str:
    """A time as the context object has it."""
    return iso_time(moment.astimezone(UTC))
