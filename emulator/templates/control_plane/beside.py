"""What AWS's services refuse of a stack because of what is there beside it, or is not. Pure.

[USR] the words of events: aws-samples/eb-php-wordpress #25; [INF] of an API, as API Gateway's own operations say it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..errors import TemplateError
from ..stack import Resource, Stack

_NAMED: Final = frozenset(
    {
        *("AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table", "AWS::Events::EventBus", "AWS::Events::Rule"),
        *("AWS::KMS::Alias", "AWS::Kinesis::Stream", "AWS::Lambda::Function", "AWS::S3::Bucket", "AWS::SNS::Topic"),
        *("AWS::SQS::Queue", "AWS::SSM::Parameter", "AWS::StepFunctions::StateMachine"),
    }
)
"""Types of which an account has one of a name; ``Ref`` tells it."""
_APIS: Final = {"ApiId": "AWS::ApiGatewayV2::Api", "RestApiId": "AWS::ApiGateway::RestApi"}
_OF_APIS: Final = ("AWS::ApiGatewayV2::", "AWS::ApiGateway::")
_MAPPING: Final = "AWS::ApiGatewayV2::ApiMapping"


def refuse(stacks: Iterable[Stack], before: Iterable[Stack], fresh: str, calls: str, account_id: str) -> None:
    """Refuse what the stack ``fresh`` has and cannot have; ``calls`` is the stack of what calls made.

    ``before`` are the stacks as they are now.

    Raises:
        TemplateError: another one has its name, or its API is nowhere.
    """
    tops = tuple(stacks)
    had = {_key(each): (each.stack, each.logical_id) for top, each in _all(before) if top.name == fresh}
    apis = {str(each.ref) for _, each in _all(tops) if each.type in _APIS.values()}
    taken = {_key(each): top.name for top, each in _all(tops) if each.type in _NAMED and top.name != fresh}
    for top, each in _all(tops):
        if top.name != fresh:
            continue
        if each.type in _NAMED:
            owner = taken.get(_key(each))
            if had.get(_key(each), (each.stack, each.logical_id)) != (each.stack, each.logical_id):
                owner = fresh  # it would be made before the one that it takes the place of is gone
            if owner is not None:
                where = "" if owner == calls else f" in stack {owner}"
                raise TemplateError(f"{each.name} already exists{where}", each.path)
            taken[_key(each)] = fresh
        for name, api in _APIS.items():
            wanted = each.properties.get(name)
            is_of_one = each.type.startswith(_OF_APIS) and each.type not in (api, _MAPPING) and wanted is not None
            if is_of_one and str(wanted) not in apis:
                raise TemplateError(f"Invalid API identifier specified {account_id}:{wanted}", each.path)


def new(stacks: Iterable[Stack], before: Iterable[Stack], fresh: str) -> list[Resource]:
    """The resources of a stack that are to be made: it has none of the same name in the same place ``before``."""
    had = {(each.stack, each.logical_id, _key(each)) for top, each in _all(before) if top.name == fresh}
    found = [each for top, each in _all(stacks) if top.name == fresh]
    return [each for each in found if (each.stack, each.logical_id, _key(each)) not in had]


def _all(stacks: Iterable[Stack]) -> Iterator[tuple[Stack, Resource]]:
    """The resources of stacks, each with the outermost stack that it is of."""
    for top in stacks:
        for stack in top.all():
            for each in stack.resources.values():
                yield top, each


def _key(resource: Resource) -> tuple[str, str]:
    kind = "AWS::DynamoDB::Table" if resource.type == "AWS::DynamoDB::GlobalTable" else resource.type
    return kind, str(resource.ref)
