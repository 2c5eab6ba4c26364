"""What a template wants of the parameter store. Pure.

[USR] the words: aws-deployment-framework #659, data-mesh-datazone-cdk-cloudformation #19
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Final

from ..parameters import SSM
from ..references import references
from ..source import Source
from .asked import Asked, declared, invalid

_DYNAMIC: Final = re.compile(r"\{\{resolve:(ssm:([^{}$:]+)[^{}$]*)\}\}")
_OF_AWS: Final = "/aws/"
"""How names begin of what AWS itself has there, such as names of images, which is not known here."""


def refuse_unstored(asked: Asked, source: Source, stored: Collection[str]) -> None:
    """Refuse a template that needs what is not in the store; ``stored`` are the names of what is there.

    Raises:
        ApiError: some of it is not.
    """
    tree = source.tree
    parts = [tree.get(name) or {} for name in ("Conditions", "Outputs", "Resources")]
    used = {name for part in parts for _, name, _ in references(part, ())}
    wanted = {
        name: asked.parameters.get(name, str(each.get("Default", "")))
        for name, each in declared(source).items()
        if name in used and str(each.get("Type")).startswith(SSM)
    }
    missing = [text for text in wanted.values() if text not in stored and not text.startswith(_OF_AWS)]
    if missing:
        raise invalid(f"Unable to fetch parameters [{','.join(missing)}] from parameter store for this account.")
    named = dict(_DYNAMIC.findall(json.dumps(parts)))
    lost = [text for text, name in named.items() if name not in stored and not name.startswith(_OF_AWS)]
    if lost:
        raise invalid(f"Parameters: [{', '.join(lost)}] cannot be found.")
