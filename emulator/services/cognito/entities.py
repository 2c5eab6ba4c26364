"""What a user pool consists of, as data. Pure. [DOC] cognito-api:API_UserPoolType, API_UserType"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec import Struct

from ..errors import ServiceError

Parameters = Mapping[str, Any]

UNCONFIRMED: Final = "UNCONFIRMED"
CONFIRMED: Final = "CONFIRMED"
MUST_CHANGE: Final = "FORCE_CHANGE_PASSWORD"
RESET: Final = "RESET_REQUIRED"
DEFAULT_FLOWS: Final = ("ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH")
"""Of a client that names none. [DOC] cognito-api:API_CreateUserPoolClient, ExplicitAuthFlows"""
NOT_ALLOWED: Final = "NotAuthorizedException"
WRONG: Final = "InvalidParameterException"
NOT_FOUND: Final = "ResourceNotFoundException"


class PoolError(ServiceError):
    """An error of the service."""


class Password(Struct, frozen=True, kw_only=True):
    """What proves that somebody knows a password; it cannot be turned back into it."""

    salt: bytes
    verifier: int


class User(Struct, frozen=True, kw_only=True):
    """A user; changes make another."""

    username: str
    attributes: Mapping[str, str]
    """All of them are texts, ``sub`` is among them."""
    status: str
    created: float
    """Unix seconds, as all times here."""
    modified: float
    password: Password | None = None
    is_enabled: bool = True
    groups: tuple[str, ...] = ()
    codes: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Codes that were sent, by what they confirm."""

    @property
    def sub(self) -> str:
        """The id that never changes."""
        return self.attributes["sub"]

    def told(self) -> dict[str, str]:
        """The attributes as functions are told them."""
        return {"cognito:user_status": self.status, **self.attributes}


class Client(Struct, frozen=True, kw_only=True):
    """An app client."""

    id: str
    settings: Mapping[str, Any]
    secret: str | None
    created: float

    @property
    def flows(self) -> tuple[str, ...]:
        """The ways of signing in that it may use."""
        return tuple(self.settings.get("ExplicitAuthFlows") or DEFAULT_FLOWS)


class Group(Struct, frozen=True, kw_only=True):
    """A group of users."""

    name: str
    settings: Mapping[str, Any]
    created: float


@dataclass(slots=True, kw_only=True)
class Pool:
    """A user pool and all that is in it."""

    id: str
    arn: str
    issuer: str
    settings: Mapping[str, Any]
    created: float
    users: dict[str, User] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    domain: str | None = None

    @property
    def names_by(self) -> tuple[str, ...]:
        """The attributes that stand for user names; none: users have names."""
        return tuple(self.settings.get("UsernameAttributes") or ())

    @property
    def is_case_sensitive(self) -> bool:
        """Whether names of users are told apart by case. [DOC] cognito-api:API_UsernameConfigurationType"""
        return bool((self.settings.get("UsernameConfiguration") or {}).get("CaseSensitive", True))

    def find(self, name: str) -> User | None:
        """The user whom a name, an id or an attribute that stands for a name means; None: there is nobody."""
        folded = self.folded(name)
        if (found := self.users.get(folded)) is not None:
            return found
        aliases = (*self.names_by, *(self.settings.get("AliasAttributes") or ()))
        for user in self.users.values():
            if user.sub == name:
                return user
            for alias in aliases:
                if self.folded(user.attributes.get(alias, "")) == folded and self._counts(user, alias):
                    return user
        return None

    def _counts(self, user: User, alias: str) -> bool:
        """An alias counts once it is verified; a name that is an attribute, always."""
        return alias in self.names_by or alias == "preferred_username" or is_true(user, f"{alias}_verified")

    def folded(self, name: str) -> str:
        """A user's name as it is looked up."""
        return name if self.is_case_sensitive else name.lower()

    def keep(self, user: User) -> User:
        """Keep a user as it is now."""
        self.users[self.folded(user.username)] = user
        return user


def is_true(user: User, attribute: str) -> bool:
    """Whether an attribute of a user says yes."""
    return user.attributes.get(attribute, "").lower() == "true"


def required(parameters: Parameters, name: str) -> str:
    """A text that must be there."""
    found = parameters.get(name)
    if not isinstance(found, str) or not found:
        raise PoolError(WRONG, f"Missing required parameter {name}")
    return found


def attributes_of(parameters: Parameters, name: str = "UserAttributes") -> dict[str, str]:
    """Attributes of a list of names and values."""
    return {str(each["Name"]): str(each.get("Value", "")) for each in parameters.get(name) or ()}


def listed(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    """Attributes as a list of names and values."""
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


def shown(user: User, attributes: str = "Attributes") -> dict[str, Any]:
    """A user as an answer has one."""
    return {
        "Username": user.username,
        attributes: listed(user.attributes),
        "UserCreateDate": user.created,
        "UserLastModifiedDate": user.modified,
        "Enabled": user.is_enabled,
        "UserStatus": user.status,
    }


def page(
    found: list[Any], parameters: Parameters, limit: str, token: str, most: int = 60
) -> tuple[list[Any], dict[str, str]]:
    """A piece of a list, and what names the next piece."""
    start = int(text) if (text := str(parameters.get(token) or "0")).isdecimal() else 0
    size = min(int(parameters.get(limit) or most), most)
    rest = {token: str(start + size)} if start + size < len(found) else {}
    return found[start : start + size], rest
