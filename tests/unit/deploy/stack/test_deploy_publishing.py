"""Functions that start before anybody asks have a version and an alias, which API Gateway calls; what AWS refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deployed_topologies import of_an_app

from deploy.stack.settings import StackSettings
from deploy.stack.template import template
from streamer.errors import TopologyError
from streamer.topology import Topology
from streamer.topology.checks import validate
from streamer.topology.sizes import Sizes, resized

SETTINGS = StackSettings(stack_name="chat-dev")


def sized(**sizes: Any) -> Topology:
    return resized(of_an_app(), {"router": Sizes(**sizes)})


def made(**sizes: Any) -> dict[str, Any]:
    found: dict[str, Any] = template(sized(**sizes), SETTINGS)["Resources"]
    return found


def test_api_gateway_calls_the_alias_and_may() -> None:
    found = made(provisioned_concurrency=5)

    version = found["RouterFunctionVersion"]
    assert (version["Type"], version["Properties"]["FunctionName"]) == (
        "AWS::Lambda::Version",
        {"Ref": "RouterFunction"},
    )
    assert found["RouterFunctionLive"]["Type"] == "AWS::Lambda::Alias"
    assert found["RouterFunctionLive"]["Properties"] == {
        "FunctionName": {"Ref": "RouterFunction"},
        "FunctionVersion": {"Fn::GetAtt": ["RouterFunctionVersion", "Version"]},
        "Name": "live",
        "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 5},
    }
    assert "functions/${RouterFunctionLive}/" in json.dumps(found["DefaultIntegration"])
    assert found["DefaultPermission"]["Properties"]["FunctionName"] == {"Ref": "RouterFunctionLive"}
    assert "functions/${ConnectFunction.Arn}/" in json.dumps(found["ConnectIntegration"])
    assert "ConnectFunctionLive" not in found


def test_another_code_and_another_setting_are_another_version() -> None:
    description = made(provisioned_concurrency=5)["RouterFunctionVersion"]["Properties"]["Description"]["Fn::Sub"]

    assert description.startswith("${CodeKey} ")
    same = made(provisioned_concurrency=9)["RouterFunctionVersion"]["Properties"]["Description"]["Fn::Sub"]
    other = made(provisioned_concurrency=5, memory_mb=1024)
    assert same == description
    assert other["RouterFunctionVersion"]["Properties"]["Description"]["Fn::Sub"] != description


NETWORK = {"subnets": ("subnet-0123456789abcdef0",), "security_groups": ("sg-0123456789abcdef0",)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {"kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/0123"}, id="a key"),
        pytest.param({}, NETWORK, id="a network"),
        pytest.param(NETWORK, {**NETWORK, "subnets": ("subnet-0123456789abcdef1",)}, id="another network"),
        pytest.param({}, {"tracing": False}, id="no traces"),
        pytest.param({}, {"environment": {"COLOUR": "blue"}}, id="a variable"),
    ],
)
def test_what_a_stack_asks_of_its_functions_is_in_the_next_version_which_alone_is_called(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    def description(settings: dict[str, Any]) -> object:
        service = sized(provisioned_concurrency=5)
        resources = template(service, StackSettings(stack_name="chat-dev", **settings))["Resources"]
        return resources["RouterFunctionVersion"]["Properties"]["Description"]

    assert description(after) != description(before)


def test_snapshots_are_taken_of_versions() -> None:
    found = made(snap_start=True)

    assert found["RouterFunction"]["Properties"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert "ProvisionedConcurrencyConfig" not in found["RouterFunctionLive"]["Properties"]


def test_lines_are_kept_from_a_level_on() -> None:
    found = made(log_level="WARN", system_log_level="INFO")["RouterFunction"]["Properties"]["LoggingConfig"]

    assert found == {
        "LogGroup": {"Ref": "RouterLogGroup"},
        "LogFormat": "JSON",
        "ApplicationLogLevel": "WARN",
        "SystemLogLevel": "INFO",
    }


@pytest.mark.parametrize(
    ("function", "sizes", "complaint"),
    [
        pytest.param("processor", {"provisioned_concurrency": 1}, "that a client waits for", id="nobody waits"),
        pytest.param("processor", {"snap_start": True}, "that a client waits for", id="nobody waits for its snapshot"),
        pytest.param(
            "router", {"provisioned_concurrency": 1, "snap_start": True}, "takes no provisioned concurrency", id="both"
        ),
        pytest.param(
            "router", {"provisioned_concurrency": 5, "reserved_concurrency": 4}, "more than its reserved", id="too many"
        ),
        pytest.param(
            "router", {"snap_start": True, "ephemeral_storage_mb": 1024}, "has 512 MB below /tmp", id="too much room"
        ),
        pytest.param("router", {"log_format": "Text", "log_level": "INFO"}, "levels of lines in JSON only", id="text"),
    ],
)
def test_what_lambda_refuses_is_refused_before(function: str, sizes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TopologyError, match=complaint):
        validate(resized(of_an_app(), {function: Sizes(**sizes)}))
