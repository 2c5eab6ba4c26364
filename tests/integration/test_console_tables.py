"""The console's way to the tables: operations on items, as their owner, and nothing of it recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from console_world import Asked, running

from emulator.console.settings import ConsoleSettings

SECRET = "s" * 32
TABLE = "streamer_subscriptions"
ITEM = {"connection_id": {"S": "c1"}, "target": {"S": "acme#topic:news"}, "endpoint": {"S": "https://x"}}
KEY = {name: ITEM[name] for name in ("connection_id", "target")}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("tables")
    with running(folder, "inline", ConsoleSettings(is_app=True), {"JWT_SECRET": SECRET}) as found:
        yield found


def perform(asked: Asked, operation: str, **parameters: Any) -> tuple[int, Any]:
    status, content, _headers = asked.ask(f"api/dynamodb/{operation}", method="POST", body=parameters)
    return status, content


def test_items_are_written_found_and_removed(asked: Asked) -> None:
    assert perform(asked, "PutItem", TableName=TABLE, Item=ITEM)[0] == 200
    assert perform(asked, "GetItem", TableName=TABLE, Key=KEY)[1]["Item"] == ITEM
    assert perform(asked, "Scan", TableName=TABLE, Select="COUNT")[1]["Count"] == 1
    assert perform(asked, "DeleteItem", TableName=TABLE, Key=KEY)[0] == 200
    assert perform(asked, "GetItem", TableName=TABLE, Key=KEY)[1] == {}


def test_a_condition_that_does_not_hold_is_a_conflict(asked: Asked) -> None:
    values = {":v": {"S": "other"}}

    status, content = perform(
        asked,
        "PutItem",
        TableName=TABLE,
        Item=ITEM,
        ConditionExpression="endpoint = :v",
        ExpressionAttributeValues=values,
    )

    assert (status, content["message"].partition(":")[0]) == (409, "ConditionalCheckFailedException")


@pytest.mark.parametrize(
    ("operation", "parameters", "status", "begin"),
    [
        ("DeleteTable", {"TableName": TABLE}, 404, "the console does not do DeleteTable"),
        ("Nothing", {}, 404, "the console does not do Nothing"),
        ("Scan", {"TableName": "nothing"}, 400, "ResourceNotFoundException: "),
        ("Scan", {}, 400, "ValidationException: "),
    ],
    ids=["of a table", "unknown", "no such table", "no table named"],
)
def test_what_is_refused_is_said_in_one_line(
    asked: Asked, operation: str, parameters: dict[str, Any], status: int, begin: str
) -> None:
    found, content = perform(asked, operation, **parameters)

    assert (found, list(content)) == (status, ["message"])
    assert content["message"].startswith(begin)


def test_looking_is_not_recorded(asked: Asked) -> None:
    before = asked.get("events")["next"]

    perform(asked, "Scan", TableName=TABLE)

    assert [event["kind"] for event in asked.events(after=before) if event["kind"] == "call"] == []
