"""How functions did, out of the records that are kept: numbers, and execution environments over time. Pure."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from ...functions.outcome import EnvironmentNow, Refused, Returned
from ..recording.records import Batch, Environment, Run
from ..recording.ring import Record
from .telling import Told, tell_outcome

LANE_SECONDS: Final = 300.0
"""How far back environments are shown."""
LANE_RUNS: Final = 500
"""Most invocations of a function that are shown in them, the latest."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all values does not exceed; None: there are none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


def by_function(records: Iterable[Record]) -> dict[str, list[Run]]:
    """The invocations that are kept, in their order."""
    found: dict[str, list[Run]] = defaultdict(list)
    for record in records:
        if isinstance(record, Run):
            found[record.function].append(record)
    return found


def summary(runs: Sequence[Run]) -> Told:
    """Counts and times of the invocations of a function; times in milliseconds."""
    worked = [run.duration_ms for run in runs if not isinstance(run.outcome, Refused)]
    inits = [run.init_ms for run in runs if run.init_ms is not None]
    return {
        "runs": len(runs),
        "errors": sum(not isinstance(run.outcome, Returned | Refused) for run in runs),
        "throttles": sum(isinstance(run.outcome, Refused) for run in runs),
        "cold_starts": len(inits),
        "init_p50": percentile(inits, 0.5),
        "p50": percentile(worked, 0.5),
        "p95": percentile(worked, 0.95),
        "p99": percentile(worked, 0.99),
        "mean": statistics.fmean(worked) if worked else None,
        "at_once": at_once(runs),
        "waited_p95": percentile([run.waited_ms for run in runs], 0.95),
        "memory_mb": max((run.memory_mb for run in runs if run.memory_mb is not None), default=None),
        "last": runs[-1].number if runs else None,
    }


def at_once(runs: Iterable[Run]) -> int:
    """The most invocations that ran at the same time."""
    moments: list[tuple[int, int]] = []
    for run in runs:
        if not isinstance(run.outcome, Refused):
            # An end before a beginning at the same moment: an environment that takes the next event.
            moments += [(run.at_ns - int(run.duration_ms * 1e6), 1), (run.at_ns, -1)]
    moments.sort()
    return max(itertools.accumulate((step for _moment, step in moments), initial=0))


def batches(records: Iterable[Record]) -> dict[tuple[str, str], Told]:
    """What became of the batches that are kept, by function and source."""
    found: dict[tuple[str, str], Told] = {}
    for record in records:
        if not isinstance(record, Batch):
            continue
        empty: Told = {"batches": 0, "records": 0, "failed": 0, "given_up": 0, "last": None, "last_failed": None}
        empty |= {"last_error": "", "end": ""}
        told = found.setdefault((record.function, record.source), empty)
        told["batches"] += 1
        told["records"] += len(record.records)
        told["last"] = record.number
        if not isinstance(record.outcome, Returned):
            told["failed"] += 1
            told["last_failed"] = record.number
            told["last_error"] = tell_outcome(record.outcome).get("why", "")
        if record.end:
            told["given_up"] += len(record.records)
            told["end"] = record.end
    return found


def lanes(
    function: str, records: Iterable[Record], *, now_ns: int, environments: Sequence[EnvironmentNow] = ()
) -> Told:
    """The environments of a function in the last minutes: when each lived, what it ran, when it was frozen.

    ``environments`` is what those that there are now do; the others have ended. Times in Unix milliseconds.
    """
    begin_ns = now_ns - int(LANE_SECONDS * 1e9)
    found: dict[tuple[int, int], Told] = {}
    lives: dict[int, int] = defaultdict(int)
    runs: list[tuple[tuple[int, int], Run]] = []
    for record in records:
        if isinstance(record, Environment) and record.function == function:
            if record.change == "started" and not _is_of(
                found.get((record.environment, lives[record.environment])), record
            ):
                lives[record.environment] += 1
            lane = _lane(found, record.environment, lives[record.environment])
            _change(lane, record)
        elif isinstance(record, Run) and record.function == function and not isinstance(record.outcome, Refused):
            lane = _lane(found, record.environment, lives[record.environment])
            _thaw(lane, record.at_ns / 1e6 - record.duration_ms)
            lane["worked"] = record.at_ns / 1e6
            runs.append(((record.environment, lives[record.environment]), record))
    for place, run in runs[-LANE_RUNS:]:
        if run.at_ns >= begin_ns:
            found[place]["runs"].append(_told(run))
    for environment in environments:
        _note(found, lives, environment, now_ns / 1e6)
    for lane in found.values():
        if lane["state"] is None and lane["pid"] is not None:
            # Its end was not recorded, if it is not known: it worked for the last time before.
            lane["state"], lane["ended"] = "ended", lane["ended"] or lane["worked"] or lane["started"]
        _thaw(lane, lane["ended"] or now_ns / 1e6)
    shown = [
        lane for lane in found.values() if lane["runs"] or lane["ended"] is None or lane["ended"] >= begin_ns / 1e6
    ]
    return {"begin": begin_ns / 1e6, "now": now_ns / 1e6, "lanes": shown}


def _is_of(lane: Told | None, record: Environment) -> bool:
    """Whether a process's start is that of a lane: it may be told of after its function is ready."""
    return lane is not None and lane["pid"] == record.pid and lane["started"] is None


def _change(lane: Told, record: Environment) -> None:
    at = record.at_ns / 1e6
    lane["pid"] = record.pid
    match record.change:
        case "started" | "ready":
            lane[record.change] = at
        case "frozen":
            lane["frozen"].append({"begin": at, "end": None})
        case "retired" | "killed":
            lane |= {"ended": at, "end": record.change, "why": record.why}
            _thaw(lane, at)


def _thaw(lane: Told, at: float) -> None:
    if lane["frozen"] and lane["frozen"][-1]["end"] is None:
        lane["frozen"][-1]["end"] = at


def _note(found: dict[tuple[int, int], Told], lives: dict[int, int], environment: EnvironmentNow, now: float) -> None:
    """Say in its lane what an environment does."""
    lane = _lane(found, environment.number, lives[environment.number])
    if lane["ended"] is not None or lane["pid"] not in (None, environment.pid):
        lives[environment.number] += 1  # it began while nothing was recorded
        lane = _lane(found, environment.number, lives[environment.number])
    lane |= {"pid": environment.pid, "state": environment.state, "seconds": environment.seconds}
    if environment.state == "running":
        lane["running"] = now - environment.seconds * 1000
        _thaw(lane, lane["running"])


def _lane(found: dict[tuple[int, int], Told], environment: int, life: int) -> Told:
    empty = dict.fromkeys(("pid", "started", "ready", "ended", "state", "seconds", "running", "worked"))
    told: Told = {"environment": environment, **empty, "end": "", "why": "", "frozen": [], "runs": []}
    return found.setdefault((environment, life), told)


def _told(run: Run) -> Told:
    return {
        "number": run.number,
        "begin": run.at_ns / 1e6 - run.duration_ms,
        "end": run.at_ns / 1e6,
        "init_ms": run.init_ms,
        "status": "ok" if isinstance(run.outcome, Returned) else "error",
    }
