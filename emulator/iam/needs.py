"""Which actions on which resources a request needs: DynamoDB with its streams, and SQS. Pure.

[DOC] service-authorization: list_amazondynamodb, list_amazonsqs; ddb-docs:transaction-apis-iam, ql-iam
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from streamer.topology.grants import ANYTHING, Kind, Resource

from .resource_tags import requested

Parameters = Mapping[str, Any]


class Need(NamedTuple):
    """One action on one resource."""

    action: str
    resource: Resource
    about: tuple[tuple[str, str], ...] = ()
    """What else the request has for conditions: keys in lower case, each with a value; of several, several times."""


class Part(NamedTuple):
    """What of a request to DynamoDB a need is for."""

    action: str
    resource: Resource
    parameters: Any
    """The whole request, an item of a transaction, a statement, or what a batch wants of a table."""


Describe = Callable[[Part], tuple[tuple[str, str], ...]]
"""Tells what conditions see of a part, as `Need.about`."""


INVOKE_API: Final = "execute-api:Invoke"
"""What a request of an API needs, or an upgrade, where its route asks for IAM."""
AS_NAMED: Final = "secretsmanager:secretid"
"""The condition key of a secret as a request names it. [DOC] service-authorization: list_awssecretsmanager"""
_OF_TRANSACTIONS: Final = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Get": "dynamodb:GetItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}
_OF_STREAMS: Final = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
_WITHOUT_RESOURCE: Final = frozenset(
    {
        *("DescribeEndpoints", "DescribeLimits", "ListBackups", "ListContributorInsights", "ListExports"),
        *("ListGlobalTables", "ListImports", "ListStreams", "ListTables"),
    }
)
_TAGGING: Final = ("CreateTable", "TagResource", "UntagResource")
_NAME: Final = r'(?:"(?P<{0}quoted>[^"]+)"|(?P<{0}plain>\w+))'
_STATEMENT: Final = re.compile(
    r"\s*(?:EXISTS\s*\(\s*)?(?P<verb>SELECT|INSERT|UPDATE|DELETE)\b"
    # What is quoted is no keyword; an update names its table at once.
    r"""(?:(?<=UPDATE)|(?:"[^"]*"|'[^']*'|[^"'])*?\b(?:FROM|INTO))\s+"""
    rf"{_NAME.format('table_')}(?:\s*\.\s*{_NAME.format('index_')})?",
    re.IGNORECASE,
)
_BATCH: Final = "Batch"


def of_dynamodb(operation: str, parameters: Parameters, describe: Describe | None = None) -> list[Need]:
    """What an operation of DynamoDB or its streams needs; nothing if it names no table, which DynamoDB refuses.

    ``describe`` tells what conditions see of the request; None: no condition asks.
    """
    parts = _parts(operation, parameters)
    if describe is None:
        tags = requested(parameters) if operation in _TAGGING else ()
        return [Need(action, resource, tags) for action, resource, _ in parts]
    return [Need(part.action, part.resource, describe(part)) for part in parts]


def _parts(operation: str, parameters: Parameters) -> list[Part]:
    if operation in ("TransactWriteItems", "TransactGetItems"):
        return list(_of_transaction(parameters.get("TransactItems")))
    if operation in ("BatchGetItem", "BatchWriteItem"):
        tables = parameters.get("RequestItems")
        wanted = tables if isinstance(tables, Mapping) else {}
        return [Part(f"dynamodb:{operation}", _table(name), each) for name, each in wanted.items()]
    if operation in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
        return list(_of_statements(operation, parameters))
    action = f"dynamodb:{operation}"
    if operation in _WITHOUT_RESOURCE:
        return [Part(action, ANYTHING, parameters)]
    if operation in _OF_STREAMS:
        # The emulator's iterators begin with the ARN of their stream.
        named = parameters.get("StreamArn") or str(parameters.get("ShardIterator", "")).partition("|")[0]
    else:
        named = parameters.get("TableName") or parameters.get("ResourceArn")
    if not isinstance(named, str) or not named:
        return []
    index = parameters.get("IndexName")
    if isinstance(index, str) and operation in ("Query", "Scan"):
        return [Part(action, Resource(Kind.INDEX, _table(named).name, index), parameters)]
    return [Part(action, _table(named), parameters)]


def _of_transaction(items: Any) -> Iterator[Part]:
    for item in _mappings(items):
        for kind, operation in item.items():
            if kind in _OF_TRANSACTIONS and isinstance(operation, Mapping):
                name = operation.get("TableName")
                if isinstance(name, str):
                    yield Part(_OF_TRANSACTIONS[kind], _table(name), operation)


def _of_statements(operation: str, parameters: Parameters) -> Iterator[Part]:
    several = parameters.get("Statements" if operation.startswith(_BATCH) else "TransactStatements")
    for each in [parameters] if operation == "ExecuteStatement" else _mappings(several):
        found = _STATEMENT.match(str(each.get("Statement", "")))
        if found is None:
            continue
        table, index = (found[f"{part}_quoted"] or found[f"{part}_plain"] for part in ("table", "index"))
        resource = Resource(Kind.INDEX, table, index) if index else _table(table)
        yield Part(f"dynamodb:PartiQL{found['verb'].capitalize()}", resource, each)


def _mappings(value: Any) -> Iterable[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _table(name: str) -> Resource:
    """The table, index or stream of a name or an ARN."""
    if not name.startswith("arn:"):
        return Resource(Kind.TABLE, name)
    table, _, rest = name.partition(":table/")[2].partition("/")
    kind, _, detail = rest.partition("/")
    match kind:
        case "index":
            return Resource(Kind.INDEX, table, detail)
        case "stream":
            return Resource(Kind.STREAM, table, detail)
        case _:
            return Resource(Kind.TABLE, table)


def of_api(path: str) -> Need:
    """What a request of an API needs, given the API's id, the stage, and the method and path, or ``$connect``.

    [DOC] apigw-docs:api-gateway-control-access-using-iam-policies-to-invoke-api,
    apigateway-websocket-control-access-iam
    """
    where = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"
    return Need(INVOKE_API, Resource(Kind.ARN, f"{where}:{path}"))


def of_url(function: str) -> Iterator[Need]:
    """What a request of the URL of a function or alias needs, since October 2025. [DOC] lambda-docs:urls-auth"""
    resource = Resource(Kind.FUNCTION, function.partition(":")[0])
    yield Need("lambda:InvokeFunctionUrl", resource, (("lambda:functionurlauthtype", "AWS_IAM"),))
    yield Need("lambda:InvokeFunction", resource, (("lambda:invokedviafunctionurl", "true"),))


def of_sqs(operation: str, parameters: Parameters) -> Need:
    """What an operation of SQS needs; those on batches need what the same needs for one message."""
    action = f"sqs:{operation.removesuffix('Batch')}"
    if operation == "ListQueues":
        return Need(action, ANYTHING)
    named = parameters.get("QueueName") or str(parameters.get("QueueUrl", "")).rstrip("/").rpartition("/")[2]
    named = named or str(parameters.get("SourceArn", "")).rpartition(":")[2]
    return Need(action, Resource(Kind.QUEUE, str(named)), requested(parameters))
