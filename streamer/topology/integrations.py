"""Integrations of routes with something else than a function's proxy, as frozen data. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationResponse:
    """What becomes of a backend's answer. [DOC] apigw-docs:apigateway-websocket-api-integration-responses"""

    key: str = "$default"
    """A status between slashes, as a regular expression (``/2\\d\\d/``), or ``$default``."""
    templates: Mapping[str, str] = field(default_factory=dict)
    template_selection: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """MOCK, an action of a service, or an HTTP endpoint; the deployer makes MOCK alone.

    [DOC] apigw-docs:apigateway-websocket-api-integrations
    """

    kind: str
    """``MOCK``, ``AWS``, ``HTTP`` or ``HTTP_PROXY``."""
    uri: str = ""
    function: str | None = None
    """Of an AWS integration that invokes a function."""
    method: str = "POST"
    templates: Mapping[str, str] = field(default_factory=dict)
    """Template key to mapping template."""
    template_selection: str | None = None
    """Which key; None: ``$default``."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """``integration.request.header.X`` and its kin to where the value is found, or a text in quotes."""
    passthrough: str = "WHEN_NO_MATCH"
    """``WHEN_NO_MATCH``, ``WHEN_NO_TEMPLATES`` or ``NEVER``: whether a body without a template goes on as it is."""
    responses: tuple[IntegrationResponse, ...] = ()
