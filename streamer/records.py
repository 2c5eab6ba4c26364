"""What is kept of connections, requests and subscriptions. Pure data; every store holds exactly this."""

from __future__ import annotations

import enum
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

OWNER_BYTES: Final = 2048
"""Longest partition key of DynamoDB, in bytes. [DOC] ddb-docs:ServiceQuotas"""


class Status(enum.StrEnum):
    """Where a request is in its life; ``streamer.requests.lifecycle`` says how it gets from one to the next."""

    PENDING = "PENDING"
    """Accepted and stored; no attempt has begun."""
    PROCESSING = "PROCESSING"
    """An attempt runs, or its execution environment died and its lease has not been taken over yet."""
    RETRYING = "RETRYING"
    """An attempt failed and another one is due later."""
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


OVERDUE_SECONDS: Final = 180.0
"""So long after it was due, a request that nobody has seen to is stuck: the sweep comes every minute."""
SHARDS: Final = tuple("01234567")
"""Partitions of the index of requests by when they are due: writes spread over them, and a sweep queries each."""


AUDIENCE_SHARDS: Final = 4
"""Over how many partition keys the connections of one tenant, and the subscribers of one topic, are spread. One takes
1,000 writes a second, and a new table 4,000. May be raised, as readers ask all of them; never lowered.
[DOC] ddb-docs:bp-partition-key-design, on-demand-capacity-mode"""


def audience_shard(connection_id: str) -> int:
    """Which of the `AUDIENCE_SHARDS` a connection belongs to."""
    return zlib.crc32(connection_id.encode(errors="surrogatepass")) % AUDIENCE_SHARDS


def owner_of(tenant_id: str, user_id: str) -> str:
    """The partition key of everything that belongs to one user of one tenant.

    Different pairs never give the same key, whatever characters the ids contain.
    """
    return f"{escaped(tenant_id)}#{escaped(user_id)}"


def is_owner(owner: str) -> bool:
    """Whether DynamoDB takes it as a key; of a user or tenant of other names there are no rows."""
    try:
        return len(owner.encode()) <= OWNER_BYTES
    except UnicodeEncodeError:  # half of a pair of surrogates, which JSON can say
        return False


def escaped(part: str) -> str:
    """A part of a key that is made of several with "#" between them."""
    return part.replace("%", "%25").replace("#", "%23")


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Names one request: client ids are unique per user, so the user is part of the key."""

    owner: str
    """See `owner_of`."""
    request_id: str

    @property
    def shard(self) -> str:
        """Which of `SHARDS` the request belongs to, for all its life."""
        name = f"{self.owner}\0{self.request_id}"
        return SHARDS[zlib.crc32(name.encode(errors="surrogatepass")) % len(SHARDS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a request failed, as its owner is told."""

    code: str
    """An ``ErrorCode``, or one of the action's own."""
    message: str
    details: Mapping[str, Any] | None = None
    retryable: bool = False
    """Whether sending the same request again later can succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressPoint:
    """How far a request has come."""

    percentage: float
    """0 to 100."""
    message: str = ""
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRecord:
    """An open WebSocket connection and who is at its other end."""

    connection_id: str
    tenant_id: str
    user_id: str
    permissions: frozenset[str]
    endpoint: str
    """Where the connection's ``@connections`` API is, such as ``https://{domain}/{stage}``."""
    source_ip: str
    connected_at: float
    """Unix seconds."""
    expires_at: int
    """Unix seconds after which DynamoDB may drop the row by itself."""
    user_agent: str | None = None
    """None when the client sent none."""

    @property
    def owner(self) -> str:
        """The user of the tenant as one value; see `owner_of`."""
        return owner_of(self.tenant_id, self.user_id)


@dataclass(frozen=True, slots=True)
class Listener:
    """A connection that hears about a request besides the one that sent it."""

    connection_id: str
    endpoint: str
    """Where the connection's ``@connections`` API is."""


KEPT_SECONDS: Final = 604_800
"""How long a request and its result are kept after its end, unless a service says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """A queued request and all that became of it."""

    tenant_id: str
    user_id: str
    request_id: str
    action: str
    payload_json: str | None = None
    """None: it is large and kept apart, with the metadata; `RequestStore.whole` reads them."""
    metadata_json: str | None = None
    payload_key: str | None = None
    """Where payload and metadata are kept apart; None: here. See `streamer.stores.payloads`."""
    permissions: frozenset[str]
    """Of the user when the request was accepted."""
    connection_id: str
    """The connection that sent it."""
    endpoint: str
    """Where that connection's ``@connections`` API is."""
    status: Status
    attempt: int
    """Claims so far; also the fence: a write of an older attempt is refused. See `tries`."""
    max_attempts: int
    created_at: float
    updated_at: float
    expires_at: int | None = None
    """Unix seconds after which the request is forgotten and its id may be used again. None: it is not over, and until
    then it does not expire."""
    due_at: float | None = None
    """When (Unix seconds) somebody must see to the request if nothing happens: while it runs, the end of its attempt's
    lease; between two attempts, when the next may begin; before the first, when to ask for it. None: it is over."""
    runner: str | None = None
    """Id of the run that makes, or made, the latest attempt; no two runs share one. None: no attempt began."""
    progress: ProgressPoint | None = None
    """The latest stored progress of any attempt."""
    told_percentage: float | None = None
    """No client was told a higher percentage than this; None: no client was told any."""
    result_json: str | None = None
    """Set if and only if the status is COMPLETED."""
    error: Failure | None = None
    """Why it failed for good, or why the last attempt did."""
    kept_seconds: int | None = None
    """How long the service that accepted it keeps requests after their end, for those who end it from outside the
    service. None: `KEPT_SECONDS`, as in rows of older versions."""
    listeners: frozenset[Listener] = frozenset()
    """Who hears about it besides `connection_id`. Kept with the request, so that whoever changes its state learns by
    the same write whom to tell: no extra call, and nobody is missed (``docs/decisions/0007-listeners.md``)."""

    @property
    def owner(self) -> str:
        """The user of the tenant as one value; see `owner_of`."""
        return owner_of(self.tenant_id, self.user_id)

    @property
    def key(self) -> RequestKey:
        """The primary key."""
        return RequestKey(self.owner, self.request_id)

    def is_stuck(self, now: float) -> bool:
        """Whether nobody has seen to it for `OVERDUE_SECONDS` after it was due, at ``now`` in Unix seconds."""
        return self.due_at is not None and self.due_at + OVERDUE_SECONDS < now

    @property
    def tries(self) -> int:
        """Attempts that ran, or run, for people: a claim that finds the last one dead counts for the fence only."""
        return min(self.attempt, self.max_attempts)


@dataclass(frozen=True, slots=True)
class Slots:
    """So many requests of a user, or of one connection of theirs, may be on their way at the same time.

    Who has one is kept as a set of request ids, in an item beside the user's requests. The set can be added to and
    taken from any number of times with the same result, so no crash ever makes it wrong for good.
    """

    name: str
    """The limit's name, for whoever meets it."""
    item: str
    """The item's sort key; begins with "#", which no request id can."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRecord:
    """One connection wants to hear about one target."""

    connection_id: str
    target: str
    """What it is about; opaque to the store."""
    endpoint: str
    expires_at: int


PAGE: Final = 1000
"""Records of a page: of a few hundred bytes each, so that DynamoDB has them in one answer of a megabyte."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of many records."""

    records: Sequence[T]
    """May be fewer than were asked for, even none, though there are more."""
    after: str | None = None
    """Id of the last connection that was looked at; None: there are no more."""
