"""Sample events for functions, in AWS's shape: made by what makes the emulator's own. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from streamer.topology import Api

from ...event_sources.eventbridge import scheduled_event
from ...event_sources.queues.batches import QueueMessage, record
from ...event_sources.streams.records import corrected, stream_record
from ...foundation.place import ACCOUNT_ID, REGION
from ...gateway.rules.events import Session, gateway_headers, grouped_query
from ...gateway.rules.ids import IdSource
from ...gateway.rules.stage import Facts, Stage

CONNECTION: Final = "cyAFWeWQjoECqNQ="
"""The connection of all samples, so that the sample of a message belongs to that of a connect."""
PEER: Final = "198.51.100.4"
"""A client's address, from the range that is kept for documentation."""
AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64)"
NORMAL: Final = 1000
DOMAIN: Final = f"a1b2c3d4e5.execute-api.{REGION}.amazonaws.com"


class Sample(Struct, frozen=True, kw_only=True):
    """What a sample event is to tell."""

    now: datetime
    body: str | None = None
    """Of a message on a socket or in a queue; None: a sample's."""
    token: str | None = None
    """What the client connects with, in its query; None: nothing."""
    connection_id: str = CONNECTION
    domain_name: str = DOMAIN
    stage: str = "dev"

    @property
    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self.now.timestamp() * 1000)


def sample(kind: str, wanted: Sample) -> dict[str, Any]:
    """An event of one of `KINDS`."""
    return dict(KINDS[kind](wanted))


def _session(wanted: Sample) -> tuple[Session, IdSource]:
    ids = IdSource(REGION, wanted.now_ms)
    facts = Facts(region=REGION, account_id=ACCOUNT_ID, api_id="a1b2c3d4e5", domain_name=wanted.domain_name)
    stage = Stage(Api(name="sample", stage=wanted.stage, routes=()), facts, ids)
    return Session(stage, wanted.connection_id, wanted.now_ms - 1, PEER, AGENT), ids


def _connect(wanted: Sample) -> Mapping[str, Any]:
    session, ids = _session(wanted)
    told = [
        ("Host", wanted.domain_name),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
        ("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA=="),
        ("Sec-WebSocket-Version", "13"),
        ("User-Agent", AGENT),
    ]
    request_id = ids.request_id(wanted.now_ms)
    headers = gateway_headers(told, PEER, ids.trace_root(wanted.now_ms))
    query = grouped_query("" if wanted.token is None else f"Authorization={wanted.token}")
    return session.connect_event(headers, query, request_id, wanted.now_ms, None)


def _message(wanted: Sample) -> Mapping[str, Any]:
    session, ids = _session(wanted)
    body = wanted.body if wanted.body is not None else '{"action": "ping"}'
    return session.message_event(
        "$default", ids.message_id(wanted.now_ms), ids.request_id(wanted.now_ms), wanted.now_ms, body
    )


def _disconnect(wanted: Sample) -> Mapping[str, Any]:
    session, ids = _session(wanted)
    return session.disconnect_event(NORMAL, "", ids.request_id(wanted.now_ms), wanted.now_ms)


def _stream(wanted: Sample) -> Mapping[str, Any]:
    keys = {"id": {"S": "order-1"}}
    raw = {
        "eventID": hashlib.blake2b(str(wanted.now_ms).encode(), digest_size=16).hexdigest(),
        "eventName": "INSERT",
        "dynamodb": {
            "ApproximateCreationDateTime": wanted.now,
            "Keys": keys,
            "NewImage": {**keys, "total": {"N": "42"}, "lines": {"L": [{"S": "tea"}]}},
            "SequenceNumber": "4421584500000000017450439091",
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/orders/stream/2026-01-01T00:00:00.000"
    return {"Records": [dict(stream_record(corrected(raw), stream_arn=arn, partition_key="id").event)]}


def _sqs(wanted: Sample) -> Mapping[str, Any]:
    body = wanted.body if wanted.body is not None else json.dumps({"order": 1})
    message = QueueMessage(
        message_id="059f36b4-87a3-44ab-83d2-661975830a7d",
        receipt_handle="AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        body=body,
        attributes={
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(wanted.now_ms),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": str(wanted.now_ms),
        },
        md5=hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
    )
    return {"Records": [record(message, queue_arn=f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:orders", region=REGION)]}


def _schedule(wanted: Sample) -> Mapping[str, Any]:
    rule = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/nightly"
    return scheduled_event(rule, wanted.now.astimezone(UTC), event_id="53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa")


KINDS: Final[Mapping[str, Callable[[Sample], Mapping[str, Any]]]] = {
    "connect": _connect,
    "message": _message,
    "disconnect": _disconnect,
    "stream": _stream,
    "sqs": _sqs,
    "schedule": _schedule,
}
"""What there are sample events of."""
