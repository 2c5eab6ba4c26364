"""API Gateway's types of resources. Pure data. [DOC] cfn-docs:AWS_ApiGatewayV2, cfn-docs:AWS_ApiGateway"""

from __future__ import annotations

from typing import Final

from .kind import Kind, Meaning

_HOST: Final = "{id}.execute-api.{region}.{suffix}"

KINDS: Final = (
    Kind(
        type="AWS::ApiGatewayV2::Api",
        meaning=Meaning.EMULATED,
        noun="API",
        ref="{id}",
        attributes={"ApiId": "{id}", "ApiEndpoint": "{scheme}://" + _HOST},
    ),
    Kind(type="AWS::ApiGatewayV2::Stage", meaning=Meaning.EMULATED, noun="stage", ref="{p[StageName]}"),
    Kind(
        type="AWS::ApiGatewayV2::Route",
        meaning=Meaning.EMULATED,
        noun="route",
        ref="{id}",
        attributes={"RouteId": "{id}"},
    ),
    Kind(
        type="AWS::ApiGatewayV2::Integration",
        meaning=Meaning.EMULATED,
        noun="integration",
        ref="{id}",
        attributes={"IntegrationId": "{id}"},
    ),
    Kind(
        type="AWS::ApiGatewayV2::Authorizer",
        meaning=Meaning.EMULATED,
        noun="authorizer",
        ref="{id}",
        attributes={"AuthorizerId": "{id}"},
    ),
    Kind(
        type="AWS::ApiGatewayV2::Model",
        meaning=Meaning.EMULATED,
        noun="model",
        ref="{id}",
        attributes={"ModelId": "{id}"},
    ),
    Kind(
        type="AWS::ApiGatewayV2::RouteResponse",
        meaning=Meaning.EMULATED,
        noun="route response",
        ref="{id}",
        attributes={"RouteResponseId": "{id}"},
    ),
    Kind(
        type="AWS::ApiGatewayV2::IntegrationResponse",
        meaning=Meaning.EMULATED,
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
    Kind(
        type="AWS::ApiGatewayV2::ApiMapping",
        meaning=Meaning.EMULATED,
        noun="API mapping",
        ref="{id}",
        attributes={"ApiMappingId": "{id}"},
    ),
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
    Kind(
        type="AWS::ApiGateway::ApiKey",
        meaning=Meaning.EMULATED,
        noun="API key",
        ref="{id}",
        attributes={"APIKeyId": "{id}"},
    ),
    Kind(
        type="AWS::ApiGateway::UsagePlan",
        meaning=Meaning.EMULATED,
        noun="usage plan",
        ref="{id}",
        attributes={"Id": "{id}"},
    ),
    Kind(
        type="AWS::ApiGateway::UsagePlanKey",
        meaning=Meaning.EMULATED,
        noun="usage plan key",
        ref="{id}",
        attributes={"Id": "{id}"},
    ),
    Kind(
        type="AWS::ApiGateway::Account",
        meaning=Meaning.IGNORED,
        noun="API Gateway account",
        ref="{id}",
        attributes={"Id": "{id}"},
    ),
    Kind(
        type="AWS::ApiGateway::RestApi",
        meaning=Meaning.EMULATED,
        noun="REST API",
        ref="{id}",
        attributes={"RestApiId": "{id}", "RootResourceId": "{id}"},
    ),
    Kind(
        type="AWS::ApiGateway::Resource",
        meaning=Meaning.EMULATED,
        noun="REST resource",
        ref="{id}",
        attributes={"ResourceId": "{id}"},
    ),
    Kind(type="AWS::ApiGateway::Method", meaning=Meaning.EMULATED, noun="REST method", ref="{id}"),
    Kind(type="AWS::ApiGateway::Stage", meaning=Meaning.EMULATED, noun="stage", ref="{p[StageName]}"),
    Kind(
        type="AWS::ApiGateway::Authorizer",
        meaning=Meaning.EMULATED,
        noun="authorizer",
        ref="{id}",
        attributes={"AuthorizerId": "{id}"},
    ),
    Kind(
        type="AWS::ApiGateway::Deployment",
        meaning=Meaning.KNOWN,
        noun="deployment",
        ref="{id}",
        attributes={"DeploymentId": "{id}"},
    ),
)
