"""cfn-lint with all its checks, which read AWS's schemas of resources, finds nothing in the template."""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cfn_lint_data import DATA, SCHEMAS
from deployed_topologies import FULL, chat, of_an_app
from every_feature import every_feature

from deploy.config import load
from deploy.planning.changes import IDENTITY
from deploy.project import load_service
from deploy.stack import own_resources
from deploy.stack.losses import is_precious
from deploy.stack.settings import StackSettings
from deploy.stack.template import template, to_json
from streamer import App
from streamer.service import separated
from streamer.topology import Function, Topology

EXAMPLES = Path(__file__).parents[2] / "examples"
SETTINGS = StackSettings(stack_name="chat-dev")
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:jwt-AbCdEf"
TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"


DOORKEEPER = Function(name="doorkeeper", handler="door.handler", secrets=("WORD",))


def letting_in(**how: Any) -> Topology:
    return App(**how).topology(target="app:app")


EVERY_CHECK = {
    "regions": ["us-east-1", "eu-central-1"],
    "include_checks": ["I"],
    "include_experimental": True,
    "ignore_checks": ["I4010"],  # asks for notes in the template, for machines that read it
}


@functools.cache
def runner() -> Any:
    """cfn-lint's, one for all templates, as the command has one: making the rules is a third of a check."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn(**EVERY_CHECK))


def matches(text: str) -> list[str]:
    from cfnlint.decode import decode_str

    parsed, errors = decode_str(text)
    return [str(match) for match in (errors or runner().validate_template(parsed))]


def found(topology: Topology, settings: StackSettings = SETTINGS) -> list[str]:
    return matches(to_json(template(topology, settings)))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"logging_role": True, "alarm_topic_arn": TOPIC, "actions": ("report", "a.b", "a_b")}, id="all on"
        ),
        pytest.param({"tracing": False, "access_logs": False, "jwt_public_key": "PEM"}, id="all off"),
        pytest.param({"secret_arns": {"JWT_SECRET": ARN}, "architecture": "x86_64"}, id="existing secret"),
        pytest.param(
            {
                "subnets": ("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
                "security_groups": ("sg-0123456789abcdef0",),
                "dual_stack": True,
                "permissions_boundary": "arn:aws:iam::123456789012:policy/boundary",
                "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/0123",
                "domain": "ws.example.com",
                "base_path": "chat",
                "hosted_zone_id": "Z0123456789",
            },
            id="of an organisation",
        ),
    ],
)
def test_of_a_service_by_its_settings(changes: dict[str, Any]) -> None:
    assert found(chat(), dataclasses.replace(SETTINGS, **changes)) == []


@pytest.mark.parametrize(
    "topology",
    [
        pytest.param(of_an_app(), id="an app"),
        pytest.param(separated(of_an_app(), {"processor": 5}), id="an app with a dispatcher"),
        pytest.param(letting_in(authorizer=DOORKEEPER), id="an app with an authorizer of its own"),
        pytest.param(letting_in(iam=True), id="an app with signed handshakes"),
        pytest.param(FULL, id="schedules, throttles and authorizers"),
        pytest.param(every_feature(), id="every field set"),
    ],
)
def test_cfn_lint_finds_nothing_in_the_template_of_a_topology(topology: Topology) -> None:
    assert found(topology) == []


OWN = """
Resources:
  Uploads:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]}
  Reading:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: reading
      Roles: [!Ref RouterRole, !Ref ProcessorRole]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: !Sub "${Uploads.Arn}/*"}]
"""


def test_with_resources_of_the_users_own() -> None:
    own = own_resources.parse(OWN, "resources.yaml")
    changes: dict[str, Any] = {"own_resources": own, "environment_from": {"UPLOADS": "Uploads"}}

    assert found(of_an_app(), dataclasses.replace(SETTINGS, **changes)) == []


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_of_the_example_with_everything_that_a_team_asks_for(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [*sys.path])
    service = load_service(load(EXAMPLES / "invoices", {"stage": stage, "region": "eu-central-1"}))
    monkeypatch.delitem(sys.modules, "app")

    assert matches(to_json(service.template)) == []


def test_what_is_wrong_is_found_by_the_same_checks() -> None:
    whole = template(chat(), SETTINGS)
    name, role = next((name, each) for name, each in whole["Resources"].items() if each["Type"] == "AWS::IAM::Role")
    wrong = {**whole, "Resources": {name: {**role, "Properties": {}}}}

    assert any("AssumeRolePolicyDocument" in each for each in matches(to_json(wrong)))
    assert matches(to_json(whole)) == []


def test_what_makes_a_new_resource_is_what_its_schema_says() -> None:
    schemas = {
        each["typeName"]: each for each in (json.loads(file.read_text("utf-8")) for file in SCHEMAS.glob("*.json"))
    }

    for kind, properties in IDENTITY.items():
        always, perhaps = (
            {path.split("/")[2] for path in schemas[kind].get(key, ())}
            for key in ("createOnlyProperties", "conditionalCreateOnlyProperties")
        )
        assert always <= properties <= always | perhaps, kind


def test_what_cfn_lint_calls_stateful_needs_a_word_before_it_goes_but_for_log_groups() -> None:
    file = DATA / "AdditionalSpecs" / "StatefulResources.json"
    stateful = json.loads(file.read_text("utf-8"))["ResourceTypes"]

    assert [kind for kind in stateful if not is_precious(kind)] == ["AWS::Logs::LogGroup"]
