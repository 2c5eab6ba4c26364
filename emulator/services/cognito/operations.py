"""Which requests to user pools users make themselves. Pure."""

from __future__ import annotations

from typing import Final

from ...port.http import HttpRequest
from ...port.signed import POOL_DOCUMENT, POOLS_TARGET

OF_USERS: Final = frozenset(
    {
        *("ChangePassword", "ConfirmForgotPassword", "ConfirmSignUp", "DeleteUser", "DeleteUserAttributes"),
        *("ForgotPassword", "GetTokensFromRefreshToken", "GetUser", "GetUserAttributeVerificationCode"),
        *("GlobalSignOut", "InitiateAuth", "ResendConfirmationCode", "RespondToAuthChallenge", "RevokeToken"),
        *("SignUp", "UpdateUserAttributes", "VerifyUserAttribute"),
    }
)
"""Operations that nobody signs, since users have no credentials. [DOC] cognito-docs:user-pools-API-operations"""


def is_of_users(request: HttpRequest) -> bool:
    """Whether a request, or the one that a web page asks for, is one that users make themselves."""
    if request.method == "OPTIONS" or POOL_DOCUMENT.fullmatch(request.raw_path) is not None:
        return True
    target = request.fields.get("x-amz-target", "")
    return target.startswith(POOLS_TARGET) and target.removeprefix(POOLS_TARGET) in OF_USERS
