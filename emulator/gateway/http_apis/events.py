"""The events of HTTP APIs (payload 1.0 and 2.0), REST APIs and function URLs, in AWS's key order. Pure.

[DOC] apigw-docs:http-api-develop-integrations-lambda, lambda-docs:services-apigateway, lambda-docs:urls-invocation
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from msgspec import Struct, field

from streamer.topology.http_kinds import HttpKind

from ...foundation.place import arn_of
from ..rules.events import clf_time, gateway_headers, grouped_query, single_and_multi
from .paths import Match, one_slash

if TYPE_CHECKING:
    from streamer.topology.http_apis import HttpApi

Event = dict[str, Any]
_IDENTITY: Final = (
    *("accessKey", "accountId", "caller", "cognitoAmr", "cognitoAuthenticationProvider", "cognitoAuthenticationType"),
    *("cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "sourceIp", "user", "userAgent", "userArn"),
)
_REST_IDENTITY: Final = (
    *("cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId", "accessKey"),
    *("cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent", "user"),
)
_NOT_PASSED: Final = frozenset({"expect", "te", "trailer", "transfer-encoding"})
"""[DOC] apigw-docs:api-gateway-known-issues, of REST APIs; [INF] of the others"""
_TITLED: Final = {name.lower(): name for name in ("Content-Length", "Content-Type", "Host", "User-Agent")}
_LOWERED: Final = frozenset(
    {
        *("accept", "accept-charset", "accept-encoding", "accept-language", "authorization", "cache-control", "cookie"),
        *("date", "forwarded", "from", "if-match", "if-modified-since", "if-none-match", "if-range"),
        *("if-unmodified-since", "max-forwards", "origin", "pragma", "range", "referer", "via"),
    }
)
"""How payload 1.0 of HTTP APIs spells the headers that HTTP itself has; of others the client's casing stays.

[USR] spring-cloud/spring-cloud-function CustomRuntimeEventLoopTest, and events that were logged of requests by curl,
Chrome, Postman, CloudFront and webhooks: four names with capitals, accept, accept-encoding, cache-control and via in
lower case though sent otherwise, Postman-Token as it was sent; [INF] that the other names of this list are like these
"""
_TEXT: Final = ("application/json", "application/xml", "application/javascript")
"""Media types whose bodies are text, besides ``text/*``; others are base64. [INF] as function URLs and HTTP APIs do"""


class Asked(Struct, frozen=True, kw_only=True):
    """A request, and everything an event says of it."""

    api: HttpApi
    match: Match
    method: str
    raw_path: str
    """With the stage, still encoded."""
    query: str
    """Still encoded."""
    headers: tuple[tuple[str, str], ...]
    """As the client sent them."""
    body: bytes
    peer: str
    request_id: str
    """Of the HTTP API's form, or the REST API's extended one."""
    uuid: str
    """Request id of REST APIs and function URLs."""
    trace_root: str
    now_ms: int
    region: str
    account_id: str
    domain_name: str
    fields: Mapping[str, str] = field(default_factory=dict)
    signer: Mapping[str, str] = field(default_factory=dict)
    """As in `identity.Allowed`."""

    @property
    def grouped_query(self) -> dict[str, list[str]]:
        """The query, decoded, by name; a REST API splits it at semicolons, too.

        [DOC] apigw-docs:api-gateway-known-issues
        """
        return grouped_query(self.query.replace(";", "&") if self.api.kind is HttpKind.REST else self.query)

    @property
    def arn(self) -> str:
        """``methodArn`` and ``routeArn``."""
        path = self.below_stage.removeprefix("/")
        start = arn_of("execute-api", self.region, self.account_id, self.api.api_id)
        return f"{start}/{self.api.stage}/{self.method}/{path}"

    @property
    def below_stage(self) -> str:
        """The path without the stage, decoded."""
        below = self.shown_path.removeprefix(self.api.base_path) or "/"
        return one_slash(below) if self.api.kind is HttpKind.REST else below

    @property
    def shown_path(self) -> str:
        """With the stage, as events have it.

        HTTP APIs decode it, REST APIs and function URLs do not. [REC] fastify/aws-lambda-fastify #169
        """
        return unquote(self.raw_path) if self.api.kind is HttpKind.HTTP else self.raw_path

    @property
    def grouped(self) -> list[tuple[str, list[str]]]:
        """Headers with the gateway's own, by name, without those that are about a connection or how a body is sent."""
        passed = [each for each in self.headers if each[0].lower() not in _NOT_PASSED]
        return gateway_headers(passed, self.peer, self.trace_root)

    @property
    def media_type(self) -> str:
        """The body's, for REST APIs: JSON unless it is said. [DOC] apigw-docs:integration-passthrough-behaviors"""
        return self.fields.get("content-type", "").partition(";")[0].strip().lower() or "application/json"

    @property
    def length(self) -> str:
        """``content-length``, which HTTP APIs tell of every body, however it came."""
        return str(len(self.body))


def event_of(asked: Asked, authorizer: Mapping[str, Any] | None = None) -> Event:
    """The event of an integration; ``authorizer`` is what ``requestContext.authorizer`` says."""
    if asked.api.kind is HttpKind.REST:
        return _rest(asked, authorizer)
    if asked.api.kind is HttpKind.URL or asked.match.route.payload == "2.0":
        return _second(asked, authorizer)
    return {"version": "1.0", **_first(asked, authorizer), **_body(asked)}


# payload 2.0


def _second(asked: Asked, authorizer: Mapping[str, Any] | None) -> Event:
    event = _second_start(asked, authorizer)
    body = _body(asked)
    if body["body"] is not None:
        event["body"] = body["body"]
    if asked.match.parameters:
        event["pathParameters"] = dict(asked.match.parameters)
    event["isBase64Encoded"] = body["isBase64Encoded"]
    if asked.api.stage_variables:
        event["stageVariables"] = dict(asked.api.stage_variables)
    return event


def _second_start(asked: Asked, authorizer: Mapping[str, Any] | None) -> Event:
    """Down to ``requestContext``; what is empty is absent. [REC] lambda-docs:services-apigateway"""
    headers = {name.lower(): ",".join(values) for name, values in asked.grouped if name.lower() != "cookie"}
    if asked.api.kind is HttpKind.HTTP or "content-length" in asked.fields:
        headers["content-length"] = asked.length
    event: Event = {
        "version": "2.0",
        "routeKey": asked.match.route.key,
        "rawPath": asked.shown_path,
        "rawQueryString": asked.query,
    }
    if cookies := cookies_of(asked.headers):
        event["cookies"] = cookies
    event["headers"] = dict(sorted(headers.items()))
    if query := asked.grouped_query:
        event["queryStringParameters"] = {name: ",".join(values) for name, values in query.items()}
    event["requestContext"] = _second_context(asked, authorizer)
    return event


def _second_context(asked: Asked, authorizer: Mapping[str, Any] | None) -> Event:
    is_url = asked.api.kind is HttpKind.URL
    is_signed = authorizer is not None and "iam" in authorizer
    context: Event = {
        # [DOC] lambda-docs:urls-invocation: nobody's account, unless the request is signed
        "accountId": "anonymous" if is_url and not is_signed else asked.account_id,
        "apiId": asked.api.api_id,
    }
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    return {
        **context,
        "domainName": asked.domain_name,
        "domainPrefix": asked.api.api_id,
        "http": {
            "method": asked.method,
            "path": asked.shown_path,
            "protocol": "HTTP/1.1",
            "sourceIp": asked.peer,
            "userAgent": asked.fields.get("user-agent", ""),
        },
        "requestId": asked.uuid if is_url else asked.request_id,
        "routeKey": asked.match.route.key,
        "stage": asked.api.stage,
        "time": clf_time(asked.now_ms // 1000),
        "timeEpoch": asked.now_ms,
    }


def cookies_of(headers: tuple[tuple[str, str], ...]) -> list[str]:
    """All cookies of a request, one each."""
    lines = [value for name, value in headers if name.lower() == "cookie"]
    return [each.strip() for line in lines for each in line.split(";") if each.strip()]


# payload 1.0


def _first(asked: Asked, authorizer: Mapping[str, Any] | None) -> Event:
    """An HTTP API's event without version and body; what is empty is null. [DOC]

    ``authorizer`` stands there for routes that have one, whatever the page shows. [USR] as `_LOWERED`
    """
    route = asked.match.route
    headers = [(_spelled(name), values) for name, values in asked.grouped]
    headers.append((_TITLED["content-length"], [asked.length]))
    start = _start(asked, route.path, asked.shown_path, sorted(headers))
    context = {
        "accountId": asked.account_id,
        "apiId": asked.api.api_id,
        **({} if authorizer is None else {"authorizer": dict(authorizer)}),
        "domainName": asked.domain_name,
        "domainPrefix": asked.api.api_id,
        "extendedRequestId": asked.request_id,
        "httpMethod": asked.method,
        "identity": _identity(asked),
        "path": asked.shown_path,
        "protocol": "HTTP/1.1",
        "requestId": asked.request_id,
        "requestTime": clf_time(asked.now_ms // 1000),
        "requestTimeEpoch": asked.now_ms,
        "resourceId": route.key,
        "resourcePath": route.path,
        "stage": asked.api.stage,
    }
    return {
        **start,
        "requestContext": context,
        "pathParameters": dict(asked.match.parameters) or None,
        "stageVariables": dict(asked.api.stage_variables) or None,
    }


def _spelled(name: str) -> str:
    lower = name.lower()
    return lower if lower in _LOWERED else _TITLED.get(lower, name)


def _start(asked: Asked, resource: str, path: str, headers: list[tuple[str, list[str]]]) -> Event:
    single, multi = single_and_multi(headers)
    query = asked.grouped_query
    query_single, query_multi = single_and_multi(query.items())
    return {
        "resource": resource,
        "path": path,
        "httpMethod": asked.method,
        "headers": single,
        "multiValueHeaders": multi,
        "queryStringParameters": query_single or None,
        "multiValueQueryStringParameters": query_multi or None,
    }


def _identity(asked: Asked) -> Event:
    found: Event = dict.fromkeys(_REST_IDENTITY if asked.api.kind is HttpKind.REST else _IDENTITY)
    return {**found, **asked.signer, "sourceIp": asked.peer, "userAgent": asked.fields.get("user-agent")}


# REST APIs


def _rest(asked: Asked, authorizer: Mapping[str, Any] | None) -> Event:
    return {**_rest_start(asked, authorizer), **_body(asked)}


def _rest_start(asked: Asked, authorizer: Mapping[str, Any] | None) -> Event:
    """Down to ``requestContext``; ``path`` is without the stage, which the context's has. [DOC]"""
    route = asked.match.route
    context: Event = {"resourceId": asked.api.api_id[:6], "resourcePath": route.path}
    if authorizer is not None:
        context = {"resourceId": context["resourceId"], "authorizer": dict(authorizer), "resourcePath": route.path}
    return {
        **_start(asked, route.path, asked.below_stage, asked.grouped),
        "pathParameters": dict(asked.match.parameters) or None,
        "stageVariables": dict(asked.api.stage_variables) or None,
        "requestContext": {
            **context,
            "httpMethod": asked.method,
            "extendedRequestId": asked.request_id,
            "requestTime": clf_time(asked.now_ms // 1000),
            "path": asked.shown_path,
            "accountId": asked.account_id,
            "protocol": "HTTP/1.1",
            "stage": asked.api.stage,
            "domainPrefix": asked.api.api_id,
            "requestTimeEpoch": asked.now_ms,
            "requestId": asked.uuid,
            "identity": _identity(asked),
            "domainName": asked.domain_name,
            # [USR] an event that kotlin-native-aws-lambda-runtime PR #7 shows, which the documentation's is older than
            "deploymentId": asked.api.api_id[4:],
            "apiId": asked.api.api_id,
        },
    }


# bodies


def _body(asked: Asked) -> Event:
    if not asked.body:
        return {"body": None, "isBase64Encoded": False}
    if not _is_binary(asked):
        try:
            return {"body": asked.body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            if asked.api.kind is HttpKind.REST:  # [INF] bytes that are no text are replaced where no type says binary
                return {"body": asked.body.decode(errors="replace"), "isBase64Encoded": False}
    return {"body": base64.b64encode(asked.body).decode(), "isBase64Encoded": True}


def _is_binary(asked: Asked) -> bool:
    kind = asked.fields.get("content-type", "").partition(";")[0].strip().lower()
    if asked.api.kind is HttpKind.REST:
        return is_binary_type(kind, asked.api.binary_types)
    return bool(kind) and not (kind.startswith("text/") or kind in _TEXT)


def is_binary_type(kind: str, binary_types: tuple[str, ...]) -> bool:
    """Whether a REST API takes a media type for binary. [DOC] apigw-docs:api-gateway-payload-encodings"""
    major = kind.partition("/")[0]
    return any(each in ("*/*", kind, f"{major}/*") for each in (each.lower() for each in binary_types))


def accepts_binary(asked: Asked) -> bool:
    """Whether the client of a REST API wants bytes: the first type that it accepts counts. [DOC] as `is_binary_type`"""
    first = asked.fields.get("accept", "").partition(",")[0].partition(";")[0].strip().lower()
    return is_binary_type(first, asked.api.binary_types)


# authorizers


def authorizer_event(asked: Asked, payload: str, values: list[str]) -> Event:
    """What a REQUEST authorizer gets; ``values`` are those of its identity sources.

    [DOC] apigw-docs:http-api-lambda-authorizer, apigateway-use-lambda-authorizer
    """
    if asked.api.kind is HttpKind.REST:
        start = _rest_start(asked, None)
        none: Event = {"queryStringParameters": {}, "multiValueQueryStringParameters": {}}
        given = {name: value for name, value in start.items() if value is not None}
        event: Event = {"type": "REQUEST", "methodArn": asked.arn}
        return {**event, **{name: given.get(name, none.get(name, {})) for name in start}}
    if payload == "2.0":
        start = {"type": "REQUEST", "routeArn": asked.arn, "identitySource": values, **_second_start(asked, None)}
        del start["version"]
        event = {"version": "2.0", **start}
        event["pathParameters"] = dict(asked.match.parameters)
        event["stageVariables"] = dict(asked.api.stage_variables)
        return {k: v for k, v in event.items() if v != {} or k not in ("pathParameters", "stageVariables")}
    joined = ",".join(values)
    return {
        "version": "1.0",
        "type": "REQUEST",
        "methodArn": asked.arn,
        "identitySource": joined,
        "authorizationToken": joined,
        **{name: {} if value is None else value for name, value in _first(asked, None).items()},
    }
