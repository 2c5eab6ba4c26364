"""The DynamoDB Streams API of any endpoint, reduced to what reading needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final, Protocol

from msgspec import Struct

from streamer.errors import ConfigurationError, StreamerError
from streamer.stores.local_clients import SESSION_VARIABLES, proxies

from .records import corrected
from .source import RawRecord


class StreamNotFoundError(ConfigurationError):
    """The table does not exist, or has no stream: AWS's ``Stream not found``. [REC] I21"""


class StreamsApiError(StreamerError):
    """The endpoint did not answer, or refused; it is worth trying again."""


class IteratorExpiredError(StreamsApiError):
    """The iterator is over 15 minutes old, or from before the endpoint's restart: open another."""


class TrimmedError(StreamsApiError):
    """The position asked for is no longer in the stream."""


class ShardDescription(Struct, frozen=True):
    """A shard as DescribeStream lists it."""

    shard_id: str
    parent_id: str | None = None
    is_closed: bool = False
    first_sequence_number: str | None = None
    last_sequence_number: str | None = None
    """The newest record's. None: there is none yet, or the endpoint does not tell; AWS does not."""


class Page(Struct, frozen=True):
    """What GetRecords answered."""

    records: Sequence[RawRecord]
    next_iterator: str | None
    """None: the shard is closed and was read to its end."""


class StreamsApi(Protocol):
    """Reading calls of DynamoDB Streams. All raise `StreamsApiError`."""

    async def stream_arn(self, table: str) -> str:
        """ARN of the table's stream.

        Raises:
            StreamNotFoundError: it has none.
        """
        ...

    async def shards(self, stream_arn: str) -> Sequence[ShardDescription]:
        """All shards, those that are closed included."""
        ...

    async def iterator(self, stream_arn: str, shard_id: str, kind: str, sequence_number: str | None = None) -> str:
        """An iterator of a kind such as ``TRIM_HORIZON``, ``LATEST`` or ``AFTER_SEQUENCE_NUMBER``."""
        ...

    async def records(self, iterator: str) -> Page:
        """At most 1,000 records or 1 MB from an iterator."""
        ...


_ERRORS: Final[Mapping[str, type[StreamsApiError]]] = {
    "ExpiredIteratorException": IteratorExpiredError,
    "TrimmedDataAccessException": TrimmedError,
}
_MISSING: Final = frozenset({"ResourceNotFoundException"})


def streams_error(code: str, message: str) -> StreamsApiError:
    """The exception for an error that the streams API answered with; ``code`` is AWS's."""
    return _ERRORS.get(code, StreamsApiError)(message)


class BotoStreamsApi:
    """`StreamsApi` over aiobotocore clients of ``dynamodb`` and ``dynamodbstreams``."""

    def __init__(self, dynamodb: Any, streams: Any) -> None:
        self._dynamodb = dynamodb
        self._streams = streams

    async def stream_arn(self, table: str) -> str:
        """ARN of the table's newest stream; raises StreamNotFoundError."""
        try:
            with _translated():
                answer = await self._dynamodb.describe_table(TableName=table)
        except StreamsApiError as error:
            if error_code(error) in _MISSING:
                raise StreamNotFoundError(f"Stream not found: there is no table {table!r}") from error
            raise
        arn = answer["Table"].get("LatestStreamArn")
        if not arn:
            raise StreamNotFoundError(f"Stream not found: table {table!r} has no stream")
        return str(arn)

    async def shards(self, stream_arn: str) -> Sequence[ShardDescription]:
        """All shards, from as many pages as there are."""
        found: list[ShardDescription] = []
        start: dict[str, str] = {}
        while True:
            with _translated():
                answer = await self._streams.describe_stream(StreamArn=stream_arn, **start)
            description = answer["StreamDescription"]
            found.extend(map(shard_description, description.get("Shards", ())))
            last = description.get("LastEvaluatedShardId")
            if not last:
                return found
            start = {"ExclusiveStartShardId": last}

    async def iterator(self, stream_arn: str, shard_id: str, kind: str, sequence_number: str | None = None) -> str:
        """A new iterator."""
        after = {} if sequence_number is None else {"SequenceNumber": sequence_number}
        with _translated():
            answer = await self._streams.get_shard_iterator(
                StreamArn=stream_arn, ShardId=shard_id, ShardIteratorType=kind, **after
            )
        return str(answer["ShardIterator"])

    async def records(self, iterator: str) -> Page:
        """One page, in AWS's shape."""
        with _translated():
            answer = await self._streams.get_records(ShardIterator=iterator)
        return Page([corrected(record) for record in answer.get("Records", ())], answer.get("NextShardIterator"))


def shard_description(shard: Mapping[str, Any]) -> ShardDescription:
    """A shard from DescribeStream's JSON."""
    numbers = shard.get("SequenceNumberRange", {})
    return ShardDescription(
        shard["ShardId"],
        shard.get("ParentShardId"),
        "EndingSequenceNumber" in numbers,
        numbers.get("StartingSequenceNumber"),
    )


@contextmanager
def _translated() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the embedded engine has no use for it

    try:
        yield
    except ClientError as error:
        raise streams_error(error.response.get("Error", {}).get("Code", ""), str(error)) from error
    except (BotoCoreError, OSError) as error:
        raise StreamsApiError(f"{type(error).__name__}: {error}") from error


def error_code(error: StreamsApiError) -> str:
    """AWS's code of the answer behind an error; empty if nothing answered."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - as above

    cause = error.__cause__
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""


@asynccontextmanager
async def connect_streams(endpoint_url: str | None, **client_settings: Any) -> AsyncIterator[BotoStreamsApi]:
    """Clients for an endpoint's streams, closed at the end.

    Args:
        endpoint_url: None is AWS itself.
        client_settings: further arguments of ``create_client``, such as ``region_name`` and credentials.
    """
    # 0.3 s to import, which the embedded engine never needs.
    from aiobotocore.config import AioConfig  # noqa: PLC0415
    from aiobotocore.session import get_session  # noqa: PLC0415

    session = get_session(dict(SESSION_VARIABLES))
    # The poller itself retries without end and logs it; botocore's silent retries would only hide that.
    direct = None if endpoint_url is None else proxies(endpoint_url)
    config = AioConfig(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=20, proxies=direct)
    settings = {"endpoint_url": endpoint_url, "config": config} | client_settings
    async with AsyncExitStack() as stack:
        dynamodb = await stack.enter_async_context(session.create_client("dynamodb", **settings))
        streams = await stack.enter_async_context(session.create_client("dynamodbstreams", **settings))
        yield BotoStreamsApi(dynamodb, streams)
