"""Records as spans of OpenTelemetry, in the JSON of OTLP/HTTP: one trace for all that followed from a message.

Pure. Texts, events and items are not told: only what was called, by whom, when, and what came of it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from ..reading.book import Book
from ..reading.telling import Told
from ..reading.traces import Traces, began
from ..recording.meaning import caller_of, root_of
from ..recording.records import Call, Message, Opening, Run
from ..recording.ring import Record

INTERNAL, SERVER, CLIENT = 1, 2, 3
"""Kinds of spans. [DOC] opentelemetry-proto: trace.proto"""
ERROR: Final = 2
GATEWAY: Final = "api-gateway"
"""Name of the service that took a message."""

Json = dict[str, Any]


def spans(kept: Sequence[Record], numbers: Collection[int], *, boot: str, version: str) -> tuple[Json, int]:
    """The request with the spans of what is new, and how many they are.

    Args:
        kept: All records there are, since what is new may be due to what is old.
        numbers: The new ones. A call is told with the invocation that made it.
        boot: Names this run of the emulator: numbers of records begin anew with each.
        version: Of the emulator.
    """
    traces, book = Traces(kept), Book.of_records(kept)
    calls: dict[str, list[Call]] = defaultdict(list)
    for record in kept:
        if isinstance(record, Call) and (root := caller_of(record)):
            calls[root].append(record)
    by_service: dict[str, list[Json]] = defaultdict(list)
    for record in kept:
        if record.number in numbers:
            for service, span in _told(record, traces, book, calls, boot):
                by_service[service].append(span)
    found = [
        {
            "resource": {"attributes": _attributes({"service.name": service, "cloud.provider": "aws"})},
            "scopeSpans": [{"scope": {"name": "streamer", "version": version}, "spans": each}],
        }
        for service, each in by_service.items()
    ]
    return {"resourceSpans": found}, sum(map(len, by_service.values()))


def _told(
    record: Record, traces: Traces, book: Book, calls: Mapping[str, Sequence[Call]], boot: str
) -> Iterator[tuple[str, Json]]:
    teller = book.teller()
    trace = _id(f"{boot}/{traces.first_cause(record).number}", 16)
    cause = traces.cause(record)
    parent = "" if cause is None else _id(f"{boot}/{cause.number}", 8)
    about = {"traceId": trace, "spanId": _id(f"{boot}/{record.number}", 8), "parentSpanId": parent}
    match record:
        case Opening():
            times = _times(record.at_ns, record.decided_ns)
            yield GATEWAY, {**about, **times, "name": "connect", "kind": SERVER, **_rest(teller.tell(record))}
        case Message() if record.answered_ns or record.invoke is None:
            told = teller.tell(record)
            name = str(told["action"] or told["route"] or "message")
            times = _times(record.at_ns, record.answered_ns or record.at_ns)
            yield GATEWAY, {**about, **times, "name": name, "kind": SERVER, **_rest(told)}
        case Run():
            told = teller.tell(record)
            yield (
                record.function,
                {
                    **about,
                    "name": record.function,
                    "kind": SERVER,
                    **_times(began(record), record.at_ns),
                    **_rest(told),
                },
            )
            for call in calls.get(root_of(record.trace), ()):
                yield record.function, _call(call, teller.tell(call), trace, about["spanId"], boot)


def _call(call: Call, told: Told, trace: str, parent: str, boot: str) -> Json:
    return {
        "traceId": trace,
        "spanId": _id(f"{boot}/{call.number}", 8),
        "parentSpanId": parent,
        "name": f"{told['service']} {told['operation']}",
        "kind": CLIENT,
        **_times(call.at_ns, call.answered_ns),
        **_rest(told),
    }


_NAMES: Final[Mapping[str, str]] = {
    "connection": "streamer.connection_id",
    "user": "enduser.id",
    "tenant": "streamer.tenant",
    "action": "streamer.action",
    "request": "streamer.request_id",
    "route": "streamer.route_key",
    "source": "faas.trigger",
    "lambda_request": "faas.invocation_id",
    "root": "aws.xray.trace_root",
    "service": "rpc.service",
    "operation": "rpc.method",
    "target": "streamer.target",
    "http_status": "http.response.status_code",
    "waited_ms": "streamer.waited_ms",
    "init_ms": "streamer.init_ms",
    "memory_mb": "streamer.memory_mb",
    "type": "streamer.message_type",
}
"""What is told of a record, under names of OpenTelemetry's conventions where it has one."""


def _rest(told: Told) -> Json:
    known = {name: told[said] for said, name in _NAMES.items() if told.get(said) not in (None, "")}
    if told["kind"] == "run":
        known["faas.coldstart"] = told["init_ms"] is not None
    wrong = told["status"] in ("error", "refused")
    status = {"code": ERROR, "message": str(told.get("why", ""))} if wrong else {}
    return {"attributes": _attributes(known), "status": status}


def _attributes(known: Mapping[str, Any]) -> list[Json]:
    return [{"key": name, "value": _value(value)} for name, value in known.items()]


def _value(value: Any) -> Json:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}


def _times(begin_ns: int, end_ns: int) -> Json:
    return {"startTimeUnixNano": str(begin_ns), "endTimeUnixNano": str(max(begin_ns, end_ns))}


def _id(name: str, size: int) -> str:
    return hashlib.blake2b(name.encode(), digest_size=size).hexdigest()
