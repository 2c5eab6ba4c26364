"""WebSocket APIs of a stack, as the topology describes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamer.aws_limits import INTEGRATION_SECONDS, LEAST_INTEGRATION_SECONDS, STAGE_NAME
from streamer.topology import CONNECT, Api, Authorizer, Route, Throttle
from streamer.topology.throttles import UsagePlan

from ...gateway.rules.domains import Domain
from ..anatomy import needed
from ..catalogue import Catalogue
from ..errors import Problem
from ..intrinsics import is_true
from ..stack import Resource
from ..values import at, boolean, items, mapping, number, text
from . import integrations
from .api_parts import V2, Around, foreign, integration_of, parts, schema_of, stage_of

DEFAULT_RESPONSE: Final = "$default"
_AUTHORIZATIONS: Final = ("NONE", "AWS_IAM", "CUSTOM")


class _WithStage(Around, frozen=True, kw_only=True):
    stage: Resource | None


def api(catalogue: Catalogue, resource: Resource, stage_name: str | None, functions: set[str]) -> Api:
    """An API with its routes, authorizers, models, keys and one stage."""
    if not resource.properties.get("RouteSelectionExpression"):
        # [DOC] cfn-docs:AWS_ApiGatewayV2_Api
        problem = Problem(resource.path, "a WebSocket API needs RouteSelectionExpression, such as $request.body.action")
        raise catalogue.error(resource, problem)
    stage = stage_of(catalogue, resource, f"{V2}Stage", stage_name)
    if stage is None:
        catalogue.warn(resource, f"it has no stage; {stage_name or 'dev'} stands for one")
    elif not _is_deployed(catalogue, stage):
        # [USR] terraform-provider-aws #17955
        catalogue.warn(stage, "on AWS it is Forbidden to everyone: it has neither AutoDeploy nor a deployment")
    variables = {} if stage is None else {k: str(v) for k, v in mapping(stage, "StageVariables").items()}
    around = _WithStage(catalogue=catalogue, owner=resource, stage=stage, variables=variables, functions=functions)
    authorizers = {
        each.ref: catalogue.guard(each, _authorizer, each, around)
        for each in parts(catalogue, resource, f"{V2}Authorizer")
    }
    for each in parts(catalogue, resource, f"{V2}Integration"):
        catalogue.guard(each, _check_integration, each)
        _warn_of_conversions(catalogue, each)
    for each in parts(catalogue, resource, f"{V2}Stage"):
        catalogue.guard(each, _check_stage, each)
    routes = []
    for each in parts(catalogue, resource, f"{V2}Route"):
        made = catalogue.guard(each, _route, each, around, authorizers)
        if made is not None:
            routes.append(made)
    twice = [route.route_key for route in routes]
    for each in parts(catalogue, resource, f"{V2}Route"):
        if twice.count(str(each.properties.get("RouteKey"))) > 1:
            problem = Problem(at(each, "RouteKey"), f"the route {each.properties['RouteKey']!r} exists twice")
            raise catalogue.error(each, problem)
    return Api(
        name=str(resource.properties.get("Name") or resource.logical_id),
        routes=tuple(routes),
        route_selection_expression=str(resource.properties["RouteSelectionExpression"]),
        stage=stage_name or ("dev" if stage is None else text(stage, "StageName")),
        stage_variables=variables,
        authorizers=tuple(authorizers.values()),
        api_keys=api_keys(catalogue, resource, stage),
        api_key_selection_expression=str(
            resource.properties.get("ApiKeySelectionExpression") or "$request.header.x-api-key"
        ),
        throttle=None if stage is None else throttle(catalogue, stage, mapping(stage, "DefaultRouteSettings")),
        api_id=str(resource.ref),
    )


def domains(catalogue: Catalogue, apis: Sequence[Api]) -> dict[str, tuple[Domain, ...]]:
    """API by name to the custom domains whose mappings lead to it."""
    names = {api.api_id: api for api in apis}
    found: dict[str, tuple[Domain, ...]] = {}
    for each in catalogue.of("AWS::ApiGatewayV2::ApiMapping"):
        mapped = names.get(str(each.properties.get("ApiId")))
        if mapped is None or each.properties.get("Stage") != mapped.stage:
            catalogue.warn(each, "only mappings of the emulated stage of a WebSocket API are emulated")
            continue
        key = str(each.properties.get("ApiMappingKey") or "").strip("/")
        domain = Domain(name=str(each.properties.get("DomainName")).lower(), base_path=key)
        found[mapped.name] = (*found.get(mapped.name, ()), domain)
    return found


def _check_integration(resource: Resource) -> None:
    """Refuse an integration that API Gateway refuses, whether or not a route has it. [USR] aws-cdk #31063: the text"""
    kinds = ("AWS_PROXY", *integrations.KINDS)
    kind = str(resource.properties.get("IntegrationType"))
    if kind not in kinds:
        raise Problem(at(resource, "IntegrationType"), f"{kind} is none of {', '.join(kinds)}")
    milliseconds = number(resource, "TimeoutInMillis", 1000 * INTEGRATION_SECONDS)
    if not 1000 * LEAST_INTEGRATION_SECONDS <= milliseconds <= 1000 * INTEGRATION_SECONDS:
        raise Problem(at(resource, "TimeoutInMillis"), "Timeout should be between 50 ms and 29000 ms")


def _warn_of_conversions(catalogue: Catalogue, integration: Resource) -> None:
    """Tell what stays base64, or bytes, here. [DOC] apigw-docs:websocket-api-develop-binary-media-types"""
    responses = catalogue.of("AWS::ApiGatewayV2::IntegrationResponse")
    for each in (integration, *(e for e in responses if e.properties.get("IntegrationId") == integration.ref)):
        if each.properties.get("ContentHandlingStrategy"):
            catalogue.warn(each, "its ContentHandlingStrategy is not emulated: bodies stay as they are")


def _check_stage(resource: Resource) -> None:
    """Refuse a stage that cannot be, whether or not it is the one that is emulated. [DOC] apigwv2-api:CreateStage"""
    name = text(resource, "StageName")
    if STAGE_NAME.fullmatch(name) is None and name != "$default":
        raise Problem(at(resource, "StageName"), f"{name!r} has other characters than letters, digits, '-' and '_'")


_ROUTES: Final = (("AWS::ApiGatewayV2::Route", "ApiId"), ("AWS::ApiGateway::Method", "RestApiId"))


def warn_of_strangers(catalogue: Catalogue) -> None:
    """Tell routes whose API is not in the project, as those of a service have that shares another's."""
    apis = catalogue.of("AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi")
    mine, names = {str(each.ref) for each in apis}, {each.logical_id for each in apis}
    found: dict[str, list[str]] = {}
    for kind, name in _ROUTES:
        for each in catalogue.of(kind):
            owner = str(each.properties.get(name))
            if owner not in mine:
                found.setdefault(owner, []).append(each.logical_id)
    for owner, routes in found.items():
        shown = ", ".join(routes[:3]) + (f" and {len(routes) - 3} more" if len(routes) > 3 else "")
        what = "route is" if len(routes) == 1 else "routes are"
        meant = f"; did you mean !Ref {owner}?" if owner in names else ""
        catalogue.note(f"the API {owner!r} is not in this project: its {what} left out: {shown}{meant}")


def warn_of_hasty_deployments(catalogue: Catalogue) -> None:
    """Tell deployments that CloudFormation may make before a route. [USR] serverless-application-model #2512"""
    for api in catalogue.of(f"{V2}Api"):
        routes = parts(catalogue, api, f"{V2}Route")
        for each in (
            parts(catalogue, api, f"{V2}Deployment") if api.properties.get("ProtocolType") == "WEBSOCKET" else ()
        ):
            beside = {route.logical_id for route in routes if route.stack == each.stack}
            if (beside or not routes) and not beside & _waited_for(
                catalogue.stack_of(each).source.tree, each.logical_id
            ):
                refusal = '"At least one route is required before deploying the Api"'
                catalogue.warn(each, f"CloudFormation may refuse it, {refusal}: let it depend on a route by DependsOn")


def _waited_for(tree: Mapping[str, Any], name: str) -> set[str]:
    """What a resource depends on by DependsOn, at whatever distance."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = set(needed(tree, waiting.pop())) - found
        found |= new
        waiting += new
    return found


def _is_deployed(catalogue: Catalogue, stage: Resource) -> bool:
    if boolean(stage, "AutoDeploy") or stage.properties.get("DeploymentId"):
        return True
    its = (stage.properties.get("ApiId"), stage.properties.get("StageName"))
    deployments = catalogue.of(f"{V2}Deployment")
    return any((each.properties.get("ApiId"), each.properties.get("StageName")) == its for each in deployments)


def _route(resource: Resource, around: _WithStage, authorizers: Mapping[Any, Authorizer]) -> Route | None:
    catalogue, stage = around.catalogue, around.stage
    key = text(resource, "RouteKey")
    if not key:
        raise Problem(at(resource, "RouteKey"), "a route has a key")
    integration = _integration(catalogue, resource, around.owner)
    if integration is None:
        return None
    kind = integration.properties.get("IntegrationType")
    uri = integration.properties.get("IntegrationUri")
    other = None if kind == "AWS_PROXY" else integrations.integration(catalogue, integration, around.functions)
    function = around.function(uri, at(integration, "IntegrationUri")) if other is None else ""
    if invoked := function or (other.function if other is not None else None):
        stage_name = "dev" if stage is None else text(stage, "StageName")
        around.invokes(integration, invoked, f"{stage_name}/{key}")
    authorization = _authorization(catalogue, resource)
    settings = {} if stage is None else mapping(stage, "RouteSettings").get(key) or {}
    selection, models = _models(catalogue, resource, around.owner)
    return Route(
        route_key=key,
        function=function,
        integration=other,
        authorizer=_authorizer_of(resource, around, authorizers) if authorization == "CUSTOM" else None,
        iam=authorization == "AWS_IAM",
        api_key_required=boolean(resource, "ApiKeyRequired"),
        route_response=_answers(catalogue, resource, is_proxy=other is None),
        required_parameters=_required(resource) if key == CONNECT else (),
        model=models.pop("$default", None),
        model_selection=selection if models or selection else None,
        models=models,
        integration_timeout_seconds=number(integration, "TimeoutInMillis", 29_000.0) / 1000,
        throttle=None if stage is None else throttle(catalogue, stage, settings),
    )


def _authorization(catalogue: Catalogue, resource: Resource) -> str:
    """Who may connect. [DOC] cfn-docs:AWS_ApiGatewayV2_Route"""
    found = str(resource.properties.get("AuthorizationType", "NONE"))
    if found not in _AUTHORIZATIONS:
        raise Problem(at(resource, "AuthorizationType"), f"{found!r} is none of {', '.join(_AUTHORIZATIONS)}")
    if found != "CUSTOM" and "AuthorizerId" in resource.properties:
        catalogue.warn(resource, f"its authorizer is not asked, since its AuthorizationType is {found}, not CUSTOM")
    return found


def _integration(catalogue: Catalogue, resource: Resource, owner: Resource) -> Resource | None:
    if resource.properties.get("Target") is None:
        # [DOC] the $connect integration is optional, and routes may be made before their integrations:
        # apigw-docs:websocket-api-develop-routes; [INF] until then a message does not find them
        if resource.properties.get("RouteKey") != CONNECT:
            catalogue.warn(resource, "it has no Target, no integration, so no message takes it")
        return None
    return integration_of(catalogue, owner, resource)


def _answers(catalogue: Catalogue, resource: Resource, *, is_proxy: bool) -> bool:
    responses = [
        e for e in catalogue.of("AWS::ApiGatewayV2::RouteResponse") if e.properties.get("RouteId") == resource.ref
    ]
    expression = resource.properties.get("RouteResponseSelectionExpression")
    # [DOC] apigw-docs:apigateway-websocket-api-route-response: both are needed for an answer; [USR]
    # serverless-patterns, apigw-websocket-api-sfn-sync: an action of a service answers clients without the expression
    return bool(responses) and (expression == DEFAULT_RESPONSE or not is_proxy)


def _required(resource: Resource) -> tuple[str, ...]:
    found = []
    for name, each in mapping(resource, "RequestParameters").items():
        required = each.get("Required") if isinstance(each, dict) else each
        if is_true(required):
            found.append(str(name))
    return tuple(found)


def _models(
    catalogue: Catalogue, resource: Resource, owner: Resource
) -> tuple[str | None, dict[str, Mapping[str, Any]]]:
    named = mapping(resource, "RequestModels")
    if not named:
        return None, {}
    known = {each.properties.get("Name"): each for each in parts(catalogue, owner, f"{V2}Model")}
    known |= {each.ref: each for each in parts(catalogue, owner, f"{V2}Model")}
    found: dict[str, Mapping[str, Any]] = {}
    for key, name in named.items():
        model = known.get(name)
        if model is None:
            raise Problem(at(resource, "RequestModels", key), f"the API has no model {name!r}")
        schema = schema_of(model)
        if schema is None:
            raise Problem(at(model, "Schema"), "a JSON schema is expected")
        found[key] = schema
    selection = resource.properties.get("ModelSelectionExpression")
    if selection is None:
        # [DOC] apigw-docs:websocket-api-request-validation: validation occurs where there is such an expression
        catalogue.warn(resource, "its models validate nothing: it has no ModelSelectionExpression")
        return None, {}
    return None if selection == "$default" else str(selection), found


# who may connect


def _authorizer(resource: Resource, around: _WithStage) -> Authorizer:
    kind = text(resource, "AuthorizerType")
    if kind != "REQUEST":
        raise Problem(at(resource, "AuthorizerType"), f"a WebSocket API has authorizers of type REQUEST, not {kind}")
    sources = resource.properties.get("IdentitySource") or []
    function = around.function(resource.properties.get("AuthorizerUri"), at(resource, "AuthorizerUri"))
    around.invokes(resource, function, f"authorizers/{resource.ref}")
    return Authorizer(
        name=resource.logical_id,
        function=function,
        identity_sources=tuple(str(each) for each in (sources if isinstance(sources, list) else [sources])),
    )


def _authorizer_of(resource: Resource, around: _WithStage, authorizers: Mapping[Any, Authorizer]) -> str:
    reference = text(resource, "AuthorizerId")
    if reference not in authorizers:
        reason = foreign(around.catalogue, around.owner, reference)
        raise Problem(at(resource, "AuthorizerId"), f"{reference!r} is no authorizer of this API{reason}")
    return authorizers[reference].name


def api_keys(catalogue: Catalogue, owner: Resource, stage: Resource | None) -> tuple[str, ...]:
    """Values of the keys of usage plans that have this stage of this API; without a stage, keys of any count."""
    plans = usage_plans(catalogue, owner, stage)
    if any(plan.throttle is not None or plan.quota is not None for plan in plans):
        catalogue.warn(owner, "of usage plans for WebSocket APIs only keys are emulated, neither throttles nor quotas")
    return tuple(key for plan in plans for key in plan.keys)


def usage_plans(catalogue: Catalogue, owner: Resource, stage: Resource | None) -> tuple[UsagePlan, ...]:
    """Those that have this stage of this API. [DOC] apigw-docs:api-gateway-api-usage-plans"""
    wanted = None if stage is None else text(stage, "StageName")
    found = []
    for plan in catalogue.of("AWS::ApiGateway::UsagePlan"):
        stages = [each for each in items(plan, "ApiStages") if isinstance(each, dict)]
        if any(each.get("ApiId") == owner.ref and wanted in (None, each.get("Stage")) for each in stages):
            found.append(_usage_plan(catalogue, plan))
    return tuple(found)


def _usage_plan(catalogue: Catalogue, plan: Resource) -> UsagePlan:
    found = []
    for link in catalogue.of("AWS::ApiGateway::UsagePlanKey"):
        key = catalogue.by_ref(link.properties.get("KeyId"), "AWS::ApiGateway::ApiKey")
        if link.properties.get("UsagePlanId") != plan.ref or key is None:
            continue
        if not boolean(key, "Enabled"):  # [REC] moto #3129: a key is not, unless that is said
            catalogue.warn(key, "an API key that is not Enabled opens nothing")
            continue
        value = key.properties.get("Value")
        if not value:
            value = f"{key.ref}{key.ref}{key.ref}{key.ref}"
            catalogue.warn(key, f"API Gateway would choose its value; here it is {value}")
        found.append(str(value))
    quota, throttled = mapping(plan, "Quota"), mapping(plan, "Throttle")
    limit = quota.get("Limit")
    return UsagePlan(
        keys=tuple(found),
        throttle=throttle(catalogue, plan, {f"Throttling{name}": each for name, each in throttled.items()}),
        quota=None if limit is None else int(float(limit)),
        period=str(quota.get("Period", "DAY")),
        name=str(plan.ref),
    )


def throttle(catalogue: Catalogue, resource: Resource, settings: Mapping[str, Any]) -> Throttle | None:
    """The throttle of a stage's or a route's settings, which a resource has; None: they have none, or half of one."""
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if rate is None or burst is None:
        if rate is not None or burst is not None:
            catalogue.warn(resource, "a throttle with only a rate or only a burst is not emulated: set both")
        return None
    return Throttle(rate=float(rate), burst=int(float(burst)))
