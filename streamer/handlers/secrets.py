"""Secrets of a deployed service: fetched from Secrets Manager once per execution environment.

On AWS a function has ``JWT_SECRET_ARN`` instead of ``JWT_SECRET``: an environment variable's value is shown to
everyone who may look at the function's configuration. ``STREAMER_SECRETS`` names the variables to fill; without it
this module is not even imported. Why this way is in ``docs/decisions/0005``.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from streamer.errors import ConfigurationError

VARIABLE: Final = "STREAMER_SECRETS"
"""Names of variables, separated by commas; the secret's ARN is in ``NAME_ARN``."""
HANDLER_VARIABLE: Final = "STREAMER_HANDLER"
"""The handler, as ``module.attribute``, that `SECRETS_FIRST` stands before."""
SECRETS_FIRST: Final = "streamer.handlers.plain.handler"
"""The handler of functions whose own one knows nothing of secrets."""


def load(environ: MutableMapping[str, str], client: Callable[[str], Any]) -> None:
    """Put the values of all secrets into the environment, where the service and the user's code look for them.

    Args:
        environ: The process's environment.
        client: Makes the client of an AWS service.

    Raises:
        ConfigurationError: a secret cannot be read; neither its value nor AWS's answer is in the message.
    """
    for name in environ[VARIABLE].split(","):
        if name not in environ:
            environ[name] = _value(name, environ.get(f"{name}_ARN", ""), client)


def _value(name: str, arn: str, client: Callable[[str], Any]) -> str:
    try:
        value: str | None = client("secretsmanager").get_secret_value(SecretId=arn).get("SecretString")
    except (BotoCoreError, ClientError) as exc:
        code = exc.response["Error"]["Code"] if isinstance(exc, ClientError) else type(exc).__name__
        raise ConfigurationError(f"the secret {arn!r} for {name} cannot be read: {code}") from exc
    if value is None:
        raise ConfigurationError(f"the secret {arn!r} for {name} is binary; it must be text")
    return value
