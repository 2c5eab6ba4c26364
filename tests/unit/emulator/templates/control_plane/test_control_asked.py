"""What CloudFormation refuses before it looks at a template's resources, in its words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.templates.control_plane import asked as asking
from emulator.templates.control_plane import reports
from emulator.templates.control_plane.query import ApiError
from emulator.templates.control_plane.records import Proposed
from streamer.aws_limits import INLINE_TEMPLATE_BYTES, TEMPLATE_BYTES

TEMPLATE = json.dumps(
    {
        "Description": "a queue",
        "Parameters": {"Name": {"Type": "String"}, "Size": {"Type": "Number", "Default": 3}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
    }
)
BEFORE = Proposed(template=TEMPLATE, processed={}, parameters={"Name": "old"}, tags={"by": "me"})


def given(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def test_parameters_and_tags_are_those_of_before_if_so_wanted() -> None:
    parameters = [{"ParameterKey": "Name", "UsePreviousValue": "true"}]
    found = asking.wanted({"Parameters": parameters}, "chat", TEMPLATE, BEFORE)

    assert (found.parameters, found.tags) == ({"Name": "old"}, {"by": "me"})
    tags = [{"Key": "a", "Value": "b"}]
    assert asking.wanted({"Parameters": given(Name="x"), "Tags": tags}, "chat", TEMPLATE, BEFORE).tags == {"a": "b"}


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        pytest.param([], "Parameters: [Name] must have values", id="missing"),
        pytest.param(given(Name="x", Other="y"), "Parameters: [Other] do not exist in the template", id="unknown"),
        pytest.param(
            [{"ParameterKey": "Name", "UsePreviousValue": "true"}],
            "Invalid input for parameter key Name. Cannot specify usePreviousValue as true for a parameter key not in "
            "the previous template",
            id="nothing before",
        ),
    ],
)
def test_parameters_are_refused_in_awss_words(parameters: list[dict[str, str]], text: str) -> None:
    with pytest.raises(ApiError) as refused:
        asking.wanted({"Parameters": parameters}, "chat", TEMPLATE, None)
    assert (refused.value.code, str(refused.value)) == ("ValidationError", text)


@pytest.mark.parametrize(
    ("declaration", "value", "text"),
    [
        pytest.param({"AllowedValues": ["a", "b"]}, "c", "Parameter 'It' must be one of AllowedValues", id="values"),
        pytest.param({"AllowedPattern": "[a-z]+"}, "A", "Parameter 'It' must match pattern [a-z]+", id="pattern"),
        pytest.param(
            {"AllowedPattern": "[a-z]+", "ConstraintDescription": "letters"},
            "A",
            "Parameter It failed to satisfy constraint: letters",
            id="description",
        ),
        pytest.param({"Type": "Number"}, "x", "Parameter 'It' must be a number", id="number"),
        pytest.param({"MinLength": 2}, "x", "Parameter 'It' must contain at least 2 characters", id="short"),
        pytest.param(
            {"Type": "Number", "MaxValue": 5}, "6", "Parameter 'It' must be a number not greater than 5", id="large"
        ),
    ],
)
def test_values_of_parameters_are_refused_in_awss_words(declaration: dict[str, Any], value: str, text: str) -> None:
    template = {
        "Parameters": {"It": {"Type": "String", **declaration}},
        "Resources": {"A": {"Type": "AWS::SQS::Queue"}},
    }
    with pytest.raises(ApiError) as refused:
        asking.wanted({"Parameters": given(It=value)}, "chat", json.dumps(template), None)
    assert (refused.value.code, str(refused.value)) == ("ValidationError", text)


@pytest.mark.parametrize("name", ["", "1st", "a_b", "x" * 129])
def test_a_stack_has_letters_digits_and_hyphens(name: str) -> None:
    with pytest.raises(ApiError, match="stackName"):
        asking.new_name(name)


@pytest.mark.parametrize(
    ("properties", "capabilities", "missing"),
    [
        pytest.param({}, (), "CAPABILITY_IAM", id="a role"),
        pytest.param({}, ("CAPABILITY_IAM",), None, id="a role that is known"),
        pytest.param({"RoleName": "me"}, ("CAPABILITY_IAM",), "CAPABILITY_NAMED_IAM", id="a role with a name"),
        pytest.param({"RoleName": "me"}, ("CAPABILITY_NAMED_IAM",), None, id="and it is known"),
    ],
)
def test_roles_have_to_be_known_to_the_sender(
    properties: dict[str, Any], capabilities: tuple[str, ...], missing: str | None
) -> None:
    resources = {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}
    if missing is None:
        asking.refuse_capabilities(resources, capabilities)
        return
    with pytest.raises(ApiError) as refused:
        asking.refuse_capabilities(resources, capabilities)
    assert (refused.value.code, str(refused.value)) == (
        "InsufficientCapabilitiesException",
        f"Requires capabilities : [{missing}]",
    )


def test_a_template_is_described() -> None:
    found = reports.template_summary(TEMPLATE)

    assert (found["Description"], found["ResourceTypes"]) == ("a queue", ["AWS::SQS::Queue"])
    assert [(each["ParameterKey"], each["DefaultValue"]) for each in found["Parameters"]] == [
        ("Name", None),
        ("Size", "3"),
    ]


@pytest.mark.parametrize("text", ["", "[]", "{", "Resources: {}", "a: b: c"])
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(ApiError, match=r"^Template format error: "):
        reports.template(text)


@pytest.mark.parametrize(
    ("transform", "capabilities", "is_refused"),
    [
        pytest.param("AWS::Serverless-2016-10-31", ["CAPABILITY_IAM"], True, id="SAM"),
        pytest.param("AWS::LanguageExtensions", ["CAPABILITY_AUTO_EXPAND"], False, id="known"),
        pytest.param([], [], False, id="none"),
    ],
)
def test_macros_have_to_be_known_to_whoever_makes_no_change_set(
    transform: Any, capabilities: list[str], is_refused: bool
) -> None:
    template = json.dumps({"Transform": transform, "Resources": {"A": {"Type": "AWS::SQS::Queue"}}})
    wanted = asking.wanted({"Capabilities": capabilities}, "chat", template, None)
    if not is_refused:
        asking.refuse_macros(wanted)
        return
    with pytest.raises(ApiError, match=r"Requires capabilities : \[CAPABILITY_AUTO_EXPAND\]") as refused:
        asking.refuse_macros(wanted)
    assert refused.value.code == "InsufficientCapabilitiesException"


def test_what_is_asked_and_not_done_has_a_name() -> None:
    asked = {
        "StackName": "chat",
        "StackPolicyBody": "{}",
        "NotificationARNs": ["arn:aws:sns:::x"],
        "TimeoutInMinutes": "",
    }

    assert asking.passed_over(asked) == ["NotificationARNs", "StackPolicyBody"]


@pytest.mark.parametrize(
    ("length", "is_inline", "text"),
    [
        pytest.param(INLINE_TEMPLATE_BYTES, True, None, id="the longest of a request"),
        pytest.param(
            INLINE_TEMPLATE_BYTES + 1,
            True,
            "at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200",
            id="too long for a request",
        ),
        pytest.param(TEMPLATE_BYTES, False, None, id="the longest of S3"),
        pytest.param(TEMPLATE_BYTES + 1, False, "Template may not exceed 1000000 bytes in size.", id="too long for S3"),
    ],
)
def test_a_template_has_a_longest_length(length: int, is_inline: bool, text: str | None) -> None:
    if text is None:
        asking.refuse_length("x" * length, is_inline=is_inline)
        return
    with pytest.raises(ApiError) as refused:
        asking.refuse_length("x" * length, is_inline=is_inline)
    assert str(refused.value).endswith(text)


@pytest.mark.parametrize(
    ("section", "most"), [("Resources", 500), ("Parameters", 200), ("Outputs", 200), ("Mappings", 200)]
)
def test_a_template_has_at_most_so_many_of_a_kind(section: str, most: int) -> None:
    asking.refuse_count({section: {f"N{number}": {} for number in range(most)}})
    with pytest.raises(ApiError) as refused:
        asking.refuse_count({section: {f"N{number}": {} for number in range(most + 1)}})
    text = f"Number of {section.lower()}, {most + 1}, is greater than maximum allowed, {most}"
    assert str(refused.value) == f"Template format error: {text}"
