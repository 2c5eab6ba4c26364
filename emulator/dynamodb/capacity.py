"""ConsumedCapacity: how many units an operation costs on AWS. Pure. [DOC] ddb-docs:CapacityUnitCalculations"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import validation_error


def read_units(size_bytes: int, *, consistent: bool, transaction: bool = False) -> float:
    """Units for reading that many bytes."""
    blocks = max(1, -(-size_bytes // 4096))
    return blocks * 2.0 if transaction else blocks * (1.0 if consistent else 0.5)


def write_units(size_bytes: int, *, transaction: bool = False) -> float:
    """Units for writing an item of that size (the larger of before and after)."""
    return max(1, -(-size_bytes // 1024)) * (2.0 if transaction else 1.0)


def wants_capacity(parameters: Mapping[str, Any]) -> str | None:
    """``TOTAL`` or ``INDEXES`` if the client wants to know, else None."""
    wanted = parameters.get("ReturnConsumedCapacity", "NONE")
    if wanted not in ("NONE", "TOTAL", "INDEXES"):
        raise validation_error(
            f"1 validation error detected: Value '{wanted}' at 'returnConsumedCapacity' failed to satisfy constraint: "
            "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"
        )
    return None if wanted == "NONE" else str(wanted)


def consumed(wanted: str, table_name: str, units: float, index_name: str | None = None) -> dict[str, Any]:
    """One table's ConsumedCapacity."""
    answer: dict[str, Any] = {"TableName": table_name, "CapacityUnits": units}
    if wanted == "INDEXES" and index_name is not None:
        answer["Table"] = {"CapacityUnits": 0.0}
        answer["GlobalSecondaryIndexes"] = {index_name: {"CapacityUnits": units}}
    elif wanted == "INDEXES":
        answer["Table"] = {"CapacityUnits": units}
    return answer
