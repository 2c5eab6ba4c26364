"""Models: JSON schemas (draft 4) that a route's messages must satisfy. Pure; loads jsonschema only for a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from streamer.errors import TopologyError
from streamer.topology import DEFAULT, Route

from . import lenient_json
from .expressions import Expression, parse

if TYPE_CHECKING:
    from jsonschema import ValidationError

Check = Callable[[str], bool]
"""Whether a message satisfies the models of its route."""


def compile_models(route: Route) -> Check | None:
    """What decides whether a message of this route is valid; None when the route has no model.

    The model selection expression picks the model by its key, ``$default`` (the route's ``model``) where none has
    that key; a message that no model is meant for is refused. [DOC] apigw-docs:websocket-api-request-validation

    Raises:
        TopologyError: a schema or the expression is no such thing.
    """
    schemas = dict(route.models)
    if route.model is not None:
        schemas[DEFAULT] = route.model
    if not schemas:
        return None
    validators = {key: compiled(route.route_key, schema) for key, schema in schemas.items()}
    selection = None if route.model_selection is None else parse(route.model_selection)

    def check(text: str) -> bool:
        try:
            document = lenient_json.parse(text)
        except ValueError:
            return False
        is_valid = _selected(validators, selection, document)
        return is_valid is not None and is_valid(document)

    return check


def _selected(
    validators: Mapping[str, Callable[[Any], bool]], selection: Expression | None, document: Any
) -> Callable[[Any], bool] | None:
    key = DEFAULT if selection is None else selection.evaluate(document)
    return validators.get(key) or validators.get(DEFAULT)


def compiled(route_key: str, schema: Mapping[str, Any]) -> Callable[[Any], bool]:
    """Whether a document satisfies a route's JSON schema; raises TopologyError if it is no such thing."""
    import jsonschema  # noqa: PLC0415 - takes 50 ms to import, and few services have a model

    draft4 = jsonschema.Draft4Validator
    try:
        draft4.check_schema(schema, format_checker=draft4.FORMAT_CHECKER)  # formats: an invalid pattern is found now
    except jsonschema.SchemaError as error:
        raise TopologyError(f"route {route_key!r}: the model is no JSON schema (draft 4): {error.message}") from error
    for reference in _references(schema):
        if not _leads_somewhere(reference, schema):
            raise TopologyError(f"route {route_key!r}: the model's $ref {reference!r} leads nowhere within the model")
    extend: Any = jsonschema.validators.extend
    validator = extend(draft4, {"uniqueItems": _unique_items})(schema)

    def is_valid(document: Any) -> bool:
        try:
            return bool(validator.is_valid(document))
        except RecursionError:  # a schema that refers to itself, and a document nested deeper than we can follow
            return False
        except (OverflowError, ValueError):  # whether NaN, or a number beyond all floats, is a multiple of a fraction
            return False

    return is_valid


def _unique_items(validator: Any, is_wanted: Any, items: Any, _schema: Any) -> Iterator[ValidationError]:
    """Whether no item is there twice, in one look at each: jsonschema's own compares all objects of a client's list."""
    from jsonschema import ValidationError  # noqa: PLC0415 - it has been imported

    if is_wanted and validator.is_type(items, "array") and len({_hashable(each) for each in items}) < len(items):
        yield ValidationError("an item is there twice")


def _hashable(value: Any) -> Any:
    """What is equal where values of JSON are: 1 and 1.0 are, true and 1 are not."""
    if isinstance(value, dict):
        return dict, frozenset((name, _hashable(each)) for name, each in value.items())
    if isinstance(value, list):
        return list, tuple(map(_hashable, value))
    return (bool, value) if isinstance(value, bool) else value


def _references(schema: Any) -> Iterator[str]:
    children = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list | tuple) else ()
    if isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
        yield schema["$ref"]
    for child in children:
        yield from _references(child)


def _leads_somewhere(reference: str, schema: Any) -> bool:
    """Whether a reference is a JSON pointer into the schema; others would be fetched, which the gateway does not."""
    document, _, pointer = reference.partition("#")
    for step in pointer.split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        schema = schema.get(name) if isinstance(schema, Mapping) else None
    return not document and pointer[:1] in ("", "/") and schema is not None
