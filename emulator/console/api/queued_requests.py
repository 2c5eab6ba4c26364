"""Queued requests of an App, as they are stored: how far each is, and another run or an end for it."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections import Counter
from typing import Any, Final

from streamer.protocol import messages
from streamer.protocol.answers import known_progress
from streamer.records import RequestKey, RequestRecord, Status, owner_of
from streamer.requests import lifecycle
from streamer.requests.lifecycle import Change
from streamer.requests.runs import run_event
from streamer.service import PROCESSOR_FUNCTION
from streamer.stores.expressions import update_of
from streamer.stores.items import request_key_item, request_record
from streamer.stores.payloads import joined, payload_item_key

from ...foundation.json_bytes import json_text, parsed_json
from ..around import Around
from ..reading.asked import Asked, BadRequestError
from ..reading.telling import Told
from ..recording.masking import masked, masked_text
from .database import CONDITION, DYNAMODB, DatabaseError, ask

PAGES: Final = 20
"""Most pages of the table, of a megabyte each, that are read for a list."""
MOST: Final = 200
"""Most requests that are listed at once."""
ATTEMPTS: Final = 100
"""Most further attempts that may be given at once."""

Position = tuple[bool, float, str, str]
"""Of a request in the list; see `_position`."""


class Queued:
    """Looks at requests, puts them back and cancels them, by the same changes as the service and its operators."""

    def __init__(self, around: Around) -> None:
        self._around = around

    async def listed(self, asked: Asked) -> Told:
        """The requests, stuck and latest ones first, how many there are in each state, and where to go on."""
        now, wanted, user = time.time(), asked.words("status"), asked.text("user")
        if unknown := [word for word in wanted if word not in set(Status)]:
            raise BadRequestError(400, f"there is no status {unknown[0][:40]!r}; there are {', '.join(Status)}")
        limit = min(asked.number("limit", MOST) or 1, MOST)
        as_of, after = _cursor(asked.text("cursor")) or (now, None)
        records, is_whole = await self._scanned()
        counts = Counter(str(record.status) for record in records)
        found = [
            record for record in records if (not wanted or record.status in wanted) and user in ("", record.user_id)
        ]
        placed = sorted(((_position(record, as_of), record) for record in found), key=lambda each: each[0])
        left = [(place, record) for place, record in placed if after is None or place > after]
        return {
            "now": now * 1000,
            "counts": counts,
            "matching": len(found),
            "whole": is_whole,
            "requests": [_told(record, now) for _, record in left[:limit]],
            "left": max(0, len(left) - limit),
            "next": _said([as_of, *left[limit - 1][0]]) if len(left) > limit else None,
        }

    async def one(self, asked: Asked, request_id: str) -> Told:
        """All that is stored of a request; ``tenant`` and ``user`` say whose it is."""
        record = await self._whole(await self._stored(request_id, asked.text("tenant"), asked.text("user")))
        return {
            **_told(record, time.time()),
            "payload": _masked_json(record.payload_json),
            "metadata": _masked_json(record.metadata_json),
            "permissions": sorted(record.permissions),
            "listeners": sorted(listener.connection_id for listener in record.listeners),
            "expires_at": _milliseconds(record.expires_at),
            "runner": record.runner,
            "result": _masked_json(record.result_json),
        }

    async def retry(self, asked: Asked, request_id: str) -> Told:
        """Let a failed request be tried again, or one that is on its way get another run."""
        record = await self._stored(request_id, asked.field("tenant", str), asked.field("user", str))
        further = asked.field("attempts", int, 1)
        if not 1 <= further <= ATTEMPTS:
            raise BadRequestError(400, f"attempts are 1 to {ATTEMPTS}")
        if record.status is Status.FAILED:
            now = time.time()
            change = lifecycle.reopen(attempt=record.attempt, further_attempts=further, now=now)
            return await self._change(record.key, change)
        if lifecycle.is_final(record.status):
            raise BadRequestError(409, f"it is {record.status}; there is nothing to retry")
        event = json.dumps(run_event(record.key)).encode()
        if not self._around.accept(PROCESSOR_FUNCTION, event, str(uuid.uuid4())):
            raise BadRequestError(429, "too many events wait for the processor")
        return _told(record, time.time())

    async def cancel(self, asked: Asked, request_id: str) -> Told:
        """Cancel a request in its owner's name; the stream tells whoever hears about it."""
        record = await self._stored(request_id, asked.field("tenant", str), asked.field("user", str))
        reason = asked.field("reason", str, "").strip()[:256] or "cancelled from the console"
        return await self._change(record.key, lifecycle.cancel(reason, now=time.time()))

    # the table

    @property
    def _table(self) -> str:
        if self._around.settings.is_app:
            for mapping in self._around.topology().event_source_mappings:
                if mapping.function == PROCESSOR_FUNCTION:
                    return mapping.table
        raise BadRequestError(404, "only an App has queued requests; plain handlers keep what they like")

    async def _ask(self, operation: str, **parameters: Any) -> Told:
        return await ask(self._around.database, DYNAMODB, operation, {"TableName": self._table, **parameters})

    async def _scanned(self) -> tuple[list[RequestRecord], bool]:
        """The requests that are stored, and whether these are all of them."""
        found: list[RequestRecord] = []
        begin: Told = {}
        for _ in range(PAGES):
            page = await self._ask(
                "Scan",
                FilterExpression="attribute_exists(#status) AND attribute_exists(created_at)",
                ExpressionAttributeNames={"#status": "status"},
                **begin,
            )
            found += [request_record(item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found, True
            begin = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return found, False

    async def _stored(self, request_id: str, tenant: str, user: str) -> RequestRecord:
        key = RequestKey(owner_of(tenant, user), request_id)
        item = (await self._ask("GetItem", Key=request_key_item(key), ConsistentRead=True)).get("Item")
        if not item or "status" not in item:
            raise BadRequestError(404, f"{user or 'nobody'} of {tenant or 'no tenant'} has no request {request_id}")
        return request_record(item)

    async def _whole(self, record: RequestRecord) -> RequestRecord:
        if record.payload_key is None:
            return record
        key = payload_item_key(record.owner, record.payload_key)
        return joined(record, (await self._ask("GetItem", Key=key, ConsistentRead=True)).get("Item"))

    async def _change(self, key: RequestKey, change: Change) -> Told:
        update = update_of(change)
        try:
            answer = await self._ask(
                "UpdateItem",
                Key=request_key_item(key),
                UpdateExpression=update.update,
                ConditionExpression=update.condition,
                ExpressionAttributeNames=update.names,
                ExpressionAttributeValues=update.values,
                ReturnValues="ALL_NEW",
            )
        except DatabaseError as error:
            if error.code != CONDITION:
                raise
            raise BadRequestError(409, "it has just become something else: look again") from error
        return _told(request_record(answer["Attributes"]), time.time())


def _masked_json(text: str | None) -> Any:
    """What JSON text says; None: there is none."""
    return None if text is None else masked(json.loads(text))


def _position(record: RequestRecord, now: float) -> Position:
    """Where it stands in the list: stuck ones first, then the latest."""
    return not record.is_stuck(now), -float(record.updated_at), record.owner, record.request_id


def _said(cursor: list[Any]) -> str:
    return base64.urlsafe_b64encode(json_text(cursor).encode()).decode().rstrip("=")


def _cursor(text: str) -> tuple[float, Position] | None:
    """As of when the list was begun, so that nothing moves in it by being stuck meanwhile, and the last position told.

    None: from its begin.
    """
    if not text:
        return None
    try:
        found = parsed_json(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        found = None
    if not isinstance(found, list) or [type(each) for each in found] != [float, bool, float, str, str]:
        raise BadRequestError(400, "cursor has to be the next of an answer before")
    as_of, is_later, when, owner, request_id = found
    return as_of, (is_later, when, owner, request_id)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _told(record: RequestRecord, now: float) -> Told:
    error, progress = record.error, known_progress(record)
    return {
        "request": record.request_id,
        "action": record.action,
        "user": record.user_id,
        "tenant": record.tenant_id,
        "connection": record.connection_id,
        "state": str(record.status),
        "is_final": lifecycle.is_final(record.status),
        "is_stuck": record.is_stuck(now),
        "attempt": record.tries,
        "max_attempts": record.max_attempts,
        "created_at": record.created_at * 1000,
        "updated_at": record.updated_at * 1000,
        "due_at": _milliseconds(record.due_at),
        "progress": None if progress is None else masked(messages.progress_fields(progress)),
        "why": "" if error is None else masked_text(f"{error.code}: {error.message}"),
        "heard_by": len(record.listeners) + 1,
    }
