"""What actions do with connections: send, broadcast, publish; always within the tenant of their request."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamer.errors import ActionError
from streamer.protocol import messages
from streamer.protocol.topics import topic_of

if TYPE_CHECKING:
    # Users' modules import this one, and should not load AWS libraries for it.
    from streamer.sending.hub import Hub
    from streamer.sending.publisher import Delivery


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom an action runs, and with what means."""

    hub: Callable[[], Hub]
    """Made when it is first asked for: most actions only answer."""
    tenant_id: str
    seconds_left: Callable[[], float]
    """How long a delivery may take at most."""


_scope: Final[ContextVar[Scope | None]] = ContextVar("streamer_scope", default=None)


@contextlib.contextmanager
def scope(hub: Callable[[], Hub], tenant_id: str, seconds_left: Callable[[], float]) -> Iterator[None]:
    """Let actions that are called inside, also in threads that take the context along, reach the tenant."""
    token = _scope.set(Scope(hub, tenant_id, seconds_left))
    try:
        yield
    finally:
        _scope.reset(token)


class Connections:
    """The connections of the tenant for which an action runs; `App.connections`.

    Works while an action runs, in plain functions and in ``async def`` ones, and in threads that take the context
    along, as `asyncio.to_thread` does. Every call returns when API Gateway has answered: where an ``async def`` action
    has other tasks to go on with, ``await asyncio.to_thread(app.publish, "news", data)``.

    All raise RuntimeError outside of an action, TypeError or ValueError for data that is not JSON,
    ``PayloadTooLargeError`` for data over 512 KB, and ``StoreError`` when DynamoDB does not answer.
    """

    def send(self, connection_id: str, data: Any) -> None:
        """Send data to one connection, as a ``message`` without a topic.

        Raises:
            GoneError: the connection closed, or belongs to another tenant.
            SendError: the data could not be delivered, though the connection may be open.
        """
        here = _current()
        here.hub().to_connection(here.tenant_id, connection_id, messages.to_json(data))

    def broadcast(
        self, data: Any, *, user_id: str | None = None, topic: str | None = None, tenant: bool = False
    ) -> Delivery:
        """Send data to all connections of a user, all subscribers of a topic, or the whole tenant: exactly one of them.

        That some connections cannot be reached is no error: the result names them.

        Raises:
            ValueError: none or several of the three are given, or the topic is no name of one.
        """
        if (user_id is not None) + (topic is not None) + tenant != 1:
            raise ValueError("broadcast to exactly one of: user_id=..., topic=..., tenant=True")
        here = _current()
        data_json = messages.to_json(data)
        if user_id is not None:
            return here.hub().to_user(here.tenant_id, user_id, data_json, seconds=here.seconds_left())
        if topic is None:
            return here.hub().to_tenant(here.tenant_id, data_json, seconds=here.seconds_left())
        try:
            named = topic_of(topic)
        except ActionError as exc:
            raise ValueError(exc.message) from exc
        return here.hub().to_topic(here.tenant_id, named, data_json, seconds=here.seconds_left())

    def is_active(self, connection_id: str) -> bool:
        """Whether a connection of the tenant is open; False for those of other tenants.

        Raises:
            SendError: API Gateway did not answer.
        """
        here = _current()
        return here.hub().is_active(here.tenant_id, connection_id)


def _current() -> Scope:
    here = _scope.get()
    if here is None:
        raise RuntimeError(
            "connections can be reached only while an action runs; in a thread of your own, start it with "
            "asyncio.to_thread or contextvars.copy_context().run"
        )
    return here
