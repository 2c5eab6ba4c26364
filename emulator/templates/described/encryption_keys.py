"""Which keys a template's resources are encrypted with. Pure. [DOC] cfn-docs, a page per type"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from streamer.topology import grants
from streamer.topology.grants import Kind, Place

from ..catalogue import Catalogue

OF_AWS: Final = "alias/aws/"
"""Begins the aliases of keys that AWS has for an account, a key for each service."""


def keys(catalogue: Catalogue, place: Place) -> dict[str, str]:
    """ARNs of resources to the ARNs of their keys, or the alias of one of AWS's own, where that is known."""
    found = {}
    for arn, named in _encrypted(catalogue, place):
        key = _key(catalogue, named, place) if isinstance(named, str) else None
        if key is not None:
            found[arn] = key
    return found


def _encrypted(catalogue: Catalogue, place: Place) -> Iterator[tuple[str, Any]]:
    where = f"{place.region}:{place.account_id}"
    for each in catalogue.of("AWS::SQS::Queue"):
        yield grants.arn(grants.Resource(Kind.QUEUE, each.name), place), each.properties.get("KmsMasterKeyId")
    for each in catalogue.of("AWS::SNS::Topic"):
        yield str(each.ref), each.properties.get("KmsMasterKeyId")
    for each in catalogue.of("AWS::SecretsManager::Secret"):
        yield str(each.ref), each.properties.get("KmsKeyId")
    for each in catalogue.of("AWS::Kinesis::Stream"):
        arn = f"arn:{place.partition}:kinesis:{where}:stream/{each.name}"
        yield arn, _within(each.properties.get("StreamEncryption"), "KeyId")
    for each in catalogue.of("AWS::DynamoDB::Table"):
        arn = grants.arn(grants.Resource(Kind.TABLE, each.name), place)
        yield arn, _within(each.properties.get("SSESpecification"), "KMSMasterKeyId")
    for each in catalogue.of("AWS::S3::Bucket"):
        rules = _within(each.properties.get("BucketEncryption"), "ServerSideEncryptionConfiguration")
        for rule in rules if isinstance(rules, list) else ():
            default = _within(rule, "ServerSideEncryptionByDefault")
            arn = grants.arn(grants.Resource(Kind.BUCKET, each.name), place)
            yield arn, _within(default, "KMSMasterKeyID")


def _within(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _key(catalogue: Catalogue, named: str, place: Place) -> str | None:
    """The ARN of a key by its id, its ARN or its alias; that of an alias which is not the project's is not known."""
    alias = named.rpartition(":")[2] if ":alias/" in named else named
    if alias.startswith(OF_AWS):
        return alias
    if alias.startswith("alias/"):
        found = next(
            (each for each in catalogue.of("AWS::KMS::Alias") if each.properties.get("AliasName") == alias), None
        )
        return None if found is None else _key(catalogue, str(found.properties.get("TargetKeyId")), place)
    if named.startswith("arn:"):
        return named
    is_own = any(str(each.ref) == named for each in catalogue.of("AWS::KMS::Key"))
    return f"arn:{place.partition}:kms:{place.region}:{place.account_id}:key/{named}" if is_own else None
