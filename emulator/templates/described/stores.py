"""Stored parameters, secrets, keys and streams of a stack, as operations. Pure.

[DOC] cfn-docs:AWS_SSM, AWS_SecretsManager, AWS_KMS, AWS_Kinesis
"""

from __future__ import annotations

from typing import Any

from ...services.calls import KEY_ID_TAG, Call
from ..errors import Problem
from ..generated_secrets import generated
from ..stack import Resource
from ..values import at, items, mapping, text, whole


def parameter(resource: Resource) -> list[Call]:
    """A parameter of the parameter store."""
    given = {
        name: str(resource.properties[name])
        for name in ("AllowedPattern", "DataType", "Description", "Tier")
        if name in resource.properties
    }
    kind, value = text(resource, "Type"), text(resource, "Value")
    named = {"Name": resource.name, "Type": kind, "Value": value, "Overwrite": True, **given}
    return [Call(service="ssm", operation="put_parameter", parameters=named, resource=resource.logical_id)]


def secret(resource: Resource) -> list[Call]:
    """A secret with its value, or with one that is made: the same at every start."""
    if "GenerateSecretString" in resource.properties:
        try:
            value = generated(resource.stack, resource.logical_id, mapping(resource, "GenerateSecretString"))
        except ValueError as error:
            raise Problem(at(resource, "GenerateSecretString"), str(error)) from error
    else:
        value = str(resource.properties.get("SecretString") or "")
    named: dict[str, Any] = {"Name": resource.name, **({"SecretString": value} if value else {})}
    if "Description" in resource.properties:
        named["Description"] = text(resource, "Description")
    return [Call(service="secretsmanager", operation="create_secret", parameters=named, resource=resource.logical_id)]


def stream(resource: Resource) -> list[Call]:
    """A stream of Kinesis; whether it is encrypted changes nothing here."""
    given = resource.properties
    named: dict[str, Any] = {"StreamName": resource.name}
    mode = mapping(resource, "StreamModeDetails").get("StreamMode")
    if mode is not None:
        named["StreamModeDetails"] = {"StreamMode": str(mode)}
    if mode != "ON_DEMAND":
        named["ShardCount"] = whole(resource, "ShardCount", 1)
    if tags := items(resource, "Tags"):
        named["Tags"] = {str(each["Key"]): str(each["Value"]) for each in tags}
    calls = [Call(service="kinesis", operation="create_stream", parameters=named, resource=resource.logical_id)]
    if "RetentionPeriodHours" in given:
        kept = {"StreamName": resource.name, "RetentionPeriodHours": whole(resource, "RetentionPeriodHours", 24)}
        operation = "increase_stream_retention_period"
        calls.append(Call(service="kinesis", operation=operation, parameters=kept, resource=resource.logical_id))
    return calls


def key(resource: Resource) -> list[Call]:
    """A key, with the id that the template knows; who may use it is not looked at."""
    given = {
        name: text(resource, name) for name in ("Description", "KeySpec", "KeyUsage") if name in resource.properties
    }
    named = {**given, "Tags": [{"TagKey": KEY_ID_TAG, "TagValue": str(resource.ref)}]}
    return [Call(service="kms", operation="create_key", parameters=named, resource=resource.logical_id)]


def alias(resource: Resource) -> list[Call]:
    """Another name of a key."""
    named = {"AliasName": text(resource, "AliasName"), "TargetKeyId": text(resource, "TargetKeyId")}
    return [Call(service="kms", operation="create_alias", parameters=named, resource=resource.logical_id)]
