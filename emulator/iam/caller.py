"""Who calls, a function or a session of a role: asks what it may do, in terms of what it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from streamer.topology.grants import Kind, Resource

from .needs import Describe, Need, of_api, of_dynamodb, of_sqs, of_url


class Judge(Protocol):
    """Knows what each caller's role allows, by the caller's key."""

    @property
    def wants_every_call(self) -> bool:
        """Whether calls are told or remembered one by one."""

    def refusal(self, key: str, needs: Iterable[Need]) -> str | None:
        """AWS's words for the first that is not allowed; None: all is."""

    def depends_on_items(self, key: str) -> bool:
        """Whether a caller may do something with some items of a table, and not with others."""

    def depends_on_time(self, key: str) -> bool:
        """Whether what a caller may do now is another thing later."""

    def user_arn(self, key: str) -> str:
        """Who a caller is to other services."""

    def user_id(self, key: str) -> str:
        """The same, as ``aws:userid`` says it."""


class Caller:
    """Who calls, a function or a session: asks for its refusals, each None when its role allows it."""

    __slots__ = ("_judge", "_posts", "function", "key", "until")

    def __init__(self, judge: Judge, key: str, function: str | None) -> None:
        """``key`` is what the judge knows it by; ``function`` whom it acts for, None if none assumed the role."""
        self.key = key
        self.function = function
        self.until: float | None = None
        """Unix seconds from which on its credentials are not valid; None: they always are."""
        self._judge = judge
        self._posts: set[tuple[str, str]] = set()

    def forget(self) -> None:
        """Ask again for what was allowed once: the role has changed."""
        self._posts.clear()

    def dynamodb(self, operation: str, parameters: Mapping[str, Any], describe: Describe | None = None) -> str | None:
        """For an operation of DynamoDB or of its streams, of which ``describe`` tells more if it `depends_on_items`."""
        return self._judge.refusal(self.key, of_dynamodb(operation, parameters, describe))

    @property
    def depends_on_items(self) -> bool:
        """Whether conditions ask for more of a request to DynamoDB than its operation and its tables."""
        return self._judge.depends_on_items(self.key)

    def sqs(self, operation: str, parameters: Mapping[str, Any]) -> str | None:
        """For an operation of SQS."""
        return self._judge.refusal(self.key, (of_sqs(operation, parameters),))

    def invoke(self, function: str, qualifier: str | None) -> str | None:
        """For the invocation of a function."""
        need = Need("lambda:InvokeFunction", Resource(Kind.FUNCTION, function, qualifier or ""))
        return self._judge.refusal(self.key, (need,))

    def api(self, path: str) -> str | None:
        """For a request of an API whose route asks for IAM; ``path`` as in `of_api`."""
        return self._judge.refusal(self.key, (of_api(path),))

    def url(self, function: str) -> str | None:
        """For a request of the URL of a function, where that asks for IAM."""
        return self._judge.refusal(self.key, of_url(function))

    def service(self, needs: Iterable[Need]) -> str | None:
        """For what a request to a service that is not embedded needs."""
        return self._judge.refusal(self.key, needs)

    @property
    def user_arn(self) -> str:
        """Who it is to other services."""
        return self._judge.user_arn(self.key)

    @property
    def user_id(self) -> str:
        """The same, as ``aws:userid`` says it."""
        return self._judge.user_id(self.key)

    def connections(self, method: str, api: str) -> str | None:
        """For a call of an API's ``@connections``, as every message makes: what was allowed once is not asked again."""
        if (method, api) in self._posts:
            return None
        need = Need("execute-api:ManageConnections", Resource(Kind.CONNECTIONS, method, api))
        refused = self._judge.refusal(self.key, (need,))
        if refused is None and not (self._judge.wants_every_call or self._judge.depends_on_time(self.key)):
            self._posts.add((method, api))
        return refused
