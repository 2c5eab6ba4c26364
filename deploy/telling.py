"""Lines of CloudWatch Logs and segments of X-Ray, told as the emulator's console tells of what passes through. Pure.

The forms are those of ``docs/console.md``, as far as AWS knows what stands in them.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.observability.tracing import fields_of

from .cloud import LogEvent

Told = dict[str, Any]

ACCESS: Final = "/aws/apigateway/"
"""Begins the log group of an API's access log."""
KEPT: Final = 10_000
"""Most invocations whose requests are remembered."""
REMEMBERED: Final = 100
"""Most requests, connections and users of each."""
_WRONG: Final = {"ERROR": "error", "CRITICAL": "error", "FATAL": "error", "WARNING": "warning", "WARN": "warning"}
_PLATFORM: Final = "platform."
_TEXT: Final = re.compile(r"(?:START|END|INIT_START|REPORT) (?:RequestId|Runtime Version): ")
"""Begins Lambda's own lines where the format of logs is text. [DOC] lambda-docs:python-logging"""
_NUMBER: Final = re.compile(r"\b(Duration|Init Duration|Max Memory Used): ([\d.]+)")
_WORDS: Final = re.compile(r"\b(RequestId|TraceId|Status|Error Type): (\S+)")


@dataclass(slots=True)
class Teller:
    """Tells of log lines in the order in which they come; remembers which invocation was about what."""

    prefix: str
    """Begins the names of the functions' log groups."""
    _number: int = 0
    _about: OrderedDict[str, dict[str, set[str]]] = field(default_factory=OrderedDict)

    def tell(self, event: LogEvent) -> Told | None:
        """A line, told; None: it says nothing for people, as a metric."""
        said = read(event)
        told: Told | None
        if event.group.startswith(ACCESS):
            told = _access(said)
        elif str(said.get("type", "")).startswith(_PLATFORM):
            told = self._platform(said)
        elif _TEXT.match(event.message):
            told = _report(event.message)
        else:
            told = None if "_aws" in said else self._line(said, event)
        if told is None:
            return None
        self._number += 1
        function = event.group.removeprefix(self.prefix)
        return {"number": self._number, "at": float(event.at_ms), "function": function, **told}

    def belongs(self, told: Told, *, connection: str | None, user: str | None, request: str | None) -> bool:
        """Whether something is about what is asked for; None: that is not asked for.

        What only names its invocation is about what the lines of that invocation were about.
        """
        remembered = self._about.get(str(told.get("lambda_request")), {})

        def is_about(name: str, wanted: str) -> bool:
            own = told.get(name)
            return wanted in remembered.get(name, ()) if own is None else own == wanted

        whose = (("connection", connection), ("user", user))
        if any(wanted is not None and not is_about(name, wanted) for name, wanted in whose):
            return False
        ids = (told.get("lambda_request"), told.get("gateway_request"), told.get("root"))
        return request is None or request in ids or is_about("request", request)

    def _line(self, said: Mapping[str, Any], event: LogEvent) -> Told:
        invocation = said.get("invocation_id") or said.get("requestId")
        told = {
            "kind": "log",
            "lambda_request": invocation,
            "level": str(said.get("level", "")),
            "message": str(said.get("message", event.message)).strip(),
            "text": event.message.strip(),
            "request": said.get("request_id"),
            "connection": said.get("connection_id"),
            "user": said.get("user_id"),
            "tenant": said.get("tenant_id"),
            "status": _WRONG.get(str(said.get("level", "")), "ok"),
        }
        if "error_type" in said:
            told["fault"] = fault_of(said)
        if invocation is not None:
            self._remember(str(invocation), told)
        return told

    def _remember(self, invocation: str, told: Told) -> None:
        about = self._about.setdefault(invocation, {"request": set(), "connection": set(), "user": set()})
        for name, values in about.items():
            if told[name] is not None and len(values) < REMEMBERED:
                values.add(str(told[name]))
        while len(self._about) > KEPT:
            self._about.popitem(last=False)

    def _platform(self, said: Mapping[str, Any]) -> Told | None:
        record = said.get("record", {})
        if said["type"] != "platform.report":
            return None
        metrics, status = record.get("metrics", {}), str(record.get("status", "success"))
        told = {
            "kind": "run",
            "lambda_request": record.get("requestId"),
            "root": root_of(record.get("tracing", {}).get("value", "")),
            "source": "AWS",
            "waited_ms": 0.0,
            "init_ms": metrics.get("initDurationMs"),
            "ms": metrics.get("durationMs"),
            "memory_mb": metrics.get("maxMemoryUsedMB"),
            "status": "ok" if status == "success" else "error",
        }
        return told if status == "success" else {**told, "why": record.get("errorType") or status}


def read(event: LogEvent) -> Mapping[str, Any]:
    """A line's fields; none where it is no JSON object."""
    try:
        said = json.loads(event.message)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def root_of(header: str) -> str:
    """The trace of a header; empty: it names none."""
    return fields_of(header).get("Root", "")


def fault_of(said: Mapping[str, Any]) -> Told:
    """What went wrong, as a line of an error has it."""
    return {"sentence": f"{said['error_type']}: {said.get('error_message', '')}", "frames": []}


def _report(text: str) -> Told | None:
    """An invocation, as Lambda's text tells of it; None: not the line at its end."""
    if not text.startswith("REPORT "):
        return None
    numbers = {name: float(number) for name, number in reversed(_NUMBER.findall(text))}
    words = dict(_WORDS.findall(text))
    told = {
        "kind": "run",
        "lambda_request": words.get("RequestId"),
        "root": words.get("TraceId", ""),
        "source": "AWS",
        "waited_ms": 0.0,
        "init_ms": numbers.get("Init Duration"),
        "ms": numbers.get("Duration"),
        "memory_mb": numbers.get("Max Memory Used"),
        "status": "error" if "Status" in words else "ok",
    }
    return {**told, "why": words.get("Error Type") or words["Status"]} if "Status" in words else told


def _access(said: Mapping[str, Any]) -> Told:
    status = str(said.get("status", ""))
    went_wrong = status.isdecimal() and int(status) >= 400
    common = {
        "connection": str(said.get("connectionId", "")),
        "gateway_request": said.get("requestId"),
        "user": None,
        "tenant": None,
        "ms": _number(said.get("integrationLatency")),
        "function": None,
    }
    if said.get("eventType") == "CONNECT":
        why = _said(said.get("error"))
        told = {"kind": "opening", "http_status": status, "body": why, "status": "refused" if went_wrong else "ok"}
        return common | told
    return common | {
        "kind": "message",
        "action": said.get("routeKey"),
        "text": "",
        "request": None,
        "status": "error" if went_wrong else "ok",
        "why": _said(said.get("integrationError")) or (status if went_wrong else ""),
    }


def _said(value: Any) -> str:
    """A variable of the access log; ``-`` is none."""
    return "" if value in (None, "-") else str(value)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


# one request


def invocations(events: Iterable[LogEvent]) -> list[tuple[str, str]]:
    """The invocations that lines are of, with their log groups, in their order."""
    found = []
    for event in events:
        said = read(event)
        report = _report(event.message) or {}
        named = (said.get("invocation_id"), said.get("requestId"), said.get("record", {}).get("requestId"))
        ids = (*named, report.get("lambda_request"))
        found += [(event.group, str(each)) for each in ids if each]
    return list(dict.fromkeys(found))


def about(name: str, events: Sequence[LogEvent], teller: Teller) -> list[Told]:
    """What lines say of a request, an invocation or a trace, with what its invocations say of nobody else."""
    told = [each for event in events if (each := teller.tell(event)) is not None]
    ours = [each for each in told if teller.belongs(each, connection=None, user=None, request=name)]
    own = {each["lambda_request"] for each in ours if each.get("lambda_request")}
    is_request = any(each.get("request") == name for each in ours)
    return [
        each
        for each in told
        if each in ours or (each.get("lambda_request") in own and (each.get("request") is None or not is_request))
    ]


def waterfall(name: str, told: Sequence[Told], segments: Sequence[Mapping[str, Any]], *, stack: str) -> Told:
    """A trace of a request: what became of it, what took how long, and what was logged.

    Args:
        name: The id by which it was asked for.
        told: Lines of its invocations, as `Teller` tells of them.
        segments: Of its traces.
        stack: Begins the names of the functions.
    """
    lines = [each for each in told if each["kind"] == "log"]
    runs = [each for each in told if each["kind"] == "run"]
    spans = [*_spans(name, joined(segments), f"{stack}-")]
    covered = {span["function"] for span in spans}
    for run in runs:
        if run["function"] not in covered and run["ms"] is not None:
            spans += _run_spans(run)
    spans.sort(key=lambda span: (span["begin"], span["depth"]))
    whose = next((each for each in lines if each["user"]), {})
    status, verdict = _verdict(lines, runs)
    origin = {
        "kind": "message",
        "number": name,
        "at": min((each["at"] for each in told), default=0.0),
        "user": whose.get("user"),
        "tenant": whose.get("tenant"),
        "connection": next((each["connection"] for each in lines if each["connection"]), "-"),
        "text": next((str(read_text(each).get("action", "")) for each in lines if read_text(each).get("action")), ""),
    }
    faults = {str(n): each["fault"] for n, each in enumerate(lines) if "fault" in each}
    found = {"status": status, "verdict": verdict, "origin": origin, "spans": spans, "faults": faults}
    return found | {"runs": runs, "calls": [], "logs": lines, "traces": sorted({str(s["trace_id"]) for s in segments})}


def read_text(line: Told) -> Mapping[str, Any]:
    """The fields of a told line."""
    return read(LogEvent(event_id="", at_ms=0, message=line["text"]))


def _verdict(lines: Sequence[Told], runs: Sequence[Told]) -> tuple[str, str]:
    """Status and sentence: the last end that was logged, else an error, else what the invocations say."""
    ends = [read_text(each) for each in lines if each["message"] in ("request ended", "action ran", "request refused")]
    if ends:
        last = ends[-1]
        action, took = last.get("action", "the action"), last.get("latency_ms")
        how = _how(last)
        if last.get("refused") or "code" in last:
            return "refused", f"{action} was refused: {last.get('code', '')} {last.get('reason', '')}".rstrip(": ")
        wrong = [each["fault"]["sentence"] for each in lines if "fault" in each]
        why = f": {wrong[-1]}" if wrong and how in ("failed", "retrying") else ""
        after = f" after {took} ms" if took is not None else ""
        return "error" if how == "failed" else "ok", f"{action} {how}{after}{why}"
    bad = [each for each in lines if each["status"] == "error"]
    if bad:
        told = bad[-1]
        return "error", f"{told['message']}: {told['fault']['sentence']}" if "fault" in told else told["message"]
    broken = [each for each in runs if each["status"] == "error"]
    if broken:
        return "error", f"{broken[-1]['function']} ended with {broken[-1]['why']}"
    if any(each["message"] == "request queued" for each in lines):
        return "running", "queued, and no end was logged yet"
    return "ok", "nothing went wrong that was logged"


def _how(last: Mapping[str, Any]) -> str:
    if "status" not in last:  # a quick action
        return "failed" if last.get("failed") else "completed"
    return {"PROCESSING": "was taken over by another run", "None": "found its request gone"}.get(
        str(last["status"]), str(last["status"]).lower()
    )


def _run_spans(run: Told) -> Iterator[Told]:
    begin = run["at"] - run["ms"]
    if run["init_ms"]:
        yield _span(run["function"], "init", "cold start", (begin - run["init_ms"], begin), 1)
    yield _span(run["function"], "function", run["function"], (begin, run["at"]), 1, failed=run["status"] == "error")


def joined(segments: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Segments with their subsegments in them, also those that come as documents of their own."""
    below: dict[str, list[Mapping[str, Any]]] = {}
    for each in segments:
        if each.get("type") == "subsegment":
            below.setdefault(str(each.get("parent_id")), []).append(each)

    def whole(part: Mapping[str, Any]) -> Mapping[str, Any]:
        own = [*part.get("subsegments", ()), *below.pop(str(part.get("id")), ())]
        return {**part, "subsegments": [whole(each) for each in own]}

    return [whole(each) for each in segments if each.get("type") != "subsegment"]


def _spans(name: str, segments: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[Told]:
    for segment in segments:
        others = [each for each in _requests(segment) if each != name]
        if others and name not in _requests(segment):
            continue  # an asynchronous invocation for another request has the trace of the batch that led to it
        function = str(segment.get("name", "")).removeprefix(prefix)
        if segment.get("origin") == "AWS::Lambda":
            for each in segment.get("subsegments", ()):
                if "dwell" in str(each.get("name", "")).lower():
                    yield _of(each, function, "wait", "waits in Lambda's queue", 1)
            continue
        yield _of(segment, function, "function", function, 1)
        yield from _below(segment, function, 2)


def _below(segment: Mapping[str, Any], function: str, depth: int) -> Iterator[Told]:
    for each in segment.get("subsegments", ()):
        named = str(each.get("name", ""))
        if named == "Initialization":
            yield _of(each, function, "init", "cold start", depth)
        elif named in ("Invocation", "Overhead"):  # [INF] the first is the function's own time, the second Lambda's
            yield from _below(each, function, depth)
        else:
            note = str(each.get("annotations", {}).get("action", ""))
            yield _of(each, function, "call", named, depth) | {"note": note}
            yield from _below(each, function, depth + 1)


def _requests(segment: Mapping[str, Any]) -> list[str]:
    """The requests that a segment and what is in it are annotated with."""
    own = segment.get("annotations", {}).get("request_id")
    below = [found for each in segment.get("subsegments", ()) for found in _requests(each)]
    return [str(own), *below] if own is not None else below


def _of(part: Mapping[str, Any], function: str, kind: str, name: str, depth: int) -> Told:
    begin = float(part.get("start_time", 0)) * 1000
    end = float(part.get("end_time", part.get("start_time", 0))) * 1000
    failed = any(part.get(flag) for flag in ("fault", "error", "throttle"))
    return _span(function, kind, name, (begin, end), depth, failed=failed)


def _span(function: str, kind: str, name: str, time: tuple[float, float], depth: int, *, failed: bool = False) -> Told:
    begin, end = time
    status = "error" if failed else "ok"
    return {
        "function": function,
        "kind": kind,
        "name": name,
        "begin": begin,
        "end": end,
        "depth": depth,
        "note": "",
        "status": status,
    }
