"""The part of `deploy.aws.boto` that looks at single resources, past CloudFormation, and sets them back."""

from __future__ import annotations

import abc
import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from botocore.waiter import WaiterModel, create_waiter_with_client

from ..planning.callers import POLICY
from ..planning.drift import (
    ALARM,
    ALIAS,
    API,
    API_MAPPING,
    AUTHORIZER,
    BOUNDARY,
    COMPARED,
    DELETION,
    EVENTS,
    FUNCTION,
    INTEGRATION,
    LOG_GROUP,
    MAPPING,
    QUEUE,
    ROLE,
    ROUTE,
    RULE,
    SECRET,
    STAGE,
    TABLE,
    WARM,
)
from .errors import translated
from .watching import ALARMS_PER_CALL, Watching

Client = Callable[[str], Any]
"""Makes a client of a service."""
Real = Mapping[str, Any] | None
"""What AWS says of a resource, in the words of templates; None: there is none."""


class There(Watching):
    """What `deploy.cloud` says of single resources, with clients of whoever inherits it."""

    @abc.abstractmethod
    def table(self, name: str) -> Mapping[str, Any] | None:
        """What DynamoDB says of a table; None: there is none."""

    def there(self, kind: str, names: Sequence[str], owner: str) -> Mapping[str, Real]:
        """What AWS says of resources of a type."""
        if kind == TABLE:
            return {name: self.table(name) for name in names}
        if kind == QUEUE:
            return {url: None if self.queue_length(url) is None else {} for url in names}
        with translated(f"looking at {COMPARED[kind]}"):
            return _LOOKS[kind](self._client, names, owner)

    def set_back(self, kind: str, name: str, owner: str, settings: Mapping[str, Any]) -> None:
        """Change settings of a resource, in the words of its template."""
        with translated(f"setting {', '.join(settings)} of {name}"):
            _SETTERS[kind](self._client, name, owner, settings)


def _functions(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    functions = client("lambda")

    def ask(name: str) -> Mapping[str, Any]:
        found = functions.get_function(FunctionName=name)
        reserved = found.get("Concurrency", {}).get(_RESERVED)
        return {_RESERVED: reserved, POLICY: _callers(functions, FunctionName=name), **found["Configuration"]}

    return _each(ask, names, functions.exceptions.ResourceNotFoundException)


def _callers(functions: Any, **called: str) -> Mapping[str, Any]:
    """The policy of who may call a function, or an alias of it; an empty one where there is none."""
    try:
        document: Mapping[str, Any] = json.loads(functions.get_policy(**called)["Policy"])
    except functions.exceptions.ResourceNotFoundException:
        return {}
    return document


def _set_function(client: Client, name: str, owner: str, settings: Mapping[str, Any]) -> None:
    functions, others = client("lambda"), dict(settings)
    updated = functions.get_waiter("function_updated_v2")
    if _RESERVED in others:
        wanted = others.pop(_RESERVED)
        if wanted is None:
            functions.delete_function_concurrency(FunctionName=name)
        else:
            functions.put_function_concurrency(FunctionName=name, **{_RESERVED: wanted})
    if code := others.pop("Code", None):
        functions.update_function_code(FunctionName=name, **code)
        updated.wait(FunctionName=name)
    if others:
        functions.update_function_configuration(FunctionName=name, **others)
        updated.wait(FunctionName=name)


def _aliases(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    functions = client("lambda")

    def ask(name: str) -> Mapping[str, Any]:
        function, _, alias = name.rpartition(":")
        found = functions.get_alias(FunctionName=function, Name=alias)
        try:
            asked = functions.get_provisioned_concurrency_config(FunctionName=function, Qualifier=alias)
        except functions.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            warm = None
        else:
            warm = {"ProvisionedConcurrentExecutions": asked["RequestedProvisionedConcurrentExecutions"]}
        shares = found.get(_ROUTING, {}).get(_SHARES, {})
        listed = [{"FunctionVersion": version, "FunctionWeight": share} for version, share in shares.items()]
        callers = _callers(functions, FunctionName=function, Qualifier=alias)
        return {**found, _ROUTING: {_SHARES: listed} if listed else None, WARM: warm, POLICY: callers}

    return _each(ask, names, functions.exceptions.ResourceNotFoundException)


def _set_alias(client: Client, name: str, owner: str, settings: Mapping[str, Any]) -> None:
    functions, others = client("lambda"), dict(settings)
    function, _, alias = name.rpartition(":")
    if _ROUTING in others:
        listed = (others[_ROUTING] or {}).get(_SHARES, ())
        others[_ROUTING] = {_SHARES: {each["FunctionVersion"]: each["FunctionWeight"] for each in listed}}
    is_about_warm, warm = WARM in others, others.pop(WARM, None)
    if others:  # first: [USR] hashicorp/terraform-provider-aws#13329, not while environments are started
        functions.update_alias(FunctionName=function, Name=alias, **others)
    if is_about_warm:
        _keep_started(functions, warm, FunctionName=function, Qualifier=alias)


def _keep_started(functions: Any, warm: Mapping[str, Any] | None, **called: str) -> None:
    """Keep environments of an alias started, or none; they are there a few minutes later, or cannot be."""
    if warm is None:
        functions.delete_provisioned_concurrency_config(**called)
        return
    functions.put_provisioned_concurrency_config(**called, **warm)
    create_waiter_with_client("ProvisionedConcurrencyReady", _STARTED, functions).wait(**called)


def _events(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    """What becomes of asynchronous events of a function, which is its owner."""
    functions = client("lambda")
    absent, ask = functions.exceptions.ResourceNotFoundException, functions.get_function_event_invoke_config
    return _each(lambda _: ask(FunctionName=owner, Qualifier=_LATEST), names, absent)


def _set_events(client: Client, name: str, owner: str, settings: Mapping[str, Any]) -> None:
    client("lambda").update_function_event_invoke_config(FunctionName=owner, Qualifier=_LATEST, **settings)


def _mappings(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    functions = client("lambda")

    def ask(name: str) -> Mapping[str, Any]:
        found = functions.get_event_source_mapping(UUID=name)
        return {"Enabled": found["State"] not in ("Disabled", "Disabling"), **found}

    return _each(ask, names, functions.exceptions.ResourceNotFoundException)


def _set_mapping(client: Client, name: str, owner: str, settings: Mapping[str, Any]) -> None:
    client("lambda").update_event_source_mapping(UUID=name, **settings)


def _apis(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    gateway = client("apigatewayv2")
    return _each(lambda name: gateway.get_api(ApiId=name), names, gateway.exceptions.NotFoundException)


def _set_api(client: Client, name: str, owner: str, settings: Mapping[str, Any]) -> None:
    client("apigatewayv2").update_api(ApiId=name, **settings)


def _stages(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    gateway = client("apigatewayv2")
    absent = gateway.exceptions.NotFoundException
    return _each(lambda name: gateway.get_stage(ApiId=owner, StageName=name), names, absent)


def _set_stage(client: Client, name: str, owner: str, settings: Mapping[str, Any]) -> None:
    client("apigatewayv2").update_stage(ApiId=owner, StageName=name, **settings)


def _parts(operation: str, key: str, client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    """Parts of an API or of a domain, which one call lists.

    What CloudFormation calls them may say what they belong to, too. Where it calls none of them as API Gateway does,
    nobody here can tell which is which.
    """
    gateway = client("apigatewayv2")
    asked = {"DomainName" if key == "ApiMappingId" else "ApiId": owner}
    listed: dict[str, Mapping[str, Any]] = {}
    try:
        while True:
            page = getattr(gateway, operation)(**asked)
            listed |= {each[key]: each for each in page["Items"]}
            if "NextToken" not in page:
                break
            asked["NextToken"] = page["NextToken"]
    except gateway.exceptions.NotFoundException:  # they are gone with what they belong to
        listed.clear()
    found = {name: listed.get(re.split(r"[|/]", name)[-1]) for name in names}
    return found if not listed or any(found.values()) else {}


def _rules(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    events = client("events")

    def ask(name: str) -> Mapping[str, Any]:
        named, found = _rule(name), events.describe_rule(**_rule(name))
        rule = {"Rule": named.pop("Name"), **named}
        return {**found, "Targets": events.list_targets_by_rule(**rule).get("Targets", [])}

    return _each(ask, names, events.exceptions.ResourceNotFoundException)


def _set_rule(client: Client, name: str, owner: str, settings: Mapping[str, Any]) -> None:
    events = client("events")
    does = events.enable_rule if settings["State"] == "ENABLED" else events.disable_rule
    does(**_rule(name))


def _alarms(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    pages = client("cloudwatch").get_paginator("describe_alarms")
    found = (
        alarm
        for start in range(0, len(names), ALARMS_PER_CALL)
        for page in pages.paginate(AlarmNames=list(names[start : start + ALARMS_PER_CALL]))
        for alarm in page["MetricAlarms"]
    )
    return _named(names, "AlarmName", found)


def _set_alarm(client: Client, name: str, owner: str, settings: Mapping[str, Any]) -> None:
    alarms = client("cloudwatch")
    does = alarms.enable_alarm_actions if settings["ActionsEnabled"] else alarms.disable_alarm_actions
    does(AlarmNames=[name])


def _log_groups(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    logs = client("logs")
    # [DOC] logs-api:DescribeLogGroups: sorted by name, so that the one that is the prefix comes first.
    pages = (logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] for name in names)
    found = ({**each, "RetentionInDays": each.get("retentionInDays")} for page in pages for each in page)
    return _named(names, "logGroupName", found)


def _set_log_group(client: Client, name: str, owner: str, settings: Mapping[str, Any]) -> None:
    days = settings["RetentionInDays"]
    client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)


def _roles(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    iam = client("iam")

    def ask(name: str) -> Mapping[str, Any]:
        role = iam.get_role(RoleName=name)["Role"]
        named = [each for page in _pages(iam, "list_role_policies", name) for each in page["PolicyNames"]]
        inline = [iam.get_role_policy(RoleName=name, PolicyName=each) for each in named]
        pages = _pages(iam, "list_attached_role_policies", name)
        return {
            "AssumeRolePolicyDocument": role.get("AssumeRolePolicyDocument"),
            BOUNDARY: role.get(BOUNDARY, {}).get("PermissionsBoundaryArn"),
            "Policies": [{key: each[key] for key in ("PolicyName", "PolicyDocument")} for each in inline],
            "ManagedPolicyArns": [each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]],
        }

    return _each(ask, names, iam.exceptions.NoSuchEntityException)


def _secrets(client: Client, names: Sequence[str], owner: str) -> Mapping[str, Real]:
    secrets = client("secretsmanager")
    absent = secrets.exceptions.ResourceNotFoundException

    def ask(name: str) -> Mapping[str, Any]:
        found = secrets.describe_secret(SecretId=name)
        return {DELETION: f"{found['DeletedDate']:%Y-%m-%d}" if "DeletedDate" in found else None}

    return _each(ask, names, absent)


def _set_secret(client: Client, name: str, owner: str, settings: Mapping[str, Any]) -> None:
    client("secretsmanager").restore_secret(SecretId=name)


_STARTED: Final = WaiterModel(
    {
        "version": 2,
        "waiters": {
            "ProvisionedConcurrencyReady": {
                "operation": "GetProvisionedConcurrencyConfig",
                "delay": 5,
                "maxAttempts": 120,
                "acceptors": [
                    {"matcher": "path", "argument": "Status", "expected": state, "state": outcome}
                    for state, outcome in (("READY", "success"), ("FAILED", "failure"))
                ],
            }
        },
    }
)
"""botocore has none. [DOC] lambda-api:GetProvisionedConcurrencyConfig"""
_RESERVED: Final = "ReservedConcurrentExecutions"
_LATEST: Final = "$LATEST"
_ROUTING: Final = "RoutingConfig"
_SHARES: Final = "AdditionalVersionWeights"
"""Of a list in templates, and of version to share in Lambda's API."""


def _each(ask: Callable[[str], Mapping[str, Any]], names: Iterable[str], absent: type[Exception]) -> Mapping[str, Real]:
    """The answers of one call for each name."""
    found: dict[str, Real] = {}
    for name in names:
        try:
            found[name] = ask(name)
        except absent:
            found[name] = None
    return found


def _named(names: Iterable[str], key: str, found: Iterable[Mapping[str, Any]]) -> Mapping[str, Real]:
    """What was listed, by name; what was not is not there."""
    listed = {each[key]: each for each in found}
    return {name: listed.get(name) for name in names}


def _rule(name: str) -> dict[str, str]:
    """A rule by its physical id, which begins with its bus if that is not the default one."""
    bus, _, rule = name.rpartition("|")
    return {"Name": rule} | ({"EventBusName": bus} if bus else {})


def _pages(iam: Any, operation: str, role: str) -> Iterable[Mapping[str, Any]]:
    pages: Iterable[Mapping[str, Any]] = iam.get_paginator(operation).paginate(RoleName=role)
    return pages


_LOOKS: Final[Mapping[str, Callable[[Client, Sequence[str], str], Mapping[str, Real]]]] = {
    FUNCTION: _functions,
    ALIAS: _aliases,
    EVENTS: _events,
    MAPPING: _mappings,
    API: _apis,
    STAGE: _stages,
    ROUTE: functools.partial(_parts, "get_routes", "RouteId"),
    INTEGRATION: functools.partial(_parts, "get_integrations", "IntegrationId"),
    AUTHORIZER: functools.partial(_parts, "get_authorizers", "AuthorizerId"),
    API_MAPPING: functools.partial(_parts, "get_api_mappings", "ApiMappingId"),
    RULE: _rules,
    ALARM: _alarms,
    LOG_GROUP: _log_groups,
    ROLE: _roles,
    SECRET: _secrets,
}
_SETTERS: Final[Mapping[str, Callable[[Client, str, str, Mapping[str, Any]], None]]] = {
    FUNCTION: _set_function,
    ALIAS: _set_alias,
    EVENTS: _set_events,
    MAPPING: _set_mapping,
    API: _set_api,
    STAGE: _set_stage,
    RULE: _set_rule,
    ALARM: _set_alarm,
    LOG_GROUP: _set_log_group,
    SECRET: _set_secret,
}
