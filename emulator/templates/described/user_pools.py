"""User pools of a stack, as operations. Pure. [DOC] cfn-docs:AWS_Cognito"""

from __future__ import annotations

from typing import Any, Final

from ...services.calls import Call
from ..catalogue import Catalogue
from ..stack import Resource
from ..values import items, text

POOL: Final = "AWS::Cognito::UserPool"
_OF_POOLS: Final = (
    *("AdminCreateUserConfig", "AliasAttributes", "AutoVerifiedAttributes", "LambdaConfig", "MfaConfiguration"),
    *("Policies", "Schema", "UsernameAttributes", "UsernameConfiguration"),
)
_OF_CLIENTS: Final = (
    *("AccessTokenValidity", "AuthSessionValidity", "ExplicitAuthFlows", "GenerateSecret", "IdTokenValidity"),
    *("PreventUserExistenceErrors", "ReadAttributes", "RefreshTokenValidity", "TokenValidityUnits"),
)


def pool(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """A pool."""
    if resource.properties.get("MfaConfiguration") == "ON":
        catalogue.warn(resource, "nobody is asked for a second factor here")
    return [
        _call(
            resource, "CreateUserPool", PoolName=resource.name, UserPoolId=resource.ref, **_given(resource, _OF_POOLS)
        )
    ]


def client(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """A client of a pool."""
    if (of := _pool_of(catalogue, resource)) is None:
        return []
    given = _given(resource, _OF_CLIENTS)
    return [_call(resource, "CreateUserPoolClient", **of, ClientId=resource.ref, ClientName=resource.name, **given)]


def group(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """A group of a pool."""
    if (of := _pool_of(catalogue, resource)) is None:
        return []
    given = _given(resource, ("Description", "Precedence", "RoleArn"))
    return [_call(resource, "CreateGroup", **of, GroupName=resource.name, **given)]


def user(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """A user, who is to choose a password."""
    if (of := _pool_of(catalogue, resource)) is None:
        return []
    given = {"UserAttributes": items(resource, "UserAttributes"), "MessageAction": "SUPPRESS"}
    return [_call(resource, "AdminCreateUser", **of, Username=resource.name, **given)]


def member(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """A user's place in a group."""
    if (of := _pool_of(catalogue, resource)) is None:
        return []
    named = {"GroupName": text(resource, "GroupName"), "Username": text(resource, "Username")}
    return [_call(resource, "AdminAddUserToGroup", **of, **named)]


def domain(catalogue: Catalogue, resource: Resource) -> list[Call]:
    """A domain, which is known and leads nowhere."""
    of = _pool_of(catalogue, resource)
    return [] if of is None else [_call(resource, "CreateUserPoolDomain", **of, Domain=text(resource, "Domain"))]


def _pool_of(catalogue: Catalogue, resource: Resource) -> dict[str, str] | None:
    name = text(resource, "UserPoolId")
    if catalogue.by_ref(name, POOL) is None:
        catalogue.warn(resource, f"the user pool {name} is none of this project's: nothing comes of it")
        return None
    return {"UserPoolId": name}


def _given(resource: Resource, names: tuple[str, ...]) -> dict[str, Any]:
    """Properties as the API takes them: templates may have truth values as texts."""
    return {name: _plain(resource.properties[name]) for name in names if name in resource.properties}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _call(resource: Resource, operation: str, **parameters: Any) -> Call:
    return Call(service="cognito-idp", operation=operation, parameters=parameters, resource=resource.logical_id)
