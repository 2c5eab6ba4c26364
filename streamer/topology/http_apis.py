"""HTTP APIs, REST APIs and function URLs beside a WebSocket API, as frozen data. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamer.topology.http_kinds import ANY, DEFAULT_PATH, HttpKind
from streamer.topology.throttles import Throttle, UsagePlan

__all__ = (
    "ANY",
    "DEFAULT_PATH",
    "Backend",
    "BackendResponse",
    "Cors",
    "FixedAnswer",
    "GatewayResponse",
    "HttpApi",
    "HttpAuthorizer",
    "HttpKind",
    "HttpRoute",
    "Validation",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAuthorizer:
    """Who may call a route."""

    name: str
    kind: str
    """``JWT``, ``REQUEST``, ``TOKEN`` or ``COGNITO_USER_POOLS``."""
    function: str | None = None
    """Of ``REQUEST`` and ``TOKEN``."""
    identity_sources: tuple[str, ...] = ()
    """``$request.header.X`` of HTTP APIs, ``method.request.header.X`` of REST APIs, and their kin."""
    payload: str = "1.0"
    """Payload format version of its event."""
    simple: bool = False
    """Whether it answers ``isAuthorized`` and not a policy; of payload 2.0 only."""
    ttl_seconds: int = 0
    """How long its answer counts for the same identity; 0: each request asks."""
    validation: str | None = None
    """Regular expression that a ``TOKEN`` must match before the function is asked."""
    issuers: tuple[str, ...] = ()
    """Of tokens (``iss``), whose published keys sign them; several user pools may be named."""
    audience: tuple[str, ...] = ()
    """One of which tokens are for; empty: whoever they are for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """What pages of other origins may do, answered by API Gateway itself. [DOC] apigw-docs:http-api-cors"""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    credentials: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedAnswer:
    """What a MOCK method answers without a function, as CORS by templates needs it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    """A mapping template, which may set ``$context.responseOverride``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendResponse:
    """What becomes of some answers of a backend. [DOC] apigw-docs:api-gateway-method-response, REST APIs"""

    status: int = 200
    pattern: str | None = None
    """Regular expression for the backend's status, or for a function's error message; None: whatever no other takes."""
    templates: Mapping[str, str] = field(default_factory=dict)
    """Media type to mapping template."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name to where its value is found, or a text in quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What answers a route instead of a function's proxy.

    [DOC] apigw-docs:api-gateway-integration-types, http-api-develop-integrations-http, -aws-services
    """

    kind: str
    """``AWS``, ``HTTP`` or ``HTTP_PROXY``."""
    uri: str = ""
    function: str | None = None
    """Of an AWS integration that invokes a function."""
    method: str = "POST"
    """``ANY``: the client's."""
    subtype: str | None = None
    """Action of a service that an HTTP API asks, such as ``SQS-SendMessage``."""
    templates: Mapping[str, str] = field(default_factory=dict)
    """Of REST APIs: media type to mapping template."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of REST APIs ``integration.request.header.X`` and its kin to where the value is found; of HTTP APIs
    ``overwrite:header.x`` and its kin, or the parameters of the action."""
    passthrough: str = "WHEN_NO_MATCH"
    responses: tuple[BackendResponse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What a REST API asks of a request before anything answers it.

    [DOC] apigw-docs:api-gateway-method-request-validation
    """

    parameters: tuple[str, ...] = ()
    """Those that must be there and not blank: ``querystring.page``, ``header.X-Shop``, ``path.id``."""
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Media type, or ``$default``, to the JSON schema (draft 4) of bodies; empty: bodies are not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayResponse:
    """How a REST API itself refuses requests. [DOC] apigw-docs:api-gateway-gatewayResponse-definition"""

    status: int | None = None
    """None: that of the refusal."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name to where its value is found, or a text in quotes."""
    templates: Mapping[str, str] = field(default_factory=dict)
    """Media type to the body, in which variables are replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRoute:
    """A method and a path, and what answers them."""

    path: str
    """Such as ``/items/{id}`` or ``/{proxy+}``; `DEFAULT_PATH` for all that no other route takes."""
    method: str = ANY
    function: str | None = None
    """None: ``fixed`` or ``backend`` answers."""
    fixed: FixedAnswer | None = None
    backend: Backend | None = None
    payload: str = "2.0"
    """Payload format version of its event, for HTTP APIs."""
    answer_parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of HTTP APIs: status of an integration's answer to what is changed in it, such as ``append:header.x`` and
    ``overwrite:statuscode``."""
    authorizer: str | None = None
    """Name of an authorizer of the API."""
    scopes: tuple[str, ...] = ()
    """One of which a token must have; empty: none is looked for."""
    iam: bool = False
    """Whether the request must be signed (SigV4)."""
    api_key_required: bool = False
    validation: Validation | None = None
    timeout_seconds: float = 29.0
    throttle: Throttle | None = None
    streamed: bool = False
    """Whether the function streams its answer: JSON with status and headers, eight NUL bytes, and the body."""

    @property
    def key(self) -> str:
        """As route keys are written: ``GET /items``, ``$default``."""
        return self.path if self.path == DEFAULT_PATH else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApi:
    """One stage of an HTTP API or REST API, or a function URL."""

    name: str
    kind: HttpKind
    api_id: str
    """10 lower-case letters and digits; of a function URL, the first label of its host."""
    routes: tuple[HttpRoute, ...]
    stage: str = DEFAULT_PATH
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    authorizers: tuple[HttpAuthorizer, ...] = ()
    cors: Cors | None = None
    api_keys: tuple[str, ...] = ()
    keys_from_authorizers: bool = False
    """Whether Lambda authorizers say which API key a request of a REST API has; else its header does."""
    binary_types: tuple[str, ...] = ()
    """Media types that a REST API takes for binary, such as ``image/*``."""
    gateway_responses: Mapping[str, GatewayResponse] = field(default_factory=dict)
    """By type, such as ``UNAUTHORIZED`` or ``DEFAULT_4XX``."""
    usage_plans: tuple[UsagePlan, ...] = ()

    def authorizer(self, name: str) -> HttpAuthorizer:
        """The authorizer of that name, which there is."""
        return next(each for each in self.authorizers if each.name == name)

    @property
    def base_path(self) -> str:
        """What paths begin with: the stage, unless it is the default one."""
        return "" if self.stage == DEFAULT_PATH else f"/{self.stage}"
