"""The upgrade request: authorizer, then ``$connect``, then 101; or the status of its refusal. Pure.

The 101 waits for both functions; the connection does not exist before. [DOC]
apigw-docs:apigateway-websocket-api-route-keys-connect-disconnect
"""

from __future__ import annotations

import binascii
import enum
from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from . import http_answers as answers
from .authorizer import Authorized, Broken, Denied, Unauthorized, has_identity, judge
from .connection import Connection
from .domains import Entrance
from .effects import Accept, Decision, HttpAnswer, Invoke, NotInvoked, Raised, Replied, Result, TimedOut, Warn
from .events import Event, Session, domain_headers, gateway_headers, grouped_query
from .ids import api_key_id
from .proxy_results import Malformed, ProxyResponse, failure_said, parse_proxy_response
from .signature import DENIED, MISSING, Flaw
from .stage import API_KEY_HEADER, Stage

_SUBPROTOCOL: Final = "sec-websocket-protocol"


class UpgradeRequest(Struct, frozen=True, kw_only=True):
    """An HTTP request, as received, that asks for a WebSocket (or should)."""

    target: str
    """Path and query, still percent-encoded."""
    headers: tuple[tuple[str, str], ...]
    """In the client's order and casing."""
    peer: str
    """The client's IP address."""
    method: str = "GET"
    flaw: Flaw | None = MISSING
    """What is wrong with its SigV4 signature; None: it verified. Looked at only where ``$connect`` asks for IAM."""
    signer: Mapping[str, str] = field(default_factory=dict)
    """Who signed it, as ``identity`` of its events says; empty where nobody asks."""


class _Step(enum.Enum):
    START = enum.auto()
    AUTHORIZING = enum.auto()
    CONNECTING = enum.auto()
    DONE = enum.auto()


class Handshake:
    """Decides about one upgrade: call `begin`, run what it asks for, tell `resume` the outcome until it is decided.

    After an `Accept`, `connection` is open; after a `HttpAnswer` it never was. A client that hangs up meanwhile changes
    nothing: the functions end, and if they accept, `Connection.closed` follows at once.
    """

    __slots__ = (
        "_asked_at_ms",
        "_domain",
        "_entrance",
        "_fields",
        "_headers",
        "_query",
        "_request",
        "_request_id",
        "_session",
        "_stage",
        "_step",
        "_usage_key",
        "connection",
        "warnings",
    )

    def __init__(self, stage: Stage, request: UpgradeRequest, now_ms: int) -> None:
        """Start; ``now_ms`` becomes ``connectedAt``, and the connection's id carries it. [REC]"""
        self._stage = stage
        self._request = request
        self._fields = _fields(request)
        agent = self._fields.get("user-agent")
        self._session = Session(stage, stage.ids.connection_id(now_ms), now_ms, request.peer, agent)
        self._session.identity |= request.signer
        self._entrance = entrance = _entrance(stage, request, self._fields)
        self._domain = None if entrance is None else entrance.domain
        if self._domain is not None:
            self._session.domain_name = self._domain.name
        self._headers: list[tuple[str, list[str]]] = []
        self._query: dict[str, list[str]] = {}
        self._request_id = ""
        self._asked_at_ms = now_ms
        self._usage_key: str | None = None
        self._step = _Step.START
        self.connection = Connection(self._session)
        self.warnings: list[Warn] = []
        """What the developer should hear about a refusal; the client learns a status only."""

    @property
    def connection_id(self) -> str:
        """The id of the connection to be, the same in all events. [REC] LocalStack #8893"""
        return self._session.connection_id

    def begin(self, now: float, now_ms: int) -> Decision:
        """Decide what can be decided at once: the request itself, throttles, IAM; then ask for the first function."""
        refusal = _refusal(self._stage, self._request, self._fields, self._entrance, now_ms)
        refusal = refusal or self._refuse_entry(now, now_ms)
        if refusal is not None:
            return self._rejected(refusal)
        self._query = grouped_query(self._request.target.partition("?")[2])
        trace = self._stage.ids.trace_root(self._session.connected_at_ms)
        self._headers = gateway_headers(self._request.headers, self._request.peer, trace)
        if self._domain is not None:
            self._headers = domain_headers(self._headers, self._domain)
        return self._connect(now, now_ms, None) if self._stage.authorizer is None else self._authorize(now_ms)

    def resume(self, result: Result, now: float, now_ms: int) -> Decision:
        """Go on with what became of the function that was asked for."""
        if self._step is _Step.AUTHORIZING:
            return self._authorized(result, now, now_ms)
        assert self._step is _Step.CONNECTING, "the handshake asked for no function"
        return self._connected(result, now, now_ms)

    def _refuse_entry(self, now: float, now_ms: int) -> HttpAnswer | None:
        if not self._stage.admits_connection(now):
            return answers.error(self._stage.ids, now_ms, 429)
        route = self._stage.connect
        flaw = self._request.flaw
        if route is not None and route.route.iam and flaw is not None:
            return answers.error(self._stage.ids, now_ms, 403, flaw.message, flaw.error_type)
        return None

    # the authorizer

    def _authorize(self, now_ms: int) -> Decision:
        authorizer = self._stage.authorizer
        assert authorizer is not None  # the caller looked
        request_id = self._stage.ids.request_id(now_ms)
        event = self._session.authorize_event(self._headers, self._query, request_id, now_ms)
        missing = [source for source in authorizer.identity_sources if not has_identity(source, event)]
        if missing:
            self._warn(f"401 without calling the authorizer: no value for identity source {', '.join(missing)}")
            return self._refused(now_ms, 401)
        self._step = _Step.AUTHORIZING
        self._asked_at_ms = now_ms
        self._request_id = request_id
        timeout_seconds = self._stage.limits.integration_timeout_seconds
        return Invoke(authorizer.function, event, timeout_seconds, request_id, "$connect")

    def _authorized(self, result: Result, now: float, now_ms: int) -> Decision:
        match judge(result, f"{self._stage.arn}/$connect"):
            case Authorized(context, usage_key):
                self._session.authorizer = context
                self._usage_key = usage_key
                return self._connect(now, now_ms, max(0, now_ms - self._asked_at_ms))
            case Denied(reason, message):
                self._warn(f"the authorizer refused the client: {reason}")
                return self._rejected(answers.error(self._stage.ids, now_ms, 403, message, DENIED))
            case Unauthorized():
                return self._refused(now_ms, 401)
            case Broken(reason):
                self._warn(f"the authorizer is broken: {reason}")
                return self._failed(now_ms, 500)

    # $connect

    def _connect(self, now: float, now_ms: int, latency_ms: int | None) -> Decision:
        route = self._stage.connect
        if route is None:
            # [DOC] the $connect integration is optional; without one there is no subprotocol either [INF].
            return self._accepted(None, now)
        if route.route.api_key_required:
            key = self._api_key()
            if key not in self._stage.api.api_keys:
                self._warn("the client has no valid API key")
                return self._refused(now_ms, 403)
            # [DOC] apigateway-websocket-api-mapping-template-reference, of $context; that events have them too [INF]
            self._session.identity |= {"apiKey": key, "apiKeyId": api_key_id(key)}
        event = self._connect_event(now_ms, latency_ms)
        missing = [name for name in route.route.required_parameters if not has_identity(name, event)]
        if missing:
            # [DOC] apigw-docs:apigateway-websocket-api-request-parameters; that the status is 400 [INF]
            self._warn(f"400 without calling the $connect function: no value for {', '.join(missing)}")
            return self._refused(now_ms, 400)
        self._step = _Step.CONNECTING
        return Invoke(route.route.function, event, route.timeout_seconds, self._request_id, route.route.route_key)

    def _api_key(self) -> str:
        """The client's; empty: it has none."""
        by_header = self._stage.api.api_key_selection_expression == API_KEY_HEADER
        return (self._fields.get("x-api-key") if by_header else self._usage_key) or ""

    def _connect_event(self, now_ms: int, latency_ms: int | None) -> Event:
        self._request_id = self._stage.ids.request_id(now_ms)
        return self._session.connect_event(self._headers, self._query, self._request_id, now_ms, latency_ms)

    def _connected(self, result: Result, now: float, now_ms: int) -> Decision:
        match result:
            case Replied(payload):
                response = parse_proxy_response(payload, needs_status=self._stage.assumptions.missing_status_is_error)
            case Raised(is_unreachable=is_unreachable):
                # [DOC] apigw-docs:supported-gateway-response-types, INTEGRATION_FAILURE
                return self._failed(now_ms, 504 if is_unreachable else 502)
            case NotInvoked(reason):
                self._warn(f"Lambda did not run the $connect function: {reason}")
                return self._failed(now_ms, 500)
            case TimedOut():
                return self._failed(now_ms, 504)
        if isinstance(response, Malformed):
            self._warn(f"malformed proxy response of $connect: {response.reason}")
            return self._failed(now_ms, 502)
        return self._answered(response, now, now_ms)

    def _answered(self, response: ProxyResponse, now: float, now_ms: int) -> Decision:
        if response.body and (said := failure_said(response)) is not None:
            self._warn(f"of what $connect answered, the client hears only the status: {said}")
        if response.status >= 500:
            return self._failed(now_ms, response.status)
        if response.status >= 300:
            return self._refused(now_ms, response.status)
        subprotocol = response.headers.get(_SUBPROTOCOL)
        if subprotocol is not None and not (subprotocol.isascii() and subprotocol.isprintable()):
            self._warn("$connect returned a Sec-WebSocket-Protocol that is no header value")
            return self._failed(now_ms, 502)
        self._warn_about(subprotocol)
        return self._accepted(subprotocol or None, now)

    def _warn_about(self, subprotocol: str | None) -> None:
        if not subprotocol and _SUBPROTOCOL not in self._fields:
            return
        offers = ",".join(value for name, value in self._request.headers if name.lower() == _SUBPROTOCOL)
        offered = [offer.strip() for offer in offers.split(",") if offer.strip()]
        if subprotocol and subprotocol not in offered:
            self._warn(f"$connect chose subprotocol {subprotocol!r}, which the client did not offer; it will hang up")
        elif offered and not subprotocol:
            self._warn("the client offered subprotocols, but $connect returned none; browsers will hang up")

    # decisions

    def _accepted(self, subprotocol: str | None, now: float) -> Accept:
        self._step = _Step.DONE
        self._headers, self._query = [], {}
        self.connection.accept(now)
        return Accept(subprotocol)

    def _refused(self, now_ms: int, status: int) -> HttpAnswer:
        return self._rejected(answers.error(self._stage.ids, now_ms, status))

    def _failed(self, now_ms: int, status: int) -> HttpAnswer:
        request_id = self._request_id
        return self._rejected(answers.failed_handshake(self._stage.ids, now_ms, status, self.connection_id, request_id))

    def _rejected(self, answer: HttpAnswer) -> HttpAnswer:
        self._step = _Step.DONE
        self.connection.refuse()
        return answer

    def _warn(self, text: str) -> None:
        self.warnings.append(Warn(text, {"connection_id": self.connection_id}))


def refuse_request(stage: Stage, request: UpgradeRequest, now_ms: int) -> HttpAnswer | None:
    """Why this request is refused before anything is run; None: it is a proper request for a WebSocket."""
    fields = _fields(request)
    return _refusal(stage, request, fields, _entrance(stage, request, fields), now_ms)


def _refusal(
    stage: Stage, request: UpgradeRequest, fields: Mapping[str, str], entrance: Entrance | None, now_ms: int
) -> HttpAnswer | None:
    ids = stage.ids
    if len(request.target) > stage.limits.url_chars:
        return answers.error(ids, now_ms, 414)
    if sum(len(name) + len(value) for name, value in request.headers) > stage.limits.header_bytes:
        return answers.error(ids, now_ms, 431)
    if entrance is None or request.method != "GET":
        return answers.error(ids, now_ms, 403)
    if fields.get("upgrade", "").lower() != "websocket" or not _asks_to_upgrade(request, fields):
        return _upgrade_required(stage, now_ms)
    is_valid = fields.get("sec-websocket-version") == "13" and _is_key(fields.get("sec-websocket-key", ""))
    return None if is_valid and _has_one_host(request, fields) else answers.error(ids, now_ms, 400)


def refuse_plain(stage: Stage, request: UpgradeRequest, now_ms: int) -> HttpAnswer:
    """The answer to a request that is neither for ``@connections`` nor, to the shell, for a WebSocket."""
    return refuse_request(stage, request, now_ms) or _upgrade_required(stage, now_ms)


def _fields(request: UpgradeRequest) -> dict[str, str]:
    """Lower-case name to the last value of that header."""
    return {name.lower(): value.strip() for name, value in request.headers}


def _entrance(stage: Stage, request: UpgradeRequest, fields: Mapping[str, str]) -> Entrance | None:
    return stage.entrance(fields.get("host", ""), request.target.partition("?")[0])


def _has_one_host(request: UpgradeRequest, fields: Mapping[str, str]) -> bool:
    """As every request of HTTP/1.1 must (RFC 9112, 3.2)."""
    if len(request.headers) == len(fields):  # nearly always: none is repeated
        return "host" in fields
    return sum(name.lower() == "host" for name, _ in request.headers) == 1


def _upgrade_required(stage: Stage, now_ms: int) -> HttpAnswer:
    # [REC] serverless-offline's suite, run against AWS; HTTP wants the header.
    body = b'{"message":"Upgrade Required"}'
    return answers.answer(stage.ids, now_ms, 426, body, "UpgradeRequiredException", ("Upgrade", "websocket"))


def _asks_to_upgrade(request: UpgradeRequest, fields: Mapping[str, str]) -> bool:
    if fields.get("connection", "").lower() == "upgrade":  # as nearly always; there may be several such headers
        return True
    values = ",".join(value for name, value in request.headers if name.lower() == "connection")
    return "upgrade" in (token.strip().lower() for token in values.split(","))


def _is_key(text: str) -> bool:
    try:
        return len(binascii.a2b_base64(text.encode("ascii"), strict_mode=True)) == 16
    except ValueError:
        return False
