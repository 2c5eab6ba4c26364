"""How a table looks in the answers of CreateTable, DescribeTable and their kin. Pure.

[DOC] API reference of TableDescription; [REC] LocalStack's snapshots: which members there are, per billing mode.
"""

from __future__ import annotations

from typing import Any

from .definitions import TableSettings, shown_schema, usual_warm
from .table import Index, Table
from .values import Json


def describe(table: Table) -> Json:
    """``Table`` of DescribeTable."""
    settings = table.settings
    description: Json = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in table.key_types.items()
        ],
        "TableName": table.name,
        "KeySchema": shown_schema(table.key),
        "TableStatus": "ACTIVE",
        "CreationDateTime": table.created_seconds,
        "ProvisionedThroughput": _throughput(settings.throughput, settings.throughput_changes),
        "TableSizeBytes": table.primary.size_bytes,
        "ItemCount": len(table),
        "TableArn": table.arn,
        "TableId": table.table_id,
        "DeletionProtectionEnabled": settings.is_protected,
        **_modes(settings),
        **_encryption(table),
        **_indexes(table),
    }
    if table.stream is not None:
        description["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream.view_type}
    if table.latest_stream is not None:
        description["LatestStreamLabel"] = table.latest_stream.label
        description["LatestStreamArn"] = table.latest_stream.arn
    return description


def describe_deleted(table: Table) -> Json:
    """``TableDescription`` of DeleteTable: neither keys nor indexes. [REC] LocalStack test_table_crud"""
    shown = describe(table)
    for member in (
        "AttributeDefinitions", "KeySchema", "CreationDateTime", "GlobalSecondaryIndexes", "LocalSecondaryIndexes",
        "WarmThroughput",
    ):  # fmt: skip
        shown.pop(member, None)
    return {**shown, "TableStatus": "DELETING"}


def _throughput(units: dict[str, int] | Any, changes: dict[str, float] | Any = None) -> Json:
    return {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": units.get("ReadCapacityUnits", 0),
        "WriteCapacityUnits": units.get("WriteCapacityUnits", 0),
        **(changes or {}),
    }


def _modes(settings: TableSettings) -> Json:
    shown: Json = {}
    if settings.on_demand_since_seconds is not None:
        shown["BillingModeSummary"] = {
            "BillingMode": settings.billing_mode,
            "LastUpdateToPayPerRequestDateTime": settings.on_demand_since_seconds,
        }
    if settings.table_class is not None:
        shown["TableClassSummary"] = {"TableClass": settings.table_class}
    if settings.limits.get("OnDemandThroughput"):
        shown["OnDemandThroughput"] = settings.limits["OnDemandThroughput"]
    shown["WarmThroughput"] = _warm(settings, settings.throughput, settings.limits)
    return shown


def _encryption(table: Table) -> Json:
    """With the ARN of what the key was named by, an id or an alias, where AWS has the key's own."""
    chosen = table.settings.encryption
    if chosen is None or not chosen.get("Enabled"):
        return {}
    key = chosen.get("KMSMasterKeyId", "alias/aws/dynamodb")
    if not key.startswith("arn:"):
        place = table.arn.split(":table/")[0].replace(":dynamodb:", ":kms:")
        key = f"{place}:{key}" if key.startswith("alias/") else f"{place}:key/{key}"
    return {"SSEDescription": {"Status": "ENABLED", "SSEType": chosen.get("SSEType", "KMS"), "KMSMasterKeyArn": key}}


def _warm(settings: TableSettings, throughput: Any, limits: Any) -> Json:
    usual = usual_warm({} if settings.billing_mode == "PAY_PER_REQUEST" else throughput)
    return {**usual, **limits.get("WarmThroughput", {}), "Status": "ACTIVE"}


def _indexes(table: Table) -> Json:
    shown: Json = {}
    for index in table.indexes.values():
        member = "GlobalSecondaryIndexes" if index.definition.is_global else "LocalSecondaryIndexes"
        shown.setdefault(member, []).append(_index(table, index))
    return shown


def _index(table: Table, index: Index) -> Json:
    definition = index.definition
    shown: Json = {
        **definition.shown,
        "IndexSizeBytes": index.entries.size_bytes,
        "ItemCount": len(index.entries),
        "IndexArn": f"{table.arn}/index/{definition.name}",
    }
    if definition.is_global:
        shown["IndexStatus"] = "ACTIVE"
        shown["ProvisionedThroughput"] = _throughput(definition.throughput)
        shown["WarmThroughput"] = _warm(table.settings, definition.throughput, definition.settings)
        if "OnDemandThroughput" in definition.settings:
            shown["OnDemandThroughput"] = definition.settings["OnDemandThroughput"]
    return shown
