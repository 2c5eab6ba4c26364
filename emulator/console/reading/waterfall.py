"""The way of one message as text: a bar for each step, when it was and how long it took. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamer.observability.printable import printable

from .lines import Told, ms, short, whose

BAR: Final = 28
"""Characters of a trace's bars."""
_SHADES: Final = {"wait": "\u2591", "init": "\u2592"}
"""How a bar looks where a function waits for an environment, and where that starts; else it is full."""


def waterfall(trace: Told, *, width: int = BAR) -> Iterator[str]:
    """A trace in lines with nothing that a terminal obeys: its verdict, a bar for each span, what functions logged."""
    return map(printable, _waterfall(trace, width))


def _waterfall(trace: Told, width: int) -> Iterator[str]:
    origin, spans = trace["origin"], trace["spans"]
    yield f"{trace['status'].upper()}  {trace['verdict']}"
    yield _head(origin)
    yield ""
    begin = min((span["begin"] for span in spans), default=origin["at"])
    end = max((span["end"] for span in spans), default=begin)
    for span in spans:
        bar = _bar(span, begin, max(end - begin, 0.001), width)
        wrong = "  FAILED" if span["status"] == "error" else ""
        note = f"  {span['note']}" if span["note"] else ""
        name = "  " * span["depth"] + span["name"]
        yield f"{ms(span['begin'] - begin):>9} {bar} {ms(span['end'] - span['begin']):>9}  {name}{note}{wrong}"
    yield from _faults(trace)
    lines = [each for each in trace["logs"] if each["level"] != "METRIC"]
    if lines:
        yield ""
        for each in lines:
            at = ms(each["at"] - begin)
            yield f"{at:>9}  {each['function']}  {each['level']}  {short(each['message'], 400)}"


def _head(origin: Told) -> str:
    if origin["kind"] == "message":
        return f"message {origin['number']} of {whose(origin)} on {origin['connection']}: {short(origin['text'], 400)}"
    return f"{origin['kind']} {origin['number']}"


def _faults(trace: Told) -> Iterator[str]:
    for fault in trace["faults"].values():
        yield ""
        yield fault["sentence"]
        for frame in fault["frames"]:
            mark = ">" if frame["own"] else " "
            yield f"  {mark} {frame['file']}:{frame['line']} in {frame['name']}"
            if frame["own"] and frame["code"]:
                yield f"      {frame['code']}"


def _bar(span: Told, begin: float, total: float, width: int) -> str:
    first = min(int((span["begin"] - begin) / total * width), width - 1)
    count = max(1, int((span["end"] - span["begin"]) / total * width + 0.5))
    return (" " * first + _SHADES.get(span["kind"], "\u2588") * min(count, width - first)).ljust(width)
