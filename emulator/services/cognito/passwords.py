"""Which passwords and attributes a pool takes. Pure. [DOC] cognito-docs:managing-users-passwords, -attributes"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .entities import WRONG, Pool, PoolError

STANDARD: Final = frozenset(
    {
        *("address", "birthdate", "email", "email_verified", "family_name", "gender", "given_name", "locale"),
        *("middle_name", "name", "nickname", "phone_number", "phone_number_verified", "picture", "preferred_username"),
        *("profile", "sub", "updated_at", "website", "zoneinfo", "identities"),
    }
)
POLICY: Final = {
    "MinimumLength": 8,
    "RequireUppercase": True,
    "RequireLowercase": True,
    "RequireNumbers": True,
    "RequireSymbols": True,
    "TemporaryPasswordValidityDays": 7,
}
"""Of a pool that says nothing."""
_SYMBOLS: Final = frozenset("^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+- ")


def policy_of(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """A pool's policy for passwords."""
    given = (settings.get("Policies") or {}).get("PasswordPolicy")
    return POLICY if given is None else {"MinimumLength": 8, **given}


def check_password(pool: Pool, password: str) -> None:
    """Refuse a password that the pool's policy does not take."""
    policy = policy_of(pool.settings)
    needs = (
        (len(password) < int(policy["MinimumLength"]), "Password not long enough"),
        (policy.get("RequireUppercase") and not any("A" <= each <= "Z" for each in password), _must("uppercase")),
        (policy.get("RequireLowercase") and not any("a" <= each <= "z" for each in password), _must("lowercase")),
        (policy.get("RequireNumbers") and not any("0" <= each <= "9" for each in password), _must("numeric")),
        (policy.get("RequireSymbols") and not _SYMBOLS & set(password), _must("symbol")),
    )
    for is_missing, why in needs:
        if is_missing:
            raise PoolError("InvalidPasswordException", f"Password did not conform with policy: {why}")


def _must(kind: str) -> str:
    return f"Password must have {kind} characters"


def check_attributes(pool: Pool, attributes: Mapping[str, str], *, is_new: bool) -> None:
    """Refuse attributes that the pool's schema does not know, and users without those that it requires."""
    schema = {_attribute(each): each for each in pool.settings.get("Schema") or ()}
    for name in attributes:
        if name not in STANDARD and name not in schema:
            raise _nonconforming(f"Type for attribute {{{name}}} could not be determined")
    for name, each in schema.items():
        if is_new and each.get("Required") in (True, "true") and name != "sub" and not attributes.get(name):
            raise _nonconforming(f"{name}: The attribute is required\n")
    if "email" in attributes and "@" not in attributes["email"]:
        raise PoolError(WRONG, "Invalid email address format.")
    number = attributes.get("phone_number", "+0")
    if not number.startswith("+") or not number[1:].isdecimal():
        raise PoolError(WRONG, "Invalid phone number format.")


def _attribute(schema: Mapping[str, Any]) -> str:
    name = str(schema.get("Name"))
    if name in STANDARD or name.startswith(("custom:", "dev:")):
        return name
    return f"dev:custom:{name}" if schema.get("DeveloperOnlyAttribute") else f"custom:{name}"


def _nonconforming(why: str) -> PoolError:
    return PoolError(WRONG, f"Attributes did not conform to the schema: {why}")
