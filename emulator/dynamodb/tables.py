"""CreateTable, UpdateTable, DeleteTable, DescribeTable and ListTables."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from ..foundation.place import arn_of
from .backend import EmbeddedBackend
from .definitions import (
    NO_BOUND,
    NO_UNITS,
    IndexDefinition,
    TableSettings,
    check_all_defined_are_used,
    check_counts,
    check_on_demand,
    check_warm,
    only_shown,
    read_billing,
    read_definitions,
    read_index,
    read_indexes,
    read_schema,
    read_throughput,
)
from .descriptions import describe, describe_deleted
from .errors import ApiError, invalid_parameter, validation_error
from .expressions.keys import KeySchema
from .table import Filling, Table
from .tags import read_tags
from .values import Json, Parameters

LISTED: Final = 100
"""Tables of one answer of ListTables at most. [DOC]"""
FEW_ITEMS: Final = 2000
"""Items of a table from which on a new index is filled ahead; to fill it with fewer takes some milliseconds."""
_NOT_EMULATED: Final = ("GlobalTableSettingsReplicationMode", "GlobalTableWitnessUpdates", "VectorIndexes")


def create_table(backend: EmbeddedBackend, parameters: Json) -> Json:
    """CreateTable; the table is active at once."""
    name = parameters["TableName"]
    _refuse_not_emulated(parameters)
    mode, throughput = read_billing(parameters)
    check_warm(parameters, throughput, "table")
    check_on_demand(parameters, is_on_demand=mode == "PAY_PER_REQUEST", is_new=True)
    types = read_definitions(_required(parameters, "AttributeDefinitions"))
    schema = _required(parameters, "KeySchema")
    if len(schema) > len(types):
        raise validation_error("Invalid KeySchema: Some index key attribute have no definition")
    key = read_schema(schema, types)
    indexes = read_indexes(parameters, key, types, is_on_demand=mode == "PAY_PER_REQUEST")
    check_all_defined_are_used(types, key, indexes)
    view_type = _view_type(parameters.get("StreamSpecification"), is_new=True)
    tags = read_tags(parameters.get("Tags", ()))
    if name in backend.tables:
        raise ApiError("ResourceInUseException", f"Table already exists: {name}")
    now = backend.now()
    settings = TableSettings(
        billing_mode=mode,
        throughput=throughput,
        on_demand_since_seconds=now if mode == "PAY_PER_REQUEST" else None,
        is_protected=parameters.get("DeletionProtectionEnabled", False),
        table_class=parameters.get("TableClass"),
        encryption=parameters.get("SSESpecification"),
        limits=only_shown(parameters),
        tags=tags,
    )
    table = make_table(
        backend,
        name,
        table_id=str(uuid.UUID(backend.new_id(), version=4)),
        created_seconds=now,
        key=key,
        types=types,
        indexes=indexes,
        settings=settings,
    )
    if "ResourcePolicy" in parameters:
        settings.policies[table.arn] = {"Policy": parameters["ResourcePolicy"], "RevisionId": table.table_id}
    if view_type is not None:
        backend.open_stream(table, view_type)
    return {"TableDescription": describe(table)}


def make_table(
    backend: EmbeddedBackend,
    name: str,
    *,
    table_id: str,
    created_seconds: float,
    key: KeySchema,
    types: dict[str, str],
    indexes: Sequence[IndexDefinition],
    settings: TableSettings,
) -> Table:
    """Add an empty table, new or from a saved state."""
    table = backend.tables[name] = Table(
        name,
        backend,
        arn=arn_of("dynamodb", backend.region_name, backend.account_id, f"table/{name}"),
        table_id=table_id,
        created_seconds=created_seconds,
        key=key,
        types=types,
        indexes=indexes,
        settings=settings,
    )
    return table


def _required(parameters: Json, member: str) -> Any:
    if member not in parameters:
        raise validation_error(
            f"1 validation error detected: Value null at '{member[0].lower()}{member[1:]}' failed to satisfy "
            "constraint: Member must not be null"
        )
    return parameters[member]


def _refuse_not_emulated(parameters: Json) -> None:
    for member in _NOT_EMULATED:
        if member in parameters:
            raise validation_error(f"The embedded DynamoDB does not emulate {member}")


def _view_type(specification: Json | None, *, is_new: bool) -> str | None:
    """The view of the stream that is wanted, by CreateTable or by UpdateTable; None: no stream."""
    if specification is None:
        return None
    view_type: str | None = specification.get("StreamViewType")
    if specification["StreamEnabled"]:
        if view_type is None:
            raise invalid_parameter("StreamViewType is required when StreamEnabled is true")
        return view_type
    if view_type is not None:
        # [USR] dynoxide 115: CreateTable's words
        raise invalid_parameter(
            "Table is being created with a stream disabled, UpdateViewType should not be specified"
            if is_new
            else "StreamViewType must not be specified when StreamEnabled is false"
        )
    return None


def describe_table(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """DescribeTable."""
    return backend.describe_table(parameters["TableName"])


def list_tables(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """ListTables, by name."""
    after = parameters.get("ExclusiveStartTableName", "")
    names = sorted(name for name in backend.tables if name > after)
    page = names[: parameters.get("Limit", LISTED)]
    more = {"LastEvaluatedTableName": page[-1]} if len(page) < len(names) else {}
    return {"TableNames": page, **more}


def delete_table(backend: EmbeddedBackend, parameters: Parameters) -> Json:
    """DeleteTable; its stream stays readable for a day."""
    table = backend.table_to_manage(parameters["TableName"])
    if table.settings.is_protected:
        raise validation_error(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."  # [USR] dynoxide 46
        )
    shown = describe_deleted(table)
    backend.close_stream(table)
    del backend.tables[table.name]
    return {"TableDescription": shown}


_CHANGES: Final = (
    "ProvisionedThroughput", "BillingMode", "StreamSpecification", "SSESpecification", "TableClass",
    "DeletionProtectionEnabled", "OnDemandThroughput", "WarmThroughput", "MultiRegionConsistency",
)  # fmt: skip
"""Members of UpdateTable any of which is a change, besides index updates and replicas."""


def update_table(backend: EmbeddedBackend, parameters: Json) -> Json:
    """UpdateTable; everything is checked before anything changes, and indexes are full when it answers."""
    table, settings, indexes, view_type = _checked(backend, parameters)
    table.settings = settings
    _apply_indexes(table, indexes, read_definitions(parameters.get("AttributeDefinitions", ())))
    if view_type is not None:
        backend.open_stream(table, view_type)
    elif "StreamSpecification" in parameters:
        backend.close_stream(table)
    shown = describe(table)
    if parameters.get("OnDemandThroughput"):
        # [USR] dynoxide's notes on 0.12: this answer alone shows the bounds that were taken away
        shown["OnDemandThroughput"] = {**shown.get("OnDemandThroughput", {}), **parameters["OnDemandThroughput"]}
    return {"TableDescription": shown}


def filling_of(backend: EmbeddedBackend, parameters: Json) -> Filling | None:
    """The index that UpdateTable would add, to be filled before it does; None: there is none, or little to fill.

    Raises:
        ApiError: UpdateTable would raise it.
    """
    table, _, changes, _ = _checked(backend, parameters)
    created = [definition for kind, definition in changes if kind == "Create"]
    if not created or len(table) < FEW_ITEMS or table.filling is not None:
        return None
    return table.begin_filling(created[0], read_definitions(parameters.get("AttributeDefinitions", ())))


def _checked(backend: EmbeddedBackend, parameters: Json) -> tuple[Table, TableSettings, list[IndexChange], str | None]:
    """A table, and what UpdateTable makes of its settings, its indexes and its stream's view (None: what it was)."""
    _refuse_not_emulated(parameters)
    updates, replicas = parameters.get("GlobalSecondaryIndexUpdates"), parameters.get("ReplicaUpdates")
    if not updates and not replicas and not any(member in parameters for member in _CHANGES):
        raise validation_error(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
            "SSESpecification or ReplicaUpdates is required"
        )
    if replicas or "MultiRegionConsistency" in parameters:
        raise validation_error("The embedded DynamoDB has no replicas; it is one region")
    _check_changes(parameters)
    table = backend.table_to_manage(parameters["TableName"])
    settings = _changed_settings(backend, table, parameters)
    is_on_demand = settings.billing_mode == "PAY_PER_REQUEST"
    indexes = _changed_indexes(table, parameters, is_on_demand=is_on_demand)
    if is_on_demand is not (table.settings.billing_mode == "PAY_PER_REQUEST"):
        indexes += _switched_indexes(table, indexes, is_on_demand=is_on_demand)
    return table, settings, indexes, _changed_stream(table, parameters.get("StreamSpecification"))


def _check_changes(parameters: Json) -> None:
    """What can be told without the table. [USR] dynalite"""
    raw = parameters.get("ProvisionedThroughput")
    if parameters.get("BillingMode") == "PROVISIONED" and raw is None:
        raise invalid_parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
    if raw is not None:
        read_throughput(raw)
    names: list[str] = []
    for update in parameters.get("GlobalSecondaryIndexUpdates", ()):
        kinds = [kind for kind in ("Update", "Create", "Delete") if kind in update]
        if len(kinds) != 1:
            raise invalid_parameter(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
                if not kinds
                else "Only one of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete may be specified"
            )
        name = update[kinds[0]]["IndexName"]
        if name in names:
            raise invalid_parameter(
                f"Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )
        names.append(name)


def _changed_settings(backend: EmbeddedBackend, table: Table, parameters: Json) -> TableSettings:
    before = table.settings
    mode, raw = parameters.get("BillingMode", before.billing_mode), parameters.get("ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST" and raw is not None:
        raise invalid_parameter(NO_UNITS)
    check_on_demand(parameters, is_on_demand=mode == "PAY_PER_REQUEST", is_new=False)
    units = before.throughput if mode == "PROVISIONED" else {}
    changes = before.throughput_changes
    if raw is not None:
        units = read_throughput(raw)
        if units == before.throughput:
            raise _nothing_changes("table", before.throughput, units)
        grows = any(units[name] > before.throughput.get(name, 0) for name in units)
        changes = {**changes, "LastIncreaseDateTime" if grows else "LastDecreaseDateTime": backend.now()}
    since = before.on_demand_since_seconds
    if mode == "PAY_PER_REQUEST" and before.billing_mode != mode:
        since = backend.now()
    return dataclasses.replace(
        before,
        billing_mode=mode,
        throughput=units,
        throughput_changes=changes,
        on_demand_since_seconds=since,
        is_protected=parameters.get("DeletionProtectionEnabled", before.is_protected),
        table_class=parameters.get("TableClass", before.table_class),
        encryption=parameters.get("SSESpecification", before.encryption),
        limits=_changed_limits(before.limits, parameters, mode),
    )


def _changed_limits(before: Json, parameters: Json, mode: str) -> Json:
    """Bounds of a table that is paid by request change one by one, and go with the billing mode. [USR] as above"""
    limits = {**before, **only_shown(parameters)}
    bounds = {**before.get("OnDemandThroughput", {}), **parameters.get("OnDemandThroughput", {})}
    left = {name: value for name, value in bounds.items() if value != NO_BOUND and mode == "PAY_PER_REQUEST"}
    return {**limits, "OnDemandThroughput": left}


def _nothing_changes(what: str, before: Mapping[str, int], units: Mapping[str, int]) -> ApiError:
    return validation_error(
        f"The provisioned throughput for the {what} will not change. The requested value equals the current value. "
        f"Current ReadCapacityUnits provisioned for the {what}: {before['ReadCapacityUnits']}. "
        f"Requested ReadCapacityUnits: {units['ReadCapacityUnits']}. "
        f"Current WriteCapacityUnits provisioned for the {what}: {before['WriteCapacityUnits']}. "
        f"Requested WriteCapacityUnits: {units['WriteCapacityUnits']}. "
        "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
    )


def _changed_stream(table: Table, specification: Json | None) -> str | None:
    view_type = _view_type(specification, is_new=False)
    if specification is None:
        return None
    if view_type is not None and table.stream is not None:
        raise validation_error("Table already has an enabled stream")
    if view_type is None and table.stream is None:
        raise validation_error("Table has no stream to disable")
    return view_type


IndexChange = tuple[str, IndexDefinition]
"""``Create``, ``Update`` or ``Delete``, and the index as it will be."""


def _changed_indexes(table: Table, parameters: Json, *, is_on_demand: bool) -> list[IndexChange]:
    """What GlobalSecondaryIndexUpdates do, checked."""
    changes: list[IndexChange] = []
    updates = parameters.get("GlobalSecondaryIndexUpdates", ())
    if sum("Create" in update or "Delete" in update for update in updates) > 1:
        raise ApiError(
            "LimitExceededException",
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
        )
    for update in updates:
        (kind,) = [kind for kind in ("Update", "Create", "Delete") if kind in update]
        if kind == "Create":
            changes.append((kind, _created_index(table, update[kind], parameters, is_on_demand=is_on_demand)))
        else:
            changes.append((kind, _existing_index(table, kind, update[kind], is_on_demand=is_on_demand)))
    return changes


def _switched_indexes(table: Table, changes: list[IndexChange], *, is_on_demand: bool) -> list[IndexChange]:
    """What becomes of the other global indexes when the billing mode changes: each needs units, or has none."""
    done = {definition.name for _, definition in changes}
    others = [
        index.definition for name, index in table.indexes.items() if index.definition.is_global and name not in done
    ]
    if others and not is_on_demand:
        raise invalid_parameter(f"ProvisionedThroughput must be specified for index: {others[0].name}")
    return [("Update", structs.replace(definition, throughput={})) for definition in others]


def _created_index(table: Table, raw: Json, parameters: Json, *, is_on_demand: bool) -> IndexDefinition:
    types = read_definitions(parameters.get("AttributeDefinitions", ()))
    for name, kind in types.items():
        if table.key_types.get(name, kind) != kind:
            raise invalid_parameter(
                "Attributes cannot be redefined. Please check that your attribute has the same type as previously "
                f"defined. Existing type of {name}: {table.key_types[name]}, new type: {kind}"
            )
    index = read_index(raw, types, is_global=True, is_on_demand=is_on_demand)
    if index.name in table.indexes:
        raise validation_error(f"Attempting to create an index which already exists. Index: {index.name}")
    check_counts([*(other.definition for other in table.indexes.values()), index])
    return index


def _existing_index(table: Table, kind: str, raw: Json, *, is_on_demand: bool) -> IndexDefinition:
    index = table.indexes.get(raw["IndexName"])
    if index is None:
        raise ApiError("ResourceNotFoundException", "Requested resource not found")
    definition = index.definition
    if not definition.is_global:
        raise invalid_parameter(f"{definition.name} is a local secondary index, which cannot be changed or deleted")
    if kind == "Update":
        throughput = raw.get("ProvisionedThroughput")
        if throughput is not None:
            if is_on_demand:
                raise invalid_parameter(NO_UNITS)
            if read_throughput(throughput) == definition.throughput:
                raise _nothing_changes(f"index {definition.name}", definition.throughput, read_throughput(throughput))
        definition = structs.replace(
            definition,
            throughput=definition.throughput if throughput is None else read_throughput(throughput),
            settings={**definition.settings, **only_shown(raw)},
        )
    return definition


def _apply_indexes(table: Table, changes: list[IndexChange], types: Mapping[str, str]) -> None:
    for kind, definition in changes:
        if kind == "Create":
            # [USR] dynoxide 144 and others: the definitions are merged, those that no key uses are dropped
            table.key_types = {**table.key_types, **{name: types[name] for name in definition.schema.names}}
            table.add_index(definition)
        elif kind == "Delete":
            table.drop_index(definition.name)
        else:
            table.indexes[definition.name].definition = definition
