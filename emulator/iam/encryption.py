"""What the use of a resource needs of the key of the customer's that it is encrypted with. Pure.

Services use such a key in the name of whoever asks them; one of AWS's own (``alias/aws/sqs``) everybody of the account
may use. [DOC] s3-docs:UsingKMSEncryption, sqs-docs:sqs-key-management, sns-docs:sns-key-management,
streams-docs:permissions-user-key-KMS, secretsmanager-docs:security-encryption, ddb-docs:encryption.usagenotes
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from streamer.topology.grants import Kind, Place, Resource, arn

from .needs import Need

VIA: Final = "kms:viaservice"
OF_KEYS: Final = "not authorized to perform: kms:"
"""Part of the message of a refusal that is for the key alone."""
DECRYPT: Final = "kms:Decrypt"
GENERATE: Final = "kms:GenerateDataKey"
_READS: Final = (DECRYPT,)
_WRITES: Final = (GENERATE,)
_BOTH: Final = (GENERATE, DECRYPT)
_IN_PARTS: Final = ("s3:objectcreationoperation", "false")
"""Says that an object is put in parts, which S3 decrypts to put them together. [DOC] s3-docs:mpuoverview"""
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("s3:GetObject", "s3:GetObjectVersion", "sqs:ReceiveMessage", "kinesis:GetRecords"), _READS),
    **dict.fromkeys(("s3:PutObject", "kinesis:PutRecord", "kinesis:PutRecords"), _WRITES),
    **dict.fromkeys(("sqs:SendMessage", "sns:Publish", "secretsmanager:PutSecretValue"), _BOTH),
    "secretsmanager:GetSecretValue": _READS,
    **{
        f"dynamodb:{name}": _READS
        for name in (
            *("BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query"),
            *("PartiQLDelete", "PartiQLInsert", "PartiQLSelect", "PartiQLUpdate", "Scan", "UpdateItem"),
        )
    },
}
"""What an action needs of the key besides. Of a table its items' key is decrypted, whatever is done with them."""

Encrypted = Mapping[str, str]
"""ARNs of resources to the ARNs of their keys, of those that have one of the customer's."""


def with_keys(needs: Iterable[Need], encrypted: Encrypted, place: Place) -> Iterator[Need]:
    """What is needed, each with what it needs of the key of its resource."""
    for need in needs:
        yield need
        wanted = _BOTH if _IN_PARTS in need.about else _NEEDED.get(need.action)
        key = None if wanted is None else encrypted.get(_whole(arn(need.resource, place)))
        if wanted is not None and key is not None:
            via = f"{need.action.partition(':')[0]}.{place.region}.amazonaws.com"
            for action in wanted:
                yield Need(action, Resource(Kind.ARN, key), ((VIA, via),))


def _whole(arn: str) -> str:
    """The bucket of an object, and the table of an index."""
    service = arn.split(":", 3)[2] if arn.startswith("arn:") else ""
    return arn.partition("/")[0] if service == "s3" else arn.partition("/index/")[0]
