"""What AWS says when a role does not allow something, and what we say to whoever has to change that. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from streamer.topology import Topology
from streamer.topology.grants import CONNECTION_METHODS, SENDER_ACTIONS, Kind, Place, Resource, arn

from .conditions import Context, unmet
from .encryption import VIA
from .needs import AS_NAMED, INVOKE_API, Need
from .policy import Decision, Statement
from .resource_policies import Who

_ANYWHERE: Final = Place(
    region="${AWS::Region}", account_id="${AWS::AccountId}", partition="${AWS::Partition}", apis={}
)
VALUES_SHOWN: Final = 5
"""Of a condition, and of a request, in the log."""


_REASONS: Final = {
    Decision.DENIED: "with an explicit deny in an identity-based policy",
    Decision.DENIED_BY_BOUNDARY: "with an explicit deny in a permissions boundary",
    Decision.DENIED_BY_RESOURCE: "with an explicit deny in a resource-based policy",
    Decision.DENIED_BY_SESSION: "with an explicit deny in a session policy",
    Decision.NOT_ALLOWED: "because no identity-based policy allows the {} action",
    Decision.NOT_BY_RESOURCE: "because no resource-based policy allows the {} action",
    Decision.OUT_OF_BOUNDS: "because no permissions boundary allows the {} action",
    Decision.OUT_OF_SESSION: "because no session policy allows the {} action",
}


def user_arn(function: str, role: str, place: Place) -> str:
    """Who a function is to other services: its role's session, named after it. [USR] anomalyco/sst #4469"""
    return f"arn:{place.partition}:sts::{place.account_id}:assumed-role/{role}/{function}"


def role_arn(path: str, place: Place) -> str:
    """The ARN of a role; its path begins with a slash and ends with its name."""
    return f"arn:{place.partition}:iam::{place.account_id}:role{path}"


def who(function: str, path: str, place: Place) -> Who:
    """Who a function is to policies of resources, given the path of its role as in `role_arn`."""
    account = f"arn:{place.partition}:iam::{place.account_id}:root"
    session = user_arn(function, path.rpartition("/")[2], place)
    return Who(session=session, role=role_arn(path, place), account=account)


def role_name(function: str) -> str:
    """The name of a function's role; on AWS CloudFormation makes one up."""
    return f"{function}-role"


def refusal(subject: str, need: Need, decision: Decision, place: Place) -> str:
    """The message of an ``AccessDeniedException``, given the `user_arn` of who asked.

    [USR] anomalyco/sst #4469 (DynamoDB), awslabs/aws-deployment-framework #460 (Lambda),
    aws/serverless-application-model #3633 (SQS, which writes its actions in lower case),
    ASFHyP3/hyp3 #2283 (APIs, which hide most of the account), aws-solutions/innovation-sandbox-on-aws #59
    (``@connections``, which does so, too, and names no connection; the reasons of these two are the others'. [INF]),
    nebari-dev/nebari #2152 (boundaries), OvertureMaps/stac #113 (STS, which gives no reason),
    aws-ia/terraform-aws-control_tower_account_factory #151 (SNS, which writes itself in capitals), buildkite/lifecycled
    #90 (SNS, of all topics), schubergphilis/terraform-aws-mcaf-securityhub-findings-manager #64 (S3, which quotes),
    mongodb/awscdk-resources-mongodbatlas #207, Kralizek/AWSSecretsManagerConfigurationExtensions #78 (Secrets Manager,
    which names secrets as it was asked, and nothing where it was asked for none),
    jbrt/ec2cryptomatic #26 (KMS, whose keys' policies do not), external-secrets/external-secrets #390
    (Secrets Manager, of keys).
    [DOC] iam-docs:troubleshoot_access-denied, its table of reasons.
    """
    service, _, operation = need.action.partition(":")
    if dict(need.about).get(VIA, "").startswith("secretsmanager."):
        return "Access to KMS is not allowed"
    action = {"sqs": f"sqs:{operation.lower()}", "sns": f"SNS:{operation}"}.get(service, need.action)
    resource = _refused_on(need, service, place)
    refused = f"User: {subject} is not authorized to perform: {action}{resource and f' on resource: {resource}'}"
    return refused if service == "sts" else f"{refused} {_REASONS[decision].format(action)}"


def _refused_on(need: Need, service: str, place: Place) -> str:
    """The resource as a service names it where it refuses; empty: it names none."""
    resource = arn(need.resource, place)
    if need.resource.kind is Kind.CONNECTIONS:
        resource = f"{resource.removesuffix('*')}{{connectionId}}"
    match service:
        case "execute-api":
            return resource.replace(f":{place.account_id}:", f":{'*' * 8}{place.account_id[-4:]}:", 1)
        case "s3" if resource != "*":
            return f'"{resource}"'
        case "secretsmanager":
            return dict(need.about).get(AS_NAMED, "" if resource == "*" else resource)
        case "sns" if resource == "*":
            return f"arn:{place.partition}:sns:{place.region}:{place.account_id}:*"
        case _:
            return resource


def advice(function: str, need: Need, topology: Topology) -> str:
    """The line for the function's log that says what would allow it."""
    return f"function {function} may not {need.action} on {shown(need)}; {_remedy(function, need, topology)}"


def unmet_advice(who: str, need: Need, almost: Statement, context: Context, name: str) -> str:
    """The line for the function's log that says which condition keeps a statement from allowing it.

    ``who`` is the function, or the session that it uses; ``name`` is what the resource is called where the statement
    stands.
    """
    operator, key = next(unmet(almost.conditions, context))
    wanted, given = almost.conditions[operator][key], context.get(key.lower(), ())
    condition = f"{operator} {{{key}: {_shortened(wanted)}}}"
    return (
        f"{who} may not {need.action} on {name}: a statement allows it, but its condition "
        f"{condition} is not met by {_shortened(given) if given else 'a request without a value for it'}"
    )


def _shortened(values: Sequence[str]) -> str:
    more = ", ..." if len(values) > VALUES_SHOWN else ""
    return f"[{', '.join(json.dumps(each) for each in values[:VALUES_SHOWN])}{more}]"


def shown(need: Need) -> str:
    """The resource, as people name it."""
    kind, name, detail = need.resource
    match kind:
        case Kind.INDEX:
            return f"index {detail} of {name}"
        case Kind.STREAM:
            return f"the stream of {name}"
        case Kind.CONNECTIONS:
            return f"@connections ({name})"
        case Kind.FUNCTION:
            return f"function {name}"
        case Kind.QUEUE:
            return f"queue {name}"
        case Kind.BUCKET:
            return f"bucket {name}"
        case Kind.ANYTHING:
            return "*"
        case _:
            return name


def _remedy(function: str, need: Need, topology: Topology) -> str:
    names = {
        Kind.TABLE: {table.name for table in topology.tables},
        Kind.INDEX: {table.name for table in topology.tables},
        Kind.FUNCTION: {function.name for function in topology.functions},
        Kind.QUEUE: {queue.name for queue in topology.queues},
    }
    kind, name, _ = need.resource
    if kind in names and name not in names[kind]:
        return f"the topology has no {'table' if kind is Kind.INDEX else kind} {name}"
    is_app = topology.function(function).handler.startswith("streamer.handlers.")
    if is_app and kind in (Kind.TABLE, Kind.INDEX, Kind.QUEUE):
        return "App(access=) says what its actions may do with the App's own"
    lines = grant_lines([need])
    if lines:
        return f"add {lines[0]} to it"
    return f"add {permission_line(need)} to its permissions"


def permission_line(need: Need) -> str:
    """The `Permission` that allows what no other field does.

    Names of tables, queues and functions begin with the stack's on AWS, for which an asterisk stands.
    """
    kind, name, detail = need.resource
    match kind:
        case Kind.ARN if need.action == INVOKE_API:
            where, _, rest = name.rpartition(":")
            resource = f"{where}:*/{rest.partition('/')[2]}"
        case Kind.ARN:
            resource = name
        case Kind.ANYTHING:
            resource = "*"
        case Kind.CONNECTIONS:
            where = "${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"
            resource = f"arn:{where}:*/*/{name}/@connections/*"
        case Kind.BUCKET:
            resource = arn(need.resource, _ANYWHERE)
        case _:
            resource = arn(Resource(kind, f"*{name}", "*" if kind is Kind.STREAM else detail), _ANYWHERE)
    return f'Permission(actions=["{need.action}"], resources=["{resource}"])'


def grant_lines(needs: Iterable[Need]) -> list[str]:
    """The smallest fields of a `Function` that allow these, where fields can; those of tables are ``TableAccess``."""
    actions: dict[str, set[str]] = {}
    indexes: dict[str, set[str]] = {}
    functions, queues, posts = set(), set(), False
    for action, (kind, name, detail), _ in needs:
        match kind, action:
            case Kind.TABLE, _:
                actions.setdefault(name, set()).add(action.removeprefix("dynamodb:"))
            case Kind.INDEX, "dynamodb:Query" | "dynamodb:Scan":
                indexes.setdefault(name, set()).add(detail)
                actions.setdefault(name, set()).update({action.removeprefix("dynamodb:")} - {"Query"})
            case Kind.FUNCTION, "lambda:InvokeFunction" if not detail:
                functions.add(name)
            case Kind.QUEUE, _ if action in SENDER_ACTIONS:
                queues.add(name)
            case Kind.CONNECTIONS, "execute-api:ManageConnections":
                posts = posts or name in CONNECTION_METHODS
            case _:
                pass
    lines = [table_access(name, actions.get(name, ()), indexes.get(name, ())) for name in sorted({*actions, *indexes})]
    if posts:
        lines.append("posts_to_connections=True")
    if functions:
        lines.append(f"invokes={_tuple(functions)}")
    if queues:
        lines.append(f"sends_to={_tuple(queues)}")
    return lines


def table_access(table: str, actions: Iterable[str], indexes: Iterable[str]) -> str:
    """A `TableAccess` as it stands in a topology."""
    further = f", indexes={_tuple(indexes)}" if indexes else ""
    return f'TableAccess(table="{table}", actions={_tuple(actions)}{further})'


def _tuple(names: Iterable[str]) -> str:
    quoted = [f'"{name}"' for name in sorted(names)]
    return f"({quoted[0]},)" if len(quoted) == 1 else f"({', '.join(quoted)})"
