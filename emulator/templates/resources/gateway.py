"""API Gateway's types of resources. Pure data. [DOC] cfn-docs:AWS_ApiGatewayV2, cfn-docs:AWS_ApiGateway"""

from __future__ import annotations

from typing import Final

from .kind import Kind, Meaning

_HOST: Final = "{id}.execute-api.{region}.{suffix}"

KINDS: Final = (
    Kind(
        type="AWS::ApiGatewayV2::Api",
        noun="API",
        ref="{id}",
        attributes={"ApiId": "{id}", "ApiEndpoint": "{scheme}://" + _HOST},
    ),
    Kind(type="AWS::ApiGatewayV2::Stage", noun="stage", ref="{p[StageName]}"),
    Kind(type="AWS::ApiGatewayV2::Route", noun="route", ref="{id}", attributes={"RouteId": "{id}"}),
    Kind(type="AWS::ApiGatewayV2::Integration", noun="integration", ref="{id}", attributes={"IntegrationId": "{id}"}),
    Kind(type="AWS::ApiGatewayV2::Authorizer", noun="authorizer", ref="{id}", attributes={"AuthorizerId": "{id}"}),
    Kind(type="AWS::ApiGatewayV2::Model", noun="model", ref="{id}", attributes={"ModelId": "{id}"}),
    Kind(
        type="AWS::ApiGatewayV2::RouteResponse",
        noun="route response",
        ref="{id}",
        attributes={"RouteResponseId": "{id}"},
    ),
    Kind(
        type="AWS::ApiGatewayV2::IntegrationResponse",
        noun="integration response",
        ref="{id}",
        attributes={"IntegrationResponseId": "{id}"},
    ),
    Kind(
        type="AWS::ApiGatewayV2::Deployment",
        meaning=Meaning.KNOWN,
        noun="deployment",
        ref="{id}",
        attributes={"DeploymentId": "{id}"},
    ),
    Kind(type="AWS::ApiGatewayV2::ApiMapping", noun="API mapping", ref="{id}", attributes={"ApiMappingId": "{id}"}),
    Kind(
        type="AWS::ApiGatewayV2::DomainName",
        meaning=Meaning.KNOWN,
        noun="domain name",
        ref="{p[DomainName]}",
        attributes={
            "DomainNameArn": "arn:{partition}:apigateway:{region}::/domainnames/{p[DomainName]}",
            "RegionalDomainName": "d-{id}.execute-api.{region}.{suffix}",
            "RegionalHostedZoneId": "Z{id}",
        },
    ),
    Kind(type="AWS::ApiGateway::ApiKey", noun="API key", ref="{id}", attributes={"APIKeyId": "{id}"}),
    Kind(type="AWS::ApiGateway::UsagePlan", noun="usage plan", ref="{id}", attributes={"Id": "{id}"}),
    Kind(type="AWS::ApiGateway::UsagePlanKey", noun="usage plan key", ref="{id}", attributes={"Id": "{id}"}),
    Kind(
        type="AWS::ApiGateway::Account",
        meaning=Meaning.IGNORED,
        noun="API Gateway account",
        ref="{id}",
        attributes={"Id": "{id}"},
    ),
    Kind(
        type="AWS::ApiGateway::RestApi",
        noun="REST API",
        ref="{id}",
        attributes={"RestApiId": "{id}", "RootResourceId": "{id}"},
    ),
    Kind(type="AWS::ApiGateway::Resource", noun="REST resource", ref="{id}", attributes={"ResourceId": "{id}"}),
    Kind(type="AWS::ApiGateway::Method", noun="REST method", ref="{id}"),
    Kind(type="AWS::ApiGateway::Model", noun="model", ref="{name}", name_property="Name"),
    Kind(
        type="AWS::ApiGateway::RequestValidator",
        noun="request validator",
        ref="{id}",
        attributes={"RequestValidatorId": "{id}"},
    ),
    Kind(type="AWS::ApiGateway::GatewayResponse", noun="gateway response", ref="{id}", attributes={"Id": "{id}"}),
    Kind(type="AWS::ApiGateway::Stage", noun="stage", ref="{p[StageName]}"),
    Kind(type="AWS::ApiGateway::Authorizer", noun="authorizer", ref="{id}", attributes={"AuthorizerId": "{id}"}),
    Kind(
        type="AWS::ApiGateway::Deployment",
        meaning=Meaning.KNOWN,
        noun="deployment",
        ref="{id}",
        attributes={"DeploymentId": "{id}"},
    ),
)
