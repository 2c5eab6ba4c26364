"""Resolved stacks become a topology. Pure: where code is, it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct, field

from streamer.topology import Api, Function, Topology
from streamer.topology.grants import Place

from ..foundation.place import ACCOUNT_ID, REGION
from ..gateway.rules.domains import Domain
from ..services.calls import Call
from . import policy_flaws
from .catalogue import Beside, Catalogue, guarded, made
from .described import (
    api_parts,
    event_sources,
    http_apis,
    lambda_functions,
    other_services,
    resource_policies,
    tables_and_queues,
    websocket_apis,
)
from .errors import Problem
from .located import Located
from .resources.kind import Meaning
from .stack import Resource, Stack
from .values import at

Locate = Callable[[Stack, Resource], Located]
"""Finds a function's code; raises `Problem`."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What of a project is emulated, and how."""

    api: str | None = None
    """Logical id or name of the one WebSocket API; None: all."""
    stage: str | None = None
    """Name of the stage, instead of the template's; of several stages, the one."""
    commands: Mapping[str, str] = field(default_factory=dict)
    """Command lines that speak the Runtime API, by logical id, function name or construct path."""
    beside: Beside = field(default_factory=Beside)
    """What is there that no template describes."""
    home: Api | None = None
    """An API that stands before those of the templates, which then need not have one."""
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Further environment variables, by the same; those of ``*`` are for all functions."""


class Described(Struct, frozen=True, kw_only=True):
    """A topology, and what is to be said about it."""

    topology: Topology
    warnings: tuple[str, ...]
    api_ids: tuple[str, ...]
    """Logical ids of its APIs, in the topology's order."""
    services: tuple[Call, ...] = ()
    """What is to be made in the services that are not embedded."""
    domains: Mapping[str, tuple[Domain, ...]] = field(default_factory=dict)
    """WebSocket API by name to the custom domains that lead to it."""


def describe(
    stacks: Iterable[Stack], locate: Locate, wanted: Wanted, *, region: str = REGION, account_id: str = ACCOUNT_ID
) -> Described:
    """The topology of a project's stacks, and what else of them is made where they run.

    Raises:
        TemplateError: something in them cannot be emulated, or AWS would refuse it.
    """
    catalogue = Catalogue(
        (each for stack in stacks for each in stack.all()), wanted.beside, is_deployed=wanted.home is not None
    )
    functions = tuple(
        guarded(catalogue, each, _function, locate, wanted) for each in catalogue.of("AWS::Lambda::Function")
    )
    names = {function.name for function in functions}
    apis, api_ids = _apis(catalogue, wanted, names)
    if wanted.home is None:
        websocket_apis.warn_of_strangers(catalogue)
        websocket_apis.warn_of_hasty_deployments(catalogue)
    topology = Topology(
        api=apis[0],
        more_apis=tuple(apis[1:]),
        http_apis=http_apis.http_apis(catalogue, wanted.stage, names),
        functions=functions,
        tables=tuple(
            guarded(catalogue, each, tables_and_queues.table) for each in catalogue.of(*tables_and_queues.TABLES)
        ),
        queues=tuple(guarded(catalogue, each, tables_and_queues.queue) for each in catalogue.of("AWS::SQS::Queue")),
        event_source_mappings=made(catalogue, "AWS::Lambda::EventSourceMapping", event_sources.stream_mapping),
        kinesis_mappings=made(catalogue, "AWS::Lambda::EventSourceMapping", event_sources.kinesis_mapping),
        queue_mappings=made(catalogue, "AWS::Lambda::EventSourceMapping", event_sources.queue_mapping),
        async_invocations=event_sources.async_invocations(
            made(catalogue, "AWS::Lambda::EventInvokeConfig", event_sources.async_invocation),
            made(catalogue, "AWS::Lambda::Function", event_sources.dead_letters),
        ),
        found_tables=wanted.beside.tables,
        found_queues=wanted.beside.queues,
        schedules=(
            *(each for rule in made(catalogue, "AWS::Events::Rule", event_sources.rule_schedules) for each in rule),
            *made(catalogue, "AWS::Scheduler::Schedule", event_sources.scheduler_schedule),
        ),
    )
    services = other_services.calls(catalogue, region, may_leave_out=wanted.home is None)
    domains = websocket_apis.domains(catalogue, apis)
    lambda_functions.warn_of_qualifiers(catalogue, topology)
    api_parts.warn_of_access_logs(catalogue)
    policy_flaws.check(catalogue, [each for _, each in catalogue.all])
    resource_policies.check_senders(catalogue, Place.of(region, account_id))
    return Described(
        topology=topology, warnings=tuple(catalogue.warnings), api_ids=api_ids, services=services, domains=domains
    )


def _function(catalogue: Catalogue, resource: Resource, locate: Locate, wanted: Wanted) -> Function:
    located = locate(catalogue.stack_of(resource), resource)
    found = lambda_functions.function(
        catalogue, resource, located, commands=wanted.commands, variables=wanted.variables
    )
    for text in located.warnings if found.unavailable is None else ():  # what does not run needs no layers either
        catalogue.warn(resource, text)
    return found


def _apis(catalogue: Catalogue, wanted: Wanted, functions: set[str]) -> tuple[list[Api], tuple[str, ...]]:
    every = catalogue.of("AWS::ApiGatewayV2::Api")
    for each in every:
        protocol = each.properties.get("ProtocolType", "HTTP")
        if protocol not in ("HTTP", "WEBSOCKET"):
            raise catalogue.error(
                each, Problem(at(each, "ProtocolType"), f"{protocol!r} is neither WEBSOCKET nor HTTP")
            )
    found = [each for each in every if each.properties.get("ProtocolType") == "WEBSOCKET"]
    if not found and wanted.home is None:
        raise _no_api(catalogue)
    if wanted.api is not None:
        chosen = [each for each in found if wanted.api in (each.logical_id, each.properties.get("Name"), each.ref)]
        if not chosen:
            have = ", ".join(each.logical_id for each in found)
            raise catalogue.source.error(
                Problem(("Resources",), f"--api {wanted.api}: there is no such WebSocket API; there are {have}")
            )
        found = chosen
    made = [guarded(catalogue, each, websocket_apis.api, wanted.stage, functions) for each in found]
    if wanted.home is not None:
        made.insert(0, wanted.home)
    return made, tuple(each.logical_id for each in found)


def _no_api(catalogue: Catalogue) -> Exception:
    http = catalogue.of("AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi")
    if http:
        text = f"there is no WebSocket API; {http[0].logical_id} is an HTTP or REST API, which is emulated beside one"
        return catalogue.error(http[0], Problem(http[0].path, text))
    return catalogue.source.error(Problem(("Resources",), "there is no WebSocket API (AWS::ApiGatewayV2::Api)"))


def counted(stacks: Iterable[Stack], meaning: Meaning) -> dict[str, int]:
    """How many resources of each noun have a meaning."""
    found: dict[str, int] = {}
    for stack in stacks:
        for resource in stack.resources.values():
            if resource.kind.meaning is meaning:
                found[resource.kind.noun] = found.get(resource.kind.noun, 0) + 1
    return found
