"""Roles: what a function's part of the topology names, and nothing more."""

import json
from typing import Any

import pytest

from deploy.stack.policy import statements
from deploy.stack.settings import StackSettings
from streamer.app import App
from streamer.topology import Api, Function, Key, Permission, Route, Table, TableAccess, Topology


@pytest.fixture
def granted(topology: Topology, settings: StackSettings) -> dict[str, dict[str, list[Any]]]:
    """Function to action to resources."""
    return {
        function.name: {
            action: statement["Resource"]
            for statement in statements(topology, settings, function)
            for action in statement["Action"]
        }
        for function in topology.functions
    }


@pytest.mark.parametrize(
    ("function", "actions"),
    [
        pytest.param("connect", {"dynamodb:PutItem", "secretsmanager:GetSecretValue"}, id="connect"),
        pytest.param("disconnect", {"dynamodb:DeleteItem"}, id="disconnect"),
        pytest.param(
            "router",
            {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "execute-api:ManageConnections"},
            id="router",
        ),
        pytest.param(
            "processor",
            {
                "dynamodb:UpdateItem",
                "dynamodb:GetItem",
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
                "dynamodb:ListStreams",
                "execute-api:ManageConnections",
                "lambda:InvokeFunction",
                "sqs:SendMessage",
            },
            id="processor",
        ),
    ],
)
def test_a_role_allows_exactly(granted: dict[str, dict[str, Any]], function: str, actions: set[str]) -> None:
    always = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}

    assert granted[function].keys() == actions | always


def test_only_what_has_no_resource_is_allowed_everywhere(granted: dict[str, dict[str, Any]]) -> None:
    everywhere = {action for actions in granted.values() for action, places in actions.items() if "*" in places}

    assert everywhere == {"xray:PutTelemetryRecords", "xray:PutTraceSegments", "dynamodb:ListStreams"}


def test_the_mapping_reads_its_own_stream(granted: dict[str, dict[str, Any]]) -> None:
    assert granted["processor"]["dynamodb:GetRecords"] == [{"Fn::GetAtt": ["RequestsTable", "StreamArn"]}]


def test_connections_are_asked_for_and_sent_to_on_the_stage_but_never_closed(
    granted: dict[str, dict[str, Any]],
) -> None:
    asked, sent_to = granted["router"]["execute-api:ManageConnections"]

    assert asked["Fn::Sub"].endswith(":${AWS::AccountId}:${Api}/dev/GET/@connections/*")
    assert sent_to["Fn::Sub"].endswith(":${AWS::AccountId}:${Api}/dev/POST/@connections/*")


def test_a_function_writes_to_its_own_log_group(granted: dict[str, dict[str, Any]]) -> None:
    for function, actions in granted.items():
        assert actions["logs:PutLogEvents"] == [{"Fn::GetAtt": [f"{function.capitalize()}LogGroup", "Arn"]}]


def test_an_index_is_queried_by_its_own_arn(granted: dict[str, dict[str, Any]]) -> None:
    assert granted["router"]["dynamodb:Query"] == [{"Fn::Sub": "${ConnectionsTable.Arn}/index/by-user"}]


def test_a_function_invokes_itself_without_a_circle_of_references(granted: dict[str, dict[str, Any]]) -> None:
    [arn] = granted["processor"]["lambda:InvokeFunction"]

    assert arn["Fn::Sub"].endswith(":function:${AWS::StackName}-processor")


def test_an_existing_secret_is_read_by_its_arn(topology: Topology) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:jwt-AbCdEf"
    settings = StackSettings(stack_name="chat-dev", secret_arns={"JWT_SECRET": arn}, tracing=False)

    found = statements(topology, settings, topology.function("connect"))

    assert [each["Resource"] for each in found if each["Sid"] == "Secrets"] == [[arn]]
    assert [each for each in found if each["Sid"] == "Tracing"] == []


def test_tables_of_the_same_actions_share_a_statement_so_that_many_fit_into_a_role(settings: StackSettings) -> None:
    tables = [Table(name=f"orders-{number}", key=Key(partition="id")) for number in range(40)]
    topology = App(tables=tables).topology(target="app:app", environment={"JWT_SECRET": "s" * 40})

    found = statements(topology, settings, topology.function("router"))

    (shared,) = [each for each in found if "dynamodb:Scan" in each["Action"]]
    assert len(shared["Resource"]) == 40
    assert len(json.dumps(found)) < 10_240


def test_what_is_said_of_a_table_in_several_places_is_one_statement(settings: StackSettings) -> None:
    function = Function(
        name="say",
        handler="handlers.say",
        tables=(
            TableAccess(table="rooms", actions=("GetItem", "Scan"), indexes=("by-owner",)),
            TableAccess(table="rooms", actions=("PutItem",), indexes=("by-day",)),
        ),
    )
    topology = Topology(
        api=Api(name="plain", routes=(Route(route_key="$default", function="say"),)),
        functions=(function,),
        tables=(Table(name="rooms", key=Key(partition="id")),),
    )

    found = {each["Sid"]: each for each in statements(topology, settings, function)}

    assert len(found) == len(statements(topology, settings, function))  # IAM takes each Sid once
    allowed = {action: len(each["Resource"]) for each in found.values() for action in each["Action"]}
    assert allowed.keys() >= {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"}
    assert found["RoomsTable"]["Action"] == ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"]


def test_conditions_name_where_it_runs_by_cloudformations_names_and_keep_policy_variables(
    settings: StackSettings,
) -> None:
    conditions: dict[str, Any] = {
        "StringLike": {
            "aws:PrincipalAccount": "${AWS::AccountId}",
            "s3:prefix": ["${aws:userid}/*", "${AWS::Region}/*"],
        },
        "Bool": {"aws:SecureTransport": True},
    }
    permission = Permission(actions=["s3:ListBucket"], resources=["*"], conditions=conditions)
    function = Function(name="say", handler="h.say", permissions=(permission,))
    topology = Topology(api=Api(name="chat", routes=()), functions=(function,))

    (found,) = [each for each in statements(topology, settings, function) if "Condition" in each]

    assert found["Condition"] == {
        "StringLike": {
            "aws:PrincipalAccount": {"Fn::Sub": "${AWS::AccountId}"},
            "s3:prefix": ["${aws:userid}/*", {"Fn::Sub": "${AWS::Region}/*"}],
        },
        "Bool": {"aws:SecureTransport": True},
    }
