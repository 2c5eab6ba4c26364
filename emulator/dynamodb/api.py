"""The operations of DynamoDB by name: ours where it matters, moto's handler for the rest.

What moto's handler does right and nobody does a thousand times a second stays moto's: tables, tags, backups,
PartiQL, resource policies, limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.responses import DynamoHandler

from .backend import EmbeddedBackend
from .errors import SERVICE, ApiError, validation_error
from .reading import batch_get_item, get_item, query, scan, transact_get_items
from .transactions import Tokens, batch_write_item, transact_write_items
from .writing import delete_item, put_item, update_item

Parameters = Mapping[str, Any]
Operation = Callable[[Parameters], Any]

MOTOS: Final = frozenset(
    {
        "BatchExecuteStatement",
        "CreateTable",
        "DeleteResourcePolicy",
        "DeleteTable",
        "DescribeContinuousBackups",
        "DescribeEndpoints",
        "DescribeLimits",
        "DescribeTable",
        "DescribeTimeToLive",
        "ExecuteStatement",
        "ExecuteTransaction",
        "GetResourcePolicy",
        "ListTables",
        "ListTagsOfResource",
        "PutResourcePolicy",
        "TagResource",
        "UntagResource",
        "UpdateContinuousBackups",
        "UpdateTable",
        "UpdateTimeToLive",
    }
)
"""Operations that moto's handler does on our tables. Its backups, imports and exports copy its own kind of table."""
PARTIQL: Final = frozenset({"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"})


class DynamoApi(DynamoHandler):  # type: ignore[misc] # moto publishes no types
    """Answers the operations of ``DynamoDB_20120810``; one object serves all requests, one after the other."""

    def __init__(self, backend: EmbeddedBackend) -> None:
        super().__init__()
        self._backend = backend
        self.body: Parameters = {}
        tokens = Tokens()
        self.operations: dict[str, Operation] = {
            "GetItem": partial(get_item, backend),
            "BatchGetItem": partial(batch_get_item, backend),
            "TransactGetItems": partial(transact_get_items, backend),
            "Query": partial(query, backend),
            "Scan": partial(scan, backend),
            "PutItem": partial(put_item, backend),
            "UpdateItem": partial(update_item, backend),
            "DeleteItem": partial(delete_item, backend),
            "BatchWriteItem": partial(batch_write_item, backend),
            "TransactWriteItems": lambda parameters: transact_write_items(backend, parameters, tokens),
        }

    @property
    def dynamodb_backend(self) -> EmbeddedBackend:
        """The backend that moto's operations use: ours, not the one of the account and region of the request."""
        return self._backend

    def perform(self, action: str, parameters: Parameters) -> Any:
        """The result of an operation.

        Raises:
            ApiError: it failed, or there is no such operation; moto's operations raise moto's own errors.
        """
        operation = self.operations.get(action)
        if operation is None:
            operation = self.operations[action] = self._motos_operation(action)
        return operation(parameters)

    def _motos_operation(self, action: str) -> Operation:
        if action not in MOTOS:
            raise ApiError(
                "UnknownOperationException",
                f"The embedded DynamoDB does not do {action}; start the emulator with --dynamodb URL to use another",
                namespace=SERVICE,
            )
        method = getattr(self, camelcase_to_underscores(action))

        def perform(parameters: Parameters) -> Any:
            self.body = parameters
            return method().result or {}

        return _guarded(perform) if action in PARTIQL else perform


def _guarded(perform: Operation) -> Operation:
    """Moto's PartiQL parser trips over statements that it does not understand; that is not the server's failure."""

    def guarded(parameters: Parameters) -> Any:
        try:
            return perform(parameters)
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise validation_error(
                "Statement wasn't well formed, can't be processed (the emulator knows less PartiQL than AWS, "
                f"and wants spaces around operators): {type(error).__name__}"
            ) from error

    return guarded
