"""Which actions on which resources a request needs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.iam.needs import Need, of_api, of_dynamodb, of_sqs, of_url

TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/chat"
STREAM = f"{TABLE}/stream/2026-01-01T00:00:00.000"
LABEL = "2026-01-01T00:00:00.000"


def short(need: Need) -> str:
    kind, name, detail = need.resource
    return " ".join(part for part in (need.action.partition(":")[2], kind.value, name, detail) if part)


@pytest.mark.parametrize(
    ("operation", "parameters", "needs"),
    [
        ("PutItem", {"TableName": "chat"}, ["PutItem table chat"]),
        ("GetItem", {"TableName": TABLE}, ["GetItem table chat"]),
        ("GetItem", {"TableName": "chat", "IndexName": "nobody looks at it"}, ["GetItem table chat"]),
        ("DescribeTable", {"TableName": "chat"}, ["DescribeTable table chat"]),
        ("Query", {"TableName": "chat"}, ["Query table chat"]),
        ("Query", {"TableName": "chat", "IndexName": "by-user"}, ["Query index chat by-user"]),
        ("Scan", {"TableName": TABLE, "IndexName": "by-user"}, ["Scan index chat by-user"]),
        ("BatchGetItem", {"RequestItems": {"a": {}, "b": {}}}, ["BatchGetItem table a", "BatchGetItem table b"]),
        ("BatchWriteItem", {"RequestItems": {"a": []}}, ["BatchWriteItem table a"]),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "a"}},
                    {"Update": {"TableName": "b"}},
                    {"Delete": {"TableName": "c"}},
                    {"ConditionCheck": {"TableName": "d"}},
                ]
            },
            ["PutItem table a", "UpdateItem table b", "DeleteItem table c", "ConditionCheckItem table d"],
        ),
        ("TransactGetItems", {"TransactItems": [{"Get": {"TableName": "a"}}]}, ["GetItem table a"]),
        ("ListTables", {}, ["ListTables *"]),
        ("TagResource", {"ResourceArn": TABLE}, ["TagResource table chat"]),
        ("ListStreams", {"TableName": "chat"}, ["ListStreams *"]),
        ("DescribeStream", {"StreamArn": STREAM}, [f"DescribeStream stream chat {LABEL}"]),
        ("GetShardIterator", {"StreamArn": STREAM}, [f"GetShardIterator stream chat {LABEL}"]),
        ("GetRecords", {"ShardIterator": f"{STREAM}|1|abc"}, [f"GetRecords stream chat {LABEL}"]),
    ],
)
def test_an_operation_of_dynamodb_needs_these_actions(
    operation: str, parameters: dict[str, Any], needs: list[str]
) -> None:
    assert [short(need) for need in of_dynamodb(operation, parameters)] == needs


@pytest.mark.parametrize(
    ("statement", "need"),
    [
        ("SELECT * FROM chat", "PartiQLSelect table chat"),
        ('select "from", name from "chat-dev" where id = ?', "PartiQLSelect table chat-dev"),
        ('SELECT * FROM "chat"."by-user" WHERE a = \'FROM x\'', "PartiQLSelect index chat by-user"),
        ("SELECT * FROM chat . by_user", "PartiQLSelect index chat by_user"),
        ("INSERT INTO chat VALUE {'id': 'a'}", "PartiQLInsert table chat"),
        ("UPDATE \"chat\" SET a = 1 WHERE id = 'a'", "PartiQLUpdate table chat"),
        ("\n DELETE FROM chat WHERE id = 'a'", "PartiQLDelete table chat"),
        ("EXISTS (SELECT * FROM chat WHERE id = 'a')", "PartiQLSelect table chat"),
    ],
)
def test_a_statement_of_partiql_needs_its_own_action(statement: str, need: str) -> None:
    one = {"Statement": statement}

    assert [short(each) for each in of_dynamodb("ExecuteStatement", one)] == [need]
    assert [short(each) for each in of_dynamodb("BatchExecuteStatement", {"Statements": [one, one]})] == [need, need]
    assert [short(each) for each in of_dynamodb("ExecuteTransaction", {"TransactStatements": [one]})] == [need]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = ("TableName", "IndexName", "RequestItems", "TransactItems", "Statement", "Statements", "TransactStatements",
           "StreamArn", "ShardIterator", "ResourceArn")  # fmt: skip
OPERATIONS = ("PutItem", "Query", "BatchGetItem", "TransactWriteItems", "ExecuteStatement", "BatchExecuteStatement",
              "ExecuteTransaction", "GetRecords", "ListTables", "Invented")  # fmt: skip


@given(st.sampled_from(OPERATIONS), st.dictionaries(st.sampled_from(MEMBERS), JSON))
def test_a_malformed_request_is_left_to_dynamodb(operation: str, parameters: dict[str, Any]) -> None:
    assert all(need.action.startswith("dynamodb:") for need in of_dynamodb(operation, parameters))


def test_a_request_of_an_api_needs_the_route_and_one_of_a_url_the_function_twice() -> None:
    where = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"

    assert short(of_api("abc/dev/$connect")) == f"Invoke arn {where}:abc/dev/$connect"
    assert [(short(each), each.about) for each in of_url("say")] == [
        ("InvokeFunctionUrl function say", (("lambda:functionurlauthtype", "AWS_IAM"),)),
        ("InvokeFunction function say", (("lambda:invokedviafunctionurl", "true"),)),
    ]


@pytest.mark.parametrize(
    ("operation", "parameters", "need"),
    [
        ("SendMessage", {"QueueUrl": "http://localhost/123456789012/jobs"}, "SendMessage queue jobs"),
        ("SendMessage", {"QueueUrl": "http://localhost/123456789012/jobs/"}, "SendMessage queue jobs"),
        ("SendMessageBatch", {"QueueUrl": "http://localhost/123456789012/jobs"}, "SendMessage queue jobs"),
        ("GetQueueUrl", {"QueueName": "jobs"}, "GetQueueUrl queue jobs"),
        ("ListQueues", {}, "ListQueues *"),
    ],
)
def test_an_operation_of_sqs_needs_this_action(operation: str, parameters: dict[str, Any], need: str) -> None:
    assert short(of_sqs(operation, parameters)) == need
