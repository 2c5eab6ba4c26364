"""What `emulator.functions.inline.awslambdaric_client` relies on inside awslambdaric, version by version."""

from __future__ import annotations

import inspect
import json
import logging
from typing import Any

import pytest
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_exception import FaultException

from emulator.functions.inline.awslambdaric_client import (
    EventRunner,
    InitError,
    RunResult,
    json_formatter,
    load_handler,
    log_init_error,
)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        pytest.param(bootstrap._get_handler, "handler", id="_get_handler"),
        pytest.param(bootstrap.make_error, "error_message error_type stack_trace invoke_id=None", id="make_error"),
        pytest.param(bootstrap.build_fault_result, "exc_info msg", id="build_fault_result"),
        pytest.param(bootstrap.log_error, "error_result log_sink", id="log_error"),
        pytest.param(
            bootstrap.handle_event_request,
            "lambda_runtime_client request_handler invoke_id event_body content_type client_context_json "
            "cognito_identity_json invoked_function_arn epoch_deadline_time_in_ms tenant_id log_sink "
            "invocation_id=None",
            id="handle_event_request",
        ),
        pytest.param(FaultException, "exception_type msg trace=None", id="FaultException"),
    ],
)
def test_the_functions_have_the_parameters_that_we_give_them(function: Any, parameters: str) -> None:
    found = " ".join(str(parameter) for parameter in inspect.signature(function).parameters.values())

    assert found == parameters, f"awslambdaric changed the signature of {function.__name__}: {found}"


def run(handler: Any, payload: bytes = b'{"a": 1}') -> tuple[RunResult, list[str]]:
    logged: list[str] = []
    result = EventRunner().run(
        handler,
        request_id="r-1",
        payload=payload,
        client_context='{"custom": {"k": "v"}}',
        function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
        deadline_ms=2_000_000_000_000,
        log_error=logged.append,
        json_logs=False,
    )
    return result, logged


def test_a_result_is_posted_to_the_client_that_we_pass() -> None:
    result, logged = run(lambda event, context: [event, context.aws_request_id, context.client_context.custom])

    assert json.loads(result.payload) == [{"a": 1}, "r-1", {"k": "v"}], "awslambdaric posts results elsewhere now"
    assert result.error_type is None
    assert logged == []


def test_an_error_is_posted_and_logged_as_one_text() -> None:
    def fail(event: Any, context: Any) -> None:
        raise LookupError("no")

    result, logged = run(fail)

    assert json.loads(result.payload)["errorMessage"] == "no", "awslambdaric posts errors elsewhere now"
    assert result.error_type == "LookupError"
    assert len(logged) == 1, "awslambdaric logs errors elsewhere now"
    assert logged[0].startswith("[ERROR] LookupError: no")


def test_an_event_that_is_not_json_is_a_fault_of_the_client() -> None:
    result, _ = run(lambda event, context: event, b"{")

    assert result.error_type == "Runtime.UnmarshalError"


@pytest.mark.parametrize(
    ("handler", "error_type"),
    [
        pytest.param("no_dots", "Runtime.MalformedHandlerName", id="no function in the name"),
        pytest.param("there.is.none", "Runtime.ImportModuleError", id="no such module"),
        pytest.param("json.nothing", "Runtime.HandlerNotFound", id="no such function"),
        pytest.param("sys.exit", "Runtime.BuiltInModuleConflict", id="a built-in module"),
    ],
)
def test_a_handler_that_cannot_be_imported_is_an_error_in_lambdas_words(handler: str, error_type: str) -> None:
    logged: list[str] = []
    with pytest.raises(InitError) as failure:
        load_handler(handler)
    log_init_error(failure.value, logged.append, json_logs=False)
    log_init_error(failure.value, logged.append, json_logs=True)

    assert json.loads(failure.value.payload)["errorType"] == error_type
    text, record = logged
    assert text.startswith(f"[ERROR] {error_type}: ")
    assert json.loads(record).items() >= {"level": "ERROR", "errorType": error_type}.items()


def test_a_handler_that_can_be_imported_is_the_function() -> None:
    loaded: object = load_handler("json.dumps")

    assert loaded is json.dumps


def test_json_records_hold_the_request_id_that_the_record_is_given() -> None:
    record = logging.LogRecord("app", logging.INFO, "f.py", 1, "hello", None, None)
    record.aws_request_id = "r-1"
    record.tenant_id = None

    written = json.loads(json_formatter().format(record))

    assert written["message"] == "hello"
    assert written["requestId"] == "r-1", "awslambdaric's JsonFormatter reads the request id elsewhere now"
