"""The control plane at the emulator's port: which requests are for it, and their answers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qsl

from streamer.topology import Topology

from ...port.http import HttpRequest, HttpResponse
from ...port.signed import service_wanted
from . import query, reports
from .cloudformation import CloudFormation
from .engine import Engine, World

_XML: Final = (("content-type", "text/xml"),)
_ENDPOINT: Final = re.compile(
    r"(?:(?P<scheme>wss|https)://)?(?P<id>[a-z0-9]+)\.(?:execute-api|lambda-url)\.[a-z0-9.-]+?"
    r"\.(?:amazonaws\.com(?:\.cn)?|on\.aws)(?![\w.-])"
)


class ControlPlane:
    """What deployment tools ask. An async context manager, which owns what they began."""

    def __init__(
        self,
        world: World,
        state_folder: Path,
        provide: Callable[[Topology], Topology],
        *,
        address: str,
        ids: Callable[[], Collection[str]],
    ) -> None:
        """``address`` is the emulator's, host and port; ``ids`` are those of the APIs and function URLs that run."""
        engine = Engine(world, state_folder, provide)
        self._cloudformation = CloudFormation(engine, world, address=lambda text: reachable(text, ids(), address))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._cloudformation.close()

    def wants(self, request: HttpRequest) -> bool:
        """Whether a request is for it."""
        return service_wanted(request) == "cloudformation"

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request that it wants."""
        request_id = str(uuid.uuid4())
        operation = ""
        try:
            parameters = query.tree([*request.query, *parse_qsl(request.body.decode("utf-8", "replace"))])
            operation = str(parameters.get("Action"))
            result = await self._cloudformation.perform(operation, parameters)
            if result is None:
                raise reports.unknown(operation)
        except query.ApiError as refused:
            return HttpResponse(refused.status, query.error(refused, request_id), _XML)
        return HttpResponse(200, query.answer(operation, result, request_id), _XML)


def reachable(text: str, ids: Collection[str], address: str) -> str:
    """What an output says, with AWS's addresses of APIs that are here replaced by those that lead here."""

    def local(match: re.Match[str]) -> str:
        if match["id"] not in ids:
            return match[0]
        scheme = {"wss": "ws://", "https": "http://", None: ""}[match["scheme"]]
        return f"{scheme}{address}/{match['id']}"

    return _ENDPOINT.sub(local, text)
