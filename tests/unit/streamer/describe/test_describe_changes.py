"""What breaks clients that know an older description, and what does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from described_app import app

from streamer.describe import Info, describe
from streamer.describe.changes import changes

OLD = json.loads(json.dumps(describe(app, Info(title="folder")).document()))
"""With a schema that is given as well as taken no more: what widens one narrows the other."""
next(each for each in OLD["actions"] if each["name"] == "old")["result"] = None
Change = Callable[[Any], object]


def action(document: Any, name: str) -> Any:
    return next(each for each in document["actions"] if each["name"] == name)


def new_action(document: Any) -> None:
    document["actions"].append({**action(document, "order"), "name": "another"})


BREAKING: dict[str, tuple[Change, str]] = {
    "an action is gone": (lambda new: new["actions"].pop(0), "action order is gone"),
    "a topic is gone": (lambda new: new["topics"].pop(0), "topic orders/new is gone"),
    "quick became queued": (lambda new: action(new, "order").update(queued=True), "action order is queued now"),
    "a permission was added": (
        lambda new: action(new, "order").update(permissions=["shop:order", "vip"]),
        "action order needs the permissions vip",
    ),
    "a field is required": (
        lambda new: new["schemas"]["Order"]["required"].append("note"),
        "the payload of order needs note",
    ),
    "a type is narrower": (
        lambda new: new["schemas"]["Item"]["properties"]["sku"].update(type="integer"),
        "sku of items",
    ),
    "a field of a result is gone": (
        lambda new: new["schemas"]["Receipt"]["properties"].pop("number"),
        "the result of order has no number any more",
    ),
    "a field of a result may be missing": (
        lambda new: new["schemas"]["Receipt"].update(required=[]),
        "the result of order may be without number",
    ),
    "what was anything is something": (
        lambda new: action(new, "old").update(payload={"type": "string"}),
        "the payload of old is string, and was anything",
    ),
    "a value is not taken any more": (
        lambda new: new["schemas"]["Order"]["properties"]["kind"].update(enum=["new"]),
        "kind of the payload of order",
    ),
}
COMPATIBLE: dict[str, tuple[Change, str]] = {
    "a new action": (new_action, "action another is new"),
    "a new topic": (lambda new: new["topics"].append({**new["topics"][0], "name": "x"}), "topic x is new"),
    "a field that may be left out": (
        lambda new: new["schemas"]["Order"]["properties"].update(more={"type": "string"}),
        "the payload of order may have more",
    ),
    "a field is not required any more": (lambda new: new["schemas"]["Order"].update(required=[]), "words changed"),
    "a result has more": (
        lambda new: new["schemas"]["Receipt"]["properties"].update(more={"type": "string"}),
        "the result of order has more",
    ),
    "other words": (lambda new: action(new, "order").update(summary="Buy."), "summary of action order changed"),
    "one more value is taken": (
        lambda new: new["schemas"]["Order"]["properties"]["kind"]["enum"].append("gift"),
        "kind of the payload of order",
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_it_breaks_clients_if(name: str) -> None:
    change, words = BREAKING[name]
    new = copy.deepcopy(OLD)
    change(new)
    found = [each.text for each in changes(OLD, new) if each.is_breaking]

    assert any(words in text for text in found), found


@pytest.mark.parametrize("name", COMPATIBLE)
def test_it_breaks_nobody_to_have(name: str) -> None:
    change, words = COMPATIBLE[name]
    new = copy.deepcopy(OLD)
    change(new)
    found = changes(OLD, new)

    assert [each.text for each in found if each.is_breaking] == []
    assert any(words in each.text for each in found), found


def test_the_same_is_the_same() -> None:
    assert changes(OLD, copy.deepcopy(OLD)) == []
