"""Starts MiniStack with two types of resources more: its API Gateway has them, and its CloudFormation knows none.

Its CloudFormation leaves TTL and point-in-time recovery of tables out, too, which its DynamoDB has. Schedules are kept
and start nothing.

Run by MiniStack's own Python. What a type does when it is made, changed and deleted is what its API does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ministack.app import main  # type: ignore[import-not-found] # in an environment of its own
from ministack.services import apigateway, dynamodb, eventbridge, scheduler  # type: ignore[import-not-found]
from ministack.services.cloudformation import provisioners  # type: ignore[import-not-found]


def handlers(kind: str, parent: str, fields: tuple[str, ...], make: Any, store: Any) -> dict[str, Any]:
    """How a type is provisioned: ``parent`` names the property with the id of what it belongs to."""

    def owner(properties: dict[str, Any]) -> str:
        return str(properties[parent]).rpartition("/")[2]

    def body(properties: dict[str, Any]) -> dict[str, Any]:
        return {name[0].lower() + name[1:]: properties[name] for name in fields if name in properties}

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        status, _, answer = make(properties["ApiId"], owner(properties), body(properties))
        if status != 201:
            raise ValueError(f"{kind} create failed: {answer!r}")
        return list(store[properties["ApiId"]][owner(properties)])[-1], {}

    def update(name: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        store[new["ApiId"]][owner(new)][name].update(body(new))
        return name, {}

    def delete(name: str, properties: dict[str, Any]) -> None:
        store.get(properties["ApiId"], {}).get(owner(properties), {}).pop(name, None)

    found: dict[str, Callable[..., Any]] = {"create": create, "update": update, "delete": delete}
    return found


def with_settings(does: Callable[..., Any], place: int) -> Callable[..., Any]:
    """What makes or changes a table, and then sets what its properties, the argument at ``place``, say beside."""
    setters = {
        "TimeToLiveSpecification": dynamodb._update_ttl,
        "PointInTimeRecoverySpecification": dynamodb._update_continuous_backups,
    }

    def call(*arguments: Any, **options: Any) -> Any:
        found = does(*arguments, **options)
        for name, setter in setters.items():
            if name in arguments[place]:
                setter({"TableName": found[0], name: arguments[place][name]})
        return found

    return call


tables = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
tables |= {"create": with_settings(tables["create"], 1), "update": with_settings(tables["update"], 2)}
provisioners._RESOURCE_HANDLERS |= {
    "AWS::ApiGatewayV2::RouteResponse": handlers(
        "AWS::ApiGatewayV2::RouteResponse",
        "RouteId",
        ("RouteResponseKey",),
        apigateway._create_route_response,
        apigateway._route_responses,
    ),
    "AWS::ApiGatewayV2::IntegrationResponse": handlers(
        "AWS::ApiGatewayV2::IntegrationResponse",
        "IntegrationId",
        ("IntegrationResponseKey", "ResponseTemplates", "TemplateSelectionExpression"),
        apigateway._create_integration_response,
        apigateway._integration_responses,
    ),
}

# No test waits for what comes by the clock, and that of all stacks comes at once: a new process for each.
for each in (eventbridge, scheduler):
    each.start_scheduler = lambda: None

if __name__ == "__main__":
    sys.exit(main())
