"""API Gateway's management API, ``apigatewayv2``: reads what is deployed, and makes APIs call by call.

What a call makes is a resource as a template would have it, and goes the same way. [DOC] apigwv2-api
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from ...foundation.json_bytes import json_of
from ...foundation.place import iam_arn
from ...foundation.times import instant, iso_seconds
from .engine import Engine, PerformError, Placed
from .query import ApiError
from .records import CREATED

_API: Final = "AWS::ApiGatewayV2::Api"


class Collection(NamedTuple):
    """One kind of things of an API."""

    type: str
    key: str
    """The field that names one."""
    parent: str = "ApiId"
    """The property that names whose they are."""


_OF_APIS: Final = {
    "authorizers": Collection("AWS::ApiGatewayV2::Authorizer", "authorizerId"),
    "deployments": Collection("AWS::ApiGatewayV2::Deployment", "deploymentId"),
    "integrations": Collection("AWS::ApiGatewayV2::Integration", "integrationId"),
    "models": Collection("AWS::ApiGatewayV2::Model", "modelId"),
    "routes": Collection("AWS::ApiGatewayV2::Route", "routeId"),
    "stages": Collection("AWS::ApiGatewayV2::Stage", "stageName"),
}
_INNER: Final = {
    ("routes", "routeresponses"): Collection("AWS::ApiGatewayV2::RouteResponse", "routeResponseId", "RouteId"),
    ("integrations", "integrationresponses"): Collection(
        "AWS::ApiGatewayV2::IntegrationResponse", "integrationResponseId", "IntegrationId"
    ),
}
_DEEP: Final = {
    "AccessLogSettings",
    "CorsConfiguration",
    "DefaultRouteSettings",
    "JwtConfiguration",
    "TlsConfig",
}
"""Properties whose own names are AWS's; those of others are the user's."""
_PROTOCOLS: Final = ("HTTP", "WEBSOCKET")
_UNIQUE: Final[Mapping[str, tuple[str, str]]] = {
    "AWS::ApiGatewayV2::Route": ("RouteKey", "Route with key {} already exists for this API"),
    "AWS::ApiGatewayV2::Stage": ("StageName", "Stage already exists"),
}
"""What no two of an API may have in common, and what is said of it."""
_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    _API: {
        "apiKeySelectionExpression": "$request.header.x-api-key",
        "disableExecuteApiEndpoint": False,
        "tags": {},
    },
    "AWS::ApiGatewayV2::Deployment": {"deploymentStatus": "DEPLOYED", "autoDeployed": False},
    "AWS::ApiGatewayV2::Integration": {
        "connectionType": "INTERNET",
        "integrationMethod": "POST",
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29000,
    },
    "AWS::ApiGatewayV2::Route": {"apiKeyRequired": False, "authorizationType": "NONE"},
    "AWS::ApiGatewayV2::Stage": {
        "autoDeploy": False,
        "defaultRouteSettings": {"dataTraceEnabled": False, "detailedMetricsEnabled": False},
        "routeSettings": {},
        "stageVariables": {},
        "tags": {},
    },
}


class Use(NamedTuple):
    """Why one of an API's things cannot go while others need it."""

    users: str
    """Which of `_OF_APIS` may need it."""
    name: str
    """Their property that says so."""
    code: str
    status: int
    text: str
    """What is said, with the ids of who needs it in place of ``{}``."""


_BY_ROUTES: Final = "Cannot delete {} because it is referenced by the following Routes with Ids: [{{}}]"
_BY_STAGES: Final = "Active stages pointing to this deployment must be moved or deleted"
_USES: Final[Mapping[str, Use]] = {
    "AWS::ApiGatewayV2::Integration": Use(
        "routes", "Target", "ConflictException", 409, _BY_ROUTES.format("Integration")
    ),
    "AWS::ApiGatewayV2::Authorizer": Use(
        "routes", "AuthorizerId", "ConflictException", 409, _BY_ROUTES.format("Authorizer")
    ),
    "AWS::ApiGatewayV2::Deployment": Use("stages", "DeploymentId", "BadRequestException", 400, _BY_STAGES),
}
"""By the types of what may be needed.

[USR] milliHQ/terraform-aws-next-js #247; of authorizers [INF]; hashicorp/terraform-provider-aws #19805, of a REST API
"""
_OF_QUICK: Final = ("CredentialsArn", "RouteKey", "Target")
"""What an API that is made with its target does not keep itself."""
PAGE: Final = 500
"""Most things to a page. Our own."""


class GatewayApi:
    """Answers requests below ``/v2/apis``, and for the account's settings."""

    def __init__(self, engine: Engine, address: str, new_id: Callable[[], str] = lambda: uuid.uuid4().hex[:12]) -> None:
        """``address`` is the emulator's, host and port."""
        self._engine = engine
        self._address = address
        self._new_id = new_id

    async def answer(self, method: str, path: str, body: bytes, query: Mapping[str, str]) -> tuple[int, Any]:
        """Status and content; raises ApiError."""
        status, content = await self._answer(method, path, body)
        return status, _page(content, query) if method == "GET" and "items" in content else content

    async def _answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if (method, path) == ("GET", "/account"):
            return 200, self._account()
        parts = [unquote(each) for each in path.strip("/").split("/")]
        if parts[:2] != ["v2", "apis"] or len(parts) > 7:
            raise ApiError("UnknownOperationException", f"{method} {path} is not emulated", 404)
        content = _json(body)
        if len(parts) == 2:
            return await self._many(method, Collection(_API, "apiId", ""), "", content)
        api = self._one(Collection(_API, "apiId", ""), "", parts[2])
        if len(parts) == 3:
            return await self._single(method, Collection(_API, "apiId", ""), api, content)
        owner, kind, rest = parts[2], _OF_APIS.get(parts[3]), parts[4:]
        if kind is not None and len(rest) >= 2:
            self._one(kind, owner, rest[0])
            owner, kind, rest = rest[0], _INNER.get((parts[3], rest[1])), rest[2:]
        if kind is None:
            raise ApiError("UnknownOperationException", f"{method} {path} is not emulated", 404)
        if not rest:
            return await self._many(method, kind, owner, content, parts[2])
        return await self._single(method, kind, self._one(kind, owner, rest[0]), content)

    def _account(self) -> Mapping[str, Any]:
        """Settings of the account: a role that writes logs counts as set, since nothing here needs one."""
        role = iam_arn(self._engine.region, self._engine.account_id, "role/api-gateway-logs")
        return {"cloudwatchRoleArn": role, "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0}}

    # all of a kind

    async def _many(
        self, method: str, kind: Collection, owner: str, content: Mapping[str, Any], api_id: str = ""
    ) -> tuple[int, Any]:
        if method == "GET":
            return 200, {"items": [self._told(kind, each) for each in self._of(kind, owner)]}
        if method != "POST":
            raise ApiError("UnknownOperationException", f"{method} is not emulated here", 404)
        self._check(kind, owner, content)
        name = f"{kind.type.rpartition('::')[2]}{self._new_id()}"
        properties = _properties(content)
        if api_id:
            properties |= {"ApiId": api_id, kind.parent: owner}

        def edit(resources: dict[str, Any]) -> None:
            quick = _quick(name, properties) if kind.type == _API and "Target" in properties else {}
            given = {each: value for each, value in properties.items() if not quick or each not in _OF_QUICK}
            resources |= {name: {"Type": kind.type, "Properties": given}, **quick}

        await self._changed(CREATED, edit)
        made = next(each for each in self._of(kind, owner) if each.resource.logical_id == name)
        return 201, self._told(kind, made)

    def _check(self, kind: Collection, owner: str, content: Mapping[str, Any]) -> None:
        """Refuse what cannot be made; raises ApiError. [DOC] apigwv2-api, [USR] the texts of conflicts"""
        if kind.type == _API and content.get("protocolType") not in _PROTOCOLS:
            text = f"Invalid protocol specified. Must be one of [{', '.join(_PROTOCOLS)}]"
            raise ApiError("BadRequestException", text)
        deployment = content.get("deploymentId")
        if kind.type == "AWS::ApiGatewayV2::Stage" and deployment is not None:
            self._one(_OF_APIS["deployments"], owner, str(deployment))
        named = _UNIQUE.get(kind.type)
        if named is None:
            return
        name, text = named
        wanted = content.get(_lower(name))
        if any(each.resource.properties.get(name) == wanted for each in self._of(kind, owner)):
            raise ApiError("ConflictException", text.format(wanted), 409)

    def _of(self, kind: Collection, owner: str) -> list[Placed]:
        found = self._engine.placed(kind.type)
        return [each for each in found if not owner or each.resource.properties.get(kind.parent) == owner]

    # one of them

    def _one(self, kind: Collection, owner: str, name: str) -> Placed:
        found = next((each for each in self._of(kind, owner) if each.resource.ref == name), None)
        if found is None and kind.type == _API:
            text = f"Invalid API identifier specified {self._engine.account_id}:{name}"
            raise ApiError("NotFoundException", text, 404)
        if found is None:
            what = kind.type.rpartition("::")[2]
            raise ApiError("NotFoundException", f"Unable to find {what} by key {name} within the provided API", 404)
        return found

    async def _single(
        self, method: str, kind: Collection, found: Placed, content: Mapping[str, Any]
    ) -> tuple[int, Any]:
        name = found.resource.logical_id
        if method == "GET":
            return 200, self._told(kind, found)
        if found.is_nested:
            raise ApiError("ConflictException", f"{name} is of a nested stack, and can be changed there alone", 409)
        if method in ("PATCH", "PUT"):

            def edit(resources: dict[str, Any]) -> None:
                properties = resources[name].setdefault("Properties", {})
                changed = _properties(content)
                if "Target" in changed and f"{name}Integration" in resources:
                    integration = resources[f"{name}Integration"]["Properties"]
                    integration |= _integration(changed.pop("Target"))
                properties |= changed

            await self._changed(found.stack, edit)
            again = next(each for each in self._of(kind, "") if each.resource.logical_id == name)
            return 200, self._told(kind, again)
        if method != "DELETE":
            raise ApiError("UnknownOperationException", f"{method} is not emulated here", 404)
        if found.stack != CREATED:
            raise ApiError("ConflictException", f"{name} is of the stack {found.stack}, and goes with it", 409)
        self._refuse_in_use(kind, found)

        def remove(resources: dict[str, Any]) -> None:
            del resources[name]
            own = f"{kind.type.rpartition('::')[2]}Id"
            names = (found.resource.ref, {"Ref": name})
            mine = [each for each, had in resources.items() if had["Properties"].get(own) in names]
            for each in mine:
                del resources[each]

        await self._changed(CREATED, remove)
        return 204, None

    def _refuse_in_use(self, kind: Collection, found: Placed) -> None:
        if kind.type not in _USES:
            return
        use, reference = _USES[kind.type], str(found.resource.ref)
        of_api = self._of(_OF_APIS[use.users], str(found.resource.properties.get("ApiId")))
        ids = [str(each.resource.ref) for each in of_api if _last(each.resource.properties.get(use.name)) == reference]
        if ids:
            raise ApiError(use.code, use.text.format(", ".join(ids)), use.status)

    async def _changed(self, stack: str, edit: Callable[[dict[str, Any]], None]) -> None:
        try:
            await self._engine.change(stack, edit)
        except PerformError as error:
            raise ApiError("BadRequestException", str(error)) from error

    def _told(self, kind: Collection, found: Placed) -> Mapping[str, Any]:
        resource = found.resource
        told = {**_DEFAULTS.get(kind.type, {}), **_fields(resource.properties), kind.key: resource.ref}
        told.pop("apiId" if kind.type != _API else "", None)
        if kind.parent not in ("", "ApiId"):
            told.pop(_lower(kind.parent), None)
        if kind.type == _API:
            scheme = "ws" if resource.properties.get("ProtocolType") == "WEBSOCKET" else "http"
            told["apiEndpoint"] = f"{scheme}://{self._address}/{resource.ref}"
        if found.stack == CREATED and kind.type != _API and resource.logical_id.startswith("Api"):
            told["apiGatewayManaged"] = True  # by `_quick`
        if kind.type in (_API, "AWS::ApiGatewayV2::Stage", "AWS::ApiGatewayV2::Deployment"):
            told["createdDate"] = iso_seconds(instant(found.age.made))
        return told


def _quick(api: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What API Gateway makes of an API's target. [DOC] apigwv2-api:CreateApi, quick create"""
    of_api = {"ApiId": {"Ref": api}}
    target = {"Fn::Sub": f"integrations/${{{api}Integration}}"}
    role = {"CredentialsArn": given["CredentialsArn"]} if "CredentialsArn" in given else {}
    made: dict[str, dict[str, Any]] = {
        "Integration": {**role, **_integration(given["Target"])},
        "Route": {"RouteKey": given.get("RouteKey", "$default"), "Target": target},
        "Stage": {"StageName": "$default", "AutoDeploy": True},
    }
    return {
        f"{api}{kind}": {"Type": f"AWS::ApiGatewayV2::{kind}", "Properties": {**of_api, **properties}}
        for kind, properties in made.items()
    }


def _integration(target: str) -> dict[str, Any]:
    """The integration of a target: an endpoint's address, or a function's ARN."""
    if target.startswith(("http://", "https://")):
        more = {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "PayloadFormatVersion": "1.0"}
    else:
        more = {"IntegrationType": "AWS_PROXY", "IntegrationMethod": "POST", "PayloadFormatVersion": "2.0"}
    return {"IntegrationUri": target, **more}


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json_of(body or b"{}")
    except ValueError as error:
        raise ApiError("BadRequestException", "Unable to parse request body") from error
    if not isinstance(found, dict):
        raise ApiError("BadRequestException", "Unable to parse request body")
    return found


def _last(reference: Any) -> str:
    """The id in what names one, such as ``integrations/ID``."""
    return str(reference).rpartition("/")[2]


def _page(content: Mapping[str, Any], query: Mapping[str, str]) -> Mapping[str, Any]:
    """A part of a list; raises ApiError for a size or token that is none. [DOC] apigwv2-api: maxResults, nextToken"""
    size, token = query.get("maxResults", str(PAGE)), query.get("nextToken", "0")
    if not (size.isascii() and size.isdigit() and int(size) > 0 and token.isascii() and token.isdigit()):
        raise ApiError("BadRequestException", f"Invalid page: {size} results after {token}")
    begin, end = int(token), int(token) + int(size)
    items = content["items"]
    return {"items": items[begin:end], **({"nextToken": str(end)} if end < len(items) else {})}


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]


def _fields(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties of a template as the API has them."""
    return {_lower(name): _deep(name, value, _fields) for name, value in properties.items()}


def _properties(content: Mapping[str, Any]) -> dict[str, Any]:
    """What the API is sent, as properties of a template."""
    return {_upper(name): _deep(_upper(name), value, _properties) for name, value in content.items()}


def _deep(name: str, value: Any, renamed: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
    if not isinstance(value, dict):
        return value
    if name == "RouteSettings":
        return {key: renamed(each) for key, each in value.items()}
    return renamed(value) if name in _DEEP else value
