"""Properties that CloudFormation would refuse or ignore are told with their place and with what was probably meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from template_parts import PLACE, att, base, ref, resource

from emulator.templates.errors import TemplateError
from emulator.templates.resources.conformity import told
from emulator.templates.resources.declarations import FILE, declared
from emulator.templates.resources.registry import KINDS
from emulator.templates.source import load
from emulator.templates.stack import Surroundings, resolve

API: dict[str, Any] = base()["Api"]["Properties"]
FUNCTION = {"Code": {"ZipFile": "x"}, "Role": "arn:aws:iam::123456789012:role/runs"}


def lines(resources: dict[str, Any], **sections: Any) -> list[str]:
    source = load(json.dumps({"Resources": resources, **sections}), "t.json")
    stack = resolve(source, Surroundings(place=PLACE))
    return [line.removeprefix("t.json:1: Resources.") for line in told(stack.departures, source.error)]


@pytest.mark.parametrize(
    ("made", "line"),
    [
        pytest.param(
            resource("ApiGatewayV2::Api", **API, RouteSelectionExpresion="x"),
            "A.Properties.RouteSelectionExpresion: AWS::ApiGatewayV2::Api has no property 'RouteSelectionExpresion': "
            "CloudFormation refuses or ignores it; did you mean RouteSelectionExpression?",
            id="a letter is missing",
        ),
        pytest.param(
            resource("Lambda::EventSourceMapping", FunctionName="f", BatchWindow=5),
            "A.Properties.BatchWindow: AWS::Lambda::EventSourceMapping has no property 'BatchWindow': "
            "CloudFormation refuses or ignores it; did you mean MaximumBatchingWindowInSeconds?",
            id="its words are of a longer name",
        ),
        pytest.param(
            resource("Lambda::Function", **FUNCTION, Variables={"A": 1}),
            "A.Properties.Variables: AWS::Lambda::Function has no property 'Variables': "
            "CloudFormation refuses or ignores it; did you mean Environment.Variables?",
            id="a level too high",
        ),
        pytest.param(
            resource("SQS::Queue", Tags=[{"Key": "a", "Value": "b", "Colour": "c"}]),
            "A.Properties.Tags[0].Colour: Tags has no property 'Colour': CloudFormation refuses or ignores it",
            id="of an element, like nothing",
        ),
        pytest.param(
            resource("Lambda::Function", **FUNCTION | {"Code": {"S3Buckt": "b", "S3Key": "k"}}),
            "A.Properties.Code.S3Buckt: Code has no property 'S3Buckt': "
            "CloudFormation refuses or ignores it; did you mean S3Bucket?",
            id="of code",
        ),
        pytest.param(
            resource("Logs::LogGroup", Tags="x"),
            "A.Properties.Tags: a list is expected, and there is 'x', which CloudFormation refuses",
            id="of another kind, where nothing is emulated",
        ),
        pytest.param(
            resource("Lambda::Function", Code={"ZipFile": "x"}),
            "A.Properties: AWS::Lambda::Function needs Role: CloudFormation refuses it",
            id="what must be there",
        ),
        pytest.param(
            resource("SNS::Subscription", TopicArn="t", Protocl="sqs"),
            "A.Properties: AWS::SNS::Subscription needs Protocol: CloudFormation refuses it; there is Protocl",
            id="what must be there, misspelt",
        ),
        pytest.param(
            resource("DynamoDB::Table", KeySchema=[], BillingMode="ON_DEMAND"),
            "A.Properties.BillingMode: 'ON_DEMAND' is not one of PAY_PER_REQUEST, PROVISIONED: "
            "CloudFormation refuses it",
            id="a choice",
        ),
        pytest.param(
            resource("Logs::LogGroup", RetentionInDays=8),
            "A.Properties.RetentionInDays: 8 is not one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, "
            "731, 1096, 1827, 2192, 2557, 2922, 3288, 3653: CloudFormation refuses it",
            id="a choice of numbers",
        ),
        pytest.param(
            resource("ApiGatewayV2::Stage", ApiId="a", StageName="s", DefaultRouteSettings={"LoggingLevel": "info"}),
            "A.Properties.DefaultRouteSettings.LoggingLevel: 'info' is not one of ERROR, INFO, OFF: "
            "CloudFormation refuses it",
            id="a choice that only the API's model has",
        ),
        pytest.param(
            resource("ApiGatewayV2::Stage", ApiId="a", StageName="s", DefaultRouteSettings={"LoggingLevel": False}),
            "A.Properties.DefaultRouteSettings.LoggingLevel: False is not one of ERROR, INFO, OFF; YAML takes OFF "
            "for it where it has no quotes: CloudFormation refuses it",
            id="a choice that YAML has read as something else",
        ),
        pytest.param(
            resource("Kinesis::Stream", RetentionPeriodHours="8761"),
            "A.Properties.RetentionPeriodHours: 8761 is more than 8760: CloudFormation refuses it",
            id="too much",
        ),
        pytest.param(
            resource("Cognito::UserPool", Policies={"PasswordPolicy": {"MinimumLength": 5}}),
            "A.Properties.Policies.PasswordPolicy.MinimumLength: 5 is less than 6: CloudFormation refuses it",
            id="too little",
        ),
        pytest.param(
            resource("Lambda::Function", **FUNCTION, Description="d" * 257),
            "A.Properties.Description: 257 characters are more than 256: CloudFormation refuses it",
            id="too long",
        ),
        pytest.param(
            resource("Lambda::Function", **FUNCTION, Architectures=["arm64", "x86_64"]),
            "A.Properties.Architectures: 2 elements are more than 1: CloudFormation refuses it",
            id="too many",
        ),
        pytest.param(
            resource("DynamoDB::Table", KeySchema=[], TableName="our connections"),
            "A.Properties.TableName: 'our connections' does not match ^[a-zA-Z0-9_.-]+$: CloudFormation refuses it",
            id="a name",
        ),
        pytest.param(
            resource("ApiGatewayV2::Rout"),
            "A.Type: CloudFormation knows no type AWS::ApiGatewayV2::Rout; did you mean AWS::ApiGatewayV2::Route?",
            id="a type",
        ),
    ],
)
def test_what_a_type_does_not_have_is_told(made: Any, line: str) -> None:
    assert line in lines({"A": made})


def test_a_value_of_another_kind_is_refused_of_what_is_emulated() -> None:
    table = resource("DynamoDB::Table", KeySchema=[], TimeToLiveSpecification={"Enabled": "yes!"})

    with pytest.raises(TemplateError, match="Enabled: true or false is expected, and there is 'yes!'"):
        lines({"A": table})


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(resource("SQS::Queue", FifoQueue="true", VisibilityTimeout="30", QueueName=1), id="as text"),
        pytest.param(resource("Lambda::Function", **FUNCTION | {"Code": "build/a"}), id="code before it is packaged"),
        pytest.param(resource("Lambda::Function", **FUNCTION, Layers=att("Other", "Layers")), id="made up"),
        pytest.param(resource("SQS::Queue", Anything=ref("AWS::NoValue")), id="no value"),
        pytest.param(resource("SQS::Queue", Tags={"Fn::If": ["Never", "x", []]}), id="of another branch"),
        pytest.param({"Type": "AWS::SQS::Queue", "Condition": "Never", "Properties": {"X": 1}}, id="not there"),
        pytest.param(resource("CloudFormation::CustomResource", ServiceToken="t", Anything=1), id="a custom resource"),
        pytest.param({"Type": "Custom::Thing", "Properties": {"Anything": 1}}, id="another one"),
        pytest.param({"Type": "Own::Company::Thing", "Properties": {"Anything": 1}}, id="of a registry"),
        pytest.param(resource("EC2::SomeNewThing", Anything=1), id="of a type that nobody knew"),
        pytest.param(resource("CloudFormation::Stack", TemplateURL="u", Parameters={"A": [1, 2]}), id="parameters"),
        pytest.param(resource("IAM::Role", AssumeRolePolicyDocument='{"a": 1}'), id="a document as text"),
        pytest.param(resource("ApiGatewayV2::Stage", ApiId="a", StageName="s", Tags={"any": "x"}), id="any key"),
        pytest.param(
            resource("ApiGatewayV2::Integration", ApiId="a", IntegrationType="MOCK", IntegrationUri=""), id="no address"
        ),
        pytest.param(
            resource("Lambda::Function", **FUNCTION, VpcConfig={"SubnetIds": ["mine"], "SecurityGroupIds": ["mine"]}),
            id="a stand-in for what is elsewhere",
        ),
        pytest.param(resource("SQS::Queue", QueueName="orders.fifo", FifoQueue=True), id="with its end"),
        pytest.param(
            resource("ApiGatewayV2::Api", Name="a", ProtocolType="HTTP", CorsConfiguration={"MaxAge": 864_000}),
            id="ten days, as the CDK's example has them",
        ),
    ],
)
def test_nothing_is_told_of_what_cloudformation_takes(made: Any) -> None:
    other = {"Type": "AWS::Elsewhere::Thing"}

    assert lines({"A": made, "Other": other}, Conditions={"Never": {"Fn::Equals": [1, 2]}}) == []


def test_what_is_the_same_of_several_resources_is_one_line() -> None:
    queue = resource("SQS::Queue", Delay=1)

    (line,) = lines({"A": queue, "B": queue, "C": queue})

    assert line.startswith("A.Properties.Delay: AWS::SQS::Queue has no property 'Delay'")
    assert line.endswith(" (likewise B, C)")


def test_every_type_that_is_known_has_its_properties() -> None:
    known = [name for name in KINDS if name.startswith("AWS::")]

    assert [name for name in known if declared(name) is None] == []


def test_the_file_says_where_it_is_from_and_stays_small() -> None:
    text = Path(FILE).read_text("utf-8")

    assert text.startswith("# AWS's resource provider schemas of 20")
    assert len(text) < 450_000
