"""Where event source mappings go on after a restart: checkpoints, as JSON between the runs. Pure.

On AWS a mapping keeps its place in each shard for as long as it exists, and its starting position counts only once,
when it is created. [DOC] lambda-docs:with-ddb. Here a mapping exists from the first start with its identity and its
table's stream until a start without them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from streamer.topology import EventSourceMapping
from streamer.topology.kinesis import KinesisMapping


class Checkpoint(Struct, frozen=True, kw_only=True):
    """How far a mapping is in one shard: what comes after it was not delivered, or not for the last time."""

    after: str | None = None
    """Sequence number up to which every record is done, given up or filtered out; None: none is known."""
    not_before: float = 0.0
    """Without ``after``: records older than this, in Unix seconds, are from before the mapping was created."""
    is_ended: bool = False
    """Whether nothing is left to read: the shard is closed, and was read to its end or was before the mapping."""


OLDEST: Final = Checkpoint()
"""Before every record of a shard."""
ENDED: Final = Checkpoint(is_ended=True)
"""After every record of a closed shard."""


class MappingCheckpoint(Struct, frozen=True, kw_only=True):
    """How far a mapping is in each shard of a stream."""

    identity: str
    """Whose it is; see `identity`."""
    stream_arn: str
    """The stream with these shards; a table that is created again has another one."""
    shards: Mapping[str, Checkpoint]
    """By shard id; a shard that is not in it was created later."""


def identity(mapping: EventSourceMapping | KinesisMapping) -> str:
    """What makes a mapping the same as one of an earlier run, besides its stream.

    On AWS a mapping has one stream and one starting position; others make another mapping. [DOC]
    lambda-docs:API_UpdateEventSourceMapping. It could be given another function or other filters; here these make
    another mapping too, so that they see the stream from the starting position on. How batches are made and retried may
    change.
    """
    parts: list[Any] = [mapping.function]
    if isinstance(mapping, EventSourceMapping):
        parts += [mapping.table, mapping.starting_position]
    else:
        parts += ["kinesis", mapping.stream, mapping.starting_position, mapping.starting_timestamp]
    parts.append(mapping.filters)
    return json.dumps(parts, sort_keys=True, separators=(",", ":"))


def begin(position: str, *, is_closed: bool, now: float) -> Checkpoint:
    """Where a mapping that is created now begins in a shard; ``now`` in Unix seconds."""
    if position != "LATEST":
        return OLDEST
    # Creation times are whole seconds.
    return ENDED if is_closed else Checkpoint(not_before=float(int(now)))


def resume(saved: MappingCheckpoint | None, stream_arn: str) -> Mapping[str, Checkpoint] | None:
    """Where a mapping goes on in the shards it knows, and `OLDEST` in all others; None: it begins in this stream."""
    return None if saved is None or saved.stream_arn != stream_arn else saved.shards


class Checkpoints:
    """The checkpoints of all mappings: those of the last run until `replace`, then those of this one."""

    def __init__(self, saved: Iterable[MappingCheckpoint] = (), keep: Callable[[str], None] | None = None) -> None:
        """Args: ``keep`` is told what the next run is to know, as JSON, whenever it changes; None: nobody keeps it."""
        self._saved = {checkpoint.identity: checkpoint for checkpoint in saved}
        self._keep = keep
        self._kept = self.as_json()

    @property
    def are_kept(self) -> bool:
        """Whether the next run will know them."""
        return self._keep is not None

    def of(self, mapping: EventSourceMapping | KinesisMapping) -> MappingCheckpoint | None:
        """The checkpoint of a mapping; None: it is new."""
        return self._saved.get(identity(mapping))

    def replace(self, checkpoints: Iterable[MappingCheckpoint]) -> None:
        """Keep these alone: a mapping that is not among them does not exist any more."""
        self._saved = {checkpoint.identity: checkpoint for checkpoint in checkpoints}
        if self._keep is not None and (text := self.as_json()) != self._kept:
            self._keep(text)
            self._kept = text

    def as_json(self) -> str:
        """Everything, for `of_json`."""
        content = [
            {
                "identity": saved.identity,
                "stream_arn": saved.stream_arn,
                "shards": {shard_id: _shard_as_json(shard) for shard_id, shard in saved.shards.items()},
            }
            for saved in self._saved.values()
        ]
        return json.dumps(content)

    @classmethod
    def of_json(cls, text: str | bytes, keep: Callable[[str], None] | None = None) -> Checkpoints:
        """What `as_json` told.

        Raises:
            ValueError: it is something else.
        """
        try:
            saved = [
                MappingCheckpoint(
                    identity=str(saved["identity"]),
                    stream_arn=str(saved["stream_arn"]),
                    shards={shard_id: _shard_of_json(shard) for shard_id, shard in saved["shards"].items()},
                )
                for saved in json.loads(text)
            ]
            return cls(saved, keep)
        except (AttributeError, KeyError, RecursionError, TypeError) as error:
            raise ValueError(f"not checkpoints: {type(error).__name__}: {error}") from error


def _shard_as_json(shard: Checkpoint) -> dict[str, Any]:
    return {"after": shard.after, "not_before": shard.not_before, "is_ended": shard.is_ended}


def _shard_of_json(content: Mapping[str, Any]) -> Checkpoint:
    after = content["after"]
    if after is not None and not (isinstance(after, str) and after.isdecimal()):
        raise ValueError(f"not a sequence number: {after!r}")
    return Checkpoint(after=after, not_before=float(content["not_before"]), is_ended=content["is_ended"] is True)
