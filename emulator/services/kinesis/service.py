"""Streams over HTTP, and for the functions that read them."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from streamer.errors import ConfigurationError

from ...foundation.json_bytes import parsed_json
from ...foundation.place import arn_of
from ...port.http import HttpRequest, HttpResponse
from ..calls import Call
from .errors import KinesisError, invalid
from .names import stream_name
from .shards import ON_DEMAND_SHARDS, Shard, Shards
from .stream import ITERATOR_SECONDS, Stream, page, position, refuse_record, shown, summary
from .tokens import token, untoken

TARGET: Final = "Kinesis_20131202."
SHARDS: Final = 500
"""Most shards of a stream. [DOC] kinesis-docs:service-sizes-and-limits"""
PUT_RECORDS: Final = 500
"""Most records of one PutRecords. [DOC] kinesis-api:API_PutRecords"""
_JSON: Final = "application/x-amz-json-1.1"
_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{1,128}")

Given = Mapping[str, Any]


class KinesisStreams:
    """Answers requests; whoever reads a stream is told when something comes."""

    def __init__(self, region: str, account_id: str, now: Callable[[], float] = time.time) -> None:
        self._place = arn_of("kinesis", region, account_id, "")
        self._account_id = account_id
        self._now = now
        self._streams: dict[str, Stream] = {}
        self._listeners: list[Callable[[], None]] = []
        self._operations: Mapping[str, Callable[[Given], Any]] = {
            "AddTagsToStream": self._tag,
            "CreateStream": self._create,
            "DecreaseStreamRetentionPeriod": self._keep,
            "DeleteStream": self._delete,
            "DescribeLimits": lambda _: self._limits(),
            "DescribeStream": self._describe,
            "DescribeStreamSummary": self._summary,
            "GetRecords": self._get,
            "GetShardIterator": self._iterator,
            "IncreaseStreamRetentionPeriod": self._keep,
            "ListShards": self._list_shards,
            "ListStreams": self._list,
            "ListTagsForResource": self._tags,
            "ListTagsForStream": self._tags,
            "MergeShards": self._merge,
            "PutRecord": self._put,
            "PutRecords": self._put_all,
            "RemoveTagsFromStream": self._untag,
            "SplitShard": self._split,
            "StartStreamEncryption": self._encrypt,
            "StopStreamEncryption": self._encrypt,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "UpdateShardCount": self._resize,
            "UpdateStreamMode": self._set_mode,
        }

    # for the emulator

    def make(self, call: Call) -> None:
        """Do what a template describes; a stream that is there gets the number of shards; raises ConfigurationError."""
        known = self._streams.get(str(call.parameters["StreamName"]))
        try:
            if known is None or call.operation != "create_stream":
                self.perform("".join(part.title() for part in call.operation.split("_")), call.parameters)
            elif "ShardCount" in call.parameters:
                self._resize({"StreamName": known.name, "TargetShardCount": call.parameters["ShardCount"]})
        except KinesisError as error:
            raise ConfigurationError(f"{call.resource}: {error.code}: {error}") from error

    def remove(self, call: Call) -> None:
        """Delete a stream that may be gone."""
        if self._streams.pop(str(call.parameters["StreamName"]), None) is not None:
            self._tell()

    def shards(self, name: str) -> tuple[str, list[Shard]] | None:
        """What tells the stream of a name from others before and after it, and its shards; None: there is none now."""
        found = self._streams.get(name)
        return None if found is None else (found.label, found.shards.all)

    def arn(self, name: str) -> str:
        """The ARN of the stream of a name, whether there is one or not."""
        return f"{self._place}stream/{name}"

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a listener whenever there is something new in any stream; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def put(self, arn: str, data: bytes, partition_key: str) -> bool:
        """Take a record on behalf of a service; False: there is no such stream, or it refuses the record."""
        stream = self._streams.get(stream_name(arn) or "")
        try:
            if stream is None:
                return False
            refuse_record(data, partition_key, None)
            stream.put(data, partition_key, None, self._now())
        except KinesisError:
            return False
        self._tell()
        return True

    async def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request; None: the operation is not known."""
        operation = request.fields.get("x-amz-target", "").removeprefix(TARGET)
        try:
            given = parsed_json(request.body or b"{}")
            found = self.perform(operation, given)
        except KinesisError as error:
            return _refused(error)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            text = f"a parameter is missing or of another type: {error}"
            return _refused(KinesisError("SerializationException", text))
        if found is None:
            return None
        body = b"" if found == {} else json.dumps(found).encode()
        return HttpResponse(200, body, (("content-type", _JSON),))

    def perform(self, operation: str, given: Given) -> Any:
        """What an operation answers; None: it is not known; raises KinesisError."""
        found = self._operations.get(operation)
        return None if found is None else found(given) or {}

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    # streams

    def _found(self, given: Given) -> Stream:
        named = given.get("StreamARN") or given.get("ResourceARN")
        name = given.get("StreamName") if named is None else stream_name(str(named))
        if name is None:
            raise invalid("Must specify a StreamName or a StreamARN.")
        found = self._streams.get(str(name))
        if found is None:
            text = f"Stream {name} under account {self._account_id} not found."
            raise KinesisError("ResourceNotFoundException", text)
        found.forget(self._now())
        return found

    def _create(self, given: Given) -> None:
        name = str(given["StreamName"])
        if _NAME.fullmatch(name) is None:
            raise invalid(f"StreamName {name} is none")
        if name in self._streams:
            text = f"Stream {name} under account {self._account_id} already exists."
            raise KinesisError("ResourceInUseException", text)
        mode = (given.get("StreamModeDetails") or {}).get("StreamMode", "PROVISIONED")
        count = ON_DEMAND_SHARDS if mode == "ON_DEMAND" else _count(given.get("ShardCount"))
        now = self._now()
        tags = {str(key): str(value) for key, value in (given.get("Tags") or {}).items()}
        shards = Shards(count, now)
        self._streams[name] = Stream(name=name, arn=self.arn(name), made=now, shards=shards, mode=mode, tags=tags)
        self._tell()

    def _delete(self, given: Given) -> None:
        del self._streams[self._found(given).name]
        self._tell()

    def _list(self, given: Given) -> dict[str, Any]:
        after = str(untoken(given["NextToken"], "NextToken")["after"]) if "NextToken" in given else ""
        after = str(given.get("ExclusiveStartStreamName") or after)
        names = [name for name in sorted(self._streams) if name > after]
        shown_names = names[: int(given.get("Limit") or 100)]
        found: dict[str, Any] = {"StreamNames": shown_names, "HasMoreStreams": len(names) > len(shown_names)}
        found["StreamSummaries"] = [
            {name: value for name, value in summary(self._streams[each]).items() if name in _IN_LISTS}
            for each in shown_names
        ]
        return {**found, "NextToken": token({"after": shown_names[-1]})} if found["HasMoreStreams"] else found

    def _describe(self, given: Given) -> dict[str, Any]:
        stream = self._found(given)
        after = given.get("ExclusiveStartShardId") or ""
        shards = [each for each in stream.shards.all if each.shard_id > after]
        told = shards[: int(given.get("Limit") or 100)]
        more = {"Shards": [shown(each) for each in told], "HasMoreShards": len(told) < len(shards)}
        return {"StreamDescription": {**summary(stream), **more}}

    def _summary(self, given: Given) -> dict[str, Any]:
        stream = self._found(given)
        counts = {"OpenShardCount": len(stream.shards.open), "ConsumerCount": 0}
        return {"StreamDescriptionSummary": {**summary(stream), **counts}}

    def _limits(self) -> dict[str, Any]:
        count = sum(len(stream.shards.open) for stream in self._streams.values())
        on_demand = sum(stream.mode == "ON_DEMAND" for stream in self._streams.values())
        return {
            "ShardLimit": SHARDS,
            "OpenShardCount": count,
            "OnDemandStreamCount": on_demand,
            "OnDemandStreamCountLimit": 50,
        }

    def _keep(self, given: Given) -> None:
        hours = int(given["RetentionPeriodHours"])
        if not 24 <= hours <= 8760:
            raise invalid(f"Retention period {hours} hours must be 24 to 8760")
        self._found(given).retention_hours = hours

    def _set_mode(self, given: Given) -> None:
        self._found(given).mode = str(given["StreamModeDetails"]["StreamMode"])

    def _encrypt(self, given: Given) -> None:
        """Nothing is encrypted; that it is said to be is remembered."""
        stream = self._found(given)
        is_on = stream.encryption == "NONE"
        stream.encryption = str(given["EncryptionType"]) if is_on else "NONE"
        stream.key_id = str(given["KeyId"]) if is_on else None

    def _tag(self, given: Given) -> None:
        self._found(given).tags.update({str(key): str(value) for key, value in given["Tags"].items()})

    def _untag(self, given: Given) -> None:
        stream = self._found(given)
        for key in given["TagKeys"]:
            stream.tags.pop(str(key), None)

    def _tags(self, given: Given) -> dict[str, Any]:
        tags = [{"Key": key, "Value": value} for key, value in sorted(self._found(given).tags.items())]
        return {"Tags": tags} if "ResourceARN" in given else {"Tags": tags, "HasMoreTags": False}

    # shards

    def _list_shards(self, given: Given) -> dict[str, Any]:
        said = untoken(given["NextToken"], "NextToken") if "NextToken" in given else {}
        stream = self._found({"StreamName": said["stream"]} if said else given)
        after = str(said.get("after") or given.get("ExclusiveStartShardId") or "")
        kind = said.get("kind") or (given.get("ShardFilter") or {}).get("Type")
        shards = [each for each in stream.shards.all if each.shard_id > after]
        if kind == "AT_LATEST":
            shards = [each for each in shards if each.is_open]
        told = shards[: int(given.get("MaxResults") or 1000)]
        found: dict[str, Any] = {"Shards": [shown(each) for each in told]}
        if len(told) < len(shards):
            found["NextToken"] = token({"stream": stream.name, "after": told[-1].shard_id, "kind": kind})
        return found

    def _split(self, given: Given) -> None:
        stream = self._found(given)
        shard = stream.shard(given["ShardToSplit"])
        _changed(lambda: stream.shards.split(shard, int(given["NewStartingHashKey"]), self._now()))
        self._tell()

    def _merge(self, given: Given) -> None:
        stream = self._found(given)
        pair = stream.shard(given["ShardToMerge"]), stream.shard(given["AdjacentShardToMerge"])
        _changed(lambda: stream.shards.merge(*pair, self._now()))
        self._tell()

    def _resize(self, given: Given) -> dict[str, Any]:
        stream = self._found(given)
        before, wanted = len(stream.shards.open), _count(given["TargetShardCount"])
        stream.shards.resize(wanted, self._now())
        self._tell()
        told = {"StreamName": stream.name, "StreamARN": stream.arn}
        return {**told, "CurrentShardCount": before, "TargetShardCount": wanted}

    # records

    def _put(self, given: Given) -> dict[str, Any]:
        stream, given_record = self._found(given), _record(given)
        refuse_record(*given_record)
        shard, record = stream.put(*given_record, self._now())
        self._tell()
        return {"ShardId": shard.shard_id, "SequenceNumber": str(record.number), "EncryptionType": "NONE"}

    def _put_all(self, given: Given) -> dict[str, Any]:
        stream, entries = self._found(given), given["Records"]
        if not 1 <= len(entries) <= PUT_RECORDS:
            text = f"1 validation error detected: Value at 'records' must have length 1 to {PUT_RECORDS}"
            raise KinesisError("ValidationException", text)
        records = [_record(each) for each in entries]
        for number, each in enumerate(records, 1):  # all or nothing: what is refused here is no failure of one record
            refuse_record(*each, where=f"records.{number}.member.")
        put = [stream.put(*each, self._now()) for each in records]
        self._tell()
        told = [{"ShardId": shard.shard_id, "SequenceNumber": str(record.number)} for shard, record in put]
        return {"FailedRecordCount": 0, "Records": told, "EncryptionType": "NONE"}

    def _iterator(self, given: Given) -> dict[str, Any]:
        stream = self._found(given)
        shard = stream.shard(given["ShardId"])
        kind, number, at = (given.get(name) for name in ("ShardIteratorType", "StartingSequenceNumber", "Timestamp"))
        return {"ShardIterator": self._token(stream, shard.shard_id, position(shard, kind, number, at))}

    def _token(self, stream: Stream, shard_id: str, after: int) -> str:
        return token({"stream": stream.name, "shard": shard_id, "after": str(after), "at": self._now()})

    def _get(self, given: Given) -> dict[str, Any]:
        said = untoken(given["ShardIterator"], "ShardIterator")
        if self._now() - float(said["at"]) > ITERATOR_SECONDS:
            text = "Iterator expired. The iterator was created more than 5 minutes ago."
            raise KinesisError("ExpiredIteratorException", text)
        stream = self._found({"StreamName": said["stream"]})
        shard, after = stream.shard(said["shard"]), int(said["after"])
        records = page(shard, after, int(given.get("Limit") or 10_000))
        after = records[-1].number if records else after
        told = [
            {
                "SequenceNumber": str(each.number),
                "ApproximateArrivalTimestamp": round(each.arrived, 3),
                "Data": base64.b64encode(each.data).decode(),
                "PartitionKey": each.partition_key,
            }
            for each in records
        ]
        left = shard.after(after, 1)
        behind = int(1000 * (self._now() - left[0].arrived)) if left else 0
        found: dict[str, Any] = {"Records": told, "MillisBehindLatest": behind}
        if shard.is_open or left:
            return {**found, "NextShardIterator": self._token(stream, shard.shard_id, after)}
        return {**found, "ChildShards": [_child(shown(each)) for each in stream.shards.children(shard)]}


_IN_LISTS: Final = frozenset(
    {"StreamName", "StreamARN", "StreamStatus", "StreamModeDetails", "StreamCreationTimestamp"}
)


def _count(given: Any) -> int:
    count = int(given or 0)
    if not 1 <= count <= SHARDS:
        raise invalid(f"ShardCount must be 1 to {SHARDS}, not {given}")
    return count


def _record(given: Given) -> tuple[bytes, str, str | None]:
    try:
        data = base64.b64decode(str(given["Data"]), validate=True)
    except binascii.Error as error:
        raise KinesisError("SerializationException", "Data is no base64") from error
    explicit = given.get("ExplicitHashKey")
    return data, str(given["PartitionKey"]), None if explicit is None else str(explicit)


def _child(told: Mapping[str, Any]) -> dict[str, Any]:
    parents = [told[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in told]
    return {"ShardId": told["ShardId"], "ParentShards": parents, "HashKeyRange": told["HashKeyRange"]}


def _changed(change: Callable[[], None]) -> None:
    try:
        change()
    except ValueError as error:
        raise invalid(str(error)) from error


def _refused(error: KinesisError) -> HttpResponse:
    return HttpResponse.of_json(400, error.told(), ("x-amzn-errortype", error.code), kind=_JSON)
