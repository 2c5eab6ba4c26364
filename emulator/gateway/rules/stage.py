"""A deployed stage: the API of a topology, compiled once into what the rules look up per message. Pure."""

from __future__ import annotations

import dataclasses
from typing import Final

from msgspec import Struct

from streamer.errors import TopologyError
from streamer.topology import CONNECT, DISCONNECT, Api, Authorizer, Route

from ...foundation.place import arn_of
from .assumptions import Assumptions
from .domains import Domain, Entrance, entrance, name_of
from .ids import IdSource
from .limits import Limits
from .routes import Selector
from .throttle import TokenBucket, bucket
from .validation import Check, compile_models

INTEGRATION: Final = "integration of "
"""Begins what stands for a function where a route's integration is no Lambda proxy; the route key follows."""
API_KEY_HEADER: Final = "$request.header.x-api-key"
API_KEY_AUTHORIZER: Final = "$context.authorizer.usageIdentifierKey"
"""The two API key selection expressions there are. [DOC] apigw-docs:apigateway-websocket-api-selection-expressions"""


class Facts(Struct, frozen=True, kw_only=True):
    """Where an API lives: what its ids, ARNs and events say about it."""

    region: str
    account_id: str
    """12 digits."""
    api_id: str
    """10 lower-case letters and digits."""
    domain_name: str
    """Host without scheme, because functions build ``https://{domainName}/{stage}`` from it.

    AWS's, where that leads here, else the emulator's with its port."""
    domains: tuple[Domain, ...] = ()
    """Further names under which the stage is found."""


class CompiledRoute(Struct, frozen=True, kw_only=True):
    """A route with what its messages need, ready to use."""

    route: Route
    timeout_seconds: float
    check: Check | None
    bucket: TokenBucket | None


class Stage:
    """One stage of one API in this emulator; the only state it holds is that of its throttles and its ids.

    Raises:
        TopologyError: an expression or model of the API is none that AWS accepts.
    """

    __slots__ = (
        "_account",
        "_authorizer",
        "_connections",
        "_routes",
        "_selector",
        "api",
        "assumptions",
        "facts",
        "ids",
        "limits",
        "variables",
    )

    def __init__(
        self,
        api: Api,
        facts: Facts,
        ids: IdSource,
        *,
        limits: Limits | None = None,
        assumptions: Assumptions | None = None,
    ) -> None:
        self.facts = facts
        self.ids = ids
        self.limits = limits or Limits()
        self.assumptions = assumptions or Assumptions()
        self._account = bucket(self.limits.account)
        self._connections = bucket(self.limits.connections)
        self.change(api)

    def change(self, api: Api) -> None:
        """Go by another description from the next message on: the connections' routes, models and throttles change.

        Raises:
            TopologyError: an expression or model is none that AWS accepts; everything stays as it was.
        """
        if api.api_key_selection_expression not in (API_KEY_HEADER, API_KEY_AUTHORIZER):
            raise TopologyError(
                f"API key selection expression {api.api_key_selection_expression!r} is neither {API_KEY_HEADER} "
                f"nor {API_KEY_AUTHORIZER}"
            )
        routes = {route.route_key: self._compiled(api, route) for route in api.routes}
        selector = Selector(api.route_selection_expression, routes)
        connect = routes.get(CONNECT)
        named = None if connect is None else connect.route.authorizer
        self.api = api
        self.variables = dict(api.stage_variables)
        """The stage variables as they stand in events."""
        self._routes, self._selector = routes, selector
        self._authorizer = None if named is None else api.authorizer(named)

    @property
    def connect(self) -> CompiledRoute | None:
        """The ``$connect`` route; None: every client is accepted."""
        return self._routes.get(CONNECT)

    @property
    def disconnect(self) -> CompiledRoute | None:
        """The ``$disconnect`` route; None: nobody hears about the end of a connection."""
        return self._routes.get(DISCONNECT)

    @property
    def authorizer(self) -> Authorizer | None:
        """The authorizer of ``$connect``, if it has one."""
        return self._authorizer

    def entrance(self, host: str, path: str) -> Entrance | None:
        """How a request for a host and a path reaches the stage; None: it does not."""
        return entrance(self.facts.domains, host, path, self.api.stage)

    def has_domain(self, host: str) -> bool:
        """Whether a host is one of the stage's custom domains."""
        return any(each.name == name_of(host) for each in self.facts.domains)

    @property
    def arn(self) -> str:
        """The stage's ``execute-api`` ARN, which route keys and management paths are appended to."""
        facts = self.facts
        return arn_of("execute-api", facts.region, facts.account_id, f"{facts.api_id}/{self.api.stage}")

    def route_for(self, text: str) -> CompiledRoute | None:
        """The route a message takes; None: neither a route nor ``$default``."""
        key = self._selector.select(text)
        return None if key is None else self._routes[key]

    def admits(self, route: CompiledRoute | None, now: float) -> bool:
        """Whether the throttles of the route and of the account let one more request through. Takes their tokens."""
        if route is not None and route.bucket is not None and not route.bucket.take(now):
            return False
        return self._account is None or self._account.take(now)

    def admits_connection(self, now: float) -> bool:
        """Whether one more handshake may start."""
        if self._connections is not None and not self._connections.take(now):
            return False
        return self.admits(self.connect, now)

    def admits_management(self, now: float) -> bool:
        """Whether one more ``@connections`` call is answered: they share the account's throttle. [DOC] apigw-docs"""
        return self._account is None or self._account.take(now)

    def _compiled(self, api: Api, route: Route) -> CompiledRoute:
        named = route
        if route.integration is not None:
            named = dataclasses.replace(route, function=f"{INTEGRATION}{route.route_key}")
        return CompiledRoute(
            route=named,
            timeout_seconds=min(route.integration_timeout_seconds, self.limits.integration_timeout_seconds),
            check=compile_models(route),
            # A stage's default throttle applies to each route on its own. [DOC] apigw-docs:request-throttling
            bucket=bucket(route.throttle or api.throttle),
        )
