"""Who a caller is, as ``sts:GetCallerIdentity`` tells: only the emulator knows its functions. Pure."""

from __future__ import annotations

from typing import Final

from ...port.http import HttpRequest, HttpResponse

_ACTION: Final = "GetCallerIdentity"


def asks_identity(request: HttpRequest) -> bool:
    """Whether a request to STS is this one, which everybody may make. [DOC] sts-docs:API_GetCallerIdentity"""
    return dict(request.form).get("Action") == _ACTION


def identity(user_arn: str, user_id: str, account_id: str, *, request_id: str) -> HttpResponse:
    """The answer."""
    body = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<Arn>{user_arn}</Arn><UserId>{user_id}</UserId><Account>{account_id}</Account></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )
    return HttpResponse(200, body.encode(), (("content-type", "text/xml"),))
