"""Tables as resources of the template. Pure."""

from __future__ import annotations

from typing import Any

from streamer.topology import Table


def table(described: Table) -> dict[str, Any]:
    """A table that survives the stack.

    ``RetainExceptOnCreate`` removes the empty table of a creation that failed. Deletion protection would make exactly
    that roll-back fail, so it is not set: nothing but ``streamer destroy --delete-data`` deletes the table.
    """
    properties: dict[str, Any] = {
        # Named, so that a retained table is found and adopted again by the next stack of the same name.
        "TableName": described.name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": described.attribute_definitions(),
        "KeySchema": described.key.schema(),
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    properties |= described.index_properties()
    if described.ttl_attribute is not None:
        properties["TimeToLiveSpecification"] = {"AttributeName": described.ttl_attribute, "Enabled": True}
    if described.stream is not None:
        properties["StreamSpecification"] = {"StreamViewType": described.stream.value}
    return {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }
