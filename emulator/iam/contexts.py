"""What requests have values for that conditions ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from streamer.topology.grants import Kind, Place, Resource, arn

from ..foundation.times import instant, iso_seconds
from .conditions import Context
from .needs import AS_NAMED
from .resource_tags import REQUESTED, TAG_KEYS
from .texts import role_arn

OF_REQUESTS: Final = frozenset(
    {
        *("dynamodb:attributes", "dynamodb:enclosingoperation", "dynamodb:fulltablescan", "dynamodb:leadingkeys"),
        *("dynamodb:returnconsumedcapacity", "dynamodb:returnvalues", "dynamodb:select"),
        *("lambda:functionurlauthtype", "lambda:invokedviafunctionurl"),
        *("iam:passedtoservice", "s3:authtype", "s3:delimiter", "s3:if-match", "s3:if-none-match", "s3:max-keys"),
        *("s3:object-lock-legal-hold", "s3:object-lock-mode", "s3:object-lock-retain-until-date"),
        *("s3:objectcreationoperation", "s3:prefix", "s3:requestobjecttagkeys", "s3:signatureage"),
        *("s3:signatureversion", "s3:x-amz-acl", "s3:x-amz-copy-source", "s3:x-amz-grant-full-control"),
        *("s3:x-amz-grant-read", "s3:x-amz-grant-read-acp", "s3:x-amz-grant-write", "s3:x-amz-grant-write-acp"),
        *("s3:x-amz-metadata-directive", "s3:x-amz-object-ownership", "s3:x-amz-server-side-encryption"),
        *("s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-storage-class"),
        *("s3:x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-website-redirect-location"),
        *("kms:encryptioncontextkeys", "kms:viaservice", "states:statemachinequalifier"),
        AS_NAMED,
        *(TAG_KEYS, "sts:externalid", "sts:rolesessionname", "sts:transitivetagkeys"),
    }
)
"""Condition keys that some requests have a value for; see `Need.about`."""
OF_CIPHERTEXTS: Final = "kms:encryptioncontext:"
"""Begins keys that a request to KMS with an encryption context has a value for."""
OF_OBJECT_TAGS: Final = "s3:requestobjecttag/"
"""Begins keys that a request to put an object with tags has a value for."""


def of_request(about: Iterable[tuple[str, str]]) -> Context:
    """What conditions see of a request itself, given `Need.about`."""
    values: dict[str, list[str]] = {}
    for key, value in about:
        values.setdefault(key, []).append(value)
    return values


NEVER_OF_FUNCTIONS: Final = frozenset(
    {
        *("aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:multifactorauthage"),
        *("aws:multifactorauthpresent", "aws:principalservicename", "aws:principalservicenameslist"),
        *("aws:sourceaccount", "aws:sourcearn", "aws:sourceidentity", "aws:sourceorgid", "aws:sourceorgpaths"),
        "aws:username",
    }
)
"""Condition keys that no request of a function has a value for on AWS either: they are for users and for services.

[DOC] iam-docs:reference_policies_condition-keys, the availability of each
"""
OF_TIME: Final = ("aws:currenttime", "aws:epochtime")
"""Condition keys that every request has a value for, each another one."""


def at(now: float) -> Context:
    """What conditions see of when a request is made, in Unix seconds."""
    return dict(zip(OF_TIME, ((iso_seconds(instant(now)),), (str(int(now)),)), strict=True))


def is_of_requests(key: str) -> bool:
    """Whether it is known which requests have a value for a condition key, in lower case, be it none."""
    return (
        key in OF_REQUESTS | NEVER_OF_FUNCTIONS
        or key in OF_TIME
        or key.startswith((REQUESTED, OF_OBJECT_TAGS, OF_CIPHERTEXTS))
    )


def user_id(session: str) -> str:
    """Who a session is, as ``aws:userid`` says it."""
    return f"AROAEXAMPLE:{session}"


def of_function(function: str, place: Place) -> Context:
    """What only requests with a function's own credentials have. [DOC] lambda-docs:permissions-source-function-arn"""
    return {"lambda:sourcefunctionarn": (arn(Resource(Kind.FUNCTION, function), place),)}


def of_session(session: str, role: str, place: Place) -> Context:
    """What IAM knows of every request of a session of a role. [DOC] iam-docs:reference_policies_condition-keys"""
    return {
        "aws:principalarn": (role_arn(role, place),),
        "aws:principalaccount": (place.account_id,),
        "aws:principalisawsservice": ("false",),
        "aws:principaltype": ("AssumedRole",),
        "aws:requestedregion": (place.region,),
        # There are no others' resources here.
        "aws:resourceaccount": (place.account_id,),
        # However functions ask here, on AWS their SDKs ask by TLS.
        "aws:securetransport": ("true",),
        "aws:userid": (user_id(session),),
        "aws:viaawsservice": ("false",),
        "kms:calleraccount": (place.account_id,),
    }
