"""CORS as HTTP APIs and function URLs answer it themselves. Pure. [DOC] apigw-docs:http-api-cors"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamer.topology.http_apis import Cors


Headers = tuple[tuple[str, str], ...]
_PREFIX = "access-control-"


def is_preflight(method: str, fields: Mapping[str, str]) -> bool:
    """Whether a browser asks what it may do."""
    return method == "OPTIONS" and "origin" in fields and "access-control-request-method" in fields


def preflight(cors: Cors, origin: str) -> Headers:
    """The headers that answer it; none for an origin that is not allowed."""
    allowed = _origin(cors, origin)
    if allowed is None:
        return ()
    found = [("access-control-allow-origin", allowed)]
    found += [("access-control-allow-methods", ",".join(cors.methods))] if cors.methods else []
    found += [("access-control-allow-headers", ",".join(cors.headers))] if cors.headers else []
    found += [] if cors.max_age_seconds is None else [("access-control-max-age", str(cors.max_age_seconds))]
    return (*found, *_credentials(cors))


def with_cors(cors: Cors, origin: str | None, headers: Iterable[tuple[str, str]]) -> Headers:
    """An answer's headers with those of CORS; what the function says of CORS is dropped. [DOC]"""
    own = tuple((name, value) for name, value in headers if not name.lower().startswith(_PREFIX))
    allowed = None if origin is None else _origin(cors, origin)
    if allowed is None:
        return own
    exposed = (("access-control-expose-headers", ",".join(cors.exposed)),) if cors.exposed else ()
    return (*own, ("access-control-allow-origin", allowed), *exposed, *_credentials(cors))


def _credentials(cors: Cors) -> Headers:
    return (("access-control-allow-credentials", "true"),) if cors.credentials else ()


def _origin(cors: Cors, origin: str) -> str | None:
    """What is allowed: everyone, or this origin. ``https://*`` stands for all with that scheme. [DOC]"""
    if "*" in cors.origins:
        return origin if cors.credentials else "*"
    schemes = [each.removesuffix("*") for each in cors.origins if each.endswith("://*")]
    is_allowed = origin.lower() in (each.lower() for each in cors.origins) or origin.startswith(tuple(schemes))
    return origin if is_allowed else None
