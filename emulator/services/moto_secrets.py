"""Gives moto's secrets ARNs that are known beforehand, and mends what of them fails.

Imported in the process of the services only.
"""

from __future__ import annotations

from typing import Any

from moto.secretsmanager import exceptions, models, utils

from ..foundation.place import arn_of
from .secret_names import suffix


def take() -> None:
    """Name all secrets that are made from now on, and refuse to list the versions of one that is not there."""
    list_versions = models.SecretsManagerBackend.list_secret_version_ids

    def list_secret_version_ids(backend: Any, secret_id: str, *given: Any, **named: Any) -> Any:
        if secret_id not in backend.secrets:
            raise exceptions.SecretNotFoundException
        return list_versions(backend, secret_id, *given, **named)

    models.SecretsManagerBackend.list_secret_version_ids = list_secret_version_ids

    def arn(account_id: str, region: str, secret_id: str) -> str:
        return arn_of("secretsmanager", region, account_id, f"secret:{secret_id}-{suffix(secret_id)}")

    identifier = getattr(utils, "SecretsManagerSecretIdentifier", None)
    if identifier is None:  # before 5.0.22 or so
        models.secret_arn = arn
        return

    def generate(named: Any, existing_ids: Any = None, tags: Any = None) -> str:
        return arn(named.account_id, named.region, named.name)

    identifier.generate = generate
