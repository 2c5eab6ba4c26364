"""The control plane at the emulator's port: which requests are for it, and their answers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final, Self

from streamer.topology import Topology

from ...foundation.notes import Notes
from ...port.http import HttpRequest, HttpResponse
from ...port.signed import scope_of, service_wanted
from . import nothing_there, query, reports
from .cloudformation import CloudFormation
from .engine import Engine
from .gateway_api import GatewayApi
from .lambda_api.functions import FunctionsApi, place_of
from .protocol import World
from .records import CREATED

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
        notes: Notes | None = None,
    ) -> None:
        """``address`` is the emulator's, host and port; ``ids`` are those of the APIs and function URLs that run.

        ``notes`` are for the next run, which has the stacks again.
        """
        self._world = world
        self._engine = engine = Engine(world, state_folder, provide, notes=notes)
        self._gateway = GatewayApi(engine, address)
        self._functions = FunctionsApi(engine, address)
        self._cloudformation = CloudFormation(
            engine, world, address=lambda text: reachable(text, ids(), address), notes=notes
        )

    async def __aenter__(self) -> Self:
        await self._cloudformation.take_up({CREATED})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._cloudformation.close()
        await self._engine.close()

    def wants(self, request: HttpRequest) -> bool:
        """Whether a request is for it."""
        service = service_wanted(request)
        if service in ("cloudformation", "apigateway"):
            return True
        if nothing_there.is_asked(service, request):
            return True
        return service in ("lambda", None) and place_of(request.raw_path) is not None

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request that it wants."""
        request_id = str(uuid.uuid4())
        service = service_wanted(request)
        if service == "cloudformation":
            return await self._query(request, request_id)
        if nothing_there.is_asked(service, request):
            return nothing_there.answer(service, request, request_id)
        path, body = request.raw_path, request.body
        try:
            self._refuse_region(request)
            if service == "apigateway":
                status, content = await self._gateway.answer(request.method, path, body, dict(request.query))
            else:
                status, content = await self._functions.answer(request.method, path, body, request.query)
        except query.ApiError as refused:
            error = (("x-amzn-ErrorType", refused.code), ("x-amzn-RequestId", request_id))
            told = {"message": str(refused), "Message": str(refused)}
            return HttpResponse.of_json(refused.status, told, *error)
        known = ("x-amzn-RequestId", request_id)
        return HttpResponse(status, b"", (known,)) if content is None else HttpResponse.of_json(status, content, known)

    async def _query(self, request: HttpRequest, request_id: str) -> HttpResponse:
        try:
            parameters = query.tree(request.form)
            operation = str(parameters.get("Action"))
            self._refuse_region(request)
            result = await self._cloudformation.perform(operation, parameters)
            if result is None:
                raise reports.unknown(operation)
        except query.ApiError as refused:
            return HttpResponse(refused.status, query.error(refused, request_id), _XML)
        return HttpResponse(200, query.answer(operation, result, request_id), _XML)

    def _refuse_region(self, request: HttpRequest) -> None:
        scope, region = scope_of(request), self._world.region
        if scope is not None and scope.region != region:
            text = f"this emulator is in {region}, not in {scope.region}; it is where AWS_REGION says when it starts"
            raise query.ApiError("ValidationError", text)


def reachable(text: str, ids: Collection[str], address: str) -> str:
    """What an output says, with AWS's addresses of APIs that are here replaced by those that lead here."""

    def local(match: re.Match[str]) -> str:
        if match["id"] not in ids:
            return match[0]
        scheme = {"wss": "ws://", "https": "http://", None: ""}[match["scheme"]]
        return f"{scheme}{address}/{match['id']}"

    return _ENDPOINT.sub(local, text)
