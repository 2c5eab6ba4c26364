"""The figures as one table, and as JSON."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.rows import ROWS, Row, shown
from benchmarks.servers import Server
from benchmarks.tasks import Measured

OURS: Final = ("process", "inline")
Figures = Mapping[str, Mapping[str, Sequence[Measured]]]
"""Column, row, and the figures of all rounds."""


def machine() -> dict[str, Any]:
    """Where and with what this was measured."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "system": platform.platform(),
        "processor": _processor(),
        "python": platform.python_version(),
        "websockets": version("websockets"),
    }


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        return platform.processor()


def value_of(figures: Figures, column: str, row: str) -> float | None:
    """The median of the rounds; None: not measured."""
    rounds = figures.get(column, {}).get(row, ())
    return statistics.median(one.value for one in rounds) if rounds else None


def best_peer(figures: Figures, row: Row, servers: Sequence[Server]) -> tuple[float, str] | None:
    """The best figure of a peer in this run, and whose it is."""
    found = [
        (value, server.title)
        for server in servers
        if server.is_peer
        and (not row.kind or row.kind in server.kinds)
        and (value := value_of(figures, server.name, row.peers_row or row.name)) is not None
    ]
    if not found:
        return None
    return max(found) if row.higher_is_better else min(found)


DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN: Final = "<!-- figures: written by make bench ARGS=--document -->"
END: Final = "<!-- end of figures -->"


def document(figures: Figures, servers: Sequence[Server]) -> None:
    """Put the table, and where and when it was made, between the marks in docs/performance.md."""
    where = machine()
    columns = _columns(figures, servers)
    head = ["", *columns.values(), "must reach", ""]
    lines = [head, ["---", *("---:" for _ in head[1:])]]
    for row in ROWS:
        values = [value_of(figures, column, row.name) for column in columns]
        if any(value is not None for value in values):
            cells = ["" if value is None else shown(value, row.unit) for value in values]
            lines.append([row.title, *cells, *_comparison(figures, row, servers)[2:]])
    made = (
        f"{where['at']}, {where['processor']}, {where['cores']} cores, Python {where['python']}, "
        f"load average at the end {where['load_average'][0]}."
    )
    text = "\n".join([BEGIN, made, "", *(f"| {' | '.join(line)} |" for line in lines), END])
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    DOCUMENT.write_text(before + text + rest.partition(END)[2], encoding="utf-8")


def _columns(figures: Figures, servers: Sequence[Server]) -> dict[str, str]:
    """Column to its head; two servers may fill one column."""
    columns: dict[str, str] = {}
    for server in servers:
        if server.column in figures:
            columns.setdefault(server.column, server.title)
    return columns


def table(figures: Figures, servers: Sequence[Server]) -> str:
    """One line per row that has a figure."""
    columns = _columns(figures, servers)
    head = ["", *columns.values(), "best peer is", "ours / best", "must reach", ""]
    lines = [head]
    for row in ROWS:
        values = {column: value_of(figures, column, row.name) for column in columns}
        if any(value is not None for value in values.values()):
            cells = ["-" if value is None else shown(value, row.unit) for value in values.values()]
            lines.append([row.title, *cells, *_comparison(figures, row, servers)])
    widths = [max(len(line[index]) for line in lines) for index in range(len(head))]
    text = [
        "  ".join(_aligned(cell, width, index) for index, (cell, width) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in text)


def _aligned(cell: str, width: int, index: int) -> str:
    return cell.ljust(width) if index == 0 else cell.rjust(width)


def _comparison(figures: Figures, row: Row, servers: Sequence[Server]) -> list[str]:
    peer = best_peer(figures, row, servers)
    compared = None if peer is None else peer[0]
    ours = {name: value for name in OURS if (value := value_of(figures, name, row.name)) is not None}
    ratios = [f"{row.ratio(value, compared):.1f} x" for value in ours.values()] if compared else []
    missed = [name for name, value in ours.items() if row.is_reached(value, compared) is False]
    judged = any(row.is_reached(value, compared) is not None for value in ours.values())
    verdict = f"MISSED: {', '.join(missed)}" if missed else "reached" if judged else ""
    whose = peer[1] if peer is not None else f"({row.reference})" if row.reference else ""
    return [whose, " / ".join(ratios), row.requirement, verdict]


def as_json(figures: Figures, servers: Sequence[Server]) -> dict[str, Any]:
    """Everything: machine, requirements, medians, ratios, and each round's details."""
    rows: dict[str, Any] = {}
    for row in ROWS:
        peer = best_peer(figures, row, servers)
        compared = None if peer is None else peer[0]
        measured = {}
        for column, results in figures.items():
            value = value_of(figures, column, row.name)
            if value is None:
                continue
            measured[column] = {
                "median": _finite(value),
                "rounds": [{"value": _finite(one.value), **one.details} for one in results[row.name]],
                "times_as_good_as_best_peer": None if compared is None else _finite(row.ratio(value, compared)),
                "is_reached": row.is_reached(value, compared) if column in OURS else None,
            }
        if measured:
            rows[row.name] = {
                "title": row.title,
                "unit": row.unit,
                "must_reach": row.requirement,
                "published_reference": row.reference,
                "best_peer": None if peer is None else peer[1],
                "figures": measured,
            }
    return {"machine": machine(), "rows": rows}


def _finite(value: float) -> float | None:
    return None if value == float("inf") else round(value, 4)
