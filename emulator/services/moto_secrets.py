"""Gives moto's secrets ARNs that are known beforehand. Imported in the process of the services only."""

from __future__ import annotations

from typing import Any, Final

from moto.secretsmanager import models, utils

from .secret_names import suffix

_PARTITIONS: Final = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
"""Beginnings of Regions outside of AWS's main partition."""


def take() -> None:
    """Name all secrets that are made from now on."""

    def arn(account_id: str, region: str, secret_id: str) -> str:
        partition = next((name for start, name in _PARTITIONS if region.startswith(start)), "aws")
        return f"arn:{partition}:secretsmanager:{region}:{account_id}:secret:{secret_id}-{suffix(secret_id)}"

    identifier = getattr(utils, "SecretsManagerSecretIdentifier", None)
    if identifier is None:  # before 5.0.22 or so
        models.secret_arn = arn
        return

    def generate(named: Any, existing_ids: Any = None, tags: Any = None) -> str:
        return arn(named.account_id, named.region, named.name)

    identifier.generate = generate
