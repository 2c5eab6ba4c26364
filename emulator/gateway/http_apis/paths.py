"""Which route of an API a request takes. Pure.

[DOC] apigw-docs:http-api-develop-routes: a full match, then a greedy one, then ``$default``
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec import Struct, field

from streamer.topology.http_kinds import ANY, DEFAULT_PATH, HttpKind

if TYPE_CHECKING:
    from streamer.topology.http_apis import HttpApi, HttpRoute


class _Segment(enum.IntEnum):
    """Kinds of segments, the most specific first."""

    TEXT = 0
    VARIABLE = 1
    GREEDY = 2


class Match(Struct, frozen=True):
    """A route that takes a request."""

    route: HttpRoute
    parameters: Mapping[str, str] = field(default_factory=dict)
    """``pathParameters``."""


class Paths:
    """The routes of an API, the most specific first."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api
        self._is_rest = api.kind is HttpKind.REST
        self._routes = sorted(
            (route for route in api.routes if route.path != DEFAULT_PATH),
            key=lambda route: (*_rank(route.path), route.path if self._is_rest else "", route.method == ANY),
        )
        self._default = next((route for route in api.routes if route.path == DEFAULT_PATH), None)

    def below_stage(self, raw_path: str) -> str | None:
        """A path without the stage, still encoded; None: it is of no path of this stage."""
        base = self._api.base_path
        if not base:
            return raw_path or "/"
        if raw_path == base:
            return "/"
        below = raw_path.removeprefix(base) if raw_path.startswith(f"{base}/") else None
        return one_slash(below) if below and self._is_rest else below

    def find(self, method: str, path: str) -> Match | None:
        """The route for a method and a path below the stage; None: there is none.

        A REST API finds the resource first, then the method: another resource that would have it is not looked for,
        which is why its routes stand here by their paths. [INF] a method that a resource lacks is answered
        "Missing Authentication Token"
        """
        segments = _segments(path, is_rest=self._is_rest)
        resource: str | None = None
        for route in self._routes:
            if resource is not None and route.path != resource:
                break
            found = _matched(route.path, segments, is_decoded=not self._is_rest)
            if found is None:
                continue
            if route.method in (method, ANY):
                return Match(route, found)
            if self._is_rest:
                resource = route.path
        return None if self._default is None else Match(self._default)


def one_slash(raw_path: str) -> str:
    """A path as REST APIs read what stands before the stage, and behind it: of several slashes one counts.

    [REC] ls-snap test_lambda_aws_proxy_integration
    """
    return f"/{raw_path.lstrip('/')}"


def _rank(path: str) -> tuple[list[int], int]:
    return [_kind(segment) for segment in path.split("/")[1:]], -path.count("/")


def _kind(segment: str) -> _Segment:
    if not segment.startswith("{"):
        return _Segment.TEXT
    return _Segment.GREEDY if segment.endswith("+}") else _Segment.VARIABLE


def _segments(path: str, *, is_rest: bool) -> list[str]:
    # [INF] a REST API passes over a slash at the end (powertools' apiGatewayProxyEventPathTrailingSlash.json)
    trimmed = path.rstrip("/") if is_rest else path
    return (trimmed or "/").split("/")[1:]


def _matched(pattern: str, segments: list[str], *, is_decoded: bool) -> dict[str, str] | None:
    """The variables of a path; None: it does not match.

    They are decoded in HTTP APIs and not in REST APIs. [USR] aws-lambda-dotnet PR #1901, serverless #5037
    In HTTP APIs the last one may be empty. [USR] architect #981, and an event of /handler/{proxy+} for /handler/
    """
    parts = pattern.split("/")[1:]
    found: dict[str, str] = {}
    for at, part in enumerate(parts):
        kind = _kind(part)
        if kind is _Segment.GREEDY and at < len(segments):
            rest = "/".join(segments[at:])
            if not rest and not is_decoded:
                return None
            return {**found, part[1:-2]: _value(rest, is_decoded=is_decoded)}
        if at >= len(segments):
            return None
        if kind is _Segment.TEXT and unquote(segments[at]) != part:
            return None
        if kind is _Segment.VARIABLE:
            if not segments[at] and not (is_decoded and at == len(segments) - 1):
                return None
            found[part[1:-1]] = _value(segments[at], is_decoded=is_decoded)
    return found if len(parts) == len(segments) else None


def _value(text: str, *, is_decoded: bool) -> str:
    return unquote(text) if is_decoded else text
