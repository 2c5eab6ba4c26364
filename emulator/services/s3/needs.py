"""Which actions on which buckets and objects a request to S3 needs. Pure. [DOC] service-authorization:list_amazons3"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from streamer.topology.grants import ANYTHING, Kind, Resource

from ...iam.needs import Need
from .conditions import Facts, of_put
from .deletions import Deletion

_OF_BUCKETS: Final = {
    "GET": "s3:ListBucket",
    "HEAD": "s3:ListBucket",
    "PUT": "s3:CreateBucket",
    "DELETE": "s3:DeleteBucket",
}
_OF_OBJECTS: Final = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
    "POST": "s3:PutObject",
}
_PARTS_OF_BUCKETS: Final = {
    "abac": "BucketAbac",
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "analytics": "AnalyticsConfiguration",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "intelligent-tiering": "IntelligentTieringConfiguration",
    "inventory": "InventoryConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "metrics": "MetricsConfiguration",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
_REMOVED: Final = ("BucketPolicy", "BucketWebsite")
"""Parts of buckets that there is an action of its own to remove; to remove another is to put nothing."""
_OF_LISTS: Final = ("delimiter", "max-keys", "prefix")
"""Parameters of lists of objects that conditions may ask for. [DOC] service-authorization:list_amazons3"""
_PARTS_OF_OBJECTS: Final = {
    "acl": "ObjectAcl",
    "legal-hold": "ObjectLegalHold",
    "retention": "ObjectRetention",
    "tagging": "ObjectTagging",
}
_VERSIONED: Final = ("ObjectAcl", "ObjectTagging")
"""Parts of objects whose actions are others where a version is named."""
_POSTED: Final = {"restore": "s3:RestoreObject", "select": "s3:GetObject"}
_NOTHING: Final[Mapping[str, str]] = {}
_FOR_HEADERS: Final = {
    "x-amz-object-lock-legal-hold": "s3:PutObjectLegalHold",
    "x-amz-object-lock-mode": "s3:PutObjectRetention",
    "x-amz-tagging": "s3:PutObjectTagging",
}
"""What it needs besides to put an object with these headers. [DOC] s3-api:API_PutObject, API_CreateMultipartUpload"""


def of_s3(method: str, url: str, given: Mapping[str, str] = _NOTHING, begun: Facts = ()) -> Iterator[Need]:
    """What a request to one of S3's addresses needs; ``given`` are its headers.

    ``begun`` is what conditions saw of the request that began the upload whose part it puts, or which it completes.
    """
    bucket, key = bucket_and_key(url)
    asked = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    if not bucket:
        yield Need("s3:ListAllMyBuckets", ANYTHING)
    elif not key:
        need = _of_bucket(method, bucket, asked)
        is_list = need.action.startswith("s3:ListBucket")
        about = tuple((f"s3:{name}", asked[name]) for name in _OF_LISTS if name in asked) if is_list else ()
        yield need._replace(about=about)
        if need.action == "s3:CreateBucket" and _has_acl(given):
            yield Need("s3:PutBucketAcl", need.resource)
    else:
        need = _of_object(method, f"{bucket}/{key}", asked)
        copied = given.get("x-amz-copy-source", "")
        found = _put(need, given, creates="uploads" not in asked and "partNumber" not in asked)
        for each in found:
            yield each._replace(about=(*each.about, *begun)) if begun else each
        if "attributes" in asked:
            yield Need(need.action + "Attributes", need.resource)
        if copied:
            name, _, version = unquote(copied).lstrip("/").partition("?versionId=")
            yield Need("s3:GetObjectVersion" if version else "s3:GetObject", _arn(name))


def of_form(url: str, given: Mapping[str, str]) -> Iterator[Need]:
    """What a form needs that puts an object; ``given`` are its fields. [DOC] s3-api:RESTObjectPOST"""
    bucket, _ = bucket_and_key(url)
    yield from _put(Need("s3:PutObject", _arn(f"{bucket}/{given.get('key', '*')}")), given, creates=True)


def _put(need: Need, given: Mapping[str, str], *, creates: bool) -> Iterator[Need]:
    if need.action != "s3:PutObject":
        yield need
        return
    about = of_put(given, creates=creates)
    yield need._replace(about=about)
    for header, action in _FOR_HEADERS.items():
        if header in given:
            yield Need(action, need.resource, about)
    if _has_acl(given):
        yield Need("s3:PutObjectAcl", need.resource, about)


def _has_acl(given: Mapping[str, str]) -> bool:
    """Whether it says who else may do something; one that is private says nobody.

    [DOC] s3-api:API_CreateBucket, Permissions; [INF] of objects
    """
    return given.get("x-amz-acl", "private") != "private" or any(name.startswith("x-amz-grant-") for name in given)


def of_deletion(url: str, deletion: Deletion) -> Need:
    """What it needs to delete one of the objects that a request lists."""
    action = "s3:DeleteObjectVersion" if deletion.version else "s3:DeleteObject"
    return Need(action, _arn(f"{bucket_and_key(url)[0]}/{deletion.key}"))


def of_absence(method: str, url: str) -> Need | None:
    """What it needs to be told that there is no such object, instead of that one may not read it; None: nothing.

    [DOC] s3-api:API_GetObject, API_HeadObject, Permissions
    """
    bucket, key = bucket_and_key(url)
    return Need("s3:ListBucket", _arn(bucket)) if key and method in ("GET", "HEAD") else None


def bucket_and_key(url: str) -> tuple[str, str]:
    """What one of S3's addresses leads to, decoded; either may be empty."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    if not host.startswith(("s3.", "s3-")):
        path = f"{host.partition('.s3')[0]}/{path}"
    bucket, _, key = path.partition("/")
    return bucket, key


def _of_bucket(method: str, bucket: str, asked: Container[str]) -> Need:
    part = next((part for name, part in _PARTS_OF_BUCKETS.items() if name in asked), None)
    if part is not None:
        removes = "Delete" if part in _REMOVED else "Put"
        verb = {"GET": "Get", "HEAD": "Get", "DELETE": removes}.get(method, "Put")
        return Need(f"s3:{verb}{part}", _arn(bucket))
    if "versions" in asked:
        return Need("s3:ListBucketVersions", _arn(bucket))
    if "uploads" in asked:
        return Need("s3:ListBucketMultipartUploads", _arn(bucket))
    if method == "POST":
        # A form puts an object; which is in the body.
        return Need("s3:PutObject", _arn(f"{bucket}/*"))
    return Need(_OF_BUCKETS.get(method, f"s3:{method}"), _arn(bucket))


def _of_object(method: str, name: str, asked: Container[str]) -> Need:
    part = next((part for each, part in _PARTS_OF_OBJECTS.items() if each in asked), None)
    if part is not None:
        verb = {"GET": "Get", "HEAD": "Get", "DELETE": "Delete"}.get(method, "Put")
        if part in _VERSIONED and "versionId" in asked:
            part = part.replace("Object", "ObjectVersion")
        return Need(f"s3:{verb}{part}", _arn(name))
    if (posted := next((action for each, action in _POSTED.items() if each in asked), None)) is not None:
        return Need(posted, _arn(name))
    if "uploadId" in asked and method in ("DELETE", "GET"):
        verb = "AbortMultipartUpload" if method == "DELETE" else "ListMultipartUploadParts"
        return Need(f"s3:{verb}", _arn(name))
    action = _OF_OBJECTS.get(method, f"s3:{method}")
    versioned = "versionId" in asked and method in ("GET", "HEAD", "DELETE")
    return Need(f"{action}Version" if versioned else action, _arn(name))


def _arn(name: str) -> Resource:
    return Resource(Kind.ARN, f"arn:${{AWS::Partition}}:s3:::{name}")
