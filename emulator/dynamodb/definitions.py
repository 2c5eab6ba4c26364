"""What a table and its indexes are defined as, and the rules that CreateTable and UpdateTable check. Pure.

[DOC] API reference of CreateTable and UpdateTable; [USR] order and words of the faults: dynalite's and scylladb's
suites, which AWS passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec import Struct

from streamer.aws_limits import GLOBAL_INDEXES, LOCAL_INDEXES, PROJECTED_ATTRIBUTES

from .errors import ApiError, invalid_parameter, validation_error
from .expressions.keys import KeySchema
from .values import Json

KEY_PARTS: Final = 4
"""Attributes of a global index's partition key, and of its sort key. [DOC] ddb-docs:GSI.DesignPattern"""
WARM_ON_DEMAND: Final = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}
"""What a table that is paid by request can do at once. [DOC] ddb-docs:warm-throughput"""
NO_UNITS: Final = (
    "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
)
NO_BOUND: Final = -1
"""A unit of ``OnDemandThroughput`` that takes the bound away. [DOC] OnDemandThroughput"""
_LARGEST_UNITS: Final = 1_000_000_000_000


class IndexDefinition(Struct, frozen=True, kw_only=True):
    """A secondary index."""

    name: str
    schema: KeySchema
    projection: str
    """``ALL``, ``KEYS_ONLY`` or ``INCLUDE``."""
    non_key_attributes: tuple[str, ...] = ()
    is_global: bool
    throughput: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Provisioned units; empty if the table is paid by request."""
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """What is only shown: OnDemandThroughput, WarmThroughput."""

    def projected(self, table_names: Iterable[str]) -> frozenset[str] | None:
        """Names of the attributes that it holds; None: all."""
        if self.projection == "ALL":
            return None
        return frozenset([*table_names, *self.schema.names, *self.non_key_attributes])

    @property
    def shown(self) -> Json:
        """As CreateTable takes it."""
        projection: Json = {"ProjectionType": self.projection}
        if self.non_key_attributes:
            projection["NonKeyAttributes"] = list(self.non_key_attributes)
        return {"IndexName": self.name, "KeySchema": shown_schema(self.schema), "Projection": projection}


@dataclass(kw_only=True)
class TableSettings:
    """What a table has besides keys, indexes, items and streams; all of it JSON, for the state file."""

    billing_mode: str = "PROVISIONED"
    throughput: dict[str, int] = field(default_factory=dict)
    """Provisioned units; empty if the table is paid by request."""
    on_demand_since_seconds: float | None = None
    """When it was last switched to payment by request, in Unix seconds; None: never."""
    is_protected: bool = False
    """Deletion protection."""
    table_class: str | None = None
    """None: none was ever chosen."""
    encryption: Json | None = None
    """SSESpecification."""
    limits: Json = field(default_factory=dict)
    """What is only shown: OnDemandThroughput, WarmThroughput."""
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Json] = field(default_factory=dict)
    """Resource policies of the table and its stream, by ARN."""
    recovery: Json = field(default_factory=dict)
    """PointInTimeRecoverySpecification."""
    throughput_changes: dict[str, float] = field(default_factory=dict)
    """``LastIncreaseDateTime`` and ``LastDecreaseDateTime``."""


def shown_schema(schema: KeySchema) -> list[dict[str, str]]:
    """A key as the API shows it."""
    return [
        *({"AttributeName": name, "KeyType": "HASH"} for name in schema.hash_names),
        *({"AttributeName": name, "KeyType": "RANGE"} for name in schema.sort_names),
    ]


def read_definitions(raw: Sequence[Json]) -> dict[str, str]:
    """``AttributeDefinitions`` by name; the same name twice is a fault."""
    types: dict[str, str] = {}
    for definition in raw:
        name = definition["AttributeName"]
        if name in types:
            raise invalid_parameter(f"Duplicate AttributeName in AttributeDefinitions: {name}")
        types[name] = definition["AttributeType"]
    return types


def read_schema(raw: Sequence[Json], types: Mapping[str, str], *, may_be_composite: bool = False) -> KeySchema:
    """A ``KeySchema``, checked against the attribute definitions.

    Raises:
        ApiError: its attributes are not defined, or its elements stand in no order that DynamoDB knows.
    """
    names = [element["AttributeName"] for element in raw]
    if any(name not in types for name in names):
        raise invalid_parameter(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(types)}]"
        )
    if len(set(names)) != len(names):
        raise validation_error("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    kinds = [element["KeyType"] for element in raw]
    if kinds[0] != "HASH":
        raise validation_error("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    hashes = kinds.count("HASH")
    if may_be_composite:
        if kinds != sorted(kinds):
            raise validation_error("Invalid KeySchema: all HASH key attributes must precede the RANGE key attributes")
        if max(hashes, len(kinds) - hashes) > KEY_PARTS:
            raise validation_error(
                f"Invalid KeySchema: a key has at most {KEY_PARTS} HASH and {KEY_PARTS} RANGE key attributes"
            )
    elif len(kinds) > 2:
        raise _too_long(raw)
    elif hashes > 1:
        raise validation_error("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    return KeySchema(tuple(names[:hashes]), tuple(names[hashes:]))


def _too_long(raw: Sequence[Json]) -> ApiError:
    return validation_error(
        f"1 validation error detected: Value '{list(raw)}' at 'keySchema' failed to satisfy constraint: "
        "Member must have length less than or equal to 2"
    )


def read_throughput(raw: Mapping[str, Any]) -> dict[str, int]:
    """``ProvisionedThroughput``."""
    units = {name: int(raw[name]) for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
    for name, value in units.items():
        if value > _LARGEST_UNITS:
            raise validation_error(f"Given value {value} for {name} is out of bounds")
    return units


def only_shown(raw: Mapping[str, Any]) -> Json:
    """What is said of a table or an index and changes nothing here."""
    return {name: raw[name] for name in ("OnDemandThroughput", "WarmThroughput") if name in raw}


def check_on_demand(raw: Json, *, is_on_demand: bool, is_new: bool) -> None:
    """Raise ApiError unless a table can have this ``OnDemandThroughput``. [USR] dynoxide's notes on 0.12, measured

    Args:
        raw: what CreateTable or UpdateTable is asked with.
        is_on_demand: how the table is paid afterwards.
        is_new: of CreateTable; UpdateTable alone knows -1, which takes a bound away.
    """
    wanted = raw.get("OnDemandThroughput", {})
    given = [name for name in ("MaxReadRequestUnits", "MaxWriteRequestUnits") if name in wanted]
    if given and not is_on_demand:
        end = "table BillingMode is PROVISIONED." if is_new else "the table BillingMode is PROVISIONED"
        raise invalid_parameter(f"{given[0]} for OnDemandThroughput cannot be specified when {end}")
    for name in given:
        if wanted[name] < 1 and (is_new or wanted[name] != NO_BOUND):
            raise invalid_parameter(f"Requested {name} for OnDemandThroughput for table is outside of valid range")


def usual_warm(throughput: Mapping[str, int]) -> dict[str, int]:
    """``WarmThroughput`` where nobody asked for more: what is provisioned, or, for nothing, what is paid by request."""
    if not throughput:
        return WARM_ON_DEMAND
    return {
        "ReadUnitsPerSecond": throughput["ReadCapacityUnits"],
        "WriteUnitsPerSecond": throughput["WriteCapacityUnits"],
    }


def check_warm(raw: Json, throughput: Mapping[str, int], what: str) -> None:
    """Raise ApiError if ``WarmThroughput`` is less than a new table or index has anyway.

    [USR] moto 9392, terraform-provider-aws 47673
    """
    wanted = raw.get("WarmThroughput", {})
    for name, least in usual_warm(throughput).items():
        if wanted.get(name, least) < least:
            provisioned = f"{name.removesuffix('UnitsPerSecond')}CapacityUnits of ProvisionedThroughput"
            other = provisioned if throughput else "initial throughput for OnDemand"
            raise invalid_parameter(f"Requested {name} for WarmThroughput for {what} is lower than {other}")


def read_index(raw: Json, types: Mapping[str, str], *, is_global: bool, is_on_demand: bool) -> IndexDefinition:
    """One index of CreateTable or UpdateTable.

    Raises:
        ApiError: it breaks a rule.
    """
    name = raw["IndexName"]
    schema = read_schema(raw["KeySchema"], types, may_be_composite=is_global)
    projection = raw["Projection"].get("ProjectionType")
    attributes = raw["Projection"].get("NonKeyAttributes")
    if projection is None:
        raise invalid_parameter("Unknown ProjectionType: null")
    if attributes is not None and projection != "INCLUDE":
        raise invalid_parameter(f"ProjectionType is {projection}, but NonKeyAttributes is specified")
    if attributes is None and projection == "INCLUDE":
        raise invalid_parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    for position, attribute in enumerate(attributes or ()):
        if attribute in attributes[:position]:
            raise invalid_parameter(f"Duplicate attribute name in NonKeyAttributes: {attribute}")
    throughput = raw.get("ProvisionedThroughput")
    if is_global and is_on_demand and throughput is not None:
        raise invalid_parameter(
            f"ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
        )
    if is_global and not is_on_demand and throughput is None:
        raise invalid_parameter(f"ProvisionedThroughput must be specified for index: {name}")
    check_warm(raw, throughput or {}, f"index {name}")
    return IndexDefinition(
        name=name,
        schema=schema,
        projection=projection,
        non_key_attributes=tuple(attributes or ()),
        is_global=is_global,
        throughput={} if throughput is None or not is_global else read_throughput(throughput),
        settings=only_shown(raw),
    )


def read_indexes(
    parameters: Json, key: KeySchema, types: Mapping[str, str], *, is_on_demand: bool
) -> list[IndexDefinition]:
    """The indexes of CreateTable.

    Raises:
        ApiError: one breaks a rule, two have the same name, or there are too many.
    """
    found: list[IndexDefinition] = []
    for member, is_global in (("LocalSecondaryIndexes", False), ("GlobalSecondaryIndexes", True)):
        if member not in parameters:
            continue
        if not parameters[member]:
            raise invalid_parameter(f"List of {member} is empty")
        if not is_global and not key.sort_names:
            raise invalid_parameter(
                "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
            )
        for raw in parameters[member]:
            index = read_index(raw, types, is_global=is_global, is_on_demand=is_on_demand)
            if not is_global:
                _check_local(index, key)
            if any(other.name == index.name for other in found):
                raise invalid_parameter(f"Duplicate index name: {index.name}")
            found.append(index)
    check_counts(found)
    return found


def _check_local(index: IndexDefinition, key: KeySchema) -> None:
    if not index.schema.sort_names:
        raise invalid_parameter(f"Index KeySchema does not have a range key for index: {index.name}")
    if index.schema.hash_names != key.hash_names:
        raise invalid_parameter(
            f"Index KeySchema does not have the same leading hash key as table KeySchema for index: {index.name}. "
            f"index hash key: {index.schema.hash_names[0]}, table hash key: {key.hash_names[0]}"
        )


def check_counts(indexes: Sequence[IndexDefinition]) -> None:
    """Raise ApiError if a table cannot have so many indexes, or project so many attributes."""
    local = sum(not index.is_global for index in indexes)
    if local > LOCAL_INDEXES:
        raise invalid_parameter(f"Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES}")
    if len(indexes) - local > GLOBAL_INDEXES:
        raise invalid_parameter(f"GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES}")
    if sum(len(index.non_key_attributes) for index in indexes) > PROJECTED_ATTRIBUTES:
        raise invalid_parameter(
            "The total number of non-key attributes projected into all secondary indexes exceeds "
            f"{PROJECTED_ATTRIBUTES}"
        )


def check_all_defined_are_used(types: Mapping[str, str], key: KeySchema, indexes: Sequence[IndexDefinition]) -> None:
    """Raise ApiError if an attribute is defined that no key uses."""
    used = {*key.names, *(name for index in indexes for name in index.schema.names)}
    unused = [name for name in types if name not in used]
    if unused and not indexes:
        raise invalid_parameter(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    if unused:
        raise invalid_parameter(
            "Some AttributeDefinitions are not used. "
            f"AttributeDefinitions: [{', '.join(types)}], not used: [{', '.join(unused)}]"
        )


def read_billing(parameters: Json) -> tuple[str, dict[str, int]]:
    """Billing mode and provisioned units of CreateTable."""
    mode, throughput = parameters.get("BillingMode", "PROVISIONED"), parameters.get("ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST":
        if throughput is not None:
            raise invalid_parameter(NO_UNITS)
        return mode, {}
    if throughput is None:
        raise invalid_parameter(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
        )
    return mode, read_throughput(throughput)
