"""Requests of botocore over connections of our own, with signatures of our own, and what good answers to them say.

botocore asks whoever registered for ``choose-signer`` how to sign a request, and leaves it as it is where the answer is
`botocore.UNSIGNED`. It offers each request to whoever registered for ``before-send``, and sends it by urllib3 only if
nobody answers. Before it reads an answer it asks whoever registered for ``before-parse`` what to add to what it finds.
Retries, checksums and errors stay botocore's. What urllib3 and http.client do around a call of DynamoDB is two fifths
of its CPU time, botocore's signature a fifth of the rest, and its reading of an item of ten attributes another fifth
(docs/performance.md); connecting has one such call, disconnecting two.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import botocore
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError, SSLError
from botocore.utils import get_environ_proxies

from streamer.sending.http_connection import BadAnswerError
from streamer.sending.signer import TIMESTAMP, CurrentSigner
from streamer.sending.transport import PooledExchange

_NOBODY_THERE: Final = (ConnectionRefusedError, socket.gaierror)


class SdkRequests:
    """Signs and sends what clients of DynamoDB ask for. Safe to share between threads.

    Binary attributes are answered in base64, as they come; botocore would decode them, and nothing of ours has any.
    """

    def __init__(
        self,
        exchange: PooledExchange,
        *,
        credentials: Any = None,
        timeout_seconds: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Without I/O.

        Args:
            exchange: The transport.
            credentials: botocore's, as its session gives them. None: botocore signs, or says that there are none.
            timeout_seconds: How long each step may take: to connect, to send, and to wait for the next bytes.
            now: Unix seconds, which requests are signed with.
        """
        self._exchange = exchange
        self._credentials = credentials
        self._timeout_seconds = timeout_seconds
        self._now = now

    def register(self, client: Any) -> None:
        """Send what a client asks for, unless a proxy stands between it and its service, as botocore reads it."""
        if get_environ_proxies(client.meta.endpoint_url):
            return
        service, region = client.meta.service_model, client.meta.region_name
        name = service.service_id.hyphenize()
        client.meta.events.register(f"before-parse.{name}", _read)
        if self._credentials is None:
            client.meta.events.register(f"before-send.{name}", self._send)
            return
        signer = CurrentSigner(self._credentials, service.signing_name, region)

        def choose(signing_name: str, region_name: str, **_: Any) -> Any:
            """Leave to botocore what is to be signed otherwise, such as for another Region."""
            return botocore.UNSIGNED if (signing_name, region_name) == (service.signing_name, region) else None

        def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
            return self._send(request, signer)

        client.meta.events.register(f"choose-signer.{name}", choose)
        client.meta.events.register(f"before-send.{name}", send)

    def _send(self, request: AWSPreparedRequest, signer: CurrentSigner | None = None, **_: Any) -> AWSResponse:
        """The answer to a request; its body is bytes, as those of JSON are.

        Raises:
            botocore.exceptions.HTTPClientError: there is none; botocore tries again, as after an error of urllib3.
            ConfigurationError: that is no URL to send requests to, or the certificates to trust cannot be read.
        """
        url, body = request.url, request.body or b""
        headers = {"host": url.partition("://")[2].partition("/")[0]}
        of_attempt: dict[str, str] = {}
        for spelled, value in request.headers.items():
            name = spelled.lower()
            if name not in ("host", "content-length"):
                to = of_attempt if name.startswith("amz-sdk-") else headers
                to[name] = value.decode("latin-1") if isinstance(value, bytes) else value
        if signer is not None and "authorization" not in headers:
            timestamp = time.strftime(TIMESTAMP, time.gmtime(self._now()))
            headers = signer.sign(request.method, url, body, headers, timestamp=timestamp)
        headers |= of_attempt  # botocore signs none of these
        try:
            said = self._exchange.answer(request.method, url, body, headers, self._timeout_seconds)
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=url, error=error) from error
        except _NOBODY_THERE as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        except (ConnectionError, BadAnswerError) as error:
            raise ConnectionClosedError(endpoint_url=url, request=request, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        return AWSResponse(url, said.status, said.headers, _Body(said.body))


def _read(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take what a good answer says as it is: in DynamoDB's protocol botocore would copy each value, shape by shape."""
    if response_dict["status_code"] >= 300:
        return
    try:
        said = json.loads(response_dict["body"])
    except ValueError:
        return
    if isinstance(said, dict):
        customized_response_dict.update({name: value for name, value in said.items() if value is not None})
        response_dict["body"] = b""


class _Body:
    """A body that is here, where botocore looks for one that has to be read."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        """The whole of it, once."""
        yield self._body
