"""Operations on pools, clients, groups and domains. Pure. [DOC] cognito-api, a page per operation"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any, Final

from msgspec import structs

from ...foundation.place import arn_of
from ...port.aws_names import service_url
from ..secret_names import client_secret
from .entities import (
    DEFAULT_FLOWS,
    NOT_FOUND,
    WRONG,
    Client,
    Group,
    Parameters,
    Pool,
    PoolError,
    page,
    required,
)
from .passwords import POLICY
from .state import State
from .triggers import Operation

_NOT_SETTINGS: Final = frozenset({"PoolName", "UserPoolId", "ClientId", "GenerateSecret", "GroupName"})
_LETTERS: Final = string.ascii_letters + string.digits
_SMALL: Final = string.ascii_lowercase + string.digits


class Pools:
    """Answers them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.operations: Mapping[str, Operation] = {
            "CreateUserPool": self._create,
            "DescribeUserPool": lambda given, _: {"UserPool": _pool(state.pool(given))},
            "UpdateUserPool": self._update,
            "DeleteUserPool": self._delete,
            "ListUserPools": self._list,
            "CreateUserPoolClient": self._create_client,
            "DescribeUserPoolClient": lambda given, _: {"UserPoolClient": _client(*state.client(given))},
            "UpdateUserPoolClient": self._update_client,
            "DeleteUserPoolClient": self._delete_client,
            "ListUserPoolClients": self._list_clients,
            "CreateGroup": self._create_group,
            "GetGroup": lambda given, _: {"Group": _group(*self._group(given))},
            "UpdateGroup": self._update_group,
            "DeleteGroup": self._delete_group,
            "ListGroups": self._list_groups,
            "CreateUserPoolDomain": self._create_domain,
            "DescribeUserPoolDomain": self._describe_domain,
            "DeleteUserPoolDomain": self._delete_domain,
        }

    def _create(self, given: Parameters, now: float) -> dict[str, Any]:
        state = self._state
        # Templates know the id beforehand; nobody else may give one.
        name = str(given.get("UserPoolId") or f"{state.region}_{state.letters(9, _LETTERS)}")
        if name not in state.pools:
            required(given, "PoolName")
            state.pools[name] = Pool(
                id=name,
                arn=arn_of("cognito-idp", state.region, state.account_id, f"userpool/{name}"),
                issuer=f"{service_url('cognito-idp', state.region)}/{name}",
                settings=_settings(given) | {"Name": given["PoolName"]},
                created=now,
            )
        return {"UserPool": _pool(state.pools[name])}

    def _update(self, given: Parameters, _now: float) -> None:
        pool = self._state.pool(given)
        kept = {
            name: value
            for name, value in pool.settings.items()
            if name in ("Name", "Schema", "UsernameAttributes", "AliasAttributes", "UsernameConfiguration")
        }
        pool.settings = {**_settings(given), **kept}

    def _delete(self, given: Parameters, _now: float) -> None:
        del self._state.pools[self._state.pool(given).id]

    def _list(self, given: Parameters, _now: float) -> dict[str, Any]:
        found, rest = page(list(self._state.pools.values()), given, "MaxResults", "NextToken")
        shown = [
            {"Id": each.id, "Name": each.settings["Name"], "CreationDate": each.created, "LambdaConfig": {}}
            for each in found
        ]
        return {"UserPools": shown, **rest}

    # clients

    def _create_client(self, given: Parameters, now: float) -> dict[str, Any]:
        pool = self._state.pool(given)
        required(given, "ClientName")
        name = str(given.get("ClientId") or self._state.letters(26, _SMALL))
        if name not in pool.clients:
            secret = client_secret(name) if given.get("GenerateSecret") else None
            _check_flows(given)
            pool.clients[name] = Client(id=name, settings=_settings(given), secret=secret, created=now)
        return {"UserPoolClient": _client(pool, pool.clients[name])}

    def _update_client(self, given: Parameters, _now: float) -> dict[str, Any]:
        pool, client = self._state.client(given)
        _check_flows(given)
        pool.clients[client.id] = structs.replace(
            client, settings={"ClientName": client.settings["ClientName"], **_settings(given)}
        )
        return {"UserPoolClient": _client(pool, pool.clients[client.id])}

    def _delete_client(self, given: Parameters, _now: float) -> None:
        pool, client = self._state.client(given)
        del pool.clients[client.id]

    def _list_clients(self, given: Parameters, _now: float) -> dict[str, Any]:
        pool = self._state.pool(given)
        found, rest = page(list(pool.clients.values()), given, "MaxResults", "NextToken")
        shown = [
            {"ClientId": each.id, "UserPoolId": pool.id, "ClientName": each.settings["ClientName"]} for each in found
        ]
        return {"UserPoolClients": shown, **rest}

    # groups

    def _group(self, given: Parameters) -> tuple[Pool, Group]:
        pool = self._state.pool(given)
        if (found := pool.groups.get(required(given, "GroupName"))) is None:
            raise PoolError(NOT_FOUND, "Group not found.")
        return pool, found

    def _create_group(self, given: Parameters, now: float) -> dict[str, Any]:
        pool, name = self._state.pool(given), required(given, "GroupName")
        if name in pool.groups:
            raise PoolError("GroupExistsException", "A group with the name already exists.")
        pool.groups[name] = Group(name=name, settings=_settings(given), created=now)
        return {"Group": _group(pool, pool.groups[name])}

    def _update_group(self, given: Parameters, _now: float) -> dict[str, Any]:
        pool, group = self._group(given)
        pool.groups[group.name] = structs.replace(group, settings={**group.settings, **_settings(given)})
        return {"Group": _group(pool, pool.groups[group.name])}

    def _delete_group(self, given: Parameters, _now: float) -> None:
        pool, group = self._group(given)
        del pool.groups[group.name]
        for user in list(pool.users.values()):
            pool.keep(structs.replace(user, groups=tuple(each for each in user.groups if each != group.name)))

    def _list_groups(self, given: Parameters, _now: float) -> dict[str, Any]:
        pool = self._state.pool(given)
        found, rest = page(list(pool.groups.values()), given, "Limit", "NextToken")
        return {"Groups": [_group(pool, each) for each in found], **rest}

    # domains, which are kept and lead nowhere

    def _create_domain(self, given: Parameters, _now: float) -> None:
        pool, domain = self._state.pool(given), required(given, "Domain")
        if any(each.domain == domain for each in self._state.pools.values()):
            raise PoolError(WRONG, "Domain already associated with another user pool.")
        pool.domain = domain

    def _describe_domain(self, given: Parameters, _now: float) -> dict[str, Any]:
        domain = required(given, "Domain")
        found = next((each for each in self._state.pools.values() if each.domain == domain), None)
        told = {} if found is None else {"UserPoolId": found.id, "Domain": domain, "Status": "ACTIVE"}
        return {"DomainDescription": told}

    def _delete_domain(self, given: Parameters, _now: float) -> None:
        pool = self._state.pool(given)
        if pool.domain != required(given, "Domain"):
            raise PoolError(NOT_FOUND, "No such domain or user pool exists.")
        pool.domain = None


def group_of(pool: Pool, name: str) -> dict[str, Any]:
    """A group as an answer has it."""
    return _group(pool, pool.groups[name])


def _settings(given: Parameters) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in _NOT_SETTINGS}


def _check_flows(given: Parameters) -> None:
    flows = given.get("ExplicitAuthFlows") or ()
    if len({str(each).startswith("ALLOW_") for each in flows}) > 1:
        raise PoolError(WRONG, "Cannot mix the old and new auth flow enumerations.")


def _pool(pool: Pool) -> dict[str, Any]:
    return {
        "Policies": {"PasswordPolicy": POLICY},
        "LambdaConfig": {},
        "MfaConfiguration": "OFF",
        **{name: value for name, value in pool.settings.items() if name != "Schema"},
        "Id": pool.id,
        "Arn": pool.arn,
        "SchemaAttributes": list(pool.settings.get("Schema") or ()),
        "EstimatedNumberOfUsers": len(pool.users),
        "CreationDate": pool.created,
        "LastModifiedDate": pool.created,
        **({"Domain": pool.domain} if pool.domain else {}),
    }


def _client(pool: Pool, client: Client) -> dict[str, Any]:
    return {
        "RefreshTokenValidity": 30,
        "ExplicitAuthFlows": list(DEFAULT_FLOWS),
        "EnableTokenRevocation": True,
        **client.settings,
        "UserPoolId": pool.id,
        "ClientId": client.id,
        **({} if client.secret is None else {"ClientSecret": client.secret}),
        "CreationDate": client.created,
        "LastModifiedDate": client.created,
    }


def _group(pool: Pool, group: Group) -> dict[str, Any]:
    times = {"CreationDate": group.created, "LastModifiedDate": group.created}
    return {"UserPoolId": pool.id, "GroupName": group.name, **group.settings, **times}
