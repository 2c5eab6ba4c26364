"""``streamer invoke``: an event for one function of the emulator that runs here, by Lambda's own API."""

from __future__ import annotations

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from streamer.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an invocation."""

    payload: str
    """What the function returned or, if `failed`, its error, as JSON; empty for an event that was accepted."""
    failed: bool = False
    """Whether the function raised, ended or took too long."""
    log: str = ""
    """The last 4 KB that the function wrote. [DOC] Lambda API, Invoke"""
    request_id: str = ""


def invoke(url: str, function: str, event: bytes, *, waits: bool) -> Answer:
    """Invoke a function.

    Args:
        url: of Lambda's API.
        function: its name.
        event: as JSON.
        waits: whether for its result; otherwise the event is queued, as other services of AWS do.

    Raises:
        ConfigurationError: the API refuses it, or nobody answers.
    """
    parts = urlsplit(url)
    kind = {"X-Amz-Log-Type": "Tail"} if waits else {"X-Amz-Invocation-Type": "Event"}
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80)
    try:
        path = f"/2015-03-31/functions/{quote(function, safe='')}/invocations"
        connection.request("POST", path, body=event, headers={"Content-Type": "application/json", **kind})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ConfigurationError(f"the emulator at {url} does not answer: {error!r}") from error
    finally:
        connection.close()
    if response.status >= 300:
        raise ConfigurationError(f"the emulator refuses the event: {_reason(body)}")
    return _answer(body, response.headers)


def _answer(body: bytes, headers: http.client.HTTPMessage) -> Answer:
    return Answer(
        payload=body.decode("utf-8", "replace"),
        failed="X-Amz-Function-Error" in headers,
        log=base64.b64decode(headers.get("X-Amz-Log-Result", "")).decode("utf-8", "replace"),
        request_id=headers.get("x-amzn-RequestId", ""),
    )


def _reason(body: bytes) -> str:
    try:
        found: Any = json.loads(body)
        return str(found.get("message") or found.get("Message"))
    except (ValueError, AttributeError):
        return body.decode("utf-8", "replace")[:200]
