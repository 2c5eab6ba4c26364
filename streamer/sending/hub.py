"""Reaches connections of a tenant: one, those of a user, all, or the subscribers of a topic.

Every method is given the tenant and finds nobody outside of it. Messages to many are delivered page by page; of large
audiences most is passed on to further invocations, so that neither memory nor the time of one bounds their size.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from streamer.errors import DispatchError, GoneError, StoreError
from streamer.observability import Logger
from streamer.protocol import messages
from streamer.protocol.parts import in_parts
from streamer.protocol.topics import Topic, topic_target
from streamer.records import PAGE, ConnectionRecord, owner_of
from streamer.sending.broadcasts import EVENT_BYTES, HOPS, LATE_SECONDS, Audience, Rest, deliver_event
from streamer.sending.publisher import Delivery, Publisher, Recipient
from streamer.sending.sender import Sender, send_pieces

if TYPE_CHECKING:
    from streamer.stores.protocols import ConnectionStore, SubscriptionStore

HANDSHAKE_SECONDS: Final = 30.0
"""A connection's row is there before its handshake is over, and until then API Gateway says that it is gone; so the
rows of connections younger than this are left alone. ``$connect`` takes at most 29 s. [DOC] apigw-docs quotas"""
FORGETTING_THREADS: Final = 8
READING_THREADS: Final = 8
OWN_RECIPIENTS: Final = 4_000
"""About so many an invocation delivers to that has something else to do; to more, others do."""
LEAVING: Final = 0.8
"""When so much of its time is gone, an invocation that only delivers passes on what is left: there is time for what it
has read, and the alarm on functions that come near their time-out does not ring."""
FORGOTTEN_LATER: Final = 1_000
"""So many gone connections are forgotten after everyone has been served; those beyond them at once."""


@dataclass(slots=True)
class _Reading:
    """How far the recipients of a message are read, and what becomes of the rest."""

    first: Rest
    """Any part of it: all others differ in shard and place alone."""
    left: deque[Rest]
    """What is to be read here."""
    limit: int
    """Records to a page."""
    leaves_at: float
    """From when on, by the monotonic clock, what is left is passed on."""
    only_delivers: bool
    passed_on: int = 0
    is_complete: bool = False
    problem: StoreError | None = None
    """Why reading ended early; whoever was read before is still served."""


class _Forgetting:
    """Forgets connections that are gone: after everyone has been served, unless there are very many."""

    def __init__(self, forget: Callable[[str], None]) -> None:
        self._forget = forget
        self._lock = threading.Lock()
        self._later: list[str] = []

    def __call__(self, recipient: Recipient) -> None:
        """A connection is gone."""
        if recipient.is_young:
            return
        with self._lock:
            has_room = len(self._later) < FORGOTTEN_LATER
            if has_room:
                self._later.append(recipient.connection_id)
        if not has_room:
            self._forget(recipient.connection_id)

    def finish(self) -> None:
        """Forget those that are left."""
        if len(self._later) <= 1:
            for connection_id in self._later:
                self._forget(connection_id)
            return
        with ThreadPoolExecutor(min(FORGETTING_THREADS, len(self._later))) as pool:
            list(pool.map(self._forget, self._later))


class Hub:
    """The way to the connections of tenants; one per execution environment. Safe to share between threads."""

    def __init__(
        self,
        *,
        connections: ConnectionStore,
        subscriptions: SubscriptionStore,
        publisher: Publisher,
        sender_at: Callable[[str], Sender],
        log: Logger,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        pass_on: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        """Without I/O.

        Args:
            connections: Where they are stored.
            subscriptions: Where they are stored.
            publisher: Delivers to many.
            sender_at: Gives the sender of an endpoint.
            log: Where what could not be delivered is noted.
            clock: Unix seconds.
            monotonic: Seconds of a clock that never goes back.
            pass_on: Has the processor handle an event, and raises DispatchError if that is not certain. None: nobody
                else delivers, so one invocation delivers to all, as far as its time goes.
        """
        self._connections = connections
        self._subscriptions = subscriptions
        self._publisher = publisher
        self._sender_at = sender_at
        self._log = log
        self._clock = clock
        self._monotonic = monotonic
        self._pass_on = pass_on

    def to_topic(self, tenant_id: str, topic: Topic, data_json: str, *, seconds: float) -> Delivery:
        """Send to the subscribers of a topic: a query for each shard and each thousand of them, and a send for each.

        Raises:
            PayloadTooLargeError: the data cannot be delivered, not even in parts.
            StoreError: the subscribers are not known.
        """
        return self._to_many(Audience(tenant_id=tenant_id, topic=topic.name), data_json, seconds)

    def to_user(self, tenant_id: str, user_id: str, data_json: str, *, seconds: float) -> Delivery:
        """Send to all connections of a user; as `to_topic`."""
        return self._to_many(Audience(tenant_id=tenant_id, user_id=user_id), data_json, seconds)

    def to_tenant(self, tenant_id: str, data_json: str, *, seconds: float) -> Delivery:
        """Send to all connections of a tenant; as `to_topic`."""
        return self._to_many(Audience(tenant_id=tenant_id), data_json, seconds)

    def to_rest(self, rest: Rest, *, seconds: float) -> Delivery:
        """Send to what another invocation left of an audience, and pass on what there is no time for.

        Raises:
            StoreError: the recipients are not known, and could not be passed on either.
        """
        if self._clock() > rest.sent_at + LATE_SECONDS:
            self._log.error("what is left of a message to many comes too late and is dropped", shard=rest.shard)
            return Delivery(is_complete=False)
        leaves_at = self._monotonic() + seconds * LEAVING
        reading = _Reading(rest, deque([rest]), PAGE, leaves_at, only_delivers=True)
        delivery = self._delivered(reading, seconds)
        self._log.info(
            "delivered a part of a message to many",
            topic=rest.audience.topic,
            tenant_id=rest.audience.tenant_id,
            shard=rest.shard,
            hop=rest.hop,
            delivered=delivery.delivered,
            gone=delivery.gone_count,
            failed=delivery.failed_count,
        )
        return delivery

    def to_connection(self, tenant_id: str, connection_id: str, data_json: str) -> None:
        """Send to one connection: one read, and the send.

        Raises:
            GoneError: it closed, or is none of this tenant's.
            PayloadTooLargeError: the data cannot be delivered, not even in parts.
            SendError: it could not be delivered, though the connection may be open.
            StoreError: the connection could not be looked up.
        """
        pieces = self._pieces(None, data_json)
        record = self._of_tenant(tenant_id, connection_id)
        if record is None:
            raise GoneError(connection_id)
        sender = self._sender_at(record.endpoint)
        try:
            send_pieces(sender, connection_id, pieces)
        except GoneError:
            if not self._is_young(record):
                self._forget(connection_id)
            raise

    def is_active(self, tenant_id: str, connection_id: str) -> bool:
        """Ask API Gateway whether a connection of the tenant is open; False too for one of another tenant.

        Raises:
            SendError: API Gateway did not answer.
            StoreError: the connection could not be looked up.
        """
        record = self._of_tenant(tenant_id, connection_id)
        if record is None:
            return False
        is_active = self._sender_at(record.endpoint).is_active(connection_id)
        if not is_active and not self._is_young(record):
            self._forget(connection_id)
        return is_active

    def _of_tenant(self, tenant_id: str, connection_id: str) -> ConnectionRecord | None:
        record = self._connections.get(connection_id)
        return record if record is not None and record.tenant_id == tenant_id else None

    def _pieces(self, topic: str | None, data_json: str, now: float | None = None) -> list[str]:
        now = self._clock() if now is None else now
        return in_parts(messages.published(topic, data_json, now=now), None, now=now)

    def _to_many(self, audience: Audience, data_json: str, seconds: float) -> Delivery:
        shards = self._shards(audience)
        first = Rest(audience=audience, shard=0, after=None, data_json=data_json, sent_at=self._clock())
        left = deque(replace(first, shard=shard) for shard in range(shards))
        return self._delivered(
            _Reading(first, left, max(1, OWN_RECIPIENTS // shards), self._monotonic(), only_delivers=False), seconds
        )

    def _delivered(self, reading: _Reading, seconds: float) -> Delivery:
        first = reading.first
        pieces = self._pieces(first.audience.topic, first.data_json, first.sent_at)
        forgetting = _Forgetting(self._forget)
        delivery = self._publisher.deliver(self._pages(reading), pieces, seconds=seconds, on_gone=forgetting)
        for connection_id, reason in delivery.failed.items():
            self._log.warning("a message could not be delivered", recipient=connection_id, reason=reason)
        if delivery.more_failed:
            self._log.warning("a message could not be delivered to more connections", count=delivery.more_failed)
        if not reading.is_complete and reading.problem is None:
            self._log.error("a message to many did not reach everyone: its time was over", topic=first.audience.topic)
        forgetting.finish()
        if reading.problem is not None:
            raise reading.problem
        return replace(delivery, passed_on=reading.passed_on, is_complete=reading.is_complete)

    def _pages(self, reading: _Reading) -> Iterator[Sequence[Recipient]]:
        """The recipients, page by page and shard by shard in turn; what is passed on is not among them."""
        first_pages = self._first_pages(reading)
        while reading.left:
            rest = reading.left.popleft()
            try:
                known = first_pages.pop(rest.shard) if rest.shard in first_pages else None
                recipients, after = known or self._page(rest, reading.limit)
            except StoreError as exc:
                if reading.only_delivers and self._is_passed_on(rest, reading):
                    self._log.warning("recipients could not be read; another invocation tries again", error=exc)
                    continue
                reading.problem = exc
                return
            if after is not None:
                further = replace(rest, after=after)
                if self._monotonic() < reading.leaves_at or not self._is_passed_on(further, reading):
                    reading.left.append(further)
            reading.is_complete = not reading.left
            yield recipients
        reading.is_complete = True

    def _first_pages(self, reading: _Reading) -> dict[int, tuple[list[Recipient], str | None]]:
        """Shard to its first page, if there are several: asked for at once, so that a publication waits for one query.

        They are what one invocation delivers to itself, so this holds no more than `OWN_RECIPIENTS`.
        """
        rests = list(reading.left)
        if len(rests) == 1:
            return {}
        with ThreadPoolExecutor(min(READING_THREADS, len(rests))) as pool:
            pages = pool.map(lambda rest: self._page(rest, reading.limit), rests)
            return {rest.shard: page for rest, page in zip(rests, pages, strict=True)}

    def _is_passed_on(self, rest: Rest, reading: _Reading) -> bool:
        """Leave the rest to another invocation; False: that is not possible."""
        event = deliver_event(replace(rest, hop=rest.hop + 1))
        if self._pass_on is None or rest.hop >= HOPS or len(json.dumps(event)) > EVENT_BYTES:
            return False
        try:
            self._pass_on(event)
        except DispatchError as exc:
            self._log.warning("a part of a message to many could not be passed on; it is delivered here", error=exc)
            reading.leaves_at = float("inf")
            return False
        reading.passed_on += 1
        return True

    def _shards(self, audience: Audience) -> int:
        if audience.topic is not None:
            return self._subscriptions.shards
        return 1 if audience.user_id is not None else self._connections.shards

    def _page(self, rest: Rest, limit: int) -> tuple[list[Recipient], str | None]:
        audience, now = rest.audience, self._clock()
        if audience.topic is not None:
            target = topic_target(audience.tenant_id, Topic(audience.topic))
            subscribers = self._subscriptions.of_target(target, rest.shard, after=rest.after, limit=limit)
            found = [one for one in subscribers.records if one.expires_at >= now]
            return [Recipient(one.connection_id, one.endpoint) for one in found], subscribers.after
        if audience.user_id is not None:
            owner = owner_of(audience.tenant_id, audience.user_id)
            page = self._connections.of_user(owner, after=rest.after, limit=limit)
        else:
            page = self._connections.of_tenant(audience.tenant_id, rest.shard, after=rest.after, limit=limit)
        rows = [row for row in page.records if row.expires_at >= now]
        return [Recipient(row.connection_id, row.endpoint, self._is_young(row)) for row in rows], page.after

    def _is_young(self, row: ConnectionRecord) -> bool:
        return row.connected_at > self._clock() - HANDSHAKE_SECONDS

    def _forget(self, connection_id: str) -> None:
        """Remove the row of a connection that is gone, and its subscriptions."""
        try:
            self._connections.remove(connection_id)
            self._subscriptions.remove_connection(connection_id)
        except StoreError as exc:
            self._log.warning("rows of a gone connection stay until they expire", recipient=connection_id, error=exc)
