"""``sts:AssumeRole`` and its like of the project's roles, to whose policies whoever assumes them is held. Pure.

[DOC] sts-docs:API_AssumeRole
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from streamer.topology.grants import ANYTHING, Kind, Resource

from ...foundation.times import iso_seconds
from ...iam.keys import Keys
from ...iam.needs import Need
from ...iam.sessions import ASSUME, TAG, Assumption, PolicyError, session_policy
from ...port.http import HttpResponse

OPERATION: Final = "AssumeRole"
OPERATIONS: Final = frozenset({OPERATION, "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
"""What gives credentials of a role."""
FOR_USERS: Final = frozenset({"GetFederationToken", "GetSessionToken"})
"""What a role may not ask for, whatever its policies allow. [USR] aws/aws-sdk-net #1704, fwdcloudsec/granted #151"""
_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_SECONDS: Final = range(900, 43_201)
_DEFAULT_SECONDS: Final = 3600


class RefusedError(Exception):
    """STS would not take such a request."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def assumption(
    parameters: Mapping[str, Any], *, with_policy: bool = False, claims: tuple[tuple[str, str], ...] = ()
) -> Assumption:
    """What a request asks for, whatever is wrong with it; ``claims`` are what a provider of identities says.

    Raises:
        RefusedError: its session policy is none, with ``with_policy``.
    """
    try:
        policy = session_policy(str(parameters["Policy"])) if with_policy and parameters.get("Policy") else None
    except PolicyError as error:
        raise RefusedError("MalformedPolicyDocument", "Syntax errors in policy.") from error
    external_id = parameters.get("ExternalId")
    return Assumption(
        role_arn=str(parameters.get("RoleArn", "")),
        session_name=str(parameters.get("RoleSessionName", "")),
        tags=tuple(zip(_members(parameters, "Tags", ".Key"), _members(parameters, "Tags", ".Value"), strict=False)),
        transitive=tuple(_members(parameters, "TransitiveTagKeys", "")),
        external_id=None if external_id is None else str(external_id),
        policy=policy,
        policy_arns=tuple(_members(parameters, "PolicyArns", ".arn")),
        claims=claims,
    )


def _members(parameters: Mapping[str, Any], name: str, end: str) -> Iterator[str]:
    """A list of a query; its members are numbered from one."""
    number = 1
    while (value := parameters.get(f"{name}.member.{number}{end}")) is not None:
        yield str(value)
        number += 1


def of_sts(operation: str, parameters: Mapping[str, Any]) -> Iterator[Need]:
    """What an operation needs. [DOC] service-authorization: list_awssecuritytokenservice"""
    named = parameters.get("RoleArn")
    resource = ANYTHING if named is None else Resource(Kind.ARN, str(named))
    if operation != OPERATION:
        yield Need(f"sts:{operation}", resource)
        return
    asked = assumption(parameters)
    yield Need(ASSUME, resource, asked.about)
    if asked.tags:
        yield Need(TAG, resource, asked.about)


def seconds_of(parameters: Mapping[str, Any], name: str) -> int:
    """How long the credentials are to be valid of a session that is called so.

    Raises:
        RefusedError: not so long, or for no such name.
    """
    given = str(parameters.get("DurationSeconds", _DEFAULT_SECONDS))
    if _NAME.fullmatch(name) is None:
        raise _invalid(name, "roleSessionName", "satisfy regular expression pattern: [\\w+=,.@-]*")
    if not given.isdecimal() or int(given) not in _SECONDS:
        is_less = not given.isdecimal() or int(given) < _SECONDS.start
        bound = f"greater than or equal to {_SECONDS[0]}" if is_less else f"less than or equal to {_SECONDS[-1]}"
        raise _invalid(given, "durationSeconds", f"have value {bound}")
    return int(given)


def _invalid(value: str, name: str, must: str) -> RefusedError:
    what = f"Value '{value}' at '{name}' failed to satisfy constraint: Member must {must}"
    return RefusedError("ValidationError", f"1 validation error detected: {what}")


class Given(NamedTuple):
    """A session, as it is told."""

    user_arn: str
    user_id: str
    keys: Keys
    until: datetime
    more: str = ""
    """What is told besides, as XML."""


def answer(operation: str, given: Given, *, request_id: str) -> HttpResponse:
    """The credentials of a session."""
    keys = given.keys
    credentials = (
        f"<AccessKeyId>{keys.access_key_id}</AccessKeyId><SecretAccessKey>{keys.secret_access_key}</SecretAccessKey>"
        f"<SessionToken>{keys.session_token}</SessionToken><Expiration>{iso_seconds(given.until)}</Expiration>"
    )
    body = (
        f'<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{operation}Result>'
        f"<AssumedRoleUser><AssumedRoleId>{given.user_id}</AssumedRoleId><Arn>{given.user_arn}</Arn></AssumedRoleUser>"
        f"<Credentials>{credentials}</Credentials>{given.more}</{operation}Result>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return HttpResponse(200, body.encode(), (("content-type", "text/xml"),))
