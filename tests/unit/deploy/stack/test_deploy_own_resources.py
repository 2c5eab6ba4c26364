"""Resources of the user's own: what the file says, how both sides refer to each other, what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from deployed_topologies import of_an_app

from deploy.cloud import Replacement, Resource
from deploy.config import parse as parse_config
from deploy.errors import DeployError
from deploy.permissions import Where, cloudformation, deployer, unknown_types
from deploy.planning.changes import diff, require_possible
from deploy.planning.drift import drifts
from deploy.stack.own_resources import parse
from deploy.stack.settings import StackSettings
from deploy.stack.template import template
from streamer.errors import ConfigurationError

YAML = """
Conditions:
  Always: !Equals [a, a]
Resources:
  Uploads:
    Type: AWS::S3::Bucket
    Condition: Always
    DeletionPolicy: Retain
    Properties:
      BucketName: !Sub "${AWS::StackName}-uploads-${AWS::AccountId}"
      VersioningConfiguration: {Status: Enabled}
  Reading:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: reading
      Roles: [!Ref RouterRole, !Ref ProcessorRole]
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Action: "s3:GetObject", Resource: !Sub "${Uploads.Arn}/*"}
Outputs:
  UploadsName: {Value: !GetAtt Uploads.DomainName}
"""
SETTINGS = StackSettings(stack_name="chat-dev")


def made(text: str = YAML, **environment_from: str) -> dict[str, Any]:
    own = parse(text, "resources.yaml")
    settings = dataclasses.replace(
        SETTINGS, own_resources=own, resources_file="resources.yaml", environment_from=environment_from
    )
    return template(of_an_app(), settings)


def test_short_forms_are_long_ones_in_the_stack_and_dates_are_text() -> None:
    found = made()

    policy = found["Resources"]["Reading"]["Properties"]
    assert policy["Roles"] == [{"Ref": "RouterRole"}, {"Ref": "ProcessorRole"}]
    assert policy["PolicyDocument"]["Version"] == "2012-10-17"
    assert policy["PolicyDocument"]["Statement"][0]["Resource"] == {"Fn::Sub": "${Uploads.Arn}/*"}
    assert found["Conditions"] == {"Always": {"Fn::Equals": ["a", "a"]}}
    assert found["Outputs"]["UploadsName"] == {"Value": {"Fn::GetAtt": ["Uploads", "DomainName"]}}
    assert "WebSocketUrl" in found["Outputs"]


def test_a_merge_that_is_merged_elsewhere_first_may_override_what_it_merges() -> None:
    found = parse(
        """
        Resources:
          Deep:
            Type: AWS::SQS::Queue
            Properties: {Tags: [&tag {Key: a, Value: b}, &other {<<: *tag, Value: c}]}
          Queue:
            Type: AWS::SQS::Queue
            Metadata: {<<: *other, <<: {More: d}, Value: e}
        """,
        "resources.yaml",
    )["Resources"]

    assert found["Deep"]["Properties"]["Tags"][1] == {"Key": "a", "Value": "c"}
    assert found["Queue"]["Metadata"] == {"Key": "a", "More": "d", "Value": "e"}


def test_functions_know_what_environment_from_refers_to() -> None:
    found = made(UPLOADS="Uploads", UPLOADS_ARN="Uploads.Arn", ROUTER="RouterFunction")["Resources"]

    variables = found["ProcessorFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["UPLOADS"] == {"Ref": "Uploads"}
    assert variables["UPLOADS_ARN"] == {"Fn::GetAtt": ["Uploads", "Arn"]}
    assert variables["ROUTER"] == {"Ref": "RouterFunction"}


def test_what_comes_of_a_resource_is_no_secret_even_if_the_app_calls_it_one() -> None:
    found = made(DATABASE_URL="Uploads")

    assert found["Resources"]["RouterFunction"]["Properties"]["Environment"]["Variables"]["DATABASE_URL"] == {
        "Ref": "Uploads"
    }
    assert "DatabaseUrl" not in found["Parameters"]
    assert "DatabaseUrlStore" not in found["Resources"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(
            "Resources: {Site: {Type: A::B::C, Properties: {Token: "
            + "npm"
            + "_q7Wz0RkT5mYb3XcV9nHs1LdF8gJp6ZtG2xKv}}}",
            "resources.yaml holds a token of npm, which everyone who may look at the stack would see",
            id="a token",
        ),
        pytest.param("Resources: {A: [", "is not YAML", id="no YAML"),
        pytest.param(f"Resources: {'9' * 6_000}", "is not YAML", id="more digits than Python reads"),
        pytest.param(f"Resources: {'[' * 2_000}", "is not YAML", id="nested too deeply"),
        *(
            pytest.param(text, "resources.yaml: A stands twice in one mapping; rename or remove", id=f"twice in {kind}")
            for kind, text in (
                ("YAML", "Resources: {A: {Type: AWS::SQS::Queue}, B: {Type: X}, A: {Type: AWS::S3::Bucket}}"),
                ("JSON", '{"Resources": {"A": {"Type": "AWS::SQS::Queue"}, "A": {"Type": "AWS::S3::Bucket"}}}'),
                ("a short form", "Resources: {Q: {Type: X, Properties: {P: !Sub {A: 1, A: 2}}}}"),
            )
        ),
        pytest.param('{"Resources": ', "is not JSON", id="no JSON"),
        pytest.param("a: 1", "needs Resources", id="no resources"),
        pytest.param("Transform: x\nResources: {A: {Type: X}}", "Transform cannot be merged", id="a transform"),
        pytest.param("Parameters: {}\nResources: {A: {Type: X}}", "Parameters cannot be merged", id="parameters"),
        pytest.param("Resources: {A: {Typ: X}}", "A needs a Type", id="no type"),
        pytest.param("Resources: {a-b: {Type: X}}", "'a-b' is no logical id", id="no logical id"),
        pytest.param("Resources: {A: {Type: X}}\nOutputs: []", "Outputs is no mapping", id="no mapping"),
        pytest.param("Resources: {Api: {Type: X}}", "Api of Resources is something that the stack has", id="conflict"),
        pytest.param(
            "Resources: {A: {Type: X}}\nOutputs: {ApiId: {Value: 1}}", "ApiId of Outputs", id="conflicting output"
        ),
        pytest.param("Resources: {A: {Type: X, Properties: {B: !Ref C}}}", "A refers to C, which", id="Ref"),
        pytest.param("Resources: {A: {Type: X, Properties: {B: !GetAtt C.Arn}}}", "A refers to C, which", id="GetAtt"),
        pytest.param(
            "Resources: {A: {Type: X, Properties: {B: {'Fn::GetAtt': C.Arn}}}}", "A refers to C, which", id="long"
        ),
        pytest.param("Resources: {A: {Type: X, Properties: {B: !Sub 'x${C.Arn}'}}}", "A refers to C, which", id="Sub"),
        pytest.param("Resources: {A: {Type: X, DependsOn: C}}", "A refers to C, which", id="DependsOn"),
        pytest.param("Resources: {A: {Type: X, DependsOn: {B: C}}}", "DependsOn of A takes", id="DependsOn a mapping"),
        pytest.param("Resources: {A: {Type: X, Condition: C}}", "A refers to C, which", id="a condition"),
        pytest.param("Resources: {A: {Type: X}}\nOutputs: {O: {Value: !Ref C}}", "O refers to C", id="an output"),
        pytest.param("Resources: {CodeKey: {Type: X}}", "CodeKey of Resources is something", id="a parameter's name"),
        pytest.param("Resources: {A: {Type: X, Properties: }}", "Properties of A are no mapping", id="no properties"),
        pytest.param("Resources: {A: {Type: X, Properties: {B: !!binary aGk=}}}", "value that no", id="bytes"),
        pytest.param("Resources: {1: {Type: X}}", "1 is no logical id", id="a number"),
    ],
)
def test_what_cannot_be_merged_is_said_before_aws_sees_it(text: str, complaint: str) -> None:
    with pytest.raises(DeployError, match=r"resources\.yaml") as refused:
        made(text)

    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param("Nothing", "refers to Nothing, which neither", id="nothing of that id"),
        pytest.param("not an id", "write a logical id", id="no id"),
    ],
)
def test_a_variable_refers_to_something_that_there_is(value: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        made(BUCKET=value)


@pytest.mark.parametrize(
    "text",
    ["!Sub ['${Mine}', {Mine: 1}]", "!Sub '${!Literal}'", "!Ref AWS::Region", "!Ref CodeBucket", "!GetAtt Api.ApiId"],
)
def test_what_refers_to_something_else_is_left_alone(text: str) -> None:
    assert "A" in made(f"Resources: {{A: {{Type: X, Properties: {{B: {text}}}}}}}")["Resources"]


def test_the_file_is_named_in_streamer_toml(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(YAML)

    settings = parse_config('resources = "own.yaml"\n[environment_from]\nUPLOADS = "Uploads"', tmp_path, {}).settings()

    assert set(settings.own_resources) == {"Conditions", "Resources", "Outputs"}
    with pytest.raises(DeployError, match=r"resources: none\.yaml cannot be read"):
        parse_config('resources = "none.yaml"', tmp_path, {}).settings()
    with pytest.raises(DeployError, match="A is in environment and in environment_from"):
        parse_config('[environment]\nA = "1"\n[environment_from]\nA = "Api"', tmp_path, {}).settings()


def test_what_the_printed_policy_lacks_for_them_is_known() -> None:
    assert unknown_types(made()) == ["AWS::IAM::Policy"]


HARD = """
Mappings:
  Sizes: {all: {layers: [a], schema: [{AttributeName: id, KeyType: HASH}]}}
Conditions:
  Never: !Equals [a, b]
Resources:
  Bare: {Type: AWS::Lambda::Function}
  Layer: {Type: AWS::Lambda::LayerVersion}
  Layered: {Type: AWS::Lambda::Function, Properties: {Layers: [!Ref Layer], Environment: !If [Never, {}, {}]}}
  Chosen: {Type: AWS::Lambda::Function, Properties: {Environment: {Variables: !If [Never, {A: b}, {}]}}}
  Named:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: !Sub "${AWS::StackName}-n", KeySchema: [{AttributeName: id, KeyType: HASH}]}
  Mapped: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: !FindInMap [Sizes, all, schema]}}
  One: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: [{AttributeName: id, KeyType: HASH}]}}
  Two: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: [{AttributeName: id, KeyType: HASH}]}}
"""
"""What CloudFormation takes, and only CloudFormation knows the end of."""
ONE = [f"Type: AWS::DynamoDB::Table, Properties: {{KeySchema: [{{AttributeName: {key}," for key in ("id", "other")]


def test_what_only_cloudformation_knows_the_end_of_is_deployed_and_deployed_again() -> None:
    one, other = (f"  One: {{{text}" for text in ONE)
    there, now = made(HARD), made(HARD.replace(one, other))

    require_possible(there, there)
    require_possible(there, now)  # CloudFormation names the table, so it can make another one
    assert [(each.logical_id, each.replacement) for each in diff(there, now)] == [("One", Replacement.YES)]
    for policy_for in (deployer, cloudformation):
        assert policy_for(there, Where(stack_name="chat-dev", service="chat", table_prefix="chat-dev_"))
    looked_at = [
        Resource(logical_id=name, physical_id=name, resource_type=each["Type"], status="CREATE_COMPLETE")
        for name, each in parse(HARD, "resources.yaml")["Resources"].items()
    ]
    real = {each.logical_id: {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]} for each in looked_at}
    assert drifts(there, looked_at, real) == ()
