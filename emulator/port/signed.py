"""For which of AWS's services a request is, and as whom it is signed. Pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .aws_names import is_aws, service_of
from .http import HttpRequest

CREDENTIAL: Final = re.compile(
    r"(?<![^/,\s=])(?P<key>[^/,\s=]+)/"
    r"(?P<scope>\d{8}/(?P<region>[^/,\s]+)/(?P<service>[a-z0-9-]+)/aws4_request)(?:[,\s&]|$)"
)
"""Who signed, and for what, in a header or in a query. A key begins where something ends, or a search would begin anew
at each letter of a long token."""
POOLS: Final = "cognito-idp"
"""The service that users without credentials ask."""
POOLS_TARGET: Final = "AWSCognitoIdentityProviderService."
POOL_DOCUMENT: Final = re.compile(
    r"/(?P<pool>[a-z]{2,}(?:-[a-z]+)+-\d+_[0-9A-Za-z]+)/\.well-known/(?P<name>jwks\.json|openid-configuration)"
)
"""The path of what a user pool publishes. [DOC] cognito-docs:amazon-cognito-user-pools-using-tokens-verifying-a-jwt"""
TOKENS: Final = "sts"
_UNSIGNED: Final = ("AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
"""Operations that need no credentials. [DOC] sts-docs:API_AssumeRoleWithWebIdentity"""
_FORM: Final = "multipart/form-data"
_FORM_KEY: Final = re.compile(rb'name="(?:x-amz-credential|AWSAccessKeyId)"', re.IGNORECASE)
"""The field of a form that names who allowed it."""


class Scope(NamedTuple):
    """What a request is signed for."""

    key: str
    """The access key id."""
    region: str
    service: str


def scope_of(request: HttpRequest) -> Scope | None:
    """What a request is signed for, in a header or in its query; None: it is not signed, or in another way."""
    authorization = request.fields.get("authorization", "")
    if authorization:
        found = CREDENTIAL.search(authorization)
    elif "X-Amz-Credential" in request.target:
        found = CREDENTIAL.match(dict(request.query).get("X-Amz-Credential", ""))
    else:
        return None
    return None if found is None else Scope(found["key"], found["region"], found["service"])


def service_wanted(request: HttpRequest) -> str | None:
    """The service that a request is for; None: it does not say, or is for none of AWS's.

    User pools are asked by users, who sign nothing, and STS by who has a token of an identity provider; S3 also with
    signatures of its second version, which boto3 still makes for links, and by forms in pages.
    [DOC] s3-docs:RESTAuthentication, sigv4-post-example
    """
    host = request.fields.get("host", "")
    if is_aws(host):
        return service_of(host)
    scope = scope_of(request)
    if scope is not None:
        return scope.service
    if _is_for_pools(request):
        return POOLS
    if _is_of_a_provider(request):
        return TOKENS
    if request.fields.get("authorization", "").startswith("AWS "):
        return "s3"
    names = {name for name, _ in request.query} if "Signature=" in request.target else set()
    if {"AWSAccessKeyId", "Signature", "Expires"} <= names:
        return "s3"
    is_form = request.method == "POST" and request.fields.get("content-type", "").startswith(_FORM)
    return "s3" if is_form and _FORM_KEY.search(request.body) is not None else None


def _is_of_a_provider(request: HttpRequest) -> bool:
    """Whether a request that nobody signed asks for a role by what an identity provider says."""
    return request.has_form and b"AssumeRoleWith" in request.body and dict(request.form).get("Action") in _UNSIGNED


def _is_for_pools(request: HttpRequest) -> bool:
    """Whether a request that nobody signed is for user pools, or a web page asks whether it may make one."""
    if request.method == "OPTIONS":
        return "x-amz-target" in request.fields.get("access-control-request-headers", "").lower()
    if request.fields.get("x-amz-target", "").startswith(POOLS_TARGET):
        return True
    return ".well-known/" in request.target and POOL_DOCUMENT.fullmatch(request.raw_path) is not None
