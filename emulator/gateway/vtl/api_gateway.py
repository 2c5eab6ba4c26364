"""``$input`` and ``$util``, as mapping templates of API Gateway have them. Pure.

[DOC] apigw-docs:api-gateway-mapping-template-reference
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote_plus, unquote_plus

from ...foundation.json_bytes import parsed_json
from .jsonpath import find
from .methods import JsonList, shown
from .syntax import TemplateError

_ESCAPES: Final = {'"': '\\"', "'": "\\'", "\\": "\\\\", "/": "\\/", "\b": "\\b", "\n": "\\n", "\t": "\\t"}
_MORE_ESCAPES: Final = {"\f": "\\f", "\r": "\\r"}
_NOT_BASE64: Final = re.compile("[^A-Za-z0-9+/]")


class Input:
    """``$input``: a payload and the request's parameters."""

    def __init__(self, body: str, parameters: Mapping[str, Mapping[str, str]]) -> None:
        """``parameters`` are ``path``, ``querystring`` and ``header``."""
        # [REC] ls-snap test_input_body_formatting: an empty body is an object without members
        self._body = body or "{}"
        self._parameters = {name: dict(values) for name, values in parameters.items()}
        try:
            self._document = _of_json(parsed_json(body) if body.strip() else {})
        except ValueError:
            self._document = body

    def value(self, name: str) -> Any:
        """``$input.body``."""
        return self._body if name == "body" else None

    def method(self, name: str, arguments: list[Any]) -> Any:
        """``json``, ``path`` and ``params``."""
        if name == "params":
            return self._params(*arguments[:1])
        path = shown(arguments[0]) if arguments else "$"
        if name == "path":
            found = find(self._document, path)
            # [DOC] apigw-docs:integrating-api-with-aws-services-kinesis compares what is missing with an empty text
            return "" if found is None else JsonList(found) if type(found) is list else found
        if name == "json":
            found = find(self._document, path)
            # [INF] a path that leads nowhere gives an empty text, in quotes
            return '""' if found is None else json.dumps(found, separators=(",", ":"), ensure_ascii=False)
        raise KeyError(name)

    def _params(self, name: Any = None) -> Any:
        """All of them, or one: of the path, else the query, else the header [DOC]; empty where there is none [INF]."""
        if name is None:
            return self._parameters
        values = (self._parameters.get(kind, {}).get(shown(name)) for kind in ("path", "querystring", "header"))
        return next((each for each in values if each is not None), "")


class Util:
    """``$util``."""

    def value(self, name: str) -> Any:
        """It has no properties."""
        return None

    def method(self, name: str, arguments: list[Any]) -> Any:
        """Its functions, each of one text."""
        function = _FUNCTIONS[name]
        try:
            return function(arguments[0]) if arguments and arguments[0] is not None else None
        except (ValueError, RecursionError, TypeError, AttributeError) as error:
            raise TemplateError(f"$util.{name}(): {error}") from error


def _of_json(value: Any) -> Any:
    """A document whose lists are shown as JSON."""
    if isinstance(value, dict):
        return {name: _of_json(each) for name, each in value.items()}
    return JsonList(_of_json(each) for each in value) if isinstance(value, list) else value


def escape_javascript(text: str) -> str:
    """A text as it may stand between quotes of JavaScript."""
    pieces = []
    for sign in text:
        escaped = _ESCAPES.get(sign) or _MORE_ESCAPES.get(sign)
        if escaped is None and (sign < " " or sign > "~"):
            units = sign.encode("utf-16-be", "surrogatepass")
            escaped = "".join(f"\\u{units[at : at + 2].hex().upper()}" for at in range(0, len(units), 2))
        pieces.append(sign if escaped is None else escaped)
    return "".join(pieces)


def _decoded(text: str) -> str:
    """What base64 stands for.

    Other signs among it, such as the quotes that ``$input.json`` gives of a text, are passed over.
    [USR] WojciechMatuszewski/cdk-lambdaless-apigw-websockets
    """
    signs = _NOT_BASE64.sub("", text)
    whole = signs[:-1] if len(signs) % 4 == 1 else signs  # one sign alone has not the bits of a byte
    return base64.b64decode(f"{whole}==").decode("utf-8", "replace")


_FUNCTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "base64Decode": lambda value: _decoded(shown(value)),
    "base64Encode": lambda value: base64.b64encode(shown(value).encode("utf-8", "surrogatepass")).decode(),
    "escapeJavaScript": lambda value: escape_javascript(shown(value)),
    "parseJson": lambda value: json.loads(shown(value)),
    "urlDecode": lambda value: unquote_plus(shown(value)),
    "urlEncode": lambda value: quote_plus(shown(value), safe="*", errors="replace").replace("~", "%7E"),
}
