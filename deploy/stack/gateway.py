"""The WebSocket API as resources of the template: routes, integrations, permissions, the stage. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Final

from streamer.topology import DEFAULT, Api, Authorizer, Route, Throttle, Topology
from streamer.topology.integrations import Integration
from streamer.topology.logical_ids import pascal, route_id

from .access_log import access_log, access_log_format, after_the_role
from .domain import domain_url
from .names import STACK, Resources, att, ref, sub
from .policy import invoke_permission
from .publishing import called_arn, called_id
from .settings import StackSettings


def websocket_url(topology: Topology) -> dict[str, Any]:
    """The address of the stage."""
    return sub(f"wss://${{Api}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{topology.api.stage}")


def management_url(topology: Topology, settings: StackSettings) -> Any:
    """The address of ``@connections``: the API's own, unless that is switched off.

    [DOC] apigw-docs: @connections commands. [USR] aws/aws-sdk-net#1860: with the default endpoint disabled the API's
    own address says Forbidden, and the domain's answers.
    """
    if settings.disable_execute_api_endpoint:
        return domain_url(settings, "https")
    return sub(f"https://${{Api}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{topology.api.stage}")


def api_resources(topology: Topology, settings: StackSettings) -> Resources:
    """The API with everything below it."""
    api = topology.api
    found: Resources = {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": sub(STACK),
                "ProtocolType": "WEBSOCKET",
                "RouteSelectionExpression": api.route_selection_expression,
                "ApiKeySelectionExpression": api.api_key_selection_expression,
            },
        },
    }
    if settings.disable_execute_api_endpoint:
        found["Api"]["Properties"]["DisableExecuteApiEndpoint"] = True
    for authorizer in api.authorizers:
        found |= _authorizer(topology, authorizer)
    crowded = _crowded(api, settings)
    for route in api.routes:
        found |= _route(topology, route, crowded)
    for function in sorted(crowded):
        called = called_id(topology, function)
        found[f"{pascal(function)}RoutesPermission"] = invoke_permission(
            function, _execute_api(f"{api.stage}/*"), called=called
        )
    found |= _stage(api, settings)
    found |= _api_keys(api)
    return found


def _invocation_uri(topology: Topology, function: str) -> dict[str, Any]:
    path = f"lambda:path/2015-03-31/functions/{called_arn(topology, function)}/invocations"
    return sub(f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:{path}")


def _execute_api(rest: str) -> dict[str, Any]:
    return sub(f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{Api}}/{rest}")


_POLICY_CHARACTERS: Final = 18_000
"""Most that the permissions of single routes may take of a function's policy, which has 20,480 at most; what is left is
for those of authorizers and schedules. [DOC] lambda-docs:gettingstarted-limits"""
_STATEMENT: Final = 420
"""Characters of a statement beside its names, with the longest name of a Region, at most. [INF]"""


def _crowded(api: Api, settings: StackSettings) -> set[str]:
    """Functions of so many routes that a permission for each would be more than their policy takes.

    [USR] aws/serverless-application-model#337, aws/aws-pdk#549: "The final policy size is bigger than the limit"
    """
    sizes: dict[str, int] = {}
    for route in api.routes:
        if route.integration is None:
            names = len(route_id(route.route_key)) + len(route.route_key) + len(api.stage) + len(route.function)
            size = _STATEMENT + names + 2 * len(settings.stack_name)
            sizes[route.function] = sizes.get(route.function, 0) + size
    return {function for function, size in sizes.items() if size > _POLICY_CHARACTERS}


def _route(topology: Topology, route: Route, crowded: Container[str]) -> Resources:
    name = route_id(route.route_key)
    found: Resources = {
        f"{name}Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": _route_properties(name, route)},
    }
    if route.integration is not None:
        found |= _mock(name, route.integration)
    else:
        properties: dict[str, Any] = {
            "ApiId": ref("Api"),
            "IntegrationType": "AWS_PROXY",
            "IntegrationMethod": "POST",
            "IntegrationUri": _invocation_uri(topology, route.function),
            "TimeoutInMillis": round(route.integration_timeout_seconds * 1000),
        }
        found[f"{name}Integration"] = {"Type": "AWS::ApiGatewayV2::Integration", "Properties": properties}
        if route.function not in crowded:
            source = _execute_api(f"{topology.api.stage}/{route.route_key}")
            permission = invoke_permission(route.function, source, called=called_id(topology, route.function))
            found[f"{name}Permission"] = permission
    if route.route_response:
        answer = {"ApiId": ref("Api"), "RouteId": ref(f"{name}Route"), "RouteResponseKey": DEFAULT}
        found[f"{name}Response"] = {"Type": "AWS::ApiGatewayV2::RouteResponse", "Properties": answer}
    for logical_id, schema in _models(name, route).values():
        found[logical_id] = {
            "Type": "AWS::ApiGatewayV2::Model",
            "Properties": {
                "ApiId": ref("Api"),
                "Name": logical_id,
                "ContentType": "application/json",
                "Schema": dict(schema),
            },
        }
    return found


def _mock(name: str, integration: Integration) -> Resources:
    """An answer of API Gateway's own. [DOC] apigw-docs:apigateway-websocket-api-integrations"""
    properties: dict[str, Any] = {
        "ApiId": ref("Api"),
        "IntegrationType": "MOCK",
        "PassthroughBehavior": integration.passthrough,
        "RequestTemplates": dict(integration.templates),
    }
    if integration.template_selection is not None:
        properties["TemplateSelectionExpression"] = integration.template_selection
    found: Resources = {f"{name}Integration": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": properties}}
    for response in integration.responses:
        told: dict[str, Any] = {
            "ApiId": ref("Api"),
            "IntegrationId": ref(f"{name}Integration"),
            "IntegrationResponseKey": response.key,
            "ResponseTemplates": dict(response.templates),
        }
        if response.template_selection is not None:
            told["TemplateSelectionExpression"] = response.template_selection
        found[f"{name}Answer{'' if response.key == DEFAULT else pascal(response.key)}"] = {
            "Type": "AWS::ApiGatewayV2::IntegrationResponse",
            "Properties": told,
        }
    return found


def _route_properties(name: str, route: Route) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "ApiId": ref("Api"),
        "RouteKey": route.route_key,
        "Target": sub(f"integrations/${{{name}Integration}}"),
        "AuthorizationType": "CUSTOM" if route.authorizer else "AWS_IAM" if route.iam else "NONE",
    }
    if route.authorizer is not None:
        properties["AuthorizerId"] = ref(f"{pascal(route.authorizer)}Authorizer")
    if route.api_key_required:
        properties["ApiKeyRequired"] = True
    if route.required_parameters:
        properties["RequestParameters"] = {name: {"Required": True} for name in route.required_parameters}
    if route.route_response:
        properties["RouteResponseSelectionExpression"] = DEFAULT
    models = _models(name, route)
    if models:
        # [DOC] apigw-docs:websocket-api-request-validation: the key is what the selection expression evaluates to.
        properties["RequestModels"] = {key: ref(logical_id) for key, (logical_id, _) in models.items()}
        properties["ModelSelectionExpression"] = route.model_selection or DEFAULT
    return properties


def _models(name: str, route: Route) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Model key to the model's logical id, which is its name too, and its JSON schema."""
    found = {key: (f"{name}{pascal(key)}Model", schema) for key, schema in route.models.items()}
    return found if route.model is None else {**found, DEFAULT: (f"{name}Model", route.model)}


def _authorizer(topology: Topology, authorizer: Authorizer) -> Resources:
    name = f"{pascal(authorizer.name)}Authorizer"
    return {
        name: {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": {
                "ApiId": ref("Api"),
                "Name": authorizer.name,
                "AuthorizerType": "REQUEST",
                "AuthorizerUri": _invocation_uri(topology, authorizer.function),
                "IdentitySource": list(authorizer.identity_sources),
            },
        },
        f"{name}Permission": invoke_permission(
            authorizer.function,
            _execute_api(f"authorizers/${{{name}}}"),
            called=called_id(topology, authorizer.function),
        ),
    }


def _stage(api: Api, settings: StackSettings) -> Resources:
    throttle = api.throttle or Throttle(rate=settings.throttle_rate, burst=settings.throttle_burst)
    properties: dict[str, Any] = {
        "ApiId": ref("Api"),
        "StageName": api.stage,
        # Every change of a route reaches clients at once; a Deployment resource would have to be renamed each time.
        "AutoDeploy": True,
        "DefaultRouteSettings": {**_throttle(throttle), "DetailedMetricsEnabled": True},
    }
    if api.stage_variables:
        properties["StageVariables"] = dict(api.stage_variables)
    own = {route.route_key: _throttle(route.throttle) for route in api.routes if route.throttle is not None}
    if own:
        properties["RouteSettings"] = own
    # API Gateway refuses to deploy an API that has no route yet.
    depends = [f"{route_id(route.route_key)}Route" for route in api.routes]
    found: Resources = {}
    if settings.access_logs:
        found |= access_log(settings)
        properties["AccessLogSettings"] = {"DestinationArn": att("AccessLogs"), "Format": access_log_format()}
        if settings.logging_role:
            properties["Description"] = after_the_role()
    found["Stage"] = {"Type": "AWS::ApiGatewayV2::Stage", "DependsOn": depends, "Properties": properties}
    return found


def _throttle(throttle: Throttle) -> dict[str, Any]:
    return {"ThrottlingRateLimit": throttle.rate, "ThrottlingBurstLimit": throttle.burst}


def _api_keys(api: Api) -> Resources:
    """Keys of a WebSocket API belong to a usage plan of its stage. [DOC] apigw-docs:apigateway-websocket-api-keys"""
    if not api.api_keys:
        return {}
    found: Resources = {
        "UsagePlan": {
            "Type": "AWS::ApiGateway::UsagePlan",
            "Properties": {"ApiStages": [{"ApiId": ref("Api"), "Stage": ref("Stage")}]},
        },
    }
    for number in range(1, len(api.api_keys) + 1):
        found[f"ApiKey{number}"] = {
            "Type": "AWS::ApiGateway::ApiKey",
            "Properties": {"Enabled": True, "Value": ref(f"ApiKey{number}Value")},
        }
        found[f"ApiKey{number}OfPlan"] = {
            "Type": "AWS::ApiGateway::UsagePlanKey",
            "Properties": {"KeyId": ref(f"ApiKey{number}"), "KeyType": "API_KEY", "UsagePlanId": ref("UsagePlan")},
        }
    return found
