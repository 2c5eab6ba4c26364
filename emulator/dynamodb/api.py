"""The operations of DynamoDB by name. What AWS has and is not here is refused, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Final

from . import tags
from .administration import (
    delete_resource_policy,
    describe_continuous_backups,
    describe_endpoints,
    describe_limits,
    describe_time_to_live,
    get_resource_policy,
    put_resource_policy,
    update_continuous_backups,
    update_time_to_live,
)
from .backend import EmbeddedBackend
from .errors import SERVICE, ApiError
from .model import check_request, check_types, operations_of
from .reading import batch_get_item, get_item, transact_get_items
from .searching import query, scan
from .table import Filling
from .tables import create_table, delete_table, describe_table, filling_of, list_tables, update_table
from .transactions import Tokens, batch_write_item, transact_write_items
from .values import Json
from .writing import delete_item, put_item, update_item

Operation = Callable[[Json], Json]


def _partiql() -> ModuleType:
    from .partiql import statements  # noqa: PLC0415 - its grammar costs each start 5 ms, and few use it

    return statements


_OPERATIONS: Final[dict[str, Callable[[EmbeddedBackend, Json], Json]]] = {
    "BatchExecuteStatement": lambda *given: _partiql().batch_execute_statement(*given),
    "BatchGetItem": batch_get_item,
    "BatchWriteItem": batch_write_item,
    "CreateTable": create_table,
    "DeleteItem": delete_item,
    "DeleteResourcePolicy": delete_resource_policy,
    "DeleteTable": delete_table,
    "DescribeContinuousBackups": describe_continuous_backups,
    "DescribeEndpoints": describe_endpoints,
    "DescribeLimits": describe_limits,
    "DescribeTable": describe_table,
    "DescribeTimeToLive": describe_time_to_live,
    "ExecuteStatement": lambda *given: _partiql().execute_statement(*given),
    "GetItem": get_item,
    "GetResourcePolicy": get_resource_policy,
    "ListTables": list_tables,
    "ListTagsOfResource": tags.list_tags,
    "PutItem": put_item,
    "PutResourcePolicy": put_resource_policy,
    "Query": query,
    "Scan": scan,
    "TagResource": tags.tag_resource,
    "TransactGetItems": transact_get_items,
    "UntagResource": tags.untag_resource,
    "UpdateContinuousBackups": update_continuous_backups,
    "UpdateItem": update_item,
    "UpdateTable": update_table,
    "UpdateTimeToLive": update_time_to_live,
}


class DynamoApi:
    """Answers the operations of ``DynamoDB_20120810``; one object serves all requests, one after the other."""

    def __init__(self, backend: EmbeddedBackend) -> None:
        self._backend = backend
        tokens, of_statements = Tokens(), Tokens()
        self._operations: dict[str, Operation] = {
            **{name: partial(operation, backend) for name, operation in _OPERATIONS.items()},
            "TransactWriteItems": lambda parameters: transact_write_items(backend, parameters, tokens),
            "ExecuteTransaction": lambda parameters: _partiql().execute_transaction(backend, parameters, of_statements),
        }

    def filling(self, parameters: Json) -> Filling | None:
        """See `tables.filling_of`; of an UpdateTable that fails there is none."""
        try:
            check_request("dynamodb", "UpdateTable", parameters)
            return filling_of(self._backend, parameters)
        except ApiError:
            return None

    def perform(self, action: str, parameters: Json) -> Json:
        """The result of an operation.

        Raises:
            ApiError: it failed, or there is no such operation.
        """
        operation = self._operations.get(action)
        if operation is None:
            known = action in operations_of("dynamodb")
            raise ApiError(
                "UnknownOperationException",
                f"The embedded DynamoDB does not do {action}; start the emulator with --dynamodb URL to use another"
                if known
                else "",
                namespace=SERVICE,
            )
        if action in tags.OPERATIONS:
            tags.check_arn(self._backend, action, parameters)
        check_request("dynamodb", action, parameters)
        try:
            return operation(parameters)
        except ApiError as error:
            if error.code == "ValidationException":
                check_types("dynamodb", action, parameters)
            raise
