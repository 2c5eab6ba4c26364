import gzip
import json
import re
import zlib
from typing import Any

import pytest
from dynamodb_world import World
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.dynamodb.compression import REQUEST_BYTES
from emulator.dynamodb.engine import DYNAMODB, STREAMS
from emulator.port.http import HttpRequest

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/things"


@pytest.fixture
def world() -> World:
    world = World()
    world.create()
    return world


def request_with(**fields: str) -> HttpRequest:
    return HttpRequest("POST", "/", (), b"", "127.0.0.1", fields)


@pytest.mark.parametrize(
    ("fields", "ours"),
    [
        pytest.param({"x-amz-target": "DynamoDB_20120810.ListTables"}, True, id="DynamoDB"),
        pytest.param({"x-amz-target": "DynamoDBStreams_20120810.ListStreams"}, True, id="DynamoDB Streams"),
        pytest.param({"x-amz-target": "AmazonSQS.ListQueues"}, True, id="SQS, JSON"),
        pytest.param(
            {"authorization": "AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/sqs/aws4_request, ..."},
            True,
            id="SQS, query",
        ),
        pytest.param({"x-amz-target": "AWSLambda.Invoke"}, False, id="another service"),
        pytest.param({}, False, id="no SDK"),
    ],
)
def test_requests_are_told_by_their_target(world: World, fields: dict[str, str], *, ours: bool) -> None:
    assert world.database.handles(request_with(**fields)) is ours


def test_an_answer_has_the_headers_that_sdks_check(world: World) -> None:
    response = world.send(f"{DYNAMODB}.ListTables", {})

    headers = dict(response.headers)
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert headers["x-amz-crc32"] == str(zlib.crc32(response.body))
    assert re.fullmatch("[0-9A-Z]{52}", headers["x-amzn-requestid"])


@pytest.mark.parametrize(
    ("target", "body", "error"),
    [
        pytest.param(f"{STREAMS}.Nonsense", {}, (400, "UnknownOperationException", ""), id="no stream operation"),
        pytest.param("Other.X", {}, (400, "UnknownOperationException", ""), id="no such service"),
        pytest.param(
            f"{DYNAMODB}.ListTables", b"{", (400, "SerializationException", "The body is not JSON"), id="JSON"
        ),
        pytest.param(
            f"{DYNAMODB}.ListTables",
            b"[" * 100_000,
            (400, "SerializationException", "The body is not JSON"),
            id="nested too deep",
        ),
        pytest.param(
            f"{DYNAMODB}.ListTables", b"[]", (400, "SerializationException", "The body is not a JSON object"), id="list"
        ),
        pytest.param(
            f"{DYNAMODB}.GetItem",
            {"TableName": "nowhere", "Key": {}},
            (400, "ResourceNotFoundException", "Requested resource not found"),
            id="no such table",
        ),
        pytest.param(
            f"{DYNAMODB}.PutItem",
            {"TableName": "things"},
            (
                400,
                "ValidationException",
                "1 validation error detected: Value null at 'item' failed to satisfy constraint: "
                "Member must not be null",
            ),
            id="a member is missing",
        ),
        pytest.param(
            f"{DYNAMODB}.DescribeTable",
            {"TableName": "nowhere"},
            (400, "ResourceNotFoundException", "Requested resource not found: Table: nowhere not found"),
            id="describing no table",
        ),
    ],
)
def test_a_request_that_cannot_be_done_is_a_json_error(
    world: World, target: str, body: Any, error: tuple[int, str, str]
) -> None:
    assert world.error(target, body) == error


@pytest.mark.parametrize(
    ("action", "words"),
    [("CreateBackup", "--dynamodb URL"), ("ListGlobalTables", "--dynamodb URL"), ("Nonsense", ""), ("__init__", ""),
     ("perform", ""), ("", "")],
)  # fmt: skip
def test_what_we_do_not_host_says_so(world: World, action: str, words: str) -> None:
    status, code, message = world.error(f"{DYNAMODB}.{action}", {"TableName": "things", "BackupName": "b"})

    assert (status, code) == (400, "UnknownOperationException")
    assert words in message


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        pytest.param("DescribeContinuousBackups", {"TableName": "things"}, id="DescribeContinuousBackups"),
        pytest.param("DescribeEndpoints", {}, id="DescribeEndpoints"),
        pytest.param("DescribeLimits", {}, id="DescribeLimits"),
        pytest.param("DescribeTimeToLive", {"TableName": "things"}, id="DescribeTimeToLive"),
        pytest.param("ListTagsOfResource", {"ResourceArn": ARN}, id="ListTagsOfResource"),
    ],
)
def test_what_looks_after_tables_answers_an_object(world: World, action: str, parameters: Any) -> None:
    assert isinstance(world.call(action, **parameters), dict)


def test_tagging_answers_with_nothing_at_all(world: World) -> None:
    tagged = world.send(f"{DYNAMODB}.TagResource", {"ResourceArn": ARN, "Tags": [{"Key": "k", "Value": "v"}]})
    untagged = world.send(f"{DYNAMODB}.UntagResource", {"ResourceArn": ARN, "TagKeys": ["k"]})

    assert (tagged.status, tagged.body, untagged.status, untagged.body) == (200, b"", 200, b"")


def test_a_compressed_request_is_read(world: World) -> None:
    body = gzip.compress(b'{"TableName": "things"}')

    assert world.send(f"{DYNAMODB}.Scan", body, **{"content-encoding": "gzip"}).status == 200
    assert world.send(f"{DYNAMODB}.Scan", body[:-9], **{"content-encoding": "gzip"}).status == 400
    assert world.send(f"{DYNAMODB}.Scan", b"{}", **{"content-encoding": "gzip"}).status == 400
    halves = gzip.compress(b'{"TableName":') + gzip.compress(b' "things"}')
    assert world.send(f"{DYNAMODB}.Scan", halves, **{"content-encoding": "gzip"}).status == 200
    assert world.send(f"{DYNAMODB}.Scan", body + b"junk", **{"content-encoding": "gzip"}).status == 400
    bomb = gzip.compress(b'{"TableName": "things"' + b" " * 16 * 1024 * 1024 + b"}")
    assert world.send(f"{DYNAMODB}.Scan", bomb, **{"content-encoding": "gzip"}).status == 413


def test_a_request_of_over_sixteen_megabytes_is_refused(world: World) -> None:
    body = b'{"TableName": "things"' + b" " * REQUEST_BYTES + b"}"

    assert world.send(f"{DYNAMODB}.Scan", body).status == 413


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"TableName": NaN}', id="a constant that is no JSON"),
        pytest.param(b"[" * 100_000, id="open lists"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="deep objects"),
        pytest.param(b'{"TableName": "\\ud800"}', id="half a surrogate pair"),
        pytest.param(b'{"Limit": ' + b"9" * 5000 + b"}", id="a number of 5,000 digits"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b'{"TableName": "\xed\xa0\x80"}', id="half a surrogate pair in UTF-8"),
        pytest.param('{"TableName": "things"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"[]", id="no object"),
    ],
)
def test_a_body_that_is_no_json_object_is_the_clients_error(world: World, body: bytes) -> None:
    response = world.send(f"{DYNAMODB}.Scan", body)

    assert response.status == 400
    assert json.loads(response.body)["__type"].endswith("SerializationException")


def test_all_regions_and_credentials_see_the_same_tables(world: World) -> None:
    response = world.send(
        f"{DYNAMODB}.ListTables",
        {},
        authorization="AWS4-HMAC-SHA256 Credential=someone/20250101/eu-west-3/dynamodb/aws4_request, Signature=wrong",
    )

    assert json.loads(response.body) == {"TableNames": ["things"]}


def test_engines_of_one_process_share_nothing(world: World) -> None:
    assert World().call("ListTables") == {"TableNames": []}


def test_records_are_pushed_as_they_are_written(world: World) -> None:
    pushed: list[Any] = []
    unsubscribe = world.database.subscribe("things", pushed.append)
    world.put("a")
    world.put("a")
    world.put("a", n={"N": "1"})
    unsubscribe()
    unsubscribe()
    world.call("DeleteItem", TableName="things", Key={"pk": {"S": "a"}})

    assert [record.event_name for record in pushed] == ["INSERT", "MODIFY"]
    assert pushed[0].content == {
        "eventID": pushed[0].event_id,
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_700_000_000.0,
            "Keys": {"pk": {"S": "a"}},
            "NewImage": {"pk": {"S": "a"}},
            "SequenceNumber": "1700000000000000000000",
            "SizeBytes": 6,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


def test_a_listener_may_come_before_the_table() -> None:
    world = World()
    pushed: list[Any] = []
    world.database.subscribe("things", pushed.append)
    world.create()
    world.put("a")

    assert len(pushed) == 1


def test_a_listener_that_fails_does_not_fail_the_write(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_record: Any) -> None:
        raise RuntimeError("listener")

    pushed: list[Any] = []
    world.database.subscribe("things", fail)
    world.database.subscribe("things", pushed.append)
    world.put("a")

    assert len(pushed) == 1
    assert "stream listener failed" in caplog.text


def test_a_table_that_is_made_again_has_a_new_stream_with_higher_numbers(world: World) -> None:
    pushed: list[Any] = []
    world.database.subscribe("things", pushed.append)
    for _ in range(3):
        world.put("a")
        world.call("DeleteTable", TableName="things")
        world.create()

    assert len({record.arn for record in pushed}) == 3
    numbers = [record.sequence for record in pushed]
    assert numbers == sorted(set(numbers))


def test_expired_items_are_deleted_by_the_service(world: World) -> None:
    world.call(
        "UpdateTimeToLive",
        TableName="things",
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"},
    )
    now = int(world.clock.now)
    world.put("due", ttl={"N": str(now - 1)})
    world.put("later", ttl={"N": str(now + 100)})
    world.put("never", ttl={"S": str(now - 1)})
    pushed: list[Any] = []
    world.database.subscribe("things", pushed.append)

    assert world.database.expire(now) == 1
    assert world.database.expire(now) == 0
    assert world.keys() == ["later", "never"]
    (record,) = pushed
    assert record.content["eventName"] == "REMOVE"
    assert record.content["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    assert record.content["dynamodb"]["OldImage"]["pk"] == {"S": "due"}


def test_only_expiry_has_a_user_identity(world: World) -> None:
    pushed: list[Any] = []
    world.database.subscribe("things", pushed.append)
    world.put("a")
    world.call("DeleteItem", TableName="things", Key={"pk": {"S": "a"}})

    assert [(each.content["eventName"], "userIdentity" in each.content) for each in pushed] == [
        ("INSERT", False),
        ("REMOVE", False),
    ]


def test_a_described_table_leaves_out_what_it_does_not_have(world: World) -> None:
    world.put("a", text={"S": "xyz"})
    table = world.call("DescribeTable", TableName="things")["Table"]

    assert "GlobalSecondaryIndexes" not in table
    assert (table["ItemCount"], table["TableSizeBytes"]) == (1, 10)
    assert table["LatestStreamLabel"] == "2023-11-14T22:13:20.000"
    assert table["LatestStreamArn"] == (
        "arn:aws:dynamodb:us-east-1:123456789012:table/things/stream/2023-11-14T22:13:20.000"
    )


def test_an_index_that_is_added_later_holds_the_items_that_exist(world: World) -> None:
    world.put("a", owner={"S": "x"})
    world.call(
        "UpdateTable",
        TableName="things",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "owner", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "by-owner",
                    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            }
        ],
    )
    answer = world.call(
        "Query",
        TableName="things",
        IndexName="by-owner",
        KeyConditionExpression="#o = :x",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":x": {"S": "x"}},
    )

    assert answer["Count"] == 1


@pytest.mark.parametrize(
    ("action", "parameters", "code"),
    [
        pytest.param("GetItem", {"TableName": 5, "Key": {}}, "SerializationException", id="a number for a name"),
        pytest.param("GetItem", {"TableName": "things", "Key": []}, "SerializationException", id="a list for a key"),
        pytest.param("GetItem", {"TableName": "things", "Key": {"pk": "a"}}, "SerializationException", id="no type"),
        pytest.param("PutItem", {"TableName": "things", "Item": {"pk": {"S": 5}}}, "SerializationException", id="S"),
        pytest.param("PutItem", {"TableName": "things", "Item": {"pk": {}}}, "ValidationException", id="empty value"),
        pytest.param(
            "PutItem", {"TableName": "things", "Item": {"pk": {"S": "a", "N": "1"}}}, "ValidationException", id="two"
        ),
        pytest.param(
            "PutItem", {"TableName": "things", "Item": {"pk": {"X": "a"}}}, "ValidationException", id="unknown type"
        ),
        pytest.param(
            "TransactWriteItems", {"TransactItems": [{"Put": {}}]}, "ValidationException", id="inside a transaction"
        ),
        pytest.param("TransactWriteItems", {"TransactItems": 7}, "SerializationException", id="no list"),
        pytest.param("BatchWriteItem", {"RequestItems": []}, "SerializationException", id="no map"),
        pytest.param("Scan", {"TableName": "things", "Limit": "x"}, "SerializationException", id="no number"),
        pytest.param("CreateTable", {"TableName": "x"}, "ValidationException", id="half a table"),
    ],
)
def test_a_request_of_the_wrong_shape_is_the_clients_error(
    world: World, action: str, parameters: Any, code: str
) -> None:
    status, found, message = world.error(f"{DYNAMODB}.{action}", parameters)

    assert (status, found) == (400, code)
    assert message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("things"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["pk", "S", "N", "M", ":v"]), inner),
    max_leaves=4,
)
MEMBERS = [
    "TableName", "Key", "Item", "TransactItems", "RequestItems", "UpdateExpression", "ConditionExpression",
    "FilterExpression", "KeyConditionExpression", "ProjectionExpression", "ExpressionAttributeNames",
    "ExpressionAttributeValues", "Limit", "ExclusiveStartKey", "IndexName", "Select", "Expected", "AttributeUpdates",
    "KeyConditions", "ReturnValues", "Segment", "TotalSegments", "ShardIterator", "StreamArn",
]  # fmt: skip
ACTIONS = [
    "GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem",
    "TransactGetItems", "TransactWriteItems", "GetRecords", "GetShardIterator", "ListStreams", "DescribeStream",
]  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(ACTIONS), st.dictionaries(st.sampled_from(MEMBERS), JSON), st.booleans())
def test_no_parameters_make_the_server_fail(action: str, parameters: dict[str, Any], named: bool) -> None:
    world = World()
    world.create()
    if named:
        parameters["TableName"] = "things"
    service = STREAMS if action in ACTIONS[-4:] else DYNAMODB

    assert world.send(f"{service}.{action}", parameters).status in (200, 400)
