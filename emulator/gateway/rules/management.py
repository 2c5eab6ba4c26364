"""The management API, ``@connections``: POST, GET and DELETE. Pure.

[DOC] apigw-docs:apigateway-how-to-call-websocket-api-connections, SDK model apigatewaymanagementapi-2018-11-29
"""

from __future__ import annotations

import functools
import json
import re
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

from ...foundation.json_bytes import json_text
from ...foundation.times import instant, iso_time
from . import http_answers as answers
from . import ids
from .assumptions import NonUtf8Post
from .connection import Connection
from .effects import Effect, HttpAnswer, Warn
from .signature import Flaw
from .stage import Stage

METHODS: Final = ("POST", "GET", "DELETE")
CONNECTIONS: Final = "/@connections/"
"""Stands between the address of a stage and the id of a connection."""
_PATH: Final = re.compile(r"/(?P<stage>[^/]+)//?@connections/(?P<id>[^/]+)/?")
"""SDKs double the slash of an endpoint that ends with one; samples of AWS have such. [USR] serverless-patterns"""


class ManagementTarget(Struct, frozen=True):
    """What a path of the management API names, decoded."""

    stage: str
    connection_id: str


class ManagementRequest(Struct, frozen=True, kw_only=True):
    """A request whose path `parse_path` took for one of the management API."""

    method: str
    target: ManagementTarget
    body: bytes = b""
    flaw: Flaw | None = None
    """What is wrong with its signature; None: nothing."""
    denial: str | None = None
    """Why the caller's role does not allow it, in AWS's words; None: it does."""
    is_buffer_full: bool = False
    """Whether the client reads so slowly that no more can be queued for it."""


class ManagementAnswer(Struct, frozen=True):
    """The HTTP answer, and what to do to the connection before it is sent."""

    response: HttpAnswer
    effects: tuple[Effect, ...] = ()
    warning: str | None = None
    """What the developer should hear of a refusal that says little."""


@functools.lru_cache(maxsize=1024)
def parse_path(raw_path: str) -> ManagementTarget | None:
    """The target of a path, raw or percent-encoded (SDKs send ``%40connections`` and ``%3D``); None: another path.

    Kept, since a connection is often sent several messages.
    """
    found = _PATH.fullmatch(unquote(raw_path))
    return None if found is None else ManagementTarget(found["stage"], found["id"])


def without_stage(raw_path: str, stage: str) -> ManagementTarget | None:
    """The target of a path that begins with ``/@connections``, as under a custom domain and in serverless-offline.

    None: it is another path. ``stage`` is taken for the one that it means; empty: none, so that it is forbidden.
    """
    found = parse_path(f"/stage{raw_path}") if unquote(raw_path).startswith(CONNECTIONS) else None
    return None if found is None else ManagementTarget(stage, found.connection_id)


def at_domain(stage: Stage, host: str, raw_path: str) -> ManagementTarget | None:
    """The target of a path at a custom domain of a stage, or at the mapping's path of ours; None: it is another path.

    ``@connections`` follows the path of the mapping, as it follows the stage elsewhere; a path with the stage leads
    nowhere below a domain. [USR] aws-lambda-dotnet #553, simple-websockets-chat-app #59
    """
    before, mark, rest = unquote(raw_path).partition(CONNECTIONS)
    found = parse_path(f"/{stage.api.stage}{CONNECTIONS}{rest}") if mark else None
    if found is None:
        return None
    way = stage.entrance(host, before)
    if way is not None:
        return None if way.domain is None else found
    return ManagementTarget("", found.connection_id) if stage.has_domain(host) else None  # no stage: forbidden


def handle(
    stage: Stage, request: ManagementRequest, connection: Connection | None, now: float, now_ms: int
) -> ManagementAnswer:
    """Answer one call; ``connection`` is the one with the target's id, None when there is none."""
    if request.target.stage != stage.api.stage:
        return ManagementAnswer(answers.error(stage.ids, now_ms, 403), warning=_lost(stage))
    refusal = _refuse(stage, request, now, now_ms)
    if refusal is not None:
        return ManagementAnswer(refusal)
    if connection is None or not connection.is_open:
        # [REC] 410 with an empty body, the error type in a header; during $connect too [DOC] re:Post.
        return ManagementAnswer(answers.answer(stage.ids, now_ms, 410, b"", "GoneException"))
    match request.method:
        case "GET":
            return ManagementAnswer(answers.answer(stage.ids, now_ms, 200, _description(connection, now, now_ms)))
        case "DELETE":
            return ManagementAnswer(answers.answer(stage.ids, now_ms, 204), tuple(connection.delete()))
        case _:
            return _post(stage, request, connection, now, now_ms)


def _lost(stage: Stage) -> str:
    where = f"/{stage.api.stage}{CONNECTIONS}, or at a custom domain below the path of its mapping"
    return f"an @connections call leads to no stage, and is forbidden: those of {stage.api.name} are at {where}"


def _refuse(stage: Stage, request: ManagementRequest, now: float, now_ms: int) -> HttpAnswer | None:
    if request.method not in METHODS:
        # [INF] as REST APIs answer an unknown method.
        return answers.error(stage.ids, now_ms, 403, *answers.MISSING_TOKEN)
    if request.flaw is not None:
        return answers.error(stage.ids, now_ms, 403, request.flaw.message, request.flaw.error_type)
    if request.denial is not None:
        # [USR] aws-solutions/innovation-sandbox-on-aws #59; "Message" has a capital. [REC] workshops of AWS
        body = json.dumps({"Message": request.denial}).encode()
        return answers.answer(stage.ids, now_ms, 403, body, "AccessDeniedException")
    if not stage.admits_management(now):
        return answers.error(stage.ids, now_ms, 429, None, "LimitExceededException")
    connection_id = request.target.connection_id
    if not ids.is_well_formed(connection_id):
        return answers.error(stage.ids, now_ms, 400, f"Invalid connectionId: {connection_id}")
    if request.method == "POST" and len(request.body) > stage.limits.message_bytes:
        return answers.error(stage.ids, now_ms, 413, "Message too long")
    return None


def _post(
    stage: Stage, request: ManagementRequest, connection: Connection, now: float, now_ms: int
) -> ManagementAnswer:
    if request.is_buffer_full:
        # [DOC] SDK model: LimitExceededException also stands for a client-side buffer that is full.
        return ManagementAnswer(answers.error(stage.ids, now_ms, 429, None, "LimitExceededException"))
    warnings: tuple[Effect, ...] = ()
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        if stage.assumptions.non_utf8_post is NonUtf8Post.REFUSE:
            return ManagementAnswer(answers.error(stage.ids, now_ms, 400, "Data must be UTF-8"))
        text = request.body.decode(errors="replace")
        fields = {"connection_id": connection.connection_id}
        warnings = (Warn("posted bytes that are not UTF-8; sent with replacement characters", fields),)
    return ManagementAnswer(answers.answer(stage.ids, now_ms, 200), (*connection.post(text, now), *warnings))


def _description(connection: Connection, now: float, now_ms: int) -> bytes:
    """What GET tells. [DOC] AWS CLI example of get-connection: times have milliseconds"""
    identity = {"sourceIp": connection.identity["sourceIp"]}
    if "userAgent" in connection.identity:
        identity["userAgent"] = connection.identity["userAgent"]
    last_active_ms = now_ms - round((now - connection.last_active) * 1000)
    document = {
        "connectedAt": iso_time(instant(connection.connected_at_ms / 1000)),
        "identity": identity,
        "lastActiveAt": iso_time(instant(max(last_active_ms, connection.connected_at_ms) / 1000)),
    }
    return json_text(document).encode()
