"""Which route a message takes. Pure. [DOC] apigw-docs:websocket-api-develop-routes"""

from __future__ import annotations

from collections.abc import Iterable

from streamer.topology import CONNECT, DEFAULT, DISCONNECT

from . import lenient_json
from .expressions import parse


class Selector:
    """A route selection expression together with the route keys it chooses from; parsed once, used per message.

    Raises:
        TopologyError: the expression is not one that AWS accepts.
    """

    __slots__ = ("_constant", "_default", "_expression", "_keys", "_name")

    def __init__(self, expression: str, route_keys: Iterable[str]) -> None:
        self._expression = parse(expression)
        self._constant = self._expression.constant
        # A message cannot reach $connect or $disconnect by naming them. [INF]
        self._keys = frozenset(route_keys) - {CONNECT, DISCONNECT}
        self._default = DEFAULT if DEFAULT in self._keys else None
        only = self._expression.parts[0] if len(self._expression.parts) == 1 else ""
        self._name = only[0] if isinstance(only, tuple) and len(only) == 1 and isinstance(only[0], str) else None

    def select(self, text: str) -> str | None:
        """The key of the route for this message; None: no route matches and there is no ``$default``.

        Not JSON, or JSON that is no object, goes to ``$default``. [DOC], [REC] chalice tests/aws/test_websockets.py
        """
        if self._constant is not None:
            return self._constant if self._constant in self._keys else self._default
        try:
            document = lenient_json.parse(text)
        except ValueError:
            return self._default
        if not isinstance(document, dict):
            return self._default
        value = document.get(self._name) if self._name is not None else None
        key = value if isinstance(value, str) else self._expression.evaluate(document)
        return key if key in self._keys else self._default
