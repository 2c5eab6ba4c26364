"""What ends in the queue of dead letters: stream records and invocations that Lambda gave up. Pure.

Their forms: [DOC] lambda-docs:invocation-async-retain-records, with-ddb-create-package (event source mappings).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamer.records import RequestKey
from streamer.requests.runs import RUN, run_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message of the queue."""

    key: RequestKey | None
    """The request that it was about; None: a batch of stream records, which does not say, or something else."""
    condition: str
    """Why it was given up, in Lambda's words such as ``RetriesExhausted``."""
    at: str
    """When, as ISO 8601; empty if it does not say."""
    attempts: int | None
    """How often the function was tried; None: it does not say."""
    error: str | None
    """What the function said; None: nothing."""
    receipt: str
    """Removes the message from the queue."""


def dead_letter(body: str, receipt: str) -> DeadLetter:
    """Read a message; one that has another form than Lambda's is told as what it is."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return DeadLetter(key=None, condition="unreadable", at="", attempts=None, error=None, receipt=receipt)
    context = _mapping(document, "requestContext")
    return DeadLetter(
        key=_key(document.get("requestPayload")),
        condition=str(context.get("condition", "unknown")),
        at=str(document.get("timestamp", "")),
        attempts=context.get("approximateInvokeCount"),
        error=_mapping(document, "responsePayload").get("errorMessage"),
        receipt=receipt,
    )


def _mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _key(payload: Any) -> RequestKey | None:
    return run_of(payload).key if isinstance(payload, dict) and RUN in payload else None
