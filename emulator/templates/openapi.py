"""OpenAPI and Swagger documents with API Gateway's extensions, as SAM, Chalice and people write them. Pure.

[DOC] apigw-docs:api-gateway-swagger-extensions
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct, field

from streamer.topology.http_apis import ANY, Cors, FixedAnswer, HttpAuthorizer

from ..port.aws_names import service_url
from .intrinsics import is_true

_EXTENSION: Final = "x-amazon-apigateway-"
_ANY: Final = f"{_EXTENSION}any-method"
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", _ANY)
TTL_SECONDS: Final = 300
"""Of REST APIs' authorizers that say nothing. [DOC] apigw-api:CreateAuthorizer"""
_POOL: Final = re.compile(r"arn:[^:]+:cognito-idp:([^:]+):[^:]*:userpool/(.+)")
FROM_AUTHORIZERS: Final = "AUTHORIZER"
"""Where the API keys of a REST API come from, if not from a header. [DOC] cfn-docs:AWS_ApiGateway_RestApi"""
RESPONSE_HEADER: Final = "method.response.header."


class Operation(Struct, frozen=True, kw_only=True):
    """A method of a path."""

    path: str
    method: str
    integration: str
    """Type, in capitals."""
    uri: Any = None
    payload: str = "1.0"
    timeout_seconds: float | None = None
    security: Mapping[str, list[str]] = field(default_factory=dict)
    """Scheme to scopes."""
    iam: bool = False
    keyed: bool = False
    """Whether it wants an API key."""
    fixed: FixedAnswer | None = None
    written: Mapping[str, Any] = field(default_factory=dict)
    """The integration as it stands in the document."""
    around: Mapping[str, Any] = field(default_factory=dict)
    """The operation, likewise, with the parameters of its path."""

    @staticmethod
    def of_mock(method: str, integration: Mapping[str, Any]) -> FixedAnswer | None:
        """What a MOCK integration with one response answers to preflights, as CORS has it; None: it is another one."""
        asks = integration.get("requestTemplates") or integration.get("RequestTemplates") or {}
        if method != "OPTIONS" or "statusCode" not in str(asks.get("application/json")):
            return None
        answers = integration.get("responses") or integration.get("IntegrationResponses") or {}
        if len(answers) > 1:
            return None  # of which the request's template chooses
        found = next(iter(answers if isinstance(answers, list) else answers.values()), None)
        if not isinstance(found, dict):
            return None
        given = uncapitalized(found)
        parameters, templates = given.get("responseParameters") or {}, given.get("responseTemplates") or {}
        headers = {
            name.removeprefix(RESPONSE_HEADER): str(value)[1:-1]
            for name, value in parameters.items()
            if name.startswith(RESPONSE_HEADER) and str(value).startswith("'") and str(value).endswith("'")
        }
        body = str(next(iter(templates.values()), ""))
        kind = next(iter(templates), "application/json")
        return FixedAnswer(
            status=int(given.get("statusCode", 200)),
            headers={**headers, "Content-Type": kind},
            body=body.strip(),
        )


def uncapitalized(written: Mapping[str, Any]) -> dict[str, Any]:
    """What CloudFormation writes, under the names that a document has for it."""
    return {name[:1].lower() + name[1:]: each for name, each in written.items()}


def operations(body: Mapping[str, Any]) -> Iterator[Operation]:
    """All methods of all paths, those of ``$default`` included."""
    schemes = _schemes(body)
    shared = body.get("security")
    for path, item in (body.get("paths") or {}).items():
        for name in _METHODS:
            written = item.get(name) if isinstance(item, dict) else None
            if isinstance(written, dict) and isinstance(written.get(f"{_EXTENSION}integration"), dict):
                listed = [*(item.get("parameters") or ()), *(written.get("parameters") or ())]
                yield _operation(str(path), name, {"security": shared, **written, "parameters": listed}, schemes)


def unknown_methods(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Paths with what stands where a method does and is none, such as a misspelt one."""
    for path, item in (body.get("paths") or {}).items():
        for name, written in item.items() if isinstance(item, dict) else ():
            if name not in _METHODS and isinstance(written, dict) and f"{_EXTENSION}integration" in written:
                yield str(path), str(name)


def _operation(path: str, name: str, operation: Mapping[str, Any], schemes: Mapping[str, Any]) -> Operation:
    integration = operation[f"{_EXTENSION}integration"]
    kind = str(integration.get("type", "")).upper()
    milliseconds = integration.get("timeoutInMillis")
    listed = operation["security"] or []
    security = {name: list(scopes or ()) for each in listed for name, scopes in each.items()}
    is_signed = any((schemes.get(each) or {}).get(f"{_EXTENSION}authtype") == "awsSigv4" for each in security)
    own = operation.get(f"{_EXTENSION}auth") or {}  # [DOC] api-gateway-swagger-extensions-auth, of any case
    return Operation(
        path=path,
        method=ANY if name == _ANY else name.upper(),
        integration=kind,
        uri=integration.get("uri"),
        payload=str(integration.get("payloadFormatVersion", "1.0")),
        timeout_seconds=None if milliseconds is None else float(milliseconds) / 1000,
        security=security,
        iam=is_signed or str(own.get("type")).upper() == "AWS_IAM",
        keyed=any(_is_key(schemes.get(each) or {}) for each in security),
        fixed=Operation.of_mock(name.upper(), integration) if kind == "MOCK" else None,
        written=integration,
        around=operation,
    )


def _is_key(scheme: Mapping[str, Any]) -> bool:
    """Whether a scheme, of whatever name, asks for an API key. [DOC] apigw-docs:api-key-usage-plan-oas"""
    is_plain = not any(name.startswith(_EXTENSION) for name in scheme)
    return is_plain and scheme.get("type") == "apiKey" and str(scheme.get("name")).lower() == "x-api-key"


def keys_from_authorizers(body: Mapping[str, Any]) -> bool:
    """Whether authorizers say the API key of a request. [DOC] api-gateway-swagger-extensions-api-key-source"""
    return body.get(f"{_EXTENSION}api-key-source") == FROM_AUTHORIZERS


def _schemes(body: Mapping[str, Any]) -> dict[str, Any]:
    components = body.get("components") or {}
    return {**(body.get("securityDefinitions") or {}), **(components.get("securitySchemes") or {})}


def authorizers_of(body: Mapping[str, Any]) -> Iterator[tuple[HttpAuthorizer, Any]]:
    """The authorizers that a document declares, and the address of the function of each; None: it has none."""
    is_http = str(body.get("openapi", "")).startswith("3") and "swagger" not in body
    for name, scheme in _schemes(body).items():
        written = scheme.get(f"{_EXTENSION}authorizer") if isinstance(scheme, dict) else None
        if isinstance(written, dict):
            yield _authorizer(str(name), scheme, written, is_http=is_http), written.get("authorizerUri")


def _authorizer(name: str, scheme: Mapping[str, Any], written: Mapping[str, Any], *, is_http: bool) -> HttpAuthorizer:
    jwt = written.get("jwtConfiguration") or {}
    pools = written.get("providerARNs") or []
    kind = str(written.get("type", "")).upper()
    sources = written.get("identitySource")
    if sources is None and kind in ("TOKEN", "COGNITO_USER_POOLS"):
        sources = f"method.request.header.{scheme.get('name', 'Authorization')}"
    listed = sources if isinstance(sources, list) else str(sources or "").split(",")
    return HttpAuthorizer(
        name=name,
        kind=kind,
        identity_sources=tuple(str(each).strip() for each in listed if str(each).strip()),
        payload=str(written.get("authorizerPayloadFormatVersion", "1.0")),
        simple=is_true(written.get("enableSimpleResponses")),
        ttl_seconds=int(written.get("authorizerResultTtlInSeconds", 0 if is_http else TTL_SECONDS)),
        validation=written.get("identityValidationExpression"),
        issuers=issuers_of_pools(pools) if pools else tuple(str(each) for each in (jwt.get("issuer"),) if each),
        audience=tuple(str(each) for each in jwt.get("audience") or ()),
    )


def issuers_of_pools(arns: Iterable[Any]) -> tuple[str, ...]:
    """Who issues the tokens of user pools. [DOC] cognito-docs:verifying-a-json-web-token"""
    found = [_POOL.fullmatch(str(each)) for each in arns]
    return tuple(f"{service_url('cognito-idp', each[1])}/{each[2]}" for each in found if each is not None)


def cors_of(body: Mapping[str, Any]) -> Cors | None:
    """The CORS of an HTTP API's document; None: it says nothing."""
    written = body.get(f"{_EXTENSION}cors")
    return cors(written) if isinstance(written, dict) else None


def cors(written: Mapping[str, Any]) -> Cors:
    """The CORS of an HTTP API or of a function URL, which name their settings alike."""

    def listed(name: str) -> tuple[str, ...]:
        value = written.get(name) or []
        return tuple(str(each) for each in (value if isinstance(value, list) else [value]))

    age = written.get("maxAge")
    return Cors(
        origins=listed("allowOrigins"),
        methods=listed("allowMethods"),
        headers=listed("allowHeaders"),
        exposed=listed("exposeHeaders"),
        max_age_seconds=None if age is None else int(age),
        credentials=is_true(written.get("allowCredentials")),
    )
