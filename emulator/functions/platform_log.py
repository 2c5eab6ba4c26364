"""What Lambda itself says of an invocation: START, END and REPORT lines, and the errors that callers get. Pure."""

from __future__ import annotations

import math
import re
import string
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from ..foundation.json_bytes import json_text, parsed_json
from ..foundation.place import arn_of
from ..foundation.times import iso_time
from .variables import VERSION

EXIT_ERROR: Final = "Runtime.ExitError"
TIMED_OUT: Final = "Sandbox.Timedout"
OUT_OF_MEMORY: Final = "Runtime.OutOfMemory"
"""Error type in the REPORT line only; the payload says ``Runtime.ExitError``. [USR] reports; lambda-docs [DOC]"""

TIMEOUT: Final = "timeout"
"""The status of an invocation that took longer than its function may."""
UNKNOWN: Final = "Runtime.Unknown"
_ROUTINE: Final = ("START ", "END ", "REPORT ", "INIT_START ", "INIT_REPORT ", "{")
_INIT_TIMEOUT: Final = ("\tStatus: timeout", '"phase":"init","status":"timeout"')
_REPORTED: Final = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


def init_start_line(runtime: str, region: str) -> str:
    """The first line of a cold start. [REC] ls-snap (H15)"""
    version, arn = runtime_version(runtime, region)
    return f"INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}"


def runtime_version(runtime: str, region: str) -> tuple[str, str]:
    """The version of a runtime, and its ARN; both are placeholders of ours."""
    letters = len(runtime) - len(runtime.lstrip(string.ascii_lowercase))
    family, version = runtime[:letters], runtime[letters:].removesuffix(".x").removeprefix(".")
    return f"{family}:{version}.local", arn_of("lambda", region, "", f"runtime:{'0' * 64}")


def init_timeout_line(init_seconds: float) -> str:
    """What is logged when the init phase took too long. [DOC] lambda-docs:lambda-runtime-environment"""
    return f"INIT_REPORT Init Duration: {init_seconds * 1000:.2f} ms\tPhase: init\tStatus: timeout"


def init_error_line(init_ms: float, error_type: str, *, is_repeated: bool = False) -> str:
    """What is logged of an init that failed; ``is_repeated``: within an invocation.

    [DOC] lambda-docs:lambda-runtime-environment, [REC] logs of modules that cannot be imported, April 2026
    """
    phase = "invoke" if is_repeated else "init"
    reported = reported_type(error_type)
    return f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}\tStatus: error\tError Type: {reported}"


def is_routine(line: str) -> bool:
    """Whether one of Lambda's own lines is of every invocation, or says again what others say."""
    return line.startswith(_ROUTINE) and not is_init_timeout(line)


def is_init_timeout(line: str) -> bool:
    """Whether one of Lambda's own lines, as text or as JSON, says that an init took longer than its phase may."""
    return line.startswith(("INIT_REPORT ", "{")) and any(words in line for words in _INIT_TIMEOUT)


def start_line(request_id: str, version: str = VERSION) -> str:
    """The line before an invocation's output. [REC] ls-snap (H15)"""
    return f"START RequestId: {request_id} Version: {version}"


def end_line(request_id: str) -> str:
    """The line after an invocation's output. [REC] ls-snap (H15)"""
    return f"END RequestId: {request_id}"


class Report(Struct, frozen=True, kw_only=True):
    """What the REPORT line tells of one invocation."""

    request_id: str
    duration_ms: float
    """Of one that timed out, the function's timeout."""
    memory_mb: int
    memory_used_mb: int | None
    """None: not known (inline), and left out."""
    init_ms: float | None = None
    """None: a warm start."""
    status: str | None = None
    """`TIMEOUT` or ``error``; None: it went well."""
    error_type: str | None = None

    @property
    def billed_ms(self) -> int:
        """What AWS bills: the init phase, too. [DOC] lambda-docs, since August 2025"""
        return math.ceil(self.duration_ms + (self.init_ms or 0.0))

    def metrics(self) -> dict[str, float]:
        """Its numbers, as JSON has them. [REC] JSON logs"""
        found: dict[str, float | None] = {
            "durationMs": round(self.duration_ms, 3),
            "billedDurationMs": self.billed_ms,
            "memorySizeMB": self.memory_mb,
            "maxMemoryUsedMB": self.memory_used_mb,
            "initDurationMs": None if self.init_ms is None else round(self.init_ms, 3),
        }
        return {name: value for name, value in found.items() if value is not None}

    def line(self) -> str:
        """The REPORT line. [REC] ls-snap (H15); Status and Error Type [REC] logs of timeouts and crashes since 2025"""
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {self.billed_ms} ms",
            f"Memory Size: {self.memory_mb} MB",
        ]
        if self.memory_used_mb is not None:
            fields.append(f"Max Memory Used: {self.memory_used_mb} MB")
        if self.init_ms is not None:
            fields.append(f"Init Duration: {self.init_ms:.2f} ms")
        fields.append("" if self.status is None else f"Status: {self.status}")  # the blank field is AWS's
        if self.error_type is not None:
            fields.append(f"Error Type: {reported_type(self.error_type)}")
        return "\t".join(fields)


def timeout_line(now: datetime, request_id: str, timeout_seconds: float) -> str:
    """What Lambda logs for a timeout. [REC] ls-snap (H7, the older form is this line)"""
    return f"{_iso(now)} {request_id} Task timed out after {timeout_seconds:.2f} seconds"


def exit_line(request_id: str, reason: str) -> str:
    """What Lambda logs when the runtime's process ended. [USR] awslabs/aws-lambda-cpp issue 142 (2024)"""
    return f"RequestId: {request_id} Error: {reason}\n{EXIT_ERROR}"


def _iso(now: datetime) -> str:
    return iso_time(now.astimezone(UTC))


def timeout_payload(request_id: str, timeout_seconds: float) -> bytes:
    """What a caller gets when the function's own timeout passed. [REC] ls-snap Nov 2025 (H7)"""
    return _error_payload(
        TIMED_OUT, f"RequestId: {request_id} Error: Task timed out after {timeout_seconds:.2f} seconds"
    )


def exit_payload(request_id: str, reason: str) -> bytes:
    """What a caller gets when the runtime's process ended during the invocation. [REC] ls-snap (H6)"""
    return _error_payload(EXIT_ERROR, f"RequestId: {request_id} Error: {reason}")


def too_large_payload(limit_bytes: int) -> bytes:
    """What a caller gets when the result is over 6 MB. [REC] ls-snap test_lambda_too_large_response, November 2025

    [INF] that of a result over 200 MB, which is streamed, is the same.
    """
    message = f"Response payload size exceeded maximum allowed payload size ({limit_bytes} bytes)."
    error = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
    return json_text(error).encode()


def error_type(payload: bytes) -> str:
    """The type in an error payload, ``Unhandled`` when it names none (other languages' clients may not)."""
    try:
        error = parsed_json(payload)
    except ValueError:
        return "Unhandled"
    named = error.get("errorType") if isinstance(error, dict) else None
    return named if isinstance(named, str) and named else "Unhandled"


def reported_type(error_type: str) -> str:
    """An error's type as Lambda's own lines have it: a type of Lambda's, whatever class of the function's it was.

    [DOC] aws/aws-lambda-runtime-interface-emulator, GetValidRuntimeOrFunctionErrorType; [REC] logs of Node.js
    """
    return error_type if _REPORTED.search(error_type) else UNKNOWN


def _error_payload(error_type: str, message: str) -> bytes:
    return json_text({"errorType": error_type, "errorMessage": message}).encode()


SIGNAL_WORDS: Final = {
    "SIGHUP": "hangup",
    "SIGINT": "interrupt",
    "SIGQUIT": "quit",
    "SIGILL": "illegal instruction",
    "SIGTRAP": "trace/breakpoint trap",
    "SIGABRT": "aborted",
    "SIGBUS": "bus error",
    "SIGFPE": "floating point exception",
    "SIGKILL": "killed",
    "SIGUSR1": "user defined signal 1",
    "SIGSEGV": "segmentation fault",
    "SIGUSR2": "user defined signal 2",
    "SIGPIPE": "broken pipe",
    "SIGALRM": "alarm clock",
    "SIGTERM": "terminated",
    "SIGXCPU": "CPU time limit exceeded",
}
"""The words of Go, in which Lambda's supervisor is written. By name: numbers differ between systems. [INF]"""


def exit_reason(end: int | str) -> str:
    """Words for a process's end: 0, a positive exit status, or the name of a signal. [REC] ls-snap (H6)

    Signals [USR]: awslabs/aws-lambda-cpp issue 142 (segmentation fault); "killed" is what running out of memory gives.
    """
    if end == 0:
        return "Runtime exited without providing a reason"
    if isinstance(end, int):
        return f"Runtime exited with error: exit status {end}"
    return f"Runtime exited with error: signal: {SIGNAL_WORDS.get(end, end)}"
