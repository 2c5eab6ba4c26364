"""Which actions on which resources a request to a service needs that is not embedded; S3's are in `s3.needs`. Pure.

[DOC] service-authorization: list_amazonsns, list_amazoneventbridge, list_awssystemsmanager,
list_awssecretsmanager, list_amazoncognitouserpools, list_awskeymanagementservice, list_amazonkinesis
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from streamer.topology.grants import ANYTHING, Kind, Resource

from ..iam.needs import AS_NAMED, Need, Parameters
from ..iam.resource_tags import requested
from .cognito.operations import OF_USERS
from .kinesis.errors import KinesisError
from .kinesis.tokens import untoken
from .machines.tokens import machine_of
from .secret_names import SUFFIX, suffix
from .sts.assuming import of_sts

_OF_MACHINES: Final = (
    *("stateMachineArn", "executionArn", "stateMachineAliasArn", "stateMachineVersionArn", "mapRunArn"),
    *("activityArn", "resourceArn"),
)
"""Parameters that name what an operation of Step Functions is for."""
_OF_EVENTS: Final = {
    "ApiDestination": "api-destination",
    "Archive": "archive",
    "Connection": "connection",
    "Endpoint": "endpoint",
    "EventBus": "event-bus",
    "Replay": "replay",
}
"""What operations of EventBridge are for that are not for rules, by the ends of their names."""
_OF_TASKS: Final = ("SendTaskFailure", "SendTaskHeartbeat", "SendTaskSuccess")


def of_operation(service: str, operation: str, parameters: Parameters) -> Iterator[Need]:
    """What an operation of a service needs that is not embedded."""
    tags = requested(parameters) if service != "sts" else ()  # where they are the session's, and known already
    for need in _of_operation(service, operation, parameters):
        yield need._replace(about=(*need.about, *tags)) if tags else need


def _of_operation(service: str, operation: str, parameters: Parameters) -> Iterator[Need]:
    action = f"{service}:{operation}"
    match service:
        case "sns":
            named = parameters.get("TopicArn") or parameters.get("TargetArn") or parameters.get("ResourceArn")
            if named is None and "Name" in parameters:
                named = _placed(service, str(parameters["Name"]))
            yield Need("sns:Publish" if operation == "PublishBatch" else action, _named(named))
        case "events":
            yield from _of_events(action, parameters)
        case "ssm":
            yield from _of_parameters(action, parameters)
        case "cognito-idp" | "kinesis" | "kms":
            yield from _of_what_is_named(service, operation, parameters)
        case "states":
            yield from _of_machines(operation, parameters)
        case "secretsmanager":
            yield from _of_secrets(action, parameters)
        case "sts":
            yield from of_sts(operation, parameters)
        case _:
            yield Need(action, ANYTHING)


def _of_what_is_named(service: str, operation: str, parameters: Parameters) -> Iterator[Need]:
    if service == "kms":
        yield from _of_keys(operation, parameters)
    elif service == "kinesis":
        yield Need(f"kinesis:{operation}", _stream(parameters))
    elif operation not in OF_USERS:  # which nobody is asked a permission for
        pool, arn = parameters.get("UserPoolId"), parameters.get("ResourceArn")
        yield Need(f"{service}:{operation}", _named(arn if pool is None else _placed(service, f"userpool/{pool}")))


def of_scheduler(method: str, url: str, parameters: Parameters) -> Iterator[Need]:
    """What a request to EventBridge Scheduler needs, which has its operations in methods and paths.

    [DOC] service-authorization: list_amazoneventbridgescheduler
    """
    parts = urlsplit(url)
    kind, _, name = unquote(parts.path).strip("/").partition("/")
    verb = {"POST": "Create", "PUT": "Update", "DELETE": "Delete"}.get(method, "Get" if name else "List")
    given = {**dict(parse_qsl(parts.query)), **parameters}
    if kind == "schedules":
        group = given.get("GroupName") or given.get("groupName") or "default"
        action = f"scheduler:{verb}Schedule" if name else "scheduler:ListSchedules"
        yield Need(action, _named(_placed("scheduler", f"schedule/{group}/{name or '*'}")))
        target = given.get("Target")
        if isinstance(target, Mapping):
            yield from _passed(target.get("RoleArn"), "scheduler")
    elif kind == "schedule-groups":
        action = f"scheduler:{verb}ScheduleGroup" if name else "scheduler:ListScheduleGroups"
        yield Need(action, _named(_placed("scheduler", f"schedule-group/{name or '*'}")))
    else:
        verb = {"POST": "TagResource", "DELETE": "UntagResource"}.get(method, "ListTagsForResource")
        yield Need(f"scheduler:{verb}", _named(name))


def _of_keys(operation: str, parameters: Parameters) -> Iterator[Need]:
    """What an operation of KMS needs: to encrypt anew needs both keys, to name one both the key and its alias.

    [DOC] service-authorization: list_awskeymanagementservice; kms-docs:conditions-kms, kms:EncryptionContext
    """
    alias, given = parameters.get("AliasName"), parameters.get("EncryptionContext")
    context = given.items() if isinstance(given, Mapping) else ()
    about = tuple((f"kms:encryptioncontext:{key}".lower(), str(value)) for key, value in context)
    about += tuple(("kms:encryptioncontextkeys", str(key)) for key, _ in context)
    if operation == "ReEncrypt":
        yield Need("kms:ReEncryptFrom", _key({**parameters, "KeyId": parameters.get("SourceKeyId")}))
        yield Need("kms:ReEncryptTo", _key({"KeyId": parameters.get("DestinationKeyId")}))
        return
    if isinstance(alias, str):
        yield Need(f"kms:{operation}", _named(_placed("kms", alias)))
    if operation != "DeleteAlias":  # which does not say whose it is
        yield Need(f"kms:{operation}", ANYTHING if operation == "ListAliases" else _key(parameters), about)


def _key(parameters: Parameters) -> Resource:
    """The key that an operation is for; what it decrypts says it, too. Whose alias a name is, nobody knows here."""
    named = parameters.get("KeyId") or parameters.get("TargetKeyId")
    if named is None:
        try:
            named = base64.b64decode(str(parameters["CiphertextBlob"]))[:36].decode("ascii")
        except (KeyError, ValueError):
            return ANYTHING
    if "alias/" in str(named):
        return ANYTHING
    is_arn = str(named).startswith("arn:")
    return _named(named if is_arn else _placed("kms", f"key/{named}"))


def _of_parameters(action: str, parameters: Parameters) -> Iterator[Need]:
    given = parameters.get("Names") or parameters.get("Name") or parameters.get("Path") or ()
    if parameters.get("ResourceType") == "Parameter":  # as operations on tags have it
        given = parameters.get("ResourceId") or ()
    names = [given] if isinstance(given, str) else given
    for name in names if isinstance(names, list) else ():
        yield Need(action, _parameter(str(name)))
    if not names:
        yield Need(action, ANYTHING)


def _parameter(name: str) -> Resource:
    """The parameter of a name or an ARN, whichever version or label of it is meant.

    [DOC] ssm-docs:API_GetParameter, Name; a role's statement names the parameter itself. [INF]
    """
    before, is_arn, rest = name.rpartition(":parameter/")
    plain = rest.lstrip("/").partition(":")[0]
    return _named(f"{before}{is_arn}{plain}" if before.startswith("arn:") else _placed("ssm", f"parameter/{plain}"))


def _of_secrets(action: str, parameters: Parameters) -> Iterator[Need]:
    """What an operation of Secrets Manager needs, of which one reads several secrets."""
    secret = parameters.get("SecretId") or parameters.get("Name")
    yield Need(action, ANYTHING) if secret is None else _of_secret(action, str(secret))
    several = parameters.get("SecretIdList")
    for each in several if isinstance(several, list) else ():
        yield _of_secret("secretsmanager:GetSecretValue", str(each))


def _of_secret(action: str, named: str) -> Need:
    return Need(action, _secret(named), ((AS_NAMED, named),))


def _secret(named: str) -> Resource:
    """The secret of a name or an ARN, which may lack the end that Secrets Manager gave it.

    [DOC] secretsmanager-docs:troubleshoot, ARNs without their last six characters
    """
    before, is_arn, name = named.rpartition(":secret:")
    if not before.startswith("arn:"):
        return _named(_placed("secretsmanager", f"secret:{named}-{suffix(named)}"))
    plain, _, end = name.rpartition("-")
    return _named(named if len(end) == SUFFIX and end == suffix(plain) else f"{before}{is_arn}{name}-{suffix(name)}")


def _of_machines(operation: str, parameters: Parameters) -> Iterator[Need]:
    """What an operation of Step Functions needs; who sends a task's token back needs the machine whose task it is.

    [USR] NOAA-OWP/hydrovis #837. A token of no task is asked nothing: the service has no such task. Whoever names an
    alias or a version is asked for the machine. [DOC] sfn-docs:auth-version-alias
    """
    named = next((parameters[name] for name in _OF_MACHINES if name in parameters), None)
    if operation == "CreateStateMachine":
        named = _placed("states", f"stateMachine:{parameters.get('name')}")
    if operation == "CreateStateMachineAlias":
        named = _routed(parameters.get("routingConfiguration"))
    if operation in _OF_TASKS:
        named = machine_of(str(parameters.get("taskToken", "")))
        if named is None:
            return
    about: tuple[tuple[str, str], ...] = ()
    if isinstance(named, str) and ":stateMachine:" in named:
        machine, _, qualifier = named.partition(":stateMachine:")[2].partition(":")
        named = f"{named.partition(':stateMachine:')[0]}:stateMachine:{machine}"
        about = (("states:statemachinequalifier", qualifier),) if qualifier else ()
    yield Need(f"states:{operation}", _named(named), about)
    if operation in ("CreateStateMachine", "UpdateStateMachine"):
        yield from _passed(parameters.get("roleArn"), "states")


def _routed(configuration: Any) -> Any:
    """The version that an alias is to lead to; None: it is not said."""
    first = configuration[0] if isinstance(configuration, list) and configuration else None
    return first.get("stateMachineVersionArn") if isinstance(first, Mapping) else None


def _stream(parameters: Parameters) -> Resource:
    """The stream or consumer that an operation is for, which iterators and tokens of lists say, too."""
    named = parameters.get("ConsumerARN") or parameters.get("StreamARN") or parameters.get("ResourceARN")
    if named is not None:
        return _named(named)
    name = parameters.get("StreamName")
    token = parameters.get("ShardIterator") or (parameters.get("NextToken") if name is None else None)
    if token is not None:
        try:
            name = untoken(token, "token").get("stream")
        except KinesisError:
            name = None
    return ANYTHING if name is None else _named(_placed("kinesis", f"stream/{name}"))


def _of_events(action: str, parameters: Parameters) -> Iterator[Need]:
    entries = parameters.get("Entries")
    if isinstance(entries, list):
        buses = {str(each.get("EventBusName") or "default") for each in entries if isinstance(each, Mapping)}
        for bus in sorted(buses):
            yield Need(action, _named(bus if bus.startswith("arn:") else _placed("events", f"event-bus/{bus}")))
        return
    targets = parameters.get("Targets")
    for each in targets if isinstance(targets, list) else ():
        if isinstance(each, Mapping):
            yield from _passed(each.get("RoleArn"), "events")
    if "ResourceARN" in parameters:
        yield Need(action, _named(parameters["ResourceARN"]))
        return
    kind = next((path for end, path in _OF_EVENTS.items() if action.endswith(end)), None)
    if kind is not None:
        name = next((parameters[each] for each in ("Name", "ArchiveName", "ReplayName") if each in parameters), None)
        default = "default" if kind == "event-bus" else "*"
        yield Need(action, _named(_placed("events", f"{kind}/{str(name or default).rpartition('/')[2]}")))
        return
    rule = parameters.get("Rule") or parameters.get("Name")
    bus = str(parameters.get("EventBusName") or "default").rpartition("/")[2]
    within = f"{bus}/" if bus != "default" else ""
    yield Need(action, ANYTHING if rule is None else _named(_placed("events", f"rule/{within}{rule}")))


def _passed(role: Any, service: str) -> Iterator[Need]:
    """What it needs to give a service a role to act as. [DOC] iam-docs:id_roles_use_passrole"""
    if isinstance(role, str):
        yield Need("iam:PassRole", _named(role), (("iam:passedtoservice", f"{service}.amazonaws.com"),))


def _named(arn: Any) -> Resource:
    return Resource(Kind.ARN, arn) if isinstance(arn, str) else ANYTHING


def _placed(service: str, rest: str) -> str:
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{rest}"
