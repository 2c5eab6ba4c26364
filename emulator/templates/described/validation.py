"""What REST APIs of a stack ask of requests, and how they refuse them, as the topology describes it. Pure.

[DOC] cfn-docs:AWS_ApiGateway_RequestValidator, AWS_ApiGateway_Model, AWS_ApiGateway_GatewayResponse,
apigw-docs:api-gateway-swagger-extensions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamer.errors import TopologyError
from streamer.topology.http_apis import GatewayResponse, Validation

from ...gateway.rules.validation import compiled
from ..catalogue import Catalogue
from ..errors import Problem
from ..intrinsics import is_true
from ..stack import Resource
from ..values import at, boolean, mapping, text
from .api_parts import V1, parts, schema_of

_EXTENSION: Final = "x-amazon-apigateway-"
_REQUEST: Final = "method.request."
_HEADER: Final = "gatewayresponse.header."
_BUILT_IN: Final[Mapping[str, Mapping[str, Any]]] = {
    "Empty": {"type": "object"},
    "Error": {"type": "object", "properties": {"message": {"type": "string"}}},
}
"""The models that every API has. [DOC] apigw-docs:models-mappings-models, cdk-docs: Model.EMPTY_MODEL"""
_PLACES: Final = {"query": "querystring", "header": "header", "path": "path"}
"""Where a document says that a parameter stands, and what it is called in requests."""


def of_method(catalogue: Catalogue, api: Resource, method: Resource) -> Validation | None:
    """What a method asks; None: nothing."""
    validators = parts(catalogue, api, f"{V1}RequestValidator")
    validator = next((each for each in validators if each.ref == method.properties.get("RequestValidatorId")), None)
    if validator is None:
        return None
    given = mapping(method, "RequestParameters") if boolean(validator, "ValidateRequestParameters") else {}
    named = mapping(method, "RequestModels") if boolean(validator, "ValidateRequestBody") else {}
    known = dict(_BUILT_IN)
    for each in parts(catalogue, api, f"{V1}Model"):
        known[str(each.ref)] = _led_home(catalogue.guard(each, schema_of, each) or {})
    models = {}
    for kind, name in named.items():
        if str(name) not in known:
            raise Problem(at(method, "RequestModels", kind), f"the API has no model {name!r}")
        models[str(kind)] = {**known[str(name)], "definitions": known}
    required = (str(name).removeprefix(_REQUEST) for name, value in given.items() if is_true(value))
    return _made(catalogue, method, tuple(required), models)


def _led_home(schema: Any) -> Any:
    """A schema whose references to other models of the API lead to ``#/definitions``."""
    if isinstance(schema, dict):
        found = {name: _led_home(each) for name, each in schema.items()}
        reference = schema.get("$ref")
        if isinstance(reference, str) and "/models/" in reference:
            found["$ref"] = f"#/definitions/{reference.rpartition('/models/')[2]}"
        return found
    return [_led_home(each) for each in schema] if isinstance(schema, list) else schema


def of_operation(
    catalogue: Catalogue, api: Resource, body: Mapping[str, Any], operation: Mapping[str, Any]
) -> Validation | None:
    """What an operation of an OpenAPI document asks; None: nothing."""
    name = operation.get(f"{_EXTENSION}request-validator", body.get(f"{_EXTENSION}request-validator"))
    validator = (body.get(f"{_EXTENSION}request-validators") or {}).get(name)
    if not isinstance(validator, dict):
        return None
    given = [each for each in operation.get("parameters") or () if isinstance(each, dict)]
    required: tuple[str, ...] = ()
    if is_true(validator.get("validateRequestParameters", False)):
        needed = [each for each in given if each.get("in") in _PLACES and is_true(each.get("required", False))]
        required = tuple(f"{_PLACES[each['in']]}.{each.get('name')}" for each in needed)
    models = {}
    if is_true(validator.get("validateRequestBody", False)):
        around = {each: body[each] for each in ("definitions", "components") if each in body}
        models = {kind: {**around, **schema} for kind, schema in _bodies(body, operation, given).items()}
    return _made(catalogue, api, required, models)


def _bodies(
    body: Mapping[str, Any], operation: Mapping[str, Any], given: list[dict[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Media type to schema, as Swagger and as OpenAPI have it."""
    content = (operation.get("requestBody") or {}).get("content") or {}
    found = {str(kind): each.get("schema") for kind, each in content.items() if isinstance(each, dict)}
    kinds = operation.get("consumes") or body.get("consumes") or ["application/json"]
    found |= {str(kind): each.get("schema") for each in given if each.get("in") == "body" for kind in kinds}
    return {kind: schema for kind, schema in found.items() if isinstance(schema, dict)}


def _made(
    catalogue: Catalogue, resource: Resource, required: tuple[str, ...], models: Mapping[str, Mapping[str, Any]]
) -> Validation | None:
    kept = {}
    for kind, schema in models.items():
        try:
            compiled(resource.logical_id, schema)
        except TopologyError as error:
            catalogue.warn(resource, f"bodies are not validated: {error}")
            continue
        kept[kind] = schema
    return Validation(parameters=required, models=kept) if required or kept else None


def gateway_responses(catalogue: Catalogue, api: Resource, body: Mapping[str, Any]) -> dict[str, GatewayResponse]:
    """How an API refuses requests, by type."""
    found = {
        str(name): _response(each)
        for name, each in (body.get(f"{_EXTENSION}gateway-responses") or {}).items()
        if isinstance(each, dict)
    }
    for each in parts(catalogue, api, f"{V1}GatewayResponse"):
        written = {name[:1].lower() + name[1:]: value for name, value in each.properties.items()}
        found[text(each, "ResponseType")] = _response(written)
    return found


def _response(written: Mapping[str, Any]) -> GatewayResponse:
    status = written.get("statusCode")
    parameters = written.get("responseParameters") or {}
    return GatewayResponse(
        status=None if status is None else int(float(status)),
        headers={
            str(name).removeprefix(_HEADER): str(value)
            for name, value in parameters.items()
            if str(name).startswith(_HEADER)
        },
        templates={str(name): str(each) for name, each in (written.get("responseTemplates") or {}).items()},
    )
