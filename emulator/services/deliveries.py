"""Where what the services deliver goes: to functions and queues of the project, and to web servers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

from streamer.errors import ConfigurationError

from ..event_sources.queues.batches import MessageRefusedError
from ..event_sources.queues.mapping import Inbox
from ..foundation import log
from ..functions.outcome import AcceptEvent
from ..functions.variables import name_and_qualifier
from .delivery import CALL
from .wire import Frame

_FUNCTION: Final = ":function:"
_QUEUE: Final = ":sqs:"
_BUS: Final = ":event-bus/"


class Posts(Protocol):
    """Delivers to web servers in the background."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes, *, by: str) -> None:
        """Deliver a message."""
        ...


class Outside:
    """Delivers to functions and queues, once each; who is to be tried again is known by them."""

    def __init__(
        self, functions: Callable[[], Collection[str]], accept: AcceptEvent, queues: Callable[[], Inbox], web: Posts
    ) -> None:
        """All are asked when something is delivered; ``queues`` raises ConfigurationError where there are none."""
        self._functions = functions
        self._accept = accept
        self._queues = queues
        self._web = web
        self._told: set[str] = set()

    def deliver(self, frame: Frame) -> None:
        """Deliver what a frame of the process says."""
        to, by, payload = (str(frame.head[name]) for name in ("to", "by", "payload"))
        if why := str(frame.head.get("why") or ""):
            self._lost(to, by, why)
        elif CALL in to:
            self._lost(to, by, "targets that are calls of a service are not emulated")
        elif _FUNCTION in to:
            self._to_function(to.partition(_FUNCTION)[2], by, payload)
        elif _QUEUE in to:
            self._to_queue(to.rpartition(":")[2], by, payload, frame.head)
        elif to.startswith(("http://", "https://")):
            self._web.send(to, frame.head.get("headers", {}), payload.encode(), by=by)
        elif _BUS in to:
            self._lost(to.rpartition("/")[2], by, "there is no such event bus")
        else:
            self._lost(to, by, "only functions, queues and web servers are delivered to here")

    def _to_function(self, name: str, by: str, payload: str) -> None:
        if name_and_qualifier(name)[0] not in self._functions():
            self._lost(name, by, "there is no such function")
        elif not self._accept(name, payload.encode(), str(uuid.uuid4())):
            log.warning("an event of a service was dropped: too many events wait", by=by, function=name)

    def _to_queue(self, name: str, by: str, payload: str, head: Mapping[str, Any]) -> None:
        try:
            queues = self._queues()
        except ConfigurationError as error:
            self._lost(name, by, str(error))
            return
        if not queues.has(name):
            self._lost(name, by, "there is no such queue")
            return
        more = {key: head.get(key) for key in ("attributes", "group", "deduplication")}
        try:
            queues.send(name, payload, **more)
        except MessageRefusedError as error:
            self._lost(name, by, str(error))

    def _lost(self, to: str, by: str, why: str) -> None:
        """Say once that nothing arrives; the service itself tells nobody, as on AWS."""
        if (line := f"{by} {to}") not in self._told and len(self._told) < 1000:
            self._told.add(line)
            log.warning("what a service delivers arrives nowhere", by=by, to=to, why=why)
