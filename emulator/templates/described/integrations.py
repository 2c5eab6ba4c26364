"""Integrations of WebSocket routes that are no Lambda proxy, as the topology describes them. Pure."""

from __future__ import annotations

from typing import Any, Final

from streamer.topology.integrations import Integration, IntegrationResponse

from ..catalogue import Catalogue
from ..errors import Problem
from ..stack import Resource
from ..values import at, mapping
from .lambda_functions import function_of

KINDS: Final = ("MOCK", "AWS", "HTTP", "HTTP_PROXY")
_LAMBDA: Final = ":lambda:path/"


def integration(catalogue: Catalogue, resource: Resource, functions: set[str]) -> Integration:
    """An integration with its responses; raises `Problem`."""
    kind = str(resource.properties.get("IntegrationType"))
    if kind not in KINDS:
        raise Problem(at(resource, "IntegrationType"), f"{kind} is none of AWS_PROXY, {', '.join(KINDS)}")
    uri = str(resource.properties.get("IntegrationUri", ""))
    where = at(resource, "IntegrationUri")
    if kind != "MOCK" and not uri:
        raise Problem(resource.path, f"an integration of type {kind} needs IntegrationUri")
    return Integration(
        kind=kind,
        uri=uri,
        function=function_of(uri, functions, where) if kind == "AWS" and _LAMBDA in uri else None,
        method=str(resource.properties.get("IntegrationMethod", "POST")),
        templates=_texts(resource, "RequestTemplates"),
        template_selection=_text(resource, "TemplateSelectionExpression"),
        parameters=_texts(resource, "RequestParameters"),
        passthrough=str(resource.properties.get("PassthroughBehavior", "WHEN_NO_MATCH")),
        responses=tuple(
            _response(each)
            for each in catalogue.of("AWS::ApiGatewayV2::IntegrationResponse")
            if each.properties.get("IntegrationId") == resource.ref
        ),
    )


def _response(resource: Resource) -> IntegrationResponse:
    return IntegrationResponse(
        key=str(resource.properties.get("IntegrationResponseKey", "$default")),
        templates=_texts(resource, "ResponseTemplates"),
        template_selection=_text(resource, "TemplateSelectionExpression"),
    )


def _texts(resource: Resource, name: str) -> dict[str, str]:
    return {str(key): str(value) for key, value in mapping(resource, name).items()}


def _text(resource: Resource, name: str) -> str | None:
    value: Any = resource.properties.get(name)
    return None if value is None else str(value)
