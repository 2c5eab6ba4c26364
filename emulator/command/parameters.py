"""What the command line's arguments and options may be, for click. Loaded by every command, so it imports little."""

from __future__ import annotations

import math
import os
import re
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from streamer.aws_limits import STAGE_NAME

_LONGEST_NAME = 1024
"""No path that somebody types is longer."""


_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?|[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*")
"""A name, or an IPv6 address."""

_PLAIN: Final = {
    r"is not a valid integer range": "is no whole number",
    r"is not a valid float range": "is no number",
    r"in the range (\S+)<=x<=(\S+?)(?=\.)": r"in the range of \1 to \2",
    r"in the range x>=(\S+?)(?=\.)": r"\1 or more",
    r"\((Did you mean .*\?)\)": r"\1",
    r"'\[([A-Z]+)\]'": r"'\1'",
}
"""What click says, with its names of types and brackets, and what people say."""


def in_plain_words(complaint: str) -> str:
    """What click says of an argument, as people say it."""
    for said, plain in _PLAIN.items():
        complaint = re.sub(said, plain, complaint)
    return complaint


class Folder(click.Path):
    """A folder, and not the current one by a variable that is not set."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Its path."""
        if value == "":
            raise click.UsageError("FOLDER is empty; leave it out for the current one.", ctx)
        return super().convert(value, param, ctx)


class Duration(click.ParamType[Any]):
    """``90s``, ``15m``, ``24h``, ``7d``; a bare number is seconds."""

    name = "duration"

    def __init__(self, *, least: float = 0.0, most: float = math.inf) -> None:
        """Least and most seconds."""
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        from streamer.settings import parse_duration  # noqa: PLC0415 - few commands take one, and all load this

        try:
            seconds = value if isinstance(value, float) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not self._least <= seconds <= self._most:
            self.fail(f"{value!r} is not in the range of {self._least:g} to {self._most:g} seconds", param, ctx)
        return seconds


class WebSocketUrl(click.ParamType[Any]):
    """``ws://`` or ``wss://`` and a host. An empty one, as of an unset variable, is the command's to refuse."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same; a query may hold a token, and is not told."""
        told = f"{value.partition('?')[0]!r} is no WebSocket URL, such as ws://127.0.0.1:8787/dev"
        try:
            parts = urlsplit(value)
        except ValueError as error:
            self.fail(f"{told}: {error}", param, ctx)
        if value and (parts.scheme not in ("ws", "wss") or not parts.hostname):
            self.fail(told, param, ctx)
        return str(value)


class NewFile(click.Path):
    """A file that will be written, in a folder that is there or that one more makes: more is mistyped, and not made."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        missing = path.parent.parent
        if not path.parent.exists() and not missing.exists():
            self.fail(f"the folder {missing} of {path} does not exist; make it first", param, ctx)
        return path


class Claim(click.ParamType[Any]):
    """``NAME=VALUE``; the value is JSON, or else a string."""

    name = "claim"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """Name and value."""
        name, separator, text = value.partition("=")
        if not name or not separator:
            self.fail(f"{value!r} is not NAME=VALUE, such as role=admin or level=3", param, ctx)
        try:
            return name, _strict_json(text)
        except ValueError:
            return name, text


class Payload(click.ParamType[Any]):
    """JSON, ``@FILE`` with JSON, or ``-`` for JSON on standard input."""

    name = "payload"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The JSON value."""
        try:
            # Windows marks files as UTF-8, and its consoles take what is piped for something else.
            text = sys.stdin.buffer.read().decode("utf-8-sig") if value == "-" else value
            if value.startswith("@"):
                text = Path(value[1:]).read_text("utf-8-sig")
            return _strict_json(_as_typed(text))
        except OSError as error:
            self.fail(f"cannot read {value[1:]}: {error.strerror}", param, ctx)
        except UnicodeDecodeError:
            what = "standard input" if value == "-" else value if value.startswith("@") else "it"
            self.fail(f"{what} is not UTF-8 text", param, ctx)
        except ValueError as error:
            what = "standard input is " if value == "-" else f"{value[1:]} is " if value.startswith("@") else ""
            self.fail(f"{what}not JSON ({error}); write '{{\"key\": 1}}', @FILE, or - for standard input", param, ctx)


def _as_typed(text: str) -> str:
    """The text whose bytes Python kept for want of a locale that knows them, which JSON has as UTF-8.

    Raises:
        UnicodeDecodeError: they are none.
    """
    return os.fsencode(text).decode() if any("\udc80" <= each <= "\udcff" for each in text) else text


def _strict_json(text: str) -> Any:
    """Its value; raises ValueError, as `streamer.protocol.messages.strict_json`."""
    from streamer.protocol.messages import strict_json  # noqa: PLC0415 - most commands have no JSON

    return strict_json(text)


_NAME: Final = re.compile(r"[A-Za-z~./][\w./~+-]*")
"""What nobody means as JSON."""


class Event(Payload):
    """What a function is given: a file with JSON, ``@FILE`` alike, ``-`` for standard input, or JSON."""

    name = "event"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The JSON value."""
        is_named = value.endswith(".json") or (value != "-" and len(value) < _LONGEST_NAME and Path(value).is_file())
        try:
            return super().convert(f"@{value}" if is_named and not value.startswith("@") else value, param, ctx)
        except click.BadParameter as error:
            if is_named or _NAME.fullmatch(value) is None:
                raise
            self.fail(f"there is no file {value}, and it is {error.message}", param, ctx)


class RequestId(click.ParamType[Any]):
    """1 to 128 letters, digits and ``._:-``."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value as it is."""
        from streamer.protocol.messages import REQUEST_ID  # noqa: PLC0415 - few commands take one, and all load this

        if not REQUEST_ID.fullmatch(value):
            self.fail(f"{value!r} is no request id: use 1 to 128 letters, digits, '.', '_', ':' and '-'", param, ctx)
        return str(value)


class HostName(click.ParamType[Any]):
    """A name or an address as the ``Host`` header has it, but for the port."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value in lower case."""
        name = value.lower()
        if _HOST.fullmatch(name) is None:
            self.fail(f"{value!r} is no name of a host; write it as box.example, without scheme and port", param, ctx)
        return str(name)


class Stage(click.ParamType[Any]):
    """Name of a stage: letters, digits, ``_`` and ``-``, 128 at most. [DOC] API Gateway API, CreateStage"""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value as it is."""
        if STAGE_NAME.fullmatch(value) is None:
            self.fail(f"{value!r} is no stage; one is named with 1 to 128 letters, digits, '_' and '-'", param, ctx)
        return str(value)


class DynamoDb(click.ParamType[Any]):
    """``embedded`` or the URL of a DynamoDB."""

    name = "embedded|url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value as it is."""
        if value != "embedded" and not value.startswith(("http://", "https://")):
            self.fail(f"{value!r} is neither 'embedded' nor a URL such as http://127.0.0.1:8000", param, ctx)
        return str(value)
