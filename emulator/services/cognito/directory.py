"""All operations of user pools by their names, and what an issuer publishes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .entities import NOT_FOUND, Parameters, PoolError
from .pools import Pools
from .sign_in import SignIn
from .sign_up import SignUp
from .state import Chance, State
from .tokens import Keys
from .triggers import Steps
from .users import Users


class Directory:
    """Does operations one step after the other."""

    def __init__(self, region: str, account_id: str, *, keys: Keys, randomness: Chance) -> None:
        self._state = State(region, account_id, keys=keys, randomness=randomness)
        users, up, into = Users(self._state), SignUp(self._state), SignIn(self._state)
        self._steps = {**users.operations, **up.operations, **into.operations}
        self._at_once = Pools(self._state).operations

    def perform(self, operation: str, parameters: Parameters, *, now: float) -> Steps | None:
        """The steps of an operation, which raise PoolError; None: it is not known."""
        if (steps := self._steps.get(operation)) is not None:
            return steps(parameters, now)
        found = self._at_once.get(operation)
        return None if found is None else _one(found, parameters, now)

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


def _one(operation: Callable[[Parameters, float], Mapping[str, Any]], parameters: Parameters, now: float) -> Steps:
    yield from ()
    return operation(parameters, now)
