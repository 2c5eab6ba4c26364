"""The emulator has everything that a service's topology names; the template of the deployer is held to the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.loading import load_app
from streamer.topology import Table, Topology

TARGET = "streamer.demo:app"


@pytest.fixture(scope="module")
def topology() -> Topology:
    secret = "a-secret-of-at-least-thirty-two-characters"
    return load_app(TARGET).topology(target=TARGET, environment={"JWT_SECRET": secret, "STREAMER_ENV": "development"})


@pytest.fixture(scope="module")
def running(topology: Topology, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorThread]:
    folder = tmp_path_factory.mktemp("emulator")
    config = EmulatorConfig(project_folder=folder, state_folder=folder, isolation="inline")
    with EmulatorThread(topology, config) as emulator:
        yield emulator


def client(running: EmulatorThread, service: str) -> Any:
    return boto3.client(service, **running.aws(service))


def test_every_table_is_there_with_its_key_indexes_stream_and_ttl(running: EmulatorThread, topology: Topology) -> None:
    dynamodb = client(running, "dynamodb")

    assert set(dynamodb.list_tables()["TableNames"]) == {table.name for table in topology.tables}
    for table in topology.tables:
        described = dynamodb.describe_table(TableName=table.name)["Table"]
        assert [key["AttributeName"] for key in described["KeySchema"]] == list(table.key.attributes())
        assert index_keys(described) == {index.name: list(index.key.attributes()) for index in table.indexes}
        assert described.get("StreamSpecification", {}).get("StreamViewType") == stream_view(table)
        ttl = dynamodb.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
        assert ttl.get("AttributeName") == table.ttl_attribute


def index_keys(described: dict[str, Any]) -> dict[str, list[str]]:
    indexes = described.get("GlobalSecondaryIndexes", [])
    return {index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]] for index in indexes}


def stream_view(table: Table) -> str | None:
    return None if table.stream is None else table.stream.value


def test_every_function_can_be_invoked_and_no_other(running: EmulatorThread, topology: Topology) -> None:
    functions = client(running, "lambda")

    for function in topology.functions:
        # An event that no handler of ours expects: what counts is that Lambda knows the function.
        answer = functions.invoke(FunctionName=function.name, Payload=b"null")
        answer["Payload"].close()
        assert answer["StatusCode"] == 200
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.invoke(FunctionName="another")


def test_every_queue_is_there(running: EmulatorThread, topology: Topology) -> None:
    urls = client(running, "sqs").list_queues().get("QueueUrls", [])

    assert {url.rpartition("/")[2] for url in urls} == {queue.name for queue in topology.queues}


def test_every_stream_is_read_by_its_function(running: EmulatorThread, topology: Topology) -> None:
    assert [status.mapping for status in running._emulator.mappings.statuses] == list(topology.event_source_mappings)
