"""DynamoDB engines behind a real socket: ours, and plain moto for comparison."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from emulator.dynamodb.engine import EmbeddedDynamoDB
from emulator.port.http import Handler
from emulator.port.http1 import HttpProtocol

KEY = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]


@dataclass
class Engine:
    """A DynamoDB endpoint and what tests need of it."""

    url: str
    clients: list[Any] = field(default_factory=list, kw_only=True)

    def client(self, service: str = "dynamodb", **options: Any) -> Any:
        """A boto3 client of this endpoint, without retries."""
        options.setdefault("region_name", "us-east-1")
        client = boto3.client(
            service,
            endpoint_url=self.url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, max_pool_connections=64),
            **options,
        )
        self.clients.append(client)
        return client

    def close(self) -> None:
        """Close the connections of all clients."""
        for client in self.clients:
            client.close()


@dataclass
class OurEngine(Engine):
    """The emulator's own."""

    embedded: EmbeddedDynamoDB


class _Server:
    """An event loop in a thread, with an HTTP server on it."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.new_event_loop()
        self._transports: list[asyncio.BaseTransport] = []
        self._server = self._loop.run_until_complete(self._loop.create_server(self._protocol, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="embedded-dynamodb")
        self._thread.start()

    def _protocol(self) -> HttpProtocol:
        transports = self._transports

        class Tracked(HttpProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                transports.append(transport)
                super().connection_made(transport)

        return Tracked(self._handler)

    async def _close(self) -> None:
        self._server.close()
        for transport in self._transports:
            transport.close()
        await self._server.wait_closed()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def embedded_engine(**options: Any) -> Iterator[OurEngine]:
    """Our engine on an event loop of its own thread, as the emulator's front serves it."""
    database = EmbeddedDynamoDB(**options)
    server = _Server(database.handle)
    engine = OurEngine(f"http://127.0.0.1:{server.port}", database)
    try:
        yield engine
    finally:
        engine.close()
        server.close()


@contextmanager
def plain_moto() -> Iterator[Engine]:
    """moto's own server, in threads of this process, with no tables."""
    from moto.backends import get_backend
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        engine = Engine(f"http://{host}:{port}")
        yield engine
    finally:
        engine.close()
        server.stop()
        for name in ("dynamodb", "dynamodbstreams", "sqs"):
            get_backend(name).reset()


def create_table(client: Any, name: str = "things", *, view: str | None = "NEW_AND_OLD_IMAGES", **more: Any) -> Any:
    """A table with partition and sort key, an index by ``owner`` and ``rank``, and a stream."""
    request: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": KEY,
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "owner", "AttributeType": "S"},
            {"AttributeName": "rank", "AttributeType": "N"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-owner",
                "KeySchema": [
                    {"AttributeName": "owner", "KeyType": "HASH"},
                    {"AttributeName": "rank", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    }
    if view is not None:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
    request = {name: value for name, value in {**request, **more}.items() if value is not None}
    return client.create_table(**request)


def key(pk: str, sk: str = "1") -> dict[str, Any]:
    """A key of that table."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def item(pk: str, sk: str = "1", **attributes: Any) -> dict[str, Any]:
    """An item of that table; strings, numbers and bytes become attribute values, other things are taken as such."""
    kinds: dict[type, Any] = {
        str: lambda value: {"S": value},
        int: lambda value: {"N": str(value)},
        bytes: lambda value: {"B": value},
    }
    return {**key(pk, sk), **{n: kinds.get(type(v), lambda value: value)(v) for n, v in attributes.items()}}


def records(engine: Engine, table: str = "things", kind: str = "TRIM_HORIZON", **more: Any) -> list[dict[str, Any]]:
    """The records of a table's stream, read once through a new iterator."""
    streams = engine.client("dynamodbstreams")
    iterator = shard_iterator(engine, table, kind, **more)
    return list(streams.get_records(ShardIterator=iterator)["Records"])


def shard_iterator(engine: Engine, table: str = "things", kind: str = "TRIM_HORIZON", **more: Any) -> str:
    """A new iterator of the stream's only shard."""
    streams = engine.client("dynamodbstreams")
    arn = engine.client().describe_table(TableName=table)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    answer = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **more)
    return str(answer["ShardIterator"])
