"""What SAM's transform drops without a word, of which nothing is left to be compared with CloudFormation's types. Pure.

[REC] aws-sam-translator 1.x, which AWS runs: of what is not here, it refuses unknown names or passes them on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .anatomy import ATTRIBUTES
from .errors import Path
from .resources.conformity import Departure, compared, nearest
from .resources.declarations import Declaration, Shape

_ATTRIBUTES: Final = ATTRIBUTES | {"Connectors", "IgnoreGlobals"}
_TOLD: Final[Shape] = {"Destination": "*", "Type": "*"}
_EVENTS: Final[Shape] = {"*": {"Properties": "*", "Type": "*"}}
_FUNCTION: Final[Shape] = {
    "DeadLetterQueue": {"TargetArn": "*", "Type": "*"},
    "DeploymentPreference": {
        **dict.fromkeys(("Alarms", "Enabled", "PassthroughCondition", "Role", "TriggerConfigurations", "Type"), "*"),
        "Hooks": {"PostTraffic": "*", "PreTraffic": "*"},
    },
    "EventInvokeConfig": {
        "DestinationConfig": {"OnFailure": _TOLD, "OnSuccess": _TOLD},
        "MaximumEventAgeInSeconds": "*",
        "MaximumRetryAttempts": "*",
    },
    "Events": _EVENTS,
    "FunctionUrlConfig": {"AuthType": "*", "Cors": "*", "InvokeMode": "*"},
    "*": "*",
}
_ROUTE53: Final = dict.fromkeys(
    (
        *("DistributionDomainName", "EvaluateTargetHealth", "HostedZoneId", "HostedZoneName", "IpV6", "Region"),
        *("SeparateRecordSetGroup", "SetIdentifier", "VpcEndpointDomainName", "VpcEndpointHostedZoneId"),
    ),
    "*",
)
_DOMAIN: Final[dict[str, Shape]] = {
    **dict.fromkeys(("BasePath", "CertificateArn", "DomainName", "EndpointConfiguration"), "*"),
    **dict.fromkeys(("MutualTlsAuthentication", "OwnershipVerificationCertificateArn", "SecurityPolicy"), "*"),
    "Route53": _ROUTE53,
}
_REST_DOMAIN: Final[dict[str, Shape]] = {
    **_DOMAIN,
    **dict.fromkeys(("AccessAssociation", "EndpointAccessMode", "IpAddressType", "NormalizeBasePath", "Policy"), "*"),
}
_AUTHORIZERS: Final[Shape] = {
    "*": {
        **dict.fromkeys(("AuthorizationScopes", "AuthorizerPayloadFormatVersion", "EnableSimpleResponses"), "*"),
        **dict.fromkeys(("DisableFunctionDefaultPermissions", "EnableFunctionDefaultPermissions"), "*"),
        **dict.fromkeys(("FunctionArn", "FunctionInvokeRole", "FunctionPayloadType", "IdentitySource"), "*"),
        **dict.fromkeys(("JwtConfiguration", "OpenIdConnectUrl", "UserPoolArn"), "*"),
        "Identity": dict.fromkeys(
            (
                *("Context", "Header", "Headers", "QueryStrings", "ReauthorizeEvery", "StageVariables"),
                "ValidationExpression",
            ),
            "*",
        ),
    }
}
_AUTH: Final[Shape] = {"Authorizers": _AUTHORIZERS, "*": "*"}
_SOCKETS: Final[Shape] = {
    "Auth": dict.fromkeys(("AuthArn", "AuthType", "IdentitySource", "InvokeRole", "Name"), "*"),
    "Domain": _DOMAIN,
    "Routes": {
        "*": dict.fromkeys(
            (
                *("ApiKeyRequired", "FunctionArn", "IntegrationTimeout", "ModelSelectionExpression", "OperationName"),
                *("RequestModels", "RequestParameters", "RouteResponseSelectionExpression"),
            ),
            "*",
        )
    },
    "*": "*",
}
_TYPES: Final[Mapping[str, Shape]] = {
    "AWS::Serverless::Api": {"Auth": _AUTH, "Domain": _REST_DOMAIN, "*": "*"},
    "AWS::Serverless::Function": _FUNCTION,
    "AWS::Serverless::HttpApi": {"Auth": _AUTH, "Domain": _DOMAIN, "*": "*"},
    "AWS::Serverless::StateMachine": {"Events": _EVENTS, "*": "*"},
    "AWS::Serverless::WebSocketApi": _SOCKETS,
}
"""What of SAM's types has these keys alone. [DOC] sam-docs:sam-specification-resources-and-properties"""


def ignored(tree: Mapping[str, Any]) -> Iterator[Departure]:
    """What of a template's resources of SAM's own types, and of their ``Globals``, has no effect on AWS."""
    for name, resource in tree["Resources"].items():
        kind = str(resource.get("Type")) if isinstance(resource, dict) else ""
        if not kind.startswith("AWS::Serverless::"):
            continue
        path: Path = ("Resources", name)
        for attribute in resource:
            if attribute not in _ATTRIBUTES:
                meant = nearest(attribute, _ATTRIBUTES)
                text = f"{kind} has no attribute {attribute!r}: SAM ignores it" + (
                    f"; did you mean {meant}?" if meant else ""
                )
                yield Departure(path=(*path, attribute), text=text, is_of_shape=False)
        yield from _of_type(resource.get("Properties"), kind, (*path, "Properties"))
    for name, properties in (tree.get("Globals") or {}).items():
        yield from _of_type(properties, f"AWS::Serverless::{name}", ("Globals", name))


def _of_type(properties: Any, kind: str, path: Path) -> Iterator[Departure]:
    """Only unknown names, and none that are intrinsic functions, which are not resolved yet."""
    declaration = Declaration(type=kind, definitions={"": _TYPES.get(kind, "*")})
    for each in compared(properties, declaration, path):
        if not each.is_of_shape and each.path[-1] != "Ref" and not str(each.path[-1]).startswith("Fn::"):
            yield each
