"""The DynamoDB Streams API over our streams. Iterators are positions, so none is ever stored.

[DOC] API reference of DynamoDB Streams (botocore model dynamodbstreams-2012-08-10).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, Final

from .backend import EmbeddedBackend
from .errors import SERVICE, ApiError, not_found, validation_error
from .model import check_request
from .stream_records import SHARD_ID, TableStream

ITERATOR_SECONDS: Final = 900.0
"""An iterator expires 15 minutes after it was given out. [DOC] GetShardIterator"""
RECORDS: Final = 1000
"""Records of one answer at most. [DOC] GetRecords"""
STREAMS: Final = 100
"""Streams of one answer at most, and shards. [DOC] ListStreams, DescribeStream"""
ANSWER_BYTES: Final = 1024 * 1024
"""Bytes of one answer at most. [DOC] GetRecords"""
TRIM_HORIZON: Final = 0
"""The position before every record."""

Parameters = dict[str, Any]


class StreamsOperations:
    """Answers the four operations of ``DynamoDBStreams_20120810``."""

    def __init__(self, backend: EmbeddedBackend) -> None:
        self._backend = backend
        self._operations: dict[str, Callable[[Parameters], Parameters]] = {
            "ListStreams": self.list_streams,
            "DescribeStream": self.describe_stream,
            "GetShardIterator": self.get_shard_iterator,
            "GetRecords": self.get_records,
        }

    def perform(self, action: str, parameters: Parameters) -> Parameters:
        """The result of an operation.

        Raises:
            ApiError: it failed, or there is no such operation.
        """
        operation = self._operations.get(action)
        if operation is None:
            raise ApiError("UnknownOperationException", "", namespace=SERVICE)
        check_request("dynamodbstreams", action, parameters)
        return operation(parameters)

    def list_streams(self, parameters: Parameters) -> Parameters:
        """Streams of all tables, or of one, oldest first."""
        check_limit(parameters.get("Limit", STREAMS), STREAMS)
        table_name = parameters.get("TableName")
        streams = [stream for stream in self._backend.streams.values() if table_name in (None, stream.table_name)]
        streams.sort(key=lambda stream: (stream.created_seconds, stream.arn))
        after = parameters.get("ExclusiveStartStreamArn")
        if after is not None:
            _check_arn(after)
            arns = [stream.arn for stream in streams]
            streams = streams[arns.index(after) + 1 :] if after in arns else []
        page = streams[: parameters.get("Limit", STREAMS)]
        answer: Parameters = {
            "Streams": [
                {"StreamArn": stream.arn, "TableName": stream.table_name, "StreamLabel": stream.label}
                for stream in page
            ]
        }
        if len(page) < len(streams) and page:
            answer["LastEvaluatedStreamArn"] = page[-1].arn
        return answer

    def describe_stream(self, parameters: Parameters) -> Parameters:
        """One stream and its shard."""
        check_limit(parameters.get("Limit", STREAMS), STREAMS)
        stream = self._stream(parameters["StreamArn"])
        shards = [] if _is_filtered_out(parameters) else [stream.shard()]
        description = {
            "StreamArn": stream.arn,
            "StreamLabel": stream.label,
            "StreamStatus": "DISABLED" if stream.closed else "ENABLED",
            "StreamViewType": stream.view_type,
            "CreationRequestDateTime": stream.created_seconds,
            "TableName": stream.table_name,
            "KeySchema": stream.key_schema,
            "Shards": shards,
        }
        return {"StreamDescription": description}

    def get_shard_iterator(self, parameters: Parameters) -> Parameters:
        """An iterator at a position of the shard."""
        stream = self._stream(parameters["StreamArn"])
        if parameters["ShardId"] != SHARD_ID:
            raise not_found(f"Requested resource not found: Shard: {parameters['ShardId']} not found")
        return {"ShardIterator": self._iterator(stream.arn, _position(stream, parameters))}

    def get_records(self, parameters: Parameters) -> Parameters:
        """The next records, and the iterator for what comes after them."""
        arn, position = self._read_iterator(parameters["ShardIterator"])
        limit = parameters.get("Limit", RECORDS)
        check_limit(limit, RECORDS)
        stream = self._stream(arn)
        if position != TRIM_HORIZON and position < stream.oldest_sequence:
            raise _trimmed()
        contents: list[Parameters] = []
        left = ANSWER_BYTES
        for record in stream.since(position, limit):
            content = record.content
            left -= content["dynamodb"]["SizeBytes"]
            if left < 0 and contents:
                break
            contents.append(content)
            position = record.sequence + 1
        answer: Parameters = {"Records": contents}
        if not stream.closed or position < stream.next_sequence:
            # An empty stream is still read from its beginning, even if its first records are trimmed meanwhile.
            answer["NextShardIterator"] = self._iterator(arn, position)
        return answer

    def _stream(self, arn: str) -> TableStream:
        _check_arn(arn)
        return self._backend.stream_named(arn)

    def _iterator(self, arn: str, position: int) -> str:
        token = json.dumps([position, self._backend.now()]).encode()
        return f"{arn}|1|{base64.urlsafe_b64encode(token).decode('ascii')}"

    def _read_iterator(self, iterator: str) -> tuple[str, int]:
        arn, version, token = iterator.rsplit("|", 2) if iterator.count("|") >= 2 else ("", "", "")
        try:
            position, given_out = json.loads(base64.urlsafe_b64decode(token))
            position, given_out = int(position), float(given_out)
        except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
            raise validation_error("Invalid ShardIterator") from None
        if version != "1":
            raise validation_error("Invalid ShardIterator")
        if self._backend.now() - given_out > ITERATOR_SECONDS:
            raise ApiError(
                "ExpiredIteratorException",
                "Iterator expired. The iterator was created more than 15 minutes ago",
            )
        return arn, position


def _check_arn(arn: str) -> None:
    if not arn.startswith("arn:"):
        raise validation_error(f"Invalid StreamArn: Invalid StreamArn provided as input {arn}")


def _is_filtered_out(parameters: Parameters) -> bool:
    """Whether the one shard is not shown: it comes before those asked for, and is nobody's child.

    Raises:
        ApiError: the filter is half a filter. [USR] scylladb test_streams
    """
    shard_filter = parameters.get("ShardFilter")
    if shard_filter is None:
        return str(parameters.get("ExclusiveStartShardId", "")) >= SHARD_ID
    for member in ("Type", "ShardId"):
        if member not in shard_filter:
            raise validation_error(
                f"1 validation error detected: Value null at 'shardFilter.{member[0].lower()}{member[1:]}' failed to "
                "satisfy constraint: Member must not be null"
            )
    return True


def check_limit(limit: int, most: int) -> None:
    """Raise ApiError unless a limit is at least 1 and at most what AWS allows; the model does not say how much."""
    if not 1 <= limit <= most:
        word, bound = ("greater", 1) if limit < 1 else ("less", most)
        raise validation_error(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value {word} than or equal to {bound}"
        )


def _position(stream: TableStream, parameters: Parameters) -> int:
    kind = parameters["ShardIteratorType"]
    if kind in ("TRIM_HORIZON", "LATEST") and "SequenceNumber" in parameters:
        raise validation_error(f"SequenceNumber must not be specified for ShardIteratorType {kind}")
    if kind == "TRIM_HORIZON":
        return TRIM_HORIZON
    if kind == "LATEST":
        return stream.next_sequence
    text = parameters.get("SequenceNumber")
    if text is None:
        raise validation_error(f"SequenceNumber is required for ShardIteratorType {kind}")
    if not str(text).isdecimal():
        raise validation_error(f"Invalid SequenceNumber: {text}")
    number = int(text)
    if number > stream.next_sequence or number < stream.first_sequence:
        raise validation_error(f"Invalid SequenceNumber {number} for the shard {SHARD_ID}")
    if number < stream.oldest_sequence:
        raise _trimmed()
    return number + 1 if kind == "AFTER_SEQUENCE_NUMBER" else number


def _trimmed() -> ApiError:
    return ApiError(
        "TrimmedDataAccessException",
        "The operation attempted to read past the oldest stream record in a shard: it is older than the retention, "
        "or more records have come since than the emulator keeps",
    )
