"""Requests for HTTP APIs, REST APIs and function URLs: authorized, answered by functions, by CORS or as they stand."""

from __future__ import annotations

import asyncio
import functools
import secrets
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, structs

from streamer.topology.http_kinds import DEFAULT_PATH, HttpKind

from ...foundation import log
from ...foundation.json_bytes import json_bytes
from ...foundation.notes import Notes
from ...functions.outcome import Invocable
from ...functions.streaming import ResponseStream
from ...functions.variables import Endpoints
from ...port.aws_names import api_id, api_names, domain_name, url_name
from ...port.http import HttpRequest, HttpResponse
from ..invocations import Invocations
from ..rules.effects import HttpAnswer, Invoke, NotInvoked, Replied, Result
from ..rules.ids import IdSource, api_key_id
from ..rules.mapping import is_only_given
from ..rules.signature import DENIED, SERVICE, URL_SERVICE, Flaw
from ..verifier import Verifier
from . import answers, cors, refusals, streams
from .checks import Checks
from .events import Asked, Event, authorizer_event, event_of
from .headers import MalformedError, own_headers
from .identity import (
    Allowed,
    Refused,
    Verdict,
    broken,
    identities,
    is_broken,
    is_valid_token,
    judge,
    judge_claims,
    untrusted,
)
from .kept_verdicts import KeptVerdicts
from .paths import Match, Paths, one_slash
from .usage import Usage

if TYPE_CHECKING:
    from streamer.topology.http_apis import FixedAnswer, HttpApi, HttpAuthorizer, HttpRoute

    from .tokens import Tokens

FINISH_SECONDS: Final = 1.0
"""How long functions may still answer when the emulator stops."""
AUTHORIZER_SECONDS: Final = {HttpKind.HTTP: 10.0, HttpKind.REST: 29.0}
"""How long authorizers may take. [DOC] apigw-docs:http-api-quotas, [INF] for REST APIs"""
PREFLIGHT_STATUS: Final = {HttpKind.HTTP: 204, HttpKind.URL: 200}
"""[INF] as browsers show them"""
UNSIGNED: Final = {
    HttpKind.HTTP: "Forbidden",
    HttpKind.URL: "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
}
"""What is said of any flaw of a signature; of function URLs [USR] ant-media/Ant-Media-Server #7827"""


class ReadApi(Struct, frozen=True):
    """An API whose paths and models have been read, so that nothing of it is wrong any more."""

    api: HttpApi
    paths: Paths
    checks: Checks


def read_apis(apis: Iterable[HttpApi]) -> tuple[ReadApi, ...]:
    """Read descriptions; raises TopologyError if one of them is wrong."""
    return tuple(ReadApi(api, Paths(api), Checks(api)) for api in apis)


class HttpApis:
    """All of a service's, with what authorizers said lately. Used from the event loop's thread."""

    def __init__(
        self,
        apis: Iterable[HttpApi],
        functions: Invocable,
        endpoints: Endpoints,
        *,
        verifier: Verifier,
        address: str,
        aws_domain: bool,
        notes: Notes | None = None,
    ) -> None:
        """``verifier`` knows who signs, and what functions may do; ``address`` is where the emulator listens.

        With ``aws_domain`` events name APIs as AWS's would.

        What functions did is kept with the ``notes`` before a client is answered.
        """
        self._endpoints = endpoints
        self._address = address
        self._aws_domain = aws_domain
        self._functions = functions
        self._invocations = Invocations(functions, notes)
        self._settle = (notes or Notes()).settle
        self._tokens: Tokens | None = None
        """Made when a route first asks for a token."""
        self._ids = IdSource(endpoints.region, secrets.randbits(64))
        self._verifier = verifier
        self._usage = Usage()
        self.change(read_apis(apis))

    def change(self, apis: Iterable[ReadApi]) -> None:
        """Go by other descriptions from the next request on; what authorizers said, or are about to, is forgotten."""
        self._apis = {each.api.api_id: each for each in apis}
        self._verdicts = KeptVerdicts()
        self._usage.change(each.api for each in self._apis.values())

    async def close(self) -> None:
        """Wait for functions that are about to answer."""
        await self._invocations.finish(timeout_seconds=FINISH_SECONDS)

    # whose a request is

    @property
    def has_any(self) -> bool:
        """Whether there are any."""
        return bool(self._apis)

    def ids(self) -> set[str]:
        """Their ids."""
        return set(self._apis)

    def urls(self) -> dict[str, str]:
        """Name of each to where it is found here: at the root, or where others are, too, under a name of its own."""
        found = {}
        for api in self._all():
            is_first = self._at_root(f"{api.base_path}/") is api
            host = self._address if is_first else f"{api_names(api.api_id, api.kind is HttpKind.URL)}:{self._port}"
            found[api.name] = f"http://{host}{api.base_path}" + ("/" if api.kind is HttpKind.URL else "")
        return found

    def named(self, request: HttpRequest) -> HttpApi | None:
        """The API whose host name a request has; None: it has another."""
        found = self._apis.get(api_id(request.fields.get("host", "")) or "")
        return None if found is None else found.api

    def at_root(self, request: HttpRequest, *, stage: str) -> HttpApi | None:
        """The API whose path a request has under the emulator's own address; None: it is of none.

        ``stage`` is the WebSocket API's, whose path is an HTTP API's only if it has a route for it.
        """
        found = self._at_root(request.raw_path)
        if found is None or request.raw_path.rstrip("/") != f"/{stage}":
            return found
        paths = self._apis[found.api_id].paths
        below = paths.below_stage(request.raw_path)
        return None if below is None or paths.find(request.method, below) is None else found

    def _at_root(self, raw_path: str) -> HttpApi | None:
        apis = self._all()
        by_stage = [each for each in apis if each.base_path and f"{raw_path}/".startswith(f"{each.base_path}/")]
        others = [each for each in apis if not each.base_path]
        # A function URL is asked for by its own name where there is an API.
        others.sort(key=lambda each: each.kind is HttpKind.URL)
        return next(iter((*by_stage, *others)), None)

    def _all(self) -> list[HttpApi]:
        return [each.api for each in self._apis.values()]

    @property
    def _port(self) -> str:
        return self._address.rpartition(":")[2]

    # answering

    async def answer(self, api: HttpApi, request: HttpRequest) -> HttpResponse:
        """What the API answers."""
        asked = self._asked(api, request)
        is_preflight = api.cors is not None and cors.is_preflight(asked.method, asked.fields)
        refusal = await self._preflight_refused(api, asked, request) if is_preflight else None
        if is_preflight and refusal is None and api.cors is not None:
            found = cors.preflight(api.cors, asked.fields["origin"])
            return HttpResponse(PREFLIGHT_STATUS[api.kind], b"", (*own_headers(asked), *found))
        answer = refusal or await self._answer(api, asked, request)
        if api.cors is not None:
            origin = request.fields.get("origin")
            answer = structs.replace(answer, headers=cors.with_cors(api.cors, origin, answer.headers))
        rest = answer.rest if isinstance(answer, streams.StreamedAnswer) else None
        return HttpResponse(answer.status, answer.body, answer.headers, rest)

    async def _preflight_refused(self, api: HttpApi, asked: Asked, request: HttpRequest) -> HttpAnswer | None:
        """Why a preflight is refused: the route that takes OPTIONS, such as ``ANY`` or ``$default``, has an authorizer.

        [DOC] apigw-docs:http-api-cors; [USR] sst #5493
        """
        verdict = await self._authorized(api, asked, request) if api.kind is HttpKind.HTTP else None
        if not isinstance(verdict, Refused):
            return None
        key = asked.match.route.key
        text = f"{verdict.status}: a preflight takes the route {key}, and browsers send no credentials with it"
        log.warning(f"{text}; add a route for OPTIONS without an authorizer", api=api.name, route=key)
        return refusals.refused(asked, verdict)

    def _asked(self, api: HttpApi, request: HttpRequest) -> Asked:
        paths = self._apis[api.api_id].paths
        raw_path = one_slash(request.raw_path) if api.kind is HttpKind.REST else request.raw_path or "/"
        below = paths.below_stage(raw_path)
        match = None if below is None else paths.find(request.method, below)
        now_ms = int(time.time() * 1000)
        endpoints = self._endpoints
        return Asked(
            api=api,
            match=match or Match(_nowhere()),
            method=request.method,
            raw_path=raw_path,
            query=request.target.partition("?")[2],
            headers=request.headers,
            body=request.body,
            peer=request.peer,
            request_id=self._ids.request_id(now_ms),
            uuid=self._ids.uuid(),
            trace_root=self._ids.trace_root(now_ms),
            now_ms=now_ms,
            region=endpoints.region,
            account_id=endpoints.account_id,
            domain_name=self._domain_name(api),
            fields=request.fields,
        )

    def _domain_name(self, api: HttpApi) -> str:
        if not self._aws_domain:
            return self._address
        name = url_name if api.kind is HttpKind.URL else domain_name
        return name(api.api_id, self._endpoints.region)

    async def _answer(self, api: HttpApi, asked: Asked, request: HttpRequest) -> HttpAnswer:
        if (refusal := self._not_taken(api, asked)) is not None:
            return refusal
        route = asked.match.route
        checks = self._apis[api.api_id].checks  # the API may be gone once its authorizer is done
        verdict = await self._authorized(api, asked, request)
        if isinstance(verdict, Refused):
            if verdict.reason:
                log.warning(f"{verdict.status}: {verdict.reason}", api=api.name, route=route.key)
            return refusals.refused(asked, verdict)
        if (refusal := checks.refusal(asked)) is not None:
            return refusal
        if route.fixed is not None:
            return self._fixed(asked, route.fixed)
        event = event_of(structs.replace(asked, signer=verdict.signer), verdict.context or None)
        if route.backend is not None:
            return _changed(asked, event, await self._backed(asked, route, event))
        assert route.function is not None  # a route has one of the three
        if (refusal := refusals.too_long(asked, event)) is not None:
            return refusal
        stream = ResponseStream() if route.streamed else None
        result = self._invoke(route.function, event, asked, route.timeout_seconds, route.key, stream=stream)
        if stream is None:
            answer, warning = answers.answered(asked, await result)
        else:
            answer, warning = await streams.answered(asked, stream, result, self._settle)
        if warning is not None:
            log.warning(warning, api=api.name, route=route.key, function=route.function)
        is_replied = stream is None and isinstance(result.result(), Replied)
        return _changed(asked, event, answer) if is_replied and warning is None else answer

    def _not_taken(self, api: HttpApi, asked: Asked) -> HttpAnswer | None:
        """Why a request is refused whoever makes it; None: it is not."""
        route = asked.match.route
        if route is _nowhere():
            log.info("no route", api=api.name, method=asked.method, path=asked.raw_path)
            return refusals.not_found(asked)
        if (refusal := refusals.too_large(asked)) is not None:
            return refusal
        is_admitted = self._usage.admits(api, route, time.monotonic())
        return None if is_admitted else refusals.error(asked, 429, "Too Many Requests")

    def _fixed(self, asked: Asked, fixed: FixedAnswer) -> HttpAnswer:
        # A fiftieth of a second of every start, for those whose methods have templates.
        from ..vtl.syntax import TemplateError  # noqa: PLC0415
        from .mock import mocked  # noqa: PLC0415

        try:
            return mocked(asked, fixed)
        except (TemplateError, MalformedError) as error:
            log.warning(f"the mapping template of a MOCK method is wrong: {error}", path=asked.match.route.path)
            return refusals.error(asked, 500, "Internal server error")

    async def _backed(self, asked: Asked, route: HttpRoute, event: Event) -> HttpAnswer:
        from .backends import backed  # noqa: PLC0415 - mapping templates, as above

        async def invoke(function: str, content: Any) -> Result:
            if route.backend is not None and is_only_given(route.backend.parameters, event):
                is_taken = self._functions.accept(function, json_bytes(content), str(uuid.uuid4()))
                return Replied(b"") if is_taken else NotInvoked("CallerRateLimitExceeded")
            return await self._invoke(function, content, asked, route.timeout_seconds, route.key)

        return await backed(asked, event, self._endpoints, invoke)

    def _invoke(
        self,
        function: str,
        event: Mapping[str, Any],
        asked: Asked,
        timeout_seconds: float,
        told: str,
        *,
        stream: ResponseStream | None = None,
    ) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def tell(result: Result) -> None:
            if not future.done():  # the client may have hung up
                future.set_result(result)

        invoke = Invoke(function, event, timeout_seconds, asked.request_id, told)
        run = None if stream is None else functools.partial(self._functions.invoke, stream=stream)
        self._invocations.start(invoke, tell, run=run)
        return future

    # who may

    async def _authorized(self, api: HttpApi, asked: Asked, request: HttpRequest) -> Verdict:
        route = asked.match.route
        verdict: Verdict = Allowed({})
        if route.iam:
            verdict = self._signed(asked, request)
        elif route.authorizer is not None:
            verdict = await self._asked_whether(api.authorizer(route.authorizer), asked)
        if isinstance(verdict, Allowed) and route.api_key_required:
            in_header = request.fields.get("x-api-key")
            key = verdict.usage_identifier_key if api.keys_from_authorizers else in_header
            if key not in api.api_keys:
                return Refused(403, "Forbidden", "ForbiddenException", "the client has no valid API key")
            over = self._usage.refusal(api, str(key), time.monotonic(), asked.now_ms)
            if over is not None:
                return over
            # [DOC] apigw-docs:api-gateway-mapping-template-reference, of $context.identity
            verdict = structs.replace(verdict, signer={**verdict.signer, "apiKey": key, "apiKeyId": api_key_id(key)})
        return verdict

    def _signed(self, asked: Asked, request: HttpRequest) -> Verdict:
        service = URL_SERVICE if asked.api.kind is HttpKind.URL else SERVICE
        flaw = self._verifier.flaw(request, service) or self._denied(asked, request)
        if flaw is not None:
            return Refused(403, UNSIGNED.get(asked.api.kind, flaw.message), flaw.error_type, flaw.reason)
        signer = self._verifier.signer(request, service)
        if asked.api.kind is HttpKind.REST or (asked.api.kind is HttpKind.HTTP and asked.match.route.payload == "1.0"):
            return Allowed({}, signer=signer)
        iam = {
            "accessKey": signer["accessKey"],
            "accountId": signer["accountId"],
            "callerId": signer["caller"],
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": signer["userArn"],
            "userId": signer["user"],
        }
        return Allowed({"iam": iam})

    def _denied(self, asked: Asked, request: HttpRequest) -> Flaw | None:
        """Why the function that asks may not do so; None: it may, or nobody's function asks."""
        caller = self._verifier.caller(request)
        if caller is None:
            return None
        if asked.api.kind is HttpKind.URL:
            denial = caller.url(str(asked.match.route.function))
        else:
            denial = caller.api(asked.arn.split(":", 5)[5])
        return None if denial is None else Flaw(DENIED, denial)

    async def _asked_whether(self, authorizer: HttpAuthorizer, asked: Asked) -> Verdict:
        values = identities(authorizer, asked)
        if values is None:
            text = f"no value for identity source {', '.join(authorizer.identity_sources)}"
            # [USR] what curl showed of an HTTP API without a token
            challenge = "Bearer" if authorizer.kind == "JWT" else None
            return Refused(401, "Unauthorized", "UnauthorizedException", text, challenge)
        if authorizer.kind in ("JWT", "COGNITO_USER_POOLS"):
            return await self._by_token(authorizer, asked, values)
        if authorizer.kind == "TOKEN" and not is_valid_token(authorizer, values[0]):
            return Refused(401, "Unauthorized", "UnauthorizedException", "the token is not of the form asked for")
        assert authorizer.function is not None
        began, verdicts, key = time.monotonic(), self._verdicts, _key(authorizer, asked, values)
        kept = verdicts.get(key, began)
        if kept is not None:
            return judge(authorizer, asked, kept, _milliseconds_since(began))
        event = _event(authorizer, asked, values)
        seconds = AUTHORIZER_SECONDS[asked.api.kind]
        result = await self._invoke(authorizer.function, event, asked, seconds, authorizer.name)
        if isinstance(result, NotInvoked):
            return broken(asked, result.reason)
        verdict = judge(authorizer, asked, result, _milliseconds_since(began))
        if isinstance(result, Replied) and not is_broken(verdict) and authorizer.ttl_seconds > 0 and values:
            verdicts.keep(key, result, began + authorizer.ttl_seconds)
        return verdict

    async def _by_token(self, authorizer: HttpAuthorizer, asked: Asked, values: list[str]) -> Verdict:
        from .tokens import TokenError, Tokens  # noqa: PLC0415 - cryptography, a tenth of every start

        if self._tokens is None:
            self._tokens = Tokens(f"http://{self._address}")
        try:
            claims = await self._tokens.claims(values[0] if values else "", authorizer.issuers)
        except TokenError as error:
            return untrusted(asked, f"the token is refused: {error}", error.told)
        return judge_claims(authorizer, asked, claims, time.time())


@functools.cache
def _nowhere() -> HttpRoute:
    from streamer.topology.http_apis import HttpRoute  # noqa: PLC0415 - for services that have such APIs

    return HttpRoute(path=DEFAULT_PATH)


def _changed(asked: Asked, event: Event, answer: HttpAnswer) -> HttpAnswer:
    """An HTTP API's answer with what its parameters change. [DOC] apigw-docs:http-api-parameter-mapping"""
    parameters = asked.match.route.answer_parameters.get(str(answer.status))
    if parameters is None:
        return answer
    from ..rules.mapping import MappingError  # noqa: PLC0415 - as the backends
    from .http_backends import answer_with  # noqa: PLC0415

    try:
        return answer_with(parameters, answer, event)
    except (MappingError, MalformedError) as error:
        log.warning(f"the parameters of an answer are wrong: {error}", route=asked.match.route.key)
        return refusals.error(asked, 500, "Internal Server Error")


def _milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _key(authorizer: HttpAuthorizer, asked: Asked, values: list[str]) -> tuple[str, ...]:
    return (asked.api.api_id, authorizer.name, *values)


def _event(authorizer: HttpAuthorizer, asked: Asked, values: list[str]) -> Mapping[str, Any]:
    if authorizer.kind == "TOKEN":
        return {"type": "TOKEN", "methodArn": asked.arn, "authorizationToken": values[0]}
    return authorizer_event(asked, authorizer.payload, values)
