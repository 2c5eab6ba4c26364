"""The moments at which a deployment was made to fail, as one table for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable

MOMENT = "moment"
"""Name of the property of a test that holds a row: what was done, the call, what went wrong, what was said."""
Row = tuple[str, str, str, str]


def table(rows: Iterable[Row]) -> list[str]:
    """Markdown: a table for each kind of deployment, a line for each call, a column for whatever went wrong."""
    cells = {(kind, call, trouble): told for kind, call, trouble, told in rows}
    lines: list[str] = []
    for kind in dict.fromkeys(kind for kind, _, _ in cells):
        calls = dict.fromkeys(call for each, call, _ in cells if each == kind)
        troubles = sorted(dict.fromkeys(trouble for each, _, trouble in cells if each == kind))
        lines += ["", " | ".join(["", f"{kind}: call", *troubles, ""]).strip(), "|---" * (len(troubles) + 1) + "|"]
        for call in calls:
            told = (cells.get((kind, call, trouble), "-") for trouble in troubles)
            lines.append(f"| {call} | {' | '.join(told)} |")
    return lines
