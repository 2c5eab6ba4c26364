"""What users do about themselves: sign up, confirm, forget and change passwords, read and change attributes. Pure.

[DOC] cognito-api, the page of each operation
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any

from msgspec import structs

from .entities import (
    CONFIRMED,
    NOT_ALLOWED,
    RESET,
    UNCONFIRMED,
    WRONG,
    Client,
    Parameters,
    Pool,
    PoolError,
    User,
    attributes_of,
    listed,
    required,
)
from .passwords import check_attributes, check_password
from .srp import is_right
from .state import State
from .triggers import Operation, Steps, fire, message
from .users import check_unique, confirmed, delete, named, with_password, without_attributes

_WRONG_CODE = ("CodeMismatchException", "Invalid verification code provided, please try again.")


class SignUp:
    """Answers them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.operations: Mapping[str, Operation] = {
            "SignUp": self._sign_up,
            "ConfirmSignUp": self._confirm,
            "ResendConfirmationCode": self._resend,
            "ForgotPassword": self._forgot,
            "ConfirmForgotPassword": self._confirm_forgot,
            "ChangePassword": self._change_password,
            "GetUser": self._get,
            "UpdateUserAttributes": self._update,
            "DeleteUserAttributes": self._delete_attributes,
            "GetUserAttributeVerificationCode": self._ask_code,
            "VerifyUserAttribute": self._verify,
            "DeleteUser": self._delete,
            "GlobalSignOut": self._sign_out,
        }

    def _sign_up(self, given: Parameters, now: float) -> Steps:
        state = self._state
        pool, client = state.client(given)
        name, password, attributes = required(given, "Username"), str(given.get("Password") or ""), attributes_of(given)
        check_hash(client, name, given.get("SecretHash"))
        if (pool.settings.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly") in (True, "true"):
            raise PoolError(NOT_ALLOWED, "SignUp is not permitted for this user pool")
        _check_free(pool, name)
        check_password(pool, password)
        asked_for, (name, attributes) = name, named(state, pool, name, attributes)
        check_attributes(pool, attributes, is_new=True)
        asked = {
            "userAttributes": {key: value for key, value in attributes.items() if key != "sub"},
            "validationData": attributes_of(given, "ValidationData") or None,
            "clientMetadata": given.get("ClientMetadata") or {},
        }
        none = {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}
        said = yield from fire(
            pool, "PreSignUp_SignUp", username=name, client_id=client.id, request=asked, response=none
        )
        _check_free(pool, asked_for)  # others may have signed up with it while the function worked
        for flag, attribute in (("autoVerifyEmail", "email"), ("autoVerifyPhone", "phone_number")):
            if said.get(flag) and attribute in attributes:
                attributes[f"{attribute}_verified"] = "true"
        user = User(username=name, attributes=attributes, status=UNCONFIRMED, created=now, modified=now)
        user = pool.keep(with_password(state, pool, user, password))
        answer: dict[str, Any] = {"UserConfirmed": bool(said.get("autoConfirmUser")), "UserSub": user.sub}
        if said.get("autoConfirmUser"):
            yield from confirmed(pool, structs.replace(user, status=CONFIRMED), client.id, given)
        elif (sent := _delivery(pool, user)) is not None:
            yield from self._send((pool, user), "sign-up", "SignUp", client.id, given)
            answer["CodeDeliveryDetails"] = sent
        return answer

    def _confirm(self, given: Parameters, now: float) -> Steps:
        pool, client, user = self._named(given)
        if user.status != UNCONFIRMED:
            raise PoolError(NOT_ALLOWED, f"User cannot be confirmed. Current status is {user.status}")
        _check_code(user, "sign-up", given)
        sent = _delivery(pool, user) or {}
        verified = {f"{sent['AttributeName']}_verified": "true"} if sent else {}
        kept = structs.replace(
            user, status=CONFIRMED, attributes={**user.attributes, **verified}, codes={}, modified=now
        )
        yield from confirmed(pool, kept, client.id, given)
        return {}

    def _resend(self, given: Parameters, _now: float) -> Steps:
        pool, client, user = self._named(given)
        if user.status != UNCONFIRMED:
            raise PoolError(WRONG, "User is already confirmed.")
        yield from self._send((pool, user), "sign-up", "ResendCode", client.id, given)
        return {"CodeDeliveryDetails": _delivery(pool, user) or _somewhere(user)}

    def _forgot(self, given: Parameters, _now: float) -> Steps:
        pool, client, user = self._named(given)
        yield from self._send((pool, user), "password", "ForgotPassword", client.id, given)
        return {"CodeDeliveryDetails": _delivery(pool, user) or _somewhere(user)}

    def _confirm_forgot(self, given: Parameters, now: float) -> Steps:
        pool, client, user = self._named(given)
        password = required(given, "Password")
        _check_code(user, "password", given)
        check_password(pool, password)
        status = CONFIRMED if user.status in (RESET, CONFIRMED) else user.status
        user = pool.keep(
            with_password(self._state, pool, structs.replace(user, status=status, codes={}, modified=now), password)
        )
        asked = {"userAttributes": user.told(), "clientMetadata": given.get("ClientMetadata") or {}}
        source = "PostConfirmation_ConfirmForgotPassword"
        yield from fire(pool, source, username=user.username, client_id=client.id, request=asked, response={})
        return {}

    # with an access token

    def _change_password(self, given: Parameters, now: float) -> None:
        pool, user, _ = self._state.signed_in(given)
        if not is_right(pool.id, user.username, user.password, str(given.get("PreviousPassword") or "")):
            raise PoolError(NOT_ALLOWED, "Incorrect username or password.")
        password = required(given, "ProposedPassword")
        check_password(pool, password)
        pool.keep(with_password(self._state, pool, structs.replace(user, modified=now), password))

    def _get(self, given: Parameters, _now: float) -> dict[str, Any]:
        _pool, user, _ = self._state.signed_in(given)
        return {"Username": user.username, "UserAttributes": listed(user.attributes)}

    def _update(self, given: Parameters, now: float) -> Steps:
        pool, user, _ = self._state.signed_in(given)
        changed = attributes_of(given)
        check_attributes(pool, changed, is_new=False)
        check_unique(pool, changed, user)
        verified = pool.settings.get("AutoVerifiedAttributes") or ()
        asked = [name for name in changed if name in verified and changed[name] != user.attributes.get(name)]
        marks = {f"{name}_verified": "false" for name in asked}
        user = pool.keep(structs.replace(user, attributes={**user.attributes, **changed, **marks}, modified=now))
        for name in asked:
            yield from self._send((pool, user), name, "UpdateUserAttribute", None, given)
            user = pool.users[pool.folded(user.username)]
        return {"CodeDeliveryDetailsList": [_delivered(user, name) for name in asked]}

    def _delete_attributes(self, given: Parameters, now: float) -> None:
        pool, user, _ = self._state.signed_in(given)
        without_attributes(pool, user, given, now)

    def _ask_code(self, given: Parameters, _now: float) -> Steps:
        pool, user, _ = self._state.signed_in(given)
        name = required(given, "AttributeName")
        if name not in user.attributes:
            raise PoolError(WRONG, f"User has no attribute {name}")
        yield from self._send((pool, user), name, "VerifyUserAttribute", None, given)
        return {"CodeDeliveryDetails": _delivered(user, name)}

    def _verify(self, given: Parameters, now: float) -> None:
        pool, user, _ = self._state.signed_in(given)
        name = required(given, "AttributeName")
        _check_code(user, name, {"ConfirmationCode": given.get("Code")})
        pool.keep(structs.replace(user, attributes={**user.attributes, f"{name}_verified": "true"}, modified=now))

    def _delete(self, given: Parameters, _now: float) -> None:
        pool, user, _ = self._state.signed_in(given)
        delete(self._state, pool, user)

    def _sign_out(self, given: Parameters, _now: float) -> None:
        pool, user, origin = self._state.signed_in(given)
        self._state.sign_out(pool, user)
        self._state.remember(self._state.ended, origin, None)

    def _named(self, given: Parameters) -> tuple[Pool, Client, User]:
        pool, client = self._state.client(given)
        name = required(given, "Username")
        check_hash(client, name, given.get("SecretHash"))
        found = pool.find(name)
        if found is None:
            raise nobody(client)
        return pool, client, found

    def _send(self, whom: tuple[Pool, User], what: str, source: str, client: str | None, given: Parameters) -> Steps:
        pool, user = whom
        code = self._state.code()
        user = pool.keep(structs.replace(user, codes={**user.codes, what: code}))
        yield from message((pool, user), source, code, client, given.get("ClientMetadata") or {})
        return None


def _check_free(pool: Pool, name: str) -> None:
    if pool.find(name) is not None:
        kind = "An account with the given email already exists." if pool.names_by else "User already exists"
        raise PoolError("UsernameExistsException", kind)


def nobody(client: Client) -> PoolError:
    """What is said of a user who does not exist. [DOC] cognito-docs:cognito-user-pool-managing-errors"""
    if client.settings.get("PreventUserExistenceErrors") == "ENABLED":
        return PoolError(NOT_ALLOWED, "Incorrect username or password.")
    return PoolError("UserNotFoundException", "User does not exist.")


def hash_of(client: Client, username: str) -> str | None:
    """What a client proves its secret with, for a user; None: it has none."""
    if client.secret is None:
        return None
    digest = hmac.digest(client.secret.encode(), f"{username}{client.id}".encode(), "sha256")
    return base64.b64encode(digest).decode()


def check_hash(client: Client, username: str, given: Any) -> None:
    """Refuse who does not prove to know the client's secret. [DOC] cognito-docs:signing-up-users-in-your-app"""
    if client.secret is None:
        return
    if not given:
        text = f"Client {client.id} is configured with secret but SECRET_HASH was not received"
        raise PoolError(NOT_ALLOWED, text)
    if not hmac.compare_digest(str(hash_of(client, username)).encode(), str(given).encode()):
        raise PoolError(NOT_ALLOWED, f"SecretHash does not match for the client: {client.id}")


def _check_code(user: User, what: str, given: Parameters) -> None:
    code = user.codes.get(what)
    if code is None:
        raise PoolError("ExpiredCodeException", "Invalid code provided, please request a code again.")
    if not hmac.compare_digest(code.encode(), str(given.get("ConfirmationCode") or "").encode()):
        raise PoolError(*_WRONG_CODE)


def _delivery(pool: Pool, user: User) -> dict[str, str] | None:
    """Where a code goes that confirms a user; None: nothing of theirs is verified by itself."""
    verified = pool.settings.get("AutoVerifiedAttributes") or ()
    found = next((each for each in ("phone_number", "email") if each in verified and each in user.attributes), None)
    return None if found is None else _delivered(user, found)


def _delivered(user: User, attribute: str) -> dict[str, str]:
    value = user.attributes[attribute]
    if attribute == "email":
        name, _, domain = value.partition("@")
        return {"AttributeName": attribute, "DeliveryMedium": "EMAIL", "Destination": f"{name[:1]}***@{domain[:1]}***"}
    return {"AttributeName": attribute, "DeliveryMedium": "SMS", "Destination": f"+{'*' * 7}{value[-4:]}"}


def _somewhere(user: User) -> dict[str, str]:
    for name in ("email", "phone_number"):
        if name in user.attributes:
            return _delivered(user, name)
    raise PoolError(
        WRONG, "Cannot reset password for the user as there is no registered/verified email or phone_number"
    )
