"""What an administrator does with users. Pure. [DOC] cognito-api, the page of each operation"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import structs

from .entities import (
    CONFIRMED,
    MUST_CHANGE,
    NOT_ALLOWED,
    NOT_FOUND,
    RESET,
    UNCONFIRMED,
    WRONG,
    Parameters,
    Pool,
    PoolError,
    User,
    attributes_of,
    page,
    required,
    shown,
)
from .passwords import check_attributes, check_password
from .pools import group_of
from .srp import SALT_BYTES, password_of
from .state import State
from .triggers import Operation, Steps, fire, message

_FILTER: Final = re.compile(r'\s*"?([\w:]+)"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*')
_SYMBOLS: Final = "!@#%&"


class Users:
    """Answers them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.operations: Mapping[str, Operation] = {
            "AdminCreateUser": self._create,
            "AdminGetUser": self._get,
            "AdminDeleteUser": self._delete,
            "AdminSetUserPassword": self._set_password,
            "AdminConfirmSignUp": self._confirm,
            "AdminEnableUser": lambda given, now: self._enable(given, now, is_enabled=True),
            "AdminDisableUser": lambda given, now: self._enable(given, now, is_enabled=False),
            "AdminUpdateUserAttributes": self._update,
            "AdminDeleteUserAttributes": self._delete_attributes,
            "AdminResetUserPassword": self._reset,
            "AdminUserGlobalSignOut": self._sign_out,
            "AdminAddUserToGroup": self._add,
            "AdminRemoveUserFromGroup": self._remove,
            "AdminListGroupsForUser": self._groups,
            "ListUsers": self._list,
            "ListUsersInGroup": self._in_group,
        }

    def _create(self, given: Parameters, now: float) -> Steps:
        state, pool = self._state, self._state.pool(given)
        name, attributes = required(given, "Username"), attributes_of(given)
        metadata = given.get("ClientMetadata") or {}
        known = _known(pool, given)
        name, attributes = named(state, pool, name, attributes)
        check_attributes(pool, attributes, is_new=known is None)
        asked = {
            "userAttributes": attributes,
            "validationData": attributes_of(given, "ValidationData") or None,
            "clientMetadata": metadata,
        }
        source = "PreSignUp_AdminCreateUser"
        yield from fire(pool, source, username=name, client_id=None, request=asked, response={})
        known = _known(pool, given)  # others may have made or changed them while the function worked
        password = str(given.get("TemporaryPassword") or temporary(state))
        check_password(pool, password)
        if known is None:
            made = User(username=name, attributes=attributes, status=MUST_CHANGE, created=now, modified=now)
        else:
            made = structs.replace(known, status=MUST_CHANGE, modified=now)
        user = pool.keep(with_password(state, pool, made, password))
        if given.get("MessageAction") != "SUPPRESS":
            yield from message((pool, user), "AdminCreateUser", password, None, metadata)
        return {"User": shown(user)}

    def _get(self, given: Parameters, _now: float) -> dict[str, Any]:
        _pool, user = self._state.user(given)
        return shown(user, "UserAttributes")

    def _delete(self, given: Parameters, _now: float) -> None:
        delete(self._state, *self._state.user(given))

    def _set_password(self, given: Parameters, now: float) -> None:
        pool, user = self._state.user(given)
        password = required(given, "Password")
        check_password(pool, password)
        status = CONFIRMED if given.get("Permanent") else MUST_CHANGE
        pool.keep(with_password(self._state, pool, structs.replace(user, status=status, modified=now), password))

    def _confirm(self, given: Parameters, now: float) -> Steps:
        pool, user = self._state.user(given)
        if user.status != UNCONFIRMED:
            raise PoolError(NOT_ALLOWED, f"User cannot be confirmed. Current status is {user.status}")
        yield from confirmed(pool, structs.replace(user, status=CONFIRMED, modified=now), None, given)
        return {}

    def _enable(self, given: Parameters, now: float, *, is_enabled: bool) -> None:
        pool, user = self._state.user(given)
        pool.keep(structs.replace(user, is_enabled=is_enabled, modified=now))

    def _update(self, given: Parameters, now: float) -> None:
        pool, user = self._state.user(given)
        changed = attributes_of(given)
        check_attributes(pool, changed, is_new=False)
        check_unique(pool, changed, user)
        pool.keep(structs.replace(user, attributes={**user.attributes, **changed}, modified=now))

    def _delete_attributes(self, given: Parameters, now: float) -> None:
        without_attributes(*self._state.user(given), given, now)

    def _reset(self, given: Parameters, now: float) -> Steps:
        pool, user = self._state.user(given)
        code = self._state.code()
        user = pool.keep(structs.replace(user, status=RESET, codes={**user.codes, "password": code}, modified=now))
        yield from message((pool, user), "ForgotPassword", code, None, given.get("ClientMetadata") or {})
        return {}

    def _sign_out(self, given: Parameters, _now: float) -> None:
        self._state.sign_out(*self._state.user(given))

    # groups

    def _add(self, given: Parameters, now: float) -> None:
        pool, user = self._state.user(given)
        name = _group(pool, given)
        if name not in user.groups:
            pool.keep(structs.replace(user, groups=(*user.groups, name), modified=now))

    def _remove(self, given: Parameters, now: float) -> None:
        pool, user = self._state.user(given)
        name = _group(pool, given)
        pool.keep(structs.replace(user, groups=tuple(each for each in user.groups if each != name), modified=now))

    def _groups(self, given: Parameters, _now: float) -> dict[str, Any]:
        pool, user = self._state.user(given)
        found, rest = page(list(user.groups), given, "Limit", "NextToken")
        return {"Groups": [group_of(pool, each) for each in found], **rest}

    # lists

    def _list(self, given: Parameters, _now: float) -> dict[str, Any]:
        pool = self._state.pool(given)
        wanted = _filter(str(given.get("Filter") or ""))
        found, rest = page([each for each in pool.users.values() if wanted(each)], given, "Limit", "PaginationToken")
        only = given.get("AttributesToGet") or ()
        told = [shown(each) for each in found]
        for each in told if only else ():
            each["Attributes"] = [one for one in each["Attributes"] if one["Name"] in only]
        return {"Users": told, **rest}

    def _in_group(self, given: Parameters, _now: float) -> dict[str, Any]:
        pool = self._state.pool(given)
        name = _group(pool, given)
        found, rest = page([each for each in pool.users.values() if name in each.groups], given, "Limit", "NextToken")
        return {"Users": [shown(each) for each in found], **rest}


def without_attributes(pool: Pool, user: User, given: Parameters, now: float) -> None:
    """Keep a user without the attributes that are named; the id stays."""
    gone = {*(given.get("UserAttributeNames") or ())} - {"sub"}
    kept = {name: value for name, value in user.attributes.items() if name not in gone}
    pool.keep(structs.replace(user, attributes=kept, modified=now))


def delete(state: State, pool: Pool, user: User) -> None:
    """Delete a user, whose tokens are good for nothing any more."""
    state.sign_out(pool, user)
    del pool.users[pool.folded(user.username)]


def named(state: State, pool: Pool, name: str, attributes: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The name and the attributes of a user who is to be; raises PoolError."""
    sub = state.uuid()
    found = {"sub": sub, **attributes}
    if not pool.names_by:
        if "@" in name and "email" in (pool.settings.get("AliasAttributes") or ()):
            raise PoolError(WRONG, "Username cannot be of email format, since user pool is configured for email alias.")
        return name, found
    if "@" in name and "email" in pool.names_by:
        return sub, {**found, "email": name}
    if name.startswith("+") and "phone_number" in pool.names_by:
        return sub, {**found, "phone_number": name}
    kind = " or ".join({"email": "an email", "phone_number": "a phone number"}[each] for each in pool.names_by)
    raise PoolError(WRONG, f"Username should be {'either ' if len(pool.names_by) > 1 else ''}{kind}.")


def check_unique(pool: Pool, attributes: Mapping[str, str], user: User | None) -> None:
    """Refuse an attribute that stands for a name and is somebody else's."""
    for name in pool.names_by:
        taken = pool.find(attributes[name]) if name in attributes else None
        if taken is not None and (user is None or taken.sub != user.sub):
            raise PoolError("AliasExistsException", f"An account with the {name} already exists.")


def with_password(state: State, pool: Pool, user: User, password: str) -> User:
    """A user with another password."""
    salt = state.randomness.getrandbits(8 * SALT_BYTES).to_bytes(SALT_BYTES, "big")
    return structs.replace(user, password=password_of(pool.id, user.username, password, salt))


def confirmed(pool: Pool, user: User, client_id: str | None, given: Parameters) -> Steps:
    """Keep a user who is confirmed, and tell the pool's function."""
    pool.keep(user)
    yield from fire(
        pool,
        "PostConfirmation_ConfirmSignUp",
        username=user.username,
        client_id=client_id,
        request={"userAttributes": user.told(), "clientMetadata": given.get("ClientMetadata") or {}},
        response={},
    )
    return None


def temporary(state: State) -> str:
    """A password that every policy takes."""
    parts = (string.ascii_uppercase, string.ascii_lowercase, string.digits, _SYMBOLS)
    return "".join(state.letters(8, each) for each in parts)


def _known(pool: Pool, given: Parameters) -> User | None:
    """Who is to be sent another password; None: the user is to be made."""
    known = pool.find(required(given, "Username"))
    if known is not None and given.get("MessageAction") != "RESEND":
        raise PoolError("UsernameExistsException", "User account already exists")
    return known


def _group(pool: Pool, given: Parameters) -> str:
    name = required(given, "GroupName")
    if name not in pool.groups:
        raise PoolError(NOT_FOUND, "Group not found.")
    return name


def _filter(text: str) -> Callable[[User], bool]:
    """What ``Filter`` says: an attribute that is, or begins with, a text. [DOC] cognito-api:API_ListUsers"""
    if not text:
        return lambda _user: True
    found = _FILTER.fullmatch(text)
    if found is None:
        raise PoolError(WRONG, "Error while parsing filter.")
    name, sign, value = found[1], found[2], found[3].replace('\\"', '"')

    def matches(user: User) -> bool:
        own = {
            "username": user.username,
            "cognito:user_status": user.status,
            "status": "Enabled" if user.is_enabled else "Disabled",
        }
        has = {**user.attributes, **own}.get(name)
        return has is not None and (has == value if sign == "=" else has.startswith(value))

    return matches
