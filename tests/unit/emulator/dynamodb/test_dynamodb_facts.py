"""What the conditions of policies see of a request, and who is refused because of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.dynamodb.engine import DYNAMODB, EmbeddedDynamoDB
from emulator.dynamodb.errors import ApiError
from emulator.dynamodb.facts import describing
from emulator.foundation.json_bytes import json_bytes
from emulator.iam.guard import Guard
from emulator.iam.keys import KeyRing
from emulator.iam.needs import of_dynamodb
from emulator.iam.policy import statement_of
from emulator.iam.roles import Boundary, Role, Roles
from emulator.port.http import HttpRequest
from streamer.topology import Api, Function, Topology
from streamer.topology.grants import Place

SCORES: dict[str, Any] = {
    "TableName": "scores",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "user", "AttributeType": "S"},
        {"AttributeName": "game", "AttributeType": "N"},
        {"AttributeName": "team", "AttributeType": "B"},
    ],
    "KeySchema": [{"AttributeName": "user", "KeyType": "HASH"}, {"AttributeName": "game", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": name,
            "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        for name, attribute in (("by-game", "game"), ("by-team", "team"))
    ],
}


def engine() -> EmbeddedDynamoDB:
    made = EmbeddedDynamoDB()
    made.call("CreateTable", SCORES)
    return made


ENGINE = engine()


def key(user: str = "ada") -> dict[str, Any]:
    return {"user": {"S": user}, "game": {"N": "1"}}


def facts(operation: str, parameters: dict[str, Any]) -> list[dict[str, list[str]]]:
    """Of each need, without what begins them all, and without what nobody said anything of."""
    described = []
    for need in of_dynamodb(operation, parameters, describing(ENGINE.backend, operation, parameters)):
        values: dict[str, list[str]] = {}
        for name, value in need.about:
            values.setdefault(name.removeprefix("dynamodb:"), []).append(value)
        if values.get("returnconsumedcapacity") == ["NONE"]:
            del values["returnconsumedcapacity"]
        described.append({name: sorted(found) for name, found in values.items()})
    return described


def on(**parameters: Any) -> dict[str, Any]:
    return {"TableName": "scores", **parameters}


KEYS = ["game", "user"]
EVERYTHING = {"select": ["ALL_ATTRIBUTES"]}
SOME = {"select": ["SPECIFIC_ATTRIBUTES"]}
ADA = {"leadingkeys": ["ada"]}
OF_ADA = {**ADA, "attributes": KEYS}
VALUES = {":a": {"S": "ada"}, ":o": {"N": "1.50"}}
READ = {"ExpressionAttributeNames": {"#u": "user"}, "ExpressionAttributeValues": {":a": {"S": "ada"}}}


@pytest.mark.parametrize(
    ("operation", "parameters", "found"),
    [
        pytest.param("GetItem", on(Key=key()), {**OF_ADA, **EVERYTHING}, id="get"),
        pytest.param("GetItem", on(Key=key(), Select="COUNT"), {**OF_ADA, **EVERYTHING}, id="get knows no Select"),
        pytest.param(
            "GetItem",
            on(Key=key(), ProjectionExpression="wins.best, #u", ExpressionAttributeNames={"#u": "user"}),
            {**ADA, "attributes": ["game", "user", "wins"], **SOME},
            id="get some attributes",
        ),
        pytest.param(
            "GetItem",
            on(Key=key(), AttributesToGet=["wins"], ReturnConsumedCapacity="TOTAL"),
            {**ADA, "attributes": ["game", "user", "wins"], **SOME, "returnconsumedcapacity": ["TOTAL"]},
            id="get as one did before expressions",
        ),
        pytest.param(
            "PutItem",
            on(Item={**key(), "wins": {"N": "1"}}, ConditionExpression="attribute_not_exists(losses)"),
            {**ADA, "attributes": ["game", "losses", "user", "wins"], "returnvalues": ["NONE"]},
            id="put",
        ),
        pytest.param(
            "UpdateItem",
            on(
                Key=key(),
                UpdateExpression="SET wins = if_not_exists(best, :a) REMOVE losses",
                ExpressionAttributeValues={":a": {"S": "x"}},
                ReturnValues="ALL_NEW",
            ),
            {**ADA, "attributes": ["best", "game", "losses", "user", "wins"], "returnvalues": ["ALL_NEW"]},
            id="update",
        ),
        pytest.param(
            "UpdateItem",
            on(Key=key(), AttributeUpdates={"wins": {"Action": "DELETE"}}, Expected={"best": {"Exists": False}}),
            {**ADA, "attributes": ["best", "game", "user", "wins"], "returnvalues": ["NONE"]},
            id="update as one did before expressions",
        ),
        pytest.param("DeleteItem", on(Key=key()), {**OF_ADA, "returnvalues": ["NONE"]}, id="delete"),
        pytest.param(
            "Query",
            on(KeyConditionExpression="#u = :a", FilterExpression="wins > :a", **READ),
            {**ADA, "attributes": ["user", "wins"], **EVERYTHING},
            id="query",
        ),
        pytest.param(
            "Query",
            on(KeyConditionExpression="game > :o AND :a = #u", **{**READ, "ExpressionAttributeValues": VALUES}),
            {**OF_ADA, **EVERYTHING},
            id="query with the partition key last",
        ),
        pytest.param(
            "Query",
            on(KeyConditions={"user": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "ada"}]}}),
            {**ADA, "attributes": ["user"], **EVERYTHING},
            id="query as one did before expressions",
        ),
        pytest.param(
            "Query",
            on(
                IndexName="by-game",
                KeyConditionExpression="game = :o",
                ExpressionAttributeValues={":o": {"N": "1.50"}},
            ),
            {"leadingkeys": ["1.5"], "attributes": ["game"], "select": ["ALL_PROJECTED_ATTRIBUTES"]},
            id="query an index, whose key is a number",
        ),
        pytest.param(
            "Query",
            on(
                IndexName="by-team",
                KeyConditionExpression="team = :t",
                ExpressionAttributeValues={":t": {"B": "AAE="}},
                Select="COUNT",
            ),
            {"leadingkeys": ["AAE="], "attributes": ["team"], "select": ["COUNT"]},
            id="query an index, whose key is binary",
        ),
        pytest.param("Scan", on(), EVERYTHING, id="scan"),
        pytest.param(
            "Scan",
            on(ScanFilter={"wins": {"ComparisonOperator": "NULL"}}),
            {"attributes": ["wins"], **EVERYTHING},
            id="scan with a filter",
        ),
        pytest.param(
            "BatchGetItem",
            {"RequestItems": {"scores": {"Keys": [key(), key("bob")], "ProjectionExpression": "wins"}}},
            {"leadingkeys": ["ada", "bob"], "attributes": ["game", "user", "wins"], **SOME},
            id="batch get",
        ),
        pytest.param(
            "BatchWriteItem",
            {
                "RequestItems": {
                    "scores": [
                        {"PutRequest": {"Item": {**key(), "wins": {"N": "1"}}}},
                        {"DeleteRequest": {"Key": key("bob")}},
                    ]
                }
            },
            {"leadingkeys": ["ada", "bob"], "attributes": ["game", "user", "wins"]},
            id="batch write",
        ),
        pytest.param("DescribeTable", on(), {}, id="a table itself"),
        pytest.param("GetItem", {"TableName": "other", "Key": key()}, {}, id="no such table"),
        pytest.param("GetItem", on(Key={}), EVERYTHING, id="no key"),
        pytest.param("GetItem", on(Key={"user": "ada"}), {}, id="a key that is none"),
        pytest.param("Query", on(KeyConditionExpression="user = "), {}, id="a syntax error"),
        pytest.param("Query", on(IndexName="by-day", KeyConditionExpression="#u = :a", **READ), {}, id="no such index"),
    ],
)
def test_conditions_see_what_a_request_asks_for(
    operation: str, parameters: dict[str, Any], found: dict[str, list[str]]
) -> None:
    assert facts(operation, parameters) == [found]


def test_each_part_of_a_transaction_has_facts_of_its_own() -> None:
    within = {"enclosingoperation": ["TransactWriteItems"]}
    items = [
        {"Put": on(Item=key())},
        {"Delete": on(Key=key("bob"))},
        {"ConditionCheck": on(Key=key("eve"), ConditionExpression="attribute_exists(wins)")},
    ]

    assert facts("TransactWriteItems", {"TransactItems": items, "ReturnValues": "which it does not know"}) == [
        {**within, **OF_ADA, "returnvalues": ["NONE"]},
        {**within, "leadingkeys": ["bob"], "attributes": KEYS, "returnvalues": ["NONE"]},
        {**within, "leadingkeys": ["eve"], "attributes": [*KEYS, "wins"]},
    ]
    assert facts("TransactGetItems", {"TransactItems": [{"Get": on(Key=key())}]}) == [
        {"enclosingoperation": ["TransactGetItems"], **OF_ADA, **EVERYTHING}
    ]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("SELECT * FROM scores", {"fulltablescan": ["true"], **EVERYTHING}),
        (
            "SELECT wins FROM scores WHERE user = 'ada'",
            {**ADA, "fulltablescan": ["false"], **SOME, "attributes": ["user", "wins"]},
        ),
        (
            "SELECT * FROM scores WHERE user IN ['ada', 'bob']",
            {"leadingkeys": ["ada", "bob"], "fulltablescan": ["false"], **EVERYTHING, "attributes": ["user"]},
        ),
        ("SELECT * FROM scores WHERE wins = 1", {"fulltablescan": ["true"], **EVERYTHING, "attributes": ["wins"]}),
        (
            'SELECT * FROM scores."by-game" WHERE game = 1.50',
            {"leadingkeys": ["1.5"], "fulltablescan": ["false"], **EVERYTHING, "attributes": ["game"]},
        ),
        (
            "SELECT wins FROM scores WHERE user = 'ada' ORDER BY game",
            {**ADA, "fulltablescan": ["false"], **SOME, "attributes": [*KEYS, "wins"]},
        ),
        ("INSERT INTO scores VALUE {'user': 'ada', 'game': 1}", OF_ADA),
        (
            "UPDATE scores SET wins = list_append(best.ever, [1]) WHERE user = 'ada' AND game = 1",
            {**ADA, "attributes": ["best", *KEYS, "wins"]},
        ),
        ("DELETE FROM scores WHERE user = 'ada' AND game = 1", OF_ADA),
        ("DELETE FROM scores WHERE", {}),
    ],
)
def test_conditions_see_what_a_statement_asks_for(statement: str, found: dict[str, list[str]]) -> None:
    assert facts("ExecuteStatement", {"Statement": statement}) == [found]
    assert facts("BatchExecuteStatement", {"Statements": [{"Statement": statement}]}) == [found]
    within = {"enclosingoperation": ["ExecuteTransaction"]} if found else {}
    assert facts("ExecuteTransaction", {"TransactStatements": [{"Statement": statement}]}) == [{**within, **found}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just({"S": "ada"}) | st.just("user = :a"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Key", "S", ":a"]), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = ("Key", "Item", "Keys", "Expected", "AttributesToGet", "KeyConditions", "KeyConditionExpression",
           "UpdateExpression", "ExpressionAttributeNames", "ExpressionAttributeValues", "Statement", "Select",
           "ReturnValues", "IndexName", "ProjectionExpression", "TransactItems", "RequestItems")  # fmt: skip
OPERATIONS = ("GetItem", "PutItem", "UpdateItem", "Query", "Scan", "ExecuteStatement", "Invented", "GetRecords",
              "BatchGetItem", "BatchWriteItem", "TransactWriteItems", "TransactGetItems")  # fmt: skip


@given(st.sampled_from(OPERATIONS), st.dictionaries(st.sampled_from(MEMBERS), JSON))
def test_a_malformed_request_is_left_to_dynamodb(operation: str, parameters: dict[str, Any]) -> None:
    facts(operation, on(**parameters))


@given(st.sampled_from(["Get", "Put"]), st.dictionaries(st.sampled_from(MEMBERS), JSON))
def test_what_parts_do_not_know_is_not_looked_at(kind: str, more: dict[str, Any]) -> None:
    part = {**more, **on(**{"Key": key()} if kind == "Get" else {"Item": key()})}

    for each in facts(f"Transact{kind if kind == 'Get' else 'Write'}Items", {"TransactItems": [{kind: part}]}):
        assert each.get("leadingkeys", ["ada"]) == ["ada"]


class World:
    """A function that calls DynamoDB under statements; it signs as itself."""

    def __init__(
        self, *documents: dict[str, Any], tags: dict[str, str] | None = None, within: dict[str, Any] | None = None
    ) -> None:
        self.advice: list[str] = []
        keys = KeyRing(b"s" * 32)
        topology = Topology(api=Api(name="chat", routes=()), functions=(Function(name="say", handler="h.say"),))
        place = Place(partition="aws", region="us-east-1", account_id="123456789012", apis={})
        boundary = None if within is None else Boundary(name="bounds", statements=(statement_of(within),))
        role = Role(name="SayRole", statements=tuple(map(statement_of, documents)), tags=tags or {}, boundary=boundary)
        guard = Guard(
            topology,
            place,
            keys,
            mode="enforce",
            advise=lambda _, line: self.advice.append(line),
            roles=Roles(of={"say": role}),
        )
        signed = {"authorization": f"AWS4-HMAC-SHA256 Credential={keys['say'].access_key_id}/x"}
        self._caller = guard.caller(HttpRequest("POST", "/", (), b"", "", signed))
        self._engine = engine()

    def code(self, operation: str, parameters: dict[str, Any]) -> str | None:
        try:
            self._engine.perform(DYNAMODB, operation, json_bytes(parameters), self._caller)
        except ApiError as refused:
            return refused.code
        return None


def allow(**condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*", "Condition": condition}


DENIED = "AccessDeniedException"
TENANT = allow(**{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["${aws:PrincipalTag/Tenant}#*"]}})
OWN, OTHER = key("ada#1"), key("bob#1")


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("PutItem", on(Item=OWN), None),
        ("PutItem", on(Item=OTHER), DENIED),
        ("GetItem", on(Key=OTHER), DENIED),
        ("BatchGetItem", {"RequestItems": {"scores": {"Keys": [OWN]}}}, None),
        ("BatchGetItem", {"RequestItems": {"scores": {"Keys": [OWN, OTHER]}}}, DENIED),
        ("TransactWriteItems", {"TransactItems": [{"Put": on(Item=OWN)}, {"Delete": on(Key=OTHER)}]}, DENIED),
        ("Scan", on(), None),  # which names no key: whoever is to have only their own items is not allowed to scan
        ("GetItem", on(Key={"user": {"S": "ada#1"}}), "ValidationException"),
        ("DescribeTable", on(), None),
    ],
)
def test_a_tenant_has_the_items_whose_partition_key_is_theirs(
    operation: str, parameters: dict[str, Any], code: str | None
) -> None:
    assert World(TENANT, tags={"Tenant": "ada"}).code(operation, parameters) == code


def test_a_permissions_boundary_may_confine_a_tenant() -> None:
    world = World(allow(), tags={"Tenant": "ada"}, within=TENANT)

    assert world.code("PutItem", on(Item=OWN)) is None
    assert world.code("PutItem", on(Item=OTHER)) == DENIED


def test_the_log_names_the_condition_that_is_not_met_and_what_the_request_has() -> None:
    world = World(TENANT, tags={"Tenant": "ada"})

    world.code("BatchGetItem", {"RequestItems": {"scores": {"Keys": [OWN, OTHER]}}})

    assert world.advice == [
        "function say may not dynamodb:BatchGetItem on scores: a statement allows it, but its condition "
        'ForAllValues:StringLike {dynamodb:LeadingKeys: ["ada#*"]} is not met by ["ada#1", "bob#1"]'
    ]


def test_only_some_attributes_may_be_read_or_changed() -> None:
    """The policy of ddb-docs:specifying-conditions, its second example."""
    world = World(
        allow(
            **{
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["user", "game", "wins"]},
                "StringEqualsIfExists": {
                    "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
                    "dynamodb:ReturnValues": ["NONE", "UPDATED_OLD", "UPDATED_NEW"],
                },
            }
        )
    )

    assert world.code("GetItem", on(Key=key(), ProjectionExpression="wins")) is None
    assert world.code("GetItem", on(Key=key(), ProjectionExpression="wins, secret")) == DENIED
    assert world.code("GetItem", on(Key=key())) == DENIED
    update = on(Key=key(), UpdateExpression="REMOVE wins")
    assert world.code("UpdateItem", update) is None
    assert world.code("UpdateItem", {**update, "ReturnValues": "ALL_OLD"}) == DENIED
    assert world.code("UpdateItem", on(Key=key(), UpdateExpression="REMOVE secret")) == DENIED


def test_a_denied_full_scan_of_a_statement_leaves_those_that_name_a_partition() -> None:
    """The policy of ddb-docs:ql-iam, its sixth example."""
    scans = {"Effect": "Deny", "Action": "dynamodb:PartiQLSelect", "Resource": "*"}
    world = World(allow(), {**scans, "Condition": {"Bool": {"dynamodb:FullTableScan": ["true"]}}})

    assert world.code("ExecuteStatement", {"Statement": "SELECT * FROM scores"}) == DENIED
    assert world.code("ExecuteStatement", {"Statement": "SELECT * FROM scores WHERE user = 'ada'"}) is None


def test_a_statement_that_asks_nothing_of_items_costs_no_look_at_them() -> None:
    plain = allow(Bool={"aws:SecureTransport": "true"})

    assert not statement_of(plain).asks_for("dynamodb:")
    assert statement_of(TENANT).asks_for("dynamodb:")
