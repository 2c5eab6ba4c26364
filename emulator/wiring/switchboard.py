"""Which part of the emulator answers a request that came to one of its ports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from streamer.topology.http_kinds import HttpKind

from ..console.access import is_for_console
from ..dynamodb.endpoints.protocol import Database
from ..foundation.recording import Recording
from ..functions.service import LambdaService
from ..gateway.http_apis.service import HttpApis
from ..gateway.rules import management
from ..gateway.rules.signature import URL_SERVICE
from ..iam.expiry import expired
from ..iam.guard import Guard
from ..port.api_paths import addressed
from ..port.aws_names import is_aws
from ..port.elsewhere import Elsewhere, is_lambdas
from ..port.http import Answer, HttpRequest, HttpResponse
from ..port.origin import foreign_host, foreign_origin, foreign_page
from ..port.static import NO_SUCH_FILE, TOKEN_PATH, Pages
from .served_api import ServedApi

if TYPE_CHECKING:
    from ..console.service import Console
    from ..templates.control_plane.service import ControlPlane

LINKED: Final = "s3"
"""The service that pages show pictures of."""


class Switchboard(Struct, frozen=True, kw_only=True):
    """Made when every part is there, before anything is answered."""

    apis: Sequence[ServedApi]
    """The WebSocket APIs that there are now, the first port's first."""
    http_apis: HttpApis
    functions: LambdaService
    database: Database
    elsewhere: Elsewhere
    guard: Guard
    recording: Recording
    console: Console | None
    control: ControlPlane | None
    pages: Pages | None
    aws_domain: bool
    names: Collection[str]
    """Custom domains that lead here."""

    @property
    def ids(self) -> set[str]:
        """Ids of the APIs and function URLs that are found here, by name or by path."""
        return {*(each.api_id for each in self.apis), *self.http_apis.ids()}

    def upgrade(self, served: ServedApi, request: HttpRequest, transport: asyncio.Transport, rest: bytes) -> None:
        """Give a connection that asks for a WebSocket to the API that it names, else to the port's own."""
        api_id, own = addressed(request, self.ids)
        named = next((each for each in self.apis if each.api_id == api_id), None)
        if named is None:
            at = next((each for each in self.apis if each.is_at(request)), served)
            at.gateway.upgrade(request, transport, rest)
        else:
            named.gateway.upgrade(own, transport, rest)

    def answer(self, served: ServedApi, request: HttpRequest) -> Answer:
        """The answer to a request, at once or later."""
        if self.console is not None and is_for_console(request):
            return self.console.handle(request, served.address)
        recorder = self.recording.now
        if recorder is None:
            return self._aws(served, request)
        began_ns = time.time_ns()
        answer = self._aws(served, request)
        if not isinstance(answer, HttpResponse):
            return self.recording.later(request, answer, self.guard.function, began_ns)
        recorder.call(request, answer, self.guard.function(request), began_ns)
        return answer

    def _aws(self, served: ServedApi, request: HttpRequest) -> Answer:
        if (api := self.http_apis.named(request)) is not None:
            return self.http_apis.answer(api, request)
        if self.pages is not None and request.method == "POST" and request.raw_path == TOKEN_PATH:
            return self.pages.token_answer(request, served.address)
        target = self._management(served, request)
        is_control = target is None and self.control is not None and self.control.wants(request)
        service = self._elsewhere(served, request) if target is None and not is_control else None
        if target is None and service is None and not is_control and request.method == "GET":
            is_for_api = self.http_apis.has_any and foreign_origin(request, served.address) is not None
            if self.pages is not None and not is_for_api:
                return self.pages.file(request, served.address, lambda each: self._otherwise(served, each))
            return self._otherwise(served, request)
        # Pictures of S3 are for any page that has a link; who else is asked by GET, may do what it is asked.
        look = foreign_origin if service == LINKED else foreign_page
        refusal = look(request, served.address, self.names)
        if refusal is not None and (service is None or not self.elsewhere.opens(request, service)):
            # A page of any origin may ask an HTTP API, as on AWS, and nothing else.
            return self._otherwise(served, request) if self.http_apis.has_any else refusal
        if self.guard.is_expired(request):
            return expired(request, service)
        if is_control and self.control is not None:
            return self.control.answer(request)
        if service is not None:
            return self.elsewhere.answer(request, service)
        return self._embedded(served, request, target)

    def _embedded(self, served: ServedApi, request: HttpRequest, target: management.ManagementTarget | None) -> Answer:
        """The answer of ``@connections``, Lambda, DynamoDB or SQS, or of what a request is for that is for none."""
        caller = self.guard.caller(request)
        if target is not None:
            # A function may have the endpoint of another API of the service in its variables.
            owner = next((each for each in self.apis if each.has(target)), served)
            return owner.gateway.manage(request, target, caller)
        if self.functions.handles(request):
            return self.functions.handle(request, caller)
        return self.database.handle(request, caller) or self._otherwise(served, request)

    def _elsewhere(self, served: ServedApi, request: HttpRequest) -> str | None:
        """The service that a request is for, if it is not one of ours."""
        found = self.elsewhere.service(request)
        if found == URL_SERVICE and not is_lambdas(request):
            # What is signed for Lambda may be for a function URL that is found at the root.
            api = self.http_apis.at_root(request, stage=served.api.stage)
            return None if api is not None and api.kind is HttpKind.URL else found
        return found

    def _management(self, served: ServedApi, request: HttpRequest) -> management.ManagementTarget | None:
        """The connection that a request of the management API names; None: it is another request."""
        host = request.fields.get("host", "")
        if self.names:
            found = [management.at_domain(each.stage, host, request.raw_path) for each in self.apis]
            named = sorted((each for each in found if each is not None), key=lambda each: not each.stage)
            if named:
                return named[0]
        target = management.parse_path(request.raw_path)
        if target is None and self.control is not None:
            target = management.parse_path(addressed(request, self.ids)[1].raw_path)
        if target is None:
            means_ours = self.aws_domain and not is_aws(host)
            target = management.without_stage(request.raw_path, served.api.stage if means_ours else "")
        return target

    def _otherwise(self, served: ServedApi, request: HttpRequest) -> Answer:
        """For a request that is for none of AWS's own APIs: an HTTP API's answer, or why there is no WebSocket."""
        if self.control is not None:
            api_id, own = addressed(request, self.ids)
            if api_id is not None and own is not request:
                return foreign_host(request, served.address) or self._below(api_id, own)
        api = self.http_apis.at_root(request, stage=served.api.stage)
        if api is None:
            is_of_page = self.pages is not None and request.method == "GET"
            is_of_stage = f"{request.raw_path}/".startswith(f"{served.path}/")
            return NO_SUCH_FILE if is_of_page and not is_of_stage else served.gateway.refuse(request)
        # A name that was rebound to this machine would make a page's requests same-origin ones.
        return foreign_host(request, served.address) or self.http_apis.answer(api, request)

    def _below(self, api_id: str, request: HttpRequest) -> Answer:
        """For a request whose path names an API."""
        api = self.http_apis.named(request)
        if api is not None:
            return self.http_apis.answer(api, request)
        return next(each for each in self.apis if each.api_id == api_id).gateway.refuse(request)
