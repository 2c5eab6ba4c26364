"""Tracebacks as who develops a service wants to read them: the own frames, libraries' folded. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

_BEGIN: Final = "Traceback (most recent call last):"
_FRAME: Final = re.compile(r'(?P<indent>\s+)File "(?P<file>[^"]+)", line (?P<line>\d+)(?P<rest>, in .+)?')
_PACKAGES: Final = re.compile(r"[/\\](?:site|dist)-packages[/\\]([^/\\]+)")


class Code(Struct, frozen=True, kw_only=True):
    """Whose code is where."""

    folder: str
    """The project's; its files are named from there."""
    libraries: tuple[tuple[str, str], ...] = ()
    """Folders of what is not the project's, and what to call them; the first that holds a file counts."""
    own: tuple[str, ...] = ()
    """Files that are the project's all the same, such as the demo."""

    def library(self, file: str) -> str | None:
        """Whose a file is; None: the project's."""
        if file in self.own:
            return None
        if (package := _PACKAGES.search(file)) is not None:
            return package[1].removesuffix(".py")
        if file.startswith("<frozen "):
            return "Python"
        return next((name for folder, name in self.libraries if file.startswith(f"{folder}/")), None)

    def shown(self, file: str) -> str:
        """A file of the project from its folder on."""
        return file.removeprefix(f"{self.folder}/")


class _Frame(Struct, frozen=True):
    library: str | None
    lines: list[str]


def folded(lines: Iterable[str], code: Code) -> list[str]:
    """A log's lines, in whose tracebacks what is not the project's own is one line for each stretch of it.

    The stretch before the first own frame, which is what called the project, is left out. Of a traceback without an
    own frame the last one stays, if it is a library's: it is where it happened. One whose beginning was cut off in the
    log, as of a long one, begins with its first whole frame.
    """
    found: list[str] = []
    rest = _begun(list(lines))
    while rest:
        line = rest.pop(0)
        found.append(line)
        if line.strip() == _BEGIN:
            frames, rest = _frames(rest, code)
            place = _FRAME.match(rest[0]) if rest else None
            if place is None or any(frame.library is None for frame in frames):
                found += _told(frames)
            if place is not None:  # of a syntax error
                found.append(rest.pop(0).replace(place["file"], code.shown(place["file"]), 1))
    return found


def _begun(lines: list[str]) -> list[str]:
    first = next((number for number, line in enumerate(lines) if _FRAME.match(line)), None)
    if first is None or not all(line[:1].isspace() for line in lines[:first]):
        return lines
    return [_BEGIN, *lines[first:]]


def own_place(lines: Iterable[str], code: Code) -> tuple[str, int] | None:
    """File and line of the last of the project's frames; None: there is none."""
    place = None
    for line in lines:
        frame = _FRAME.match(line)
        if frame is not None and code.library(frame["file"]) is None:
            place = code.shown(frame["file"]), int(frame["line"])
    return place


def _frames(lines: Sequence[str], code: Code) -> tuple[list[_Frame], list[str]]:
    """The frames that a traceback begins with, and the lines after them."""
    frames: list[_Frame] = []
    for number, line in enumerate(lines):
        head = _FRAME.match(line)
        if head is not None and head["rest"] is not None:
            library = code.library(head["file"])
            shown = code.shown(head["file"]) if library is None else head["file"]
            frames.append(_Frame(library, [f'{head["indent"]}File "{shown}", line {head["line"]}{head["rest"]}']))
        elif head is not None or not frames or not line[:1].isspace():
            return frames, list(lines[number:])
        else:
            frames[-1].lines.append(line)
    return frames, []


def _told(frames: list[_Frame]) -> list[str]:
    is_mine = [frame.library is None for frame in frames]
    if True not in is_mine:
        last = [frame for frame in frames[-1:] if frame.library != "streamer"]
        return [*_summary(frames[: len(frames) - len(last)]), *(line for frame in last for line in frame.lines)]
    found: list[str] = []
    hidden: list[_Frame] = []
    for frame in frames[is_mine.index(True) :]:
        if frame.library is None:
            found += [*_summary(hidden), *frame.lines]
            hidden = []
        else:
            hidden.append(frame)
    return found + _summary(hidden)


def _summary(hidden: Sequence[_Frame]) -> list[str]:
    if not hidden:
        return []
    names = ", ".join(dict.fromkeys(frame.library or "" for frame in hidden))
    return [f"  ... {len(hidden)} frame{'s' if len(hidden) > 1 else ''} of {names}"]
