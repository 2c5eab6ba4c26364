"""State machines over HTTP: what there is, and the executions, which are tasks of this object's."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from streamer.errors import ConfigurationError

from ...foundation import log
from ...foundation.json_bytes import json_of, json_text, parsed_json
from ...foundation.place import arn_of
from ...foundation.tasks import end, start
from ...functions.outcome import Functions
from ...functions.variables import Endpoints
from ...port.http import HttpRequest, HttpResponse
from ..calls import Call
from .definition import parse
from .errors import MachineError, StateError, TimedOutError
from .execution import DATA_BYTES, TRANSITIONS, Around, Run, told
from .tasks import TaskRunner

TARGET: Final = "AWSStepFunctions."
KEPT: Final = 1000
"""Most executions that are remembered; those that ended longest ago go."""
KEPT_CHARACTERS: Final = 64 * 1024 * 1024
"""Of all that they were given and came to, the last one apart."""
RUNNING: Final = 1000
"""Most that run at once."""
_PAGE: Final = 100
"""Executions, events or machines in an answer that is not told how many."""
_JSON: Final = "application/x-amz-json-1.0"
_NAME: Final = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/]{1,80}")


def _now() -> float:
    """Seconds since 1970, told in milliseconds. [USR] aws-samples/aws-apigw-websocket-delivery-workflow, README"""
    return round(time.time(), 3)


@dataclass(slots=True, kw_only=True)
class Machine:
    """A state machine."""

    arn: str
    name: str
    text: str
    definition: Mapping[str, Any]
    role: str
    kind: str
    made: float


@dataclass(slots=True, kw_only=True)
class Execution:
    """One execution, and what came of it."""

    arn: str
    name: str
    machine: Machine
    given: str
    started: float
    ended: asyncio.Future[Mapping[str, Any]]
    status: str = "RUNNING"
    stopped: float | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    characters: int = 0
    """Of what its events tell."""
    task: asyncio.Task[None] | None = None

    @property
    def is_express(self) -> bool:
        """Whether its machine is express: it may enter any number of states, and AWS has no history of them."""
        return self.machine.kind == "EXPRESS"

    def shown(self) -> dict[str, Any]:
        """As ``DescribeExecution`` has it."""
        found = {
            "executionArn": self.arn,
            "stateMachineArn": self.machine.arn,
            "name": self.name,
            "status": self.status,
            "startDate": self.started,
            "stopDate": self.stopped,
            "input": self.given,
            "inputDetails": {"included": True},
            "output": self.output,
            "outputDetails": None if self.output is None else {"included": True},
            "error": self.error,
            "cause": self.cause,
        }
        return {name: value for name, value in found.items() if value is not None}

    def record(self, kind: str, details: Mapping[str, Any]) -> None:
        """Note an event; of express executions the first ones, for whoever develops them."""
        if self.is_express and len(self.events) >= TRANSITIONS:
            return
        self.characters += sum(len(text) for told in details.values() for text in told.values())
        number = len(self.events) + 1
        self.events.append({"timestamp": _now(), "type": kind, "id": number, "previousEventId": number - 1, **details})


def gone(executions: Mapping[str, Execution]) -> list[str]:
    """Which ones to forget, so that there is room for one more. One that has just ended is still asked for."""
    ended = sorted((each.stopped, arn) for arn, each in executions.items() if each.stopped is not None)
    count, characters, found = len(executions), sum(executions[arn].characters for _, arn in ended), []
    for _, arn in ended[:-1]:
        if count < KEPT and characters <= KEPT_CHARACTERS:
            break
        found.append(arn)
        count, characters = count - 1, characters - executions[arn].characters
    return found


class StateMachines:
    """Answers requests, and runs executions until `close`."""

    def __init__(self, endpoints: Endpoints, functions: Functions) -> None:
        self._place = arn_of("states", endpoints.region, endpoints.account_id, "")
        self._machines: dict[str, Machine] = {}
        self._executions: dict[str, Execution] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._tasks = TaskRunner(functions, endpoints, self._start)
        self._operations: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "CreateStateMachine": self._create,
            "DescribeStateMachine": self._describe,
            "UpdateStateMachine": self._update,
            "DeleteStateMachine": self._delete,
            "ListStateMachines": self._list,
            "StartExecution": self._start_only,
            "StartSyncExecution": self._start_and_wait,
            "DescribeExecution": lambda given: self._execution(given).shown(),
            "ListExecutions": self._list_executions,
            "StopExecution": self._stop,
            "GetExecutionHistory": self._history,
            "SendTaskSuccess": self._succeed,
            "SendTaskFailure": self._fail,
            "SendTaskHeartbeat": self._beat,
        }

    def make(self, call: Call) -> None:
        """Do what a template describes, for a machine that is there, too; raises ConfigurationError."""
        known = self._machines.get(self._arn(str(call.parameters["name"])))
        try:
            if known is None:
                self._create(call.parameters)
            else:
                self._update({**call.parameters, "stateMachineArn": known.arn})
        except MachineError as error:
            raise ConfigurationError(f"{call.resource}: {error.code}: {error}") from error

    def remove(self, call: Call) -> None:
        """Delete a machine that may be gone; executions that run go on, as on AWS."""
        self._delete(call.parameters)

    def start(self, arn: str, payload: str) -> bool:
        """Start an execution on behalf of a service; False: there is no such machine."""
        found = self._known(arn)
        if found is None:
            return False
        self._begin(found, payload, str(uuid.uuid4()))
        return True

    async def close(self) -> None:
        """End all executions."""
        await end(self._running)

    async def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request; None: the operation is not known."""
        operation = self._operations.get(request.fields.get("x-amz-target", "").removeprefix(TARGET))
        if operation is None:
            return None
        try:
            found = operation(parsed_json(request.body or b"{}"))
            if asyncio.iscoroutine(found):
                found = await found
        except MachineError as error:
            return _refused(error)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return _refused(MachineError("ValidationException", f"a parameter is missing or of another type: {error}"))
        return HttpResponse.of_json(200, found, kind=_JSON)

    # machines

    def _known(self, arn: str) -> Machine | None:
        """The machine of an ARN, or that of its version or alias."""
        return self._machines.get(arn) or self._machines.get(arn.rpartition(":")[0])

    def _machine(self, arn: Any) -> Machine:
        found = self._known(str(arn))
        if found is None:
            raise MachineError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return found

    def _arn(self, name: str) -> str:
        return f"{self._place}stateMachine:{name}"

    def _create(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = str(given["name"])
        if _NAME.fullmatch(name) is None:
            raise MachineError("InvalidName", f"Invalid Name: '{name}'")
        arn = self._arn(name)
        definition = parse(str(given["definition"]))
        known = self._machines.get(arn)
        if known is not None and known.definition != definition:
            raise MachineError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
        if known is None:
            self._machines[arn] = Machine(
                arn=arn,
                name=name,
                text=str(given["definition"]),
                definition=definition,
                role=str(given.get("roleArn") or ""),
                kind=str(given.get("type") or "STANDARD"),
                made=_now(),
            )
        return {"stateMachineArn": arn, "creationDate": self._machines[arn].made}

    def _describe(self, given: Mapping[str, Any]) -> dict[str, Any]:
        found = self._machine(given["stateMachineArn"])
        return {
            "stateMachineArn": found.arn,
            "name": found.name,
            "status": "ACTIVE",
            "definition": found.text,
            "roleArn": found.role,
            "type": found.kind,
            "creationDate": found.made,
        }

    def _update(self, given: Mapping[str, Any]) -> dict[str, Any]:
        found = self._machine(given["stateMachineArn"])
        if "definition" in given:
            found.text, found.definition = str(given["definition"]), parse(str(given["definition"]))
        found.role = str(given.get("roleArn") or found.role)
        return {"updateDate": _now()}

    def _delete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._machines.pop(str(given["stateMachineArn"]), None)
        return {}

    def _list(self, given: Mapping[str, Any]) -> dict[str, Any]:
        found = [
            {"stateMachineArn": each.arn, "name": each.name, "type": each.kind, "creationDate": each.made}
            for each in self._machines.values()
        ]
        return _page("stateMachines", found, given)

    # executions

    def _execution(self, given: Mapping[str, Any]) -> Execution:
        found = self._executions.get(str(given["executionArn"]))
        if found is None:
            raise MachineError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{given['executionArn']}'")
        return found

    def _started(self, given: Mapping[str, Any]) -> Execution:
        machine = self._machine(given["stateMachineArn"])
        text, name = str(given.get("input") or "{}"), str(given.get("name") or uuid.uuid4())
        if _NAME.fullmatch(name) is None:
            raise MachineError("InvalidName", f"Invalid Name: '{name}'")
        if len(text.encode()) > DATA_BYTES:
            why = f"failed to satisfy constraint: Member must have length less than or equal to {DATA_BYTES}"
            raise MachineError("ValidationException", f"1 validation error detected: Value at 'input' {why}")
        try:
            json_of(text.encode())
        except ValueError as error:
            raise MachineError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error
        known = self._executions.get(f"{self._place}execution:{machine.name}:{name}")
        if known is not None:
            if known.status == "RUNNING" and known.given == text:
                return known
            raise MachineError("ExecutionAlreadyExists", f"Execution Already Exists: '{known.arn}'")
        return self._begin(machine, text, name)

    def _begin(self, machine: Machine, text: str, name: str) -> Execution:
        if len(self._running) >= RUNNING:
            raise MachineError("ExecutionLimitExceeded", f"{RUNNING} executions run already")
        is_express = machine.kind == "EXPRESS"
        kind, rest = ("express", f":{uuid.uuid4()}") if is_express else ("execution", "")
        execution = Execution(
            arn=f"{self._place}{kind}:{machine.name}:{name}{rest}",
            name=name,
            machine=machine,
            given=text,
            started=_now(),
            ended=asyncio.get_running_loop().create_future(),
        )
        for arn in gone(self._executions):
            del self._executions[arn]
        self._executions[execution.arn] = execution
        execution.record("ExecutionStarted", {"executionStartedEventDetails": {"input": execution.given}})
        execution.task = start(self._running, self._run(execution))

        def aborted(task: asyncio.Task[None]) -> None:
            if task.cancelled():  # before its first step, too
                self._finished(execution, "ABORTED", error=execution.error, cause=execution.cause)

        execution.task.add_done_callback(aborted)
        return execution

    async def _run(self, execution: Execution) -> None:
        data = json.loads(execution.given)
        of_execution = {
            "Id": execution.arn,
            "Input": data,
            "Name": execution.name,
            "RoleArn": execution.machine.role,
            "StartTime": told(datetime.fromtimestamp(execution.started, UTC)),
        }
        machine = {"Id": execution.machine.arn, "Name": execution.machine.name}
        around = Around(
            tasks=self._tasks,
            sleep=asyncio.sleep,
            now=lambda: datetime.now(UTC),
            bits=secrets.randbits,
            record=execution.record,
            is_express=execution.is_express,
            context={"Execution": of_execution, "StateMachine": machine},
        )
        try:
            output = await Run(around).run(execution.machine.definition, data)
        except StateError as error:
            # [REC] ls-snap test_fixed_timeout_lambda: an execution whose task took too long has failed
            status = "TIMED_OUT" if isinstance(error, TimedOutError) else "FAILED"
            self._finished(execution, status, error=error.error, cause=error.cause)
        except Exception as error:  # noqa: BLE001 - top of a task: told, and the execution has failed
            log.error("an execution of a state machine failed", error=error, machine=execution.machine.name)
            self._finished(execution, "FAILED", error="States.Runtime", cause=str(error))
        else:
            execution.output = json_text(output)
            self._finished(execution, "SUCCEEDED")

    def _finished(
        self, execution: Execution, status: str, *, error: str | None = None, cause: str | None = None
    ) -> None:
        execution.status, execution.stopped, execution.error, execution.cause = status, _now(), error, cause
        name = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "TIMED_OUT": "TimedOut", "ABORTED": "Aborted"}[status]
        details = {"output": execution.output, "error": error, "cause": cause}
        kept = {key: value for key, value in details.items() if value is not None}
        execution.record(f"Execution{name}", {f"execution{name}EventDetails": kept})
        if error is not None and status != "ABORTED":
            log.warning(
                "an execution of a state machine failed", machine=execution.machine.name, problem=error, cause=cause
            )
        if not execution.ended.done():
            execution.ended.set_result(execution.shown())

    async def _start(self, given: Mapping[str, Any]) -> tuple[Mapping[str, Any], asyncio.Future[Mapping[str, Any]]]:
        try:
            execution = self._started(given)
        except MachineError as error:
            raise StateError(f"StepFunctions.{error.code}Exception", str(error)) from error
        return {"executionArn": execution.arn, "startDate": execution.started}, execution.ended

    def _start_only(self, given: Mapping[str, Any]) -> dict[str, Any]:
        execution = self._started(given)
        return {"executionArn": execution.arn, "startDate": execution.started}

    async def _start_and_wait(self, given: Mapping[str, Any]) -> dict[str, Any]:
        machine = self._machine(given["stateMachineArn"])
        if machine.kind != "EXPRESS":
            text = "This operation is not supported by this type of state machine"
            raise MachineError("StateMachineTypeNotSupported", text)
        execution = self._started(given)
        found = dict(await asyncio.shield(execution.ended))
        spent = int(1000 * ((execution.stopped or execution.started) - execution.started))
        billed = {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": -(-spent // 100) * 100}
        return {**found, "billingDetails": billed}

    def _list_executions(self, given: Mapping[str, Any]) -> dict[str, Any]:
        machine, wanted = self._machine(given["stateMachineArn"]), given.get("statusFilter")
        names = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate")
        found = [each.shown() for each in reversed(self._executions.values()) if each.machine.arn == machine.arn]
        shown = [
            {name: each[name] for name in names if name in each} for each in found if wanted in (None, each["status"])
        ]
        return _page("executions", shown, given)

    def _stop(self, given: Mapping[str, Any]) -> dict[str, Any]:
        execution = self._execution(given)
        if execution.task is not None and not execution.task.done():
            execution.error, execution.cause = given.get("error"), given.get("cause")
            execution.task.cancel()
        return {"stopDate": _now()}

    def _history(self, given: Mapping[str, Any]) -> dict[str, Any]:
        events = self._execution(given).events
        found = list(reversed(events)) if given.get("reverseOrder") else list(events)
        return _page("events", found, given)

    # tokens

    def _succeed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        try:
            output = parsed_json(str(given["output"]))
        except ValueError as error:
            raise MachineError("InvalidOutput", f"Invalid Output: '{error}'") from error
        return self._settled(given, output)

    def _fail(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return self._settled(given, StateError(str(given.get("error") or ""), str(given.get("cause") or "")))

    def _settled(self, given: Mapping[str, Any], outcome: Any) -> dict[str, Any]:
        return self._of_token(str(given["taskToken"]), lambda token: self._tasks.settle(token, outcome))

    def _beat(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return self._of_token(str(given["taskToken"]), self._tasks.beat)

    def _of_token(self, token: str, act: Callable[[str], bool]) -> dict[str, Any]:
        if not self._tasks.knew(token):
            raise MachineError("InvalidToken", "Invalid Token: 'Invalid token'")
        if not act(token):
            raise MachineError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        return {}


def _page(name: str, found: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A page of what was found; its token is where the next one begins. [DOC] sfn-api:API_GetExecutionHistory"""
    token = str(given.get("nextToken") or "0")
    if not (token.isascii() and token.isdigit()):
        raise MachineError("InvalidToken", "Invalid Token: 'Invalid token'")
    start = int(token)
    end = start + (int(given.get("maxResults") or 0) or _PAGE)
    return {name: found[start:end], **({"nextToken": str(end)} if end < len(found) else {})}


def _refused(error: MachineError) -> HttpResponse:
    return HttpResponse.of_json(400, error.told(), ("x-amzn-ErrorType", error.code), kind=_JSON)
