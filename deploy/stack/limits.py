"""What AWS would refuse of a stack after minutes, refused at once: names, sizes, unknown settings. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping
from typing import Any, Final

from streamer.aws_limits import TEMPLATE_BYTES, TEMPLATE_PARTS, VARIABLES_BYTES
from streamer.errors import ConfigurationError
from streamer.settings import require_sense
from streamer.topology import Topology
from streamer.topology.variables import why_no_variable

from ..errors import DeployError
from ..package.secrets import kept_secret
from .settings import StackSettings, secret_parameter

PARAMETER_BYTES: Final = 4096
"""Most that the value of a parameter may have. [DOC] cfn-docs:cloudformation-limits"""
FUNCTION_NAME: Final = 64
"""[DOC] lambda-api:CreateFunction"""
QUEUE_NAME: Final = 80
"""[DOC] sqs-api:CreateQueue"""
ROLE_CHARACTERS: Final = 10_240
"""All policies within a role together, white space not counted. [DOC] iam-docs:reference_iam-quotas"""

_FUNCTION: Final = re.compile(r"[A-Za-z0-9_-]+")
_QUEUE: Final = re.compile(r"[A-Za-z0-9_-]+(\.fifo)?")
_TABLE: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}")
"""[DOC] ddb-docs:HowItWorks.NamingRulesDataTypes"""


def require_names(topology: Topology, settings: StackSettings) -> None:
    """Refuse names that AWS does not take, settings of what the service does not have, and values that are tokens.

    Raises:
        DeployError: the first one.
    """
    stack = settings.stack_name
    for function in topology.functions:
        _require(f"function {function.name!r}", f"{stack}-{function.name}", _FUNCTION, FUNCTION_NAME)
    for queue in topology.queues:
        _require(f"queue {queue.name!r}", f"{stack}-{queue.name}", _QUEUE, QUEUE_NAME)
    for table in topology.tables:
        for name in (table.name, *(index.name for index in table.indexes)):
            if not _TABLE.fullmatch(name):
                raise DeployError(
                    f"{name!r} is no name of a table or index: it takes 3 to 255 letters, digits, '_', '-' and '.'"
                )
    _require_known("reserved_concurrency", settings.reserved_concurrency, (f.name for f in topology.functions))
    secrets = {name for function in topology.functions for name in function.secrets}
    _require_known("secret_arns", settings.secret_arns, secrets)
    for name in sorted({*settings.environment, *(v for f in topology.functions for v in f.environment)}):
        why = why_no_variable(name)
        if why is not None:
            raise DeployError(f"{name!r} cannot be an environment variable: {why}")
    _require_no_tokens(topology, settings)
    _require_sense(topology, settings)


def _require_sense(topology: Topology, settings: StackSettings) -> None:
    """What our own handlers are told, and could not be at work with; others take what they like."""
    for function in topology.functions:
        if function.handler.startswith("streamer.handlers."):
            own = {name: value for name, value in function.environment.items() if name not in function.secrets}
            try:
                require_sense({**own, **settings.environment}, settings.environment_from)
            except ConfigurationError as error:
                raise DeployError(str(error)) from error


def require_own_parameters(variables: Iterable[str], taken: Container[str]) -> None:
    """Refuse a secret whose parameter has the name of something else in the stack.

    [DOC] cfn-docs:parameters-section-structure: a parameter's name is unique among all logical names of a template.

    Raises:
        DeployError: the first one.
    """
    for variable in variables:
        if secret_parameter(variable) in taken:
            raise DeployError(
                f"the secret {variable} would have the parameter {secret_parameter(variable)}, which is the name of "
                f"something else in the stack; rename the variable, or keep it in a secret of secret_arns"
            )


def _require_no_tokens(topology: Topology, settings: StackSettings) -> None:
    """A variable's value stands in the template, and in what whoever may look at the function sees."""
    of_functions = ((n, v) for f in topology.functions for n, v in f.environment.items() if n not in f.secrets)
    for name, value in (*settings.environment.items(), *of_functions):
        kind = kept_secret(f"{name}={value}".encode())
        if kind is not None:
            raise DeployError(
                f"the variable {name} holds {kind}, which everyone who may look at the function would see: "
                f"make it a secret, with App(environment=...) or Function(secrets=...), and give its value in the shell"
            )


def _require(what: str, name: str, pattern: re.Pattern[str], most: int) -> None:
    if not pattern.fullmatch(name):
        raise DeployError(f"{what} would be named {name!r} on AWS, which takes letters, digits, '_' and '-' only")
    if len(name) > most:
        raise DeployError(
            f"{what} would be named {name!r} on AWS, which has {len(name)} characters and may have {most}; "
            f"shorten it, the service, or the stack with --stack-name"
        )


def _require_known(setting: str, given: Mapping[str, object], known: Iterable[str]) -> None:
    names = sorted(known)
    for name in given:
        if name not in names:
            raise DeployError(f"{setting} names {name!r}, which the service does not have; it has {', '.join(names)}")


def require_sizes(document: Mapping[str, Any], size_bytes: int) -> None:
    """Refuse a template that CloudFormation does not take, and functions with more variables than Lambda takes.

    Args:
        document: The template.
        size_bytes: Its size as text.

    Raises:
        DeployError: it is too large; the message says what makes it so.
    """
    resources = document["Resources"]
    for part, most in TEMPLATE_PARTS.items():
        if (count := len(document.get(part, {}))) > most:
            raise DeployError(f"the stack would have {count} {part.lower()} and may have {most}; {_advice(resources)}")
    if size_bytes > TEMPLATE_BYTES:
        raise DeployError(
            f"the template has {size_bytes:,} bytes and CloudFormation takes {TEMPLATE_BYTES:,}; {_advice(resources)}"
        )
    _require_roles(resources)
    for logical_id, resource in resources.items():
        # A function of the user's own need not have any, or leaves them to CloudFormation.
        variables = resource.get("Properties", {}).get("Environment", {})
        variables = variables.get("Variables", {}) if isinstance(variables, Mapping) else {}
        if resource["Type"] == "AWS::Lambda::Function" and isinstance(variables, Mapping):
            # What CloudFormation fills in is counted as nothing: this never refuses what Lambda takes.
            size = sum(len(f"{name}{value}".encode()) for name, value in variables.items() if isinstance(value, str))
            if size > VARIABLES_BYTES:
                raise DeployError(
                    f"the variables of {logical_id} have {size:,} bytes; Lambda takes {VARIABLES_BYTES:,}"
                )


def _require_roles(resources: Mapping[str, Any]) -> None:
    for logical_id, resource in resources.items():
        policies = resource.get("Properties", {}).get("Policies", ())
        if resource["Type"] != "AWS::IAM::Role" or not isinstance(policies, list):
            continue
        size = sum(_least(each.get("PolicyDocument")) for each in policies if isinstance(each, Mapping))
        if size > ROLE_CHARACTERS:
            raise DeployError(
                f"the permissions of {logical_id} have {size:,} characters or more and IAM takes {ROLE_CHARACTERS:,}; "
                f"put resources of the same actions into one Permission, or name several by one ARN with *"
            )


def _least(value: Any) -> int:
    """Characters of a policy at least: what CloudFormation fills in is counted as nothing."""
    match value:
        case {"Ref": _} | {"Fn::GetAtt": _}:
            return 2
        case {"Fn::Sub": str(text)}:
            return len(_least_text(text))
        case Mapping():
            parts = [len(json.dumps(name)) + 1 + _least(each) for name, each in value.items()]
        case list() | tuple():
            parts = [_least(each) for each in value]
        case str():
            return len(_least_text(json.dumps(value)))
        case _:
            return len(json.dumps(value))
    return sum(parts) + max(0, len(parts) - 1) + 2


def _least_text(text: str) -> str:
    return re.sub(r"\$\{[^}]*\}|\s", "", text)


def _advice(resources: Mapping[str, Any]) -> str:
    alarms = sum(1 for name in resources if name.endswith("ActionErrorsAlarm"))
    if alarms:
        return f"{alarms} are alarms of single actions: `action_errors = 0` below [alarms] does without them"
    return "make several services of it"
