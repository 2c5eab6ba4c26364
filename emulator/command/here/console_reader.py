"""Reads the console of the emulator that runs in a project, over HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit

from streamer.errors import ConfigurationError

from ...console.access import API
from ...console.token import kept_token
from .identity import is_here
from .project import Here

ANSWER_SECONDS: Final = 60.0
WAIT_SECONDS: Final = 20
"""How long one question for something new waits at the emulator."""

Told = dict[str, Any]


class GoneError(Exception):
    """The emulator does not answer any more."""


def found(here: Here) -> tuple[str, str]:
    """URL and token of the console of the emulator that runs in a project.

    Raises:
        ConfigurationError: none runs there, or it has no console.
    """
    if here.ready is None:
        raise ConfigurationError(f"no emulator runs in {here.folder} or above; start `streamer emulate`")
    if not is_here(here.ready.url, ("127.0.0.1", "localhost", "::1")):
        raise ConfigurationError("the emulator listens on another address than this machine's own")
    token = kept_token(here.state_folder)
    if token is None:
        raise ConfigurationError(f"the emulator of {here.folder} has no console: start it without --no-console")
    return here.ready.url, token


class Reader:
    """Asks the console's API, over one connection that ends with its ``with`` block."""

    def __init__(self, url: str, token: str) -> None:
        """``url`` is the emulator's, without a path."""
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
        self._token = token

    @classmethod
    def of(cls, here: Here) -> Reader:
        """The console of the emulator that runs in a project; raises ConfigurationError as `found`."""
        return cls(*found(here))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str, **query: Any) -> Told:
        """What is answered to a GET.

        Raises:
            ConfigurationError: it is refused.
            GoneError: nothing answers.
        """
        said = urlencode({name: value for name, value in query.items() if value not in (None, "", False)})
        return self._ask("GET", f"{API}{quote(path, safe='/')}" + (f"?{said}" if said else ""))

    def _ask(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> Told:
        try:
            self._connection.request(
                method, target, headers={"authorization": f"Bearer {self._token}", **(headers or {})}
            )
            answer = self._connection.getresponse()
            body = answer.read()
            told: Told = json.loads(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise GoneError(f"the emulator does not answer: {str(error) or type(error).__name__}") from error
        if answer.status == 403:
            raise ConfigurationError("the emulator of this folder has no console: start it without --no-console")
        if answer.status >= 400:
            raise ConfigurationError(str(told.get("message", f"HTTP {answer.status}")))
        return told

    def events(self, *, follow: bool, limit: int, missed: Callable[[int], None], **wanted: Any) -> Iterator[Told]:
        """Records, the oldest first; with ``follow`` those to come, too, without an end.

        ``missed`` is told how many changes there were that are not told. Raises as `get`.
        """
        page = self.get("events", limit=limit, **wanted)
        while True:
            yield from page["events"]
            if not follow:
                return
            page = self.get("events", after=page["next"], wait=WAIT_SECONDS, **wanted)
            if page["missed"]:
                missed(page["missed"])
