"""What a stack claims and what there is: what somebody deleted or changed behind CloudFormation's back. Pure.

CloudFormation compares templates, not the world: a change set is empty while a function is gone. Compared is what can
be read without a detection run of CloudFormation, which takes minutes: `COMPARED`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..cloud import Resource
from ..stack.names import is_literal
from . import callers, roles
from .adoption import misfit
from .roles import is_named

FUNCTION: Final = "AWS::Lambda::Function"
MAPPING: Final = "AWS::Lambda::EventSourceMapping"
TABLE: Final = "AWS::DynamoDB::Table"
QUEUE: Final = "AWS::SQS::Queue"
API: Final = "AWS::ApiGatewayV2::Api"
STAGE: Final = "AWS::ApiGatewayV2::Stage"
ROUTE: Final = "AWS::ApiGatewayV2::Route"
INTEGRATION: Final = "AWS::ApiGatewayV2::Integration"
AUTHORIZER: Final = "AWS::ApiGatewayV2::Authorizer"
API_MAPPING: Final = "AWS::ApiGatewayV2::ApiMapping"
RULE: Final = "AWS::Events::Rule"
ALARM: Final = "AWS::CloudWatch::Alarm"
ALIAS: Final = "AWS::Lambda::Alias"
EVENTS: Final = "AWS::Lambda::EventInvokeConfig"
LOG_GROUP: Final = "AWS::Logs::LogGroup"
ROLE: Final = "AWS::IAM::Role"
SECRET: Final = "AWS::SecretsManager::Secret"  # noqa: S105 - a type

BOUNDARY: Final = "PermissionsBoundary"
"""ARN of the policy that bounds a role; None: none does."""
WARM: Final = "ProvisionedConcurrencyConfig"
"""How many environments of an alias are kept started; None: none is."""
DELETION: Final = "planned deletion"
"""Date on which a secret goes; None: it stays."""

COMPARED: Final[Mapping[str, str]] = {
    FUNCTION: "functions",
    ALIAS: "aliases",
    EVENTS: "settings of asynchronous events",
    MAPPING: "event source mappings",
    TABLE: "tables",
    QUEUE: "queues",
    API: "APIs",
    STAGE: "stages",
    ROUTE: "routes",
    INTEGRATION: "integrations",
    AUTHORIZER: "authorizers",
    API_MAPPING: "mappings of the domain",
    RULE: "rules",
    ALARM: "alarms",
    LOG_GROUP: "log groups",
    ROLE: "roles",
    SECRET: "secrets",
}
"""Type of a resource that is looked at to what several of it are called."""

NEEDED: Final = frozenset({FUNCTION, ALIAS, TABLE, QUEUE, API, STAGE})
"""Types without one of which a stack is not changed at all. What is gone of others is told, unless it is changed."""

_SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {
    FUNCTION: (
        "MemorySize",
        "Timeout",
        "Handler",
        "Runtime",
        "TracingConfig",
        "EphemeralStorage",
        "ReservedConcurrentExecutions",
    ),
    ALIAS: ("FunctionVersion", "RoutingConfig", WARM),
    EVENTS: ("MaximumRetryAttempts", "MaximumEventAgeInSeconds"),
    MAPPING: (
        "Enabled",
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "MaximumRetryAttempts",
        "MaximumRecordAgeInSeconds",
        "ParallelizationFactor",
        "BisectBatchOnFunctionError",
        "FilterCriteria",
        "FunctionResponseTypes",
        "ScalingConfig",
    ),
    API: ("RouteSelectionExpression", "DisableExecuteApiEndpoint"),
    STAGE: ("AutoDeploy",),
    ROUTE: ("RouteKey", "AuthorizationType", "ApiKeyRequired"),
    INTEGRATION: ("IntegrationType", "TimeoutInMillis", "RequestTemplates"),
    RULE: ("State", "ScheduleExpression"),
    ALARM: ("ActionsEnabled", "Threshold", "EvaluationPeriods", "Period", "ComparisonOperator", "TreatMissingData"),
    LOG_GROUP: ("RetentionInDays",),
    ROLE: (BOUNDARY,),
    SECRET: (DELETION,),
}
"""Properties whose values in a template are those that AWS tells."""
_CALLED: Final[Mapping[str, str]] = {ROUTE: "Target", INTEGRATION: "IntegrationUri", AUTHORIZER: "AuthorizerUri"}
"""Property that names what messages are led to, of which a template says a part alone."""
_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    FUNCTION: {"ReservedConcurrentExecutions": None},
    ALIAS: {"RoutingConfig": None, WARM: None},
    MAPPING: {"Enabled": True},
    API: {"DisableExecuteApiEndpoint": False},
    RULE: {"State": "ENABLED"},
    ALARM: {"ActionsEnabled": True},
    ROLE: {BOUNDARY: None},
    SECRET: {DELETION: None},
}
"""What a resource has whose template says nothing of it. [DOC] cfn-docs: each type's properties"""
_BY_HAND_ALONE: Final[Mapping[str, frozenset[str]]] = {
    ROUTE: frozenset(_SETTINGS[ROUTE]),
    INTEGRATION: frozenset(_SETTINGS[INTEGRATION]),
    RULE: frozenset({"ScheduleExpression"}),
    ALARM: frozenset(_SETTINGS[ALARM]) - {"ActionsEnabled"},
    ROLE: frozenset(_SETTINGS[ROLE]),
}
"""Those of them that no single call sets without the rest of the resource."""
_OF_TABLES: Final[Mapping[str, str]] = {
    "TimeToLiveSpecification": "TTL",
    "PointInTimeRecoverySpecification": "point-in-time recovery",
}
"""Properties of tables that a table restored from a backup lacks, and what people call them.
[DOC] ddb-docs:PointInTimeRecovery, restoring"""
_OF_STAGES: Final = ("ThrottlingRateLimit", "ThrottlingBurstLimit", "DetailedMetricsEnabled")
"""Likewise of a stage's ``DefaultRouteSettings``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The zip that a stack's functions should run."""

    bucket: str
    key: str
    sha256: str
    """Its digest, in base 64, which Lambda tells of a function, too. [DOC] lambda-api:FunctionConfiguration"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One thing that is not as the stack says."""

    logical_id: str
    physical_id: str
    resource_type: str
    what: str
    """The rest of the sentence that begins with the logical id."""
    repair: Mapping[str, Any] = field(default_factory=dict)
    """Properties as they should be, where a call can set them; empty: none can."""
    command: str = ""
    """What sets it back that CloudFormation does not know of; empty: CloudFormation can compare it, too."""

    @property
    def is_gone(self) -> bool:
        """Whether it is not there at all."""
        return self.what == GONE


GONE: Final = "is gone: somebody deleted it, and the stack does not know"
_FEW: Final = 3
"""Most of one type that are gone of which each has a line of its own."""


def sentences(found: Sequence[Drift]) -> Iterator[tuple[Drift, str]]:
    """Each with what is told of it; of many of one type that are gone the first, with what is told of all."""
    gone: dict[str, list[str]] = {}
    for each in found:
        if each.is_gone:
            gone.setdefault(each.resource_type, []).append(each.logical_id)
    for each in found:
        alike = gone[each.resource_type] if each.is_gone else []
        if len(alike) <= _FEW:
            yield each, f"{each.logical_id} {each.what}"
        elif each.logical_id == alike[0]:
            named = f"{', '.join(alike[:_FEW])} and {len(alike) - _FEW} more of {each.resource_type}"
            yield each, f"{named} are gone: somebody deleted them, and the stack does not know"


_OWNERS: Final[Mapping[str, str]] = {
    **dict.fromkeys((STAGE, ROUTE, INTEGRATION, AUTHORIZER), "ApiId"),
    API_MAPPING: "DomainName",
    EVENTS: "FunctionName",
}
"""Type of what is a part of something else to the property that names that."""


def owner_of(template: Mapping[str, Any], resources: Sequence[Resource], part: Resource) -> str | None:
    """Id of the API, the domain or the function that a resource is a part of; empty: of none; None: nobody can tell."""
    if part.resource_type not in _OWNERS:
        return ""
    properties = template.get("Resources", {}).get(part.logical_id, {}).get("Properties", {})
    if part.resource_type == EVENTS and properties.get("Qualifier") != "$LATEST":
        return None
    match properties.get(_OWNERS[part.resource_type]):
        case {"Ref": logical_id}:
            return next((each.physical_id for each in resources if each.logical_id == logical_id), None)
        case str(name):
            return name
    return None


def drifts(
    template: Mapping[str, Any],
    resources: Sequence[Resource],
    real: Mapping[str, Mapping[str, Any] | None],
    code: Code | None = None,
    stack_id: str = "",
) -> tuple[Drift, ...]:
    """Compare.

    Args:
        template: The stack's.
        resources: The stack's, with their physical ids.
        real: Logical id to what AWS says of the resource; None: there is none. Absent: not looked at.
        code: What the functions should run; None: it is not compared.
        stack_id: The stack's id, which says where it is; empty: that is not known.
    """
    names = roles.names_of(resources, stack_id)
    described = template.get("Resources", {})
    found: list[Drift] = []
    for resource in resources:
        if resource.logical_id not in real or resource.logical_id not in described:
            continue
        properties = described[resource.logical_id].get("Properties", {})
        what = real[resource.logical_id]
        if what is None:
            found.append(_drift(resource, GONE))
        else:
            found += _changed(resource, _known(properties, names), what, code)
            found += [_drift(resource, said) for said in _destination(properties, what, names)]
            found += [_drift(resource, said) for said in _led(resource, properties, what, names)]
            found += [_drift(resource, said) for said in _targets(properties, what, names)]
            if resource.resource_type == ROLE:
                found += [_drift(resource, said) for said in roles.changed(template, names, resource, what)]
    found += [_drift(each, GONE) for each in callers.missing(template, resources, real)]
    found += [replace(_drift(each, said), command=way) for each, said, way in callers.strangers(resources, real)]
    return tuple(found)


def _known(properties: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    """Properties with the number of the version that an alias leads to, which ends that version's ARN."""
    match properties.get("FunctionVersion"):
        case {"Fn::GetAtt": [str(version), "Version"]} if version in names:
            return {**properties, "FunctionVersion": names[version].rpartition(":")[2]}
    return properties


def _drift(resource: Resource, what: str, repair: Mapping[str, Any] | None = None) -> Drift:
    return Drift(
        logical_id=resource.logical_id,
        physical_id=resource.physical_id,
        resource_type=resource.resource_type,
        what=what,
        repair=repair or {},
    )


def _changed(
    resource: Resource, properties: Mapping[str, Any], real: Mapping[str, Any], code: Code | None
) -> Iterator[Drift]:
    kind = resource.resource_type
    if kind == TABLE:
        why = misfit(properties, real)
        if why is not None:
            yield _drift(resource, f"is not as the stack says: {why}")
    wanted = {**_DEFAULTS.get(kind, {}), **properties}
    by_hand_alone = _BY_HAND_ALONE.get(kind, frozenset())
    if kind == ALIAS and real.get(WARM) is not None is not wanted[WARM]:  # auto scaling may have set it
        by_hand_alone = frozenset({WARM})
    differences = [*_settings(wanted, real, _SETTINGS.get(kind, ()), by_hand_alone)]
    if kind == FUNCTION:
        differences += [*_variables(properties, real), *_code(properties, real, code)]
    if kind == TABLE:
        differences += _kept(properties, real)
    if kind == STAGE:
        throttle, there = (each.get("DefaultRouteSettings", {}) for each in (properties, real))
        differences += [
            (said, {"DefaultRouteSettings": throttle}) for said, _ in _settings(throttle, there, _OF_STAGES)
        ]
    if differences:
        repair = {name: value for _, part in differences for name, value in part.items()}
        can_be_set = all(part for _, part in differences)
        said = "; ".join(each for each, _ in differences)
        yield _drift(resource, f"was changed by hand: {said}", repair if can_be_set else {})


def _destination(properties: Mapping[str, Any], real: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    """Whether what is given up goes where the stack says, and not nowhere."""
    match properties.get("DestinationConfig"), real.get("DestinationConfig"):
        case {"OnFailure": {"Destination": wanted}}, Mapping() as there:
            arn = there.get("OnFailure", {}).get("Destination", "")
            if not is_named(wanted, arn, names):
                yield f"was changed by hand: what is given up goes to {arn or 'nobody'}"


def _led(
    resource: Resource, properties: Mapping[str, Any], real: Mapping[str, Any], names: Mapping[str, str]
) -> Iterator[str]:
    """Whether what is called is what the stack says."""
    called = _CALLED.get(resource.resource_type, "")
    if called in properties and isinstance(there := real.get(called), str):
        # What CloudFormation calls a part of an API may say what that is of, too.
        last = {name: physical_id.rpartition("|")[2] for name, physical_id in names.items()}
        if not is_named(properties[called], there, last):
            yield f"was changed by hand: {called} is {there}"


def _targets(properties: Mapping[str, Any], real: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    """Whether a rule calls what the stack says, and not nobody."""
    match properties.get("Targets"), real.get("Targets"):
        case [*wanted], [*there]:
            called = {each["Id"]: each["Arn"] for each in there}
            for each in wanted:
                arn = called.get(each["Id"], "") if isinstance(each, Mapping) and is_literal(each.get("Id")) else None
                if arn is not None and not is_named(each.get("Arn"), arn, names):
                    yield f"was changed by hand: it calls {arn or 'nobody'}"


def _code(
    properties: Mapping[str, Any], real: Mapping[str, Any], code: Code | None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Whether a function runs the stack's code, as what was written in Lambda's editor is not."""
    is_ours = properties.get("Code") == {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}}
    if code is not None and is_ours and real.get("CodeSha256", code.sha256) != code.sha256:
        yield "the code", {"Code": {"S3Bucket": code.bucket, "S3Key": code.key}}


def _kept(properties: Mapping[str, Any], real: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """How a table is paid for, how it forgets and what can be restored of it; likewise."""
    mode = real.get("BillingModeSummary", {}).get("BillingMode", "PAY_PER_REQUEST")
    if properties.get("BillingMode") == "PAY_PER_REQUEST" != mode:
        yield f"BillingMode is {mode} and not PAY_PER_REQUEST", {"BillingMode": "PAY_PER_REQUEST"}
    for name, what in _OF_TABLES.items():
        wanted, there = properties.get(name), real.get(name, {})
        if not isinstance(wanted, Mapping) or not is_literal(wanted):
            continue
        other = [key for key in wanted if key in there and not _is_same(wanted[key], there[key])]
        if other:
            said = ", ".join(f"{key} is {there[key]} and not {wanted[key]}" for key in other)
            # While TTL is on, DynamoDB takes no other attribute. [DOC] ddb-api:UpdateTimeToLive
            can_be_set = "AttributeName" not in other and all(type(wanted[k]) is type(there[k]) for k in other)
            yield f"{what}: {said}", {name: wanted} if can_be_set else {}


def _settings(
    wanted: Mapping[str, Any],
    there: Mapping[str, Any],
    names: Sequence[str],
    by_hand_alone: Collection[str] = (),
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What is told of the difference, and the properties that remove it."""
    for name in names:
        # What AWS does not tell of is not compared: not everybody who is asked like AWS knows everything.
        if name not in wanted or name not in there or not is_literal(wanted[name]):
            continue
        if not _is_same(wanted[name], there[name]):
            is_alike = wanted[name] is None or isinstance(wanted[name], str) is isinstance(there[name], str)
            repair = {name: wanted[name]} if is_alike and name not in by_hand_alone else {}
            yield f"{name} is {_said(there[name])} and not {_said(wanted[name])}", repair


def _is_same(wanted: Any, there: Any) -> bool:
    """Whether CloudFormation makes the one of the other: it takes numbers and truth as text, too.

    [USR] aws-cloudformation/cloudformation-coverage-roadmap#814: GetTemplate has question marks where a template that
    was not sent in ASCII had other characters.
    """
    if not isinstance(wanted, str):
        return bool(wanted == there)
    if isinstance(there, float) and not isinstance(there, bool):
        return wanted.replace(".", "", 1).isdecimal() and float(wanted) == there
    text = there if isinstance(there, str) else str(there).lower()
    if wanted == text or (not isinstance(there, str) and wanted.lower() == text):
        return True
    return not text.isascii() and _told(text) == _told(wanted)


def _told(text: str) -> str:
    return re.sub(r"(?:[^\x00-\x7f]|\?)+", "?", text)


def _said(value: Any) -> Any:
    if value is None:
        return "none"
    return next(iter(value.values())) if isinstance(value, Mapping) and len(value) == 1 else value


def _variables(properties: Mapping[str, Any], real: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Plain variables; those that CloudFormation fills in are not known here. Values are not told."""
    if "Error" in real.get("Environment", {}):  # they are encrypted with a key that we may not use
        return
    match properties.get("Environment", {}):
        case {"Variables": {"Fn::If": _} | {"Fn::FindInMap": _} | {"Fn::Transform": _}} | {"Fn::If": _}:
            return  # whole, they are CloudFormation's business
        case {"Variables": wanted}:
            pass
        case _:
            wanted = {}
    there = real.get("Environment", {}).get("Variables", {})
    plain = {name for name, value in wanted.items() if isinstance(value, str) and is_literal(value)}
    changed = {name for name in plain if name in there and not _is_same(wanted[name], there[name])}
    perhaps = {name for name, value in wanted.items() if "AWS::NoValue" in str(value)}
    names = sorted(changed | ((there.keys() ^ wanted.keys()) - perhaps))
    if names:
        lost = changed | (plain - there.keys())
        known = {n: wanted[n] if n in lost else there.get(n) for n in wanted if n in there or n not in perhaps}
        can_be_set = all(value is not None for value in known.values())
        yield f"the variables {', '.join(names)}", {"Environment": {"Variables": known}} if can_be_set else {}
