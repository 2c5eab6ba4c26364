"""Who calls, a function or a session of a role: asks what it may do, in terms of what it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from streamer.topology.grants import Kind, Resource

from .needs import Describe, Need, of_api, of_dynamodb, of_sqs, of_url

if TYPE_CHECKING:
    from .guard import Guard


class Caller:
    """Who calls, a function or a session: asks for its refusals, each None when its role allows it."""

    __slots__ = ("_guard", "_posts", "function", "key", "until")

    def __init__(self, guard: Guard, key: str, function: str | None) -> None:
        """``key`` is what the guard knows it by; ``function`` whom it acts for, None if none assumed the role."""
        self.key = key
        self.function = function
        self.until: float | None = None
        """Unix seconds from which on its credentials are not valid; None: they always are."""
        self._guard = guard
        self._posts: set[tuple[str, str]] = set()

    def forget(self) -> None:
        """Ask again for what was allowed once: the role has changed."""
        self._posts.clear()

    def dynamodb(self, operation: str, parameters: Mapping[str, Any], describe: Describe | None = None) -> str | None:
        """For an operation of DynamoDB or of its streams, of which ``describe`` tells more if it `depends_on_items`."""
        return self._guard.refusal(self.key, of_dynamodb(operation, parameters, describe))

    @property
    def depends_on_items(self) -> bool:
        """Whether conditions ask for more of a request to DynamoDB than its operation and its tables."""
        return self._guard.depends_on_items(self.key)

    def sqs(self, operation: str, parameters: Mapping[str, Any]) -> str | None:
        """For an operation of SQS."""
        return self._guard.refusal(self.key, (of_sqs(operation, parameters),))

    def invoke(self, function: str, qualifier: str | None) -> str | None:
        """For the invocation of a function."""
        need = Need("lambda:InvokeFunction", Resource(Kind.FUNCTION, function, qualifier or ""))
        return self._guard.refusal(self.key, (need,))

    def api(self, path: str) -> str | None:
        """For a request of an API whose route asks for IAM; ``path`` as in `of_api`."""
        return self._guard.refusal(self.key, (of_api(path),))

    def url(self, function: str) -> str | None:
        """For a request of the URL of a function, where that asks for IAM."""
        return self._guard.refusal(self.key, of_url(function))

    def service(self, needs: Iterable[Need]) -> str | None:
        """For what a request to a service that is not embedded needs."""
        return self._guard.refusal(self.key, needs)

    @property
    def user_arn(self) -> str:
        """Who it is to other services."""
        return self._guard.user_arn(self.key)

    @property
    def user_id(self) -> str:
        """The same, as ``aws:userid`` says it."""
        return self._guard.user_id(self.key)

    def connections(self, method: str, api: str) -> str | None:
        """For a call of an API's ``@connections``, as every message makes: what was allowed once is not asked again."""
        if (method, api) in self._posts:
            return None
        need = Need("execute-api:ManageConnections", Resource(Kind.CONNECTIONS, method, api))
        refused = self._guard.refusal(self.key, (need,))
        if refused is None and not (self._guard.wants_every_call or self._guard.depends_on_time(self.key)):
            self._posts.add((method, api))
        return refused
