"""The deployer's template, read by the resolver, is the topology that it was made of."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from every_feature import every_feature
from hypothesis import given, settings
from hypothesis import strategies as st
from loaded_target import load_target

from deploy.stack.publishing import ALIAS
from deploy.stack.settings import StackSettings
from deploy.stack.template import template
from emulator.templates.located import Located
from emulator.templates.resources.kind import Place
from emulator.templates.source import load
from emulator.templates.stack import Resource, Stack, Surroundings, resolve
from emulator.templates.topology import Wanted, describe
from streamer.project import Project
from streamer.topology import (
    CONNECT,
    Api,
    EventSourceMapping,
    Function,
    Index,
    Key,
    Queue,
    QueueMapping,
    Route,
    Schedule,
    StreamView,
    Table,
    Throttle,
    Topology,
    queue_url_variable,
)

ROOT = Path(__file__).parents[2]
STACK = "shop-prod"
OF_AWS = {
    *("STREAMER_SECRETS", "STREAMER_HANDLER", "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"),
    *("AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL"),
}
"""Variables by which functions get their secrets, the API's own address, and how they log."""
SETTINGS = StackSettings(stack_name=STACK, access_logs=False)
PLACE = Place(stack=STACK, region="us-east-1", account_id="123456789012", partition="aws", url_suffix="amazonaws.com")


def there_and_back(topology: Topology) -> Topology:
    """What the resolver makes of the deployer's template."""
    document = template(topology, SETTINGS)
    parameters = dict.fromkeys(document["Parameters"], "p" * 40)
    parameters |= {f"ApiKey{number}Value": key for number, key in enumerate(topology.api.api_keys, 1)}
    stack = resolve(load(json.dumps(document), "stack.json"), Surroundings(place=PLACE, parameters=parameters))
    return describe([stack], locate, Wanted()).topology


def locate(stack: Stack, resource: Resource) -> Located:
    return Located()


def _listed(function: Function) -> list[str]:
    return function.environment.get("STREAMER_SECRETS", "").split(",")


def normal(topology: Topology) -> Topology:
    """Without what AWS or the deployer chooses: names, aliases, permissions, secrets, the order."""

    def own(name: str) -> str:
        return name.removeprefix(f"{STACK}-").removesuffix(f":{ALIAS}")

    def own_if_any(name: str | None) -> str | None:
        return None if name is None else own(name)

    def function(each: Function) -> Function:
        return Function(
            name=own(each.name),
            handler=each.environment.get("STREAMER_HANDLER", each.handler),
            environment={k: v for k, v in each.environment.items() if k not in aws},
            timeout_seconds=each.timeout_seconds,
            memory_mb=each.memory_mb,
            reserved_concurrency=each.reserved_concurrency,
        )

    secrets = {name for each in topology.functions for name in (*each.secrets, *_listed(each))}
    aws = OF_AWS | secrets | {f"{name}_ARN" for name in secrets}
    aws |= {queue_url_variable(own(each.name)) for each in topology.queues}
    # A template's buckets are made by calls, not by the topology.
    aws |= {name for each in topology.functions for name in each.environment if name.endswith("_BUCKET")}
    api = topology.api
    numbers = {each.name: f"a{number}" for number, each in enumerate(api.authorizers)}
    routes = [
        dataclasses.replace(
            each,
            function=own(each.function),
            authorizer=None if each.authorizer is None else numbers[each.authorizer],
            model_selection=each.model_selection if each.models or each.model_selection else None,
        )
        for each in api.routes
    ]
    return Topology(
        api=dataclasses.replace(
            api,
            name="",
            api_id=None,
            routes=tuple(routes),
            authorizers=tuple(
                dataclasses.replace(each, name=numbers[each.name], function=own(each.function))
                for each in api.authorizers
            ),
            throttle=api.throttle or Throttle(rate=float(SETTINGS.throttle_rate), burst=SETTINGS.throttle_burst),
        ),
        functions=tuple(function(each) for each in topology.functions),
        tables=topology.tables,
        queues=tuple(
            dataclasses.replace(each, name=own(each.name), dead_letter_queue=own_if_any(each.dead_letter_queue))
            for each in topology.queues
        ),
        event_source_mappings=tuple(
            dataclasses.replace(each, function=own(each.function), on_failure=own_if_any(each.on_failure))
            for each in topology.event_source_mappings
        ),
        queue_mappings=tuple(
            dataclasses.replace(each, function=own(each.function), queue=own(each.queue))
            for each in topology.queue_mappings
        ),
        async_invocations=tuple(
            sorted(
                (
                    dataclasses.replace(
                        each,
                        function=own(each.function),
                        on_failure=own_if_any(each.on_failure),
                        on_success=own_if_any(each.on_success),
                        dead_letters=own_if_any(each.dead_letters),
                    )
                    for each in topology.async_invocations
                ),
                key=lambda each: each.function,
            )
        ),
        schedules=tuple(dataclasses.replace(each, name="", function=own(each.function)) for each in topology.schedules),
    )


def test_everything_that_a_topology_can_say_comes_back() -> None:
    topology = every_feature()

    assert normal(there_and_back(topology)) == normal(topology)


@pytest.mark.parametrize(
    ("target", "folder"),
    [
        pytest.param("streamer.demo:app", ".", id="the demo"),
        pytest.param("app:app", "examples/reports", id="an App"),
        pytest.param("service:chat", "examples/plain_handlers", id="plain handlers"),
    ],
)
def test_the_demo_and_the_examples_come_back(target: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "modules", {**sys.modules})
    project = Project(folder=ROOT / folder, code=ROOT / folder)
    topology = load_target(target, project, environment={"JWT_SECRET": "s" * 40}).topology

    assert normal(there_and_back(topology)) == normal(topology)


NAMES = st.from_regex(r"[a-z][a-z0-9]{2,6}(-[a-z0-9]{1,4})?", fullmatch=True)


@st.composite
def topologies(draw: Any) -> Topology:
    functions = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    one = st.sampled_from(functions)
    throttles = st.none() | st.builds(Throttle, rate=st.integers(1, 100).map(float), burst=st.integers(1, 100))
    keys = draw(st.lists(NAMES, max_size=4, unique=True))
    routes = [
        Route(
            route_key=key,
            function=draw(one),
            route_response=draw(st.booleans()),
            throttle=draw(throttles),
            integration_timeout_seconds=draw(st.integers(50, 29_000)) / 1000,
        )
        for key in keys
    ]
    if draw(st.booleans()):
        routes.append(Route(route_key=CONNECT, function=draw(one), iam=draw(st.booleans())))
    tables = [
        Table(
            name=name,
            key=Key(partition="p", sort=draw(st.none() | st.just("s")), types=draw(st.sampled_from([{}, {"p": "N"}]))),
            indexes=tuple(draw(st.lists(st.builds(Index, name=NAMES, key=st.just(Key(partition="i"))), max_size=1))),
            ttl_attribute=draw(st.none() | st.just("ttl")),
            stream=draw(st.none() | st.sampled_from(StreamView)),
        )
        for name in draw(st.lists(NAMES, max_size=3, unique=True))
    ]
    queues = [
        Queue(name=name, visibility_timeout_seconds=draw(st.integers(900, 1000)))
        for name in draw(st.lists(NAMES, max_size=2, unique=True))
    ]
    mappings = [
        EventSourceMapping(function=draw(one), table=each.name, batch_size=draw(st.integers(1, 100)))
        for each in tables
        if each.stream is not None
    ]
    readers = [
        QueueMapping(function=draw(one), queue=each.name, batch_size=draw(st.integers(1, 10))) for each in queues
    ]
    schedules = [
        Schedule(
            name=name,
            function=draw(one),
            event=draw(st.none() | st.just({"a": 1})),
            rate_minutes=draw(st.integers(1, 99)),
        )
        for name in draw(st.lists(NAMES, max_size=2, unique=True))
    ]
    return Topology(
        api=Api(name="api", routes=tuple(routes), stage=draw(NAMES), throttle=draw(throttles)),
        functions=tuple(
            Function(
                name=name,
                handler="app.handler",
                timeout_seconds=float(draw(st.integers(1, 900))),
                memory_mb=draw(st.integers(128, 1000)),
            )
            for name in functions
        ),
        tables=tuple(tables),
        queues=tuple(queues),
        event_source_mappings=tuple(mappings),
        queue_mappings=tuple(readers),
        schedules=tuple(schedules),
    )


@settings(deadline=None)  # the machine's other work counts in it
@given(topologies())
def test_any_topology_comes_back(topology: Topology) -> None:
    assert normal(there_and_back(topology)) == normal(topology)
