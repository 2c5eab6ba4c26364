"""Records as lines of text, for a terminal. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from streamer.observability.printable import printable

Told = dict[str, Any]

TEXT: Final = 160
"""Most characters of a payload in a line."""
RED, DIM, RESET = "\x1b[31m", "\x1b[2m", "\x1b[0m"


def line(told: Told, *, colors: bool = False, follows: bool = False) -> str | None:
    """A record in one line, with nothing that a terminal obeys; None: it says nothing that another line does not.

    ``follows``: what changes comes again.
    """
    if follows and told["kind"] == "message" and told["status"] == "running":
        return None
    said = _said(told)
    if said is None:
        return None
    at = datetime.fromtimestamp(told["at"] / 1000).astimezone()
    text = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}  {told['number']:>5}  {told['kind']:<11}  {printable(said)}"
    if not colors:
        return text
    wrong = told.get("status") in ("error", "refused")
    return f"{RED}{text}{RESET}" if wrong else f"{DIM}{text}{RESET}" if told["kind"] in ("log", "environment") else text


def _said(told: Told) -> str | None:  # noqa: C901 - one case for each kind
    match told["kind"]:
        case "opening":
            parts = [whose(told), str(told["http_status"]), ms(told["ms"]), told["connection"], told.get("body", "")]
        case "message":
            what = told["action"] or short(told["text"])
            to = f"→ {told['function']}" if told["function"] else ""
            parts = [whose(told), what, to, _status(told), ms(told["ms"]), told["request"] or "", told["connection"]]
        case "run":
            cold = f"cold start {ms(told['init_ms'])}" if told["init_ms"] is not None else ""
            waited = f"waited {ms(told['waited_ms'])}" if told["waited_ms"] >= 1 else ""
            by = f"by {told['source']}"
            parts = [told["function"], by, _status(told), ms(told["ms"]), waited, cold, told["lambda_request"] or ""]
        case "call":
            who = told["function"] or "outside"
            what = f"{told['operation']} {told['target']}".strip()
            status = f"{told['http_status']}" + (f" {told['why']}" if told.get("why") else "")
            parts = [who, told["service"], what, status, ms(told["ms"])]
            parts += [told.get("type") or "", told.get("request") or ""]
        case "closed":
            reason = repr(told["reason"]) if told["reason"] else ""
            parts = [whose(told), str(told["code"]), reason, told["meaning"], told["connection"]]
        case "log":
            if told["level"] == "METRIC":
                return None
            fault = told.get("fault", {}).get("sentence", "")
            parts = [told["function"], told["level"], short(told["message"]), fault]
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


def whose(told: Told) -> str:
    """Who was at the other end of a connection."""
    user, tenant = str(told.get("user") or ""), told.get("tenant")
    return f"{user}@{tenant}" if user and tenant else user or "-"


def _status(told: Told) -> str:
    why, status = told.get("why"), str(told["status"])
    return f"{status} {why}" if why else status


def ms(milliseconds: float | None) -> str:
    """A duration as people read it; empty where there is none."""
    if milliseconds is None:
        return ""
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 1000 else f"{milliseconds:.1f} ms"


def short(value: Any, most: int = TEXT) -> str:
    """A text or a value in one line, cut where it is long."""
    text = " ".join((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
