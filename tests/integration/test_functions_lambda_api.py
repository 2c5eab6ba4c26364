"""boto3's Lambda client against the local Lambda API."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from functions_world import Lines, topology_of

from emulator.functions.factory import create_functions
from emulator.functions.logs import Fanout, Tails
from emulator.functions.response_stream import CHUNK_BYTES
from emulator.functions.service import LambdaService
from emulator.functions.variables import Endpoints
from emulator.port.http import Handler
from emulator.port.http1 import HttpProtocol
from streamer.topology import AsyncInvocation, Queue, Topology

CODE = """
def echo(event, context):
    print("hello")
    return event
def fails(event, context): raise ValueError("no")
"""


class Destination:
    def __init__(self) -> None:
        self.documents: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue()

    async def send(
        self, queue_name: str, document: Mapping[str, Any] | str, attributes: Mapping[str, Any] | None = None
    ) -> None:
        assert isinstance(document, Mapping)
        self.documents.put_nowait((queue_name, document))


class World:
    def __init__(self, client: Any, destination: Destination) -> None:
        self._client = client
        self.destination = destination

    async def invoke(self, **arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await asyncio.to_thread(self._client.invoke, **arguments)
        answer["Payload"] = await asyncio.to_thread(answer["Payload"].read)
        return answer

    async def stream(self, **arguments: Any) -> list[Any]:
        return await asyncio.to_thread(
            lambda: list(self._client.invoke_with_response_stream(**arguments)["EventStream"])
        )

    @property
    def errors(self) -> Any:
        return self._client.exceptions


class Connection(HttpProtocol):
    """A connection that can be ended: a client keeps it as long as something refers to one of its answers."""

    def __init__(self, handler: Handler, connections: list[Connection]) -> None:
        super().__init__(handler)
        self._lost = asyncio.Event()
        connections.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._mine = transport

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._lost.set()

    async def end(self) -> None:
        self._mine.close()
        await asyncio.wait_for(self._lost.wait(), 60)


@asynccontextmanager
async def running(folder: Path, topology: Topology) -> AsyncIterator[World]:
    (folder / "handlers.py").write_text(CODE)
    tails = Tails()
    sink = Fanout(Lines(platform_lines=False), tails)
    destination = Destination()
    functions = create_functions(topology, "inline", endpoints=Endpoints(), project_folder=folder, log_sink=sink)
    async with functions:
        service = LambdaService(
            topology,
            functions,
            endpoints=Endpoints(),
            destinations=destination,
            tails=tails,
            retry_seconds=(0.0, 0.0),
        )
        connections: list[Connection] = []
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(service.handle, connections), "127.0.0.1", 0
        )
        async with service, server:
            lambda_client = await asyncio.to_thread(client, server.sockets[0].getsockname()[1])
            yield World(lambda_client, destination)
            lambda_client.close()
            for connection in connections:
                await connection.end()


def client(port: int) -> Any:
    return boto3.client(
        "lambda",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    topology = topology_of("echo", "fails")
    async with running(tmp_path, topology) as world:
        yield world


async def test_invoke_answers_with_the_result(world: World) -> None:
    answer = await world.invoke(FunctionName="echo", Payload=b'{"a": 1}')

    assert (answer["StatusCode"], answer["Payload"], answer["ExecutedVersion"]) == (200, b'{"a": 1}', "$LATEST")
    assert "FunctionError" not in answer


async def test_invoke_answers_with_the_error(world: World) -> None:
    answer = await world.invoke(FunctionName="fails")

    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    error = json.loads(answer["Payload"])
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no")
    assert error["requestId"] == answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("arn:aws:lambda:us-east-1:123456789012:function:echo", id="ARN"),
        pytest.param("arn:aws:lambda:us-east-1:123456789012:function:echo:$LATEST", id="qualified ARN"),
        pytest.param("123456789012:function:echo", id="partial ARN"),
    ],
)
async def test_a_function_may_be_named_by_its_arn(world: World, name: str) -> None:
    assert (await world.invoke(FunctionName=name, Payload=b"1"))["Payload"] == b"1"


async def test_the_end_of_the_log_comes_back_on_request(world: World) -> None:
    answer = await world.invoke(FunctionName="echo", LogType="Tail", Payload=b"1")

    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert lines[1] == "hello"
    assert lines[2] == f"END RequestId: {request_id}"
    assert lines[3].startswith(f"REPORT RequestId: {request_id}\t")


async def test_a_response_may_be_asked_for_as_a_stream(world: World) -> None:
    text = json.dumps("x" * CHUNK_BYTES).encode()
    *chunks, complete = await world.stream(FunctionName="echo", Payload=text, LogType="Tail")
    failed = await world.stream(FunctionName="fails")

    assert b"".join(each["PayloadChunk"]["Payload"] for each in chunks) == text
    assert len(chunks) == 2
    assert b"hello" in base64.b64decode(complete["InvokeComplete"]["LogResult"])
    assert [
        (each["InvokeComplete"]["ErrorCode"], "no" in each["InvokeComplete"]["ErrorDetails"]) for each in failed
    ] == [("Unhandled", True)]


async def test_errors_are_boto3s_own_exceptions(world: World) -> None:
    with pytest.raises(world.errors.ResourceNotFoundException, match="Function not found: arn:aws:lambda:"):
        await world.invoke(FunctionName="absent")
    with pytest.raises(world.errors.ResourceNotFoundException, match="function:echo:live"):
        await world.invoke(FunctionName="echo", Qualifier="live")
    for payload in (b"{", b'{"a": NaN}', b"[-Infinity]", b"[" * 100_000, b'"\xff"'):
        with pytest.raises(world.errors.InvalidRequestContentException, match="Could not parse request body into json"):
            await world.invoke(FunctionName="echo", Payload=payload)
    with pytest.raises(world.errors.RequestTooLargeException):
        await world.invoke(FunctionName="echo", Payload=b" " * 6_291_457)


async def test_throttling_is_boto3s_own_exception(tmp_path: Path) -> None:
    async with running(tmp_path, topology_of("echo", reserved_concurrency=0)) as world:
        with pytest.raises(world.errors.TooManyRequestsException, match="Rate Exceeded") as refused:
            await world.invoke(FunctionName="echo")

    assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


async def test_an_event_that_keeps_failing_ends_at_its_destination(tmp_path: Path) -> None:
    functions = topology_of("fails")
    topology = Topology(
        api=functions.api,
        functions=functions.functions,
        queues=(Queue(name="dead"),),
        async_invocations=(AsyncInvocation(function="fails", on_failure="dead"),),
    )

    async with running(tmp_path, topology) as world:
        answer = await world.invoke(FunctionName="fails", InvocationType="Event", Payload=b'{"a": 1}')
        queue, document = await asyncio.wait_for(world.destination.documents.get(), 60)

    assert (answer["StatusCode"], answer["Payload"], queue) == (202, b"", "dead")
    assert document["requestContext"]["condition"] == "RetriesExhausted"
    assert document["requestContext"]["approximateInvokeCount"] == 3
    assert document["requestPayload"] == {"a": 1}
    assert document["responsePayload"]["requestId"] == answer["ResponseMetadata"]["RequestId"]


async def test_a_dry_run_is_answered_with_204(world: World) -> None:
    assert (await world.invoke(FunctionName="echo", InvocationType="DryRun"))["StatusCode"] == 204
