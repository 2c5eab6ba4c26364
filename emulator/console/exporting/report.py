"""What a failed test shows of its recording, and the file that the console opens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ...foundation.files import PRIVATE, write_whole
from ...foundation.json_bytes import json_bytes
from ..reading.book import WRONG, Book, tell_trace
from ..reading.lines import line
from ..reading.telling import Told
from ..reading.traces import Traces
from ..reading.verdicts import verdict
from ..reading.waterfall import waterfall
from .recording_file import ring_of

LINES: Final = 60
"""Most lines of records, the latest."""
MESSAGES: Final = 100
"""Messages that are looked at, the latest."""
TRACES: Final = 3
"""Most messages that failed of which the course is shown, the latest."""


def report(content: dict[str, Any], folder: Path, test: str) -> str:
    """Lines for a report; the recording is written into ``folder`` under a name made from the test's."""
    file = folder / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', test).strip('-')[-120:]}.json"
    write_whole(file, json_bytes(content), mode=PRIVATE)
    book = Book.of(ring_of(content))
    told = [book.teller().tell(record) for record in book.ring]
    parts = [text for each in told if (text := line(each)) is not None]
    if len(parts) > LINES:
        parts = [f"... {len(parts) - LINES} before", *parts[-LINES:]]
    for trace in _failed(book, told):
        parts += ["", *waterfall(trace)]
    return "\n".join([*parts, "", f"streamer tail --recording {file}"])


def _failed(book: Book, told: Sequence[Told]) -> list[Told]:
    """The courses of the latest messages that failed."""
    traces, found = Traces(book.ring), []
    for each in [each for each in told if each["kind"] == "message"][-MESSAGES:]:
        trace = traces.find(str(each["number"]))
        if trace is not None and verdict(trace)[0] in WRONG:
            found.append(tell_trace(trace, book.teller(whole=True)))
    return found[-TRACES:]
