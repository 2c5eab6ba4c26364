"""What an execution environment shows a function: variables, names, log lines, error payloads. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from streamer.topology import Function

if TYPE_CHECKING:
    import random

VERSION: Final = "$LATEST"
"""The only version of a function that exists locally."""
RESPONSE_BYTES: Final = 6 * 1024 * 1024 + 100
"""Largest result of a function. [DOC] lambda-docs:gettingstarted-limits (6 MB; the error text says 6291556)"""
INIT_SECONDS: Final = 10.0
"""Longest init phase; after it the init is run again inside the first invocation. [DOC] lambda-docs (H20)"""
EXIT_ERROR: Final = "Runtime.ExitError"
TIMED_OUT: Final = "Sandbox.Timedout"
OUT_OF_MEMORY: Final = "Runtime.OutOfMemory"
"""Error type in the REPORT line only; the payload says ``Runtime.ExitError``. [USR] reports; lambda-docs [DOC]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where functions find AWS, and as whom."""

    services: Mapping[str, str] = field(default_factory=dict)
    """Service as botocore spells it in variables (``DYNAMODB``, ``DYNAMODB_STREAMS``, ``LAMBDA``, ``SQS``) to URL."""
    ca_bundle: str | None = None
    """File with the certificate that functions shall trust; None: the system's."""
    region: str = "us-east-1"
    account_id: str = "123456789012"
    access_key_id: str = "AKIAIOSFODNN7EXAMPLE"
    secret_access_key: str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's documentation example
    session_token: str = "local"  # noqa: S105 - not a secret: nothing checks it


def function_arn(function: str, endpoints: Endpoints) -> str:
    """The ARN of a function, unqualified."""
    return f"arn:aws:lambda:{endpoints.region}:{endpoints.account_id}:function:{function}"


def log_group_name(function: str) -> str:
    """The function's CloudWatch log group."""
    return f"/aws/lambda/{function}"


def log_stream_name(now: datetime, randomness: random.Random) -> str:
    """The log stream of one environment: date, version, 32 hex digits. [REC] ls-snap (H12)"""
    return f"{now:%Y/%m/%d}/[{VERSION}]{randomness.getrandbits(128):032x}"


def trace_id(now_seconds: float, randomness: random.Random) -> str:
    """The X-Ray header of one invocation, not sampled. [REC] ls-snap (H13)"""
    root, parent = randomness.getrandbits(96), randomness.getrandbits(64)
    return f"Root=1-{int(now_seconds):08x}-{root:024x};Parent={parent:016x};Sampled=0"


def new_request_id(randomness: random.Random) -> str:
    """An ``aws_request_id``: a version 4 UUID. [DOC] lambda-docs:python-context"""
    text = f"{randomness.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) % 4]}{text[17:20]}-{text[20:]}"


def variables(
    function: Function, endpoints: Endpoints, *, python: tuple[int, int], task_root: str, log_stream: str
) -> dict[str, str]:
    """The environment variables of a function: Lambda's, the endpoints', then its own. [REC] ls-snap (H12)

    A function may overwrite everything but the names Lambda reserves, whose values therefore come last.
    ``PATH``, ``PYTHONPATH`` and ``LD_LIBRARY_PATH`` are left to this machine, where Lambda's paths do not exist.
    """
    return {
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "TZ": ":UTC",
        "SHLVL": "0",
        "PWD": task_root,
        **_endpoint_variables(endpoints),
        **function.environment,
        **_reserved_variables(function, endpoints, python, task_root, log_stream),
    }


def _endpoint_variables(endpoints: Endpoints) -> dict[str, str]:
    urls = {f"AWS_ENDPOINT_URL_{service}": url for service, url in endpoints.services.items()}
    return urls if endpoints.ca_bundle is None else {**urls, "AWS_CA_BUNDLE": endpoints.ca_bundle}


def _reserved_variables(
    function: Function, endpoints: Endpoints, python: tuple[int, int], task_root: str, log_stream: str
) -> dict[str, str]:
    # [DOC] lambda-docs:configuration-envvars: these keys cannot be set in a function's configuration.
    return {
        "AWS_REGION": endpoints.region,
        "AWS_DEFAULT_REGION": endpoints.region,
        "AWS_ACCESS_KEY_ID": endpoints.access_key_id,
        "AWS_SECRET_ACCESS_KEY": endpoints.secret_access_key,
        "AWS_SESSION_TOKEN": endpoints.session_token,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{python[0]}.{python[1]}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group_name(function.name),
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": task_root,
        "_HANDLER": function.handler,
    }


# Log lines


def init_start_line(python: tuple[int, int], region: str) -> str:
    """The first line of a cold start. [REC] ls-snap (H15); version and hash are placeholders of ours."""
    return (
        f"INIT_START Runtime Version: python:{python[0]}.{python[1]}.local\t"
        f"Runtime Version ARN: arn:aws:lambda:{region}::runtime:{'0' * 64}"
    )


def init_timeout_line(init_seconds: float) -> str:
    """What is logged when the init phase took too long. [DOC] lambda-docs:lambda-runtime-environment"""
    return f"INIT_REPORT Init Duration: {init_seconds * 1000:.2f} ms\tPhase: init\tStatus: timeout"


def start_line(request_id: str) -> str:
    """The line before an invocation's output. [REC] ls-snap (H15)"""
    return f"START RequestId: {request_id} Version: {VERSION}"


def end_line(request_id: str) -> str:
    """The line after an invocation's output. [REC] ls-snap (H15)"""
    return f"END RequestId: {request_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the REPORT line tells of one invocation."""

    request_id: str
    duration_ms: float
    memory_mb: int
    memory_used_mb: int | None
    """None: not known (inline), and left out."""
    init_ms: float | None = None
    """None: a warm start."""
    status: str | None = None
    """``timeout`` or ``error``; None: it went well."""
    error_type: str | None = None

    def line(self) -> str:
        """The REPORT line. [REC] ls-snap (H15); Status and Error Type [DOC] lambda-docs:monitoring-cloudwatchlogs"""
        # [DOC] lambda-docs: the init phase is billed since August 2025.
        billed_ms = math.ceil(self.duration_ms + (self.init_ms or 0.0))
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {billed_ms} ms",
            f"Memory Size: {self.memory_mb} MB",
        ]
        if self.memory_used_mb is not None:
            fields.append(f"Max Memory Used: {self.memory_used_mb} MB")
        if self.init_ms is not None:
            fields.append(f"Init Duration: {self.init_ms:.2f} ms")
        if self.status is not None:
            fields.append(f"Status: {self.status}")
        if self.error_type is not None:
            fields.append(f"Error Type: {self.error_type}")
        return "\t".join(fields) + "\t"


def timeout_line(now: datetime, request_id: str, timeout_seconds: float) -> str:
    """What Lambda logs for a timeout. [REC] ls-snap (H7, the older form is this line)"""
    return f"{_iso(now)} {request_id} Task timed out after {timeout_seconds:.2f} seconds"


def exit_line(request_id: str, reason: str) -> str:
    """What Lambda logs when the runtime's process ended. [USR] awslabs/aws-lambda-cpp issue 142 (2024)"""
    return f"RequestId: {request_id} Error: {reason}\n{EXIT_ERROR}"


def _iso(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Error payloads


def timeout_payload(request_id: str, timeout_seconds: float) -> bytes:
    """What a caller gets when the function's own timeout passed. [REC] ls-snap Nov 2025 (H7)"""
    return _error_payload(
        TIMED_OUT, f"RequestId: {request_id} Error: Task timed out after {timeout_seconds:.2f} seconds"
    )


def exit_payload(request_id: str, reason: str) -> bytes:
    """What a caller gets when the runtime's process ended during the invocation. [REC] ls-snap (H6)"""
    return _error_payload(EXIT_ERROR, f"RequestId: {request_id} Error: {reason}")


def too_large_payload(size_bytes: int) -> bytes:
    """What a caller gets when the result is over 6 MB. [USR] the text is AWS's own, from users' reports."""
    return _error_payload(
        "Function.ResponseSizeTooLarge",
        f"Response payload size ({size_bytes} bytes) exceeded maximum allowed payload size (6291556 bytes).",
    )


def error_type(payload: bytes) -> str:
    """The type in an error payload, ``Unhandled`` when it names none (other languages' clients may not)."""
    try:
        error = json.loads(payload)
    except ValueError:
        return "Unhandled"
    named = error.get("errorType") if isinstance(error, dict) else None
    return named if isinstance(named, str) and named else "Unhandled"


def _error_payload(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()


_SIGNALS: Final = {
    4: "illegal instruction",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    11: "segmentation fault",
    15: "terminated",
}
"""Go's words, in which Lambda's supervisor is written, for Linux's signals. [INF]"""


def exit_reason(status: int) -> str:
    """Words for a process's end: 0, a positive exit status, or the negative number of a signal. [REC] ls-snap (H6)

    Signals [USR]: awslabs/aws-lambda-cpp issue 142 (segmentation fault); "killed" is what running out of memory gives.
    """
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {_SIGNALS.get(-status, f'signal {-status}')}"
