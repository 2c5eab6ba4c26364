"""What a template needs of the parameter store, refused in CloudFormation's words where it is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.templates.control_plane import asked as asking
from emulator.templates.control_plane.query import ApiError
from emulator.templates.control_plane.stored import refuse_unstored

PARAMETER = {"It": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/none"}}


def refused(name: Any, parameters: dict[str, Any], given: dict[str, str]) -> str | None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}
    text = json.dumps({"Parameters": parameters, "Resources": {"Queue": queue}})
    sent = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    asked = asking.wanted({"Parameters": sent}, "chat", text, None)
    try:
        refuse_unstored(asked, asking.read(text), {"/there"})
    except ApiError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        pytest.param(
            {"Ref": "It"}, {}, "Unable to fetch parameters [/none] from parameter store for this account.", id="default"
        ),
        pytest.param({"Ref": "It"}, {"It": "/there"}, None, id="there"),
        pytest.param({"Ref": "It"}, {"It": "/aws/service/ami-amazon-linux-latest/any"}, None, id="AWS's own"),
        pytest.param("plain", {}, None, id="not used"),
        pytest.param("{{resolve:ssm:/there:1}}", {}, None, id="dynamic"),
        pytest.param(
            "{{resolve:ssm:/none:2}}", {}, "Parameters: [ssm:/none:2] cannot be found.", id="dynamic, nowhere"
        ),
        pytest.param({"Fn::Sub": "{{resolve:ssm:/a/${AWS::Region}}}"}, {}, None, id="not known before"),
    ],
)
def test_what_is_not_stored_is_refused(name: Any, given: dict[str, str], text: str | None) -> None:
    assert refused(name, PARAMETER, given) == text
