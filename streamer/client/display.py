"""Shows one request on a terminal, as lines, or as JSON; what ``streamer call`` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol, TextIO

from streamer.client.errors import ClientError, RequestFailedError
from streamer.client.events import Event, Progress, failure_of, progress_of, result_of
from streamer.observability.printable import printable

BAR_CHARACTERS: Final = 24


class Display(Protocol):
    """Shows what comes of one request."""

    def event(self, event: Event) -> None:
        """Show a message of the service."""

    def failed(self, reason: str) -> None:
        """Say why there is no final message."""

    @property
    def is_accepted(self) -> bool:
        """Whether the service works on the request, whoever listens."""
        ...


class JsonDisplay:
    """One line of JSON per message on ``out``, exactly as it came."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out, self._err = out, err
        self.is_accepted = False

    def event(self, event: Event) -> None:
        """Write the message."""
        self.is_accepted = self.is_accepted or event.type == "acknowledgment"
        _write(self._out, json.dumps(event.fields) + "\n")

    def failed(self, reason: str) -> None:
        """Write the reason to ``err``."""
        _write(self._err, f"streamer: {printable(reason)}\n")


class Bar:
    """A bar on a terminal that moves, until something else is written."""

    def __init__(self, err: TextIO, name: str = "") -> None:
        """Nothing is drawn yet; ``name`` stands before the bar."""
        self._err = err
        self._head = f"{printable(name)} " if name else ""
        self._characters = 0

    def show(self, progress: Progress) -> None:
        """Draw it, over what was drawn before."""
        import shutil  # noqa: PLC0415 - a fortieth of a call that needs no bar

        done = round(BAR_CHARACTERS * min(max(progress.percentage, 0.0), 100.0) / 100)
        parts = f"[{'#' * done}{'-' * (BAR_CHARACTERS - done)}] {_rounded(progress)}"
        bar = f"{self._head}{parts}  {printable(progress.message)}"[: shutil.get_terminal_size().columns - 1]
        _write(self._err, "\r" + bar.ljust(self._characters))
        self._characters = len(bar)

    def end(self) -> None:
        """Leave it as it is, and go on in the next line."""
        if self._characters:
            _write(self._err, "\n")
            self._characters = 0


class TextDisplay:
    """The result on ``out``; the way there on ``err``: as a bar that moves if it is a terminal, else as lines."""

    def __init__(self, out: TextIO, err: TextIO, *, is_terminal: bool) -> None:
        self._out, self._err = out, err
        self._is_terminal = is_terminal
        self._bar = Bar(err)
        self._is_accepted = False

    def event(self, event: Event) -> None:
        """Show one message."""
        failure = failure_of(event)
        match event.type:
            case "progress":
                self._progress(progress_of(event))
            case "acknowledgment":
                self._line(_described(event.type, event.fields, event.request_id))
                self._is_accepted = True
            case "retrying":
                self._line(_described(event.type, event.fields, event.request_id))
            case "pong":
                self._bar.end()
                _write(self._out, "pong\n")
            case _ if failure is not None:
                self.failed(str(failure))
                for line in _details(failure):
                    self._line(f"  {line}")
            case _ if event.is_final:
                self._bar.end()
                _write(self._out, printed_json(result_of(event), indent=2) + "\n")

    def failed(self, reason: str) -> None:
        """Write the reason to ``err``."""
        self._line(f"streamer: {reason}")

    @property
    def is_accepted(self) -> bool:
        """Whether the service works on the request, whoever listens."""
        return self._is_accepted

    def _progress(self, progress: Progress) -> None:
        if self._is_terminal:
            self._bar.show(progress)
        else:
            self._line(f"{_rounded(progress)} {printable(progress.message)}".rstrip())

    def _line(self, text: str) -> None:
        self._bar.end()
        # Somebody else may have chosen it: nothing in it may reach the terminal that a terminal obeys.
        _write(self._err, printable(text) + "\n")


def _rounded(progress: Progress) -> str:
    """100% only when nothing is missing: an attempt that follows a dead one begins at 99.99."""
    percentage = progress.percentage
    return f"{min(percentage, 99) if percentage < 100 else percentage:3.0f}%"


def printed_json(content: Any, *, indent: int | None = None) -> str:
    """JSON to read: letters of all languages as they are, what a terminal would obey escaped as JSON does."""
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _details(failure: ClientError) -> list[str]:
    """What a failure tells besides its message."""
    if not isinstance(failure, RequestFailedError) or not failure.details:
        return []
    return [f"{name}: {printed_json(value)}" for name, value in failure.details.items()]


def _described(kind: str, fields: Mapping[str, Any], request_id: str | None) -> str:
    if kind == "acknowledgment":
        text = f"{fields.get('status', 'accepted')}: {fields.get('message', '')}".rstrip(": ")
        return f"{text} (request {request_id})"
    attempts = f"attempt {fields.get('attempt')} of {fields.get('max_attempts')} failed"
    error = fields.get("error")
    reason = f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else str(error)
    return f"{attempts}, the next one in {fields.get('retry_in')} s: {reason}"


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
