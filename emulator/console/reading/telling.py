"""Records as people and programs are told of them: plain JSON, without credentials, cut where they are long. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from streamer.protocol.messages import strict_json

from ...functions.outcome import Outcome, Refused, Returned
from ...functions.variables import name_and_qualifier
from ...gateway.rules.effects import Accept, Send
from ..recording.faults import Fault, fault_of_line, fault_of_payload
from ..recording.masking import NOBODY, Who, masked, masked_text, who_of
from ..recording.meaning import (
    REQUEST_ENDED,
    answer_header,
    app_message,
    body_of,
    caller_of,
    closer_of,
    lambda_request_of,
    level_and_text,
    meaning_of,
    root_of,
    source_of,
    status_of_message,
    what_was_called,
    why_refused,
)
from ..recording.records import Batch, Call, Closed, Environment, Log, Message, Note, Opening, Run
from ..recording.ring import Record
from .secret_calls import without_secrets

CUT: Final = 2048
"""Characters of a text in a list; the whole is told of one record."""

Told = dict[str, Any]


def who_opened(opening: Opening) -> Who:
    """Whom the token of an upgrade names."""
    if opening.who is not None:
        return opening.who
    query = [value for name, value in opening.request.query if name.lower() in ("authorization", "token")]
    fields = opening.request.fields
    return next(
        (
            who
            for text in (*query, fields.get("authorization", ""), fields.get("sec-websocket-protocol", ""))
            if (who := who_of(text)) is not NOBODY
        ),
        NOBODY,
    )


class Teller(Struct, frozen=True):
    """Tells of records; ``who`` knows whose a connection is, ``cut`` is the most characters of a text."""

    who: Callable[[str], Who]
    cut: int | None = CUT
    """None: texts are told whole, and as JSON where they are JSON."""

    def tell(self, record: Record) -> Told:
        """A record as JSON."""
        common = {
            "number": record.number,
            "sequence": record.sequence,
            "kind": record.kind,
            "at": record.at_ns / 1e6,
        }
        return common | self._particular(record)

    def _particular(self, record: Record) -> Told:
        match record:
            case Opening():
                return self._opening(record)
            case Message():
                return self._message(record)
            case Run():
                return self._run(record)
            case Call():
                return self._call(record)
            case Closed():
                return self._closed(record)
            case Log():
                return self._log(record)
            case Environment():
                return {
                    "function": record.function,
                    "environment": record.environment,
                    "pid": record.pid,
                    "change": record.change,
                    "why": record.why,
                    "status": "ok",
                }
            case Batch():
                return {
                    "function": record.function,
                    "source": record.source,
                    "records": len(record.records),
                    "first": record.records[0] if record.records else None,
                    "last": record.records[-1] if record.records else None,
                    "attempt": record.attempt,
                    "end": record.end,
                    **tell_outcome(record.outcome),
                }
            case Note():
                return {
                    "text": masked_text(record.text),
                    "level": record.level,
                    "fields": masked({name: _plain(value) for name, value in record.fields.items()}),
                    "connection": record.fields.get("connection_id"),
                    "status": "error" if record.level == "error" else "warning" if record.level == "warning" else "ok",
                }
            case _:
                raise TypeError(f"a record of no known kind: {record!r}")

    # each kind

    def _opening(self, record: Opening) -> Told:
        request, decision = record.request, record.decision
        who = who_opened(record)
        told: Told = {
            "connection": record.connection,
            "user": who.user,
            "tenant": who.tenant,
            "peer": request.peer,
            "path": request.raw_path,
            "agent": request.fields.get("user-agent", ""),
            "ms": (record.decided_ns - record.at_ns) / 1e6,
        }
        if isinstance(decision, Accept):
            told |= {"http_status": 101, "subprotocol": decision.subprotocol, "status": "ok"}
        else:
            told |= {"http_status": decision.status, "body": self._text(decision.body), "status": "refused"}
        if self.cut is None:
            told["claims"] = masked(dict(who.claims))
            told["query"] = masked(dict(request.query))
            told["headers"] = masked(dict(request.headers))
        return told

    def _message(self, record: Message) -> Told:
        who = self.who(record.connection)
        sent = app_message(record.text)
        invoke = record.invoke
        status, why = status_of_message(record)
        return {
            "connection": record.connection,
            "user": who.user,
            "tenant": who.tenant,
            "text": self._text(record.text),
            "bytes": len(record.text.encode("utf-8", "surrogatepass")),
            "action": sent.get("action"),
            "request": sent.get("id"),
            "route": None if invoke is None else invoke.route_key,
            "function": None if invoke is None else name_and_qualifier(invoke.function)[0],
            "gateway_request": None if invoke is None else invoke.request_id,
            "sent": [self._text(each.text) for each in (*record.effects, *record.replies) if isinstance(each, Send)],
            "ours": record.is_ours,
            "ms": (record.answered_ns - record.at_ns) / 1e6 if record.answered_ns else None,
            "status": status,
            "why": masked_text(why),
        }

    def _run(self, record: Run) -> Told:
        told: Told = {
            "function": record.function,
            "environment": record.environment,
            "lambda_request": lambda_request_of(record.outcome),
            "root": root_of(record.trace),
            "waited_ms": record.waited_ms,
            "init_ms": record.init_ms,
            "ms": record.duration_ms,
            "memory_mb": record.memory_mb,
            **({"source": "console"} if record.is_ours else source_of(record)),
            **tell_outcome(record.outcome),
            "payload_bytes": record.payload_bytes,
        }
        if self.cut is None:
            told["event"] = self._text(record.payload)
            told["result"] = self._text(getattr(record.outcome, "payload", b""))
        return told

    def _call(self, record: Call) -> Told:
        service, operation, target = what_was_called(record)
        told: Told = {
            "service": service,
            "operation": operation,
            "target": target,
            "function": record.function,
            "root": caller_of(record),
            "http_status": record.status,
            "ms": (record.answered_ns - record.at_ns) / 1e6,
            "bytes": record.body_bytes,
            "answer_bytes": record.answer_bytes,
            "status": "error" if record.status >= 400 else "ok",
        }
        if service == "lambda":
            told["lambda_request"] = answer_header(record, "x-amzn-requestid")
        if service == "@connections":
            said = body_of(record) if operation == "POST" else {}
            told |= {"connection": target, "type": said.get("type"), "request": said.get("request_id")}
            told["user"] = self.who(target).user
            if said.get("type") == "error" and told["status"] == "ok":
                told["status"] = "error"
                told["why"] = masked_text(_error_said(said))
        if record.status >= 400:
            told["why"] = masked_text(why_refused(record))
        if self.cut is None or service == "@connections":
            open_record = without_secrets(record)
            told["text"] = self._text(open_record.body)
            if self.cut is None:
                told["answer"] = self._text(open_record.answer)
        return told

    def _closed(self, record: Closed) -> Told:
        who = self.who(record.connection)
        return {
            "connection": record.connection,
            "user": who.user,
            "tenant": who.tenant,
            "code": record.code,
            "reason": record.reason,
            "by": closer_of(record),
            "messages": record.received,
            "sent": record.sent,
            "meaning": meaning_of(record),
            "ms": (record.at_ns - record.opened_ns) / 1e6 if record.opened_ns else None,
            "status": "warning" if record.code in (1002, 1003, 1006, 1007, 1008, 1009, 1011) else "ok",
        }

    def _log(self, record: Log) -> Told:
        level, text = level_and_text(record.text)
        told: Told = {
            "function": record.function,
            "lambda_request": record.request_id,
            "level": level,
            "message": masked_text(text)[: self.cut].replace("\r", "\n"),
            "text": self._text(record.text),
            "status": {
                "ERROR": "error",
                "CRITICAL": "error",
                "FATAL": "error",
                "WARNING": "warning",
                "WARN": "warning",
            }.get(level, "ok"),
        }
        if text == REQUEST_ENDED:
            said = app_message(record.text)
            told["ended"] = masked({name: said.get(name) for name in ("connection_id", "request_id", "status")})
        fault = fault_of_line(record.text) if level in ("ERROR", "CRITICAL") else None
        if fault is not None:
            told["fault"] = tell_fault(fault)
        return told

    def _text(self, text: str | bytes) -> Any:
        """Cut, or whole and as JSON if it is JSON; masked in either case."""
        whole = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        if self.cut is not None and len(whole) > 4 * self.cut:
            return f"{masked_text(whole[: self.cut])}…"
        try:
            value = masked(strict_json(whole))
        except ValueError:
            told = masked_text(whole)
            return told if self.cut is None or len(told) <= self.cut else f"{told[: self.cut]}…"
        if self.cut is None:
            return value
        told = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return told if len(told) <= self.cut else f"{told[: self.cut]}…"


def tell_fault(fault: Fault) -> Told:
    """An error as JSON, the innermost call last."""
    frames = [
        {"file": each.file, "line": each.line, "name": each.name, "code": each.code, "own": each.is_own}
        for each in fault.frames
    ]
    return {
        "type": fault.type,
        "message": masked_text(fault.message),
        "place": fault.place,
        "sentence": masked_text(fault.sentence),
        "frames": frames,
    }


def tell_outcome(outcome: Outcome) -> Told:
    """``status``, and ``why`` where it is an error."""
    match outcome:
        case Returned():
            return {"status": "ok"}
        case Refused():
            return {"status": "error", "why": f"{outcome.error_type}: {outcome.message}"}
        case _:
            fault = fault_of_payload(outcome.payload)
            why = outcome.error_type if fault is None else fault.sentence
            return {"status": "error", "why": masked_text(why)}


def _error_said(said: Told) -> str:
    """What an ``error`` message of an App says."""
    error = said.get("error")
    if not isinstance(error, dict):
        return str(said.get("message", ""))
    return ": ".join(str(error[name]) for name in ("code", "message") if error.get(name))


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
