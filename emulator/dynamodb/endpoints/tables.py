"""Makes sure that the tables of a topology exist: in the embedded engine, or behind any DynamoDB endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from streamer.errors import ConfigurationError
from streamer.topology import Table

from ..errors import ApiError

if TYPE_CHECKING:
    from ..engine import EmbeddedDynamoDB

WAITER_SECONDS: Final = 1
"""How often a table that is being created is looked at; AWS takes some 10 s."""
WAITER_ATTEMPTS: Final = 120
_EMPTY: Final = "start again with empty tables"
_OTHER: Final = "choose another TABLE_PREFIX"
"""What helps besides deleting a table that is of another form: here, and at another endpoint."""


def create_request(table: Table) -> dict[str, Any]:
    """CreateTable's parameters for a table."""
    request: dict[str, Any] = {
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": table.key.schema(),
        "AttributeDefinitions": table.attribute_definitions(),
    }
    request |= table.index_properties()
    if table.stream is not None:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream.value}
    return request


def difference(table: Table, description: Mapping[str, Any]) -> str | None:
    """How an existing table (``Table`` of DescribeTable) differs from what the topology needs; None: not at all.

    Further indexes do no harm, and neither does a stream that nobody asked for.
    """
    wanted, found = create_request(table), description
    if _keys_of(found, found["KeySchema"]) != _keys_of(wanted, wanted["KeySchema"]):
        return f"its key is {_shown(found, found['KeySchema'])}, not {_shown(wanted, wanted['KeySchema'])}"
    indexes = {index["IndexName"]: index for index in _indexes(found)}
    for index in _indexes(wanted):
        existing = indexes.get(index["IndexName"])
        if existing is None:
            return f"it has no index {index['IndexName']}"
        if _keys_of(found, existing["KeySchema"]) != _keys_of(wanted, index["KeySchema"]):
            return (
                f"the key of its index {index['IndexName']} is {_shown(found, existing['KeySchema'])}, "
                f"not {_shown(wanted, index['KeySchema'])}"
            )
        if existing["Projection"]["ProjectionType"] not in (index["Projection"]["ProjectionType"], "ALL"):
            return f"its index {index['IndexName']} projects {existing['Projection']['ProjectionType']}"
    view = _view(found)
    if table.stream is not None and view not in (table.stream.value, "NEW_AND_OLD_IMAGES"):
        return f"its stream is {view or 'off'}, not {table.stream.value}"
    return None


def additions(table: Table, description: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """UpdateTable's parameters for what an existing table, given as to `difference`, can get; none if its key differs.

    Each global index that it lacks, and a stream where it has none: nothing of which costs an item.
    [DOC] cfn-docs:AWS_DynamoDB_Table, updates without replacement
    """
    if _keys_of(description, description["KeySchema"]) != [
        (name, kind, table.key.attributes()[name]) for name, kind in _names(table.key.schema())
    ]:
        return
    existing = {index["IndexName"] for index in _indexes(description)}
    for index in table.indexes:
        if not index.is_local and index.name not in existing:
            yield {
                "TableName": table.name,
                "AttributeDefinitions": [
                    {"AttributeName": name, "AttributeType": kind} for name, kind in index.key.attributes().items()
                ],
                "GlobalSecondaryIndexUpdates": [{"Create": index.definition()}],
            }
    if table.stream is not None and _view(description) is None:
        yield {
            "TableName": table.name,
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": table.stream.value},
        }


def _view(description: Mapping[str, Any]) -> str | None:
    """What its stream shows; None: it has none."""
    return (description.get("StreamSpecification") or {}).get("StreamViewType")


def _indexes(description: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        *(description.get("GlobalSecondaryIndexes") or ()),
        *(description.get("LocalSecondaryIndexes") or ()),
    ]


def _names(schema: Iterable[Mapping[str, str]]) -> list[tuple[str, str]]:
    return [(element["AttributeName"], element["KeyType"]) for element in schema]


def _keys_of(description: Mapping[str, Any], schema: Iterable[Mapping[str, str]]) -> list[tuple[str, str, str]]:
    types = {element["AttributeName"]: element["AttributeType"] for element in description["AttributeDefinitions"]}
    return [(name, kind, types.get(name, "")) for name, kind in _names(schema)]


def _shown(description: Mapping[str, Any], schema: Iterable[Mapping[str, str]]) -> str:
    return " + ".join(f"{name} ({kind})" for name, _, kind in _keys_of(description, schema))


def _refuse(table: Table, differs: str, *, instead: str) -> ConfigurationError:
    return ConfigurationError(f"table {table.name} exists, but {differs}; delete it, or {instead}")


def create_tables(engine: EmbeddedDynamoDB, tables: Iterable[Table]) -> None:
    """Create the tables that the embedded engine does not have yet, add to others what can be, and switch their TTL on.

    Raises:
        ConfigurationError: one exists with another key, index or stream, or DynamoDB refuses one.
    """
    backend = engine.backend
    for table in tables:
        if table.name not in backend.tables:
            _asked(engine, table, "CreateTable", create_request(table))
        for request in additions(table, backend.describe_table(table.name)["Table"]):
            _asked(engine, table, "UpdateTable", request)
        differs = difference(table, backend.describe_table(table.name)["Table"])
        if differs is not None:
            raise _refuse(table, differs, instead=_EMPTY)
        expiry = backend.tables[table.name].expiry
        if expiry is not None and expiry.attribute != table.ttl_attribute:
            differs = f"its TTL attribute is {expiry.attribute}, not {table.ttl_attribute}"
            raise _refuse(table, differs, instead=_EMPTY)
        if expiry is None and table.ttl_attribute is not None:
            _asked(engine, table, "UpdateTimeToLive", _ttl_request(table))


def _asked(engine: EmbeddedDynamoDB, table: Table, action: str, request: dict[str, Any]) -> None:
    try:
        engine.call(action, request)
    except ApiError as error:
        raise ConfigurationError(f"table {table.name} cannot be made: {error}") from error


def _ttl_request(table: Table) -> dict[str, Any]:
    specification = {"Enabled": True, "AttributeName": table.ttl_attribute}
    return {"TableName": table.name, "TimeToLiveSpecification": specification}


async def ensure_tables(client: Any, tables: Iterable[Table]) -> None:
    """Create the tables that an endpoint does not have yet, wait until they are active, and switch their TTL on.

    Args:
        client: an aiobotocore DynamoDB client.
        tables: the tables of the topology.

    Raises:
        ConfigurationError: one exists with another key, index, stream or TTL attribute.
    """
    for table in tables:
        # One that exists is checked like a new one.
        with suppress(client.exceptions.ResourceInUseException):
            await client.create_table(**create_request(table))
        waiter = client.get_waiter("table_exists")
        await waiter.wait(TableName=table.name, WaiterConfig={"Delay": WAITER_SECONDS, "MaxAttempts": WAITER_ATTEMPTS})
        differs = difference(table, (await client.describe_table(TableName=table.name))["Table"])
        if differs is not None:
            raise _refuse(table, differs, instead=_OTHER)
        if table.ttl_attribute is not None:
            await _ensure_ttl(client, table)


async def _ensure_ttl(client: Any, table: Table) -> None:
    description = (await client.describe_time_to_live(TableName=table.name))["TimeToLiveDescription"]
    attribute = description.get("AttributeName")
    if description.get("TimeToLiveStatus") in ("ENABLED", "ENABLING"):
        if attribute != table.ttl_attribute:
            differs = f"its TTL attribute is {attribute}, not {table.ttl_attribute}"
            raise _refuse(table, differs, instead=_OTHER)
        return
    await client.update_time_to_live(**_ttl_request(table))
