"""What functions in Node.js cost, with the JavaScript SDK and without: environments, calls, memory."""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.processes import family, memory
from benchmarks.servers import PEERS
from benchmarks.tasks import Measured, Results
from emulator.functions.factory import RunningFunctions, create_functions
from emulator.functions.outcome import Returned
from emulator.functions.variables import Endpoints
from streamer.topology import Api, Function, Topology

SDK: Final = PEERS / "node_sdk"
"""Where ``make bench-peers`` puts the SDK that Lambda provides."""
COLD: Final = 15
CALLS: Final = 2_000
EVENT: Final = b'{"requestContext": {"routeKey": "echo", "connectionId": "abc="}, "body": "' + b"x" * 200 + b'"}'
CODE: Final = {
    "bare.js": "exports.handler = async (event) => event;\n",
    "sdk.js": """\
const { ApiGatewayManagementApiClient } = require("@aws-sdk/client-apigatewaymanagementapi");
const client = new ApiGatewayManagementApiClient({});
exports.handler = async (event) => event;
""",
    "module.mjs": """\
import { ApiGatewayManagementApiClient } from "@aws-sdk/client-apigatewaymanagementapi";
const client = new ApiGatewayManagementApiClient({});
export const handler = async (event) => event;
""",
}
ROWS: Final = {"bare": "", "sdk": "-sdk", "module": "-module"}


class FailedError(RuntimeError):
    """A function did not do what is measured."""


def program_missing() -> str | None:
    """Why nothing in Node.js can be run; None: it can."""
    return "there is no Node.js on the PATH" if shutil.which("node") is None else None


def missing() -> str | None:
    """Why nothing with the SDK can be run; None: it can."""
    return program_missing() or (None if (SDK / "node_modules").is_dir() else "the SDK is not here (make bench-peers)")


def provide(folder: Path) -> None:
    """Let a project find the SDK, as if it had installed it."""
    (folder / "node_modules").symlink_to(SDK / "node_modules")


async def measure() -> Results:
    """Environments that start, calls of one that is warm, and the memory of each."""
    if (reason := program_missing()) is not None:
        print(f"node: not measured: {reason}", file=sys.stderr)
        return {}
    names = ["bare"]
    if (reason := missing()) is None:
        names += ["sdk", "module"]
    else:
        print(f"node: without the SDK: {reason}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, code in CODE.items():
            (folder / file).write_text(code)
        if reason is None:
            provide(folder)
        functions = create_functions(
            _topology(names), "process", endpoints=Endpoints(), project_folder=folder, log_sink=_NoLog()
        )
        async with functions:
            found: Results = {}
            for each in names:
                found |= await _function(functions, each)
    return found


async def _function(functions: RunningFunctions, name: str) -> Results:
    cold = []
    for _ in range(COLD):
        await functions.retire(name)
        cold.append(await _call(functions, name))
    row = ROWS[name]
    found = {f"node-cold{row}": Measured(statistics.median(cold), {"rounds_ms": [round(one, 1) for one in cold]})}
    found[f"node-memory{row}"] = Measured(await asyncio.to_thread(_memory, name))
    if name == "bare":
        warm = [await _call(functions, name) for _ in range(CALLS)][CALLS // 10 :]
        details = {"p99_ms": round(statistics.quantiles(warm, n=100)[98], 3)}
        found["node-call"] = Measured(statistics.median(warm), details)
    return found


async def _call(functions: RunningFunctions, name: str) -> float:
    """How long an event takes, in ms."""
    began = time.perf_counter()
    outcome = await functions.invoke(name, EVENT)
    took = (time.perf_counter() - began) * 1000
    if not isinstance(outcome, Returned):
        raise FailedError(f"the function {name} failed: {outcome}")
    return took


def _memory(name: str) -> float:
    """RSS of the one environment of a function, in MB."""
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={name}".encode()
    for pid in family(os.getpid())[1:]:
        if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return memory(pid).rss_mb
    raise RuntimeError(f"the function {name} has no environment")


def _topology(names: list[str]) -> Topology:
    return Topology(
        api=Api(name="api", routes=()),
        functions=tuple(
            Function(name=each, handler=f"{each}.handler", runtime="nodejs20.x", timeout_seconds=30, memory_mb=512)
            for each in names
        ),
    )


class _NoLog:
    """Drops the output, so that writing it is not measured."""

    platform_lines = False

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        pass
