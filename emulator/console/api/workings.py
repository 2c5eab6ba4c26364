"""The functions of the service: what they are, how they did, and another invocation of one."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamer.observability.redaction import is_sensitive
from streamer.protocol.messages import strict_json
from streamer.topology import Function

from ...functions.variables import name_and_qualifier
from ..around import Around
from ..reading.asked import Asked, BadRequestError
from ..reading.statistics import by_function, lanes, summary
from ..reading.telling import Told
from ..recording.masking import masked
from ..recording.recorder import RingRecorder
from ..recording.records import Run
from .invoking import Invoking
from .restoring import restored_event
from .samples import KINDS, Sample, sample


class Workings:
    """Answers questions about functions, and runs them."""

    def __init__(self, around: Around, recorder: RingRecorder, invoking: Invoking, *, look: Callable[[], None]) -> None:
        """``look`` makes sure that what follows is recorded."""
        self._around = around
        self._recorder = recorder
        self._invoking = invoking
        self._look = look

    async def listed(self, _asked: Asked) -> Told:
        """Every function: what it is, and its numbers out of the invocations that are kept."""
        self._look()
        runs = by_function(self._recorder.ring)
        return {"functions": [self._told(each, runs.get(each.name, [])) for each in self._around.topology().functions]}

    async def one(self, _asked: Asked, name: str) -> Told:
        """A function with its environments over time, variables by name, and events to run it with."""
        self._look()
        function = self._function(name)
        runs = by_function(self._recorder.ring).get(name, [])
        return {
            **self._told(function, runs),
            "environment": [
                {"name": each, "is_secret": each in function.secrets or is_sensitive(each)}
                for each in sorted({*function.environment, *function.secrets})
            ],
            "events": self._events(runs),
            **lanes(name, self._recorder.ring, now_ns=time.time_ns(), environments=self._around.functions.now(name)),
        }

    async def invoke(self, asked: Asked, name: str) -> Told:
        """Run a function with an event; answers once it has returned, with the number of the invocation's record.

        With ``type`` ``Event`` as Lambda's asynchronous invocation: at once, with None for the number. With ``of``, the
        number of the invocation whose event it is, perhaps edited: its secrets, which are not told, are put back.
        """
        function = self._function(name)
        event, of = asked.body_of().get("event"), asked.field("of", int, 0)
        if of:
            record = self._recorder.ring.find(of)
            payload = restored_event(event, record.payload if isinstance(record, Run) else b"")
        else:
            payload = json.dumps(event).encode("utf-8", "surrogatepass")
        kind = asked.field("type", str, "RequestResponse")
        if kind not in ("RequestResponse", "Event"):
            raise BadRequestError(400, "type is RequestResponse or Event")
        if kind == "Event":
            self._look()
            if not self._around.accept(function.name, payload, self._invoking.new_request()):
                raise BadRequestError(429, "too many events wait for the functions")
            return {"number": None}
        _outcome, number = await self._invoking.invoke(function.name, payload)
        return {"number": number}

    async def retire(self, _asked: Asked, name: str) -> Told:
        """Let the next event of a function find no environment that is warm."""
        await self._around.functions.retire(self._function(name).name)
        return {"function": name}

    def _function(self, name: str) -> Function:
        found = next((each for each in self._around.topology().functions if each.name == name), None)
        if found is None:
            raise BadRequestError(404, f"there is no function {name}")
        return found

    def _told(self, function: Function, runs: list[Run]) -> Told:
        topology = self._around.topology()

        def is_its(each: Any) -> bool:
            return each.function is not None and name_and_qualifier(each.function)[0] == function.name

        return {
            "name": function.name,
            "handler": function.handler,
            "code": _place(function, self._around.settings.target, self._around.project_folder),
            "runtime": function.runtime or "python",
            "memory_limit_mb": function.memory_mb,
            "timeout_seconds": function.timeout_seconds,
            "concurrency": function.reserved_concurrency,
            "unavailable": function.unavailable or "",
            "routes": [route.route_key for api in topology.all_apis() for route in api.routes if is_its(route)]
            + [route.key for api in topology.http_apis for route in api.routes if is_its(route)],
            "reads": [each.table for each in topology.event_source_mappings if is_its(each)]
            + [each.stream for each in topology.kinesis_mappings if is_its(each)]
            + [each.queue for each in topology.queue_mappings if is_its(each)],
            "schedules": [each.name for each in topology.schedules if is_its(each)],
            "states": Counter(each.state for each in self._around.functions.now(function.name)),
            **summary(runs),
        }

    def _events(self, runs: list[Run]) -> list[Told]:
        """The latest event of each kind that it got, then samples."""
        wanted = Sample(now=datetime.now(UTC), stage=self._around.topology().api.stage)
        samples = [{"name": f"sample: {kind}", "event": sample(kind, wanted)} for kind in KINDS]
        whole = next((run for run in reversed(runs) if len(run.payload) == run.payload_bytes), None)
        if whole is None:
            return samples
        return [{"name": "the last one", "number": whole.number, "event": _masked_event(whole)}, *samples]


def _masked_event(run: Run) -> Any:
    try:
        return masked(strict_json(run.payload.decode()))
    except ValueError:
        return run.payload.decode("utf-8", "replace")


def _place(function: Function, target: str, project_folder: Path) -> str:
    """The file of the code, from the project's folder if it is below; a module's name where it is elsewhere."""
    folder = Path(function.code_root) if function.code_root else project_folder
    module = function.handler.rpartition(".")[0].replace("/", ".")
    if module.startswith("streamer.handlers."):
        module = target.partition(":")[0]  # all functions of an App run what it says
    for suffix in (".py", "/__init__.py", ".js", ".mjs", ".cjs", ".ts"):
        file = folder / (module.replace(".", "/") + suffix)
        if file.is_file():
            return str(file.relative_to(project_folder) if file.is_relative_to(project_folder) else file)
    return module
