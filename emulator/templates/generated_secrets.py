"""Values that CloudFormation makes for secrets: ours are the same at every start. Pure.

[DOC] cfn-docs:aws-properties-secretsmanager-secret-generatesecretstring
"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Mapping
from typing import Any, Final

from ..foundation.json_bytes import parsed_json
from .intrinsics import is_true

_LONGEST: Final = 4096


def generated(stack: str, logical_id: str, wanted: Mapping[str, Any]) -> str:
    """A password, or JSON with one in it, for the properties of ``GenerateSecretString``.

    Raises:
        ValueError: CloudFormation would refuse them.
    """
    try:
        length = int(wanted.get("PasswordLength", 32))
    except TypeError as error:
        raise ValueError(f"a length is from 1 to {_LONGEST}") from error
    if not 1 <= length <= _LONGEST:
        raise ValueError(f"a length is from 1 to {_LONGEST}")
    excluded = set(str(wanted.get("ExcludeCharacters", "")))
    kinds = [
        "".join(each for each in letters if each not in excluded)
        for name, letters in (
            ("ExcludeLowercase", string.ascii_lowercase),
            ("ExcludeUppercase", string.ascii_uppercase),
            ("ExcludeNumbers", string.digits),
            ("ExcludePunctuation", string.punctuation),
        )
        if not is_true(wanted.get(name))
    ]
    kinds = [each for each in [*kinds, " " if is_true(wanted.get("IncludeSpace")) else ""] if each]
    if not kinds:
        raise ValueError("no characters are left for a password")
    required = kinds if wanted.get("RequireEachIncludedType", True) else []
    letters = [*required, *["".join(kinds)] * length][:length]
    numbers = [_number(f"{stack}\0{logical_id}", "letter", position) for position in range(length)]
    found = [each[number % len(each)] for each, number in zip(letters, numbers, strict=True)]
    order = sorted(range(length), key=lambda position: _number(f"{stack}\0{logical_id}", "place", position))
    password = "".join(found[position] for position in order)
    template = wanted.get("SecretStringTemplate")
    if template is None:
        return password
    try:
        content = parsed_json(template)
        content[str(wanted["GenerateStringKey"])] = password
    except (ValueError, TypeError, LookupError) as error:
        raise ValueError("a JSON object, and GenerateStringKey, are expected") from error
    return json.dumps(content)


def _number(whose: str, purpose: str, position: int) -> int:
    """A number that looks like any other, and is the same at every start."""
    text = f"{whose}\0{purpose}\0{position}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
