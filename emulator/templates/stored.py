"""Values of stored parameters and secrets that templates write down, for whoever refers to them by name. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from .errors import Path
from .generated_secrets import generated

if TYPE_CHECKING:
    from .stack import Resource

TYPES: Final = ("AWS::SSM::Parameter", "AWS::SecretsManager::Secret")
_WITH_SECURE: Final = frozenset(
    f"AWS::{name}"
    for name in (
        *("DirectoryService::MicrosoftAD", "DirectoryService::SimpleAD", "ElastiCache::ReplicationGroup", "IAM::User"),
        *("KinesisFirehose::DeliveryStream", "OpsWorks::App", "OpsWorks::Stack", "RDS::DBCluster", "RDS::DBInstance"),
        "Redshift::Cluster",
    )
)
_ARN_PARTS: Final = 7


def values(resources: Iterable[Resource]) -> dict[str, str]:
    """The values that are known, by what each may be called: its name, and what ``Ref`` gives."""
    found = {}
    for each in resources:
        value = _value(each) if each.type in TYPES else None
        if value is not None:
            found[each.name] = found[str(each.ref)] = value
    return found


def _value(resource: Resource) -> str | None:
    value = resource.properties.get("Value", resource.properties.get("SecretString"))
    wanted = resource.properties.get("GenerateSecretString")
    if value is None and isinstance(wanted, dict):
        with contextlib.suppress(ValueError):  # told with its place when the secret is made
            value = generated(resource.stack, resource.logical_id, wanted)
    return value if isinstance(value, str) else None


def takes_secure(path: Path, resources: Mapping[str, Any]) -> bool:
    """Whether a secure string may stand somewhere in a template: in properties of a few types.

    [DOC] cfn-docs:dynamic-references-ssm-secure-strings, [USR] aws-sam #1528 "SSM Secure reference is not supported in:
    [AWS::Lambda::Function/Properties/Environment/Variables/API_KEY]", aws-cdk #18747
    """
    section, name = (*path, "", "")[:2]
    return section == "Resources" and resources[str(name)]["Type"] in _WITH_SECURE


def named(service: str, reference: str) -> tuple[str, str]:
    """Name and JSON key of a dynamic reference. [DOC] cfn-docs:dynamic-references"""
    parts = reference.split(":")
    if service != "secretsmanager":
        return parts[0], ""
    count = _ARN_PARTS if reference.startswith("arn:") else 1
    rest = parts[count:]
    return ":".join(parts[:count]), rest[1] if len(rest) > 1 else ""
