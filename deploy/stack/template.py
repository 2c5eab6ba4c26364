"""Topology and settings -> CloudFormation template. Pure: the same input gives the same text.

Code and secret values are parameters, so the template holds neither and can be printed, diffed and committed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from streamer.handlers.secrets import HANDLER_VARIABLE, SECRETS_FIRST, VARIABLE
from streamer.sending.sender import ENDPOINT_VARIABLE
from streamer.stores.names import bucket_variable
from streamer.topology import AsyncInvocation, Function, Topology, queue_url_variable
from streamer.topology.checks import validate
from streamer.topology.logical_ids import bucket_id, function_id, log_group_id, queue_id, role_id, table_id
from streamer.topology.own_resources import reference

from ..errors import DeployError
from .access_log import with_choice
from .alarms import alarms, dashboard
from .buckets import bucket_resources
from .domain import domain_resources, domain_url
from .event_sources import mapping, queue_mapping, schedule
from .gateway import api_resources, management_url, websocket_url
from .limits import require_names, require_own_parameters, require_sizes
from .names import STACK, Resources, att, function_name, merge, ref, sub
from .organisation import organised
from .own_resources import merged
from .policy import role, secret_references
from .publishing import published
from .queues import queue
from .settings import StackSettings, secret_parameter
from .tables import table


def template(topology: Topology, settings: StackSettings) -> dict[str, Any]:
    """The whole stack.

    Raises:
        DeployError: the topology has something that cannot be deployed, or is more than a stack takes.
        TopologyError: the topology contradicts itself.
    """
    validate(topology)
    _require_deployable(topology)
    require_names(topology, settings)
    secrets = _new_secrets(topology, settings)
    resources = merge(
        (function_resources(topology, settings, function) for function in topology.functions),
        [
            tables(topology),
            bucket_resources(topology),
            api_resources(topology, settings),
            {k: _secret(v) for k, v in secrets.items()},
        ],
        [domain_resources(settings)],
        [alarms(topology, settings), {"Dashboard": dashboard(topology)}],
    )
    resources = organised(resources, settings)
    # After all that changes a function: a version is what it was when it was made.
    versions = (published(each, resources[function_id(each.name)]["Properties"]) for each in topology.functions)
    resources = merge([resources], versions)
    require_own_parameters(secrets.values(), {*resources, *_parameters(topology, ())})
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Requests over WebSockets, deployed by streamer (stage {topology.api.stage})",
        "Parameters": _parameters(topology, secrets.values()),
        "Resources": resources,
        "Outputs": _outputs(topology, settings, secrets),
    }
    if settings.access_logs and settings.logging_role:
        document = with_choice(document)
    if settings.own_resources or settings.environment_from:
        document = merged(document, settings.own_resources, settings.resources_file)
    require_sizes(document, len(to_json(document).encode()))
    return document


def to_json(document: Mapping[str, Any], *, indent: int | None = None) -> str:
    """A template as text; compact without ``indent``, for the size limit of requests.

    In ASCII: of anything else GetTemplate tells question marks, and then no two deployments are the same.
    [USR] aws-cloudformation/cloudformation-coverage-roadmap#814, #1220
    """
    return json.dumps(document, indent=indent, separators=None if indent else (",", ":"))


def secret_variables(document: Mapping[str, Any]) -> dict[str, str]:
    """Parameter of a template to the environment variable whose secret value it carries, as its functions say."""
    functions = (each for each in document["Resources"].values() if each["Type"] == "AWS::Lambda::Function")
    variables = [each.get("Properties", {}).get("Environment", {}).get("Variables", {}) for each in functions]
    named = {name for each in variables for name in str(each.get(VARIABLE, "")).split(",") if name}
    names = {secret_parameter(variable): variable for variable in named}
    return {name: names[name] for name in document.get("Parameters", {}) if name in names}


def function_resources(topology: Topology, settings: StackSettings, function: Function) -> Resources:
    """A function with its role, its log group and the settings of its asynchronous invocations."""
    found: Resources = {
        log_group_id(function.name): {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": settings.log_group(f"/aws/lambda/{STACK}-{function.name}"),
                "RetentionInDays": settings.log_retention_days,
            },
            **settings.end_of_logs,
        },
        role_id(function.name): role(topology, settings, function),
        function_id(function.name): {
            "Type": "AWS::Lambda::Function",
            "Properties": _function_properties(topology, settings, function),
        },
    }
    for invocation in topology.async_invocations:
        if invocation.function == function.name:
            found[f"{function_id(function.name)}Async"] = {
                "Type": "AWS::Lambda::EventInvokeConfig",
                "Properties": {
                    "FunctionName": ref(function_id(function.name)),
                    "Qualifier": "$LATEST",
                    "MaximumRetryAttempts": invocation.maximum_retry_attempts,
                    "MaximumEventAgeInSeconds": invocation.maximum_event_age_seconds,
                }
                | _destinations(invocation),
            }
    return found


def _function_properties(topology: Topology, settings: StackSettings, function: Function) -> dict[str, Any]:
    properties = {
        "FunctionName": function_name(function.name),
        "Runtime": f"python{settings.python}",
        "Architectures": [settings.architecture],
        "Handler": SECRETS_FIRST if secret_references(settings, function) and _is_plain(function) else function.handler,
        "Code": {"S3Bucket": ref("CodeBucket"), "S3Key": ref("CodeKey")},
        "Role": att(role_id(function.name)),
        "MemorySize": function.memory_mb,
        "EphemeralStorage": {"Size": function.ephemeral_storage_mb},
        "Timeout": math.ceil(function.timeout_seconds),
        "Environment": {"Variables": _environment(topology, settings, function)},
        "LoggingConfig": _logging(function),
        "TracingConfig": {"Mode": "Active" if settings.tracing else "PassThrough"},
    }
    if function.snap_start:
        properties["SnapStart"] = {"ApplyOn": "PublishedVersions"}
    if function.layers:
        properties["Layers"] = list(function.layers)
    for invocation in topology.async_invocations:
        if invocation.function == function.name and invocation.dead_letters is not None:
            properties["DeadLetterConfig"] = {"TargetArn": att(queue_id(invocation.dead_letters))}
    reserved = settings.reserved_concurrency.get(function.name, function.reserved_concurrency)
    return properties if reserved is None else properties | {"ReservedConcurrentExecutions": reserved}


def _logging(function: Function) -> dict[str, Any]:
    found: dict[str, Any] = {"LogGroup": ref(log_group_id(function.name)), "LogFormat": function.log_format}
    if function.log_level is not None:
        found["ApplicationLogLevel"] = function.log_level
    if function.system_log_level is not None:
        found["SystemLogLevel"] = function.system_log_level
    return found


def _environment(topology: Topology, settings: StackSettings, function: Function) -> dict[str, Any]:
    own = {name: value for name, value in function.environment.items() if name not in function.secrets}
    variables: dict[str, Any] = {name: reference(what) for name, what in settings.environment_from.items()}
    if function.posts_to_connections:
        # Behind a custom domain the address in events leads nowhere: that domain has no @connections of its own.
        variables[ENDPOINT_VARIABLE] = management_url(topology, settings)
    variables |= {queue_url_variable(name): ref(queue_id(name)) for name in function.sends_to}
    variables |= {bucket_variable(name): ref(bucket_id(name)) for name in function.buckets}
    variables |= {**own, **settings.environment}
    if settings.jwt_public_key is not None and "JWT_SECRET" in function.secrets:
        variables["JWT_PUBLIC_KEY"] = settings.jwt_public_key
    secrets = secret_references(settings, function)
    if secrets:
        # The values themselves would be shown to everyone who may look at the function's configuration.
        variables |= {f"{name}_ARN": arn for name, arn in secrets.items()} | {VARIABLE: ",".join(secrets)}
        if _is_plain(function):
            variables[HANDLER_VARIABLE] = function.handler
    return dict(sorted(variables.items()))


def _is_plain(function: Function) -> bool:
    """Whether its handler knows nothing of secrets."""
    return not function.handler.startswith("streamer.handlers.")


def _destinations(invocation: AsyncInvocation) -> dict[str, Any]:
    found = {kind: {"Destination": att(queue_id(name))} for kind, name in _told(invocation).items() if name is not None}
    return {"DestinationConfig": found} if found else {}


def _told(invocation: AsyncInvocation) -> dict[str, str | None]:
    return {"OnFailure": invocation.on_failure, "OnSuccess": invocation.on_success}


def tables(topology: Topology) -> Resources:
    """Tables, queues, event source mappings and schedules."""
    found: Resources = {table_id(topology, t.name): table(t) for t in topology.tables}
    found |= {queue_id(q.name): queue(q) for q in topology.queues}
    for source in topology.event_source_mappings:
        logical_id = f"{table_id(topology, source.table)}To{function_id(source.function)}"
        _require_one(logical_id in found, source.function, f"the stream of {source.table!r}")
        found[logical_id] = mapping(topology, source)
    for queue_source in topology.queue_mappings:
        logical_id = f"{queue_id(queue_source.queue)}To{function_id(queue_source.function)}"
        _require_one(logical_id in found, queue_source.function, f"the queue {queue_source.queue!r}")
        found[logical_id] = queue_mapping(queue_source)
    for each in topology.schedules:
        found |= schedule(each)
    return found


def _require_one(is_second: bool, function: str, source: str) -> None:
    """[USR] aws/serverless-application-model#1320: "provided mapping already exists"."""
    if is_second:
        raise DeployError(
            f"function {function!r} reads {source} by two mappings, and Lambda takes one; give that one all filters"
        )


def _new_secrets(topology: Topology, settings: StackSettings) -> dict[str, str]:
    """Logical id of each secret that this stack keeps itself, and the environment variable it is for."""
    found: dict[str, str] = {}
    for function in topology.functions:
        for variable in secret_references(settings, function):
            if variable not in settings.secret_arns:
                other = found.setdefault(f"{secret_parameter(variable)}Store", variable)
                if other != variable:
                    raise DeployError(
                        f"the secrets {other} and {variable} would have one parameter, {secret_parameter(variable)}, "
                        f"and so one value; rename one"
                    )
    return found


def _secret(variable: str) -> dict[str, Any]:
    return {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {
            "Description": sub(f"{variable} of {STACK}"),
            "SecretString": ref(secret_parameter(variable)),
        },
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
    }


def _parameters(topology: Topology, secrets: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "CodeBucket": {"Type": "String", "Description": "Bucket that holds the code"},
        "CodeKey": {"Type": "String", "Description": "Key of the code, named after its content"},
    }
    for variable in secrets:
        found[secret_parameter(variable)] = {
            "Type": "String",
            "NoEcho": True,
            # [DOC] RFC 7518 section 3.2: a key for HS256 has at least 256 bits.
            "MinLength": 32 if variable == "JWT_SECRET" else 1,
            "Description": f"Value of {variable}, kept in Secrets Manager",
        }
    for number in range(len(topology.api.api_keys)):
        found[f"ApiKey{number + 1}Value"] = {"Type": "String", "NoEcho": True, "MinLength": 20}
    return found


def _outputs(topology: Topology, settings: StackSettings, secrets: Mapping[str, str]) -> dict[str, Any]:
    found = {
        "WebSocketUrl": {
            "Description": "What clients connect to",
            "Value": domain_url(settings, "wss") or websocket_url(topology),
        },
        "ApiId": {"Description": "Id of the WebSocket API", "Value": ref("Api")},
        "CodeKey": {"Description": "The code that runs", "Value": ref("CodeKey")},
    }
    for function in topology.functions:
        found[f"{function_id(function.name)}Name"] = {"Value": ref(function_id(function.name))}
    for each in topology.tables:
        found[f"{table_id(topology, each.name)}Name"] = {"Value": ref(table_id(topology, each.name))}
    for store in secrets:
        found[f"{store.removesuffix('Store')}Arn"] = {"Value": att(store, "Id")}
    for each_queue in topology.queues:
        found[f"{queue_id(each_queue.name)}Url"] = {"Value": ref(queue_id(each_queue.name))}
    for each_bucket in topology.buckets:
        found[f"{bucket_id(each_bucket.name)}Name"] = {"Value": ref(bucket_id(each_bucket.name))}
    return found


def _require_own_sources(topology: Topology) -> None:
    """Refuse a service that reads what it does not make."""
    if topology.kinesis_mappings:
        raise DeployError("the service reads streams of Kinesis; describe those in a file of resources beside it")
    if topology.found_tables or topology.found_queues:
        raise DeployError("the service reads tables or queues that it does not make; streamer deploy knows of none")


def _require_deployable(topology: Topology) -> None:
    """Refuse what no template of ours says."""
    if topology.more_apis:
        raise DeployError("the service has several WebSocket APIs; streamer deploy makes one of a stack")
    _require_own_sources(topology)
    if topology.http_apis:
        raise DeployError("the service has HTTP or REST APIs or function URLs, which streamer deploy does not make")
    if topology.api.api_id is not None:
        raise DeployError("the API has an api_id of its own; on AWS, API Gateway chooses it")
    for route in topology.api.routes:
        if route.integration is not None and route.integration.kind != "MOCK":
            raise DeployError(f"route {route.route_key!r} has an integration that streamer deploy does not make")
    told: list[tuple[str, tuple[str | None, ...]]]
    told = [(each.function, (each.on_failure,)) for each in topology.event_source_mappings]
    told += [(each.function, (*_told(each).values(), each.dead_letters)) for each in topology.async_invocations]
    for whose, names in told:
        if any(name and name.startswith("arn:") for name in names):
            raise DeployError(f"streamer deploy makes destinations of {whose!r} that are queues alone")
    for function in topology.functions:
        _require_packable(function)
    _require_no_circle(topology)


def _require_no_circle(topology: Topology) -> None:
    """A queue depends on its dead-letter queue. [DOC] cfn-docs:troubleshooting, circular dependencies"""
    after = {queue.name: queue.dead_letter_queue for queue in topology.queues}
    for first in after:
        passed: list[str] = []
        name: str | None = first
        while name is not None and name not in passed:
            passed.append(name)
            name = after[name]
        if name is not None:
            circle = " -> ".join([*passed[passed.index(name) :], name])
            raise DeployError(f"dead letters of queues go in a circle, which CloudFormation refuses: {circle}")


def _require_packable(function: Function) -> None:
    if function.unavailable is not None:
        raise DeployError(f"function {function.name!r} cannot be packed: {function.unavailable}")
    if function.qualifiers:
        raise DeployError(f"function {function.name!r} has versions or aliases, which streamer deploy does not make")
    if function.search_paths:
        raise DeployError(f"function {function.name!r} has layers; streamer deploy packs one project for all")
    if function.runtime is not None:
        raise DeployError(f"function {function.name!r} is not Python; streamer deploy packs Python functions only")
    if function.code_root is not None:
        raise DeployError(
            f"function {function.name!r} has a code_root of its own; streamer deploy packs one project for all"
        )
