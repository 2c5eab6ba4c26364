"""Requests of botocore over connections of our own.

botocore offers each request, signed and ready, to whoever registered for ``before-send``, and sends it by urllib3 only
if nobody answers. Retries, checksums and the reading of answers stay botocore's. What urllib3 and http.client do around
a call of DynamoDB is two fifths of its CPU time (docs/performance.md), and each message to an App has such a call.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError, SSLError
from botocore.utils import get_environ_proxies

from streamer.sending.http_connection import BadAnswerError
from streamer.sending.transport import PooledExchange

_NOBODY_THERE: Final = (ConnectionRefusedError, socket.gaierror)


class SdkRequests:
    """A handler of ``before-send``. Safe to share between threads."""

    def __init__(self, exchange: PooledExchange, *, timeout_seconds: float) -> None:
        """Without I/O; ``timeout_seconds`` is for each step: to connect, to send, and to wait for the next bytes."""
        self._exchange = exchange
        self._timeout_seconds = timeout_seconds

    def register(self, client: Any) -> None:
        """Send what a client asks for, unless a proxy stands between it and its service, as botocore reads it."""
        if not get_environ_proxies(client.meta.endpoint_url):
            client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", self)

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """The answer to a request; its body is bytes, as those of JSON are.

        Raises:
            botocore.exceptions.HTTPClientError: there is none; botocore tries again, as after an error of urllib3.
            ConfigurationError: that is no URL to send requests to, or the certificates to trust cannot be read.
        """
        url = request.url
        headers = {"Host": url.partition("://")[2].partition("/")[0]}
        for name, value in request.headers.items():
            if name.lower() not in ("host", "content-length"):
                headers[name] = value.decode("latin-1") if isinstance(value, bytes) else value
        try:
            said = self._exchange.answer(request.method, url, request.body or b"", headers, self._timeout_seconds)
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


class _Body:
    """A body that is here, where botocore looks for one that has to be read."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        """The whole of it, once."""
        yield self._body
