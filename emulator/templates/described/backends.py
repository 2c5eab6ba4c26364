"""What answers routes of HTTP and REST APIs besides functions' proxies, as the topology describes it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from streamer.topology.http_apis import Backend, BackendResponse

from ...gateway.http_apis.actions import SUBTYPES
from ..errors import Path, Problem
from ..openapi import RESPONSE_HEADER, uncapitalized

OF_REST: Final = frozenset({"AWS", "HTTP", "HTTP_PROXY", "MOCK"})
_LAMBDA: Final = ":lambda:path/"

_MAPPED_HEADER: Final = re.compile(r"(?:append|overwrite|remove):header\.(.+)")
_RESERVED: Final = re.compile(
    r"(?:access-control-|apigw-|x-amz-|x-amzn-).*|authorization|connection|content-(?:encoding|length|location)"
    r"|forwarded|keep-alive|origin|proxy-authenticate|proxy-authorization|te|trailers|transfer-encoding|upgrade|via"
    r"|x-forwarded-(?:for|host|proto)",
    re.IGNORECASE,
)
"""Headers that parameters of HTTP APIs cannot change. [DOC] apigw-docs:http-api-parameter-mapping"""

Named = Callable[[Any, Path], str]
"""The function that an integration's address names."""


def of_rest(written: Mapping[str, Any], kind: str, named: Named, path: Path) -> Backend:
    """A method's integration, as CloudFormation or an OpenAPI document writes it; raises `Problem`."""
    given = uncapitalized(written)
    uri = str(given.get("uri") or "")
    if kind != "MOCK" and not uri:
        raise Problem(path, f"an integration of type {kind} needs an address")
    method = given.get("integrationHttpMethod") or given.get("httpMethod") or "POST"
    return Backend(
        kind=kind,
        uri=uri,
        function=named(uri, path) if kind == "AWS" and _LAMBDA in uri else None,
        method=str(method).upper(),
        templates={media_type(name): str(each) for name, each in (given.get("requestTemplates") or {}).items()},
        parameters=_texts(given.get("requestParameters")),
        passthrough=str(given.get("passthroughBehavior") or "WHEN_NO_MATCH").upper(),
        responses=_responses(given),
    )


def media_type(name: Any) -> str:
    """As bodies' types are compared: without parameters, in lower case."""
    return str(name).partition(";")[0].strip().lower()


def _responses(given: Mapping[str, Any]) -> tuple[BackendResponse, ...]:
    if isinstance(given.get("integrationResponses"), list):
        found = [(each.get("SelectionPattern"), each) for each in given["integrationResponses"]]
    else:
        found = [(None if name == "default" else name, each) for name, each in (given.get("responses") or {}).items()]
    return tuple(_response(pattern, each) for pattern, each in found)


def _response(pattern: Any, written: Mapping[str, Any]) -> BackendResponse:
    given = uncapitalized(written)
    headers = {
        name.removeprefix(RESPONSE_HEADER): each
        for name, each in _texts(given.get("responseParameters")).items()
        if name.startswith(RESPONSE_HEADER)
    }
    return BackendResponse(
        status=int(given.get("statusCode", 200)),
        pattern=None if pattern in (None, "") else str(pattern),
        templates=_texts(given.get("responseTemplates")),
        headers=headers,
    )


def of_http(written: Mapping[str, Any]) -> Backend | None:
    """An integration of an HTTP API; None: nothing here does that."""
    given = uncapitalized(written)
    kind = str(given.get("integrationType") or given.get("type") or "").upper()
    subtype = given.get("integrationSubtype")
    uri = str(given.get("integrationUri") or given.get("uri") or "")
    is_proxy = kind == "HTTP_PROXY" and not given.get("connectionId") and uri.startswith(("http://", "https://"))
    if not is_proxy and (kind != "AWS_PROXY" or subtype not in SUBTYPES):
        return None
    return Backend(
        kind=kind,
        uri=uri,
        method=str(given.get("integrationMethod") or given.get("httpMethod") or "ANY").upper(),
        subtype=None if subtype is None else str(subtype),
        parameters=_texts(given.get("requestParameters")),
    )


def refuse_reserved(parameters: Iterable[str], path: Path) -> None:
    """Refuse parameters of an HTTP API's request or answer that change what is API Gateway's; raises `Problem`."""
    for name in parameters:
        found = _MAPPED_HEADER.fullmatch(name)
        if found is not None and _RESERVED.fullmatch(found[1]) is not None:
            raise Problem(path, f"{name}: API Gateway lets no parameter change the header {found[1]}")


def answer_parameters(written: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What an HTTP API's integration changes in answers, by status, as CloudFormation or a document writes it."""
    given = uncapitalized(written).get("responseParameters") or {}
    found = {}
    for status, each in given.items():
        listed = each.get("ResponseParameters") if isinstance(each, dict) else None
        if isinstance(listed, list):
            found[str(status)] = {str(one.get("Destination")): str(one.get("Source")) for one in listed}
        elif isinstance(each, dict):
            found[str(status)] = _texts(each)
    return found


def _texts(written: Any) -> dict[str, str]:
    return {str(name): str(each) for name, each in (written or {}).items()}
