"""Integrations that are no Lambda proxy: what their backend is asked, and what becomes of its answer. Pure.

[DOC] apigw-docs:apigateway-websocket-api-integration-requests, websocket-api-data-mapping,
apigateway-websocket-api-integration-responses
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from msgspec import Struct, field, structs

from streamer.errors import TopologyError
from streamer.topology import CONNECT
from streamer.topology.integrations import Integration, IntegrationResponse

from ...foundation.json_bytes import parsed_json
from ...functions.outcome import error_message
from ...port.http import FORM
from .expressions import parse, path_of, stringified, value_at

DEFAULT_KEY: Final = "$default"
JSON: Final = "application/json"
"""What every message counts as. [INF]"""
_TARGET: Final = re.compile(
    r"arn:[^:]+:apigateway:(?P<region>[^:]+):(?P<service>[^:]+):(?P<how>action|path)/(?P<rest>.*)"
)
_AWS_JSON: Final = "application/x-amz-json-1.0"
_INVOCATION_TYPE: Final = "integration.request.header.x-amz-invocation-type"
_BARE: Final = re.compile(r"([{,]\s*)([A-Za-z_]\w*)(?=\s*:)")
"""The name of a member without quotation marks, which are missing in ``{statusCode: 200}``."""
NOT_PASSED: Final = frozenset(
    {
        *("connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    }
)
"""Headers that are about a connection, and so of one connection alone (RFC 9110, 7.6.1)."""
ACCEPTED: Final = 202
"""What Lambda answers where nobody waits. [DOC] lambda-api:Invoke"""
_JSON_TARGETS: Final = {
    "dynamodb": "DynamoDB_20120810",
    "events": "AWSEvents",
    "kinesis": "Kinesis_20131202",
    "secretsmanager": "secretsmanager",
    "ssm": "AmazonSSM",
    "states": "AWSStepFunctions",
}
"""Services whose actions are named in a header, with the beginning of its value. [DOC] the SDKs' models"""
_OF_ANSWER: Final = re.compile(
    r"(?<!\\)(?:\$\{integration\.response\.([\w.-]+)\}|\$integration\.response\.([\w-]+(?:\.[\w-]+)?))"
)
"""Variables of template selection expressions of responses: ``statuscode``, ``header.X``, ``multivalueheader.X``."""
_VARIABLE: Final = re.compile(r"\$\{(?P<in_braces>[\w.]+)\}|\{(?P<path>\w+)\}")


Override = dict[str, dict[str, Any]]
"""``$context.requestOverride``, by which a request's template tells the response's one something.

[USR] stackoverflow.com/a/61482410 for MOCK integrations of REST APIs; [INF] for WebSocket APIs
"""


class MappingError(ValueError):
    """An integration that cannot be performed; the text is for the developer."""


class Request(Struct, frozen=True, kw_only=True):
    """What a backend is asked over HTTP."""

    method: str
    url: str
    """With host and query."""
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    service: str | None = None
    """The service of AWS that it is for, and signed for; None: it is none of AWS's."""
    region: str = ""


class Answer(Struct, frozen=True):
    """A backend's, or what became of it."""

    status: int
    body: str
    headers: tuple[tuple[str, str], ...] = ()
    """As the backend sent them."""
    is_function: bool = False
    """Whether a function answered: responses are then chosen by its error message, not by the status."""


def body_for(integration: Integration, event: Mapping[str, Any], override: Override | None = None) -> str:
    """The body that a backend gets: by a template, or the client's as it is.

    Args:
        integration: Whose templates are used.
        event: The message, as a function would get it.
        override: Gets what the template writes to ``$context.requestOverride``, for the response's template.

    Raises:
        MappingError: it may not pass, or the template is wrong.
    """
    body = event.get("body") or ""
    template = _chosen(integration.templates, integration.template_selection, body)
    if template is not None:
        return rendered(template, body, event, override)
    is_allowed = integration.passthrough == "WHEN_NO_MATCH" or (
        integration.passthrough == "WHEN_NO_TEMPLATES" and not integration.templates
    )
    if not is_allowed:
        raise MappingError(f"no template for the message, and its passthrough behaviour is {integration.passthrough}")
    return body


def mock_status(body: str) -> int:
    """The status that a MOCK integration answers with: the request template says it. [DOC] how-to-mock-integration

    Names of members may be without quotation marks, as in what the CDK and the Serverless Framework make. [USR] both

    Raises:
        MappingError: it says none.
    """
    try:
        status = int(_leniently_parsed(body)["statusCode"])
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise MappingError('a MOCK integration needs a request template that gives {"statusCode": 200}') from error
    if not 200 <= status <= 599:
        raise MappingError(f"a MOCK integration's statusCode is from 200 to 599, not {status}")
    return status


def _leniently_parsed(body: str) -> Any:
    try:
        return parsed_json(body)
    except ValueError:
        return parsed_json(_BARE.sub(r'\1"\2"', body))


def response_of(
    integration: Integration, backend: Answer, event: Mapping[str, Any], override: Override | None = None
) -> Answer:
    """What becomes of a backend's answer: the integration response that is for it, with its template.

    Takes what `body_for` takes, and the backend's answer. Its status chooses the response, or a function's error
    message. [DOC] apigw-docs:websocket-api-data-transformations, integration response selection expressions

    Raises:
        MappingError: a template is wrong.
    """
    said = error_message(backend.body.encode("utf-8", "replace")) if backend.is_function else str(backend.status)
    response = _response(integration.responses, said)
    template = None
    if response is not None:
        template = _chosen(response.templates, response.template_selection, event.get("body") or "", backend)
    if template is None:
        return Answer(backend.status, backend.body)
    return Answer(backend.status, rendered(template, backend.body, event, override, with_parameters=False))


def lacks_response(integration: Integration, *, is_two_way: bool) -> bool:
    """Whether an answer goes to the client though no integration response is set up, which AWS says there must be.

    [DOC] apigw-docs:apigateway-websocket-api-integration-responses; [?] what a client gets there without one
    """
    return is_two_way and integration.kind != "HTTP_PROXY" and not integration.responses


def _response(responses: tuple[IntegrationResponse, ...], said: str) -> IntegrationResponse | None:
    default = None
    for each in responses:
        if each.key == DEFAULT_KEY:
            default = each
            continue
        try:
            if re.fullmatch(each.key.removeprefix("/").removesuffix("/"), said, re.DOTALL):
                return each
        except re.error as error:
            raise MappingError(f"the integration response key {each.key!r} is no regular expression") from error
    return default


def _chosen(
    templates: Mapping[str, str], selection: str | None, body: str, backend: Answer | None = None
) -> str | None:
    key = _selected(selection, body, backend)
    return next((templates[each] for each in (key, DEFAULT_KEY, JSON) if each in templates), None)


def _selected(selection: str | None, body: str, backend: Answer | None) -> str:
    """The template's key, by the request's body and, for responses, by what the backend answered."""
    if selection in (None, "", DEFAULT_KEY):
        return DEFAULT_KEY
    try:
        document = parsed_json(body)
    except ValueError:
        document = None
    pieces = _OF_ANSWER.split(str(selection))
    try:
        texts = (parse(each).evaluate(document) if each else "" for each in pieces[::3])
        found = [next(texts)]
        for braced, plain in zip(pieces[1::3], pieces[2::3], strict=True):
            found += [_answered(braced or plain, backend), next(texts)]
        return "".join(found)
    except TopologyError:
        return str(selection)


def _answered(name: str, backend: Answer | None) -> str:
    """A variable of the backend's answer, which requests do not have. [DOC] websocket-api-data-transformations"""
    kind, _, header = name.partition(".")
    if backend is None:
        return ""
    if name == "statuscode":
        return str(backend.status)
    values = [value for each, value in backend.headers if each.lower() == header.lower()]
    if kind == "multivalueheader":
        return stringified(values) if values else ""
    return values[-1] if kind == "header" and values else ""


def no_override() -> Override:
    """Nothing is overridden yet."""
    return {"header": {}, "path": {}, "querystring": {}}


def rendered(
    template: str, body: str, event: Mapping[str, Any], override: Override | None, *, with_parameters: bool = True
) -> str:
    """What a mapping template makes of a body, and of the request's parameters; raises MappingError."""
    # A fiftieth of a second of every start, for those whose routes have templates.
    from ..vtl.api_gateway import Input, Util  # noqa: PLC0415
    from ..vtl.evaluation import render  # noqa: PLC0415
    from ..vtl.syntax import TemplateError  # noqa: PLC0415

    parameters = _parameters(event) if with_parameters else {}
    names = {
        "input": Input(body, parameters),
        "util": Util(),
        "context": {**(event.get("requestContext") or {}), "requestOverride": override or no_override()},
        "stageVariables": dict(event.get("stageVariables") or {}),
    }
    try:
        return render(template, names)
    except TemplateError as error:
        raise MappingError(f"the mapping template is wrong: {error}") from error


def _parameters(event: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Path, headers and query, which a handshake and a request have and a message lacks."""
    return {
        "path": event.get("pathParameters") or {},
        "querystring": event.get("queryStringParameters") or {},
        "header": event.get("headers") or {},
    }


# requests over HTTP


def request_of(integration: Integration, body: str, event: Mapping[str, Any]) -> Request:
    """What to ask of a service of AWS, or of an HTTP endpoint.

    Raises:
        MappingError: it cannot be asked.
    """
    given = {name: parameter_values(value, event) for name, value in integration.parameters.items()}
    named = {name.lower(): ", ".join(values) for name, values in _named(given, "header").items()}
    headers = {"content-type": JSON, **named}
    query = _named(given, "querystring")
    path = {name: ",".join(values) for name, values in _named(given, "path").items()}
    target = _TARGET.fullmatch(integration.uri)
    if integration.kind == "AWS" and target is None:
        raise MappingError(f"{integration.uri!r} is no action of a service")
    url = _filled(integration.uri, path, event)
    if target is not None:
        headers = {"accept": JSON, **headers}
        service, action = target["service"], target["rest"]
        url = f"https://{service}.{target['region']}.amazonaws.com/"
        if target["how"] == "path":
            url += _filled(action, path, event).removeprefix("/")
        elif service in _JSON_TARGETS:
            headers |= {"content-type": _AWS_JSON, "x-amz-target": f"{_JSON_TARGETS[service]}.{action}"}
        else:
            query = {"Action": [action], **query}
    if not url.startswith(("http://", "https://")):
        raise MappingError(f"{url!r} is no HTTP address")
    method, pairs = integration.method, urlencode(query, doseq=True, quote_via=quote, errors="replace")
    if target is not None and "Action" in query:
        # Such a service takes parameters of a query and of a form alike, and no other body; here it reads the form.
        # [DOC] sqs-docs:sqs-making-api-requests-xml, [INF] that a body of another type is passed over
        is_form = headers["content-type"].startswith(FORM)
        method, body, pairs = "POST", f"{pairs}&{body}" if is_form and body else pairs, ""
        headers["content-type"] = FORM
    return Request(
        method="POST" if method in ("", "ANY") else method,
        url=f"{url}{'&' if '?' in url else '?'}{pairs}" if pairs else url,
        body=body,
        headers=headers,
        service=None if target is None else target["service"],
        region="" if target is None else target["region"],
    )


def with_caller(request: Request, kind: str, event: Mapping[str, Any]) -> Request:
    """A request to an HTTP endpoint, told which API asks, and a proxy of ``$connect`` what the client's handshake said.

    [REC] what a session service behind an HTTP integration heard in 2020; [USR] django-aws-api-gateway-websockets: a
    handshake has its cookies, origin, user agent and query, and a message API Gateway's user agent
    """
    context = event["requestContext"]
    digest = hashlib.blake2b(str(context["requestId"]).encode(), digest_size=12).hexdigest()
    trace = f"Root=1-{int(context['requestTimeEpoch']) // 1000:08x}-{digest}"
    headers, url = {"accept": JSON, **told_of_api(context["apiId"], trace)}, request.url
    if kind == "HTTP_PROXY" and context.get("routeKey") == CONNECT:
        given = (event.get("multiValueHeaders") or {}).items()
        headers |= {name.lower(): ", ".join(values) for name, values in given if name.lower() not in NOT_PASSED}
        pairs = urlencode(event.get("multiValueQueryStringParameters") or {}, doseq=True, quote_via=quote)
        url += f"{'&' if '?' in url else '?'}{pairs}" if pairs else ""
    return structs.replace(request, url=url, headers={**headers, **request.headers})


def told_of_api(api_id: str, trace: str) -> dict[str, str]:
    """What an endpoint hears of the API that asks. [REC] ls-snap test_apigateway_header_remapping_http"""
    return {
        "user-agent": f"AmazonAPIGateway_{api_id}",
        "x-amzn-apigateway-api-id": api_id,
        "x-amzn-trace-id": trace,
    }


def _named(given: Mapping[str, list[str]], kind: str) -> dict[str, list[str]]:
    """The parameters of one kind that have a value."""
    start = f"integration.request.{kind}."
    return {name.removeprefix(start): values for name, values in given.items() if name.startswith(start) and values}


def _filled(text: str, path: Mapping[str, str], event: Mapping[str, Any]) -> str:
    """An address with its variables: ``${stageVariables.x}``, ``{x}`` of the path."""

    def value(found: re.Match[str]) -> str:
        if found["in_braces"] is not None:
            return parameter_value(found["in_braces"], event) or ""
        return quote(path.get(found["path"], ""), safe="", errors="replace")

    return _VARIABLE.sub(value, text)


def is_only_given(parameters: Mapping[str, str], event: Mapping[str, Any]) -> bool:
    """Whether a function is only given its event, and nobody waits. [DOC] apigw-docs:set-up-lambda-integration-async"""
    return any(
        parameter_value(source, event) == "Event"
        for name, source in parameters.items()
        if name.lower() == _INVOCATION_TYPE
    )


def parameter_values(source: str, event: Mapping[str, Any]) -> list[str]:
    """All values of a mapping expression: of a multi-value header or query parameter as many as the client sent.

    [DOC] websocket-api-data-mapping; that each becomes a parameter of the backend's own [INF] from REST APIs
    """
    start, _, rest = _bare(source).partition(".")
    if start == "multivalueheader":
        found = (event.get("multiValueHeaders") or {}).items()
        return next((list(values) for name, values in found if name.lower() == rest.lower()), [])
    if start == "multivaluequerystring":
        return list((event.get("multiValueQueryStringParameters") or {}).get(rest, ()))
    value = parameter_value(source, event)
    return [] if value is None else [value]


def _bare(source: str) -> str:
    for prefix in ("route.request.", "method.request.", "$request.", "$"):
        source = source.removeprefix(prefix)
    return source


def parameter_value(source: str, event: Mapping[str, Any]) -> str | None:
    """The value of a mapping expression; None: it has none. [DOC] websocket-api-data-mapping"""
    if source.startswith("'") and source.endswith("'") and len(source) > 1:
        return source[1:-1]
    source = _bare(source)
    start, _, rest = source.partition(".")
    if start == "header":
        found = (event.get("headers") or {}).items()
        return next((value for name, value in found if name.lower() == rest.lower()), None)
    if start == "querystring":
        return (event.get("queryStringParameters") or {}).get(rest)
    if start == "path":
        return (event.get("pathParameters") or {}).get(rest)
    if start.partition("[")[0] == "body":
        return value_of_body(source.removeprefix("body").removeprefix("."), event.get("body") or "")
    if start == "stageVariables":
        return (event.get("stageVariables") or {}).get(rest)
    value = value_at(tuple(rest.split(".")), event.get("requestContext")) if start == "context" else None
    return None if value is None else stringified(value)


def value_of_body(rest: str, body: str) -> str | None:
    """What a JSONPath leads to in a body, which is JSON unless the path is empty; None: nowhere."""
    if not rest:
        return body
    try:
        value = value_at(path_of(rest if rest.startswith("[") else f".{rest}"), parsed_json(body))
        return None if value is None else stringified(value)
    except ValueError:
        return None
