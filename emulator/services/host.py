"""The services of AWS that are not embedded, as the port sees them: started when needed, asked for whoever may ask."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from msgspec import structs

from streamer.errors import ConfigurationError

from ..foundation import log
from ..foundation.place import iam_arn
from ..foundation.tasks import end
from ..functions.outcome import Functions
from ..functions.variables import Endpoints
from ..iam.caller import Caller
from ..iam.expiry import expired
from ..iam.guard import Guard
from ..iam.keys import Secrets
from ..iam.needs import Need
from ..port.elsewhere import operation_of, parameters_of
from ..port.http import HttpRequest, HttpResponse
from ..port.origin import is_of_this_machine
from ..port.signed import POOLS, scope_of
from .calls import Call, NotMadeError
from .cognito.operations import is_of_users
from .denials import denial, error, readable
from .needs import of_operation, of_scheduler
from .ours import OURS, OurServices
from .process import ServicesBusyError, ServicesLostError, ServicesProcess
from .reading import readable_request
from .routing import HOSTED, aws_url
from .s3.arguments import misused
from .s3.conditions import Uploads, given_of, how_signed
from .s3.deletions import deletions, is_deletion, with_refusals, without
from .s3.digests import mistaken
from .s3.links import is_form, link_of
from .s3.needs import of_absence, of_deletion, of_form, of_s3
from .sts import assuming
from .sts.identity import asks_identity, identity
from .sts.service import assumed
from .undoing import undone, with_defaults
from .wire import Frame

if TYPE_CHECKING:
    from .kinesis.service import KinesisStreams

_WAITS: Final = frozenset({"kms"})
"""Services for whose resources alone the process is not started: keys of templates mostly encrypt what nobody encrypts
here."""
_JSON: Final = "application/x-amz-json-1.1"
DESCRIBE_KEY: Final = "TrentService.DescribeKey"


class Services:
    """Starts its process at once if there is something to make, else at the first request. An async context manager."""

    def __init__(
        self,
        calls: Iterable[Call],
        *,
        later: Iterable[Call] = (),
        endpoints: Endpoints,
        guard: Guard,
        deliver: Callable[[Frame], None],
        functions: Functions,
        forgets: bool = False,
    ) -> None:
        """Start nothing yet.

        ``guard`` tells which function made a request; ``deliver`` takes what is to be delivered; some of ``functions``
        have a say in what is done.
        ``later`` is what is made as soon as the process runs, but does not start it.

        ``forgets``: to tell that what is kept here is not kept as tables are.
        """
        self._deliver = deliver
        self._forgets = forgets
        self._calls = tuple(calls)
        self._later = tuple(later)
        self._endpoints = endpoints
        self._guard = guard
        self._process = ServicesProcess(
            region=endpoints.region, account_id=endpoints.account_id, owner=endpoints.owner, deliver=self._delivered
        )
        self._secrets = Secrets(endpoints.owner, endpoints.keys)
        self._uploads = Uploads()
        self._ours = OurServices(endpoints, functions)
        self._made: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._store(self._calls)
        if any(_begins(each) for each in self._calls):
            self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._ours.close()
        if self._made is not None:
            await end([self._made])
        await self._process.close()

    @property
    def streams(self) -> KinesisStreams:
        """The streams of Kinesis."""
        return self._ours.streams

    def _delivered(self, frame: Frame) -> None:
        """Leave to others what is for no machine or stream of ours."""
        to, payload, group = (frame.head.get(name) for name in ("to", "payload", "group"))
        if not self._ours.take(str(to), str(payload), None if group is None else str(group)):
            self._deliver(frame)

    @property
    def pid(self) -> int | None:
        """Of the process; None: it is not running."""
        return self._process.pid

    def opens(self, request: HttpRequest, service: str) -> bool:
        """Whether a web page of another origin may make a request: with a link or a form that somebody signed for it.

        The key of the account's owner is in AWS's documentation, so that any page could sign with it; what it signed is
        for pages of this machine, and so are user pools, which users ask without a key.
        """
        if service == POOLS:
            return is_of_users(request) and is_of_this_machine(request.fields.get("origin", ""))
        link = link_of(request, self._secrets, datetime.now(UTC)) if service == "s3" else None
        if link is None:
            return False
        if link.flaw is not None:
            return True  # to be told what is wrong with it, which is all that is answered
        if not link.is_verified:
            return False
        return link.key != self._endpoints.owner.access_key_id or is_of_this_machine(request.fields.get("origin", ""))

    def has(self, service: str) -> bool:
        """Whether a service is one of the process."""
        return service in HOSTED

    async def ready(self) -> None:
        """Wait until everything that was described is made.

        Raises:
            ConfigurationError: a service refuses it, as AWS would.
        """
        if self._made is not None:
            await asyncio.shield(self._made)  # others wait for the same, and may give up

    @asynccontextmanager
    async def applied(self, calls: Iterable[Call], later: Iterable[Call] = ()) -> AsyncIterator[None]:
        """Make what is new in a description; after the block end what goes on by itself and is described no more.

        The rest stays. If the block raises ConfigurationError, what was described before stays in effect: nothing ends.

        Raises:
            ConfigurationError: a service refuses it.
        """
        described, described_later = tuple(calls), tuple(later)
        new = [each for each in described if each not in self._calls]
        new_later = [each for each in described_later if each not in self._later]
        before = self._calls, self._later
        self._store(new)
        self._calls, self._later = described, described_later
        new = [each for each in new if each.service not in OURS]
        try:
            if self._process.is_running:
                await self._make([*with_defaults(new, before[0]), *new_later])
            elif any(map(_begins, new)):
                self._begin()
                await self.ready()
            yield
        except ConfigurationError:
            self._calls, self._later = before
            raise
        await self._end(undone(before[0], described))

    async def _end(self, calls: Iterable[Call]) -> None:
        for each in calls:
            if (why := await self.remove(each)) is not None:
                log.warning("what is described no more goes on", resource=each.resource, why=why)

    async def perform(self, call: Call) -> None:
        """Have the process do something as the account's owner.

        Raises:
            ConfigurationError: the service refuses it, or the process is lost.
        """
        self._begin()
        await self.ready()
        await self._make([call])

    async def remove(self, call: Call) -> str | None:
        """Remove what was made; answers why it cannot be removed, if so. What is not there needs no removal."""
        if call.service in OURS:
            return self._ours.remove(call)
        if not self._process.is_running:
            return None
        try:
            refused, _ = await self._process.make([call])
        except ServicesLostError:
            return None  # and what it kept is lost, too
        return "; ".join(each for each in refused if "NoSuch" not in each and "NotFound" not in each) or None

    def stored(self) -> Mapping[str, str]:
        """Values of the parameter store, by name."""
        return self._ours.parameters()

    async def answer(self, request: HttpRequest, service: str) -> HttpResponse | None:
        """The answer to a request; None: the service does not know the operation."""
        try:
            return await self._answer(request, service)
        except (ConfigurationError, ServicesBusyError) as reason:
            return error(service, request, "ServiceUnavailable", str(reason), 503)

    async def _answer(self, request: HttpRequest, service: str) -> HttpResponse | None:
        read = readable_request(request, service)
        if isinstance(read, HttpResponse):
            return read
        request = read
        link = link_of(request, self._secrets, datetime.now(UTC)) if service == "s3" else None
        caller = self._guard.caller(request) if link is None else self._guard.caller_with(link.key)
        if service == "sts" and asks_identity(request):
            return self._identity(caller)
        if link is not None and link.flaw is not None:
            return readable(error(service, request, *link.flaw, 403), request)
        if link is not None and self._guard.is_over(caller, link.token):
            return readable(expired(request, service), request)
        url = aws_url(request, service, self._endpoints.region)
        if caller is None or request.method == "OPTIONS":
            return await self._done(request, service, url)
        if service == "s3" and is_deletion(request):
            return await self._delete(request, url, caller)
        return await self._held(request, service, url, caller)

    async def _held(self, request: HttpRequest, service: str, url: str, caller: Caller) -> HttpResponse | None:
        """The answer to a caller who is held to what its role allows."""
        if service == "sts" and operation_of(request) in assuming.FOR_USERS:
            return denial(service, request, f"Cannot call {operation_of(request)} with session credentials")
        refused = caller.service(self._needs(service, await self._by_key(request, service, url), url))
        if refused is not None:
            return denial(service, request, refused)
        answer = await self._done(request, service, url)
        return answer if service != "s3" or answer is None else self._of_objects(request, url, caller, answer)

    def _of_objects(self, request: HttpRequest, url: str, caller: Caller, answer: HttpResponse) -> HttpResponse:
        """The answer of S3, or a denial: that an object is not there only some are told."""
        if "uploads" in request.target.partition("?")[2]:
            self._uploads.note(request, answer.body)
        needed = of_absence(request.method, url) if answer.status == 404 else None
        refused = None if needed is None else caller.service(_signed(request, (needed,)))
        return answer if refused is None else denial("s3", request, refused)

    def _needs(self, service: str, request: HttpRequest, url: str) -> Iterable[Need]:
        if service == "s3":
            given = given_of(request)
            found = (
                of_form(url, given)
                if is_form(request)
                else of_s3(request.method, url, given, self._uploads.of(request))
            )
            return _signed(request, found)
        if service == "scheduler":
            return of_scheduler(request.method, url, parameters_of(request))
        return of_operation(service, operation_of(request), parameters_of(request))

    async def _delete(self, request: HttpRequest, url: str, caller: Caller) -> HttpResponse | None:
        """Delete those of the objects that a request lists which the caller may delete."""
        asked = deletions(request.body)
        needed = _signed(request, (of_deletion(url, each) for each in asked))
        judged = {
            at: (each, caller.service((need,))) for at, (each, need) in enumerate(zip(asked, needed, strict=True))
        }
        refused = {at: (each, why) for at, (each, why) in judged.items() if why is not None}
        if not refused:
            return await self._done(request, "s3", url)
        if len(refused) == len(asked):
            return with_refusals(None, refused.values())
        answer = await self._done(without(request, refused), "s3", url)
        return None if answer is None else with_refusals(answer, refused.values())

    async def _by_key(self, request: HttpRequest, service: str, url: str) -> HttpRequest:
        """The request with the ARN of a key in place of its alias: policies are about keys."""
        named = parameters_of(request)
        if service != "kms" or "alias/" not in str(named.get("KeyId", "")):
            return request
        head = {**self._head(request, service, url), "headers": {"x-amz-target": DESCRIBE_KEY, "content-type": _JSON}}
        frame = await self._asked(head, json.dumps({"KeyId": named["KeyId"]}).encode())
        if frame is None or frame.head["status"] != 200:
            return request
        arn = json.loads(frame.body)["KeyMetadata"]["Arn"]
        return structs.replace(request, body=json.dumps({**named, "KeyId": arn}).encode())

    async def _done(self, request: HttpRequest, service: str, url: str) -> HttpResponse | None:
        """The answer to a request that is allowed."""
        if service in OURS:
            return await self._ours.answer(request, service)
        given = assumed(request, self._guard) if service == "sts" else None
        return given or await self._of_process(request, service, url)

    async def _of_process(self, request: HttpRequest, service: str, url: str) -> HttpResponse | None:
        mistake = mistaken(request) or misused(request.method, url, given_of(request)) if service == "s3" else None
        if mistake is not None:
            return readable(error(service, request, *mistake, 400), request)
        head = self._head(request, service, url)
        # What it was doing when it was lost is lost with it, so asking again repeats nothing.
        frame = await self._asked(head, request.body) or await self._asked(head, request.body)
        if frame is None:
            return error(service, request, "ServiceUnavailable", "the process of the services ended", 503)
        return _response(frame, request, service)

    async def _asked(self, head: Mapping[str, Any], body: bytes) -> Frame | None:
        """The process's answer; None: it was lost meanwhile. Raises ConfigurationError and ServicesBusyError."""
        self._begin()
        await self.ready()
        try:
            return await self._process.ask(head, body)
        except ServicesLostError:
            return None

    def _head(self, request: HttpRequest, service: str, url: str) -> Mapping[str, Any]:
        scope = scope_of(request)
        left_out = ("host", "connection", *(() if service == "s3" else ("content-encoding",)))
        return {
            "service": service,
            "method": request.method,
            "url": url,
            "headers": {name: value for name, value in request.headers if name.lower() not in left_out},
            "caller": [request.peer, self._endpoints.owner.access_key_id if scope is None else scope.key],
        }

    def _store(self, calls: Iterable[Call]) -> None:
        for each in calls:
            if each.service in OURS:
                self._ours.make(each)

    def _identity(self, caller: Caller | None) -> HttpResponse:
        account = self._endpoints.account_id
        arn = iam_arn(self._endpoints.region, account, "root") if caller is None else caller.user_arn
        user_id = account if caller is None else caller.user_id
        return identity(arn, user_id, account, request_id=str(uuid.uuid4()))

    def _begin(self) -> None:
        """Start the process if it does not run, and let it make what is described."""
        if self._made is None or (self._made.done() and not self._process.is_running):
            self._made = asyncio.create_task(self._start())

    async def _start(self) -> None:
        await self._process.start()
        if self._forgets:
            self._forgets = False
            log.info("what S3 and other services keep is gone when the emulator ends; --state keeps tables only")
        await self._make((*self._calls, *self._later))

    async def _make(self, calls: Iterable[Call]) -> None:
        wanted = tuple(each for each in calls if each.service not in OURS)
        if not wanted:
            return
        try:
            refused, made = await self._process.make(wanted)
        except (ServicesBusyError, ServicesLostError) as lost:
            raise ConfigurationError(str(lost)) from lost
        if refused:
            raise NotMadeError("; ".join(refused), made)


def _begins(call: Call) -> bool:
    """Whether the process is started for a resource."""
    return call.service not in OURS | _WAITS


def _signed(request: HttpRequest, needs: Iterable[Need]) -> Iterable[Need]:
    """What a request to S3 needs, with how it is signed."""
    signed = how_signed(request, datetime.now(UTC))
    return (each._replace(about=(*each.about, *signed)) for each in needs)


def _response(frame: Frame, request: HttpRequest, service: str) -> HttpResponse | None:
    status = int(frame.head["status"])
    failure = frame.head.get("failure")
    if failure is not None:
        log.error("a service failed", service=service, method=request.method, path=request.raw_path, why=failure)
        return error(service, request, "InternalError", "We encountered an internal error. Please try again.", 500)
    if status == 501:
        return None
    return HttpResponse(status, frame.body, tuple((name, value) for name, value in frame.head["headers"]))
