"""Paths of APIs that share a port: ``/ID/STAGE/...`` is what ``/STAGE/...`` is at the API's own name. Pure."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import structs

from .aws_names import api_id, api_names
from .http import HttpRequest


def addressed(request: HttpRequest, ids: Collection[str]) -> tuple[str | None, HttpRequest]:
    """The API that a request names, by its host or by the beginning of its path, and the request as that API gets it.

    None, and the request as it is: it names none of these.
    """
    host = request.fields.get("host", "")
    named = api_id(host)
    if named in ids:
        return named, request
    path, mark, query = request.target.partition("?")
    bare, _, rest = path.removeprefix("/").partition("/")
    if bare not in ids:
        return None, request
    port = host.rpartition(":")[2]
    own = api_names(bare, is_url=False) + (f":{port}" if port.isdecimal() else "")
    headers = tuple((name, own if name.lower() == "host" else value) for name, value in request.headers)
    return bare, structs.replace(
        request, target=f"/{rest}{mark}{query}", headers=headers, fields={**request.fields, "host": own}
    )
