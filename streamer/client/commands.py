"""What ``streamer call``, ``listen`` and ``publish`` do; each returns whether it was a success."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from streamer.aws_limits import LOOPBACK
from streamer.client.client import StreamerClient
from streamer.client.display import Display, printed_json
from streamer.client.errors import CannotConnectError, ConnectionLostError, GatewayError, RequestTimeoutError
from streamer.client.link import Reconnect
from streamer.client.topics import TopicMessage
from streamer.observability.printable import printable

COUNTS: Final = ("delivered", "gone", "failed", "passed_on")
"""What is printed of a publication; the last is there for large audiences alone."""


class Service(NamedTuple):
    """Whom to talk to."""

    url: str
    token: str | None
    """None: the URL has one, or the handshake is signed."""
    ca_file: str | None = None
    """An authority to trust beyond those of the system."""
    refused: str | None = None
    """What to add when the service refuses the token, which was made for it here."""
    sign: Callable[[str], Mapping[str, str]] | None = None
    """Signs the handshake; None: it is not signed."""

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return urlsplit(self.url).hostname in LOOPBACK


CALL: Final = Reconnect(give_up_seconds=60.0)
LISTEN: Final = Reconnect(give_up_seconds=None)


async def call(
    service: Service,
    action: str,
    payload: Any,
    *,
    request_id: str | None,
    timeout_seconds: float | None,
    display: Display,
) -> bool:
    """Show every message about a request, or why there are no more.

    Raises:
        CannotConnectError: there is no connection to be had.
        PayloadTooLargeError, ValueError: the request cannot be sent.
    """
    is_success = False
    request_id = request_id or str(uuid.uuid4())
    with _connection_news():
        async with _client(service, CALL) as client:
            events = client.events(action, payload, id=request_id)
            try:
                async with asyncio.timeout(timeout_seconds), contextlib.aclosing(events):
                    async for event in events:
                        display.event(event)
                        is_success = event.type not in ("error", "cancelled")
            except TimeoutError:
                told = str(RequestTimeoutError(request_id, timeout_seconds or 0))
                display.failed(f"{told}; {_interrupted(request_id)}" if display.is_accepted else told)
                return False
            except GatewayError as error:
                hint = "; the reason is in the emulator's output" if service.is_local else ""
                display.failed(f"{error}{hint}")
                return False
            except ConnectionLostError as error:
                display.failed(str(error))
                return False
            except asyncio.CancelledError:
                if display.is_accepted:
                    display.failed(_interrupted(request_id))
                raise
    return is_success


async def listen(
    service: Service, topic: str, *, count: int | None, timeout_seconds: float | None, as_json: bool
) -> bool:
    """Print what is published to a topic, until enough has come; False: not enough came in time.

    Raises as `StreamerClient.topic`.
    """
    heard = 0
    with _connection_news():
        async with _client(service, LISTEN) as client:
            if sys.stderr.isatty():
                sys.stderr.write(f"streamer: waiting for what is published to {printable(topic)}; Ctrl-C ends it\n")
            try:
                async with asyncio.timeout(timeout_seconds), contextlib.aclosing(client.topic(topic)) as messages:
                    async for message in messages:
                        _show(message, as_json=as_json)
                        heard += 1
                        if heard == count:
                            break
            except TimeoutError:
                if count is None:
                    return True
                sys.stderr.write(f"streamer: {heard} of {count} messages came within {timeout_seconds:g} s\n")
                return False
    return True


async def publish(service: Service, topic: str, data: Any) -> bool:
    """Publish, and print how many connections got it. Raises as `StreamerClient.publish`."""
    async with _client(service, None) as client:
        counts = await client.publish(topic, data)
    _print(json.dumps({name: counts[name] for name in COUNTS if name in counts}))
    return True


def _interrupted(request_id: str) -> str:
    asking = json.dumps({"request_id": request_id})
    return (
        f"the service goes on with request {request_id}; what becomes of it: streamer call status '{asking}', "
        f"to end it: streamer call cancel '{asking}'"
    )


def _client(service: Service, reconnect: Reconnect | None) -> StreamerClient:
    context = None
    if service.ca_file is not None:
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(service.ca_file)
        except OSError as error:
            reason = f"the certificate {service.ca_file} cannot be read: {error.strerror or error}"
            raise CannotConnectError(service.url.partition("?")[0], reason) from error
    return StreamerClient(service.url, service.token, ssl=context, reconnect=reconnect, sign=service.sign)


def _show(message: TopicMessage, *, as_json: bool) -> None:
    if message.missed and not as_json:
        sys.stderr.write(f"streamer: {message.missed} messages were missed\n")
    _print(json.dumps(asdict(message)) if as_json else printed_json(message.data))


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class _News(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"streamer: {printable(record.getMessage())}"


@contextlib.contextmanager
def _connection_news() -> Any:
    """Tell on standard error when the connection is lost."""
    logger, handler = logging.getLogger("streamer.client"), logging.StreamHandler()
    handler.setFormatter(_News())
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates
