"""Stored parameters and secrets of a stack, as operations. Pure. [DOC] cfn-docs:AWS_SSM, AWS_SecretsManager"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Mapping
from typing import Any, Final

from ..services.calls import Call
from .errors import Problem
from .stack import Resource
from .values import at, mapping, text

_LONGEST: Final = 4096


def parameter(resource: Resource) -> list[Call]:
    """A parameter of the parameter store."""
    given = {
        name: str(resource.properties[name])
        for name in ("AllowedPattern", "DataType", "Description", "Tier")
        if name in resource.properties
    }
    kind, value = text(resource, "Type"), text(resource, "Value")
    named = {"Name": resource.name, "Type": kind, "Value": value, "Overwrite": True, **given}
    return [Call(service="ssm", operation="put_parameter", parameters=named, resource=resource.logical_id)]


def secret(resource: Resource) -> list[Call]:
    """A secret with its value, or with one that is made: the same at every start."""
    if "GenerateSecretString" in resource.properties:
        value = generated(resource, mapping(resource, "GenerateSecretString"))
    else:
        value = str(resource.properties.get("SecretString") or "")
    named: dict[str, Any] = {"Name": resource.name, **({"SecretString": value} if value else {})}
    if "Description" in resource.properties:
        named["Description"] = text(resource, "Description")
    return [Call(service="secretsmanager", operation="create_secret", parameters=named, resource=resource.logical_id)]


def generated(resource: Resource, wanted: Mapping[str, Any]) -> str:
    """A password, or JSON with one in it. [DOC] cfn-docs:aws-properties-secretsmanager-secret-generatesecretstring"""
    length = int(wanted.get("PasswordLength", 32))
    if not 1 <= length <= _LONGEST:
        raise Problem(at(resource, "GenerateSecretString", "PasswordLength"), f"a length is from 1 to {_LONGEST}")
    excluded = set(str(wanted.get("ExcludeCharacters", "")))
    kinds = [
        "".join(each for each in letters if each not in excluded)
        for name, letters in (
            ("ExcludeLowercase", string.ascii_lowercase),
            ("ExcludeUppercase", string.ascii_uppercase),
            ("ExcludeNumbers", string.digits),
            ("ExcludePunctuation", string.punctuation),
        )
        if not _is_true(wanted.get(name))
    ]
    kinds = [each for each in [*kinds, " " if _is_true(wanted.get("IncludeSpace")) else ""] if each]
    if not kinds:
        raise Problem(at(resource, "GenerateSecretString"), "no characters are left for a password")
    required = kinds if wanted.get("RequireEachIncludedType", True) else []
    letters = [*required, *["".join(kinds)] * length][:length]
    numbers = [_number(resource, "letter", position) for position in range(length)]
    found = [each[number % len(each)] for each, number in zip(letters, numbers, strict=True)]
    order = sorted(range(length), key=lambda position: _number(resource, "place", position))
    password = "".join(found[position] for position in order)
    template = wanted.get("SecretStringTemplate")
    if template is None:
        return password
    try:
        content = json.loads(template)
        content[str(wanted["GenerateStringKey"])] = password
    except (ValueError, TypeError, LookupError) as error:
        where = at(resource, "GenerateSecretString", "SecretStringTemplate")
        raise Problem(where, "a JSON object, and GenerateStringKey, are expected") from error
    return json.dumps(content)


def _number(resource: Resource, purpose: str, position: int) -> int:
    """A number that looks like any other, and is the same at every start."""
    text = f"{resource.stack}\0{resource.logical_id}\0{purpose}\0{position}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _is_true(value: Any) -> bool:
    return value in (True, "true", "True")
