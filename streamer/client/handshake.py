"""Opens a WebSocket connection to a service, and says in one line why it cannot."""

from __future__ import annotations

import asyncio
import inspect
import logging
import socket
import ssl as ssl_module
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI

from streamer.aws_limits import LOOPBACK
from streamer.client.errors import CannotConnectError

Token = str | Callable[[], str | Awaitable[str]] | None
"""A JWT, a function (plain or ``async``) that gives a fresh one for each connection, or None."""

FRAMES: Final = logging.getLogger("streamer.client.frames")
"""Given to ``websockets``, whose level DEBUG tells headers, the token among them, and what messages begin with."""
FRAMES.setLevel(logging.WARNING)

_OF_AN_UNKNOWN_AUTHORITY: Final = (18, 19, 20, 21)
"""OpenSSL's ``X509_V_ERR`` numbers for certificates with which all is well but that nobody we trust has signed them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What it takes to connect."""

    url: str
    token: Token = field(default=None, repr=False)
    timeout_seconds: float
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ssl: ssl_module.SSLContext | None = None
    sign: Callable[[str], Mapping[str, str]] | None = field(default=None, repr=False)

    @property
    def may_be_allowed_later(self) -> bool:
        """Whether a refused token can be replaced by another."""
        return callable(self.token)

    async def open(self) -> ClientConnection:
        """Connect.

        Raises:
            CannotConnectError: nobody answers, the service refuses, or there is no token to be had.
        """
        try:
            return await connect(
                self.url,
                additional_headers=await self._headers(),
                open_timeout=self.timeout_seconds,
                # API Gateway negotiates none. FIDELITY A42
                compression=None,
                logger=FRAMES,
                **self._options(),
            )
        except InvalidURI as error:
            raise self._cannot(f"this is no WebSocket URL: {error.msg}") from error
        except InvalidStatus as error:
            status = error.response.status_code
            why = "; the emulator's output says why" if self._is_local else ""
            raise self._cannot(f"{_refusal(status)}{why}", status) from error
        except TimeoutError as error:
            raise self._cannot(f"no answer within {self.timeout_seconds:g} s") from error
        except InvalidProxy as error:
            raise self._cannot(f"the proxy of the environment is none: {error.msg}") from error
        except (OSError, ValueError, InvalidHandshake, ImportError) as error:
            # ImportError: a SOCKS proxy, for which websockets needs python-socks, as it says.
            raise self._cannot(self._reason(error)) from error

    async def _headers(self) -> dict[str, str]:
        token = self.token
        if callable(token):
            try:
                made = token()
                token = await made if inspect.isawaitable(made) else made
            except (Exception, SystemExit, asyncio.CancelledError) as error:
                task = asyncio.current_task()
                if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                    raise  # nobody waits for it any more; else what it waited for was cancelled
                # Its text may hold a secret; it is the cause of what is raised.
                raise self._cannot(f"the token function raised {type(error).__name__}") from error
        if token is not None and not isinstance(token, str):
            raise self._cannot(f"the token is {type(token).__name__}, no text")
        if token is not None and any(character < " " or character == "\x7f" for character in token):
            raise self._cannot("the token has a line break or another control character in it")
        if token is not None and not _fits_header(token):
            raise self._cannot("the token has a character that no header takes")
        try:
            signed = {} if self.sign is None else dict(self.sign(self.url))
        except (Exception, SystemExit) as error:
            raise self._cannot(f"the function that signs raised {type(error).__name__}") from error
        for name, value in self.headers.items():
            if not _fits_header(value):  # not its value, which may be a secret
                raise self._cannot(f"the header {name} has a character that no header takes")
        return {**self.headers, **({"Authorization": f"Bearer {token}"} if token else {}), **signed}

    @property
    def _is_local(self) -> bool:
        return urlsplit(self.url).hostname in LOOPBACK

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"proxy": None} if self._is_local else {}
        return options | ({"ssl": self.ssl} if self.ssl is not None else {})

    def _reason(self, error: Exception) -> str:
        if isinstance(error, ConnectionResetError):
            return "the other side hung up" + ("; does it speak TLS?" if self.url.startswith("wss:") else "")
        return _reason(error)

    def _cannot(self, reason: str, status: int | None = None) -> CannotConnectError:
        return CannotConnectError(self.url.partition("?")[0], reason, status=status)


def _fits_header(text: str) -> bool:
    """Whether a header can hold a text. [DOC] RFC 9110, 5.5: visible characters of ISO-8859-1, blanks and tabs."""
    return all(character == "\t" or (" " <= character <= "\xff" and character != "\x7f") for character in text)


def _refusal(status: int) -> str:
    match status:
        case 401:
            return "HTTP 401: the token is missing, expired or wrong"
        case 403:
            return "HTTP 403: forbidden; check the tenant, and the stage in the URL"
        case 429:
            return "HTTP 429: too many connections at once; try again"
        case _:
            return f"HTTP {status}"


def _reason(error: Exception) -> str:
    match error:
        case ConnectionRefusedError():
            return "nobody listens there; is the emulator running?"
        case ssl_module.SSLCertVerificationError():
            return _distrust(error)
        case ssl_module.SSLError(reason="WRONG_VERSION_NUMBER"):
            return "what answers there does not speak TLS; try ws:// instead of wss://"
        case ssl_module.SSLError(reason=str(reason)):
            return f"TLS failed: {reason.replace('_', ' ').lower()}"
        case socket.gaierror(strerror=str(reason)):
            return f"the host's name cannot be resolved: {reason}"
    return str(error) or type(error).__name__


def _distrust(error: ssl_module.SSLCertVerificationError) -> str:
    # Its text says "certificate verify failed" and a line of OpenSSL's source.
    why = error.verify_message.rstrip(".")
    if error.verify_code not in _OF_AN_UNKNOWN_AUTHORITY:
        return f"its certificate is not valid: {why}"
    known = ssl_module.get_default_verify_paths()
    if known.cafile is None and known.capath is None:
        return (
            "its certificate is not trusted: this Python knows no authority; set SSL_CERT_FILE to a file of them, "
            "or with python.org's Python on macOS run its 'Install Certificates.command'"
        )
    return (
        f"its certificate is not trusted ({why}); set SSL_CERT_FILE to its authority's, "
        "of an emulator .streamer/tls-ca.pem in the folder where it runs"
    )
