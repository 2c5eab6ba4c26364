"""Sends messages to connections through API Gateway's management API (``@connections``).

botocore signs, urllib3 carries: a signed POST over a kept-alive connection is all there is to it, and a full SDK client
costs several times more per call and at cold start (figures in ``docs/decisions/0002-logs-and-metrics.md``).
"""

from __future__ import annotations

import enum
import json
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

import urllib3
from botocore.credentials import Credentials
from urllib3.util import SKIP_HEADER, Retry

from streamer.errors import ConfigurationError, GoneError, PayloadTooLargeError, SendError
from streamer.signer import Signer, Unsigned

MESSAGE_BYTES: Final = 128 * 1024
"""Largest message, in bytes of UTF-8. [DOC] apigw-docs quotas, FIDELITY G4"""
ENDPOINT_VARIABLE: Final = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"
"""Overrides the endpoint, stage included, as it does for the SDKs. [DOC] sdkref: feature-ss-endpoints"""
POOLED_CONNECTIONS: Final = 32
"""Connections kept open per endpoint; more are opened, and closed again, when more threads send at once."""


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What the management API said."""

    status: int
    body: bytes = b""
    error_type: str = ""
    """Header ``x-amzn-ErrorType``."""


class NoAnswerError(Exception):
    """The request timed out or the connection failed."""


Exchange = Callable[[str, str, bytes, Mapping[str, str], float], Answer]
"""Makes one HTTP request: method, URL, body, headers, timeout in seconds; raises `NoAnswerError`."""


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
        """
        self._credentials = credentials
        self._region = region
        self._signer: Signer | None = None
        self._endpoint = endpoint
        self._exchange = exchange
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._jitter = jitter
        self._clock = clock

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, retry: RetryPolicy | None = None) -> ManagementApi:
        """As Lambda, an SDK configuration or the emulator sets the environment up.

        Raises:
            ConfigurationError: there is no Region.
        """
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise ConfigurationError("AWS_REGION is not set; requests to API Gateway cannot be signed without it")
        return cls(
            credentials=_credentials(environ),
            region=region,
            endpoint=environ.get(ENDPOINT_VARIABLE) or None,
            exchange=PooledExchange(environ.get("AWS_CA_BUNDLE") or None),
            retry=retry,
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

    def _signed(self, method: str, url: str, body: bytes) -> dict[str, str]:
        if self._credentials is None:
            raise ConfigurationError("there are no AWS credentials; set AWS_PROFILE or AWS_ACCESS_KEY_ID and its kin")
        # A frozen copy: refreshable credentials may change between reading the key and reading its secret.
        credentials = self._credentials.get_frozen_credentials()
        signer = self._signer
        if signer is None or signer.credentials != credentials:
            signer = self._signer = Signer(credentials, "execute-api", self._region)
        request = Unsigned(method, url, body, {"Content-Type": "text/plain; charset=utf-8"} if body else {})
        signer.add_auth(request)
        return dict(request.headers.items())


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


_NEVER: Final = Retry(total=False, redirect=False)
_UNSAID: Final = {"User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER}


class PooledExchange:
    """Makes requests over kept-alive connections, without Nagle's delay (urllib3's default).

    Safe to share between threads.
    """

    def __init__(self, ca_bundle: str | None = None) -> None:
        """Without I/O; ``ca_bundle`` is a file of certificates to trust, None means the SDK's own."""
        self._ca_bundle = ca_bundle
        self._lock = threading.Lock()
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}
        """Scheme and host to pool; a service has one endpoint, or a few."""

    def __call__(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float
    ) -> Answer:
        """As `Exchange`."""
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        try:
            pool = self._pools.get(f"{scheme}://{host}") or self._open(f"{scheme}://{host}")
            response = pool.urlopen(
                method,
                f"/{path}",
                body=body,
                headers={**headers, **_UNSAID},
                timeout=timeout_seconds,
                retries=_NEVER,
                redirect=False,
                # It is the host that the pool was chosen by, and there is nothing to decode.
                assert_same_host=False,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error
        return Answer(response.status, response.data, response.headers.get("x-amzn-ErrorType", ""))

    def _open(self, origin: str) -> urllib3.HTTPConnectionPool:
        with self._lock:
            if origin not in self._pools:
                # Loading certificates takes 10 ms or more: once per origin, and not at all for plain HTTP.
                options = {"ssl_context": _tls(self._ca_bundle)} if origin.startswith("https:") else {}
                self._pools[origin] = urllib3.connection_from_url(origin, maxsize=POOLED_CONNECTIONS, **options)
            return self._pools[origin]


def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    if ca_bundle is None:
        from botocore.httpsession import get_cert_path  # noqa: PLC0415 - loads a whole HTTP client

        ca_bundle = get_cert_path(True)
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        raise ConfigurationError(f"AWS_CA_BUNDLE names {ca_bundle!r}, which cannot be read: {error}") from error


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
    text = content.get("message", "") if isinstance(content, dict) else ""
    return " ".join(part for part in (f"HTTP {answer.status}", answer.error_type, str(text)[:300]) if part)
