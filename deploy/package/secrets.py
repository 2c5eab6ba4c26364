"""What must not leave this machine with the code: private keys, credentials, state, earlier bundles. Pure.

Told by name where names are customary, and by content whatever the name is.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from .tokens import tokens

_NAMES: Final[Mapping[str, str]] = {
    ".env": "a file of environment variables",
    ".env.*": "a file of environment variables",
    ".envrc": "a file of environment variables",
    "*.env": "a file of environment variables",
    ".netrc": "credentials of netrc",
    "_netrc": "credentials of netrc",
    ".pypirc": "credentials of PyPI",
    ".npmrc": "credentials of npm",
    ".yarnrc.yml": "credentials of npm",
    ".dockercfg": "credentials of Docker",
    ".dockerconfigjson": "credentials of Docker",
    ".git-credentials": "credentials of git",
    ".pgpass": "credentials of PostgreSQL",
    ".boto": "credentials of AWS",
    "credentials": "credentials",
    "*credentials.json": "credentials",
    "credentials.ini": "credentials by its name",
    "credentials.toml": "credentials by its name",
    "credentials.y*ml": "credentials by its name",
    "client_secret*.json": "credentials",
    "secrets.ini": "secrets by its name",
    "secrets.json": "secrets by its name",
    "secrets.toml": "secrets by its name",
    "secrets.yaml": "secrets by its name",
    "secrets.yml": "secrets by its name",
    "kubeconfig": "credentials of Kubernetes",
    "*.kubeconfig": "credentials of Kubernetes",
    "kubeconfig.y*ml": "credentials of Kubernetes",
    "id_rsa": "a private key",
    "id_dsa": "a private key",
    "id_ecdsa": "a private key",
    "id_ed25519": "a private key",
    "*.ppk": "a private key",
    "*.key": "a private key by its name",
    "*.p12": "a key store (PKCS #12)",
    "*.pfx": "a key store (PKCS #12)",
    "*.jks": "a key store (Java)",
    "*.keystore": "a key store (Java)",
    "*.kdbx": "a key store (KeePass)",
    "*.keytab": "a key store (Kerberos)",
    "*.tfstate": "state of Terraform",
    "*.tfstate.*": "state of Terraform",
    "*.tfvars": "variables of Terraform",
    "*.tfvars.json": "variables of Terraform",
    "aws-lambda-*.log": "a log of the emulator",
}

_PLACES: Final[Mapping[str, str]] = {
    ".aws": "credentials of AWS",
    ".docker": "credentials of Docker",
    ".kube": "credentials of Kubernetes",
    ".ssh": "private keys",
    ".gnupg": "private keys",
    ".terraform": "state of Terraform",
    ".streamer": "state of the emulator",
}

_PRIVATE_KEY: Final = re.compile(
    # A body must follow: a program may well speak of the line above a key.
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:\s|\\[rn]|[\w-]+:[^\r\n\\]*|[\"'+])*[A-Za-z0-9+/=]{40}"
)
_JWK: Final = re.compile(rb"\{[^{}]*[\"']kty[\"'][^{}]*\}")
_JWK_SECRET: Final = re.compile(rb"[\"'][dk][\"']\s*:\s*[\"'][A-Za-z0-9_-]{40,}[\"']")
"""The private member of a key (RSA, elliptic curves), or a symmetric one. [DOC] RFC 7518 sections 6.2.2, 6.3.2, 6.4"""
_AWS_KEY: Final = re.compile(
    rb"aws_?secret_?(?:access_?)?key[\"']?\s*[=:]\s*[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
    rb"|secretaccesskey[\"']?\s*[=:]\s*[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    re.IGNORECASE,
)
_PASSWORD: Final = re.compile(
    # Of a name, or a token instead of one; what is put in elsewhere, as ${TOKEN}, is none, nor what a document says.
    rb"https?://(?:[^\s/@:\"']*:(?!(?i:pass(?:word|wd)?|pwd|token|secret|x+)@)[^\s/@\"'${<%*][^\s/@\"']*"
    rb"|[A-Za-z0-9_-]{20,})@"
)
_OF_PACKAGES: Final = re.compile(
    rb"(?:(?:^|[\r\n])[ \t]*-[if][ =]?|(?:index|find)[-_](?:url|links)|git\+|[\w\]][ \t]*@)[ \t=\"']*$", re.IGNORECASE
)
"""What stands before an address: an option or a key of pip and its kin, or a requirement that says where it lies."""
_BEFORE: Final = 60
_KUBECONFIG: Final = re.compile(rb"^\s*client-key-data:\s*\S{40}", re.MULTILINE)
_JAVA_KEYS: Final = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_DATABASE: Final = "a database of SQLite"
_SQLITE: Final = b"SQLite format 3\0"
_EMULATOR: Final = b"streamer-dynamodb "
"""How a file of ``streamer emulate --state`` begins, whatever its name."""
_ZIP: Final = b"PK\x03\x04"
_RUNTIME: Final = b"streamer/handlers/__init__.py"
"""In every bundle, by its name, which no zip compresses."""
_BUNDLE: Final = "code that `streamer build` packed"
"""No secret, but it would be in the next bundle, and that one in the one after it."""


def kind_by_name(path: str) -> str | None:
    """What a file is by its path, such as ``a private key``; None when nothing speaks against packing it."""
    parts = PurePosixPath(path).parts
    for place, kind in _PLACES.items():
        if place in parts:
            return kind
    name = parts[-1].lower()
    return next((kind for pattern, kind in _NAMES.items() if fnmatch.fnmatchcase(name, pattern)), None)


def kind_by_content(content: bytes) -> str | None:
    """What a file is by what it holds; None when nothing speaks against packing it."""
    if content.startswith(_SQLITE):
        return _DATABASE
    if content.startswith(_EMULATOR):
        return "state of the emulator"
    if content.startswith(_ZIP) and _RUNTIME in content:
        return _BUNDLE
    if content.startswith(_JAVA_KEYS):
        return "a key store (Java)"
    if _PRIVATE_KEY.search(content):
        return "a private key"
    if b"kty" in content and any(_JWK_SECRET.search(found[0]) for found in _JWK.finditer(content)):
        return "a private key (JWK)"
    # AWS's own example, which documentation is full of, is nobody's key.
    keys = (found[1] or found[2] for found in _AWS_KEY.finditer(content))
    if any(b"EXAMPLE" not in key for key in keys):
        return "a secret access key of AWS"
    found = (content[max(0, each.start() - _BEFORE) : each.start()] for each in _PASSWORD.finditer(content))
    if any(_OF_PACKAGES.search(before) for before in found):
        return "a password for packages"
    return "credentials of Kubernetes" if _KUBECONFIG.search(content) else None


def kept_secret(text: bytes) -> str | None:
    """What of a text, such as that of a template, nobody may see who may see the rest; None: nothing."""
    return next((token.kind for token in tokens(text)), kind_by_content(text))


def kind(path: str, content: bytes, *, is_wanted: bool = False) -> str | None:
    """What a file is, by name or else by content; None when nothing speaks against packing it.

    Modules of Python are judged by content alone: ``credentials.py`` is code. ``is_wanted``: the user named it as one
    to pack, so a database or a mere name is no reason against it.
    """
    by_name = None if path.endswith(".py") else kind_by_name(path)
    found = [kind for kind in (by_name, kind_by_content(content)) if kind is not None]
    return next((kind for kind in found if not (is_wanted and _is_weak(kind))), None)


def _is_weak(kind: str) -> bool:
    return kind in (_DATABASE, _BUNDLE) or kind.endswith("by its name")
