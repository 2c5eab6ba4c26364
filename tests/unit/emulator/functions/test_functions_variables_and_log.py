from __future__ import annotations

import dataclasses
import json
import random
import re
import uuid
from datetime import UTC, datetime

import pytest

from emulator.functions import platform_log, variables
from streamer.topology import Function

QUEUES_AT = "AWS_ENDPOINT_URL_SQS"
ID = "3f1c0d6e-0000-4000-8000-000000000001"
NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def variables_of(function: Function, endpoints: variables.Endpoints | None = None) -> dict[str, str]:
    return variables.variables(
        function,
        endpoints or variables.Endpoints(),
        runtime="python3.13",
        task_root="/project",
        log_stream="2026/01/02/[$LATEST]0",
    )


def test_a_request_id_is_a_random_uuid() -> None:
    randomness = random.Random(1)
    ids = {variables.new_request_id(randomness) for _ in range(100)}

    assert len(ids) == 100
    assert all(uuid.UUID(one).version == 4 and str(uuid.UUID(one)) == one for one in ids)
    assert {uuid.UUID(one).variant for one in ids} == {uuid.RFC_4122}


def test_a_function_finds_the_queues_that_it_sends_to_unless_it_names_others() -> None:
    here = variables.Endpoints(services={"SQS": "http://here"}, account_id="111122223333")
    sender = Function(name="f", handler="app.f", sends_to=("jobs", "long-jobs.fifo"))

    seen = variables_of(sender, here)

    assert seen["JOBS_QUEUE_URL"] == "http://here/111122223333/jobs"
    assert seen["LONG_JOBS_FIFO_QUEUE_URL"] == "http://here/111122223333/long-jobs.fifo"
    own = dataclasses.replace(sender, environment={"JOBS_QUEUE_URL": "elsewhere"})
    assert variables_of(own, here)["JOBS_QUEUE_URL"] == "elsewhere"


def test_a_function_sees_lambdas_variables() -> None:
    seen = variables_of(Function(name="router", handler="app.handler", memory_mb=256))

    assert {
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": "router",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/router",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/02/[$LATEST]0",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_TASK_ROOT": "/project",
        "TZ": ":UTC",
        "_HANDLER": "app.handler",
    }.items() <= seen.items()


def test_a_function_finds_the_local_services_and_their_certificate() -> None:
    endpoints = variables.Endpoints(
        services={"DYNAMODB": "http://127.0.0.1:1", "SQS": "http://127.0.0.1:2"}, ca_bundle="/ca"
    )

    seen = variables_of(Function(name="f", handler="a.b"), endpoints)

    assert seen["AWS_ENDPOINT_URL_DYNAMODB"] == "http://127.0.0.1:1"
    assert seen["AWS_ENDPOINT_URL_SQS"] == "http://127.0.0.1:2"
    assert seen["AWS_CA_BUNDLE"] == "/ca"


def test_a_function_that_names_an_endpoint_for_all_services_finds_those_around_it_there() -> None:
    endpoints = variables.Endpoints(services={"S3": "http://127.0.0.1:1", "SQS": "http://127.0.0.1:1"})
    own = {"AWS_ENDPOINT_URL": "http://elsewhere"}

    seen = variables_of(Function(name="f", handler="a.b", environment=own), endpoints)

    assert "AWS_ENDPOINT_URL_S3" not in seen
    assert seen["AWS_ENDPOINT_URL_SQS"] == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("region", "home", "own", "seen"),
    [
        pytest.param("us-east-1", True, {}, {QUEUES_AT: "https://sqs.us-east-1.amazonaws.com"}, id="AWS's names"),
        pytest.param("cn-north-1", True, {}, {QUEUES_AT: "https://sqs.cn-north-1.amazonaws.com.cn"}, id="China"),
        pytest.param("us-east-1", False, {}, {}, id="names lead to AWS"),
        pytest.param("us-east-1", True, {QUEUES_AT: "http://own"}, {}, id="the function says where"),
        pytest.param("us-east-1", True, {"AWS_ENDPOINT_URL": "http://own"}, {}, id="it says where all services are"),
    ],
)
def test_the_sdk_for_javascript_is_told_of_sqs_where_a_templates_queues_have_their_urls(
    region: str, home: bool, own: dict[str, str], seen: dict[str, str]
) -> None:
    around = variables.Endpoints(region=region, home=("127.0.0.1", 1) if home else None)

    assert variables.queue_variables(Function(name="f", handler="i.h", environment=own), around) == seen


def test_a_function_that_is_given_urls_of_queues_finds_sqs_there() -> None:
    sender = Function(name="f", handler="i.h", sends_to=("jobs",))

    assert variables.queue_variables(sender, variables.Endpoints(home=("127.0.0.1", 1))) == {}


def test_a_functions_own_variables_win_except_over_reserved_names() -> None:
    seen = variables_of(
        Function(name="f", handler="a.b", environment={"TZ": "Asia/Tokyo", "AWS_REGION": "mars-1", "X": "1"})
    )

    assert (seen["TZ"], seen["AWS_REGION"], seen["X"]) == ("Asia/Tokyo", "us-east-1", "1")


def test_a_log_stream_is_named_after_day_version_and_environment() -> None:
    assert re.fullmatch(r"2026/01/02/\[\$LATEST\][0-9a-f]{32}", variables.log_stream_name(NOW, random.Random(1)))


def test_a_trace_is_not_sampled() -> None:
    assert re.fullmatch(
        r"Root=1-6957e0a5-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", variables.trace_id(0x6957E0A5, random.Random(1))
    )


@pytest.mark.parametrize(
    ("report", "line"),
    [
        pytest.param(
            platform_log.Report(request_id=ID, duration_ms=3.01, memory_mb=128, memory_used_mb=36),
            f"REPORT RequestId: {ID}\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\t"
            "Max Memory Used: 36 MB\t",
            id="warm",
        ),
        pytest.param(
            platform_log.Report(request_id=ID, duration_ms=3.01, memory_mb=128, memory_used_mb=36, init_ms=110.1),
            f"REPORT RequestId: {ID}\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\t"
            "Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t",
            id="cold",
        ),
        pytest.param(
            platform_log.Report(request_id=ID, duration_ms=1000, memory_mb=128, memory_used_mb=None, status="timeout"),
            f"REPORT RequestId: {ID}\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\tMemory Size: 128 MB\t"
            "Status: timeout",
            id="timed out",
        ),
        pytest.param(
            platform_log.Report(
                request_id=ID,
                duration_ms=1,
                memory_mb=128,
                memory_used_mb=128,
                status="error",
                error_type=platform_log.OUT_OF_MEMORY,
            ),
            f"REPORT RequestId: {ID}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t"
            "Max Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory",
            id="out of memory",
        ),
    ],
)
def test_the_report_line_is_lambdas(report: platform_log.Report, line: str) -> None:
    assert report.line() == line


@pytest.mark.parametrize(
    ("error_type", "reported"),
    [
        ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
        ("Function.ResponseSizeTooLarge", "Function.ResponseSizeTooLarge"),
        ("ValueError", "Runtime.Unknown"),
        ("Error", "Runtime.Unknown"),
        ("Runtime.x", "Runtime.Unknown"),
    ],
)
def test_lambdas_own_lines_have_lambdas_own_types_of_errors(error_type: str, reported: str) -> None:
    ended = f"Status: error\tError Type: {reported}"
    report = platform_log.Report(
        request_id=ID, duration_ms=1, memory_mb=128, memory_used_mb=1, status="error", error_type=error_type
    )
    assert report.line().endswith(f"\tMax Memory Used: 1 MB\t{ended}")
    assert (
        platform_log.init_error_line(1.234, error_type) == f"INIT_REPORT Init Duration: 1.23 ms\tPhase: init\t{ended}"
    )
    assert "\tPhase: invoke\t" in platform_log.init_error_line(1, error_type, is_repeated=True)


def test_start_end_and_timeout_lines() -> None:
    assert platform_log.start_line(ID) == f"START RequestId: {ID} Version: $LATEST"
    assert platform_log.end_line(ID) == f"END RequestId: {ID}"
    assert platform_log.timeout_line(NOW, ID, 1) == f"2026-01-02T03:04:05.678Z {ID} Task timed out after 1.00 seconds"
    assert platform_log.init_start_line("python3.13", "eu-west-1").startswith(
        "INIT_START Runtime Version: python:3.13."
    )
    assert platform_log.init_start_line("nodejs20.x", "eu-west-1").startswith(
        "INIT_START Runtime Version: nodejs:20.local\t"
    )
    assert platform_log.init_start_line("provided.al2", "eu-west-1").startswith(
        "INIT_START Runtime Version: provided:al2."
    )


def test_a_timeout_is_answered_as_lambda_does() -> None:
    assert json.loads(platform_log.timeout_payload(ID, 1)) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {ID} Error: Task timed out after 1.00 seconds",
    }


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(0, "Runtime exited without providing a reason", id="exit status 0"),
        pytest.param(127, "Runtime exited with error: exit status 127", id="exit status 127"),
        pytest.param("SIGKILL", "Runtime exited with error: signal: killed", id="killed"),
        pytest.param("SIGSEGV", "Runtime exited with error: signal: segmentation fault", id="segmentation fault"),
        pytest.param("SIGINT", "Runtime exited with error: signal: interrupt", id="KeyboardInterrupt"),
        pytest.param("SIGALRM", "Runtime exited with error: signal: alarm clock", id="alarm"),
        pytest.param("SIGRTMAX", "Runtime exited with error: signal: SIGRTMAX", id="signal without a word"),
    ],
)
def test_an_exit_is_answered_as_lambda_does(status: int, reason: str) -> None:
    assert json.loads(platform_log.exit_payload(ID, platform_log.exit_reason(status))) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {ID} Error: {reason}",
    }


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param(b'{"errorType": "ValueError"}', "ValueError", id="named"),
        pytest.param(b'{"errorType": ""}', "Unhandled", id="empty"),
        pytest.param(b'{"errorType": 1}', "Unhandled", id="not a string"),
        pytest.param(b"[]", "Unhandled", id="not an object"),
        pytest.param(b"\xff", "Unhandled", id="not JSON"),
        pytest.param(b"[" * 100_000, "Unhandled", id="nested too deeply to be read"),
    ],
)
def test_an_error_without_a_type_is_unhandled(payload: bytes, expected: str) -> None:
    assert platform_log.error_type(payload) == expected


@pytest.mark.parametrize(
    ("own", "seen"),
    [
        pytest.param("https://a1.execute-api.us-east-1.amazonaws.com/dev", "http://here", id="its API on AWS"),
        pytest.param("http://elsewhere", "http://elsewhere", id="another one"),
    ],
)
def test_a_deployed_functions_address_of_its_api_leads_to_the_emulator(own: str, seen: str) -> None:
    name = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"
    endpoints = variables.Endpoints(services={"APIGATEWAYMANAGEMENTAPI": "http://here"})

    assert variables_of(Function(name="f", handler="a.b", environment={name: own}), endpoints)[name] == seen
