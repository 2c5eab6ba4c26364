"""Records and traces as lines of text, for a terminal. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

Told = dict[str, Any]

BAR: Final = 28
"""Characters of a trace's bars."""
TEXT: Final = 160
"""Most characters of a payload in a line."""
_SHADES: Final = {"wait": "\u2591", "init": "\u2592"}
"""How a bar looks where a function waits for an environment, and where that starts; else it is full."""
RED, DIM, RESET = "\x1b[31m", "\x1b[2m", "\x1b[0m"


def line(told: Told, *, colors: bool = False) -> str | None:
    """A record in one line; None: it says nothing that another line does not."""
    said = _said(told)
    if said is None:
        return None
    at = datetime.fromtimestamp(told["at"] / 1000).astimezone()
    text = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}  {told['number']:>5}  {told['kind']:<11}  {said}"
    if not colors:
        return text
    wrong = told.get("status") in ("error", "refused")
    return f"{RED}{text}{RESET}" if wrong else f"{DIM}{text}{RESET}" if told["kind"] in ("log", "environment") else text


def _said(told: Told) -> str | None:  # noqa: C901 - one case for each kind
    match told["kind"]:
        case "opening":
            parts = [_whose(told), str(told["http_status"]), _ms(told["ms"]), told["connection"], told.get("body", "")]
        case "message":
            if told["status"] == "running":
                return None  # it comes again with its answer
            what = told["action"] or _short(told["text"])
            to = f"→ {told['function']}" if told["function"] else ""
            parts = [_whose(told), what, to, _status(told), _ms(told["ms"]), told["request"] or "", told["connection"]]
        case "run":
            cold = f"cold start {_ms(told['init_ms'])}" if told["init_ms"] is not None else ""
            waited = f"waited {_ms(told['waited_ms'])}" if told["waited_ms"] >= 1 else ""
            by = f"by {told['source']}"
            parts = [told["function"], by, _status(told), _ms(told["ms"]), waited, cold, told["lambda_request"] or ""]
        case "call":
            who = told["function"] or "outside"
            what = f"{told['operation']} {told['target']}".strip()
            status = f"{told['http_status']}" + (f" {told['why']}" if told.get("why") else "")
            parts = [who, told["service"], what, status, _ms(told["ms"])]
            parts += [told.get("type") or "", told.get("request") or ""]
        case "closed":
            reason = repr(told["reason"]) if told["reason"] else ""
            parts = [_whose(told), str(told["code"]), reason, told["meaning"], told["connection"]]
        case "log":
            if told["level"] == "METRIC":
                return None
            fault = told.get("fault", {}).get("sentence", "")
            parts = [told["function"], told["level"], _short(told["message"]), fault]
        case "environment":
            if told["change"] == "frozen":
                return None  # as after nearly every event
            parts = [f"{told['function']}#{told['environment']}", told["change"], told["why"]]
        case "batch":
            count = f"{told['records']} from {told['source']}"
            attempt = f"attempt {told['attempt']}" if told["attempt"] > 1 else ""
            parts = [told["function"], count, attempt, _status(told), told["end"]]
        case _:
            parts = [told["level"], told["text"], *(f"{name}={value}" for name, value in told["fields"].items())]
    return "  ".join(part for part in parts if part)


def waterfall(trace: Told, *, width: int = BAR) -> Iterator[str]:
    """A trace: its verdict, a bar for each span, and what functions logged."""
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
        yield f"{_ms(span['begin'] - begin):>9} {bar} {_ms(span['end'] - span['begin']):>9}  {name}{note}{wrong}"
    yield from _faults(trace)
    lines = [each for each in trace["logs"] if each["level"] != "METRIC"]
    if lines:
        yield ""
        for each in lines:
            at = _ms(each["at"] - begin)
            yield f"{at:>9}  {each['function']}  {each['level']}  {_short(each['message'], 400)}"


def _head(origin: Told) -> str:
    if origin["kind"] == "message":
        return (
            f"message {origin['number']} of {_whose(origin)} on {origin['connection']}: {_short(origin['text'], 400)}"
        )
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


def _whose(told: Told) -> str:
    user, tenant = str(told.get("user") or ""), told.get("tenant")
    return f"{user}@{tenant}" if user and tenant else user or "-"


def _status(told: Told) -> str:
    why, status = told.get("why"), str(told["status"])
    return f"{status} {why}" if why else status


def _ms(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 1000 else f"{milliseconds:.1f} ms"


def _short(value: Any, most: int = TEXT) -> str:
    text = " ".join((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
