"""Names of secrets, and secrets, that are the same each time, so that templates can have them. Pure."""

from __future__ import annotations

import hashlib
import string
from typing import Final

_LETTERS: Final = string.ascii_letters
SUFFIX: Final = 6
"""How many there are. [DOC] secretsmanager-docs:API_CreateSecret"""


def suffix(name: str) -> str:
    """What stands behind a secret's name and a hyphen."""
    digest = hashlib.blake2b(name.encode(), digest_size=SUFFIX).digest()
    return "".join(_LETTERS[each % len(_LETTERS)] for each in digest)


def client_secret(client_id: str) -> str:
    """The secret of a user pool's client."""
    return hashlib.blake2b(client_id.encode(), digest_size=26, person=b"client").hexdigest()[:51]
