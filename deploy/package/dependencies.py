"""What a project depends on, read from the file that says so: requirements, a lock, or ``pyproject.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement

from ..errors import BundleError
from . import locks
from .requirement_lines import lines_of
from .target import markers

OWN: Final = "streamer-ws"
"""Never installed into the bundle: its runtime is packed from a list, and its tools have no business on Lambda."""

_UNREAD: Final = {
    "pdm.lock": "pdm export --format requirements --output requirements.txt",
    "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
    "Pipfile": "pipenv lock && pipenv requirements --hash > requirements.txt",
}
"""Files that say what is depended on in a form that is not read here, and what makes requirements of each."""

SOURCES: Final = ("requirements.txt", "uv.lock", "poetry.lock", "pylock.toml", *_UNREAD, "pyproject.toml")
"""Where dependencies are looked for in a folder, the first that is there."""

_OF_PATHS: Final = frozenset({"path", "editable", "package"})
"""What a source of uv's says of a folder, beside conditions."""
_ELSEWHERE: Final = frozenset({"path", "file", "git", "url", "source"})
"""What Poetry says of where a dependency comes from, if that is not the usual index."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OPTION: Final = re.compile(r"(-r|--requirement|-c|--constraint|-e|--editable|-f|--find-links)(?:[ =]\s*|(?<=-\w))(.+)")
_ADDRESSED: Final = re.compile(r"[A-Za-z0-9][\w.-]*\s*+(?:\[[^\]]*\])?\s*@\s*[a-z+]+:")
_EGG: Final = re.compile(r"[#&]egg=([\w.-]+)")
_EXTRAS: Final = re.compile(r"(?P<path>.*?)(?:\[(?P<extras>[^\[\]]*)\])?(?:(?<!\s)\s*;\s*(?P<marker>.+))?")
_HASH: Final = re.compile(r"(?<!\s)\s+--hash\S*")  # these look once at a run of blanks


@dataclass(frozen=True, slots=True)
class Local:
    """A package in a folder, or a wheel or an archive in a file, of this machine."""

    path: Path
    extras: tuple[str, ...] = ()
    marker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What is to be installed."""

    source: str
    """The file that says so; empty: there is none."""
    lines: tuple[str, ...] = ()
    """Lines of a requirements file."""
    local: tuple[Local, ...] = ()
    is_complete: bool = False
    """Whether the lines are all there is, so that nothing needs to be resolved."""

    @property
    def is_hashed(self) -> bool:
        """Whether every file that is installed must have a hash."""
        return any("--hash" in line or line == "--require-hashes" for line in self.lines)


def canonical(requirement: str) -> str:
    """The normalised name that a requirement starts with; empty for an option or a path."""
    name = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def dependencies(
    named: Path | None, folders: Sequence[Path], *, python: str, architecture: str, extras: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> Dependencies:  # fmt: skip
    """Read the named file, or else the first of `SOURCES` in the first folder that has one.

    Raises:
        BundleError: a file is missing, cannot be read, or says something that cannot be followed.
    """
    path = named if named is not None else _usual(folders)
    if path is None:
        if extras or groups:
            raise BundleError("extras and groups in streamer.toml need a pyproject.toml, and there is none")
        return Dependencies(source="")
    environment = markers(python, architecture)
    match path.name:
        case "uv.lock":
            return _uv(path, path.with_name("pyproject.toml"), environment, extras, groups)
        case "poetry.lock":
            return _poetry(path, environment, extras, groups)
        case "pyproject.toml":
            lock = _lock_of_workspace(path) if named is None else None
            if lock is not None:
                return _uv(lock, path, environment, extras, groups)
            return _pyproject(path, extras, groups)
    if re.fullmatch(r"pylock(\.[^.]+)?\.toml", path.name):
        raise BundleError(
            f"{path} is a lock in the form of PEP 751, which is not read here; make requirements of it, as with "
            f"`uv export --format requirements-txt`, and name those as requirements in streamer.toml"
        )
    if path.name in _UNREAD:
        raise BundleError(f"{path} is not read here; make requirements of it: `{_UNREAD[path.name]}`")
    if extras or groups:
        raise BundleError(f"extras and groups are for pyproject.toml, and the dependencies are read from {path}")
    return requirements(path)


def unread(source: str) -> list[str]:
    """Names of the other files beside the one that was read which say something about dependencies, too."""
    path = Path(source)
    others = SOURCES[SOURCES.index(path.name) + 1 :] if path.name in SOURCES[:2] else ()
    return [name for name in others if name != "pyproject.toml" and path.with_name(name).is_file()]


def _usual(folders: Sequence[Path]) -> Path | None:
    for folder in dict.fromkeys(folders):
        for name in SOURCES:
            path = folder / name
            if path.is_file() and (name != "pyproject.toml" or _says_dependencies(path)):
                return path
    return None


def _says_dependencies(path: Path) -> bool:
    """Whether it is more than the settings of some tools."""
    document = _toml(path)
    return "project" in document or "dependencies" in document.get("tool", {}).get("poetry", {})


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise BundleError(f"there is no {path}; name the file with the dependencies in streamer.toml") from exc
    except (OSError, ValueError, RecursionError) as exc:  # not UTF-8, not TOML, too many digits or too deep for Python
        raise BundleError(f"{path} cannot be read: {exc}") from exc


def requirements(path: Path) -> Dependencies:
    """A requirements file and those it includes, without streamer itself.

    Raises:
        BundleError: a file is missing, or a path in it leads nowhere.
    """
    lines: list[str] = []
    local: list[Local] = []
    _requirements(path, lines, local, ())
    return Dependencies(source=str(path), lines=tuple(lines), local=tuple(dict.fromkeys(local)))


def _requirements(path: Path, lines: list[str], local: list[Local], within: tuple[Path, ...]) -> None:
    if path.resolve() in within:
        raise BundleError(f"{path} includes itself")
    for line in lines_of(path):
        option = _OPTION.fullmatch(line)
        match (option[1], option[2].strip("\"'")) if option else None:
            case ("-r" | "--requirement", name) if not urlsplit(name).netloc:
                _requirements(path.parent / name, lines, local, (*within, path.resolve()))
            case ("-c" | "--constraint", name) if not urlsplit(name).netloc:
                lines.append(f"--constraint {(path.parent / name).resolve()}")
            case ("-e" | "--editable", name):
                _one(name, path, lines, local)
            case ("-f" | "--find-links", name):
                place = (path.parent / name).resolve()
                lines.append(f"--find-links {place if place.exists() else name}")
            case _ if line:
                _one(line, path, lines, local)


def _one(line: str, file: Path, lines: list[str], local: list[Local]) -> None:
    """A requirement: of this machine, or for the index."""
    egg = _EGG.search(line)
    if canonical(egg[1] if egg is not None else line) == OWN:
        return
    found = _local(line, file)
    if found is None:
        lines.append(line)
    elif _own_name(found.path) != OWN:
        local.append(found)


def _local(line: str, file: Path) -> Local | None:
    named = re.match(r"[A-Za-z0-9][\w.-]*\s*+(?:\[(?P<extras>[^\]]*)\])?\s*@\s*(?P<url>file:\S+)(?P<rest>.*)", line)
    if named is not None:
        _, _, marker = named["rest"].partition(";")
        place = re.sub(r"^file:(//localhost)?(//)?", "", named["url"].partition("#")[0])
        return _existing(Path(unquote(place)), file, named["extras"], marker)
    bare = _HASH.sub("", line)
    parts = _EXTRAS.fullmatch(bare)
    assert parts is not None
    text = parts["path"].strip()
    is_path = text.startswith((".", "/", "~", "file:")) or text.endswith((".whl", ".tar.gz", ".zip")) or "/" in text
    if (
        line.startswith("-")
        or _ADDRESSED.match(line)
        or (urlsplit(text).scheme and not text.startswith("file:"))
        or not is_path
    ):
        return None
    return _existing(Path(text.removeprefix("file://").removeprefix("file:")), file, parts["extras"], parts["marker"])


def _existing(path: Path, file: Path, extras: str | None, marker: str | None) -> Local:
    whole = (file.parent / path.expanduser()).resolve()
    if not whole.exists():
        raise BundleError(f"{file} names {path}, and there is no {whole}")
    names = tuple(sorted(each.strip() for each in (extras or "").split(",") if each.strip()))
    return Local(whole, names, (marker or "").strip())


def _own_name(path: Path) -> str:
    about = path / "pyproject.toml"
    return canonical(_toml(about).get("project", {}).get("name", "")) if about.is_file() else ""


def _pyproject(path: Path, extras: Sequence[str], groups: Sequence[str]) -> Dependencies:
    document = _toml(path)
    lines: list[str] = []
    local: list[Local] = []
    tools = document.get("tool", {})
    places = {canonical(name): value for name, value in tools.get("uv", {}).get("sources", {}).items()}
    elsewhere = _from_elsewhere(tools.get("poetry", {}).get("dependencies", {}))
    for text in _declared(document, path, extras, groups):
        wanted = _requirement(path, text)
        name = canonical(wanted.name)
        place = places.get(name, {}) if name != OWN else {}
        if "path" in place and place.keys() <= _OF_PATHS:
            marker = str(wanted.marker or "")
            local.append(_existing(Path(place["path"]), path, ",".join(sorted(wanted.extras)), marker))
        elif place:
            # The index may have another package of that name, whoever put it there.
            where = "a uv workspace" if "workspace" in place else "tool.uv.sources"
            raise BundleError(f"{path} takes {wanted.name} from {where}: run uv lock; a uv.lock can be read")
        elif name in elsewhere and name != OWN:
            raise _of_poetry(path, wanted.name)
        else:
            _one(text, path, lines, local)
    return Dependencies(source=str(path), lines=tuple(lines), local=tuple(local))


def _requirement(path: Path, text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as exc:
        raise BundleError(f"{path} has {text!r}, which is no requirement: {exc}") from exc


def _declared(document: Mapping[str, Any], path: Path, extras: Sequence[str], groups: Sequence[str]) -> list[str]:
    project = document.get("project", {})
    if "dependencies" in project.get("dynamic", ()):
        raise BundleError(f"{path} lets its backend find the dependencies; lock them, or write a requirements file")
    found: list[str] = list(project.get("dependencies", ()))
    for name in extras:
        found += _optional(project.get("optional-dependencies", {}), name, path)
    found = _without_itself(document, path, [*found, *_standard_groups(document, path, groups)])
    # Beside a [project] the table of Poetry's own says more of the same dependencies, and no others.
    tables = _poetry_tables(document, groups)
    return found + _poetry_lines(tables[1:] if project else tables, path)


def _without_itself(
    document: Mapping[str, Any], path: Path, texts: Iterable[str], within: frozenset[str] = frozenset()
) -> list[str]:
    """Requirements, where an extra of the project itself, ``all = ["chat[fast]"]``, is what that extra holds.

    The index is not asked for the project: it may have another package of that name, whoever put it there.
    """
    project = document.get("project", {})
    own, known = canonical(project.get("name", "")), project.get("optional-dependencies", {})
    found: list[str] = []
    for text in texts:
        if not own or canonical(text) != own:
            found.append(text)
            continue
        wanted = _requirement(path, text)
        for name in sorted(wanted.extras - within):
            parts = _without_itself(document, path, _optional(known, name, path), within | {name})
            found += [_also(wanted.marker, path, part) for part in parts]
    return list(dict.fromkeys(found))


def _also(marker: Marker | None, path: Path, text: str) -> str:
    """A requirement that is one only where a marker holds, too."""
    if marker is None:
        return text
    wanted = _requirement(path, text)
    wanted.marker = Marker(f"({wanted.marker}) and ({marker})") if wanted.marker is not None else marker
    return str(wanted)


def _optional(known: Mapping[str, Sequence[str]], name: str, path: Path) -> Sequence[str]:
    """What an extra holds, however its name is written."""
    texts: Sequence[str] | None = _by_name(known).get(canonical(name))
    if texts is None:
        raise _no_extra(path, name)
    return texts


def _by_name(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table by canonical names, as those of extras and groups are compared. [DOC] PEP 685, PEP 735"""
    return {canonical(name): value for name, value in table.items()}


def _no_extra(path: Path, name: str) -> BundleError:
    return BundleError(f"{path} has no optional dependencies {name!r}, which streamer.toml asks for")


def _standard_groups(document: Mapping[str, Any], path: Path, groups: Sequence[str]) -> list[str]:
    """The dependencies of those groups that are not Poetry's own."""
    known, own = _by_name(document.get("dependency-groups", {})), _poetry_groups(document)
    return [text for name in groups if name not in own for text in _group(known, name, path, ())]


def _poetry_groups(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document.get("tool", {}).get("poetry", {}).get("group", {})
    return found


def _group(groups: Mapping[str, Any], name: str, path: Path, within: tuple[str, ...]) -> list[str]:
    own = canonical(name)
    if own in within:
        raise BundleError(f"{path}: the dependency group {name!r} includes itself")
    if own not in groups:
        raise BundleError(f"{path} has no dependency group {name!r}, which streamer.toml asks for")
    found: list[str] = []
    for each in groups[own]:
        if isinstance(each, str):
            found.append(each)
        else:
            found += _group(groups, each["include-group"], path, (*within, own))
    return found


def _poetry_tables(document: Mapping[str, Any], groups: Iterable[str]) -> list[Mapping[str, Any]]:
    """What Poetry's own tables say: that of all, then those of the groups that it has."""
    own = _poetry_groups(document)
    tables = [document.get("tool", {}).get("poetry", {}).get("dependencies", {})]
    return tables + [own[name].get("dependencies", {}) for name in groups if name in own]


def _from_elsewhere(table: Mapping[str, Any]) -> set[str]:
    """Canonical names of what one of Poetry's tables does not take from the usual index."""
    listed = {canonical(name): value if isinstance(value, list) else [value] for name, value in table.items()}
    return {
        name
        for name, values in listed.items()
        if any(isinstance(each, Mapping) and not _ELSEWHERE.isdisjoint(each) for each in values)
    }


def _of_poetry(path: Path, name: str) -> BundleError:
    return BundleError(f"{path} takes {name} from elsewhere: run poetry lock; a poetry.lock can be read")


def _poetry_lines(tables: Iterable[Mapping[str, Any]], path: Path) -> list[str]:
    lines = []
    for table in tables:
        for name, value in table.items():
            if _from_elsewhere({name: value}) and canonical(name) != OWN:
                raise _of_poetry(path, name)
        for edge in locks.poetry_edges(table, tell=locks.caret):
            extras = f"[{','.join(edge.extras)}]" if edge.extras else ""
            version = edge.version if not edge.version or edge.version[0] in "<>=!~" else f"=={edge.version}"
            lines.append(f"{edge.name}{extras}{version}" + (f" ; {edge.marker}" if edge.marker else ""))
    return lines


def _lock_of_workspace(about: Path) -> Path | None:
    """The ``uv.lock`` of the workspace that a project is a member of: it lies above, and names its members."""
    folder, name = about.parent.resolve(), _own_name(about.parent)
    for lock in (above / "uv.lock" for above in folder.parents):
        if lock.is_file():
            document, place = _toml(lock), folder.relative_to(lock.parent).as_posix()
            members = {*map(canonical, document.get("manifest", {}).get("members", ()))}
            known = {(canonical(each.name), each.path) for each in locks.uv_packages(document)}
            if name in members and (name, place) in known:
                return lock
    return None


def _uv(
    path: Path, about: Path, environment: locks.Environment, extras: Sequence[str], groups: Sequence[str]
) -> Dependencies:
    """The dependencies, by a lock, of the project that ``about`` is the ``pyproject.toml`` of."""
    lock, document = _toml(path), _toml(about)
    project = document.get("project", {})
    if "name" not in project:
        raise BundleError(f"{path} is there without a pyproject.toml with a [project] beside it")
    own, file = canonical(project["name"]), str(about)
    standard = [name for name in groups if canonical(name) in _by_name(document.get("dependency-groups", {}))]
    texts = [*project.get("dependencies", ()), *_standard_groups(document, about, standard)]
    optional = _by_name(project.get("optional-dependencies", {}))
    known = {name: locks.parsed_roots(each, file) for name, each in optional.items()}
    wanted = [locks.Edge(own, tuple(extras)), *locks.parsed_roots(texts, file)]
    parts, asked = locks.with_extras(own, wanted, known, environment, file=about.name)
    roots = locks.uv_roots(lock, own, parts, groups)
    asked = locks.uv_held(lock, roots, asked, environment, file=str(path))
    packages = locks.uv_packages(lock, locks.uv_chosen(own, parts, groups))
    return _locked(path, packages, roots, environment, own, asked=asked)


def _poetry(path: Path, environment: locks.Environment, extras: Sequence[str], groups: Sequence[str]) -> Dependencies:
    about = path.with_name("pyproject.toml")
    document = _toml(about)
    project = document.get("project", {})
    optional = {canonical(n): n for n in document.get("tool", {}).get("poetry", {}).get("extras", {})}
    roots = [edge for t in _poetry_tables(document, groups) for edge in locks.poetry_edges(t)]
    known = _by_name(project.get("optional-dependencies", {}))
    texts = _without_itself(document, about, _standard_groups(document, about, groups))
    texts += _declared(document, about, [name for name in extras if canonical(name) in known], []) if project else []
    roots += locks.parsed_roots(texts, str(about))
    for name in extras:
        if canonical(name) in optional:
            names = document["tool"]["poetry"]["extras"][optional[canonical(name)]]
            roots += [locks.Edge(each) for each in names]
        elif canonical(name) not in known:
            raise _no_extra(about, name)
    own = canonical(project.get("name", ""))
    return _locked(path, locks.poetry_packages(_toml(path), extras), roots, environment, own, asked=roots)


def _locked(
    path: Path, packages: list[locks.Locked], roots: list[locks.Edge], environment: locks.Environment, own: str,
    *, asked: Iterable[locks.Edge],
) -> Dependencies:  # fmt: skip
    """``asked`` is what the project itself says, which the lock may be older than."""
    # streamer's own needs are not the bundle's.
    packages = [p if canonical(p.name) != OWN else locks.Locked(p.name, p.version) for p in packages]
    if not any(canonical(p.name) == OWN for p in packages):
        roots = [edge for edge in roots if canonical(edge.name) != OWN]
    lines: list[str] = []
    local: list[Local] = []
    chosen = locks.needed(packages, roots, environment, file=path.name)
    locks.require_current([p for p in chosen if canonical(p.name) != OWN], asked, environment, file=path.name)
    for package in chosen:
        if canonical(package.name) in (OWN, own):
            continue
        if package.path:
            local.append(_existing(Path(package.path), path, None, None))
        else:
            lines.append(package.line)
    return Dependencies(source=str(path), lines=tuple(lines), local=tuple(local), is_complete=True)
