"""The console's way to the tables: operations on items, as their owner, and nothing of it recorded."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_world import Asked, running
from javascript_tools import node

from emulator.console.recording.masking import HIDDEN
from emulator.console.settings import ConsoleSettings
from streamer.observability.redaction import is_sensitive

SECRET = "s" * 32
TABLE = "streamer_subscriptions"
ITEM = {"connection_id": {"S": "c1"}, "target": {"S": "acme#topic:news"}, "endpoint": {"S": "https://x"}}
KEY = {name: ITEM[name] for name in ("connection_id", "target")}
CHANGE = """
const [file, key, item, next] = JSON.parse(process.argv[1]);
const { change } = await import(file);
console.log(JSON.stringify(change(key, item, next)));
"""
BRIEF = """
const [file, named] = JSON.parse(process.argv[1]);
const { brief } = await import(file);
console.log(JSON.stringify(named.map(([name, value]) => brief(name, value))));
"""
ITEMS_JS = Path(__file__).resolve().parents[2] / "emulator" / "console" / "static" / "items.js"


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


def of_items(script: str, *about: Any) -> Any:
    """What the page's module of items makes of something."""
    told = json.dumps([str(ITEMS_JS), *about])
    done = subprocess.run(
        [node(), "--input-type=module", "-e", script, told], capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout)


def changing(item: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """What the page asks for to make an item as it shows it another one."""
    return {"TableName": TABLE, **of_items(CHANGE, {"partition": "connection_id", "sort": "target"}, item, wanted)}


@pytest.mark.needs_node
def test_a_list_shows_values_in_few_characters_without_those_whose_names_say_that_they_are_secret() -> None:
    shown: dict[str, tuple[Any, str]] = {
        "name": ({"S": "ada"}, "ada"),
        "count": ({"N": "1.50"}, "1.50"),
        "is_open": ({"BOOL": True}, "true"),
        "nothing": ({"NULL": True}, "null"),
        "nested": (
            {"M": {"db_pwd": {"S": "x"}, "n": {"L": [{"M": {"Api-Key": {"S": "x"}}}]}}},
            f'{{"db_pwd":"{HIDDEN}","n":[{{"Api-Key":"{HIDDEN}"}}]}}',
        ),
    }
    hidden = ("userPassword", "pwd", "cookies", "aws_secret_access_key", "private-key", "TOKEN")
    assert all(map(is_sensitive, hidden))

    values = {name: value for name, (value, _) in shown.items()} | {name: {"S": "x"} for name in hidden}
    told = of_items(BRIEF, list(values.items()))

    assert told == [*(text for _, text in shown.values()), *(HIDDEN for _ in hidden)]


@pytest.mark.needs_node
def test_what_others_have_added_to_an_item_stays_when_it_is_saved_and_when_that_is_undone(asked: Asked) -> None:
    shown = {**ITEM, "count": {"N": "1"}, "old": {"L": []}}
    wanted = {**ITEM, "count": {"N": "2"}, "constructor": {"S": "new"}}
    added = {"added": {"S": "by somebody else"}}
    perform(asked, "PutItem", TableName=TABLE, Item={**shown, **added})

    assert perform(asked, "UpdateItem", **changing(shown, wanted))[0] == 200
    assert perform(asked, "GetItem", TableName=TABLE, Key=KEY)[1]["Item"] == {**wanted, **added}
    assert perform(asked, "UpdateItem", **changing(shown, wanted))[0] == 409
    assert perform(asked, "UpdateItem", **changing(wanted, shown))[0] == 200
    assert perform(asked, "GetItem", TableName=TABLE, Key=KEY)[1]["Item"] == {**shown, **added}


@pytest.mark.needs_node
@pytest.mark.parametrize("now", [{**ITEM, "endpoint": {"S": "https://y"}}, KEY, None], ids=["other", "less", "gone"])
def test_an_item_that_is_not_as_it_was_shown_is_neither_saved_nor_deleted(
    asked: Asked, now: dict[str, Any] | None
) -> None:
    perform(asked, "DeleteItem", TableName=TABLE, Key=KEY)
    if now is not None:
        perform(asked, "PutItem", TableName=TABLE, Item=now)

    assert perform(asked, "UpdateItem", **changing(ITEM, {**ITEM, "endpoint": {"S": "https://z"}}))[0] == 409
    assert perform(asked, "DeleteItem", **changing(ITEM, ITEM))[0] == 409
    assert perform(asked, "GetItem", TableName=TABLE, Key=KEY)[1].get("Item") == now
