"""What a stack calls the parts of a topology, whether it is made or only referred to. Pure.

A logical id never changes for the same thing: CloudFormation would replace the resource.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from streamer.topology import Topology

API: Final = "Api"
"""Logical id of the WebSocket API."""
STAGE: Final = "Stage"
"""Logical id of its stage."""


def pascal(name: str) -> str:
    """A name as part of a logical id: ``by-user`` becomes ``ByUser``.

    Anything but lower-case words joined by hyphens gets a hash, so that two names never become one id.
    """
    text = "".join(word[0].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", name) if word)
    if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*", name):
        return text
    return text + hashlib.sha256(name.encode()).hexdigest()[:8]


def function_id(name: str) -> str:
    """Logical id of a function."""
    return f"{pascal(name)}Function"


def role_id(name: str) -> str:
    """Logical id of a function's role."""
    return f"{pascal(name)}Role"


def log_group_id(name: str) -> str:
    """Logical id of a function's log group."""
    return f"{pascal(name)}LogGroup"


def route_id(route_key: str) -> str:
    """What the ids of a route, its integration and its permission start with; ``$connect`` is not ``connect``."""
    return pascal(route_key[1:]) if route_key.startswith("$") else f"{pascal(route_key)}Action"


def queue_id(name: str) -> str:
    """Logical id of a queue."""
    return f"{pascal(name)}Queue"


def bucket_id(name: str) -> str:
    """Logical id of a bucket."""
    return f"{pascal(name)}Bucket"


def table_id(topology: Topology, name: str) -> str:
    """Logical id of a table: the same in every stage, whatever the prefix of the tables' names."""
    return f"{pascal(name.removeprefix(table_prefix(topology)))}Table"


def table_prefix(topology: Topology) -> str:
    """What the functions know as ``TABLE_PREFIX``; empty when the topology has no such variable."""
    for function in topology.functions:
        if "TABLE_PREFIX" in function.environment:
            return function.environment["TABLE_PREFIX"]
    return ""
