"""Gives moto's keys ids that templates know beforehand, and makes no more of a key than it needs.

Imported in the process of the services only.
"""

from __future__ import annotations

from typing import Any

from moto.kms import models
from moto.kms.exceptions import NotFoundException

from .calls import KEY_ID_TAG


def take() -> None:
    """Stand in the way from now on."""
    create, private_key = models.KmsBackend.create_key, models.generate_private_key
    describe = models.KmsBackend.describe_key

    def describe_key(backend: Any, key_id: str) -> Any:
        try:
            return describe(backend, key_id)
        except KeyError as error:  # of grants, for which moto does not look whether there is such a key
            raise NotFoundException(f"Invalid keyId {key_id}") from error

    def generate_private_key(spec: str) -> Any:
        # moto makes a pair of RSA for symmetric keys, too, which takes as long as all else together.
        return private_key(spec) if spec.startswith(("RSA_", "ECC_")) else None

    def create_key(backend: Any, *arguments: Any, **named: Any) -> Any:
        key = create(backend, *arguments, **named)
        tags = backend.list_resource_tags(key.id)
        found = tags[0] if isinstance(tags, tuple) else tags
        listed = found.get("Tags", ()) if isinstance(found, dict) else found
        wanted = next((str(each["TagValue"]) for each in listed if each["TagKey"] == KEY_ID_TAG), None)
        if wanted is not None and wanted not in backend.keys:
            backend.tagger.delete_all_tags_for_resource(key.id)
            del backend.keys[key.id]
            key.arn = key.arn.replace(key.id, wanted)
            key.id = wanted
            backend.keys[wanted] = key
        return key

    models.KmsBackend.create_key = create_key
    models.KmsBackend.describe_key = describe_key
    models.generate_private_key = generate_private_key
