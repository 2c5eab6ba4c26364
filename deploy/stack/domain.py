"""A domain of the service's own: its certificate, its mapping to the stage, its record in Route 53. Pure."""

from __future__ import annotations

from typing import Any

from .names import Resources, att, ref
from .settings import StackSettings


def domain_resources(settings: StackSettings) -> Resources:
    """The domain with what belongs to it; empty without one.

    [DOC] apigw-docs:websocket-api-custom-domain-names: Regional, TLS 1.2, several APIs by their paths.
    """
    if settings.domain is None:
        return {}
    found: Resources = {}
    if settings.certificate_arn is None:
        found["Certificate"] = {
            "Type": "AWS::CertificateManager::Certificate",
            "Properties": {
                "DomainName": settings.domain,
                "ValidationMethod": "DNS",
                "DomainValidationOptions": [{"DomainName": settings.domain, "HostedZoneId": settings.hosted_zone_id}],
            },
        }
    configuration = {
        "CertificateArn": settings.certificate_arn or ref("Certificate"),
        "EndpointType": "REGIONAL",
        "SecurityPolicy": "TLS_1_2",
    }
    found["Domain"] = {
        "Type": "AWS::ApiGatewayV2::DomainName",
        "Properties": {"DomainName": settings.domain, "DomainNameConfigurations": [configuration]},
    }
    mapping: dict[str, Any] = {"ApiId": ref("Api"), "DomainName": ref("Domain"), "Stage": ref("Stage")}
    if settings.base_path:
        mapping["ApiMappingKey"] = settings.base_path
    found["DomainMapping"] = {"Type": "AWS::ApiGatewayV2::ApiMapping", "Properties": mapping}
    if settings.hosted_zone_id is not None:
        found["DomainRecord"] = _record(settings.domain, settings.hosted_zone_id)
    return found


def _record(domain: str, zone: str) -> dict[str, Any]:
    target = {
        "DNSName": att("Domain", "RegionalDomainName"),
        "HostedZoneId": att("Domain", "RegionalHostedZoneId"),
        "EvaluateTargetHealth": False,
    }
    return {
        "Type": "AWS::Route53::RecordSet",
        "Properties": {"HostedZoneId": zone, "Name": domain, "Type": "A", "AliasTarget": target},
    }


def domain_url(settings: StackSettings, scheme: str) -> str | None:
    """The address of the service at its own domain; None: it has none."""
    if settings.domain is None:
        return None
    return f"{scheme}://{settings.domain}" + (f"/{settings.base_path}" if settings.base_path else "")
