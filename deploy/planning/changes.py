"""What a new template does to the resources of the old one: what changes, what is dangerous, what cannot be. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from ..cloud import Change, Replacement
from ..errors import DangerError, DeployError
from ..stack.losses import holds_data, is_precious, of_removal, of_replacement
from ..stack.own_resources import references
from .adoption import has_literal_shape

_TABLE: Final = "AWS::DynamoDB::Table"
_MAPPING: Final = "AWS::Lambda::EventSourceMapping"

IDENTITY: Final[Mapping[str, frozenset[str]]] = {
    "AWS::DynamoDB::Table": frozenset({"TableName", "KeySchema", "ImportSourceSpecification"}),
    "AWS::DynamoDB::GlobalTable": frozenset({
        "TableName", "KeySchema", "LocalSecondaryIndexes", "GlobalTableSourceArn",
    }),
    "AWS::Kinesis::Stream": frozenset({"Name"}),
    "AWS::S3::Bucket": frozenset({"BucketName", "BucketNamePrefix", "BucketNamespace"}),
    "AWS::ApiGatewayV2::Api": frozenset({"ProtocolType"}),
    "AWS::ApiGatewayV2::DomainName": frozenset({"DomainName"}),
    "AWS::ApiGatewayV2::Stage": frozenset({"StageName", "ApiId"}),
    "AWS::ApiGatewayV2::Route": frozenset({"ApiId"}),
    "AWS::ApiGatewayV2::Integration": frozenset({"ApiId"}),
    "AWS::ApiGatewayV2::IntegrationResponse": frozenset({"ApiId", "IntegrationId"}),
    "AWS::ApiGatewayV2::RouteResponse": frozenset({"ApiId", "RouteId"}),
    "AWS::ApiGatewayV2::Model": frozenset({"ApiId"}),
    "AWS::ApiGatewayV2::Authorizer": frozenset({"ApiId"}),
    "AWS::ApiGatewayV2::ApiMapping": frozenset({"DomainName"}),
    "AWS::Lambda::Function": frozenset({"FunctionName", "PackageType", "TenancyConfig"}),
    "AWS::Lambda::Version": frozenset({
        "CodeSha256", "Description", "FunctionName", "ProvisionedConcurrencyConfig", "RuntimePolicy",
    }),
    "AWS::Lambda::Alias": frozenset({"FunctionName", "Name"}),
    "AWS::Lambda::EventInvokeConfig": frozenset({"FunctionName", "Qualifier"}),
    "AWS::Lambda::EventSourceMapping": frozenset({
        "EventSourceArn", "SelfManagedEventSource", "StartingPosition", "StartingPositionTimestamp",
    }),
    "AWS::Lambda::Permission": frozenset({
        "Action", "EventSourceToken", "FunctionName", "FunctionUrlAuthType", "InvokedViaFunctionUrl", "Principal",
        "PrincipalOrgID", "SourceAccount", "SourceArn",
    }),
    "AWS::Logs::LogGroup": frozenset({"LogGroupName"}),
    "AWS::SQS::Queue": frozenset({"QueueName", "FifoQueue"}),
    "AWS::SecretsManager::Secret": frozenset({"Name"}),
    "AWS::Events::Rule": frozenset({"Name", "EventBusName"}),
    "AWS::CloudWatch::Dashboard": frozenset({"DashboardName"}),
}  # fmt: skip
"""Properties whose change makes a new resource. [DOC] cfn-docs: "Update requires: Replacement" of each type."""


def expected(old: Mapping[str, Any], new: Mapping[str, Any], parameters: Collection[str] = ()) -> tuple[Change, ...]:
    """What a change set will say: what differs, and what changes with the value of a parameter or a new resource.

    Args:
        old: The template of the stack; empty: there is none.
        new: The template that is proposed.
        parameters: Those that get other values.
    """
    others = frozenset(parameters)
    while True:
        found = diff(old, new, others)
        known = others | {each.logical_id for each in found if each.replacement is Replacement.YES}
        if known == others:
            return found
        others = known


def diff(old: Mapping[str, Any], new: Mapping[str, Any], others: frozenset[str] = frozenset()) -> tuple[Change, ...]:
    """What a change from one template to another does to the resources.

    ``others``: parameters and resources that are other ones than before, so that what refers to them changes.
    """
    before, after = old.get("Resources", {}), new.get("Resources", {})
    changes = []
    for logical_id in sorted({*before, *after}):
        if logical_id not in before:
            changes.append(Change(action="Add", logical_id=logical_id, resource_type=after[logical_id]["Type"]))
        elif logical_id not in after:
            changes.append(Change(action="Remove", logical_id=logical_id, resource_type=before[logical_id]["Type"]))
        else:
            changed = _modified(logical_id, before[logical_id], after[logical_id], others)
            changes += [] if changed is None else [changed]
    return tuple(changes)


def _modified(
    logical_id: str, before: Mapping[str, Any], after: Mapping[str, Any], others: frozenset[str]
) -> Change | None:
    old, new = before.get("Properties", {}), after.get("Properties", {})
    names = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    names |= {name for name, value in new.items() if not others.isdisjoint(references(value))}
    if not names and before == after:
        return None
    is_new = before["Type"] != after["Type"] or names & IDENTITY.get(after["Type"], frozenset())
    return Change(
        action="Modify",
        logical_id=logical_id,
        resource_type=after["Type"],
        replacement=Replacement.YES if is_new else Replacement.NO,
        properties=tuple(sorted(names)),
    )


def require_safe(
    changes: Sequence[Change], old: Mapping[str, Any], new: Mapping[str, Any], allowed: frozenset[str]
) -> None:
    """Refuse to lose data or an address by the way.

    A replacement that CloudFormation calls conditional counts when our own comparison of the templates says so too:
    it calls many changes conditional that never replace a table, such as a new index. Data whose name comes from what
    is replaced is replaced with that. Of a type whose identity is not known here, and of what is in a nested stack,
    nothing can deny it.

    Args:
        changes: Those of the change set.
        old: The template of the stack; empty: there is none.
        new: The template that is proposed.
        allowed: Logical ids that may be replaced or removed.

    Raises:
        DangerError: something precious would be replaced or removed, and is not among ``allowed`` logical ids.
    """
    replaced = {change.logical_id for change in changes if change.replacement is Replacement.YES}
    # The API's stage goes with it, which whoever named the API knows.
    found = (*diff(old, new), *(each for each in expected(old, new, replaced) if holds_data(each.resource_type)))
    ours = {change.logical_id for change in found if change.replacement is Replacement.YES}
    before, after = old.get("Resources", {}), new.get("Resources", {})
    for change in changes:
        name = change.logical_id
        if name in allowed or not is_precious(change.resource_type):
            continue
        was, will = before.get(name, _told(change)), after.get(name, _told(change))
        is_known = change.resource_type in IDENTITY and "/" not in name
        if change.action == "Remove":
            what, why = "would be removed from the stack", of_removal(was)
        elif change.replacement is Replacement.YES or (
            change.replacement is Replacement.CONDITIONAL and (name in ours or not is_known)
        ):
            is_sure = change.replacement is Replacement.YES or name in ours
            what = f"{'would' if is_sure else 'may'} be replaced"
            why = of_replacement(was, will)
        else:
            continue
        raise DangerError(
            f"{name} {what} ({', '.join(change.properties) or 'no longer described'}): {why}; "
            f"if you want that, say --replace {name}"
        )


def _told(change: Change) -> dict[str, Any]:
    """A resource of a nested stack, whose template is not here, as far as its change tells."""
    policy = change.policy.removeprefix("ReplaceAnd")
    return {"Type": change.resource_type, "DeletionPolicy": policy, "UpdateReplacePolicy": policy}


def require_named(allowed: frozenset[str], old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse a word for something that there is not.

    Raises:
        DeployError: neither template has a resource of that id.
    """
    known = {**old.get("Resources", {}), **new.get("Resources", {})}
    for name in sorted(allowed):
        if name.partition("/")[0] not in known:
            precious = ", ".join(sorted(i for i, each in known.items() if is_precious(each["Type"])))
            raise DeployError(f"--replace {name}: there is no such resource; those that need the word are {precious}")


def require_possible(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse what CloudFormation, DynamoDB or Lambda would refuse half way, and say what works instead.

    Raises:
        DeployError: the first such change.
    """
    before, after = _of_type(old, _MAPPING), _of_type(new, _MAPPING)
    for logical_id in sorted(before.keys() & after.keys()):
        _require_same_start(logical_id, before[logical_id], after[logical_id])
    before, after = _of_type(old, _TABLE), _of_type(new, _TABLE)
    ids = {name: logical_id for logical_id, each in before.items() if isinstance(name := each.get("TableName"), str)}
    for logical_id, will in sorted(after.items()):
        name, was = will.get("TableName"), before.get(logical_id)
        if isinstance(name, str) and ids.get(name, logical_id) != logical_id:
            raise DeployError(
                f"the table {name} is {ids[name]} in the stack and would be {logical_id}, which CloudFormation makes "
                f"first; deploy once without it, which leaves it with its data, and then with it, which takes it over"
            )
        if was is None or was.get("TableName") != name:
            continue  # a new table, which the change set says
        if has_literal_shape(was) and has_literal_shape(will):
            for problem in _impossible(was, will):
                raise DeployError(f"{logical_id} ({name}): {problem}" if name else f"{logical_id}: {problem}")


def _of_type(template: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    """Logical id to the properties of each resource of a type."""
    resources = template.get("Resources", {})
    return {name: each.get("Properties", {}) for name, each in resources.items() if each["Type"] == kind}


def _require_same_start(logical_id: str, was: Mapping[str, Any], will: Mapping[str, Any]) -> None:
    """Another starting position makes a new mapping before the old one goes, and Lambda takes no second one.

    [DOC] cfn-docs:AWS::Lambda::EventSourceMapping, StartingPosition; [USR] aws/serverless-application-model#1320
    """
    start, new_start = (each.get("StartingPosition") for each in (was, will))
    is_same = all(was.get(name) == will.get(name) for name in ("EventSourceArn", "FunctionName"))
    if is_same and start != new_start:
        raise DeployError(
            f"{logical_id}: its starting position changes from {start} to {new_start}, which makes a new mapping, and "
            f"Lambda takes no second one of the same function and stream; deploy once without it, and then with it, or "
            f"leave the position as it is: it counts for a new mapping only"
        )


def _impossible(was: Mapping[str, Any], will: Mapping[str, Any]) -> Iterator[str]:
    other = "describe a table of another name beside it, copy what is in it, and remove the old one later"
    has_other_key = _typed(was, was) != _typed(will, will)
    has_other_locals = _indexes(was, "LocalSecondaryIndexes") != _indexes(will, "LocalSecondaryIndexes")
    if "TableName" not in will and (has_other_key or has_other_locals):
        return  # one that CloudFormation names is replaced, which the change set says
    if has_other_key:
        # [DOC] cfn-docs:AWS_DynamoDB_Table, TableName: a named table cannot be replaced
        yield (
            f"its key changes from {_typed(was, was)} to {_typed(will, will)}, which makes a new table, and "
            f"CloudFormation makes no second one of the same name; {other}"
        )
    if has_other_locals:
        yield f"local indexes are made with their table and cannot change, and a table keeps its name; {other}"
    yield from _impossible_indexes(_indexes(was, "GlobalSecondaryIndexes"), _indexes(will, "GlobalSecondaryIndexes"))
    view, new_view = (each.get("StreamSpecification", {}).get("StreamViewType") for each in (was, will))
    if view is not None and new_view is not None and view != new_view:
        # [DOC] ddb-api:StreamSpecification: an enabled stream cannot be enabled again
        yield (
            f"its stream changes from {view} to {new_view}, and DynamoDB changes no view of a stream that is on; "
            f"deploy once without the stream and what reads it, then with the new view"
        )
    ttl, new_ttl = (each.get("TimeToLiveSpecification", {}).get("AttributeName") for each in (was, will))
    if ttl is not None and new_ttl is not None and ttl != new_ttl:
        # [DOC] ddb-api:UpdateTimeToLive
        yield (
            f"its TTL attribute changes from {ttl} to {new_ttl}, and DynamoDB takes no other one while TTL is on; "
            f"deploy once without TTL, and an hour later with the new one"
        )


def _impossible_indexes(was: Mapping[str, str], will: Mapping[str, str]) -> Iterator[str]:
    # [DOC] ddb-docs:GSI.OnlineOps: one creation or deletion in an update; the rest of an index never changes
    for name in sorted(was.keys() & will.keys()):
        if was[name] != will[name]:
            yield (
                f"the index {name} changes its key or its projection, which no index can; give the new one another "
                f"name, and remove the old one in a deployment after that"
            )
    changed = [f"add {name}" for name in sorted(will.keys() - was.keys())]
    changed += [f"remove {name}" for name in sorted(was.keys() - will.keys())]
    if len(changed) > 1:
        what = ", ".join(changed)
        yield f"{len(changed)} indexes change at once ({what}), and DynamoDB does one at a time; deploy them one by one"


def _indexes(table: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Name of each index to everything that cannot change, as text."""
    return {
        each["IndexName"]: f"{_typed(each, table)} {sorted(each.get('Projection', {}).items(), key=str)}"
        for each in table.get(kind, ())
    }


def _typed(keyed: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    """The key of a table or an index with the types of its attributes, as text."""
    types = {each["AttributeName"]: each["AttributeType"] for each in table.get("AttributeDefinitions", ())}
    return ", ".join(
        f"{each['AttributeName']} ({types.get(each['AttributeName'], '?')})" for each in keyed.get("KeySchema", ())
    )
