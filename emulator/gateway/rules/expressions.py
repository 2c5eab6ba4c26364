r"""Selection expressions over a message: ``$request.body.x.y``, ``${request.body.a}/${...}``, constants. Pure.

[DOC] apigw-docs:apigateway-websocket-api-selection-expressions
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from msgspec import Struct

from streamer.errors import TopologyError

_TOKEN: Final = re.compile(
    r"\\(?P<escaped>\$)"
    r"|\$\{(?P<braced>[^{}]*)\}"
    r"|\$(?P<plain>(?:request|context|stageVariables)\.(?:[A-Za-z0-9_.*\-]|\[[^\[\]{}]*\])+)"
    r"|(?P<other>\$|\\|[^$\\]+)"
)
_STEP: Final = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d{1,6})\]")
_BODY: Final = "request.body"

Path = tuple[str | int, ...]


class JsonPath(Struct, frozen=True):
    """A path of more than names and indexes: ``$['name']``, ``$.items[*].id``, ``$..id``."""

    text: str


class Expression(Struct, frozen=True):
    """A parsed expression: constants and paths into the message's body, joined."""

    parts: tuple[str | Path | JsonPath, ...]

    @property
    def constant(self) -> str | None:
        r"""The value of an expression without variables, such as ``\$default``; None: it depends on the message."""
        texts = [part for part in self.parts if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(self.parts) else None

    def evaluate(self, document: Any) -> str:
        """The expression's value for a parsed body; a path that is missing gives "". The result is not evaluated."""
        try:
            parts = [part if isinstance(part, str) else stringified(value_at(part, document)) for part in self.parts]
            return "".join(parts)
        except RecursionError:  # the parser reads what is nested deeper than can be told; nothing has such a name
            return ""


def parse(text: str) -> Expression:
    """Parse an expression once, when the API is set up.

    Raises:
        TopologyError: it uses a variable that is not of the message's body, or is empty.
    """
    parts: list[str | Path | JsonPath] = []
    for token in _TOKEN.finditer(text):
        variable = token["braced"] if token["braced"] is not None else token["plain"]
        if variable is not None:
            parts.append(_path(text, variable))
        elif token["escaped"] is not None:
            parts.append("$")
        else:
            parts.append(token["other"])
    if not parts:
        raise TopologyError("a selection expression must not be empty; the default is $request.body.action")
    return Expression(tuple(_joined(parts)))


def _joined(parts: list[str | Path | JsonPath]) -> list[str | Path | JsonPath]:
    joined: list[str | Path | JsonPath] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _path(expression: str, variable: str) -> Path | JsonPath:
    rest = variable.removeprefix(_BODY)
    if rest == variable or rest[:1] not in (".", "["):
        # [DOC] header, query and context variables are for other expressions than the route's.
        raise TopologyError(
            f"selection expression {expression!r}: {variable!r} is not of the form request.body.name; "
            "write \\$ for a dollar sign"
        )
    try:
        return path_of(rest)
    except ValueError as error:
        raise TopologyError(f"selection expression {expression!r}: {error}") from error


def path_of(text: str) -> Path | JsonPath:
    """A path into a body, as it follows ``$``: any JSONPath. [DOC] apigw-docs:websocket-api-develop-routes

    Raises:
        ValueError: it is none, or has a filter.
    """
    steps = list(_STEP.finditer(text))
    if "".join(step[0] for step in steps) == text and "*" not in text:
        return tuple(int(step["index"]) if step["name"] is None else step["name"] for step in steps)
    path = JsonPath(f"${text}")
    value_at(path, None)
    return path


def value_at(path: Path | JsonPath, document: Any) -> Any:
    """What a path leads to; None when it is missing (or null, which AWS does not tell apart from it [INF])."""
    if isinstance(path, JsonPath):
        from ..vtl.jsonpath import find  # noqa: PLC0415 - few expressions have such a path

        return find(document, path.text)
    for step in path:
        if isinstance(step, str) and isinstance(document, dict):
            document = document.get(step)
        elif isinstance(step, int) and isinstance(document, list) and step < len(document):
            document = document[step]
        else:
            return None
    return document


def stringified(value: Any) -> str:
    """A value as text: ``1``, ``true``, ``[item1, item2]``; None becomes "". [DOC] selection-expressions"""
    match value:
        case str():
            return value
        case None:
            return ""
        case list():
            return f"[{', '.join(stringified(item) for item in value)}]"
        case _:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
