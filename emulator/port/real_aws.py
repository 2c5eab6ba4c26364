"""Passes requests on to AWS itself, for the services that the user names, signed with the user's own credentials.

Functions never see those: they sign with the emulator's, and what they ask is signed anew here.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from streamer.errors import ConfigurationError

from ..foundation import log
from .elsewhere import OURS
from .http import HttpRequest, HttpResponse
from .signed import CREDENTIAL
from .streaming import CutOffError, Rest

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

VARIABLE: Final = "AWS_ENDPOINT_URL_"
SECONDS: Final = 60.0
"""How long AWS may take for one answer."""
WHOLE_BYTES: Final = 1024 * 1024
PART_BYTES: Final = 64 * 1024
_OWN: Final = frozenset({"authorization", "x-amz-date", "x-amz-security-token", "host", "connection", "content-length"})
"""Headers that the new signature and connection bring."""
_NOT_BACK: Final = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


class RealService(Struct, frozen=True, kw_only=True):
    """One service that the user named."""

    name: str
    """As the command line of AWS calls it."""
    variable: str
    """The environment variable with its address, which goes before that for all services."""
    host: str
    signing_name: str


def real_services(names: Iterable[str], region: str) -> tuple[RealService, ...]:
    """The services that a user named.

    Raises:
        ConfigurationError: there is no such service, it is one that is emulated, or the user's profile is not there.
    """
    wanted = tuple(names)
    if not wanted:
        return ()
    import botocore.session  # noqa: PLC0415 - a tenth of a second, for those who want it

    session = botocore.session.Session()
    return tuple(_service(session, name, region) for name in wanted)


def _service(session: Any, name: str, region: str) -> RealService:
    from botocore import UNSIGNED  # noqa: PLC0415 - as above
    from botocore.config import Config  # noqa: PLC0415 - as above
    from botocore.exceptions import BotoCoreError, UnknownServiceError  # noqa: PLC0415 - as above

    if name in OURS:
        raise ConfigurationError(f"--real {name}: it is emulated")
    plain = Config(signature_version=UNSIGNED, ignore_configured_endpoint_urls=True)
    try:
        found = session.create_client(name, region, config=plain).meta
    except UnknownServiceError as error:
        raise ConfigurationError(f"--real {name}: AWS has no such service; write it as in aws {name} help") from error
    except BotoCoreError as error:
        raise ConfigurationError(f"--real {name}: your AWS configuration cannot be used: {error}") from error
    variable = str(found.service_model.service_id).replace(" ", "_").replace("-", "_").upper()
    return RealService(
        name=name,
        variable=f"{VARIABLE}{variable}",
        host=urlsplit(found.endpoint_url).hostname or "",
        signing_name=str(found.service_model.signing_name),
    )


def endpoint_variables(services: Iterable[RealService]) -> dict[str, str]:
    """Where functions find these services: under AWS's names, which lead here."""
    return {each.variable: f"https://{each.host}" for each in services}


class RealAws:
    """An `elsewhere.Real`."""

    def __init__(self, services: tuple[RealService, ...], region: str) -> None:
        self._services = services
        self._region = region

    def wants(self, host: str) -> bool:
        """Whether a name is one of those services', or of a part of them such as a bucket."""
        return self._service(host) is not None

    async def forward(self, request: HttpRequest) -> HttpResponse:
        """AWS's own answer, or a 502 that says why there is none."""
        service = self._service(request.fields.get("host", ""))
        assert service is not None
        try:
            return await asyncio.to_thread(self._send, request, service)
        except Exception as error:  # noqa: BLE001 - whatever stands between us and AWS, the function is told
            text = f"{service.name} of AWS could not be asked: {error}"
            return HttpResponse.of_json(502, {"__type": "BadGatewayException", "message": text})

    def _service(self, host: str) -> RealService | None:
        name = host.partition(":")[0]
        return next((each for each in self._services if name == each.host or name.endswith(f".{each.host}")), None)

    def _send(self, request: HttpRequest, service: RealService) -> HttpResponse:
        import botocore.session  # noqa: PLC0415 - only for those who want it
        import urllib3  # noqa: PLC0415 - comes with it

        credentials = botocore.session.Session().get_credentials()
        signed = signed_request(request, service, credentials, self._region)
        answer = urllib3.request(
            request.method,
            f"https://{request.fields['host']}{request.target}",
            body=request.body or None,
            headers=signed,
            timeout=SECONDS,
            redirect=False,
            retries=False,
            decode_content=False,
            preload_content=False,
        )
        return passed_on(answer, is_whole=request.method == "HEAD")


def passed_on(answer: BaseHTTPResponse, *, is_whole: bool = False) -> HttpResponse:
    """AWS's answer for the function: as it comes, as a model's tokens do, but for one that is known to be short."""
    headers = tuple((name, value) for name, value in answer.headers.items() if name.lower() not in _NOT_BACK)
    length = answer.headers.get("content-length", "")
    if is_whole or (length.isdecimal() and int(length) <= WHOLE_BYTES):
        return HttpResponse(answer.status, answer.data, headers)
    return HttpResponse(answer.status, b"", headers, Rest(_parts(answer), functools.partial(_leave, answer)))


async def _parts(answer: BaseHTTPResponse) -> AsyncIterator[bytes]:
    parts = answer.stream(PART_BYTES, decode_content=False)
    try:
        while part := await asyncio.to_thread(next, parts, b""):
            yield part
    except Exception as error:
        log.warning(f"an answer of AWS broke off: {error}")
        raise CutOffError from error


def _leave(answer: BaseHTTPResponse) -> None:
    """Close it in a thread: another may be reading, for which closing waits."""
    asyncio.get_running_loop().run_in_executor(None, _hang_up, answer)


def _hang_up(answer: BaseHTTPResponse) -> None:
    with contextlib.suppress(AttributeError, RuntimeError, ValueError, OSError):  # it has ended, or urllib3 is older
        answer.shutdown()
    answer.close()


def signed_request(request: HttpRequest, service: RealService, credentials: Any, region: str) -> Mapping[str, str]:
    """The headers of a request, signed for AWS; one that was not signed stays so.

    Raises:
        ConfigurationError: it has to be signed, and there are no credentials.
    """
    headers = {name: value for name, value in request.headers if name.lower() not in _OWN}
    if CREDENTIAL.search(request.fields.get("authorization", "")) is None:
        return headers
    if credentials is None:
        raise ConfigurationError("there are no credentials of yours on this machine; see aws configure")
    from botocore.auth import S3SigV4Auth, SigV4Auth  # noqa: PLC0415 - only for those who want it
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - as above

    url = f"https://{request.fields['host']}{request.target}"
    made = AWSRequest(method=request.method, url=url, data=request.body, headers=headers)
    kind = S3SigV4Auth if service.signing_name == "s3" else SigV4Auth
    kind(credentials, service.signing_name, region).add_auth(made)
    return dict(made.headers.items())
