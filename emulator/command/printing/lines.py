"""What the terminal shows of the log: one line per message. Pure.

The functions' lines and the emulator's own events come in, rows for people go out. A message of an App is told by the
records of its functions, one of plain handlers by the gateway.
"""

from __future__ import annotations

import enum
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from streamer.observability.printable import printable

from ...functions.platform_log import is_init_timeout, is_routine
from ...functions.readable import Said, fields_text, is_metrics, said_by, structured, unglued
from ...functions.tracebacks import Code, folded

KEPT: Final = 4096
"""Most connections, and most messages under way, of which something is remembered."""
NAME_CHARACTERS: Final = 16
DURATION_CHARACTERS: Final = 9
OUTCOME_CHARACTERS: Final = 9
_TIMED_OUT: Final = re.compile(r"Task timed out after ([\d.]+) seconds$")
_EXITED: Final = re.compile(r"Error: Runtime exited (?:with error: )?(.+)$", re.MULTILINE)
_Value = TypeVar("_Value")
_ADVICE: Final = "LAMBDA_WARNING: "
"""What AWS's runtime client says before each uncaught error: how runtimes are updated on AWS. [REC] ric"""
_STATES: Final = {
    "COMPLETED": "done",
    "FAILED": "failed",
    "RETRYING": "failed",
    "CANCELLED": "cancelled",
    "PROCESSING": "elsewhere",
    "None": "gone",
}
"""How a run of a request ended, by what is stored then: PROCESSING, another run has it; None, nothing is."""


class Verbosity(enum.IntEnum):
    """How much is shown."""

    ERRORS = 0
    MESSAGES = 1
    ALL = 2


class Tone(enum.IntEnum):
    """How loud a row is; what is louder than NORMAL is shown whatever was asked for, if it is an ERROR."""

    QUIET = 0
    NORMAL = 1
    GOOD = 2
    WARNING = 3
    ERROR = 4


class Row(NamedTuple):
    """One line, and those that belong to it."""

    text: str
    tone: Tone = Tone.NORMAL
    outcome: str = ""
    """The part of the text that says how it went."""
    more: tuple[str, ...] = ()


class Event(NamedTuple):
    """One of the emulator's own."""

    name: str
    level: str
    fields: Mapping[str, Any]
    trace: Sequence[str] = ()


class Rows:
    """Makes rows, and remembers what the ones to come need. For one thread at a time."""

    def __init__(self, code: Code, verbosity: Verbosity) -> None:
        self._code = code
        self._verbosity = verbosity
        self._users: OrderedDict[str, str] = OrderedDict()
        """By connection id."""
        self._ran: OrderedDict[str, float] = OrderedDict()
        """How long an action took whose failure is told next, by invocation."""
        self._refusals = 0
        """Connections that the App refused, of which the gateway tells next."""
        self._told: Final[Mapping[str, Callable[[str, Mapping[str, Any], Said], list[Row]]]] = {
            "action ran": self._action_ran,
            "request queued": self._accepted,
            "request repeated": self._accepted,
            "request ended": self._request_ended,
            "request refused": self._refused,
            "message refused": self._refused,
            "the action refused": self._refused,
            "request failed": self._failed,
            "the action failed": self._failed,
            "connection refused": self._connection_refused,
        }
        """How records of streamer's own functions are told, by their message."""

    # functions

    def of_function(self, function: str, request_id: str | None, line: str, *, platform: bool) -> list[Row]:
        """What to show of one event of a function's log; ``platform``: it is one of Lambda's own."""
        if platform:
            return self._wanted(self._platform(function, request_id, line))
        if is_metrics(line) and self._verbosity is not Verbosity.ALL:
            return []
        return self._wanted([row for each in unglued(line) for row in self._said(function, request_id, each)])

    def _said(self, function: str, request_id: str | None, line: str) -> list[Row]:
        record = structured(line)
        if record is None or not _is_streamers(record):
            return self._output(function, request_id, said_by(record, line))
        self._learn(record)
        if self._is_routine(record):
            return []
        what = said_by(record, line)
        own = self._structured(request_id, record, what)
        return self._output(function, request_id, what) if own is None else own

    def _platform(self, function: str, request_id: str | None, line: str) -> list[Row]:
        if self._verbosity is Verbosity.ALL:
            tone = Tone.QUIET if is_routine(line) else Tone.ERROR
            return [Row(text=f"{self._source(function, request_id)}{printable(line.strip())}", tone=tone)]
        if is_routine(line):
            return []
        if (late := _TIMED_OUT.search(line)) is not None:
            text = f"timed out: it took longer than its {float(late[1]):g} s, and its environment was ended"
        elif (ended := _EXITED.search(line)) is not None:
            text = f"its process ended: {ended[1]}"
        elif is_init_timeout(line):
            text = "its import took longer than Lambda's init phase; it is repeated with the first event"
        else:
            text = line
        return [Row(text=f"{self._source(function, request_id)}{printable(text)}", tone=Tone.ERROR)]

    def _output(self, function: str, request_id: str | None, what: Said) -> list[Row]:
        is_for_aws = what.is_metrics or what.message.startswith(_ADVICE)
        if is_for_aws and self._verbosity is not Verbosity.ALL:
            return []
        tone = Tone.ERROR if what.is_error else Tone.WARNING if what.level == "WARNING" else Tone.NORMAL
        shown = what.message if what.level == "INFO" else f"{what.level.lower()}: {what.message}"
        if what.is_metrics:
            tone, shown = Tone.QUIET, "metrics"
        fields = f"  {fields_text(what.fields)}" if what.fields else ""
        text = f"{self._source(function, request_id)}{printable(shown)}{fields}"
        return [Row(text=text, tone=tone, more=self._more(what.more))]

    def _learn(self, record: Mapping[str, Any]) -> None:
        """Note whose connection a record is of."""
        user, connection = record.get("user_id"), record.get("connection_id")
        if isinstance(user, str) and isinstance(connection, str):
            _keep(self._users, connection, user)

    def _is_routine(self, record: Mapping[str, Any]) -> bool:
        """Whether a record of streamer's own functions says nothing that is shown."""
        if self._verbosity is Verbosity.ALL or record.get("message") in self._told:
            return False
        return record.get("level") in ("INFO", "DEBUG")

    def _structured(self, request_id: str | None, record: Mapping[str, Any], what: Said) -> list[Row] | None:
        """What a record of streamer's own functions says; None: nothing that has a row of its own."""
        tell = None if self._verbosity is Verbosity.ALL else self._told.get(what.message)
        return None if tell is None else tell(request_id or "", record, what)

    def _action_ran(self, invocation: str, record: Mapping[str, Any], what: Said) -> list[Row]:
        took = record.get("latency_ms")
        if record.get("failed") or record.get("refused"):
            _keep(self._ran, invocation, float(took or 0.0))
            return []
        return [self._row(record, "ok", Tone.GOOD, milliseconds=took)]

    def _accepted(self, invocation: str, record: Mapping[str, Any], what: Said) -> list[Row]:
        return [self._row(record, what.message.removeprefix("request "), detail=str(record.get("request_id")))]

    def _refused(self, invocation: str, record: Mapping[str, Any], what: Said) -> list[Row]:
        took = self._ran.pop(invocation, None)
        detail = f"{record.get('code')}: {record.get('reason')}"
        return [self._row(record, "refused", Tone.WARNING, milliseconds=took, detail=detail)]

    def _failed(self, invocation: str, record: Mapping[str, Any], what: Said) -> list[Row]:
        took = self._ran.pop(invocation, None)
        what_kind = record.get("error_type", record.get("code"))
        detail = f"{what_kind}: {record.get('error_message', record.get('reason'))}"
        more = self._more(what.more)
        return [self._row(record, "failed", Tone.ERROR, milliseconds=took, detail=detail, more=more)]

    def _connection_refused(self, invocation: str, record: Mapping[str, Any], what: Said) -> list[Row]:
        self._refusals += 1
        detail = f"HTTP {record.get('status')}: {record.get('reason')}"
        return [self._row({**record, "action": "connect"}, "refused", Tone.WARNING, detail=detail)]

    def _request_ended(self, invocation: str, record: Mapping[str, Any], what: Said) -> list[Row]:
        return [self._ended(record)]

    def _ended(self, record: Mapping[str, Any]) -> Row:
        state = str(record.get("status"))
        outcome = _STATES.get(state, state.lower())
        tone = {"done": Tone.GOOD, "failed": Tone.ERROR}.get(outcome, Tone.NORMAL)
        attempt = record.get("attempt")
        detail = str(record.get("request_id"))
        if state == "RETRYING":
            detail += f", attempt {attempt}; it runs again"
        elif attempt != 1:
            detail += f", attempt {attempt}"
        return self._row(record, outcome, tone, milliseconds=record.get("latency_ms"), detail=detail)

    def _row(
        self,
        record: Mapping[str, Any],
        outcome: str,
        tone: Tone = Tone.NORMAL,
        *,
        milliseconds: Any = None,
        detail: str = "",
        more: tuple[str, ...] = (),
    ) -> Row:
        connection = record.get("connection_id")
        user = record.get("user_id") or self._users.get(str(connection))
        name = str(record.get("action") or record.get("route") or "message")
        who = str(user or connection or "")
        return _row(name, who, outcome, tone, milliseconds=milliseconds, detail=detail, more=more)

    # the emulator

    def of_emulator(self, event: Event) -> list[Row]:
        """What to show of one of the emulator's own events."""
        found = self._gateway(event) if self._verbosity is not Verbosity.ALL else None
        return self._wanted(self._plain(event) if found is None else found)

    def _gateway(self, event: Event) -> list[Row] | None:
        fields = event.fields
        match event.name:
            case "connected":
                connection = str(fields.get("connection_id"))
                who = self._users.get(connection) or fields.get("principal") or connection
                return [_row(event.name, str(who), "", Tone.QUIET)]
            case "disconnected":
                connection = str(fields.get("connection_id"))
                who = self._users.pop(connection, None) or connection
                detail = f"{fields.get('code') or ''} {fields.get('reason') or ''}".strip()
                return [_row(event.name, who, "", Tone.QUIET, detail=detail)]
            case "refused" if self._refusals:
                self._refusals -= 1
                return []
            case "refused":
                detail = f"HTTP {fields.get('status')} for {fields.get('peer')}"
                return [self._row({"action": "connect"}, "refused", Tone.WARNING, detail=detail)]
            case "the code does not load":
                where = f" ({fields['file']}:{fields['line']})" if fields.get("file") else ""
                text = f"error: {event.name}: {fields['problem']}{where}; until it does, messages are answered with 500"
                return [Row(text=printable(text), tone=Tone.ERROR, more=tuple(map(printable, fields["lines"])))]
            case "cold start":
                took = duration(fields.get("init_ms"))
                return [Row(text=f"{fields.get('function')} | cold start: its import took {took}", tone=Tone.QUIET)]
            case "ran":
                outcome = str(fields.get("outcome"))
                tone = Tone.GOOD if outcome == "ok" else Tone.ERROR
                record = {**fields, "user_id": fields.get("principal")}
                detail = str(fields.get("reason") or "")
                return [self._row(record, outcome, tone, milliseconds=fields.get("latency_ms"), detail=detail)]
        return None

    def _plain(self, event: Event) -> list[Row]:
        tone = {"WARNING": Tone.WARNING, "ERROR": Tone.ERROR, "INFO": Tone.NORMAL}.get(event.level, Tone.QUIET)
        text = printable(event.name)
        if tone in (Tone.WARNING, Tone.ERROR):
            text = f"{event.level.lower()}: {text}"
        lines = fields_text({name: value for name, value in event.fields.items() if name != "lines"})
        more = tuple(printable(line) for line in (*event.fields.get("lines", ()), *event.trace))
        return [Row(text=f"{text}  {lines}".rstrip(), tone=tone, more=more)]

    # both

    def _wanted(self, rows: list[Row]) -> list[Row]:
        if self._verbosity is Verbosity.ERRORS:
            return [row for row in rows if row.tone is Tone.ERROR]
        return rows

    def _more(self, lines: Sequence[str]) -> tuple[str, ...]:
        if self._verbosity is not Verbosity.ALL:
            lines = folded(lines, self._code)
        return tuple(printable(line) for line in lines)

    def _source(self, function: str, request_id: str | None) -> str:
        if self._verbosity is not Verbosity.ALL:
            return f"{function} | "
        return f"{function} {(request_id or 'init')[:8]} | "


def _row(
    name: str,
    who: str,
    outcome: str,
    tone: Tone,
    *,
    milliseconds: Any = None,
    detail: str = "",
    more: tuple[str, ...] = (),
) -> Row:
    rest = f"{printable(who)}  {printable(detail)}" if who and detail else printable(who or detail)
    cells = f"{_cell(name, NAME_CHARACTERS)} {duration(milliseconds):>{DURATION_CHARACTERS}}"
    return Row(f"{cells}  {outcome:<{OUTCOME_CHARACTERS}} {rest}".rstrip(), tone, outcome, more)


def duration(milliseconds: Any) -> str:
    """Such as ``0.9 ms``, ``12 ms``, ``2.03 s``; empty where it is not known."""
    if not isinstance(milliseconds, int | float):
        return ""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def _is_streamers(record: Mapping[str, Any]) -> bool:
    """Whether a record is one of streamer's own functions, not one of the user's."""
    if "invocation_id" not in record or "_aws" in record:
        return False
    return isinstance(record.get("message"), str) and isinstance(record.get("level"), str)


def _cell(text: str, characters: int) -> str:
    shown = printable(text)
    return f"{shown[: characters - 3]}..." if len(shown) > 2 * characters else f"{shown:<{characters}}"


def _keep(kept: OrderedDict[str, _Value], key: str, value: _Value) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > KEPT:
        kept.popitem(last=False)
