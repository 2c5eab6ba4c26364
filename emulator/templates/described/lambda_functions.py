"""Lambda functions of a stack, as the topology describes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from streamer.aws_limits import VARIABLES_BYTES
from streamer.topology import Function, Topology
from streamer.topology.variables import why_no_variable

from ...functions.runtime_names import NO_MORE, is_runtime, measured, size_of
from ...functions.runtimes import reason_not_run
from ...functions.variables import VERSION, invoked, name_and_qualifier
from ..catalogue import Catalogue
from ..errors import Path, Problem
from ..located import Located
from ..stack import Resource
from ..values import at, mapping, text, whole

PYTHON = "python"
_URI: Final = re.compile(r".*?:lambda:path/[^/]+/functions/(.+)/(?:response-streaming-)?invocations")


_NOT_HERE: Final = {
    "CapacityProviderConfig": "an environment gets one event at a time here, not several",
    "DurableConfig": "durable executions are not emulated: its handler gets events as they are, and no checkpoints",
    "FileSystemConfigs": "file systems are not mounted here",
    "TenancyConfig": "tenants are not told apart here: they share environments, and the context names none",
}
"""What a function does without. [DOC] cfn-docs:AWS_Lambda_Function"""


def function(
    catalogue: Catalogue,
    resource: Resource,
    located: Located,
    *,
    commands: Mapping[str, str],
    variables: Mapping[str, Mapping[str, str]],
) -> Function:
    """A function with its code, variables and limits."""
    properties = resource.properties
    is_image = properties.get("PackageType") == "Image"
    runtime = None if is_image else text(resource, "Runtime")
    if runtime is not None:
        _warn_of_refusals(catalogue, resource, runtime)
    command = next((commands[name] for name in names_of(resource) if name in commands), None)
    unavailable = located.unavailable
    if command is not None:
        runtime, unavailable = command, None
    elif is_image:
        unavailable = unavailable or "it is a container image, which is not run here"
    elif runtime is not None:  # first of all: code that is brought here would not run either
        unavailable = reason_not_run(runtime) or unavailable
    environment = _environment(resource, variables)
    if unavailable is None:
        _warn_of_missing(catalogue, resource, runtime, environment)
    python = runtime is not None and runtime.startswith(PYTHON) and command is None
    return Function(
        name=resource.name,
        handler=located.handler or ("" if is_image else str(properties.get("Handler") or "bootstrap")),
        environment=environment,
        timeout_seconds=float(whole(resource, "Timeout", 3)),
        memory_mb=whole(resource, "MemorySize", 128),
        ephemeral_storage_mb=_storage_mb(resource),
        reserved_concurrency=whole(resource, "ReservedConcurrentExecutions", None),
        code_root=located.folder,
        runtime=None if python else runtime,
        search_paths=located.search_paths,
        unavailable=unavailable,
        qualifiers=_qualifiers(catalogue, resource),
    )


def _warn_of_missing(
    catalogue: Catalogue, resource: Resource, runtime: str | None, environment: Mapping[str, str]
) -> None:
    """Tell what a function that runs does without."""
    for name, missing in _NOT_HERE.items():
        if resource.properties.get(name):
            catalogue.warn(resource, f"{name}: {missing}")
    if (wrapper := environment.get("AWS_LAMBDA_EXEC_WRAPPER")) and not str(runtime).startswith("provided"):
        # [DOC] lambda-docs:runtimes-modify
        catalogue.warn(resource, f"its runtime is started without {wrapper} (AWS_LAMBDA_EXEC_WRAPPER)")


def _warn_of_refusals(catalogue: Catalogue, resource: Resource, runtime: str) -> None:
    """Tell what runs here and is refused by Lambda. [DOC] cfn-docs:AWS_Lambda_Function, lambda-docs:lambda-runtimes"""
    if "Handler" not in resource.properties:
        catalogue.warn(resource, "Lambda refuses it: code in an archive needs a Handler")
    if runtime in NO_MORE:
        catalogue.warn(resource, f"Lambda refuses it: no function is made with {runtime} any more")
    elif not is_runtime(runtime):
        catalogue.warn(resource, f"Lambda refuses it: there is no runtime {runtime}")
    size = size_of(measured(mapping(resource, "Environment").get("Variables") or {}))
    if size > VARIABLES_BYTES:
        catalogue.warn(resource, f"Lambda refuses it: its variables are of {size} bytes, more than {VARIABLES_BYTES}")


def _storage_mb(resource: Resource) -> int:
    size = mapping(resource, "EphemeralStorage").get("Size", 512)
    if isinstance(size, bool) or not isinstance(size, int):
        raise Problem(at(resource, "EphemeralStorage", "Size"), "it is a whole number of MB")
    return size


def names_of(resource: Resource) -> tuple[str, ...]:
    """What a user may call a function: logical id, name, construct path."""
    path = resource.metadata.get("aws:cdk:path")
    known = (resource.logical_id, resource.name)
    return known if not isinstance(path, str) else (*known, path, path.removesuffix("/Resource"))


def _environment(resource: Resource, more: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    declared = mapping(resource, "Environment").get("Variables") or {}
    found = _logging(resource)
    for name, value in declared.items():
        why = why_no_variable(name)
        if why is not None:
            raise Problem(at(resource, "Environment", "Variables", name), why)
        if isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            found[name] = str(value)
        else:
            raise Problem(at(resource, "Environment", "Variables", name), "a variable's value is text")
    for name in ("*", *names_of(resource)):
        found |= more.get(name, {})
    return found


def _logging(resource: Resource) -> dict[str, str]:
    """What tells a runtime to log JSON, and from which level on.

    [DOC] lambda-docs:monitoring-cloudwatchlogs-logformat, monitoring-cloudwatchlogs-log-level
    """
    given = mapping(resource, "LoggingConfig")
    if given.get("LogFormat") != "JSON":
        return {}
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": str(given.get("ApplicationLogLevel") or "INFO")}


def _qualifiers(catalogue: Catalogue, resource: Resource) -> dict[str, str]:
    """Versions and aliases of a function, each with its version."""
    found: dict[str, str] = {}
    for each in catalogue.of("AWS::Lambda::Version", "AWS::Lambda::Alias"):
        if function_name(each.properties.get("FunctionName")) == resource.name:
            qualifier = str(each.ref).rpartition(":")[2]
            found[qualifier] = str(each.properties.get("FunctionVersion", qualifier))
    return found


def warn_of_qualifiers(catalogue: Catalogue, topology: Topology) -> None:
    """Tell of what is invoked by a version or alias that no template makes, which Lambda does not find."""
    named = [name_and_qualifier(each) for each in invoked(topology)]
    for resource in catalogue.of("AWS::Lambda::Function"):
        has = (None, VERSION, *topology.function(resource.name).qualifiers)
        for qualifier in dict.fromkeys(each for name, each in named if name == resource.name and each not in has):
            catalogue.warn(
                resource,
                f"it is invoked as {qualifier}, a version or alias that no template makes: it runs here, and on AWS "
                "only if there is one all the same",
            )


def function_name(reference: Any) -> str | None:
    """The name in a function's ARN, with or without a qualifier, or in a plain name; None: it is neither."""
    found = qualified_name(reference)
    return None if found is None else found.partition(":")[0]


def qualified_name(reference: Any) -> str | None:
    """The name, and what follows it: a colon and a version or alias, as `Functions.invoke` takes it; None: neither."""
    if not isinstance(reference, str):
        return None
    parts = reference.split(":")
    if parts[0] == "arn" and len(parts) >= 7 and parts[2] == "lambda" and parts[5] == "function":
        return ":".join(parts[6:8])
    return reference if len(parts) <= 2 else None


def function_of(written: str, functions: set[str], path: Path) -> str:
    """The function that an ARN, or the URI of an integration, names, with its qualifier; raises `Problem`."""
    parsed = _URI.fullmatch(written)
    found = qualified_name(parsed[1] if parsed is not None else written)
    if found is None or found.partition(":")[0] not in functions:
        have = ", ".join(sorted(functions)) or "none"
        raise Problem(path, f"{written!r} names no function of this project; there are {have}")
    return found
