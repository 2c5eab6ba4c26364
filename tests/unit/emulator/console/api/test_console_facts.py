"""What the console tells of the emulator itself: every limit and every assumption has a row that tells why."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from every_feature import every_feature

from emulator.console.api.facts import ROWS, described
from emulator.gateway.rules.assumptions import Assumptions
from emulator.gateway.rules.limits import Limits
from streamer.topology import Api, Route, Topology
from streamer.topology.http_apis import HttpApi, HttpRoute
from streamer.topology.http_kinds import HttpKind
from streamer.topology.kinesis import KinesisMapping

FIDELITY = Path(__file__).parents[5] / "docs" / "fidelity.md"


def test_every_limit_and_assumption_leads_to_a_row() -> None:
    named = {each.name for kind in (Limits, Assumptions) for each in dataclasses.fields(kind)}
    rows = set(re.findall(r"^\| ([A-Z]\d*) \|", FIDELITY.read_text(encoding="utf-8"), re.MULTILINE))

    assert set(ROWS) == named
    assert set(ROWS.values()) <= rows


def test_mappings_of_tables_queues_and_streams_are_told() -> None:
    kinesis = (KinesisMapping(function="router", stream="clicks"),)
    topology = dataclasses.replace(every_feature(), kinesis_mappings=kinesis)

    told = described(topology)["mappings"]

    for kind, mappings in (
        ("table", topology.event_source_mappings),
        ("queue", topology.queue_mappings),
        ("stream", topology.kinesis_mappings),
    ):
        assert mappings
        assert [each[kind] for each in told if kind in each] == [getattr(each, kind) for each in mappings]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("$request.body.action", {"action": "say"}),
        ("${request.body.what.kind}", {"what": {"kind": "say"}}),
        ("${request.body.service}/${request.body.operation}", None),
        ("$request.body[0]", None),
        ("\\$default", None),
    ],
)
def test_a_route_is_told_with_a_message_that_it_is_chosen_for(expression: str, message: Any) -> None:
    routes = (Route(route_key="$connect", function="hello"), Route(route_key="say", function="chat:live"))
    api = Api(name="Chat", routes=routes, route_selection_expression=expression)
    web = HttpApi(name="Shop", kind=HttpKind.REST, api_id="a", routes=(HttpRoute(path="/x", method="GET"),))

    told = described(Topology(api=api, functions=(), tables=(), http_apis=(web,)))["routes"]

    assert told == [
        {"api": "Chat", "route": "$connect", "function": "hello", "message": None},
        {"api": "Chat", "route": "say", "function": "chat", "message": message},
        {"api": "Shop, REST API", "route": "GET /x", "function": None, "message": None},
    ]
