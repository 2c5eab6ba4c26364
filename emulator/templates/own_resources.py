"""CloudFormation of the user's own beside a service, merged into its topology as the deployer merges it. Pure.

What the stack has besides is here under the same logical ids, so that both may refer to each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from msgspec import Struct

from streamer.topology import Function, Permission, Topology, grants
from streamer.topology.logical_ids import API, STAGE, bucket_id, function_id, log_group_id, queue_id, role_id, table_id
from streamer.topology.own_resources import IGNORED_SECTIONS, SECTIONS, reference

from ..iam.texts import role_name
from ..services.calls import Call
from . import policy_flaws
from .catalogue import Catalogue, guarded, made
from .described import event_sources, other_services, resource_policies, tables_and_queues
from .errors import Problem
from .intrinsics import text_of
from .policy_documents import policy_of
from .references import references
from .report import counts
from .resources.conformity import told
from .resources.kind import Meaning, Place
from .source import Source
from .stack import Resource, Surroundings, resolve
from .values import at, items

MADE: Final = frozenset(
    {
        *("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::SQS::Queue", "AWS::S3::Bucket"),
        *("AWS::SNS::Topic", "AWS::SNS::Subscription", "AWS::Events::Rule", "AWS::Events::EventBus"),
        *("AWS::Scheduler::Schedule", "AWS::SSM::Parameter", "AWS::SecretsManager::Secret", "AWS::Kinesis::Stream"),
        *("AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig"),
    }
)
"""What of such a file is emulated; of what else a template may have, only policies of roles are read."""
POLICIES: Final = frozenset({"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"})
_VARIABLE: Final = "StreamerVariable"
"""Begins the names of outputs that are variables; their own names follow in hexadecimal digits."""
_ELSEWHERE: Final = "what the stack has only on AWS"


class Own(Struct, frozen=True, kw_only=True):
    """What became of the file."""

    topology: Topology
    """The service, with what the file adds to it."""
    services: tuple[Call, ...]
    """What is to be made in the services that are not embedded."""
    variables: Mapping[str, str]
    """What every function gets besides, by ``environment_from``."""
    told: str
    """What is emulated and what is not, in one line."""


def own(topology: Topology, source: Source, environment_from: Mapping[str, str], place: Place) -> Own:
    """A service with the resources of its file.

    Raises:
        TemplateError: the file has what it may not have, or something in it cannot be.
        ConfigurationError: ``environment_from`` is none.
    """
    try:
        tree, elsewhere = _merged(topology, source, environment_from)
    except Problem as problem:
        raise source.error(problem) from problem
    stack = resolve(source.with_tree(tree), Surroundings(place=place))
    mine = [each for each in stack.resources.values() if each.logical_id in source.tree["Resources"]]
    catalogue = Catalogue([stack])
    found = _with_permissions(catalogue, mine, _with_data(catalogue, mine, topology))
    found = replace(found, api=replace(found.api, api_id=str(stack.resources[API].ref)))
    variables = {name: text_of(stack.outputs[_output(name)], ("environment_from", name)) for name in environment_from}
    calls = other_services.calls(catalogue, place.region)
    policy_flaws.check(catalogue, mine)
    resource_policies.check_senders(catalogue, grants.Place.of(place.region, place.account_id))
    services = tuple(each for each in calls if each.resource in source.tree["Resources"])
    refused = told((each for each in stack.departures if each.path[1] in source.tree["Resources"]), stack.source.error)
    line = "; ".join([_told(mine), *refused, *catalogue.warnings, *_made_up(elsewhere)])
    return Own(topology=found, services=services, variables=variables, told=f"{source.name}: {line}")


# what refers to what


def _merged(
    topology: Topology, source: Source, environment_from: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The file with what the stack has, and what it refers to that is not here."""
    tree = source.tree
    for section in tree:
        if section not in SECTIONS and section not in IGNORED_SECTIONS:
            raise Problem((section,), f"{section} cannot be merged; it may have {', '.join(SECTIONS)}")
    ours = dict(_ours(topology))
    for name in tree["Resources"]:
        if name in ours:
            raise Problem(("Resources", name), f"{name} is something that the stack has already; rename it")
    outputs = {_output(name): {"Value": reference(what)} for name, what in environment_from.items()}
    merged = {**tree, "Resources": {**ours, **tree["Resources"]}, "Outputs": {**tree.get("Outputs", {}), **outputs}}
    needed = [name for _, name, _ in references(merged, ())]
    for each in tree["Resources"].values():
        wanted = each.get("DependsOn", ()) if isinstance(each, dict) else ()
        needed += [wanted] if isinstance(wanted, str) else wanted
    elsewhere = {each for each in needed if each not in merged["Resources"] and not each.startswith("AWS::")}
    merged["Resources"] |= {name: {"Type": _ELSEWHERE} for name in elsewhere}
    return merged, tuple(sorted(elsewhere))


def _output(variable: str) -> str:
    return f"{_VARIABLE}{variable.encode().hex()}"


def _ours(topology: Topology) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the stack has and the emulator too, named as it is here."""
    selection = topology.api.route_selection_expression
    yield API, _resource("AWS::ApiGatewayV2::Api", ProtocolType="WEBSOCKET", RouteSelectionExpression=selection)
    yield STAGE, _resource("AWS::ApiGatewayV2::Stage", StageName=topology.api.stage)
    for function in topology.functions:
        yield function_id(function.name), _resource("AWS::Lambda::Function", FunctionName=function.name)
        yield role_id(function.name), _resource("AWS::IAM::Role", RoleName=role_name(function.name))
        group = f"/aws/lambda/{function.name}"
        yield log_group_id(function.name), _resource("AWS::Logs::LogGroup", LogGroupName=group)
    for table in topology.tables:
        stream = {} if table.stream is None else {"StreamSpecification": {"StreamViewType": table.stream.value}}
        yield table_id(topology, table.name), _resource("AWS::DynamoDB::Table", TableName=table.name, **stream)
    for bucket in topology.buckets:
        yield bucket_id(bucket.name), _resource("AWS::S3::Bucket", BucketName=bucket.name)
    for queue in topology.queues:
        yield queue_id(queue.name), _resource("AWS::SQS::Queue", QueueName=queue.name, FifoQueue=queue.is_fifo)


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


# what is made


def _with_data(catalogue: Catalogue, mine: list[Resource], topology: Topology) -> Topology:
    own_ids = {each.logical_id for each in mine}
    tables = [
        guarded(catalogue, each, tables_and_queues.table)
        for each in catalogue.of("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
        if each.logical_id in own_ids
    ]
    queues = [
        guarded(catalogue, each, tables_and_queues.queue)
        for each in catalogue.of("AWS::SQS::Queue")
        if each.logical_id in own_ids
    ]
    mappings = "AWS::Lambda::EventSourceMapping"
    streams = made(catalogue, mappings, event_sources.stream_mapping)
    kinesis = made(catalogue, mappings, event_sources.kinesis_mapping)
    rules = made(catalogue, "AWS::Events::Rule", event_sources.rule_schedules)
    scheduled = made(catalogue, "AWS::Scheduler::Schedule", event_sources.scheduler_schedule)
    retried = made(catalogue, "AWS::Lambda::EventInvokeConfig", event_sources.async_invocation)
    return replace(
        topology,
        tables=(*topology.tables, *tables),
        queues=(*topology.queues, *queues),
        event_source_mappings=(*topology.event_source_mappings, *streams),
        kinesis_mappings=(*topology.kinesis_mappings, *kinesis),
        queue_mappings=(*topology.queue_mappings, *made(catalogue, mappings, event_sources.queue_mapping)),
        async_invocations=(*topology.async_invocations, *retried),
        schedules=(*topology.schedules, *(each for rule in rules for each in rule), *scheduled),
    )


def _with_permissions(catalogue: Catalogue, mine: list[Resource], topology: Topology) -> Topology:
    given: dict[str, list[Permission]] = {}
    for resource in mine:
        if resource.type in POLICIES:
            roles = items(resource, "Roles") or [resource.properties.get("RoleName")]
            for role in roles:
                given.setdefault(str(role), []).extend(guarded(catalogue, resource, _permissions))

    def allowed(function: Function) -> Function:
        more = given.get(role_name(function.name), ())
        return replace(function, permissions=(*function.permissions, *more)) if more else function

    return replace(topology, functions=tuple(allowed(each) for each in topology.functions))


def _permissions(catalogue: Catalogue, resource: Resource) -> list[Permission]:
    """What a policy allows; a statement that says what is not allowed is told, since nobody is held to it."""
    statements = policy_of(resource, "PolicyDocument").get("Statement") or []
    found = []
    for position, each in enumerate([statements] if isinstance(statements, dict) else statements):
        if not isinstance(each, dict) or "Effect" not in each:
            raise Problem(at(resource, "PolicyDocument", "Statement", position), "a statement has an Effect")
        if each["Effect"] != "Allow" or not {"Action", "Resource"} <= set(each):
            catalogue.warn(resource, "only statements that allow an Action on a Resource are held to")
            continue
        found.append(
            Permission(
                actions=_texts(each["Action"]),
                resources=_texts(each["Resource"]),
                conditions=each.get("Condition") or {},
            )
        )
    return found


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


# what is told


def _told(mine: list[Resource]) -> str:
    emulated: dict[str, int] = {}
    missing = []
    for each in mine:
        if each.type in MADE or each.type in POLICIES:
            emulated[each.kind.noun] = emulated.get(each.kind.noun, 0) + 1
        elif each.kind.meaning is not Meaning.IGNORED:
            missing.append(f"{each.logical_id} ({each.type})")
    parts = [counts(emulated)] if emulated else []
    return "; ".join([*parts, *([f"not emulated: {', '.join(missing)}"] if missing else [])]) or "nothing to emulate"


def _made_up(elsewhere: tuple[str, ...]) -> list[str]:
    return [f"{', '.join(elsewhere)}: not here, names are made up"] if elsewhere else []
