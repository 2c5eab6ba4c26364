"""What went wrong in a function, in one line: the error, and the line of the user's own code. Pure."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any, Final

from msgspec import Struct

from ...foundation.json_bytes import parsed_json

_FRAME: Final = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>[^\n]+)(?:\n\s+(?P<code>[^\n]+))?')
_NODE_FRAME: Final = re.compile(
    r"^[^\S\n]*at (?:(?P<name>[^\n(]*?) \()?(?:file://)?(?P<file>(?:/|node:)[^\n:()]+):(?P<line>\d+):\d+\)?$",
    re.MULTILINE,
)
_LIBRARIES: Final = (
    *("site-packages", "dist-packages", "awslambdaric", "<frozen", "/streamer/", "/lib/python"),
    *("node_modules", "node:", "/functions/processes/node/", "/var/runtime/"),
)
_ERROR: Final = re.compile(
    r"(?P<type>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Timeout|Group)): ?(?P<message>.*)"
)
_TRACEBACK: Final = "Traceback (most recent call last)"


class Frame(Struct, frozen=True):
    """One call in a stack trace."""

    file: str
    line: int
    name: str
    code: str
    is_own: bool
    """Whether it is the user's code, not that of a library."""

    @property
    def place(self) -> str:
        """File and line, short."""
        return f"{PurePath(self.file).name}:{self.line}"


class Fault(Struct, frozen=True):
    """An error of a function."""

    type: str
    message: str
    frames: tuple[Frame, ...] = ()

    @property
    def place(self) -> str:
        """The last line of the user's own code, else the last line; empty: not known."""
        own = [frame for frame in self.frames if frame.is_own] or list(self.frames)
        return own[-1].place if own else ""

    @property
    def sentence(self) -> str:
        """``KeyError: 'name' (app.py:14)``."""
        said = f"{self.type}: {self.message}" if self.message else self.type
        return f"{said} ({self.place})" if self.place else said


def frames_of(text: str) -> tuple[Frame, ...]:
    """The calls of a stack trace of Python or Node.js, the outermost first."""
    python = [_frame(found, found["code"] or "") for found in _FRAME.finditer(text)]
    return tuple(python or reversed([_frame(found, "") for found in _NODE_FRAME.finditer(text)]))


def _frame(found: re.Match[str], code: str) -> Frame:
    return Frame(
        file=found["file"],
        line=int(found["line"]),
        name=(found["name"] or "the module").strip(),
        code=code.strip(),
        is_own=not any(part in found["file"] for part in _LIBRARIES),
    )


def fault_of_payload(payload: bytes) -> Fault | None:
    """What Lambda's error object says; None: it is none."""
    return _of_error(payload, "stackTrace", "trace")


def _of_error(document: bytes | str, *traces: str) -> Fault | None:
    """What an error object says, with its stack trace in the first of these members that has one."""
    try:
        error: Any = parsed_json(document)
    except ValueError:
        return None
    if not isinstance(error, dict) or "errorMessage" not in error:
        return None
    trace: Any = next((found for name in traces if (found := error.get(name))), [])
    lines = trace if isinstance(trace, list) else [trace]
    return Fault(
        str(error.get("errorType") or "Error"), str(error["errorMessage"]), frames_of("\n".join(map(str, lines)))
    )


def fault_of_line(line: str) -> Fault | None:
    """The exception that a function logged with its stack trace, as text or as JSON; None: the line tells of none.

    streamer's own records of an action that said itself why it failed have no trace, and are one without frames.
    """
    if line.startswith("{"):
        try:
            record: Any = parsed_json(line)
        except ValueError:
            return None
        if isinstance(said := record.get("message"), dict) and "errorType" in said:
            record = said  # as the runtime of Node.js logs in JSON what a function raised
        trace = record.get("stack_trace") or record.get("stackTrace")
        if trace is None and "error_type" in record:
            trace = []
        if not isinstance(trace, list):
            return None
        error_type, message = record.get("error_type", record.get("errorType")), record.get("error_message")
        message = record.get("errorMessage", "") if message is None else message
        return Fault(str(error_type or "Error"), str(message), frames_of("\n".join(map(str, trace))))
    if "\tERROR\t" in line and (document := line.rpartition("\t")[2]).startswith("{"):
        return _of_error(document, "stack")  # as the runtime of Node.js logs what a function raised
    if _TRACEBACK not in line:
        return None
    text = line.replace("\r", "\n")
    frames = frames_of(text[text.rfind(_TRACEBACK) :])
    lines = [each.strip().removeprefix("[ERROR] ").strip() for each in text.splitlines()]
    error = next((found for each in reversed(lines) if (found := _ERROR.match(each)) is not None), None)
    return Fault("Error", "", frames) if error is None else Fault(error["type"], error["message"], frames)
