"""What became of a message, in one sentence: the first thing whoever looks for a fault wants to know. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ...functions.outcome import Returned
from ...functions.variables import name_and_qualifier
from ...gateway.rules.effects import Accept, Raised, Send, TimedOut
from ..recording.faults import Fault, fault_of_line, fault_of_payload
from ..recording.masking import masked_text
from ..recording.meaning import REQUEST_ENDED, app_message, body_of, lambda_request_of, meaning_of, status_of_message
from ..recording.records import Batch, Call, Closed, Message, Note, Opening, Run
from .telling import tell_outcome
from .traces import Trace, began

FINAL = ("complete", "response", "error", "cancelled", "pong")
"""Types of an App's messages after which nothing follows."""
_ENDS: Final = {"COMPLETED": ("ok", "complete"), "FAILED": ("error", "failed"), "CANCELLED": ("ok", "cancelled")}
"""By the state of a request that is over, as the processor logs it: a status, and the word for it."""
_GONE: Final = 410
_TYPE_IN_PART: Final = re.compile(rb'"text":"{\\"type\\":\\"(\w+)')
"""In the first part of a message: `to_json` begins it with its type."""
_UNTOLD: Final = "; its client was gone, and heard nothing of it"


def verdict(trace: Trace) -> tuple[str, str]:
    """A status (``ok``, ``running``, ``error`` or ``refused``) and the sentence."""
    origin = trace.origin
    if isinstance(origin, Opening):
        if isinstance(origin.decision, Accept):
            return "ok", "connected"
        return "refused", f"the upgrade was refused with {origin.decision.status}"
    if isinstance(origin, Run):
        return _of_run(origin)
    if isinstance(origin, Message):
        status, sentence = _of_message(origin, trace)
    elif isinstance(origin, Batch):
        status, sentence = _of_batch(origin)
    elif isinstance(origin, Closed):
        status, sentence = "ok", meaning_of(origin)
    else:
        status, sentence = "ok", origin.text if isinstance(origin, Note) else origin.kind
    return status, masked_text(sentence)


def faults_of(trace: Trace) -> dict[str, Fault]:
    """By Lambda's request id: the last error that an invocation raised or logged."""
    found: dict[str, Fault] = {}
    for log in trace.logs:
        fault = fault_of_line(log.text)
        if fault is not None and log.request_id is not None:
            found[log.request_id] = fault
    for run in trace.runs:
        fault = None if isinstance(run.outcome, Returned) else fault_of_payload(getattr(run.outcome, "payload", b""))
        if fault is not None:
            found[lambda_request_of(run.outcome) or ""] = fault
    return found


def _of_run(run: Run) -> tuple[str, str]:
    if isinstance(run.outcome, Returned):
        return "ok", f"{run.function} returned after {_ms(run.duration_ms)}"
    fault = fault_of_payload(getattr(run.outcome, "payload", b""))
    return "error", masked_text(f"{run.function} raised {fault.sentence}" if fault else f"{run.function} failed")


def _of_batch(batch: Batch) -> tuple[str, str]:
    count = f"{len(batch.records)} {'record' if len(batch.records) == 1 else 'records'} of {batch.source}"
    attempt = f" in attempt {batch.attempt}" if batch.attempt > 1 else ""
    lost = f"; given up: {batch.end}" if batch.end else ""
    if isinstance(batch.outcome, Returned):
        return "error" if lost else "ok", f"{batch.function} took {count}{attempt}{lost}"
    why = tell_outcome(batch.outcome)["why"]
    return "error", f"{batch.function} did not take {count}{attempt}: {why}{lost}"


def _of_message(message: Message, trace: Trace) -> tuple[str, str]:
    status, why = status_of_message(message)
    assert message.invoke is not None or status == "refused"
    if message.invoke is None:
        return status, why
    function = message.invoke.function
    if isinstance(message.result, Raised):
        return "error", f"{function} raised {why}"
    if isinstance(message.result, TimedOut):
        run = next((run for run in trace.runs if run.function == name_and_qualifier(function)[0]), None)
        gave_up = f"the gateway gave up at {message.invoke.timeout_seconds:g} s"
        return "error", f"the function answered after {_ms(run.duration_ms)}, {gave_up}" if run else f"{why}; {gave_up}"
    if status == "error":
        return status, why
    return _of_conversation(message, trace, status)


def _of_conversation(message: Message, trace: Trace, status: str) -> tuple[str, str]:
    """What an App's messages to the client say, and the errors behind them."""
    request = app_message(message.text).get("id")
    posted = list(_told(trace.frames))
    own = [said for said, _ in posted if request is not None and said.get("request_id") == request]
    final = next((each for each in reversed(own) if each.get("type") in FINAL), None)
    raised = _raised(trace)
    if final is None and raised is not None:
        return "error", f"{raised.function} raised {raised.fault}"
    if final is None and own and own[-1].get("type") in ("acknowledgment", "progress", "retrying"):
        return _of_untold(trace, request) or ("running", f"accepted; the last word so far is {own[-1]['type']!r}")
    if final is None and status == "running":
        return status, "its function has not answered yet"
    if final is None:
        return "ok", f"{_function(trace, message)} returned after {_ms(_duration(trace))}{_frames(message, trace)}"
    if final["type"] == "error":
        return "error", _of_error(final, raised)
    attempts = sum(each.get("type") == "retrying" for each in own) + 1
    tried = f" in attempt {attempts}" if attempts > 1 else ""
    took = _ms((max((call.answered_ns for call in trace.frames), default=message.answered_ns) - message.at_ns) / 1e6)
    after = "" if raised is None else f"; an attempt before raised {raised.fault}"
    untold = _UNTOLD if (final, _GONE) in posted else ""
    return "ok", f"{final['type']}{tried} after {took}{after}{untold}"


def _told(frames: Sequence[Call]) -> Iterator[tuple[Mapping[str, Any], int]]:
    """What was posted, and with which status; a message in parts once, with its last one, and of it the type alone."""
    types: dict[Any, str] = {}
    for call in frames:
        said: Mapping[str, Any] = body_of(call)
        if said.get("type") == "part":
            if (begins := _TYPE_IN_PART.search(call.body)) is not None:
                types[said.get("part_of")] = begins[1].decode()
            if said.get("index") != said.get("count", 0) - 1:
                continue
            said = {**said, "type": types.get(said.get("part_of"))}
        yield said, call.status


class _Raised(NamedTuple):
    """A function's error."""

    function: str
    fault: str


def _raised(trace: Trace) -> _Raised | None:
    """The last error that a function raised or logged; None: there is none."""
    faults = faults_of(trace)
    for run in reversed(trace.runs):
        fault = faults.get(lambda_request_of(run.outcome) or "")
        if fault is not None:
            return _Raised(run.function, fault.sentence)
    return None


def _of_error(final: Mapping[str, Any], raised: _Raised | None) -> str:
    """What the client was told of an error, once where that is what the function raised."""
    error = final.get("error") if isinstance(final.get("error"), dict) else {}
    text = ": ".join(str(part) for part in (error or {}).values() if isinstance(part, str)) or "an error"
    if raised is None:
        return f"failed with {text}"
    if text.endswith(raised.fault.rpartition(" (")[0] or raised.fault):
        return f"{raised.function} raised {raised.fault}, told to the client as {text.partition(':')[0]}"
    return f"failed with {text}; {raised.function} raised {raised.fault}"


def _of_untold(trace: Trace, request: object) -> tuple[str, str] | None:
    """What became of a request whose client was not told, being gone; None: it is not over, or nobody logged it."""
    for log in reversed(trace.logs):
        said = app_message(log.text)
        if said.get("message") == REQUEST_ENDED and said.get("request_id") == request:
            status, word = _ENDS.get(str(said.get("status")), ("", ""))
            # Of a cancellation another run tells, which belongs to the message that asked for it.
            return (status, word if word == "cancelled" else f"{word}{_UNTOLD}") if status else None
    return None


def _function(trace: Trace, message: Message) -> str:
    return message.invoke.function if message.invoke is not None else trace.origin.kind


def _duration(trace: Trace) -> float:
    first = min(trace.runs, key=began, default=None)
    return 0.0 if first is None else first.duration_ms


def _frames(message: Message, trace: Trace) -> str:
    count = len(trace.frames) + sum(isinstance(each, Send) for each in (*message.effects, *message.replies))
    return "" if not count else f", {count} {'frame' if count == 1 else 'frames'} sent"


def _ms(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.1f} ms"
