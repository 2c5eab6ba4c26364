"""What ``sam deploy`` and ``cdk deploy`` asked when they deployed to the emulator, asked again.

The recordings are of SAM CLI 1.170 and CDK 2.1148 with projects of ours; ids of stacks and change sets, others each
time, are replaced by names, and requests that only wait are left out.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import control_world
import pytest
from control_world import ControlWorld, outputs, said

RECORDINGS = Path(__file__).parents[1] / "recorded_deployments"


def asked(world: ControlWorld, request: dict[str, Any]) -> int:
    """The status of the answer to a recorded request."""
    body = base64.b64decode(request["base64"]) if "base64" in request else request["text"].encode()
    scope = f"local/20260101/us-east-1/{request['service']}/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    sent = urllib.request.Request(
        world.url + request["path"],
        data=body or None,
        method=request["method"],
        headers={**request["headers"], "authorization": signed},
    )
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def bootstrapped(world: ControlWorld) -> None:
    """What ``cdk bootstrap`` leaves, as far as a deployment asks for it."""
    world.client("s3").create_bucket(Bucket="cdk-hnb659fds-assets-123456789012-us-east-1")
    world.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")


@pytest.mark.parametrize(("tool", "stack"), [("sam", "chat"), ("cdk", "ChatStack")])
def test_what_a_tool_asked_is_answered_as_it_was_then(tmp_path: Path, tool: str, stack: str) -> None:
    with control_world.running(tmp_path) as emulator:
        world = ControlWorld(emulator)
        bootstrapped(world)
        for request in json.loads((RECORDINGS / f"{tool}.json").read_text()):
            assert asked(world, request) == request["status"], request
            for known in world.cloudformation.list_stacks()["StackSummaries"]:
                if known["StackStatus"] != "REVIEW_IN_PROGRESS":
                    world.settled(known["StackId"])

        found = world.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        assert found["StackStatus"] == "CREATE_COMPLETE"
        assert said(outputs(found)["Url"]) == "sam now says hi"
