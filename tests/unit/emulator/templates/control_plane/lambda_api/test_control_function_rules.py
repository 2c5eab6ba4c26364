"""What Lambda refuses of functions, in its words."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.templates.control_plane.lambda_api.rules import refuse, refuse_new, refuse_reservation
from emulator.templates.control_plane.query import ApiError

RIGHT: dict[str, Any] = {
    "FunctionName": "right",
    "Runtime": "python3.12",
    "Handler": "app.handler",
    "Role": "arn:aws:iam::123456789012:role/service/any",
}
VALIDATION, PARAMETER = "ValidationException", "InvalidParameterValueException"
UNABLE = "Lambda was unable to configure your environment variables because the environment variables you have provided"


def one(value: str, name: str, must: str) -> str:
    return f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must {must}"


@pytest.mark.parametrize(
    ("changed", "code", "text"),
    [
        pytest.param(
            {"MemorySize": 127}, VALIDATION,
            one("127", "memorySize", "have value greater than or equal to 128"),
            id="too little memory",
        ),
        pytest.param(
            {"MemorySize": 10_241}, VALIDATION,
            one("10241", "memorySize", "have value less than or equal to 10240"),
            id="too much memory",
        ),
        pytest.param(
            {"Timeout": 901}, VALIDATION,
            one("901", "timeout", "have value less than or equal to 900"),
            id="too slow",
        ),
        pytest.param(
            {"EphemeralStorage": {"Size": 511}}, VALIDATION,
            one("511", "ephemeralStorage.size", "have value greater than or equal to 512"),
            id="too small a disk",
        ),
        pytest.param(
            {"Description": "x" * 257}, VALIDATION,
            one(f"{'x' * 257}", "description", "have length less than or equal to 256"),
            id="too long a description",
        ),
        pytest.param(
            {"Role": "any"}, VALIDATION,
            one(
                "any",
                "role",
                r"satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
            ),
            id="no role",
        ),
        pytest.param(
            {"Handler": "a b"}, VALIDATION,
            one("a b", "handler", r"satisfy regular expression pattern: [^\s]+"),
            id="a handler with a space",
        ),
        pytest.param(
            {"PackageType": "Tar"}, VALIDATION,
            one("Tar", "packageType", "satisfy enum value set: [Image, Zip]"),
            id="no package type",
        ),
        pytest.param(
            {"TracingConfig": {"Mode": "On"}}, VALIDATION,
            one("On", "tracingConfig.mode", "satisfy enum value set: [Active, PassThrough]"),
            id="no tracing mode",
        ),
        pytest.param(
            {"Architectures": ["x86_64", "arm64"]}, VALIDATION,
            one("[x86_64, arm64]", "architectures", "have length less than or equal to 1"),
            id="two architectures",
        ),
        pytest.param(
            {"Architectures": ["X86_64"]}, VALIDATION,
            one(
                "[X86_64]",
                "architectures",
                "satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
            ),
            id="no architecture",
        ),
        pytest.param(
            {"Environment": {"Variables": {"9x": "1"}}}, VALIDATION,
            "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must "
            "satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
            id="no name of a variable",
        ),
        pytest.param(
            {"MemorySize": 1, "Timeout": 0}, VALIDATION,
            "2 validation errors detected: Value '1' at 'memorySize' failed to satisfy constraint: Member must have "
            "value greater than or equal to 128; Value '0' at 'timeout' failed to satisfy constraint: Member must have "
            "value greater than or equal to 1",
            id="two at once",
        ),
        pytest.param(
            {"Environment": {"Variables": {"AWS_REGION": "x", "_HANDLER": "y"}}}, PARAMETER,
            f"{UNABLE} contains reserved keys that are currently not supported for modification. Reserved keys used in "
            "this request: AWS_REGION, _HANDLER",
            id="reserved variables",
        ),
        pytest.param(
            {"Environment": {"Variables": {"LARGE": "x" * 4096}}}, PARAMETER,
            f'{UNABLE} exceeded the 4KB limit. String measured: {{"LARGE":"{"x" * 4096}"}}',
            id="too large variables",
        ),
        pytest.param(
            {"Runtime": "nodejs14.x"}, PARAMETER,
            "The runtime parameter of nodejs14.x is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions.",
            id="a runtime of yesterday",
        ),
        pytest.param({"Layers": ["l"] * 6}, PARAMETER, "Cannot reference more than 5 layers.", id="too many layers"),
        pytest.param(
            {"Handler": None}, PARAMETER,
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            id="no handler",
        ),
        pytest.param(
            {"FunctionName": "f" * 65}, PARAMETER,
            one(f"{'f' * 65}", "functionName", "have length less than or equal to 64"),
            id="too long a name",
        ),
        pytest.param(
            {"FunctionName": "f" * 141}, VALIDATION,
            one(f"{'f' * 141}", "functionName", "have length less than or equal to 140"),
            id="much too long a name",
        ),
    ],
)  # fmt: skip
def test_a_function_that_cannot_be_is_refused(changed: dict[str, Any], code: str, text: str) -> None:
    with pytest.raises(ApiError) as refused:
        refuse_new({**RIGHT, **changed})
    assert (refused.value.code, str(refused.value)) == (code, text)


@pytest.mark.parametrize("runtime", ["PYTHON3.9", "python9.9", "cobol", "node index.mjs"])
def test_a_runtime_that_there_is_not_is_refused(runtime: str) -> None:
    with pytest.raises(
        ApiError, match=f"^Value {runtime} at 'runtime' failed to satisfy constraint: .* or be a valid ARN$"
    ):
        refuse({"Runtime": runtime})


@pytest.mark.parametrize("runtime", ["python3.15", "nodejs26.x", "ruby4.0", "java8.al2023"])
def test_a_runtime_that_came_since_its_message_was_recorded_is_taken(runtime: str) -> None:
    refuse({"Runtime": runtime})


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="as it is"),
        pytest.param({"Runtime": "python3.21"}, id="a runtime of tomorrow"),
        pytest.param({"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:right"}, id="an ARN"),
        pytest.param({"PackageType": "Image", "Runtime": None, "Handler": None}, id="an image"),
        pytest.param({"MemorySize": 128, "Timeout": 900, "EphemeralStorage": {"Size": 10_240}}, id="at the limits"),
        pytest.param({"Environment": {"Variables": {"PATH": "x", "LANG": "y"}}}, id="variables that can be changed"),
    ],
)
def test_a_function_that_can_be_is_not_refused(changed: dict[str, Any]) -> None:
    refuse_new({**RIGHT, **changed})


@pytest.mark.parametrize(("wanted", "others"), [(901, 0), (1, 900)], ids=["alone", "with others"])
def test_a_hundred_executions_cannot_be_reserved(wanted: int, others: int) -> None:
    refuse_reservation(900, 0)
    with pytest.raises(ApiError, match=r"below its minimum value of \[100\]"):
        refuse_reservation(wanted, others)
