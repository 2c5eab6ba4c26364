"""What we use of the insides of awslambdaric, AWS's runtime client for Python: its rules without its loop.

`tests/unit/emulator/functions/inline/test_awslambdaric_contract.py` holds what this relies on. In the process isolation
the client runs whole and as it is.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final, cast

from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_exception import FaultException
from awslambdaric.lambda_runtime_log_utils import JsonFormatter
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller, to_json
from msgspec import Struct

from ...foundation.json_bytes import parsed_json
from ..platform_log import error_type

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
Handler = Callable[[Any, Any], Any]
"""A function's handler: takes the event and the context."""


class InitError(Exception):
    """A handler could not be imported; ``error`` is what Lambda answers."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["errorMessage"])
        self.error = error

    @property
    def payload(self) -> bytes:
        """The error as JSON."""
        return str(to_json(self.error)).encode()


def load_handler(handler: str) -> Handler:
    """Import a handler by its name, such as ``package.module.function``.

    Raises:
        InitError: it cannot be imported, in the words of AWS's client (H5).
    """
    try:
        return cast("Handler", bootstrap._get_handler(handler))  # noqa: SLF001 - Lambda's own rules
    except FaultException as fault:
        raise InitError(bootstrap.make_error(fault.msg, fault.exception_type, fault.trace)) from fault
    except Exception as error:
        raise InitError(bootstrap.build_fault_result(sys.exc_info(), None)) from error


class RunResult(Struct, frozen=True):
    """What came of one event."""

    payload: bytes
    """The result, or the error, as JSON."""
    error_type: str | None = None
    """None: the function returned."""


class EventRunner:
    """Runs handlers as AWS's client does: event and result as JSON, a context, errors told and logged (H1-H4, H17)."""

    def __init__(self) -> None:
        """To be made where the variables are those of functions: the client's JSON depends on the Python version."""
        self._marshaller = LambdaMarshaller()

    def run(
        self,
        handler: Handler,
        *,
        request_id: str,
        payload: bytes,
        client_context: str | None,
        function_arn: str,
        deadline_ms: int,
        log_error: Callable[[str], None],
        json_logs: bool,
    ) -> RunResult:
        """Run a handler once; ``client_context`` is JSON, ``log_error`` takes an uncaught error as one text or as JSON.

        What the handler raises that is no Exception, such as SystemExit, comes through.
        """
        answer = _Answer(self._marshaller)
        bootstrap.handle_event_request(
            lambda_runtime_client=answer,
            request_handler=handler,
            invoke_id=request_id,
            event_body=payload,
            content_type="application/json",
            client_context_json=client_context,
            cognito_identity_json=None,
            invoked_function_arn=function_arn,
            epoch_deadline_time_in_ms=deadline_ms,
            tenant_id=None,
            log_sink=_ErrorLog((lambda _: None) if json_logs else log_error),
        )
        if json_logs and answer.result.error_type is not None:
            log_error(_json_error(parsed_json(answer.result.payload)))
        return answer.result


def log_init_error(failure: InitError, log_error: Callable[[str], None], *, json_logs: bool) -> None:
    """Log an import error as AWS's client does, as one text of several lines or as JSON."""
    if json_logs:
        log_error(_json_error(failure.error))
    else:
        bootstrap.log_error(failure.error, _ErrorLog(log_error))


def _json_error(error: dict[str, Any]) -> str:
    """An uncaught error as AWS's client logs it where the function logs JSON, which it finds out once for a process."""
    return str(to_json({"timestamp": time.strftime(_TIME, time.gmtime()), "level": "ERROR", **error}))


def json_formatter() -> logging.Formatter:
    """The format of log records under ``AWS_LAMBDA_LOG_FORMAT=JSON``."""
    return cast("logging.Formatter", JsonFormatter())


class _Answer:
    """Stands where AWS's client posts what came of an event."""

    __slots__ = ("marshaller", "result")

    def __init__(self, marshaller: LambdaMarshaller) -> None:
        self.marshaller = marshaller
        self.result = RunResult(b"")

    def post_invocation_result(
        self, request_id: str, result: str | bytes, content_type: str, invocation_id: str | None
    ) -> None:
        """The function returned."""
        self.result = RunResult(result if isinstance(result, bytes) else result.encode())

    def post_invocation_error(self, request_id: str, error: str, fault: str, invocation_id: str | None) -> None:
        """The function failed."""
        payload = error.encode()
        self.result = RunResult(payload, error_type(payload))


class _ErrorLog:
    """Stands where AWS's client logs an uncaught error: one event of several lines. [REC] ric (H17)"""

    __slots__ = ("_write",)

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def log_error(self, lines: list[str]) -> None:
        """Write them as one event."""
        self._write("\n".join(lines))
