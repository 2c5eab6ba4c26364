"""Sends messages to connections through API Gateway's management API (``@connections``).

A signed POST over a kept-alive connection is all there is to it, and a full SDK client costs many times more per call
and more at cold start (figures in ``docs/decisions/0002-logs-and-metrics.md``).
"""

from __future__ import annotations

import enum
import json
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

from botocore.credentials import Credentials

from streamer.aws_limits import MESSAGE_BYTES
from streamer.errors import ConfigurationError, GoneError, PayloadTooLargeError, SendError
from streamer.sending.signer import TIMESTAMP, CurrentSigner
from streamer.sending.transport import Answer, Exchange, NoAnswerError, PooledExchange
from streamer.settings import TRACE_VARIABLE, region_of

ENDPOINT_VARIABLE: Final = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"
"""Overrides the endpoint, stage included, as it does for the SDKs. [DOC] sdkref: feature-ss-endpoints"""


class Sender(Protocol):
    """Delivers messages to connections of one API and stage. Safe to share between threads."""

    def send(self, connection_id: str, message: str | bytes) -> None:
        """Deliver one text message.

        Raises:
            GoneError: the connection closed.
            PayloadTooLargeError: the message is over `MESSAGE_BYTES`.
            SendError: it could not be delivered, though the connection may live. It may have been delivered after
                all, if only the answer was lost.
        """
        ...

    def is_active(self, connection_id: str) -> bool:
        """Ask whether a connection is open.

        Raises:
            SendError: there was no answer.
        """
        ...


def send_pieces(sender: Sender, connection_id: str, pieces: Iterable[str]) -> None:
    """Deliver a message in its pieces, up to the first that cannot be delivered; raises as `Sender.send`."""
    for piece in pieces:
        sender.send(connection_id, piece)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long to try: exponential backoff with full jitter, within a total."""

    attempts: int = 5
    base_seconds: float = 0.1
    """The first wait is up to this long, each further one up to twice the one before."""
    total_seconds: float = 6.0
    """Time after which no further attempt is made, waits and requests included."""
    request_seconds: float = 3.0
    """Longest wait for one answer."""

    def wait_seconds(self, attempt: int, jitter: float) -> float:
        """Pause before an attempt, counted from 1 for the first repetition; ``jitter`` is 0 to 1."""
        return float(self.base_seconds * 2 ** (attempt - 1) * jitter)


ONCE: Final = RetryPolicy(attempts=1)
"""For callers that come back to a connection later, instead of waiting for it."""


class Verdict(enum.Enum):
    """What an answer means for the message."""

    DELIVERED = enum.auto()
    GONE = enum.auto()
    TOO_LARGE = enum.auto()
    TRY_AGAIN = enum.auto()
    REFUSED = enum.auto()


def judge(status: int) -> Verdict:
    """What a status of the management API means. [DOC] apigatewaymanagementapi model; FIDELITY G3-G14"""
    match status:
        case _ if 200 <= status < 300:
            return Verdict.DELIVERED
        case 410:
            return Verdict.GONE
        case 413:
            return Verdict.TOO_LARGE
        case 429:  # too many requests, or the client reads too slowly
            return Verdict.TRY_AGAIN
        case _ if status >= 500:
            return Verdict.TRY_AGAIN
        case _:
            return Verdict.REFUSED


class ManagementApi:
    """The management API as one execution environment uses it: credentials, Region and kept-alive connections.

    Create one per execution environment and ask it for a `Sender` per endpoint. Safe to share between threads.
    """

    def __init__(
        self,
        *,
        credentials: Any,
        region: str,
        endpoint: str | None = None,
        exchange: Exchange,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        trace: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Without I/O.

        Args:
            credentials: botocore credentials; refreshable ones are refreshed as needed.
            region: The Region of the API.
            endpoint: Used instead of the endpoints in events. None: those are used.
            exchange: The transport.
            retry: How long to try.
            sleep: Waits for some seconds.
            jitter: A random number from 0 to 1.
            clock: Seconds of a clock that never goes back.
            now: Unix seconds, which requests are signed with.
            trace: The ``X-Amzn-Trace-Id`` of the invocation that sends, which ties its requests to it. None: there
                is none.
        """
        self._signer = None if credentials is None else CurrentSigner(credentials, "execute-api", region)
        self._endpoint = endpoint
        self._exchange = exchange
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._jitter = jitter
        self._clock = clock
        self._now = now
        self._trace = trace

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, retry: RetryPolicy | None = None) -> ManagementApi:
        """As Lambda, an SDK configuration or the emulator sets the environment up.

        Raises:
            ConfigurationError: there is no Region.
        """
        region = region_of(environ)
        if region is None:
            raise ConfigurationError("AWS_REGION is not set; requests to API Gateway cannot be signed without it")
        return cls(
            credentials=_credentials(environ),
            region=region,
            endpoint=environ.get(ENDPOINT_VARIABLE) or None,
            exchange=PooledExchange(environ.get("AWS_CA_BUNDLE") or None),
            retry=retry,
            trace=lambda: environ.get(TRACE_VARIABLE),
        )

    def at(self, endpoint: str) -> Sender:
        """The sender for ``https://{domainName}/{stage}``, unless the environment names another endpoint."""
        return _EndpointSender(self, (self._endpoint or endpoint).rstrip("/"), self._retry)

    def once_at(self, endpoint: str) -> Sender:
        """The same, but it tries only once."""
        return _EndpointSender(self, (self._endpoint or endpoint).rstrip("/"), ONCE)

    def ask(self, method: str, url: str, connection_id: str, body: bytes, retry: RetryPolicy) -> None:
        """Make a request to a connection's URL, again and again if need be; raises as `Sender.send`."""
        deadline = self._clock() + retry.total_seconds
        problem = "no time left"
        for attempt in range(retry.attempts):
            if attempt:
                self._sleep(retry.wait_seconds(attempt, self._jitter()))
            left_seconds = deadline - self._clock()
            if left_seconds <= 0:
                break
            headers = self._signed(method, url, body)
            try:
                answer = self._exchange(method, url, body, headers, min(left_seconds, retry.request_seconds))
            except NoAnswerError as error:
                problem = str(error)
                continue
            match judge(answer.status):
                case Verdict.DELIVERED:
                    return
                case Verdict.GONE:
                    raise GoneError(connection_id)
                case Verdict.TOO_LARGE:
                    raise PayloadTooLargeError(len(body), MESSAGE_BYTES)
                case Verdict.REFUSED:
                    raise SendError(f"API Gateway refused a {method} for {connection_id}: {_described(answer)}")
                case Verdict.TRY_AGAIN:
                    problem = _described(answer)
        tried = "once" if retry.attempts == 1 else f"for {retry.total_seconds:g} s"
        raise SendError(f"could not reach {connection_id}, tried {tried}: {problem}", is_temporary=True)

    def _signed(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        if self._signer is None:
            raise ConfigurationError("there are no AWS credentials; set AWS_PROFILE or AWS_ACCESS_KEY_ID and its kin")
        headers = {"host": url.split("/", 3)[2]}
        trace = self._trace()
        if trace:
            headers["x-amzn-trace-id"] = trace
        if body:
            headers["content-type"] = "text/plain; charset=utf-8"
        timestamp = time.strftime(TIMESTAMP, time.gmtime(self._now()))
        return self._signer.sign(method, url, body, headers, timestamp=timestamp)


@dataclass(frozen=True, slots=True)
class _EndpointSender:
    api: ManagementApi
    endpoint: str
    retry: RetryPolicy

    def send(self, connection_id: str, message: str | bytes) -> None:
        """As `Sender.send`."""
        body = message.encode() if isinstance(message, str) else message
        if len(body) > MESSAGE_BYTES:
            raise PayloadTooLargeError(len(body), MESSAGE_BYTES)
        self.api.ask("POST", self._url(connection_id), connection_id, body, self.retry)

    def is_active(self, connection_id: str) -> bool:
        """As `Sender.is_active`. [DOC] apigatewaymanagementapi model: GetConnection"""
        try:
            self.api.ask("GET", self._url(connection_id), connection_id, b"", self.retry)
        except GoneError:
            return False
        return True

    def _url(self, connection_id: str) -> str:
        # Encoded as the SDKs do, or the signature would not match. FIDELITY G1
        return f"{self.endpoint}/%40connections/{quote(connection_id, safe='')}"


def _credentials(environ: Mapping[str, str]) -> Any:
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        # Lambda's case: they live as long as the execution environment.
        return Credentials(key, secret, environ.get("AWS_SESSION_TOKEN") or None)
    import botocore.session  # noqa: PLC0415 - only where profiles, roles or SSO have to be looked up

    return botocore.session.Session().get_credentials()


def _described(answer: Answer) -> str:
    try:
        content = json.loads(answer.body)
    except ValueError:
        content = None
    # AWS spells the key with a capital when a role does not allow it.
    text = content.get("message") or content.get("Message") or "" if isinstance(content, dict) else ""
    return " ".join(part for part in (f"HTTP {answer.status}", answer.error_type, str(text)[:300]) if part)
