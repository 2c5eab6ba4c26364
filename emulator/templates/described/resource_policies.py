"""What a template's queues, topics, buckets, functions, keys and others say of who may use them. Pure.

[DOC] cfn-docs:aws-resource-sqs-queuepolicy, aws-resource-sns-topicpolicy, aws-resource-s3-bucketpolicy,
aws-resource-lambda-permission, aws-resource-secretsmanager-resourcepolicy, aws-resource-apigateway-restapi,
aws-properties-dynamodb-table-resourcepolicy, aws-resource-kms-key, aws-resource-kinesis-resourcepolicy
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from msgspec import structs

from streamer.topology import grants
from streamer.topology.grants import Kind, Place

from ...foundation.json_bytes import parsed_json
from ...iam.encryption import DECRYPT, GENERATE
from ...iam.policy import Statement, replaced
from ...iam.resource_policies import EVERYBODY, Named, ResourcePolicy
from ..catalogue import Catalogue, guarded
from ..policy_documents import document_of, named_statements, policy_of, principal_arn
from ..stack import Resource
from ..values import at, items, mapping
from .encryption_keys import OF_AWS, keys

_FUNCTION: Final = "lambda:InvokeFunction"
_DOING: Final = {"lambda": _FUNCTION, "sns": "sns:Publish", "sqs": "sqs:SendMessage"}
"""What a service does with what it sends to, by that one's service."""
_POLICIES: Final = {"lambda": "AWS::Lambda::Permission", "sns": "AWS::SNS::TopicPolicy", "sqs": "AWS::SQS::QueuePolicy"}
_CONFIGURATIONS: Final = {
    "LambdaConfigurations": "Function",
    "QueueConfigurations": "Queue",
    "TopicConfigurations": "Topic",
}
"""Lists of whom a bucket tells. [DOC] cfn-docs:aws-properties-s3-bucket-notificationconfiguration"""
_IN_OPENAPI: Final = "x-amazon-apigateway-policy"
_SHORT: Final = "execute-api:/"
_SOURCES: Final = ("aws:sourcearn", "aws:sourceaccount")
"""What is known of a request of a service; other conditions are taken for met."""


def policies(catalogue: Catalogue, place: Place) -> tuple[ResourcePolicy, ...]:
    """What resources say; of one that has several policies in a row.

    Raises:
        TemplateError: a policy is none that its service would take.
    """
    readers: tuple[tuple[str, Callable[[Catalogue, Resource, Place], Iterable[ResourcePolicy]]], ...] = (
        ("AWS::SQS::QueuePolicy", _of_queues),
        ("AWS::SNS::TopicPolicy", _of_topics),
        ("AWS::S3::BucketPolicy", _of_bucket),
        ("AWS::Lambda::Permission", _of_function),
        ("AWS::SecretsManager::ResourcePolicy", _of_secret),
        ("AWS::DynamoDB::Table", _of_table),
        ("AWS::ApiGateway::RestApi", _of_api),
        ("AWS::KMS::Key", _of_key),
        ("AWS::Events::EventBusPolicy", _of_bus),
        ("AWS::Kinesis::ResourcePolicy", _of_stream),
    )
    return tuple(
        policy
        for kind, read in readers
        for each in catalogue.of(kind)
        for policy in guarded(catalogue, each, read, place)
    )


def _of_queues(_catalogue: Catalogue, policy: Resource, place: Place) -> list[ResourcePolicy]:
    said = _document(policy, "PolicyDocument", place)
    names = [str(each).rpartition("/")[2] for each in items(policy, "Queues")]
    return [ResourcePolicy(arn=_arn(Kind.QUEUE, name, place), statements=said) for name in names]


def _of_topics(_catalogue: Catalogue, policy: Resource, place: Place) -> list[ResourcePolicy]:
    said = _document(policy, "PolicyDocument", place)
    return [ResourcePolicy(arn=str(each), statements=said) for each in items(policy, "Topics")]


def _of_bucket(_catalogue: Catalogue, policy: Resource, place: Place) -> list[ResourcePolicy]:
    said = _document(policy, "PolicyDocument", place)
    return [ResourcePolicy(arn=_arn(Kind.BUCKET, str(policy.properties.get("Bucket")), place), statements=said)]


def _of_secret(catalogue: Catalogue, policy: Resource, place: Place) -> list[ResourcePolicy]:
    named = str(policy.properties.get("SecretId"))
    secrets = (str(each.ref) for each in catalogue.of("AWS::SecretsManager::Secret") if named in (each.ref, each.name))
    said = _document(policy, "ResourcePolicy", place)
    return [ResourcePolicy(arn=arn, statements=said) for arn in secrets]


def _of_table(_catalogue: Catalogue, table: Resource, place: Place) -> list[ResourcePolicy]:
    given = document_of(mapping(table, "ResourcePolicy").get("PolicyDocument"))
    if not isinstance(given, dict):
        return []
    said = named_statements(given, at(table, "ResourcePolicy", "PolicyDocument"), place.partition)
    return [ResourcePolicy(arn=_arn(Kind.TABLE, table.name, place), statements=said)]


def _of_key(_catalogue: Catalogue, key: Resource, place: Place) -> list[ResourcePolicy]:
    """Of a key; without one it leaves all to the account's policies. [DOC] kms-docs:key-policy-default"""
    arn = f"arn:{place.partition}:kms:{place.region}:{place.account_id}:key/{key.ref}"
    everything = Statement(actions=("kms:*",), resources=(EVERYBODY,))
    default = Named(statement=everything, principals=(principal_arn(place.account_id, place.partition),))
    said = _document(key, "KeyPolicy", place) if "KeyPolicy" in key.properties else (default,)
    return [ResourcePolicy(arn=arn, statements=said, rules=True)]


def _of_bus(_catalogue: Catalogue, policy: Resource, place: Place) -> list[ResourcePolicy]:
    """A statement of an event bus, which may be spread over the properties.

    [DOC] cfn-docs:aws-resource-events-eventbuspolicy
    """
    given = policy.properties
    principal, asked = given.get("Principal"), mapping(policy, "Condition")
    spread = {
        "Effect": "Allow",
        "Principal": principal if principal == EVERYBODY else {"AWS": principal},
        "Action": given.get("Action"),
        "Condition": {str(asked.get("Type")): {str(asked.get("Key")): asked.get("Value")}} if asked else {},
    }
    document = {"Version": "2012-10-17", "Statement": given.get("Statement") or spread}
    arn = f"arn:{place.partition}:events:{place.region}:{place.account_id}:event-bus/"
    bus = str(given.get("EventBusName") or "default").rpartition("/")[2]
    return [ResourcePolicy(arn=arn + bus, statements=named_statements(document, at(policy), place.partition))]


def _of_stream(_catalogue: Catalogue, policy: Resource, place: Place) -> list[ResourcePolicy]:
    said = _document(policy, "ResourcePolicy", place)
    return [ResourcePolicy(arn=str(policy.properties.get("ResourceArn")), statements=said)]


def _of_api(_catalogue: Catalogue, api: Resource, place: Place) -> list[ResourcePolicy]:
    """Of a REST API, which may have its policy in its OpenAPI document, where SAM writes it."""
    at_property, in_body = api.properties.get("Policy"), mapping(api, "Body").get(_IN_OPENAPI)
    given, path = (in_body, at(api, "Body", _IN_OPENAPI)) if at_property is None else (at_property, at(api, "Policy"))
    given = document_of(given)
    if not isinstance(given, dict):
        return []
    arn = f"arn:{place.partition}:execute-api:{place.region}:{place.account_id}:{api.ref}"
    # [DOC] apigw-docs:apigateway-resource-policies-examples: a resource may begin with what stands for the API.
    said = [
        structs.replace(each, statement=replaced(each.statement, lambda text: text.replace(_SHORT, f"{arn}/", 1)))
        for each in named_statements(given, path, place.partition)
    ]
    return [ResourcePolicy(arn=arn, statements=tuple(said))]


def _of_function(_catalogue: Catalogue, permission: Resource, place: Place) -> list[ResourcePolicy]:
    given = permission.properties
    arn = _function_arn(str(given.get("FunctionName")), place)
    principal = str(given.get("Principal"))
    is_service = ".amazonaws." in principal
    conditions = {
        operator: {key: (str(given[name]),)}
        for name, operator, key in (
            ("SourceArn", "ArnLike", "aws:SourceArn"),
            ("SourceAccount", "StringEquals", "aws:SourceAccount"),
            ("PrincipalOrgID", "StringEqualsIgnoreCase", "aws:PrincipalOrgID"),
            ("EventSourceToken", "StringEqualsIfExists", "lambda:EventSourceToken"),
            ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
            ("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"),
        )
        if name in given
    }
    statement = Statement(actions=(str(given.get("Action")),), resources=(arn,), conditions=conditions)
    said = Named(
        statement=statement,
        principals=() if is_service else (principal_arn(principal, place.partition),),
        services=(principal,) if is_service else (),
    )
    return [ResourcePolicy(arn=arn, statements=(said,))]


def _document(policy: Resource, name: str, place: Place) -> tuple[Named, ...]:
    return named_statements(policy_of(policy, name), at(policy, name), place.partition)


def _arn(kind: Kind, name: str, place: Place) -> str:
    return grants.arn(grants.Resource(kind, name), place)


def _function_arn(named: str, place: Place) -> str:
    """Of a name, a partial ARN or an ARN, with its qualifier."""
    return _arn(Kind.FUNCTION, named.rpartition("function:")[2], place)


class Sending(NamedTuple):
    """What a service sends, as itself."""

    resource: Resource
    """What of the template makes it do so."""
    service: str
    source: str
    """ARN of what it does so for."""
    target: str
    otherwise: str
    """What becomes of it where the target's policy does not allow that."""


_REFUSED: Final = "AWS refuses it"
_LOST: Final = "what it sends is lost on AWS"
_FAILED: Final = 'clients are told "Internal server error" on AWS'
_GATEWAY: Final = "apigateway.amazonaws.com"
_GIVEN_UP: Final = "what it gives up is lost on AWS"


def check_senders(catalogue: Catalogue, place: Place) -> None:
    """Warn of what queues, topics and functions are sent by services that their policies do not let.

    Raises:
        TemplateError: a policy is none that its service would take.
    """
    known = policies(catalogue, place)
    own = [str(each.ref) for each in catalogue.of("AWS::SNS::Topic")]
    own += [_arn(Kind.QUEUE, each.name, place) for each in catalogue.of("AWS::SQS::Queue")]
    own += [_arn(Kind.FUNCTION, each.name, place) for each in catalogue.of("AWS::Lambda::Function")]
    encrypted = keys(catalogue, place)
    senders = (*_of_subscriptions(catalogue), *_of_notifications(catalogue, place), *_of_rules(catalogue, place))
    for each in (*senders, *_of_apis(catalogue, place, known)):
        is_own = any(ResourcePolicy(arn=arn, statements=()).is_of(each.target) for arn in own)
        kind, action = (of.get(_service(each.target), "") for of in (_POLICIES, _DOING))
        if is_own and not _lets(known, each, place.account_id, action):
            why = f"since no {kind} lets {each.service} {action} on {each.target} for {each.source}"
            catalogue.warn(each.resource, f"{each.otherwise}, {why}")
        elif is_own and (lock := _locked(known, each, encrypted.get(each.target), place.account_id)) is not None:
            catalogue.warn(each.resource, f"{each.otherwise}, since {each.target} is encrypted with {lock}")


def _service(arn: str) -> str:
    return arn.split(":", 3)[2] if arn.startswith("arn:") else ""


def _locked(known: Sequence[ResourcePolicy], sending: Sending, key: str | None, account_id: str) -> str | None:
    """Why a service may not use the key of what it sends to; None: it may, or that is not known.

    [DOC] sns-docs:sns-enable-encryption-for-topic-sqs-queue-subscriptions, sqs-docs:sqs-key-management
    """
    if key is None:
        return None
    if key.startswith(OF_AWS):
        return f"{key}, which {sending.service} may not use: it takes a key of your own"
    lacking = [each for each in (GENERATE, DECRYPT) if not _lets(known, sending._replace(target=key), account_id, each)]
    if not lacking or not any(policy.rules and policy.is_of(key) for policy in known):
        return None
    return f"a key whose policy does not let {sending.service} {', '.join(lacking)}"


def _lets(known: Sequence[ResourcePolicy], sending: Sending, account_id: str, action: str) -> bool:
    context = dict(zip(_SOURCES, ((sending.source,), (account_id,)), strict=True))
    return any(
        _without_others(each.statement).applies(action, sending.target, context)
        for policy in known
        if policy.is_of(sending.target)
        for each in policy.statements
        if each.statement.is_allow and each.is_about_service(sending.service)
    )


def _without_others(statement: Statement) -> Statement:
    conditions = {
        operator: {key: values for key, values in keys.items() if key.lower() in _SOURCES}
        for operator, keys in statement.conditions.items()
    }
    return structs.replace(statement, conditions=conditions)


def _of_apis(catalogue: Catalogue, place: Place, known: Sequence[ResourcePolicy]) -> Iterator[Sending]:
    """What WebSocket APIs have invoked. [DOC] lambda-docs:services-apigateway

    A project that gives API Gateway no permission at all has them given elsewhere.
    """
    of_functions = [each for each in known if each.arn.split(":")[2] == "lambda"]
    if not any(named.is_about_service(_GATEWAY) for each in of_functions for named in each.statements):
        return
    for caller, function, source in catalogue.invoked:
        arn = f"arn:{place.partition}:execute-api:{place.region}:{place.account_id}:{source}"
        yield Sending(caller, _GATEWAY, arn, _arn(Kind.FUNCTION, function, place), _FAILED)


def _of_subscriptions(catalogue: Catalogue) -> Iterator[Sending]:
    topics = catalogue.of("AWS::SNS::Topic")
    own = [(topic, str(topic.ref), each) for topic in topics for each in items(topic, "Subscription")]
    others = [
        (each, str(each.properties.get("TopicArn")), each.properties) for each in catalogue.of("AWS::SNS::Subscription")
    ]
    for resource, topic, each in (*own, *others):
        if isinstance(each, dict) and each.get("Protocol") in ("lambda", "sqs"):
            yield Sending(resource, "sns.amazonaws.com", topic, str(each.get("Endpoint")), _LOST)
            dead = _dead_letters(each.get("RedrivePolicy"), "deadLetterTargetArn")
            yield Sending(resource, "sns.amazonaws.com", topic, dead, _GIVEN_UP)


def _of_notifications(catalogue: Catalogue, place: Place) -> Iterator[Sending]:
    for bucket in catalogue.of("AWS::S3::Bucket"):
        configuration = mapping(bucket, "NotificationConfiguration")
        arn = _arn(Kind.BUCKET, bucket.name, place)
        for name, whom in _CONFIGURATIONS.items():
            for each in configuration.get(name) or ():
                if isinstance(each, dict):
                    yield Sending(bucket, "s3.amazonaws.com", arn, str(each.get(whom)), _REFUSED)


def _of_rules(catalogue: Catalogue, place: Place) -> Iterator[Sending]:
    for rule in catalogue.of("AWS::Events::Rule"):
        path = str(rule.ref).replace("|", "/")  # its bus, if that is not the default one, and its name
        arn = f"arn:{place.partition}:events:{place.region}:{place.account_id}:rule/{path}"
        for each in items(rule, "Targets"):
            if not isinstance(each, dict):
                continue
            if "RoleArn" not in each:
                yield Sending(rule, "events.amazonaws.com", arn, str(each.get("Arn")), _LOST)
            dead = _dead_letters(each.get("DeadLetterConfig"), "Arn")
            yield Sending(rule, "events.amazonaws.com", arn, dead, _GIVEN_UP)


def _dead_letters(config: Any, name: str) -> str:
    """The queue for what could not be sent; empty: there is none."""
    try:
        found = parsed_json(config) if isinstance(config, str) else config
    except ValueError:
        return ""  # SNS itself says what is wrong with it
    return str(found.get(name, "")) if isinstance(found, dict) else ""
