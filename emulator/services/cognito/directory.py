"""All operations of user pools by their names, and what an issuer publishes. Pure."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from .entities import NOT_FOUND, Parameters, PoolError
from .pools import Pools
from .sign_in import SignIn
from .sign_up import SignUp
from .state import Chance, State
from .tokens import Keys
from .triggers import Operation, Steps
from .users import Users


class Directory:
    """Does operations one step after the other."""

    def __init__(self, region: str, account_id: str, *, keys: Keys, randomness: Chance) -> None:
        self._state = State(region, account_id, keys=keys, randomness=randomness)
        parts = (Pools(self._state), Users(self._state), SignUp(self._state), SignIn(self._state))
        self._operations = {name: operation for each in parts for name, operation in each.operations.items()}

    def perform(self, operation: str, parameters: Parameters, *, now: float) -> Steps | None:
        """The steps of an operation, which raise PoolError; None: it is not known."""
        found = self._operations.get(operation)
        return None if found is None else _steps(found, parameters, now)

    def configuration(self, pool_id: str, home: str) -> dict[str, Any]:
        """An issuer's discovery document, whose addresses begin with ``home``; raises PoolError.

        [DOC] cognito-docs:federation-endpoints-oauth-grants
        """
        if (pool := self._state.pools.get(pool_id)) is None:
            raise PoolError(NOT_FOUND, f"User pool {pool_id} does not exist.")
        return {
            "issuer": pool.issuer,
            "jwks_uri": f"{home}/{pool.id}/.well-known/jwks.json",
            "response_types_supported": ["code", "token"],
            "scopes_supported": ["openid", "email", "phone", "profile"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }


def _steps(operation: Operation, parameters: Parameters, now: float) -> Steps:
    found = operation(parameters, now)
    answer = (yield from found) if isinstance(found, Generator) else found
    return answer or {}
