"""Lambda as a place to install for: its markers, the wheels that it loads, its standard library. Pure.

Nothing here looks at the machine it runs on, so that each machine makes the same bundle.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from packaging import tags

MACHINES: Final[Mapping[str, str]] = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's word for an architecture to Python's."""

_ELF_MACHINES: Final[Mapping[str, int]] = {"arm64": 183, "x86_64": 62}
"""What an ELF file calls it: ``EM_AARCH64`` and ``EM_X86_64``."""

GLIBC_MINOR: Final = 34
"""Amazon Linux 2023 has glibc 2.34. [DOC] amazon-linux-docs:compare-with-al2"""

_OLDEST_GLIBC: Final[Mapping[str, int]] = {"aarch64": 17, "x86_64": 5}
_ALIASES: Final[Mapping[int, str]] = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}

PROVIDED: Final = (
    "boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "snapshot_restore_py",
)  # fmt: skip
"""What Lambda's Python has beside the standard library: boto3 and what it needs, and the hooks of SnapStart.
[DOC] lambda-docs:python-package, snapstart-runtime-hooks-python"""

_REMOVED: Final[Mapping[tuple[int, int], frozenset[str]]] = {
    (3, 12): frozenset(("asynchat", "asyncore", "distutils", "imp", "smtpd")),
    (3, 13): frozenset((
        "aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis", "nntplib",
        "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib",
    )),
}  # fmt: skip
_ADDED: Final[Mapping[tuple[int, int], frozenset[str]]] = {(3, 14): frozenset(("annotationlib", "compression"))}
_WINDOWS: Final = frozenset(("_winapi", "msvcrt", "nt", "winreg", "winsound"))


def version_of(python: str) -> tuple[int, int]:
    """Of text such as ``3.13``."""
    major, minor = python.split(".")
    return int(major), int(minor)


def markers(python: str, architecture: str) -> dict[str, str]:
    """The environment that PEP 508's markers are evaluated in. The patch release is not known: its first one."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": MACHINES[architecture],
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }


def platforms(architecture: str) -> list[str]:
    """Platform tags of the wheels that Lambda loads, the best first."""
    machine = MACHINES[architecture]
    tags: list[str] = []
    for minor in range(GLIBC_MINOR, _OLDEST_GLIBC[machine] - 1, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in _ALIASES:
            tags.append(f"{_ALIASES[minor]}_{machine}")
    return [*tags, f"linux_{machine}"]


def wheel_tags(python: str, architecture: str) -> frozenset[tags.Tag]:
    """Tags of the wheels that Lambda's Python loads."""
    version, found = version_of(python), platforms(architecture)
    interpreter = f"cp{version[0]}{version[1]}"
    own = tags.cpython_tags(version, abis=[interpreter], platforms=found)
    return frozenset((*own, *tags.compatible_tags(version, interpreter=interpreter, platforms=found)))


def extension_suffixes(python: str, architecture: str) -> tuple[str, ...]:
    """How files of extension modules end that Lambda's Python imports."""
    version = python.replace(".", "")
    return (f".cpython-{version}-{MACHINES[architecture]}-linux-gnu.so", ".abi3.so", ".so")


def is_machine_code(content: bytes, architecture: str) -> bool:
    """Whether a file is machine code for Lambda: ELF of 64 bits, and its machine. [DOC] elf(5): e_ident, e_machine"""
    return content[:5] == b"\x7fELF\x02" and int.from_bytes(content[18:20], "little") == _ELF_MACHINES[architecture]


def standard_library(python: str) -> frozenset[str]:
    """Top-level modules of that Python on Linux, from this Python's own list and what changed since 3.11."""
    names = set(sys.stdlib_module_names) - _WINDOWS
    for since, added in _ADDED.items():
        names = names | added if version_of(python) >= since else names - added
    for since, removed in _REMOVED.items():
        names = names - removed if version_of(python) >= since else names | removed
    return frozenset(names)
