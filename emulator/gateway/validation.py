"""Models: JSON schemas (draft 4) that a route's messages must satisfy. Pure; loads jsonschema only for a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamer.errors import TopologyError
from streamer.topology import DEFAULT, Route

from . import lenient_json
from .expressions import Expression, parse

Check = Callable[[str], bool]
"""Whether a message satisfies the models of its route."""


def compile_models(route: Route) -> Check | None:
    """What decides whether a message of this route is valid; None when the route has no model.

    The model selection expression picks the model by its key, ``$default`` (the route's ``model``) where none has
    that key; a message that no model is meant for is valid. [DOC] apigw-docs:websocket-api-request-validation

    Raises:
        TopologyError: a schema or the expression is no such thing.
    """
    schemas = dict(route.models)
    if route.model is not None:
        schemas[DEFAULT] = route.model
    if not schemas:
        return None
    validators = {key: _validator(route.route_key, schema) for key, schema in schemas.items()}
    selection = None if route.model_selection is None else parse(route.model_selection)

    def check(text: str) -> bool:
        try:
            document = lenient_json.parse(text)
        except ValueError:
            return False
        is_valid = _selected(validators, selection, document)
        return is_valid is None or is_valid(document)

    return check


def _selected(
    validators: Mapping[str, Callable[[Any], bool]], selection: Expression | None, document: Any
) -> Callable[[Any], bool] | None:
    key = DEFAULT if selection is None else selection.evaluate(document)
    return validators.get(key) or validators.get(DEFAULT)


def _validator(route_key: str, schema: Mapping[str, Any]) -> Callable[[Any], bool]:
    import jsonschema  # noqa: PLC0415 - takes 50 ms to import, and few services have a model

    try:
        jsonschema.Draft4Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise TopologyError(f"route {route_key!r}: the model is no JSON schema (draft 4): {error.message}") from error
    validator = jsonschema.Draft4Validator(schema)
    return lambda document: bool(validator.is_valid(document))
