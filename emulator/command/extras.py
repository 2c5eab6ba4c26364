"""What of streamer's optional parts a command needs, and what to say where it is not installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Final

from streamer.errors import ConfigurationError

MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "emulator": (
        *("aiobotocore", "awslambdaric", "boto3", "h2", "httptools", "jsonschema", "moto", "msgspec", "packaging"),
        *("pathspec", "trustme", "watchfiles", "yaml"),
    ),
    "deploy": ("boto3", "packaging", "pathspec", "yaml"),
}
"""Extra to the modules of its distributions that we import; a test compares it with pyproject.toml."""


def require(extra: str) -> None:
    """Make sure that an extra is installed.

    Raises:
        ConfigurationError: it is not; the message says what to install.
    """
    missing = [name for name in MODULES[extra] if importlib.util.find_spec(name) is None]
    if missing:
        raise not_installed(extra, missing[0])


def explained(error: ModuleNotFoundError) -> Exception:
    """What to say of a module that is missing; if it is none of an extra's, it is a fault, and raised again."""
    name = (error.name or "").partition(".")[0]
    for extra, modules in MODULES.items():
        if name in modules:
            return not_installed(extra, name)
    raise error


def not_installed(extra: str, module: str) -> ConfigurationError:
    """What to say where a module of an extra is missing."""
    return ConfigurationError(f"this needs {module}, which is not installed: pip install 'streamer-ws[{extra}]'")
