"""What a REST API asks of a request before anything answers it: parameters, and a body of its model. Pure.

[DOC] apigw-docs:api-gateway-method-request-validation, api-gateway-request-validation-set-up
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ...foundation.json_bytes import parsed_json
from ..rules.effects import HttpAnswer
from ..rules.validation import compiled
from .events import Asked
from .refusals import BAD_BODY, BAD_PARAMETERS, error

if TYPE_CHECKING:
    from streamer.topology.http_apis import HttpApi

_WHATEVER: Final = "$default"
"""The key of a model for bodies of any type. [DOC] api-gateway-request-validation-set-up"""


class Checks:
    """All of one API's, ready to use."""

    def __init__(self, api: HttpApi) -> None:
        """Read the models; raises TopologyError if one is no JSON schema."""
        self._models: dict[str, dict[str, Callable[[Any], bool]]] = {
            route.key: {name: compiled(route.key, schema) for name, schema in route.validation.models.items()}
            for route in api.routes
            if route.validation is not None
        }

    def refusal(self, asked: Asked) -> HttpAnswer | None:
        """Why a request is refused; None: it is as it has to be, or nobody asks."""
        validation = asked.match.route.validation
        if validation is None:
            return None
        # [REC] ls-snap test_api_gateway_request_validator: headers, then the path's, then the query's
        missing = [each.partition(".")[2] for each in sorted(validation.parameters) if not _value(each, asked)]
        if missing:
            text = f"Missing required request parameters: [{', '.join(missing)}]"
            return error(asked, 400, text, kind=BAD_PARAMETERS, details=text)
        models = self._models[asked.match.route.key]
        is_valid = models.get(asked.media_type) or models.get(_WHATEVER)
        # [DOC] a body of a type that no model is for is not looked at
        if is_valid is None or _is_json(asked.body, is_valid):
            return None
        return error(asked, 400, "Invalid request body", kind=BAD_BODY, details="Invalid request body")


def _value(parameter: str, asked: Asked) -> str:
    """The value of ``querystring.X``, ``header.X`` or ``path.X``; empty: it is not there, or blank."""
    where, _, name = parameter.partition(".")
    if where == "header":
        return asked.fields.get(name.lower(), "").strip()
    if where == "querystring":
        return "".join(asked.grouped_query.get(name, ())).strip()
    return asked.match.parameters.get(name, "").strip()


def _is_json(body: bytes, is_valid: Callable[[Any], bool]) -> bool:
    try:
        return is_valid(parsed_json(body))
    except ValueError:
        return False
