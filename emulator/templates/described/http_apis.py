"""HTTP APIs, REST APIs and function URLs of a stack, as the topology describes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from streamer.topology.http_apis import (
    ANY,
    DEFAULT_PATH,
    Backend,
    HttpApi,
    HttpAuthorizer,
    HttpKind,
    HttpRoute,
    Validation,
)
from streamer.topology.throttles import Throttle

from .. import ids
from ..catalogue import Catalogue, guarded
from ..errors import Path, Problem
from ..openapi import (
    FROM_AUTHORIZERS,
    TTL_SECONDS,
    Operation,
    authorizers_of,
    cors,
    cors_of,
    issuers_of_pools,
    keys_from_authorizers,
    operations,
    uncapitalized,
    unknown_methods,
)
from ..stack import Resource
from ..values import at, boolean, items, mapping, number, text
from . import backends, validation
from .api_parts import V1, V2, Around, foreign, integration_of, parts, stage_of
from .lambda_functions import function_of
from .websocket_apis import throttle, usage_plans

_SECONDS: Final = {HttpKind.HTTP: 30.0, HttpKind.REST: 29.0}
"""Longest, and default, integration timeouts. [DOC] apigw-docs:http-api-quotas, limits"""
_PART: Final = re.compile(r"[\w.:-]+|\{[\w.:-]+\+?\}", re.ASCII)
"""A part of a REST API's path. [USR] aws-sam-cli #7613, "Resource's path part only allow" """


class _OfKind(Around, frozen=True, kw_only=True):
    kind: HttpKind


def http_apis(catalogue: Catalogue, stage_name: str | None, functions: set[str]) -> tuple[HttpApi, ...]:
    """All of a project's; raises TemplateError."""
    found = [
        guarded(catalogue, each, _http_api, stage_name, functions)
        for each in catalogue.of("AWS::ApiGatewayV2::Api")
        if each.properties.get("ProtocolType", "HTTP") == "HTTP"
    ]
    found += [
        guarded(catalogue, each, _rest_api, stage_name, functions) for each in catalogue.of("AWS::ApiGateway::RestApi")
    ]
    found += [guarded(catalogue, each, _function_url, functions) for each in catalogue.of("AWS::Lambda::Url")]
    return tuple(found)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


# HTTP APIs


def _http_api(catalogue: Catalogue, resource: Resource, stage_name: str | None, functions: set[str]) -> HttpApi:
    stage = stage_of(catalogue, resource, f"{V2}Stage", stage_name)
    variables = {} if stage is None else _texts(mapping(stage, "StageVariables"))
    around = _OfKind(catalogue=catalogue, owner=resource, kind=HttpKind.HTTP, variables=variables, functions=functions)
    body = mapping(resource, "Body")
    by_ref = {each.ref: _authorizer(around, each) for each in parts(catalogue, resource, f"{V2}Authorizer")}
    routes = [_route(around, each, by_ref) for each in parts(catalogue, resource, f"{V2}Route")]
    routes += _operations(around, body)
    routes += [_quick(around, resource)] if resource.properties.get("Target") else []
    own_cors = mapping(resource, "CorsConfiguration")
    _warn_of_paths(around, routes)
    return HttpApi(
        name=resource.logical_id,
        kind=HttpKind.HTTP,
        api_id=str(resource.ref),
        routes=tuple(replace(each, throttle=_of_route(catalogue, stage, each)) for each in routes if each is not None),
        stage=DEFAULT_PATH if stage is None else text(stage, "StageName"),
        stage_variables=variables,
        authorizers=(*by_ref.values(), *_written_authorizers(around, body)),
        cors=cors(uncapitalized(own_cors)) if own_cors else cors_of(body),
    )


def _of_route(catalogue: Catalogue, stage: Resource | None, route: HttpRoute) -> Throttle | None:
    """[DOC] apigw-docs:http-api-throttling: a route's own settings, else those of all routes."""
    if stage is None:
        return None
    own = mapping(stage, "RouteSettings").get(route.key) or {}
    return throttle(catalogue, stage, own) or throttle(catalogue, stage, mapping(stage, "DefaultRouteSettings"))


def _quick(around: _OfKind, resource: Resource) -> HttpRoute:
    """An API that is made with its target. [DOC] cfn-docs:AWS_ApiGatewayV2_Api, quick create"""
    target = resource.properties["Target"]
    backend = backends.of_http({"IntegrationType": "HTTP_PROXY", "IntegrationUri": target})
    method, _, path = str(resource.properties.get("RouteKey") or DEFAULT_PATH).rpartition(" ")
    return HttpRoute(
        path=path,
        method=method or ANY,
        function=None if backend is not None else around.function(target, at(resource, "Target")),
        backend=backend,
        payload="2.0" if backend is None else "1.0",
        timeout_seconds=_SECONDS[HttpKind.HTTP],
    )


def _answer_parameters(backend: Backend | None, written: Mapping[str, Any], path: Path) -> dict[str, dict[str, str]]:
    """What an HTTP API changes in answers, by status; raises `Problem` where it may not, nor in its requests."""
    found = backends.answer_parameters(written)
    requested = {} if backend is None else backend.parameters
    backends.refuse_reserved([*requested, *(name for each in found.values() for name in each)], path)
    return found


def _route(around: _OfKind, resource: Resource, authorizers: Mapping[Any, HttpAuthorizer]) -> HttpRoute | None:
    key = text(resource, "RouteKey")
    method, _, path = key.rpartition(" ")
    integration = integration_of(around.catalogue, around.owner, resource)
    kind = str(integration.properties.get("IntegrationType"))
    subtype = integration.properties.get("IntegrationSubtype")
    backend = backends.of_http(integration.properties) if kind != "AWS_PROXY" or subtype else None
    if backend is None and (kind != "AWS_PROXY" or subtype):
        _leave_out(around, resource, key, subtype or kind)
        return None
    uri, where = integration.properties.get("IntegrationUri"), at(integration, "IntegrationUri")
    answers = _answer_parameters(backend, integration.properties, integration.path)
    authorization, authorizer = _authorization(around, resource, authorizers, "CUSTOM", "JWT")
    return HttpRoute(
        path=path,
        method=method or ANY,
        function=None if backend is not None else around.function(uri, where),
        backend=backend,
        payload="1.0" if backend is not None else str(integration.properties.get("PayloadFormatVersion", "1.0")),
        answer_parameters=answers,
        authorizer=authorizer,
        scopes=tuple(str(each) for each in items(resource, "AuthorizationScopes")),
        iam=authorization == "AWS_IAM",
        timeout_seconds=number(integration, "TimeoutInMillis", 30_000.0) / 1000,
    )


def _authorization(
    around: _OfKind, resource: Resource, authorizers: Mapping[Any, HttpAuthorizer], *needing: str
) -> tuple[str, str | None]:
    """How callers of a route are known, and the name of its authorizer, which the kinds in ``needing`` must have."""
    kind, reference = str(resource.properties.get("AuthorizationType", "NONE")), resource.properties.get("AuthorizerId")
    found = authorizers.get(reference) if kind != "NONE" else None
    if found is None and kind in needing:
        reason = foreign(around.catalogue, around.owner, text(resource, "AuthorizerId"))
        raise Problem(at(resource, "AuthorizerId"), f"{reference!r} is no authorizer of this API{reason}")
    return kind, None if found is None else found.name


def _leave_out(around: _OfKind, resource: Resource, key: str, kind: Any) -> None:
    text_of_it = f"the route {key} has an integration of type {kind}, which is not emulated: it is left out"
    around.catalogue.warn(resource, text_of_it)


def _authorizer(around: _OfKind, resource: Resource) -> HttpAuthorizer:
    kind = text(resource, "AuthorizerType")
    jwt = mapping(resource, "JwtConfiguration")
    sources = resource.properties.get("IdentitySource") or []
    uri = resource.properties.get("AuthorizerUri")
    return HttpAuthorizer(
        name=resource.logical_id,
        kind=kind,
        function=around.function(uri, at(resource, "AuthorizerUri")) if kind == "REQUEST" else None,
        identity_sources=tuple(str(each) for each in (sources if isinstance(sources, list) else [sources])),
        payload=str(resource.properties.get("AuthorizerPayloadFormatVersion", "1.0")),
        simple=boolean(resource, "EnableSimpleResponses"),
        ttl_seconds=int(number(resource, "AuthorizerResultTtlInSeconds", 0)),
        issuers=tuple(str(each) for each in (jwt.get("Issuer"),) if each),
        audience=tuple(str(each) for each in jwt.get("Audience") or ()),
    )


# OpenAPI documents, as SAM writes them


def _operations(around: _OfKind, body: Mapping[str, Any]) -> list[HttpRoute | None]:
    """The routes of a document; what is no method is told."""
    for path, name in unknown_methods(body):
        around.catalogue.warn(around.owner, f"there is no method {name.upper()}: {path} is not reached by it")
    return [_operation(around, each) for each in operations(body)]


def _operation(around: _OfKind, operation: Operation) -> HttpRoute | None:
    owner = around.owner
    where = at(owner, "Body", "paths", operation.path)
    backend = _written_backend(around, operation, where)
    is_proxy = operation.integration == "AWS_PROXY" and "integrationSubtype" not in operation.written
    if not is_proxy and operation.fixed is None and backend is None:
        subtype = operation.written.get("integrationSubtype")
        _leave_out(around, owner, f"{operation.method} {operation.path}", subtype or operation.integration)
        return None
    names = {each.name for each, _uri in authorizers_of(mapping(owner, "Body"))}
    authorizer = next((name for name in operation.security if name in names), None)
    is_http = around.kind is HttpKind.HTTP
    return HttpRoute(
        path=_rooted(around, operation.path),
        method=operation.method,
        function=around.function(operation.uri, where) if operation.fixed is None and backend is None else None,
        fixed=operation.fixed,
        backend=backend,
        payload=operation.payload,
        answer_parameters=_answer_parameters(backend, operation.written, where) if is_http else {},
        authorizer=authorizer,
        scopes=tuple(operation.security.get(authorizer, ())) if authorizer is not None else (),
        iam=operation.iam,
        api_key_required=operation.keyed and not is_http,  # [DOC] http-api-vs-rest, HTTP APIs have no API keys
        validation=_written_validation(around, operation),
        timeout_seconds=operation.timeout_seconds or _SECONDS[around.kind],
        streamed=_is_streamed(operation.uri),
    )


def _rooted(around: _OfKind, path: str) -> str:
    """A path as it has to begin. [DOC] sam-docs:sam-property-function-api; [?] what AWS makes of one that does not"""
    if path == DEFAULT_PATH or path.startswith("/"):
        return path
    around.catalogue.warn(around.owner, f"the path {path} has to begin with /: /{path} stands for it")
    return f"/{path}"


def _written_validation(around: _OfKind, operation: Operation) -> Validation | None:
    if around.kind is not HttpKind.REST:  # [DOC] apigw-docs:http-api-vs-rest, HTTP APIs validate nothing
        return None
    return validation.of_operation(around.catalogue, around.owner, mapping(around.owner, "Body"), operation.around)


def _is_streamed(uri: Any) -> bool:
    """Whether an integration takes what a function streams. [DOC] apigw-docs:response-transfer-mode-lambda"""
    return str(uri).endswith("/response-streaming-invocations")


def _written_backend(around: _OfKind, operation: Operation, where: Path) -> Backend | None:
    """What answers an operation besides a function's proxy and a fixed answer; None: one of those, or nothing here."""
    if operation.fixed is not None:
        return None
    if around.kind is HttpKind.HTTP:
        return backends.of_http(operation.written)
    if operation.integration not in backends.OF_REST:
        return None
    return backends.of_rest(operation.written, operation.integration, around.function, where)


def _written_authorizers(around: _OfKind, body: Mapping[str, Any]) -> Iterable[HttpAuthorizer]:
    where = at(around.owner, "Body")
    for each, uri in authorizers_of(body):
        yield each if uri is None else replace(each, function=around.function(uri, where))


# REST APIs


def _rest_api(catalogue: Catalogue, resource: Resource, stage_name: str | None, functions: set[str]) -> HttpApi:
    stage = stage_of(catalogue, resource, f"{V1}Stage", stage_name)
    variables = {} if stage is None else _texts(mapping(stage, "Variables"))
    around = _OfKind(catalogue=catalogue, owner=resource, kind=HttpKind.REST, variables=variables, functions=functions)
    body = mapping(resource, "Body")
    by_ref = {each.ref: _rest_authorizer(around, each) for each in parts(catalogue, resource, f"{V1}Authorizer")}
    routes = [_method(around, each, by_ref) for each in parts(catalogue, resource, f"{V1}Method")]
    routes += _operations(around, body)
    _warn_of_paths(around, routes)
    plans = usage_plans(catalogue, resource, stage)
    return HttpApi(
        name=resource.logical_id,
        kind=HttpKind.REST,
        api_id=str(resource.ref),
        routes=tuple(replace(each, throttle=_of_method(catalogue, stage, each)) for each in routes if each is not None),
        stage=_rest_stage(catalogue, resource, stage),
        stage_variables=variables,
        authorizers=(*by_ref.values(), *_written_authorizers(around, body)),
        api_keys=tuple(key for plan in plans for key in plan.keys),
        keys_from_authorizers=resource.properties.get("ApiKeySourceType") == FROM_AUTHORIZERS
        or keys_from_authorizers(body),
        usage_plans=plans,
        binary_types=tuple(
            str(each)
            for each in (*items(resource, "BinaryMediaTypes"), *body.get("x-amazon-apigateway-binary-media-types", ()))
        ),
        gateway_responses=validation.gateway_responses(catalogue, resource, body),
    )


def _warn_of_paths(around: _OfKind, routes: Iterable[HttpRoute | None]) -> None:
    for path in dict.fromkeys(route.path for route in routes if route is not None):
        parts = path.split("/")
        if around.kind is HttpKind.REST and any(part and not _PART.fullmatch(part) for part in parts):
            rule = "each part has letters, digits and ._-: alone, or is one variable in braces"
            around.catalogue.warn(around.owner, f"API Gateway refuses the path {path}: {rule}")
        elif any(part.endswith("+}") for part in parts[:-1]):
            rule = "a variable of several parts has to be the last one"  # [DOC] http-api-develop-routes
            around.catalogue.warn(around.owner, f"API Gateway refuses the path {path}: {rule}")


def _of_method(catalogue: Catalogue, stage: Resource | None, route: HttpRoute) -> Throttle | None:
    """A method's own settings, else those of all methods. [DOC] cfn-docs:AWS_ApiGateway_Stage, MethodSetting"""
    found: dict[tuple[str, str], Throttle | None] = {}
    if stage is None:
        return None
    for each in items(stage, "MethodSettings"):
        named = (str(each.get("HttpMethod", "*")).upper(), str(each.get("ResourcePath", "/*")))
        found[named] = throttle(catalogue, stage, each)
    encoded = f"/{route.path.replace('/', '~1')}" if route.path != "/" else "/"
    wanted = ((route.method, encoded), (route.method, route.path), ("*", encoded), ("*", route.path), ("*", "/*"))
    return next((found[each] for each in wanted if found.get(each) is not None), None)


def _rest_stage(catalogue: Catalogue, resource: Resource, stage: Resource | None) -> str:
    """A deployment may make the stage. [DOC] cfn-docs:AWS_ApiGateway_Deployment"""
    if stage is not None:
        return text(stage, "StageName")
    named = [each.properties.get("StageName") for each in parts(catalogue, resource, f"{V1}Deployment")]
    found = next((str(each) for each in named if each), None)
    if found is None:
        catalogue.warn(resource, "it has no stage; prod stands for one")
    return found or "prod"


def _method(around: _OfKind, resource: Resource, authorizers: Mapping[Any, HttpAuthorizer]) -> HttpRoute | None:
    path = _path(around, resource, resource.properties.get("ResourceId"))
    method = text(resource, "HttpMethod").upper()
    integration = mapping(resource, "Integration")
    kind = str(integration.get("Type"))
    fixed = Operation.of_mock(method, integration) if kind == "MOCK" else None
    where = at(resource, "Integration", "Uri")
    backend: Backend | None = None
    if kind in backends.OF_REST and fixed is None:
        backend = backends.of_rest(integration, kind, around.function, where)
    elif kind != "AWS_PROXY" and fixed is None:
        _leave_out(around, resource, f"{method} {path}", kind)
        return None
    authorization, authorizer = _authorization(around, resource, authorizers, "CUSTOM", "COGNITO_USER_POOLS")
    return HttpRoute(
        path=path,
        method=method,
        function=None if fixed or backend else around.function(integration.get("Uri"), where),
        fixed=fixed,
        backend=backend,
        authorizer=authorizer,
        scopes=tuple(str(each) for each in items(resource, "AuthorizationScopes")),
        iam=authorization == "AWS_IAM",
        api_key_required=boolean(resource, "ApiKeyRequired"),
        validation=validation.of_method(around.catalogue, around.owner, resource),
        timeout_seconds=float(integration.get("TimeoutInMillis", 29_000)) / 1000,
        streamed=_is_streamed(integration.get("Uri")),
    )


def _path(around: _OfKind, resource: Resource, reference: Any) -> str:
    """The path of a resource: its parents' parts and its own."""
    parts: list[str] = []
    root = around.owner.ref
    while reference != root:
        found = around.catalogue.by_ref(reference, f"{V1}Resource")
        if found is None or len(parts) > 64:
            raise Problem(at(resource, "ResourceId"), f"{reference!r} is no resource of this API")
        parts.insert(0, text(found, "PathPart"))
        reference = found.properties.get("ParentId")
    return f"/{'/'.join(parts)}"


def _rest_authorizer(around: _OfKind, resource: Resource) -> HttpAuthorizer:
    kind = text(resource, "Type")
    uri = resource.properties.get("AuthorizerUri")
    pools = items(resource, "ProviderARNs")
    # [DOC] apigw-api:CreateAuthorizer: a REQUEST authorizer whose answers are not kept needs none
    usual = "" if kind == "REQUEST" else "method.request.header.Authorization"
    sources = str(resource.properties.get("IdentitySource") or usual)
    return HttpAuthorizer(
        name=resource.logical_id,
        kind=kind,
        function=None if pools else around.function(uri, at(resource, "AuthorizerUri")),
        identity_sources=tuple(each.strip() for each in sources.split(",") if each.strip()),
        ttl_seconds=int(number(resource, "AuthorizerResultTtlInSeconds", TTL_SECONDS)),
        validation=resource.properties.get("IdentityValidationExpression"),
        issuers=issuers_of_pools(pools),
    )


# function URLs


def _function_url(catalogue: Catalogue, resource: Resource, functions: set[str]) -> HttpApi:
    target = str(resource.properties.get("TargetFunctionArn"))
    qualifier = resource.properties.get("Qualifier")
    written = target if qualifier is None else f"{target}:{qualifier}"
    function = function_of(written, functions, at(resource, "TargetFunctionArn"))
    own_cors = mapping(resource, "Cors")
    route = HttpRoute(
        path=DEFAULT_PATH,
        function=function,
        iam=text(resource, "AuthType") == "AWS_IAM",
        timeout_seconds=900.0,  # [DOC] lambda-docs:urls-invocation: as long as the function may run
        streamed=resource.properties.get("InvokeMode") == "RESPONSE_STREAM",
    )
    return HttpApi(
        name=resource.logical_id,
        kind=HttpKind.URL,
        api_id=ids.api_id(resource.stack, resource.logical_id),
        routes=(route,),
        cors=cors(uncapitalized(own_cors)) if own_cors else None,
    )
