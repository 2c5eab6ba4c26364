"""Another description takes effect while connections are open."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from functions_world import kept_template
from msgspec import structs
from websockets.asyncio.client import connect

from emulator.functions.factory import Isolation
from emulator.functions.logs import LogSink
from emulator.functions.processes.launching import PLAIN_AHEAD
from emulator.functions.processes.means import Means
from emulator.services.calls import Call
from emulator.wiring.emulator import Emulator, EmulatorConfig
from streamer.errors import ConfigurationError, TopologyError
from streamer.topology import Api, Function, Key, Queue, QueueMapping, Route, Table, TableAccess, Topology
from streamer.topology.http_apis import HttpApi, HttpKind, HttpRoute, Validation

HANDLERS = """
import os

import boto3

def write(event, context):
    try:
        boto3.client("dynamodb").put_item(TableName="notes", Item={"id": {"S": "a"}})
    except Exception as error:
        return {"statusCode": 200, "body": str(error)}
    return {"statusCode": 200, "body": "written"}

def answer(event, context):
    return {"statusCode": 200, "body": os.environ["WORD"]}

def other(event, context):
    return {"statusCode": 200, "body": "other"}
"""

KEPT = kept_template(Means.of_this_machine(), PLAIN_AHEAD)


class Quiet:
    """A log that nobody reads."""

    platform_lines = False

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        pass


def topology(word: str = "one", *keys: str, **more: Any) -> Topology:
    routes = (Route(route_key=key, function="answer", route_response=True) for key in ("ask", *keys))
    return Topology(
        api=Api(name="api", routes=tuple(routes)),
        functions=(Function(name="answer", handler="handlers.answer", environment={"WORD": word}, timeout_seconds=30),),
        **more,
    )


async def asked(connection: Any, action: str = "ask") -> str:
    await connection.send(json.dumps({"action": action}))
    return str(await asyncio.wait_for(connection.recv(), 30))


def emulator(tmp_path: Path, isolation: Isolation, sink: LogSink | None = None) -> Emulator:
    (tmp_path / "handlers.py").write_text(HANDLERS)
    config = EmulatorConfig(
        project_folder=tmp_path, state_folder=tmp_path, isolation=isolation, iam="off", launched=KEPT
    )
    return Emulator(topology(), config, log_sink=sink or Quiet())


def filtered(*patterns: dict[str, Any]) -> QueueMapping:
    return QueueMapping(function="answer", queue="in", filters=patterns)


def with_model(schema: dict[str, Any]) -> HttpApi:
    validation = Validation(models={"application/json": schema})
    routes = (HttpRoute(path="/", function="answer", validation=validation),)
    return HttpApi(name="Web", kind=HttpKind.REST, api_id="webwebweb0", stage="dev", routes=routes)


@pytest.mark.parametrize("isolation", ["process", "inline"])
async def test_functions_and_routes_change_under_an_open_connection(isolation: Isolation, tmp_path: Path) -> None:
    async with emulator(tmp_path, isolation) as running, connect(running.websocket_url, open_timeout=60) as connection:
        assert await asked(connection) == "one"

        await running.apply(topology("two", "more"))
        assert (await asked(connection), await asked(connection, "more")) == ("two", "two")

        changed = topology("two")
        other = Function(name="other", handler="handlers.other", timeout_seconds=30)
        route = Route(route_key="ask", function="other", route_response=True)
        api = dataclasses.replace(changed.api, routes=(route,))
        await running.apply(dataclasses.replace(changed, api=api, functions=(other,)))
        assert await asked(connection) == "other"
        assert "Forbidden" in await asked(connection, "more")


def called(service: str, operation: str, **parameters: Any) -> Call:
    return Call(service=service, operation=operation, parameters=parameters, resource="R")


async def test_what_is_described_no_more_delivers_no_more(tmp_path: Path) -> None:
    queue = "arn:aws:sqs:us-east-1:123456789012:in"
    who = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:news", "Protocol": "sqs", "Endpoint": queue}
    topic = called("sns", "create_topic", Name="news")
    rule = called("events", "put_rule", Name="r", EventPattern='{"source": ["a"]}')
    targets = called("events", "put_targets", Rule="r", Targets=[{"Id": "q", "Arn": queue}])
    retained = [
        structs.replace(each, is_retained=True, parameters={**each.parameters, name: "kept"})
        for each, name in ((rule, "Name"), (targets, "Rule"))
    ]
    bucket = called("s3", "create_bucket", Bucket="uploads")
    told = {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]}
    tells = called("s3", "put_bucket_notification_configuration", Bucket="uploads", NotificationConfiguration=told)
    target = {"Arn": queue, "RoleArn": "arn:aws:iam::123456789012:role/r"}
    timed = {"Name": "s", "Target": target, "FlexibleTimeWindow": {"Mode": "OFF"}}
    later, sooner = (
        called("scheduler", "create_schedule", **timed, ScheduleExpression=f"at(2999-01-0{day}T00:00:00)")
        for day in (1, 2)
    )
    described, refused = (
        topology(queues=(Queue(name="in"),), tables=(Table(name="things", key=Key(partition=name)),))
        for name in ("id", "another")
    )
    async with emulator(tmp_path, "inline") as running:
        await running.apply(
            described, (topic, bucket, called("sns", "subscribe", **who), rule, targets, *retained, tells, later)
        )
        sns, events, s3, scheduler = (
            boto3.client(
                name,
                region_name="us-east-1",
                endpoint_url=running.url,
                aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
                aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            )
            for name in ("sns", "events", "s3", "scheduler")
        )
        with pytest.raises(ConfigurationError):
            await running.apply(refused, (topic, bucket))
        subscriptions = await asyncio.to_thread(sns.list_subscriptions)
        assert [each["Endpoint"] for each in subscriptions["Subscriptions"]] == [queue]

        await running.apply(described, (topic, bucket, sooner))
        assert (await asyncio.to_thread(sns.list_subscriptions))["Subscriptions"] == []
        assert [each["Name"] for each in (await asyncio.to_thread(events.list_rules))["Rules"]] == ["kept"]
        configuration = await asyncio.to_thread(s3.get_bucket_notification_configuration, Bucket="uploads")
        assert "QueueConfigurations" not in configuration
        schedule = await asyncio.to_thread(scheduler.get_schedule, Name="s")
        assert schedule["ScheduleExpression"] == "at(2999-01-02T00:00:00)"


async def test_tables_and_readers_of_queues_appear(tmp_path: Path) -> None:
    more: dict[str, Any] = {
        "tables": (Table(name="new", key=Key(partition="id")),),
        "queues": (Queue(name="jobs"),),
        "queue_mappings": (QueueMapping(function="answer", queue="jobs"),),
    }
    async with emulator(tmp_path, "process") as running:
        await running.apply(topology(**more))

        assert "new" in [table.name for table in running.topology.tables]
        await running.apply(topology())
        await running.apply(topology(**more))


@pytest.mark.parametrize(
    ("after", "error"),
    [
        pytest.param(
            dataclasses.replace(topology(), api=Api(name="else", routes=())), ConfigurationError, id="renamed"
        ),
        pytest.param(dataclasses.replace(topology(), functions=()), TopologyError, id="without its function"),
        pytest.param(
            dataclasses.replace(topology(), api=dataclasses.replace(topology().api, api_key_selection_expression="x")),
            TopologyError,
            id="an expression that is none",
        ),
        pytest.param(
            topology("two", queues=(Queue(name="in"),), queue_mappings=(filtered({"body": {"a": [[1]]}}),)),
            TopologyError,
            id="a filter that is none",
        ),
        pytest.param(
            topology("two", http_apis=(with_model({"type": "nonsense"}),)), TopologyError, id="a model that is none"
        ),
    ],
)
async def test_what_is_wrong_changes_nothing(after: Topology, error: type[Exception], tmp_path: Path) -> None:
    async with emulator(tmp_path, "process") as running, connect(running.websocket_url, open_timeout=60) as connection:
        with pytest.raises(error):
            await running.apply(after)

        assert await asked(connection) == "one"


@pytest.mark.parametrize("isolation", ["process", "inline"])
async def test_a_new_function_is_held_to_its_permissions_as_the_others_are(
    isolation: Isolation, tmp_path: Path
) -> None:
    (tmp_path / "handlers.py").write_text(HANDLERS)
    config = EmulatorConfig(
        project_folder=tmp_path, state_folder=tmp_path, isolation=isolation, iam="enforce", launched=KEPT
    )
    before = topology("one", "more", tables=(Table(name="notes", key=Key(partition="id")),))
    before = dataclasses.replace(
        before, api=Api(name="api", routes=(Route(route_key="ask", function="answer", route_response=True),))
    )

    def after(*tables: TableAccess) -> Topology:
        more = Function(name="more", handler="handlers.write", timeout_seconds=30, tables=tables)
        routes = (*before.api.routes, Route(route_key="more", function="more", route_response=True))
        api = Api(name="api", routes=routes)
        return dataclasses.replace(before, api=api, functions=(*before.functions, more))

    async with (
        Emulator(before, config, log_sink=Quiet()) as running,
        connect(running.websocket_url, open_timeout=60) as connection,
    ):
        await running.apply(after())
        assert "assumed-role/more-role/more is not authorized" in await asked(connection, "more")

        await running.apply(after(TableAccess(table="notes", actions=("PutItem",))))
        assert await asked(connection, "more") == "written"


async def test_routes_of_http_apis_change_too(tmp_path: Path) -> None:
    def described(path: str) -> Topology:
        route = HttpRoute(path=path, method="GET", function="answer")
        web = HttpApi(name="Web", kind=HttpKind.HTTP, api_id="webwebweb0", routes=(route,))
        return dataclasses.replace(topology(), http_apis=(web,))

    async with emulator(tmp_path, "inline") as running:
        await running.apply(described("/old"))
        url = running.http_urls["Web"]
        assert await status(f"{url}/old") == 200
        await running.apply(described("/new"))
        assert (await status(f"{url}/old"), await status(f"{url}/new")) == (404, 200)


async def status(url: str) -> int:
    """What a GET is answered."""

    def get() -> int:
        with contextlib.closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
            connection.request("GET", urlsplit(url).path)
            return connection.getresponse().status

    return await asyncio.to_thread(get)


async def test_several_apis_have_ports_of_their_own_and_share_what_is_behind_them(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text(HANDLERS)
    second = Api(name="second", stage="live", api_id="abcdefghij", routes=topology().api.routes)
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path, launched=KEPT)
    described = dataclasses.replace(topology(), more_apis=(second,))

    async with Emulator(described, config, log_sink=Quiet()) as running:
        first_url, second_url = running.websocket_urls
        async with connect(first_url, open_timeout=60) as one, connect(second_url, open_timeout=60) as two:
            assert (await asked(one), await asked(two)) == ("one", "one")
            assert running.connection_count == 2
        assert second_url.endswith("/live")
        assert first_url.split("/")[2] != second_url.split("/")[2]
