"""Large payloads of requests in items of their own, so that a request that runs is not written with it again. Pure.

DynamoDB charges each write by the size of the whole item [DOC] ddb-docs:CapacityUnitCalculations, and a request is
written when it is claimed, at most once a second while it reports progress, with each renewal of its lease and at its
end. An item ``{owner, request_id: "#payload#...", payload, metadata}`` lies beside the request: it has no status, so
the stream's filters leave it out, and no time when it is due, so the sweep's index does. Requests of older versions
hold their payloads themselves, and so do small ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from streamer.aws_limits import text_bytes
from streamer.records import RequestRecord
from streamer.stores.items import TTL, Item

APART_BYTES: Final = 4096
"""Payload and metadata of more than this are kept apart: then a further call costs less than writing them again."""
WAITING_SECONDS: Final = 604_800
"""How much longer than an ended request its payload is kept: as long as it may take until the request has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What is kept apart of a request."""

    owner: str
    key: str
    """The item's sort key; begins with "#", which no request id can."""
    payload_json: str
    metadata_json: str
    expires_at: int
    """Unix seconds after which DynamoDB may drop it."""

    @property
    def item(self) -> Item:
        """It as an item."""
        return {
            **payload_item_key(self.owner, self.key),
            "payload": {"S": self.payload_json},
            "metadata": {"S": self.metadata_json},
            TTL: {"N": str(self.expires_at)},
        }


def payload_item_key(owner: str, key: str) -> Item:
    """The primary key of what is kept apart."""
    return {"owner": {"S": owner}, "request_id": {"S": key}}


def expiry(now: float, kept_seconds: int) -> int:
    """Unix seconds until which the payload is kept of a request that begins now."""
    return int(now) + kept_seconds + WAITING_SECONDS


def apart(record: RequestRecord, *, kept_seconds: int) -> tuple[RequestRecord, Payload | None]:
    """A new request as it is to be stored, and what is to be stored before it; None: nothing, it is small.

    The key tells what is in it: sent again, a request writes the same item again, and another request of the same id,
    which will be refused, writes another.
    """
    payload_json, metadata_json = record.payload_json, record.metadata_json
    if payload_json is None or metadata_json is None:
        return record, None
    if text_bytes(payload_json) + text_bytes(metadata_json) <= APART_BYTES:
        return record, None
    content = f"{payload_json}\0{metadata_json}".encode(errors="surrogatepass")
    key = f"#payload#{record.request_id}#{hashlib.sha256(content).hexdigest()[:32]}"
    payload = Payload(
        owner=record.owner,
        key=key,
        payload_json=payload_json,
        metadata_json=metadata_json,
        expires_at=expiry(record.created_at, kept_seconds),
    )
    return replace(record, payload_json=None, metadata_json=None, payload_key=key), payload


def joined(record: RequestRecord, item: Mapping[str, Any] | None) -> RequestRecord:
    """A request with what is kept apart of it; as it was if that is not there any more."""
    if not item:
        return record
    return replace(record, payload_json=item["payload"]["S"], metadata_json=item["metadata"]["S"])
