"""Malformed and odd requests over all operations of the embedded DynamoDB: none may be a 500, hang, or damage a table.

    python benchmarks/dynamodb_fuzz.py [--requests 100000] [--seed 1]

A request is a well-formed one that is then damaged in up to three places, or sent as it is. After every thousand the
tables are compared with a model made of the changes that were told, with their indexes, their sizes and a restart from
the saved state.
"""

from __future__ import annotations

import argparse
import base64
import copy
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from emulator.dynamodb.backend import JournaledChange
from emulator.dynamodb.engine import DYNAMODB, STREAMS, EmbeddedDynamoDB
from emulator.dynamodb.model import operations_of
from emulator.port.http import HttpRequest

CHECKED_EVERY = 1000
SLOW_SECONDS = 5.0
"""A request that takes so long is called a hang."""
NOW_SECONDS = 1_700_000_000.0
PLAIN = "fuzz-plain"
SORTED = "fuzz-sorted"
ARN = f"arn:aws:dynamodb:us-east-1:123456789012:table/{PLAIN}"

Json = dict[str, Any]

ATOMS: list[Any] = [
    None, True, False, 0, 1, -1, 5, 10**30, 1.5, -0.0, "", " ", "a", "b", "pk", "sk", "#n", ":v", "ALL", "NONE",
    "x" * 300, "ü" * 1100, "\U0001f600", "\x00", "arn:aws:dynamodb:us-east-1:123456789012:table/fuzz-plain", PLAIN,
    SORTED, [], {}, [[]], [{}], {"S": "a"}, {"N": "1"}, {"N": "1e1000000000"}, {"N": "-5"}, {"N": "9" * 39},
    {"N": "x"}, {"S": ""}, {"B": "YQ=="}, {"B": "!"}, {"BOOL": True}, {"NULL": True}, {"NULL": False},
    {"SS": ["a"]}, {"SS": []}, {"NS": ["1", "1.0"]}, {"BS": ["YQ=="]}, {"L": []}, {"L": [{"S": "a"}, {"N": "2"}]},
    {"M": {}}, {"M": {"x": {"L": [{"M": {}}]}}}, {"S": 5}, {"N": 5}, {"S": "a", "N": "1"}, {"X": "a"},
    {"M": {"": {"S": "a"}}}, {"L": {}}, {"S": None},
]  # fmt: skip
_PIECES = """
pk sk n l m s tags #n #x :v :w :l :s :t ( ) [ ] [0] [9] . , = <> < <= > >= + - AND OR NOT IN BETWEEN SET REMOVE ADD
DELETE size( contains( begins_with( attribute_exists( attribute_type( if_not_exists( list_append( name 5 ==
m.x l[1] 'a' ; and
"""
PIECES = tuple(_PIECES.split())
EXPRESSIONS = (
    "pk = :v", "pk = :v AND sk > :w", "attribute_exists(pk)", "n = :w OR NOT n < :w", "SET n = :w", "REMOVE n",
    "SET n = if_not_exists(n, :w) + :w, s = :v", "ADD n :w", "DELETE tags :t", "SET l = list_append(l, :l)",
    "pk, n, m.x", "n BETWEEN :w AND :w", "pk IN (:v, :w)", "#n = :v", "size(pk) > :w", "contains(tags, :v)",
    "begins_with(pk, :v)", "SET m.x = :v REMOVE l[0]", "sk = :w AND pk = :v", ":v = pk",
)  # fmt: skip
VALUES: Json = {
    ":v": {"S": "a"}, ":w": {"N": "1"}, ":l": {"L": [{"S": "x"}]}, ":s": {"S": "b"}, ":t": {"SS": ["red"]},
}  # fmt: skip
STATEMENTS = (
    f'SELECT * FROM "{PLAIN}" WHERE pk=\'a\'', f'SELECT n, m.x FROM "{SORTED}"."by-n" WHERE n = 1',
    f"INSERT INTO \"{PLAIN}\" VALUE {{'pk': 'q', 'n': 1}}", f"UPDATE \"{PLAIN}\" SET n = n + 1 WHERE pk='a'",
    f"DELETE FROM \"{PLAIN}\" WHERE pk='b' RETURNING ALL OLD *",
    f'SELECT * FROM "{PLAIN}" WHERE n IN [1, 2] AND pk = ?',
    f"EXISTS(SELECT * FROM \"{PLAIN}\" WHERE pk='a' AND attribute_exists(n))",
    f"FROM \"{PLAIN}\" WHERE pk='c' AND n IS NOT MISSING SET tags = set_add(tags, <<'new'>>) RETURNING MODIFIED OLD *",
    f"UPDATE \"{SORTED}\" REMOVE l[0] SET m.x = [1, {{'y': 2e0}}] WHERE pk='a' AND sk=1 /* note */",
    f"SELECT * FROM \"{SORTED}\" WHERE pk='a' ORDER BY sk DESC -- note",
)  # fmt: skip


class Fuzzer:
    """Makes requests out of a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._actions = [*sorted(operations_of("dynamodb")), "Nonsense", ""]
        self._weights = [8 if action in self._makers() else 1 for action in self._actions]

    def request(self, *, damage: float | None = None) -> tuple[str, bytes]:
        """Target and body; ``damage`` is how many bodies in one are damaged (once), None: as malformed as can be."""
        if self._random.random() < 0.08:
            action = self._random.choice(["ListStreams", "DescribeStream", "GetShardIterator", "GetRecords"])
            body: Any = self._damaged(self._streams())
            return f"{STREAMS}.{action}", self._bytes(body)
        (action,) = self._random.choices(self._actions, self._weights)
        make = self._makers().get(action)
        body = make() if make is not None else {"TableName": self._table(), "ResourceArn": self._random.choice(ATOMS)}
        if damage is not None:
            times = 1 if self._random.random() < damage else 0
            return f"{DYNAMODB}.{action}", json.dumps(self._damaged(body, times)).encode()
        return f"{DYNAMODB}.{action}", self._bytes(self._damaged(body))

    def _bytes(self, body: Any) -> bytes:
        data = json.dumps(body).encode()
        chance = self._random.random()
        if chance < 0.01:
            return data[: self._random.randrange(len(data) + 1)]
        if chance < 0.02:
            position = self._random.randrange(len(data) + 1)
            return data[:position] + self._random.randbytes(2) + data[position:]
        if chance < 0.022:
            return b"[" * 5000 + data
        return data

    def _damaged(self, body: Any, times: int | None = None) -> Any:
        body = copy.deepcopy(body)
        for _ in range(self._random.choice((0, 0, 1, 1, 1, 2, 3)) if times is None else times):
            places = list(_places(body))
            if not places:
                return body
            container, key = self._random.choice(places)
            chance = self._random.random()
            if chance < 0.2:
                del container[key]
            elif chance < 0.35 and isinstance(container, dict):
                container[self._random.choice(("", "pk", "S", "N", "Limit", "Select", "x" * 300))] = container.pop(key)
            elif chance < 0.6 and isinstance(container[key], str):
                container[key] = self._text(container[key])
            else:
                container[key] = copy.deepcopy(self._random.choice(ATOMS))
        return body

    def _text(self, text: str) -> str:
        chance = self._random.random()
        if chance < 0.4:
            return " ".join(self._random.choices(PIECES, k=self._random.randrange(1, 12)))
        if chance < 0.45:
            return self._random.choice(("(", "NOT ", "a = :v AND (", "f(", "[", "-")) * self._random.choice((200, 1500))
        if chance < 0.7:
            position = self._random.randrange(len(text) + 1)
            return text[:position] + self._random.choice(PIECES) + text[position:]
        return text[: self._random.randrange(len(text) + 1)]

    def _table(self) -> str:
        return self._random.choice((PLAIN, SORTED))

    def _key(self, table: str) -> Json:
        key: Json = {"pk": {"S": self._random.choice("abc")}}
        return {**key, "sk": {"N": str(self._random.randrange(3))}} if table == SORTED else key

    def _item(self, table: str) -> Json:
        extra = {
            "n": {"N": str(self._random.randrange(5))}, "l": {"L": [{"N": "1"}, {"S": "x"}]}, "s": {"S": "text"},
            "m": {"M": {"x": {"S": "deep"}}}, "tags": {"SS": ["red", "blue"]}, "raw": {"B": "YQ=="},
        }  # fmt: skip
        return {**self._key(table), **{name: extra[name] for name in extra if self._random.random() < 0.6}}

    def _expressions(self, *members: str) -> Json:
        found: Json = {}
        for member in members:
            if self._random.random() < 0.5:
                found[member] = self._random.choice(EXPRESSIONS)
        text = " ".join(found.values())
        values = {name: value for name, value in VALUES.items() if name in text}
        if values:
            found["ExpressionAttributeValues"] = values
        if "#n" in text:
            found["ExpressionAttributeNames"] = {"#n": "n"}
        return found

    def _legacy(self, member: str) -> Json:
        if self._random.random() < 0.85:
            return {}
        operators = ["EQ", "NE", "LT", "LE", "GT", "GE", "BETWEEN", "IN", "NULL", "NOT_NULL", "CONTAINS", "BEGINS_WITH"]
        values = self._random.choices([{"N": "1"}, {"S": "a"}, {"B": "YQ=="}, {"L": []}], k=self._random.randrange(3))
        name = self._random.choice(("n", "pk", "s"))
        return {member: {name: {"ComparisonOperator": self._random.choice(operators), "AttributeValueList": values}}}

    def _write(self, kind: str) -> Json:
        table = self._table()
        body: Json = {"TableName": table}
        if kind == "Put":
            body["Item"] = self._item(table)
        else:
            body["Key"] = self._key(table)
        members = ("UpdateExpression", "ConditionExpression") if kind == "Update" else ("ConditionExpression",)
        return {**body, **self._expressions(*members)}

    def _single(self, kind: str) -> Json:
        options = {
            "ReturnValues": self._random.choice(("NONE", "ALL_OLD", "UPDATED_NEW", "ALL_NEW")),
            "ReturnConsumedCapacity": self._random.choice(("NONE", "TOTAL", "INDEXES")),
        }
        return {**self._write(kind), **self._legacy("Expected"), **options}

    def _search(self, *members: str) -> Json:
        table = self._table()
        body: Json = {"TableName": table, "Limit": self._random.choice((1, 2, 50))}
        if self._random.random() < 0.4:
            body["IndexName"] = self._random.choice(("by-n", "local", "nope"))
        if self._random.random() < 0.3:
            body["ExclusiveStartKey"] = self._key(table)
        return {**body, **self._expressions(*members), "ReturnConsumedCapacity": "INDEXES"}

    def _query(self) -> Json:
        body = self._search("KeyConditionExpression", "FilterExpression", "ProjectionExpression")
        return {**body, **self._legacy("KeyConditions"), **self._legacy("QueryFilter")}

    def _scan(self) -> Json:
        body = {**self._search("FilterExpression", "ProjectionExpression"), **self._legacy("ScanFilter")}
        return (
            {**body, "Segment": self._random.randrange(3), "TotalSegments": 2} if self._random.random() < 0.2 else body
        )

    def _index(self) -> Json:
        return {
            "IndexName": self._random.choice(("by-n", "by-s", "local")),
            "KeySchema": [{"AttributeName": self._random.choice(("n", "s", "pk")), "KeyType": "HASH"}],
            "Projection": {"ProjectionType": self._random.choice(("ALL", "KEYS_ONLY", "INCLUDE"))},
        }

    def _update_table(self) -> Json:
        kind = self._random.choice(("Create", "Delete", "Update"))
        index = self._index()
        types = [{"AttributeName": name, "AttributeType": kind} for name, kind in (("n", "N"), ("s", "S"))]
        return {
            "TableName": self._table(),
            "AttributeDefinitions": types,
            "GlobalSecondaryIndexUpdates": [{kind: index if kind == "Create" else {"IndexName": index["IndexName"]}}],
        }

    def _create_table(self) -> Json:
        return {
            "TableName": f"fuzz-made-{self._random.randrange(3)}",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": self._random.choice("SNB")} for name in ("pk", "sk", "n")
            ],
            "GlobalSecondaryIndexes": [self._index()],
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        }

    def _statement(self) -> Json:
        return {"Statement": self._random.choice(STATEMENTS)}

    def _transact(self) -> Json:
        kinds = self._random.choices(("Put", "Update", "Delete", "ConditionCheck"), k=self._random.randrange(1, 4))
        token = {"ClientRequestToken": "t"} if self._random.random() < 0.1 else {}
        return {"TransactItems": [{kind: self._write(kind)} for kind in kinds], **token}

    def _streams(self) -> Json:
        arn = f"{ARN}/stream/2023-11-14T22:13:20.000"
        position = base64.urlsafe_b64encode(json.dumps([0, NOW_SECONDS]).encode()).decode()
        return {
            "StreamArn": arn,
            "ShardId": "shardId-00000001541626099285-f35f62ef",
            "ShardIteratorType": self._random.choice(("LATEST", "TRIM_HORIZON", "AT_SEQUENCE_NUMBER")),
            "ShardIterator": f"{arn}|1|{position}",
            "Limit": 5,
        }

    def _makers(self) -> dict[str, Callable[[], Json]]:
        tables = (PLAIN, SORTED)
        return {
            "PutItem": lambda: self._single("Put"),
            "UpdateItem": lambda: self._single("Update"),
            "DeleteItem": lambda: self._single("Delete"),
            "GetItem": lambda: {**self._write("Delete"), **self._expressions("ProjectionExpression")},
            "Query": self._query,
            "Scan": self._scan,
            "BatchGetItem": lambda: {"RequestItems": {name: {"Keys": [self._key(name)]} for name in tables}},
            "BatchWriteItem": lambda: {
                "RequestItems": {name: [{"PutRequest": {"Item": self._item(name)}}] for name in tables}
            },
            "TransactWriteItems": self._transact,
            "TransactGetItems": lambda: {
                "TransactItems": [{"Get": {"TableName": name, "Key": self._key(name)}} for name in tables]
            },
            "CreateTable": self._create_table,
            "UpdateTable": self._update_table,
            "UpdateTimeToLive": lambda: {
                "TableName": self._table(),
                "TimeToLiveSpecification": {"Enabled": self._random.random() < 0.5, "AttributeName": "n"},
            },
            "ExecuteStatement": self._statement,
            "BatchExecuteStatement": lambda: {"Statements": [self._statement(), self._statement()]},
            "ExecuteTransaction": lambda: {
                "TransactStatements": [self._statement() for _ in range(self._random.randrange(1, 3))]
            },
            **self._managing(),
        }

    def _managing(self) -> dict[str, Callable[[], Json]]:
        """Makers of requests about a table as a whole."""
        tags = [{"Key": self._random.choice("abc"), "Value": "v"}]
        recovery = {"PointInTimeRecoveryEnabled": self._random.random() < 0.5, "RecoveryPeriodInDays": 7}
        made = f"fuzz-made-{self._random.randrange(3)}"
        return {
            "DeleteTable": lambda: {"TableName": self._random.choice((made, made, self._table()))},
            "DescribeTable": lambda: {"TableName": self._random.choice((made, self._table(), ARN))},
            "ListTables": lambda: {"Limit": self._random.choice((1, 100)), "ExclusiveStartTableName": "fuzz"},
            "DescribeTimeToLive": lambda: {"TableName": self._table()},
            "TagResource": lambda: {"ResourceArn": ARN, "Tags": tags},
            "UntagResource": lambda: {"ResourceArn": ARN, "TagKeys": ["a"]},
            "ListTagsOfResource": lambda: {"ResourceArn": ARN},
            "DescribeContinuousBackups": lambda: {"TableName": self._table()},
            "UpdateContinuousBackups": lambda: {
                "TableName": self._table(), "PointInTimeRecoverySpecification": recovery,
            },
            "PutResourcePolicy": lambda: {"ResourceArn": ARN, "Policy": '{"Statement": []}'},
            "GetResourcePolicy": lambda: {"ResourceArn": ARN},
            "DeleteResourcePolicy": lambda: {"ResourceArn": ARN},
            "DescribeLimits": dict,
            "DescribeEndpoints": dict,
        }  # fmt: skip


def _places(body: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in a body."""
    if isinstance(body, dict):
        for key, member in list(body.items()):
            yield body, key
            yield from _places(member)
    elif isinstance(body, list):
        for position, member in enumerate(body):
            yield body, position
            yield from _places(member)


def engine() -> EmbeddedDynamoDB:
    """An engine with the two tables that the requests are about, and a clock that stands."""
    database = EmbeddedDynamoDB(clock=lambda: NOW_SECONDS, history_records=100)
    types = [{"AttributeName": "pk", "AttributeType": "S"}]
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    plain = {
        "TableName": PLAIN,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": types,
        "StreamSpecification": stream,
        "DeletionProtectionEnabled": True,
    }
    database.call("CreateTable", plain)
    key = {"AttributeName": "pk", "KeyType": "HASH"}
    database.call(
        "CreateTable",
        {
            **plain,
            "TableName": SORTED,
            "KeySchema": [key, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "AttributeDefinitions": [
                *types, {"AttributeName": "sk", "AttributeType": "N"}, {"AttributeName": "n", "AttributeType": "N"},
            ],
            "LocalSecondaryIndexes": [
                {
                    "IndexName": "local",
                    "KeySchema": [key, {"AttributeName": "n", "KeyType": "RANGE"}],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["s"]},
                }
            ],
        },
    )  # fmt: skip
    return database


class Model:
    """What is in the tables, by the changes that were told: a second opinion."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Any, Any]] = {}
        """Attributes by key, by the id of a table."""

    def changed(self, changes: Sequence[JournaledChange]) -> None:
        """Note what was changed together."""
        for table, old, new, _ in changes:
            items = self.tables.setdefault(table.table_id, {})
            if old is not None:
                assert items.pop(table.target(old.attrs)) == old.attrs
            if new is not None:
                assert items.setdefault(table.target(new.attrs), new.attrs) is new.attrs


def check(database: EmbeddedDynamoDB, model: Model) -> None:
    """Raise AssertionError unless tables, the model of them, indexes, sizes and a saved state agree."""
    restarted = EmbeddedDynamoDB(clock=lambda: NOW_SECONDS)
    restarted.load(database.dump())
    for name, table in database.backend.tables.items():
        modelled = model.tables.get(table.table_id, {})
        assert {table.target(item.attrs): item.attrs for item in table.primary.scan()} == modelled
        items = list(table.primary.scan())
        assert len(items) == len(table)
        assert sum(item.size_bytes for item in items) == table.primary.size_bytes
        for index in table.indexes.values():
            wanted = [index.entry(item) for item in items]
            kept = sorted(str(item.attrs) for item in wanted if item is not None)
            assert kept == sorted(str(item.attrs) for item in index.entries.scan()), index.definition.name
        again = restarted.backend.tables[name]
        assert [item.attrs for item in again.primary.scan()] == [item.attrs for item in items]
        assert {name: len(index.entries) for name, index in again.indexes.items()} == {
            name: len(index.entries) for name, index in table.indexes.items()
        }


def run(requests: int, seed: int, done: Counter[str] | None = None) -> Counter[str]:
    """Send so many requests, and count the answers by status and code; ``done`` counts successes by operation.

    Raises:
        AssertionError: one was answered with 500 or too late, or the tables are damaged.
    """
    fuzzer, database, model = Fuzzer(seed), engine(), Model()
    database.backend.journal = model.changed
    answers: Counter[str] = Counter()
    for number in range(1, requests + 1):
        target, body = fuzzer.request()
        started = time.perf_counter()
        response = database.handle(HttpRequest("POST", "/", (), body, "127.0.0.1", {"x-amz-target": target}))
        seconds = time.perf_counter() - started
        assert response.status in (200, 400), (target, body[:2000], response.body)
        assert seconds < SLOW_SECONDS, (target, body[:2000], seconds)
        content = json.loads(response.body or b"{}")
        answers[f"{response.status} {content.get('__type', '').rpartition('#')[2]}".strip()] += 1
        if response.status == 200 and done is not None:
            done[target] += 1
        if number % CHECKED_EVERY == 0 or number == requests:
            check(database, model)
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.perf_counter()
    done: Counter[str] = Counter()
    answers = run(arguments.requests, arguments.seed, done)
    print(f"{arguments.requests:,} requests in {time.perf_counter() - started:.0f} s, none a 500, tables whole")
    for name, count in answers.most_common():
        print(f"{count:>9,}  {name}")
    print(f"{len(done)} operations succeeded: {', '.join(sorted(target.rpartition('.')[2] for target in done))}")


if __name__ == "__main__":
    main()
