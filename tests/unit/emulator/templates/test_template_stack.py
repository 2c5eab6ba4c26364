"""Resolving: every intrinsic function, parameters, and each way a template can be wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.templates.errors import TemplateError
from emulator.templates.resources.kind import Place
from emulator.templates.source import load
from emulator.templates.stack import Stack, Surroundings, resolve

PLACE = Place(stack="shop", region="eu-west-1", account_id="123456789012", partition="aws", url_suffix="amazonaws.com")
OTHERS = {
    "Fn": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "answer"}},
    "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "WEBSOCKET"}},
    "Orders": {"Type": "AWS::DynamoDB::Table", "Properties": {"StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}},
    "Plain": {"Type": "AWS::DynamoDB::Table"},
    "Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "jobs.fifo", "FifoQueue": True}},
    "Never": {"Type": "AWS::SQS::Queue", "Condition": "IsNever"},
    "Secret": {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"Name": "keys", "SecretString": '{"a": "b"}'},
    },
    "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Fn"}}},
    "Live": {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "Fn"}, "Name": "live"}},
    "Odd": {"Type": "AWS::Odd::Thing"},
}
PARAMETERS = {
    "Colour": {"Type": "String", "Default": "blue"},
    "Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
}
CONDITIONS = {
    "IsBlue": {"Fn::Equals": [{"Ref": "Colour"}, "blue"]},
    "IsNever": {"Fn::Not": [{"Condition": "IsBlue"}]},
    "IsEither": {"Fn::Or": [{"Condition": "IsBlue"}, {"Condition": "IsNever"}]},
    "IsEvenBoth": {"Fn::And": [{"Condition": {"Condition": "IsBlue"}}, {"Condition": {"Condition": "IsNever"}}]},
    "IsBoth": {"Fn::And": [{"Condition": "IsBlue"}, {"Condition": "IsNever"}]},
}
MAPPINGS = {
    "Sizes": {"small": {"mb": 128}, "large": {"mb": 512}},
    "Accounts": {"210987654321": {"mb": 256}, "321098765432": {"mb": 1024}},
}


def stack_of(value: Any, **around: Any) -> Stack:
    """A stack with a resource ``A`` whose property ``X`` is the value."""
    tree = {
        "Parameters": PARAMETERS,
        "Conditions": CONDITIONS,
        "Mappings": MAPPINGS,
        "Resources": {"A": {"Type": "AWS::SSM::Parameter", "Properties": {"X": value}}, **OTHERS},
    }
    return resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE, **around))


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        pytest.param({"Ref": "Colour"}, "blue", id="Ref of a parameter"),
        pytest.param({"Ref": "Zones"}, ["a", "b"], id="Ref of a list"),
        pytest.param({"Ref": "AWS::Region"}, "eu-west-1", id="Ref of a pseudo parameter"),
        pytest.param({"Ref": "Fn"}, "answer", id="Ref of a function"),
        pytest.param(
            {"Ref": "Jobs"}, "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs.fifo", id="Ref of a queue"
        ),
        pytest.param(
            {"Ref": "Live"}, "arn:aws:lambda:eu-west-1:123456789012:function:answer:live", id="Ref of an alias"
        ),
        pytest.param({"Ref": "Version"}, "arn:aws:lambda:eu-west-1:123456789012:function:answer:1", id="of a version"),
        pytest.param(
            {"Fn::GetAtt": ["Fn", "Arn"]}, "arn:aws:lambda:eu-west-1:123456789012:function:answer", id="GetAtt"
        ),
        pytest.param({"Fn::GetAtt": "Jobs.QueueName"}, "jobs.fifo", id="GetAtt in one text"),
        pytest.param({"Fn::Sub": "${Colour}-${!Colour}-${Jobs.QueueName}"}, "blue-${Colour}-jobs.fifo", id="Sub"),
        pytest.param({"Fn::Sub": ["${x}${Colour}", {"x": {"Ref": "Fn"}}]}, "answerblue", id="Sub with its own"),
        pytest.param({"Fn::Sub": "${!stage.x}"}, "${stage.x}", id="Sub literally"),
        pytest.param({"Fn::Join": ["-", ["a", 1, True, {"Ref": "Colour"}]]}, "a-1-true-blue", id="Join"),
        pytest.param({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b", id="Join of a list's parameter"),
        pytest.param({"Fn::Split": ["-", "a-b-"]}, ["a", "b", ""], id="Split"),
        pytest.param({"Fn::Select": [1, {"Fn::Split": ["-", "a-b"]}]}, "b", id="Select"),
        pytest.param({"Fn::Select": ["0", ["a"]]}, "a", id="Select by text"),
        pytest.param({"Fn::If": ["IsBlue", 1, {"Fn::Select": [9, []]}]}, 1, id="If looks at one branch"),
        pytest.param({"a": {"Fn::If": ["IsNever", 1, {"Ref": "AWS::NoValue"}]}, "b": 2}, {"b": 2}, id="NoValue, a key"),
        pytest.param([1, {"Ref": "AWS::NoValue"}, 2], [1, 2], id="NoValue, an element"),
        pytest.param({"Fn::If": ["IsEither", {"Fn::If": ["IsBoth", 1, 2]}, 3]}, 2, id="Or and And"),
        pytest.param({"Fn::If": ["IsEvenBoth", 1, 2]}, 2, id="conditions as SAM's transform nests them"),
        pytest.param({"Fn::FindInMap": ["Sizes", "large", "mb"]}, 512, id="FindInMap"),
        pytest.param({"Fn::FindInMap": ["Sizes", "huge", "mb", {"DefaultValue": 9}]}, 9, id="FindInMap with default"),
        pytest.param({"Fn::Base64": "hello"}, "aGVsbG8=", id="Base64"),
        pytest.param({"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b", "eu-west-1c"], id="GetAZs"),
        pytest.param({"Fn::Select": [5, {"Fn::GetAZs": "us-east-1"}]}, "us-east-1f", id="GetAZs of another Region"),
        pytest.param({"Fn::Cidr": ["10.0.0.0/24", 2, 5]}, ["10.0.0.0/27", "10.0.0.32/27"], id="Cidr"),
        pytest.param({"Fn::ImportValue": {"Fn::Sub": "${Colour}-name"}}, "imported", id="ImportValue"),
        pytest.param({"Fn::ToJsonString": {"a": {"Ref": "Colour"}}}, '{"a":"blue"}', id="ToJsonString"),
        pytest.param({"Fn::Length": {"Ref": "Zones"}}, 2, id="Length"),
        pytest.param("{{resolve:ssm:/stored/name:1}}!", "kept!", id="a stored parameter"),
        pytest.param("{{resolve:secretsmanager:keys:SecretString:a}}", "b", id="a secret of the stack"),
        pytest.param({"Fn::Sub": "{{resolve:secretsmanager:${Secret}::a}}"}, "b", id="a secret by its ARN"),
    ],
)
def test_intrinsic_functions(value: Any, meant: Any) -> None:
    around = {"exports": {"blue-name": "imported"}, "stored": {"/stored/name": "kept"}}

    found = stack_of(value, **around)

    assert found.resources["A"].properties["X"] == meant
    assert found.warnings == ()


def test_a_variable_without_its_end_is_told() -> None:
    found = stack_of({"Fn::Sub": "a-${Colour}-${Colour"})

    assert found.resources["A"].properties["X"] == "a-blue-${Colour"
    assert found.warnings == ("Resources.A.Properties.X: a ${ without its } stays as it is",)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({"Ref": "Nothing"}, "there is no resource or parameter 'Nothing'", id="Ref"),
        pytest.param(
            {"Ref": "colour"}, "there is no resource or parameter 'colour'; there is Colour", id="a letter's case"
        ),
        pytest.param({"Fn::GetAtt": ["Nothing", "Arn"]}, "there is no resource 'Nothing'", id="GetAtt"),
        pytest.param({"Fn::GetAtt": ["Fn", "Name"]}, "AWS::Lambda::Function has no attribute 'Name'", id="attribute"),
        pytest.param({"Fn::GetAtt": ["Plain", "StreamArn"]}, "the table Plain has no stream", id="a stream"),
        pytest.param({"Fn::Sub": "${Nothing.Arn}"}, "there is no resource 'Nothing'", id="in Sub"),
        pytest.param({"Fn::Sub": "${Zones}"}, "text is needed here, and there is a list", id="a list in Sub"),
        pytest.param({"Fn::Join": ["-", "a"]}, "Fn::Join takes a text and a list", id="Join"),
        pytest.param({"Fn::Select": [2, ["a"]]}, "Fn::Select wants element 2 of a list of 1", id="Select"),
        pytest.param({"Fn::If": ["Nothing", 1, 2]}, "there is no condition 'Nothing'", id="If"),
        pytest.param({"Fn::If": ["IsBlue", 1]}, "Fn::If takes a list of 3", id="If with two"),
        pytest.param({"Fn::FindInMap": ["Sizes", "huge", "mb"]}, "the mapping Sizes has no key 'huge'", id="FindInMap"),
        pytest.param({"Fn::FindInMap": ["Nothing", "a", "b"]}, "there is no mapping 'Nothing'", id="mapping"),
        pytest.param(
            {"Fn::FindInMap": ["Accounts", "111111111111", "mb"]}, "the mapping Accounts has no key '1", id="an account"
        ),
        pytest.param({"Fn::ImportValue": "x"}, "no stack exports 'x': add --import x=VALUE", id="ImportValue"),
        pytest.param({"Fn::Nothing": 1}, "Fn::Nothing: there is no such one", id="unknown"),
        pytest.param({"Fn::Sub": "a", "b": 1}, "Fn::Sub: an intrinsic function stands alone", id="not alone"),
        pytest.param({"Ref": "A"}, "resources in a circle: A -> A", id="circle"),
        pytest.param({"Ref": "Never"}, "the resource 'Never' does not exist: its condition", id="condition"),
        pytest.param({"Fn::Transform": {"Name": "Mine"}}, "the macro Mine is not run here", id="macro"),
        pytest.param({"Fn::Cidr": ["10.0.0.0/24", 300, 5]}, "Fn::Cidr: 10.0.0.0/24 has room for 8", id="Cidr"),
        pytest.param("{{resolve:secretsmanager:keys:SecretString:z}}", "the secret keys is no JSON object", id="key"),
    ],
)
def test_a_mistake_is_told_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        stack_of({"Deep": value})

    assert str(refused.value).startswith(f"t.json:1: Resources.A.Properties.X.Deep: {message}")


def test_a_policy_may_be_a_function() -> None:
    def found(policy: Any) -> Any:
        queue = {"Type": "AWS::SQS::Queue", "DeletionPolicy": policy}
        tree = {"Conditions": CONDITIONS, "Parameters": PARAMETERS, "Resources": {"A": queue}}
        return resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE)).resources["A"].policies

    assert found({"Fn::If": ["IsBlue", "Retain", "Delete"]}) == {"DeletionPolicy": "Retain"}
    assert found({"Fn::If": ["IsNever", "Retain", "Delete"]}) == {"DeletionPolicy": "Delete"}
    with pytest.raises(TemplateError, match=r"Resources\.A\.DeletionPolicy: 'blue' is not one of Delete, Retain,"):
        found({"Ref": "Colour"})


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        pytest.param({"Fn::Equal": ["a", "b"]}, "a condition is made of", id="another function"),
        pytest.param({"Fn::Equals": [{"Ref": "A"}, "b"]}, "conditions cannot refer to resources", id="a resource"),
    ],
)
def test_a_condition_that_nothing_has_is_read_too(condition: Any, message: str) -> None:
    tree = {"Conditions": {"Unused": condition}, "Resources": {"A": {"Type": "AWS::SQS::Queue"}}}

    with pytest.raises(TemplateError, match=rf"Conditions\.Unused.*: {message}"):
        resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE))


def test_a_circle_may_be_closed_by_what_a_resource_depends_on() -> None:
    queue = {"Type": "AWS::SQS::Queue", "DependsOn": "Next"}
    following = {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Fn::GetAtt": ["First", "Arn"]}}}
    tree = {"Resources": {"First": queue, "Next": following}}

    with pytest.raises(TemplateError, match=r"Resources\.Next: resources in a circle: First -> Next -> First"):
        resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE))


def test_a_mapping_by_accounts_gives_what_it_has_for_its_first() -> None:
    found = stack_of({"Fn::FindInMap": ["Accounts", {"Ref": "AWS::AccountId"}, "mb"]})

    assert found.resources["A"].properties["X"] == 256
    assert found.warnings == (
        "the mapping Accounts has no account 123456789012, which is nobody's: what it has for 210987654321 stands",
    )


def test_an_attribute_of_what_is_not_emulated_is_made_up_and_told() -> None:
    found = stack_of({"Fn::GetAtt": ["Odd", "Url"]})

    assert found.resources["A"].properties["X"].startswith("shop-Odd-")
    assert found.warnings == ("AWS::Odd::Thing Odd is not emulated: its Url is made up",)


@pytest.mark.parametrize(
    ("section", "is_told"), [("Resources", False), ("Outputs", True)], ids=["nothing emulated", "an output"]
)
def test_what_is_made_up_is_told_where_somebody_has_it(section: str, is_told: bool) -> None:
    made_up = {"Fn::GetAtt": ["Odd", "Url"]}
    user = (
        {"Type": "AWS::CloudWatch::Alarm", "Properties": {"X": made_up}}
        if section == "Resources"
        else {"Value": made_up}
    )
    tree: dict[str, dict[str, Any]] = {"Resources": {"Odd": {"Type": "AWS::Odd::Thing"}}}
    tree.setdefault(section, {})["User"] = user

    found = resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE))

    assert bool(found.warnings) is is_told


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"Fn::Select": [0, {"Fn::Cidr": [{"Fn::GetAtt": ["Odd", "Url"]}, 6, 8]}]}, id="Cidr"),
        pytest.param({"Fn::Select": [1, {"Fn::GetAtt": ["Odd", "Url"]}]}, id="Select"),
        pytest.param({"Fn::Select": [1, {"Fn::Split": ["/", {"Fn::GetAtt": ["Odd", "Url"]}]}]}, id="Split"),
        pytest.param({"Fn::Select": [1, {"Fn::Split": ["/", {"Ref": "Odd"}]}]}, id="Ref"),
        pytest.param({"Fn::Join": [",", {"Fn::GetAtt": ["Odd", "Url"]}]}, id="Join"),
        pytest.param({"Fn::FindInMap": ["Sizes", {"Fn::GetAtt": ["Odd", "Url"]}, "mb"]}, id="FindInMap"),
    ],
)
def test_what_functions_make_of_what_is_made_up_is_made_up(value: Any) -> None:
    found = stack_of([value]).resources["A"].properties["X"][0]

    assert found.startswith("shop-Odd-")
    assert type(found) is str


def test_what_another_stack_made_up_is_made_up_here() -> None:
    tree = {
        "Resources": {"Odd": {"Type": "AWS::Odd::Thing"}, "Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"Url": {"Value": {"Ref": "Odd"}}, "Name": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}},
    }
    inner = resolve(load(json.dumps(tree), "inner.json"), Surroundings(place=PLACE))
    outer = {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "inner.json"}}}
    value = {"Fn::Select": [1, {"Fn::Split": ["/", {"Fn::GetAtt": ["Inner", "Outputs.Url"]}]}]}
    outer["A"] = {"Type": "AWS::SSM::Parameter", "Properties": {"X": value}}
    around = Surroundings(place=PLACE, nested=lambda _resource, _given: inner)

    found = resolve(load(json.dumps({"Resources": outer}), "t.json"), around).resources["A"].properties["X"]

    assert inner.made_up == {"Url"}
    assert found == inner.outputs["Url"]
    assert type(found) is str


def test_an_alias_of_a_state_machine() -> None:
    version = {"Type": "AWS::StepFunctions::StateMachineVersion", "Properties": {"StateMachineArn": {"Ref": "Flow"}}}
    revision = {"Fn::GetAtt": ["Flow", "StateMachineRevisionId"]}
    version["Properties"] = {"StateMachineArn": {"Ref": "Flow"}, "StateMachineRevisionId": revision}
    route = {"StateMachineVersionArn": {"Ref": "One"}, "Weight": 100}
    alias = {"Type": "AWS::StepFunctions::StateMachineAlias"}
    resources = {
        "Flow": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"StateMachineName": "flow"}},
        "One": version,
        "Live": {**alias, "Properties": {"Name": "live", "RoutingConfiguration": [route]}},
        "Slow": {**alias, "Properties": {"Name": "slow", "DeploymentPreference": route}},
    }

    found = resolve(load(json.dumps({"Resources": resources}), "t.json"), Surroundings(place=PLACE)).resources

    assert found["Live"].ref == "arn:aws:states:eu-west-1:123456789012:stateMachine:flow:live"
    assert found["Slow"].ref == "arn:aws:states:eu-west-1:123456789012:stateMachine:flow:slow"
    resources["Live"] = {**alias, "Properties": {"Name": "live"}}
    with pytest.raises(TemplateError, match="needs RoutingConfiguration or DeploymentPreference"):
        resolve(load(json.dumps({"Resources": resources}), "t.json"), Surroundings(place=PLACE))


def test_a_list_without_a_value_has_as_many_as_are_wanted() -> None:
    tree = {
        "Parameters": {"P": {"Type": "List<AWS::EC2::Subnet::Id>"}},
        "Resources": {
            "A": {"Type": "AWS::EC2::Instance", "Properties": {"SubnetId": {"Fn::Select": [1, {"Ref": "P"}]}}},
        },
    }

    assert resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE)).resources["A"].properties == {
        "SubnetId": "placeholder"
    }


def test_an_output_of_another_stack() -> None:
    wanted = {"StackName": {"Fn::Sub": "${Colour}-net"}, "OutputName": "Url", "Region": "eu-west-1"}
    value = {"Fn::GetStackOutput": wanted}

    assert stack_of(value, outputs={"blue-net": {"Url": "u"}}).resources["A"].properties["X"] == "u"
    assert stack_of(value, exports={"blue-net.Url": "v"}).resources["A"].properties["X"] == "v"
    with pytest.raises(TemplateError, match=r"an output 'Url' is here: add --import blue-net\.Url=VALUE"):
        stack_of(value)
    with pytest.raises(TemplateError, match="takes a mapping with StackName and OutputName"):
        stack_of({"Fn::GetStackOutput": ["a", "b"]})


def test_a_secret_that_nobody_knows_is_a_placeholder() -> None:
    found = stack_of("{{resolve:secretsmanager:other}}")

    assert found.resources["A"].properties["X"] == "placeholder"
    assert found.warnings == (
        "t.json:1: Resources.A.Properties.X: no value for other: add --secret other=VALUE; a placeholder is used",
    )


@pytest.mark.parametrize(
    ("kind", "is_told"),
    [
        pytest.param("AWS::Lambda::Function", True, id="a function"),
        pytest.param("AWS::RDS::DBInstance", False, id="a database"),
    ],
)
def test_a_secure_string_is_told_where_cloudformation_takes_none(kind: str, is_told: bool) -> None:
    written = {"Resources": {"A": {"Type": kind, "Properties": {"X": "{{resolve:ssm-secure:/key:1}}"}}}}
    around = Surroundings(place=PLACE, stored={"/key": "kept"})

    found = resolve(load(json.dumps(written), "t.json"), around)

    told = "t.json:1: Resources.A.Properties.X: CloudFormation refuses it: ssm-secure is not supported there"
    assert (told in found.warnings) is is_told
    assert found.resources["A"].properties["X"] == "kept"


def test_outputs_and_exports_follow_their_conditions() -> None:
    tree = {
        "Conditions": {"No": {"Fn::Equals": ["a", "b"]}},
        "Resources": OTHERS | {"Never": {"Type": "AWS::SQS::Queue", "Condition": "No"}},
        "Outputs": {
            "Name": {"Value": {"Ref": "Fn"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-fn"}}},
            "Gone": {"Condition": "No", "Value": {"Ref": "Never"}},
        },
    }

    found = resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE))

    assert found.outputs == {"Name": "answer"}
    assert found.exports == {"shop-fn": "answer"}


@pytest.mark.parametrize(
    ("declaration", "given", "message"),
    [
        pytest.param({"Type": "String"}, {}, "no value for P: add --parameter P=VALUE", id="missing"),
        pytest.param({"Type": "Number"}, {"P": "x"}, "'x' is no number", id="number"),
        pytest.param(
            {"Type": "String", "AllowedValues": ["a", "b"]}, {"P": "c"}, "'c' is not one of a, b", id="allowed"
        ),
        pytest.param(
            {"Type": "String", "AllowedPattern": "[a-z]+"}, {"P": "1"}, "'1' does not match [a-z]+", id="pattern"
        ),
        pytest.param(
            {"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]+"},
            {"P": "a, 1"},
            "'a, 1' does not match [a-z]+",
            id="list",
        ),
        pytest.param({"Type": "String", "MinLength": 3}, {"P": "ab"}, "'ab' is too small: at least 3", id="length"),
        pytest.param({"Type": "Number", "MaxValue": "9"}, {"P": "10"}, "'10' is too large: at most 9", id="value"),
        pytest.param(
            {"Type": "String", "NoEcho": True, "MinLength": 9}, {"P": "abc"}, "its value is too small", id="secret"
        ),
        pytest.param({}, {}, "a parameter has a Type", id="no type"),
    ],
)
def test_parameters_that_are_refused(declaration: Any, given: Any, message: str) -> None:
    tree = {
        "Parameters": {"P": declaration},
        "Resources": {"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "P"}}}},
    }

    with pytest.raises(TemplateError) as refused:
        resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE, parameters=given))

    assert str(refused.value).startswith(f"t.json:1: Parameters.P: {message}")


@pytest.mark.parametrize(
    ("declaration", "user"),
    [
        pytest.param({"Type": "String", "NoEcho": True}, "AWS::SQS::Queue", id="a secret"),
        pytest.param({"Type": "String"}, "AWS::IAM::Role", id="used by nothing that is emulated"),
        pytest.param({"Type": "AWS::EC2::Subnet::Id"}, "AWS::Lambda::Function", id="the place of a function"),
        pytest.param({"Type": "String"}, "AWS::ApiGatewayV2::DomainName", id="a certificate"),
    ],
)
def test_a_parameter_may_go_without_a_value(declaration: Any, user: str) -> None:
    made_of: dict[str, Any] = {
        "AWS::Lambda::Function": {"VpcConfig": {"SubnetIds": [{"Ref": "P"}]}},
        "AWS::ApiGatewayV2::DomainName": {
            "DomainName": "ws.example.com",
            "DomainNameConfigurations": [{"CertificateArn": {"Ref": "P"}}],
        },
    }
    tree = {
        "Parameters": {"P": declaration},
        "Resources": {"A": {"Type": user, "Properties": made_of.get(user, {"Path": {"Ref": "P"}})}},
    }

    found = resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE))

    assert found.warnings == ("parameter P has no value; a placeholder stands for it",)


@pytest.mark.parametrize(
    ("bus", "ref", "path"),
    [
        ({}, "dear", "dear"),
        ({"EventBusName": "default"}, "dear", "dear"),
        ({"EventBusName": "shop"}, "shop|dear", "shop/dear"),
        ({"EventBusName": "arn:aws:events:eu-west-1:123456789012:event-bus/shop"}, "shop|dear", "shop/dear"),
    ],
    ids=["on the default bus", "by its name", "on a bus of its own", "by the bus's ARN"],
)
def test_a_rule_has_its_bus_in_its_names(bus: dict[str, str], ref: str, path: str) -> None:
    rule = {"Type": "AWS::Events::Rule", "Properties": {"Name": "dear", "ScheduleExpression": "rate(1 day)", **bus}}
    outputs = {"Ref": {"Value": {"Ref": "Rule"}}, "Arn": {"Value": {"Fn::GetAtt": ["Rule", "Arn"]}}}
    tree = {"Resources": {"Rule": rule}, "Outputs": outputs}

    found = resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE))

    assert found.outputs == {"Ref": ref, "Arn": f"arn:aws:events:eu-west-1:123456789012:rule/{path}"}


def test_all_exports_that_are_needed_and_not_there_are_told_in_one_line() -> None:
    tree = {
        "Resources": {
            "A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::ImportValue": "Net:Queue"}}},
            "B": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"TopicName": {"Fn::Join": ["", [{"Fn::ImportValue": "Net:Topic"}]]}},
            },
        }
    }

    with pytest.raises(TemplateError) as refused:
        resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE))

    options = "--import Net:Queue=VALUE --import Net:Topic=VALUE"
    assert str(refused.value) == (
        f"t.json:1: Resources.A.Properties.QueueName: no stack exports 'Net:Queue', 'Net:Topic': add {options}"
    )


def test_a_placeholder_stands_for_an_export_that_nothing_emulated_needs() -> None:
    imported = {"Fn::ImportValue": "Net:Id"}
    function = {"Role": imported, "VpcConfig": {"SubnetIds": [imported]}, "Handler": "app.handler"}
    tree = {
        "Resources": {
            "Fn": {"Type": "AWS::Lambda::Function", "Properties": {**function, "Runtime": "python3.12", "Code": {}}},
            "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmActions": [imported]}},
        },
        "Outputs": {"Net": {"Value": imported}},
    }

    found = resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE))

    told = "no stack exports 'Net:Id', which {} names: a placeholder stands for it"
    assert found.warnings == tuple(told.format(each) for each in ("Fn", "Alarm", "Net"))
    assert found.made_up == {"Net"}


def test_each_value_of_a_list_must_match_the_pattern() -> None:
    tree = {
        "Parameters": {"P": {"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]+", "Default": "a, b,c"}},
        "Resources": {"A": {"Type": "AWS::SQS::Queue", "Properties": {"X": {"Ref": "P"}}}},
    }

    assert resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE)).resources["A"].properties["X"] == [
        "a",
        "b",
        "c",
    ]


def test_a_secret_that_does_not_exist_holds_no_value() -> None:
    secret = {"Type": "AWS::SecretsManager::Secret", "Condition": "No", "Properties": {"SecretString": "x"}}
    tree = {
        "Conditions": {"No": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            "Gone": secret,
            "A": {"Type": "AWS::SQS::Queue", "Properties": {"X": "{{resolve:ssm:/level}}"}},
        },
    }

    found = resolve(load(json.dumps(tree), "t.json"), Surroundings(place=PLACE, stored={"/level": "7"}))

    assert found.resources["A"].properties["X"] == "7"


NAMES = st.sampled_from(["A", "B", "C", "D"])


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=2), min_size=1), st.randoms())
def test_the_order_of_resources_does_not_matter_and_circles_are_found(
    needs: dict[str, list[str]], shuffle: Any
) -> None:
    def tree(names: list[str]) -> str:
        resources = {
            name: {
                "Type": "AWS::SQS::Queue",
                "Properties": {"X": {"Fn::Join": ["", [{"Ref": each} for each in needs[name] if each in needs]]}},
            }
            for name in names
        }
        return json.dumps({"Resources": resources})

    def found(names: list[str]) -> Any:
        try:
            stack = resolve(load(tree(names), "t.json"), Surroundings(place=PLACE))
        except TemplateError as error:
            return "in a circle" in str(error)
        return {name: resource.properties for name, resource in stack.resources.items()}

    shuffled = list(needs)
    shuffle.shuffle(shuffled)
    first = found(list(needs))
    assert first == found(shuffled)
    assert first is not False
    assert "${" not in json.dumps(first)


def test_ids_are_the_same_each_time_and_different_for_each_resource() -> None:
    first, again = stack_of(1).resources, stack_of(2).resources

    assert {name: resource.ref for name, resource in first.items()} == {n: r.ref for n, r in again.items()}
    assert len({str(resource.ref) for resource in first.values()}) == len(first)
