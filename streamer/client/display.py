"""Shows one request on a terminal, as lines, or as JSON; what ``streamer call`` prints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any, Final, Protocol, TextIO

from streamer.client.events import Event, Progress, failure_of, progress_of, result_of

BAR_CHARACTERS: Final = 24


class Display(Protocol):
    """Shows what comes of one request."""

    def event(self, event: Event) -> None:
        """Show a message of the service."""

    def failed(self, reason: str) -> None:
        """Say why there is no final message."""


class JsonDisplay:
    """One line of JSON per message on ``out``, exactly as it came."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out, self._err = out, err

    def event(self, event: Event) -> None:
        """Write the message."""
        _write(self._out, json.dumps(event.fields) + "\n")

    def failed(self, reason: str) -> None:
        """Write the reason to ``err``."""
        _write(self._err, f"streamer: {reason}\n")


class TextDisplay:
    """The result on ``out``; the way there on ``err``: as a bar that moves if it is a terminal, else as lines."""

    def __init__(self, out: TextIO, err: TextIO, *, is_terminal: bool) -> None:
        self._out, self._err = out, err
        self._is_terminal = is_terminal
        self._bar_characters = 0

    def event(self, event: Event) -> None:
        """Show one message."""
        failure = failure_of(event)
        match event.type:
            case "progress":
                self._progress(progress_of(event))
            case "acknowledgment" | "retrying":
                self._line(_described(event.type, event.fields))
            case "pong":
                self._end_bar()
                _write(self._out, "pong\n")
            case _ if failure is not None:
                self.failed(str(failure))
            case _ if event.is_final:
                self._end_bar()
                _write(self._out, json.dumps(result_of(event), indent=2) + "\n")

    def failed(self, reason: str) -> None:
        """Write the reason to ``err``."""
        self._line(f"streamer: {reason}")

    def _progress(self, progress: Progress) -> None:
        # Control characters in a message of the service must not reach the terminal.
        message = "".join(c if c.isprintable() else " " for c in progress.message)
        if not self._is_terminal:
            self._line(f"{progress.percentage:3.0f}% {message}".rstrip())
            return
        done = round(BAR_CHARACTERS * min(max(progress.percentage, 0.0), 100.0) / 100)
        bar = f"[{'#' * done}{'-' * (BAR_CHARACTERS - done)}] {progress.percentage:3.0f}%  {message}"
        bar = bar[: shutil.get_terminal_size().columns - 1]
        _write(self._err, "\r" + bar.ljust(self._bar_characters))
        self._bar_characters = len(bar)

    def _line(self, text: str) -> None:
        self._end_bar()
        _write(self._err, text + "\n")

    def _end_bar(self) -> None:
        if self._bar_characters:
            _write(self._err, "\n")
            self._bar_characters = 0


def _described(kind: str, fields: Mapping[str, Any]) -> str:
    if kind == "acknowledgment":
        return f"{fields.get('status', 'accepted')}: {fields.get('message', '')}".rstrip(": ")
    attempts = f"attempt {fields.get('attempt')} of {fields.get('max_attempts')} failed"
    error = fields.get("error")
    reason = f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else str(error)
    return f"{attempts}, the next one in {fields.get('retry_in')} s: {reason}"


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
