"""Metrics that functions wrote in the Embedded Metric Format, as small series of numbers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...foundation.json_bytes import is_number
from ..recording.masking import masked
from ..recording.meaning import app_message, body_of, json_object, status_of_message, what_was_called
from ..recording.records import Call, Log, Message
from ..recording.ring import Record
from .statistics import percentile
from .telling import Told

SECONDS: Final = 300
"""How far back metrics are shown."""
BUCKET_SECONDS: Final = 5
BUCKETS: Final = SECONDS // BUCKET_SECONDS
SERIES: Final = 200
"""Most series that are told, those with the most values."""
DOCUMENTS: Final = 50
"""Latest documents that are told as they are."""


@dataclass(slots=True)
class _Series:
    values: list[float] = field(default_factory=list)
    sums: list[float] = field(default_factory=lambda: [0.0] * BUCKETS)
    counts: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, at_ns: int, begin_ns: int, value: float) -> None:
        bucket = min(BUCKETS - 1, int((at_ns - begin_ns) / 1e9 / BUCKET_SECONDS))
        self.values.append(value)
        self.sums[bucket] += value
        self.counts[bucket] += 1

    def told(self) -> Told:
        return {
            "count": len(self.values),
            "sum": sum(self.values),
            "p50": percentile(self.values, 0.5),
            "p95": percentile(self.values, 0.95),
            "p99": percentile(self.values, 0.99),
            "sums": self.sums,
            "counts": self.counts,
        }


def metrics(records: Iterable[Record], *, now_ns: int) -> Told:
    """The last minutes: a series for each action, one for each metric and its dimensions, and the latest documents."""
    begin_ns = now_ns - SECONDS * 10**9
    actions: dict[str, tuple[_Series, _Series]] = {}
    series: dict[tuple[str, str, str, tuple[tuple[str, str], ...]], _Series] = {}
    documents: list[Told] = []
    kept = list(records)
    refused = _told_errors(kept)
    for record in kept:
        if record.at_ns < begin_ns:
            continue
        if isinstance(record, Message) and record.answered_ns:
            took, failed = actions.setdefault(_action(record), (_Series(), _Series()))
            took.add(record.at_ns, begin_ns, (record.answered_ns - record.at_ns) / 1e6)
            if status_of_message(record)[0] != "ok" or _names(record) in refused:
                failed.add(record.at_ns, begin_ns, 1)
        elif isinstance(record, Log) and '"_aws"' in record.text:
            document = json_object(record.text.encode("utf-8", "surrogatepass"))
            for name, values in _values(document):
                each = series.setdefault(name, _Series())
                for value in values:
                    each.add(record.at_ns, begin_ns, value)
            about = {"number": record.number, "function": record.function, "at": record.at_ns / 1e6}
            documents = [*documents[1 - DOCUMENTS :], {**about, "document": masked(document)}]
    busiest = sorted(series.items(), key=lambda pair: (-len(pair[1].values), pair[0]))[:SERIES]
    return {
        "now": now_ns / 1e6,
        "bucket_seconds": BUCKET_SECONDS,
        "actions": [
            {"name": name, **took.told(), "errors": len(failed.values), "error_counts": failed.counts}
            for name, (took, failed) in sorted(actions.items())
        ],
        "metrics": [
            {"namespace": space, "name": name, "unit": unit, "dimensions": dict(dimensions), **each.told()}
            for (space, name, unit, dimensions), each in sorted(busiest)
        ],
        "documents": documents[::-1],
    }


def _told_errors(records: Iterable[Record]) -> set[tuple[str, str]]:
    """Connection and id of each request whose client was told of an error."""
    found = set()
    for record in records:
        if isinstance(record, Call) and b'"error"' in record.body:
            service, operation, target = what_was_called(record)
            said = body_of(record) if (service, operation) == ("@connections", "POST") else {}
            if said.get("type") == "error":
                found.add((target, str(said.get("request_id"))))
    return found


def _names(record: Message) -> tuple[str, str]:
    return record.connection, str(app_message(record.text).get("id"))


def _action(record: Message) -> str:
    action = app_message(record.text).get("action")
    if isinstance(action, str):
        return action
    return record.invoke.route_key if record.invoke is not None else "no route"


def _values(
    document: Mapping[str, Any],
) -> Iterator[tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], list[float]]]:
    """Namespace, name, unit and dimensions of each metric of a document, and its values."""
    about = document.get("_aws")
    for directive in (about.get("CloudWatchMetrics") if isinstance(about, dict) else None) or ():
        if not isinstance(directive, dict):
            continue
        for names in directive.get("Dimensions") or [[]]:
            dimensions = tuple((str(name), str(document.get(name, ""))) for name in names)
            for metric in directive.get("Metrics") or ():
                name, value = str(metric.get("Name")), document.get(metric.get("Name"))
                found = value if isinstance(value, list) else [value]
                values = [float(each) for each in found if is_number(each) and math.isfinite(each)]
                key = (str(directive.get("Namespace", "")), name, str(metric.get("Unit", "None")), dimensions)
                yield key, values
