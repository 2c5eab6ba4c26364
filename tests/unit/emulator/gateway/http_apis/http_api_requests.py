"""A request for an API, as the rules of HTTP APIs see it."""

from __future__ import annotations

from typing import Any

from emulator.gateway.http_apis.events import Asked
from emulator.gateway.http_apis.paths import Match, Paths
from streamer.topology.http_apis import HttpApi, HttpKind, HttpRoute

NOW_MS = 1583817383220
TRACE = "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e"
PEER = "205.255.255.176"


def api(*routes: HttpRoute, kind: HttpKind = HttpKind.HTTP, **said: Any) -> HttpApi:
    """An API with these routes, or one for everything."""
    return HttpApi(
        name="Web",
        kind=kind,
        api_id="r3pmxmplak",
        routes=routes or (HttpRoute(path="$default", function="answer"),),
        **said,
    )


def asked(
    of: HttpApi,
    target: str = "/",
    *,
    method: str = "GET",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> Asked:
    """A request that one of the API's routes takes."""
    raw_path, _, query = target.partition("?")
    paths = Paths(of)
    below = paths.below_stage(raw_path)
    match = None if below is None else paths.find(method, below)
    suffix = "lambda-url.us-east-2.on.aws" if of.kind is HttpKind.URL else "execute-api.us-east-2.amazonaws.com"
    return Asked(
        api=of,
        match=match or Match(HttpRoute(path="$default")),
        method=method,
        raw_path=raw_path,
        query=query,
        headers=headers,
        body=body,
        peer=PEER,
        request_id="JKJaXmPLvHcESHA=",
        uuid="77375676-xmpl-4b79-853a-f982474efe18",
        trace_root=TRACE,
        now_ms=NOW_MS,
        region="us-east-2",
        account_id="123456789012",
        domain_name=f"{of.api_id}.{suffix}",
        fields={name.lower(): value for name, value in headers},
    )
