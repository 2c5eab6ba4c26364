"""Gives moto's secrets ARNs that are known beforehand, and mends what of them fails.

Imported in the process of the services only.
"""

from __future__ import annotations

import re
from typing import Any, Final

from moto.secretsmanager import exceptions, models, utils

from ..foundation.place import arn_of
from .secret_names import suffix

_NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
_BAD_NAME: Final = (
    "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
)
"""[USR] smithy-lang/smithy-typescript #1546, anomalyco/sst #3795"""
_NO_ROTATION: Final = "No Lambda rotation function ARN is associated with this secret."
"""[USR] getmoto/moto #3912"""


def take() -> None:
    """Name all secrets that are made from now on, and refuse what moto fails at, or loses a secret's value by."""
    _check()

    def arn(account_id: str, region: str, secret_id: str) -> str:
        return arn_of("secretsmanager", region, account_id, f"secret:{secret_id}-{suffix(secret_id)}")

    identifier = getattr(utils, "SecretsManagerSecretIdentifier", None)
    if identifier is None:  # before 5.0.22 or so
        models.secret_arn = arn
        return

    def generate(named: Any, existing_ids: Any = None, tags: Any = None) -> str:
        return arn(named.account_id, named.region, named.name)

    identifier.generate = generate


def _check() -> None:
    create = models.SecretsManagerBackend.create_secret
    list_versions = models.SecretsManagerBackend.list_secret_version_ids

    def create_secret(backend: Any, name: str, *given: Any, **named: Any) -> Any:
        if _NAME.fullmatch(name) is None:
            raise exceptions.ValidationException(_BAD_NAME)
        return create(backend, name, *given, **named)

    def rotate_secret(backend: Any, secret_id: str, *, rotation_lambda_arn: str | None = None, **_named: Any) -> Any:
        if secret_id not in backend.secrets:
            raise exceptions.SecretNotFoundException
        if not rotation_lambda_arn:
            raise exceptions.InvalidRequestException(_NO_ROTATION)
        raise NotImplementedError  # the function is none of moto's

    def list_secret_version_ids(backend: Any, secret_id: str, *given: Any, **named: Any) -> Any:
        if secret_id not in backend.secrets:
            raise exceptions.SecretNotFoundException
        return list_versions(backend, secret_id, *given, **named)

    models.SecretsManagerBackend.create_secret = create_secret
    models.SecretsManagerBackend.rotate_secret = rotate_secret
    models.SecretsManagerBackend.list_secret_version_ids = list_secret_version_ids
