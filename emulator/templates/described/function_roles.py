"""The roles of a template's functions, and what their policies say. Pure.

[DOC] cfn-docs:aws-resource-iam-role, aws-resource-iam-policy, aws-resource-iam-managedpolicy,
aws-resource-iam-rolepolicy
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from streamer.topology import grants
from streamer.topology.grants import Kind

from ...iam.encryption import Encrypted, with_keys
from ...iam.needs import Need
from ...iam.policy import Statement, with_any_value
from ...iam.resource_policies import Named, said_of
from ...iam.roles import Boundary, Role, Roles
from ...iam.sessions import MOST_SECONDS
from ...iam.texts import role_arn, who
from ..catalogue import Catalogue, guarded
from ..errors import Problem
from ..policy_documents import document_of, named_statements, policy_of, statements
from ..stack import Resource
from ..values import at, items, whole
from . import encryption_keys, resource_policies, resource_tags

_ATTACHED: Final = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
"""What names the roles that it is for."""
_KINDS: Final = {
    "AWS::DynamoDB::GlobalTable": Kind.TABLE,
    "AWS::DynamoDB::Table": Kind.TABLE,
    "AWS::Lambda::Function": Kind.FUNCTION,
    "AWS::S3::Bucket": Kind.BUCKET,
    "AWS::SQS::Queue": Kind.QUEUE,
}
"""What has an ``Arn``, and its kind."""
_READING: Final = {
    "dynamodb": grants.STREAM_ACTIONS,
    "kinesis": ("kinesis:GetRecords", "kinesis:GetShardIterator"),
    "sqs": grants.QUEUE_ACTIONS,
}
"""What Lambda does with an event source, in the function's name.

[DOC] lambda-docs:services-dynamodb-eventsourcemapping, services-kinesis-create, services-sqs-configure
"""
_SENDING: Final = {
    "events": "events:PutEvents",
    "lambda": "lambda:InvokeFunction",
    "s3": "s3:PutObject",
    "sns": "sns:Publish",
    "sqs": "sqs:SendMessage",
}
"""What Lambda does with a destination or a queue for dead letters, in the function's name.

[DOC] lambda-docs:invocation-async-retain-records
"""
_CALLABLE: Final = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"

Managed = Callable[[str], Sequence[Statement] | None]
"""The statements of a policy that is not the project's, by its ARN; None: it is not known."""


def roles(catalogue: Catalogue, managed: Managed, place: grants.Place) -> Roles:
    """What functions run as; what is not known of one is warned of.

    A function is left out if its role is not the project's, or has a policy that is neither the project's nor known:
    nobody here can say what it may do.

    Raises:
        TemplateError: a policy is none that IAM would take.
    """
    known = _known(catalogue, managed, place.partition)
    found = dict(_of_functions(catalogue, known))
    policies = resource_policies.policies(catalogue, place)
    encrypted = {
        arn: key
        for arn, key in encryption_keys.keys(catalogue, place).items()
        if not key.startswith(encryption_keys.OF_AWS)
    }
    behind: dict[str, tuple[Need, ...]] = {}
    for each in _doing(catalogue, encrypted, place):
        if each.needs:
            behind[each.function] = (*behind.get(each.function, ()), *each.needs)
        if each.function in found:
            role = found[each.function]
            said = said_of(policies, who(each.function, f"{role.path}{role.name}", place))
            granted = [one for policy, *of in said if policy.is_of(each.arn) for several in of for one in several]
            _check(catalogue, each, role, granted)
    return Roles(
        of=found,
        written=_written(catalogue, place),
        behind=behind,
        policies=policies,
        all={role_arn(f"{each.path}{each.name}", place): each for each in known.values() if each is not None},
        managed={
            str(each.ref): tuple(guarded(catalogue, each, _document))
            for each in catalogue.of("AWS::IAM::ManagedPolicy")
        },
        tags=resource_tags.tags(catalogue, place),
        encrypted=encrypted,
    )


def _known(catalogue: Catalogue, managed: Managed, partition: str) -> dict[str, Role | None]:
    """The project's roles by name; None: a policy of it is not known."""
    said_by = {str(role.ref): guarded(catalogue, role, _own, managed) for role in catalogue.of("AWS::IAM::Role")}
    for policy in catalogue.of(*_ATTACHED):
        for name in guarded(catalogue, policy, _names, "Roles"):
            _add(said_by, name, guarded(catalogue, policy, _document))
    for policy in catalogue.of("AWS::IAM::RolePolicy"):
        _add(said_by, str(policy.properties.get("RoleName")), guarded(catalogue, policy, _document))
    of_names = {str(role.ref): role for role in catalogue.of("AWS::IAM::Role")}
    return {
        name: None if said is None else _role(catalogue, of_names[name], said, managed, partition)
        for name, said in said_by.items()
    }


def _of_functions(catalogue: Catalogue, known: Mapping[str, Role | None]) -> Iterator[tuple[str, Role]]:
    """Functions, and what they run as; what is not the project's is warned of."""
    for function in catalogue.of("AWS::Lambda::Function"):
        name = str(function.properties.get("Role", "")).rpartition("/")[2]
        role = known.get(name)
        if role is not None:
            yield function.name, role
        elif name not in known:
            why = f"its role {name} is not in the project" if name else "it has no Role"
            catalogue.warn(function, f"{why}, so that it may do everything")


def _role(
    catalogue: Catalogue, role: Resource, statements: Sequence[Statement], managed: Managed, partition: str
) -> Role:
    return Role(
        name=str(role.ref),
        path=str(role.properties.get("Path", "/")),
        statements=tuple(statements),
        tags=guarded(catalogue, role, _tags),
        boundary=guarded(catalogue, role, _boundary, managed),
        trust=guarded(catalogue, role, _trust, partition),
        most_seconds=guarded(catalogue, role, _most_seconds),
    )


class _Doing(NamedTuple):
    """What Lambda does in a function's name."""

    resource: Resource
    """What of the template makes it do so."""
    function: str
    arn: str
    needs: tuple[Need, ...]
    otherwise: str = "AWS refuses it"
    """What becomes of it where the function's role does not allow that."""


def _function(resource: Resource) -> str:
    return str(resource.properties.get("FunctionName", "")).rpartition("function:")[2].partition(":")[0]


def _service(arn: str) -> str:
    return arn.split(":")[2] if arn.startswith("arn:") else ""


def _sources(catalogue: Catalogue) -> Iterator[_Doing]:
    """What reading event sources needs."""
    for source in catalogue.of("AWS::Lambda::EventSourceMapping"):
        arn = str(source.properties.get("EventSourceArn", ""))
        service = _service(arn)
        # A stream's label is another one wherever the template is deployed.
        written = f"{arn.rpartition('/')[0]}/*" if service == "dynamodb" else arn
        needed = grants.Resource(Kind.ARN, written)
        needs = tuple(Need(action, needed) for action in _READING.get(service, ()))
        yield _Doing(source, _function(source), arn, needs)


def _destinations(catalogue: Catalogue) -> Iterator[_Doing]:
    """What it needs to send what functions gave up, or were done with, to where the template wants it."""
    for function in catalogue.of("AWS::Lambda::Function"):
        yield from _sending(function, function.name, function.properties.get("DeadLetterConfig"), "TargetArn")
    for config in catalogue.of("AWS::Lambda::EventInvokeConfig"):
        for end in ("OnFailure", "OnSuccess"):
            yield from _sending(config, _function(config), _destination(config, end), "Destination")
    for source in catalogue.of("AWS::Lambda::EventSourceMapping"):
        for each in _sending(source, _function(source), _destination(source, "OnFailure"), "Destination"):
            yield each._replace(otherwise="what it gives up is lost on AWS")


def _destination(resource: Resource, end: str) -> Any:
    config = resource.properties.get("DestinationConfig")
    return config.get(end) if isinstance(config, dict) else None


def _sending(resource: Resource, function: str, config: Any, name: str) -> Iterator[_Doing]:
    arn = str(config.get(name, "")) if isinstance(config, dict) else ""
    action = _SENDING.get(_service(arn))
    if action is not None:
        arn = f"{arn}/*" if _service(arn) == "s3" else arn
        yield _Doing(resource, function, arn, (Need(action, grants.Resource(Kind.ARN, arn)),))


def _with_key(doing: _Doing, encrypted: Encrypted, place: grants.Place) -> Iterator[_Doing]:
    """What Lambda needs of the key of what it reads or sends to. [DOC] lambda-docs:services-sqs-configure"""
    key = encrypted.get(doing.arn.removesuffix("/*"))
    if key is not None:
        needs = tuple(each for each in with_keys(doing.needs, encrypted, place) if each not in doing.needs)
        is_source = doing.resource.properties.get("EventSourceArn") == doing.arn
        otherwise = "Lambda cannot read what it is for on AWS" if is_source else doing.otherwise
        yield doing._replace(arn=key, needs=needs, otherwise=otherwise)


def _doing(catalogue: Catalogue, encrypted: Encrypted, place: grants.Place) -> Iterator[_Doing]:
    """All that Lambda does in the names of functions, with the keys of what is encrypted."""
    doing = (*_sources(catalogue), *_destinations(catalogue))
    yield from doing
    for each in doing:
        yield from _with_key(each, encrypted, place)


def _check(catalogue: Catalogue, doing: _Doing, role: Role, granted: Sequence[Statement]) -> None:
    """Warn if Lambda may not do something with the function's role."""
    missing = [need.action for need in doing.needs if not _is_allowed(role, need.action, doing.arn, granted)]
    if missing:
        within = "" if role.boundary is None else ", within its permissions boundary,"
        why = f"since {role.name}{within} does not allow {', '.join(missing)} on {doing.arn}"
        catalogue.warn(doing.resource, f"{doing.otherwise}, {why}")


def _is_allowed(role: Role, action: str, arn: str, granted: Sequence[Statement]) -> bool:
    """Whether the role or the resource allows it, whatever the conditions, within the role's permissions boundary."""
    policies = [(*role.statements, *granted)]
    if role.boundary is not None:
        policies.append(role.boundary.statements)
    return all(any(_may_allow(each, action, arn) for each in policy) for policy in policies)


def _may_allow(statement: Statement, action: str, arn: str) -> bool:
    return statement.is_allow and with_any_value(statement).names(action, arn)


def _written(catalogue: Catalogue, place: grants.Place) -> dict[str, str]:
    """What ARNs are called in the template; in several, a name of one means nothing in the others."""
    if len({id(stack) for stack, _ in catalogue.all}) > 1:
        return {}
    found = {}
    for _, each in catalogue.all:
        kind = _KINDS.get(each.type)
        if kind is not None:
            found[grants.arn(grants.Resource(kind, each.name), place)] = f"${{{each.logical_id}.Arn}}"
        elif "Arn" in each.kind.attributes and (named := resource_tags.arn_of(each, place)) is not None:
            found[named] = f"${{{each.logical_id}.Arn}}"
        elif str(each.ref).startswith("arn:"):
            found[str(each.ref)] = f"${{{each.logical_id}}}"
        elif each.type in ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"):
            where = f"arn:{place.partition}:execute-api:{place.region}:{place.account_id}"
            found[f"{where}:{each.ref}"] = f"{_CALLABLE}:${{{each.logical_id}}}"
    return found


def _add(statements: dict[str, list[Statement] | None], name: str, more: Sequence[Statement]) -> None:
    known = statements.get(name)
    if known is not None:
        known += more


def _own(catalogue: Catalogue, role: Resource, managed: Managed) -> list[Statement] | None:
    """What a role itself says; None: not all of it is known."""
    found: list[Statement] = []
    for position, policy in enumerate(items(role, "Policies")):
        place = at(role, "Policies", position)
        document = document_of(policy.get("PolicyDocument")) if isinstance(policy, dict) else None
        if not isinstance(document, dict):
            raise Problem(place, "a policy has a PolicyDocument")
        found += statements(document, (*place, "PolicyDocument"))
    unknown = []
    for arn in map(str, items(role, "ManagedPolicyArns")):
        more = _managed(catalogue, arn, managed)
        if more is None:
            unknown.append(arn)
        else:
            found += more
    if unknown:
        catalogue.warn(role, f"its policy {unknown[0]} is not in the project, so that its functions may do everything")
        return None
    return found


def _managed(catalogue: Catalogue, arn: str, managed: Managed) -> Sequence[Statement] | None:
    own = catalogue.by_ref(arn, "AWS::IAM::ManagedPolicy")
    return managed(arn) if own is None else guarded(catalogue, own, _document)


def _boundary(catalogue: Catalogue, role: Resource, managed: Managed) -> Boundary | None:
    arn = role.properties.get("PermissionsBoundary")
    if arn is None:
        return None
    found = _managed(catalogue, str(arn), managed)
    if found is None:
        catalogue.warn(role, f"its permissions boundary {arn} is not in the project, so that it is not held to")
        return None
    return Boundary(name=str(arn).rpartition("/")[2], statements=tuple(found))


def _trust(_catalogue: Catalogue, role: Resource, partition: str) -> tuple[Named, ...]:
    name = "AssumeRolePolicyDocument"
    return named_statements(policy_of(role, name), at(role, name), partition)


def _most_seconds(_catalogue: Catalogue, role: Resource) -> int:
    return whole(role, "MaxSessionDuration", MOST_SECONDS)


def _tags(catalogue: Catalogue, role: Resource) -> dict[str, str]:
    tags = [each for each in items(role, "Tags") if isinstance(each, dict)]
    return {str(each.get("Key")): str(each.get("Value")) for each in tags}


def _names(catalogue: Catalogue, policy: Resource, name: str) -> list[str]:
    return [str(each) for each in items(policy, name)]


def _document(catalogue: Catalogue, policy: Resource) -> list[Statement]:
    return statements(policy_of(policy, "PolicyDocument"), at(policy, "PolicyDocument"))
