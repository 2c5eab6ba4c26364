"""The user's own files: what of a folder is packed, and what is left out and why."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from pathspec import GitIgnoreSpec

from ..errors import BundleError
from . import secrets
from .bundle import UNZIPPED_BYTES, File, LeftOut
from .tokens import Token, tokens

EXCLUDED: Final = (
    "__pycache__/", "*.py[co]", ".*", "*.egg-info/", "*.whl", "node_modules/", "/venv/", "/env/", "/build/", "/dist/",
    "/tests/", "streamer.toml", "/requirements*.txt", "/pyproject.toml", "uv.lock", "poetry.lock",
    "pylock*.toml", "pdm.lock", "Pipfile", "Pipfile.lock", "pip.conf", "pip.ini", "uv.toml", "poetry.toml",
    "/Makefile", "/Dockerfile",
)  # fmt: skip
"""What Lambda never needs, in git's notation: a leading slash means the project's folder alone, since a package of the
user may well be called ``build``."""

LOGS: Final = ("*.log", "nohup.out")
"""What is written here while the code stays as it is, `streamer deploy | tee deploy.log` among it: the code would be
another one at every deployment. Told, as data may be called so, too."""

_UNNEEDED: Final = "never needed on Lambda"
_LOG: Final = "a log by its name"
_LEADS_TO_NOTHING: Final = "a link that leads to nothing"

_BEGINNING: Final = 65_536

MOST_TOLD: Final = 3
"""Tokens that are named, so that the complaint stays a line."""

IGNORE_FILES: Final = (".gitignore", ".streamerignore")
"""Both are read in every folder; the later one wins, so ``.streamerignore`` can bring back what git ignores."""


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """What was found in a project's folder."""

    files: dict[str, File]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Rules:
    """One list of patterns and the folder that they start from."""

    folder: Path
    source: str
    spec: GitIgnoreSpec

    def verdict(self, path: Path, *, is_folder: bool) -> bool | None:
        """True: ignored, False: brought back, None: not spoken of."""
        name = path.relative_to(self.folder).as_posix() + ("/" if is_folder else "")
        said = None
        for pattern in self.spec.patterns:
            found = [*pattern.regex.finditer(name)] if pattern.regex is not None else []
            if not found:
                continue
            ends = _end(found[-1])  # ``*/`` fits each of the folders
            # What fits a folder above was decided there: that one may have been brought back since.
            is_above = -1 < ends < len(name)
            # ``data/**`` is all that is in the folder, not the folder: of what is in it, some may be brought back.
            is_around = pattern.include and is_folder and ends == -1 and found[0].end() == len(name)
            if not (is_above or is_around):
                said = pattern.include
        return said


def _end(found: re.Match[str]) -> int:
    """Where the folder ends that one of pathspec's expressions fits; -1 if it does not speak of one."""
    return found.end("ps_d") if "ps_d" in found.re.groupindex else -1


def _rules(folder: Path) -> Iterator[_Rules]:
    for name in IGNORE_FILES:
        path = folder / name
        if path.is_file():
            try:
                lines = path.read_text(encoding="utf-8-sig").splitlines()  # as git, which skips the mark of Windows
                yield _Rules(folder, name, GitIgnoreSpec.from_lines(lines))
            except (OSError, UnicodeDecodeError, ValueError) as exc:
                raise BundleError(f"{path} cannot be read as a list of patterns: {exc}") from exc


def _rules_above(folder: Path) -> list[_Rules]:
    """Those of the folders between the repository's root and the project; git honours them too."""
    above = [folder, *folder.parents]
    root = next((n for n, each in enumerate(above) if (each / ".git").exists()), 0)
    return [rules for each in reversed(above[1 : root + 1]) for rules in _rules(each)]


def project_files(folder: Path, excluded: Iterable[str] = ()) -> ProjectFiles:
    """The user's project without what git ignores, Lambda never needs or ``streamer.toml`` excludes, and no secrets.

    Raises:
        BundleError: the folder holds nothing, a link leads out of it or to what is left out, a list of patterns cannot
            be read, a name is no text, a file is larger than all may be, or a text file holds a token.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise BundleError(f"there is no folder {folder}; project in streamer.toml names where the code is")
    tree = _Tree(folder, tuple(excluded))
    found: dict[str, File] = {}
    left_out: list[LeftOut] = []
    held: list[tuple[str, Token]] = []
    for path, reason, is_wanted in _readable(tree):
        name = tree.name(path)
        if reason is not None:
            left_out.append(_left_out(path, _shown(name), reason))
            continue
        _require_text(name)
        with _read(name):
            content = _content(path)
        names = dict.fromkeys((name, tree.name(path.resolve())))
        kind = next(filter(None, [secrets.kind(each, content, is_wanted=is_wanted) for each in names]), None)
        if kind is not None:
            left_out.append(LeftOut(name, kind, is_told=True))
        elif (size := path.stat().st_size) > UNZIPPED_BYTES:
            raise BundleError(
                f"{name} has {size / 2**20:,.0f} MB and Lambda takes 250 unzipped, with all else: leave it out in "
                f".streamerignore, and let the code read it from elsewhere"
            )
        else:
            found[name] = File(content, "project", bool(path.stat().st_mode & stat.S_IXUSR))
            held += [] if is_wanted else [(name, each) for each in tokens(content)]
    _require_none(held)
    if not found:
        raise BundleError(f"there is no code in {folder}")
    return ProjectFiles(found, tuple(left_out))


def _readable(tree: _Tree) -> Iterator[tuple[Path, str | None, bool]]:
    """What the tree walks over; a folder that may not be read ends it."""
    walk = tree.walk()
    while True:
        with _read(None):
            found = next(walk, None)
        if found is None:
            return
        yield found


@contextlib.contextmanager
def _read(name: str | None) -> Iterator[None]:
    """Around reading something of the project; None: the error knows its name."""
    try:
        yield
    except OSError as exc:
        raise BundleError(
            f"{name or exc.filename} cannot be read: {exc.strerror}; mend that, or leave it out in .streamerignore"
        ) from exc


def _content(path: Path) -> bytes:
    """What is in a file; of one that no function takes the beginning, which tells a database."""
    with path.open("rb") as file:
        return file.read() if path.stat().st_size <= UNZIPPED_BYTES else file.read(_BEGINNING)


def _require_text(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BundleError(f"the name of {_shown(name)} is no UTF-8; rename the file, or leave it out") from None


def _shown(name: str) -> str:
    """A name as a message can have it, whatever bytes it consists of."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _require_none(held: Sequence[tuple[str, Token]]) -> None:
    """A file with a token is not just left out: something reads it, which would fail on AWS alone."""
    if not held:
        return
    told = [f"{name} line {each.line} holds {each.kind}" for name, each in held]
    more = f" (and {len(told) - MOST_TOLD} more)" if len(told) > MOST_TOLD else ""
    raise BundleError(
        f"{', '.join(told[:MOST_TOLD])}{more}: whoever may see the code could use it. Let the code read it from a "
        f"secret, leave the file out in .streamerignore, or, if it may be seen, write !{held[0][0]} there"
    )


class _Tree:
    """A project's folder. What a link leads to counts as well as where it is: no name smuggles what the other hides."""

    def __init__(self, root: Path, excluded: Sequence[str]) -> None:
        self._root = root
        self._excluded = excluded
        own = [_Rules(root, why, GitIgnoreSpec.from_lines(what)) for why, what in ((_UNNEEDED, EXCLUDED), (_LOG, LOGS))]
        self._above = [*own, *_rules_above(root)]

    def name(self, path: Path) -> str:
        """A path from the project's folder on."""
        return path.relative_to(self._root).as_posix()

    def walk(self) -> Iterator[tuple[Path, str | None, bool]]:
        """Every file, and whatever is left out, with the reason; and whether it was brought back by name.

        Raises:
            BundleError: a link leads out of the folder, to what is left out, or around in a circle.
        """
        return self._below(self._root, self._above, (self._root,))

    def _below(
        self, folder: Path, rules: Sequence[_Rules], around: Sequence[Path]
    ) -> Iterator[tuple[Path, str | None, bool]]:
        """``around`` are the folders that this one is in, and itself, where they really are."""
        entries = sorted(folder.iterdir())  # first, as it names the folder where that may not be read
        rules = [*rules, *_rules(folder)]
        for path in entries:
            reason, is_wanted = _judge(path, self._root, rules, self._excluded)
            is_folder = path.is_dir()
            if reason is None and (is_folder or path.is_file()):
                real = path.resolve()
                if path.is_symlink():
                    self._require_packed(path, real, is_wanted=is_wanted)
                elif real != path:  # below a folder that is a link
                    reason = self._reason(real)
                if reason is None and is_folder:
                    if real in around:
                        raise BundleError(f"{_shown(self.name(path))} is a link to a folder that it is in; remove it")
                    yield from self._below(path, rules, (*around, real))
                    continue
            elif reason is None and path.is_symlink() and not path.exists():
                reason = _LEADS_TO_NOTHING
            if reason is not None or path.is_file():
                yield path, reason, is_wanted and reason is None

    def _require_packed(self, path: Path, real: Path, *, is_wanted: bool) -> None:
        name = _shown(self.name(path))
        if not real.is_relative_to(self._root):
            raise BundleError(f"{name} is a link that leads out of {self._root}; copy the file instead")
        reason = None if is_wanted else self._reason(real)
        if reason is not None:
            target = _shown(self.name(real))
            why = secrets.kind_by_name(target) or reason
            raise BundleError(
                f"{name} is a link to {target}, which is left out ({why}); copy it, or leave {name} out in "
                ".streamerignore"
            )

    def _reason(self, real: Path) -> str | None:
        """Why something of the folder is left out where it really is; None: it is not."""
        rules = list(self._above)
        at = self._root
        for part in real.relative_to(self._root).parts:
            rules += _rules(at)
            at = at / part
            reason, _ = _judge(at, self._root, rules, self._excluded)
            if reason is not None:
                return reason
        return None


def _left_out(path: Path, name: str, reason: str) -> LeftOut:
    if path.is_dir():
        return LeftOut(f"{name}/", reason)
    # What git ignores its owner knows of.
    kind = secrets.kind_by_name(name) if reason in (_UNNEEDED, _LOG) else None
    return LeftOut(name, kind or reason, is_told=kind is not None or reason in (_LEADS_TO_NOTHING, _LOG))


def _judge(path: Path, root: Path, rules: Sequence[_Rules], excluded: Sequence[str]) -> tuple[str | None, bool]:
    is_folder = path.is_dir()
    # In a folder that may not be read, as a container's, nothing is told of; whether that matters is decided below.
    if is_folder and os.access(path / "pyvenv.cfg", os.F_OK):
        return "a virtual environment", False
    if is_excluded(PurePosixPath(path.relative_to(root).as_posix()), excluded):
        return "excluded in streamer.toml", False
    own: str | None = None
    said: str | None = None
    is_wanted = False
    for each in rules:
        verdict = each.verdict(path, is_folder=is_folder)
        if verdict:
            said, is_wanted = each.source, False
            own = said if said in (_UNNEEDED, _LOG) else own
        elif verdict is False and each.source == ".streamerignore":
            said, is_wanted = None, True
        elif verdict is False and not is_wanted:
            said = own  # what git keeps, as by ``!*/`` after ``*``, is not what Lambda needs
    return said, is_wanted


def is_excluded(path: PurePosixPath, patterns: Iterable[str]) -> bool:
    """Whether a pattern fits the path's last name or, when it has a slash before its end, the whole path."""
    bare = [re.sub(r"^\./", "/", pattern).rstrip("/") for pattern in patterns]
    return any(fnmatch.fnmatchcase(str(path) if "/" in each else path.name, each.lstrip("/")) for each in bare)
