"""CloudFormation of the user's own beside a service: what its file may have, and how variables refer to it. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from streamer.errors import ConfigurationError

SECTIONS: Final = ("Conditions", "Mappings", "Outputs", "Resources")
"""What such a file may have. Parameters have no value here, and a transform would hide what is deployed."""
IGNORED_SECTIONS: Final = frozenset({"AWSTemplateFormatVersion", "Description", "Metadata"})
_REFERENCE: Final = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9.]+)?")


def reference(text: str) -> dict[str, Any]:
    """What ``environment_from`` says: ``Uploads`` is ``Ref``, ``Uploads.Arn`` is ``Fn::GetAtt``.

    Raises:
        ConfigurationError: it is neither.
    """
    if _REFERENCE.fullmatch(text) is None:
        raise ConfigurationError(f"environment_from has {text!r}; write a logical id, such as Uploads, or Uploads.Arn")
    logical_id, _, attribute = text.partition(".")
    return {"Fn::GetAtt": [logical_id, attribute]} if attribute else {"Ref": logical_id}
