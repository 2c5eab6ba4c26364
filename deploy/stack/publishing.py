"""Versions and aliases of functions that start before anybody asks: provisioned concurrency and SnapStart. Pure.

Both belong to a published version. [DOC] lambda-docs:provisioned-concurrency, lambda-docs:snapstart
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from streamer.topology import Function, Topology
from streamer.topology.logical_ids import function_id

from .names import Resources, att, ref, sub

ALIAS = "live"
"""The alias that API Gateway calls."""


def called_id(topology: Topology, function: str) -> str:
    """Logical id of what API Gateway calls: the function, or its alias, which is another resource of the same kind."""
    return alias_id(function) if topology.function(function).is_published else function_id(function)


def called_arn(topology: Topology, function: str) -> str:
    """Its ARN within ``Fn::Sub``."""
    return (
        f"${{{alias_id(function)}}}"
        if topology.function(function).is_published
        else f"${{{function_id(function)}.Arn}}"
    )


def alias_id(function: str) -> str:
    """Logical id of a function's alias."""
    return f"{function_id(function)}Live"


def published(function: Function, properties: Mapping[str, Any]) -> Resources:
    """The version and the alias of a function, given its properties; nothing if it needs none.

    A version is what it was when it was made. Its description is that of the code and the properties, and another
    description makes CloudFormation publish another version. [DOC] cfn-docs:AWS::Lambda::Version, update requires
    """
    if not function.is_published:
        return {}
    digest = hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()[:12]
    version_id = f"{function_id(function.name)}Version"
    alias: dict[str, Any] = {
        "FunctionName": ref(function_id(function.name)),
        "FunctionVersion": att(version_id, "Version"),
        "Name": ALIAS,
    }
    if function.provisioned_concurrency is not None:
        warm = {"ProvisionedConcurrentExecutions": function.provisioned_concurrency}
        alias["ProvisionedConcurrencyConfig"] = warm
    return {
        version_id: {
            "Type": "AWS::Lambda::Version",
            "Properties": {
                "FunctionName": ref(function_id(function.name)),
                "Description": sub(f"${{CodeKey}} {digest}"),
            },
        },
        alias_id(function.name): {"Type": "AWS::Lambda::Alias", "Properties": alias},
    }
