"""Logical ids and physical names of a stack's resources. Pure.

A logical id never changes for the same thing: CloudFormation would replace the resource.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from streamer.topology import Topology

STACK: Final = "${AWS::StackName}"
"""The stack's name inside ``Fn::Sub``."""


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


def table_id(topology: Topology, name: str) -> str:
    """Logical id of a table: the same in every stage, whatever the prefix of the tables' names."""
    return f"{pascal(name.removeprefix(table_prefix(topology)))}Table"


def table_prefix(topology: Topology) -> str:
    """What the functions know as ``TABLE_PREFIX``; empty when the topology has no such variable."""
    for function in topology.functions:
        if "TABLE_PREFIX" in function.environment:
            return function.environment["TABLE_PREFIX"]
    return ""


def function_name(name: str) -> dict[str, str]:
    """Physical name of a function: known before it exists, so that a role can name its own function."""
    return sub(f"{STACK}-{name}")


def ref(logical_id: str) -> dict[str, str]:
    """The resource's physical id."""
    return {"Ref": logical_id}


def att(logical_id: str, attribute: str = "Arn") -> dict[str, list[str]]:
    """An attribute of a resource."""
    return {"Fn::GetAtt": [logical_id, attribute]}


def sub(text: str, **values: Any) -> dict[str, Any]:
    """``text`` with ``${...}`` replaced by CloudFormation."""
    return {"Fn::Sub": [text, values]} if values else {"Fn::Sub": text}
