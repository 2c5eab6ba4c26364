"""``uv.lock`` and ``poetry.lock``: which of the locked packages a target needs. Pure.

A lock holds every platform's packages; the walk from the project along the dependencies whose markers hold for Lambda
leaves the set that is installed, whichever installer does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from ..errors import BundleError

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Edge:
    """One dependency: a name, and which of its optional parts."""

    name: str
    extras: tuple[str, ...] = ()
    marker: str = ""
    version: str = ""
    """A version or a specifier that tells several locked ones apart; empty: any."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()
    path: str = ""
    """Folder or file beside the lock; empty: from an index or a URL."""
    url: str = ""
    """Where it comes from when that is no index, as pip writes it."""
    markers: tuple[str, ...] = ()
    """It is meant only where one of them holds; empty: everywhere."""
    edges: tuple[Edge, ...] = ()
    optional: Mapping[str, tuple[Edge, ...]] | None = None

    @property
    def line(self) -> str:
        """The requirement that installs exactly this."""
        exact = f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"
        return " ".join((exact, *(f"--hash={each}" for each in sorted(self.hashes))))


def holds(marker: str, environment: Environment, file: str) -> bool:
    """Whether a marker is true for the target; an empty one is.

    Raises:
        BundleError: it is no marker.
    """
    try:
        return not marker or Marker(marker).evaluate({**environment, "extra": ""})
    except InvalidMarker as exc:
        raise BundleError(f"{file} has the marker {marker!r}, which cannot be understood") from exc


def needed(packages: Iterable[Locked], roots: Iterable[Edge], environment: Environment, *, file: str) -> list[Locked]:
    """The packages that the roots need on the target, by name.

    Raises:
        BundleError: one is not in the lock, or it does not say which of several is meant.
    """
    known: dict[str, list[Locked]] = {}
    for package in packages:
        known.setdefault(canonicalize_name(package.name), []).append(package)
    chosen: dict[str, Locked] = {}
    waiting, done = list(roots), set[tuple[str, tuple[str, ...]]]()
    while waiting:
        edge = waiting.pop(0)
        name = canonicalize_name(edge.name)
        if (name, edge.extras) in done or not holds(edge.marker, environment, file):
            continue
        done.add((name, edge.extras))
        package = _choose(known.get(name, []), edge, environment, file)
        if chosen.setdefault(name, package) != package:
            raise BundleError(f"{file} wants {name} {chosen[name].version} and {package.version} for the same target")
        waiting += package.edges
        for extra in edge.extras:
            waiting += (package.optional or {}).get(str(canonicalize_name(extra)), ())
    return [chosen[name] for name in sorted(chosen)]


def _choose(candidates: list[Locked], edge: Edge, environment: Environment, file: str) -> Locked:
    fit = [c for c in candidates if not c.markers or any(holds(m, environment, file) for m in c.markers)]
    if edge.version:
        fit = [c for c in fit if _satisfies(c.version, edge.version)] or fit
    if not fit:
        raise BundleError(f"{file} does not hold {edge.name} for this target: lock the project again")
    if len(fit) > 1:
        versions = ", ".join(c.version for c in fit)
        raise BundleError(f"{file} does not tell which {edge.name} is meant for this target ({versions})")
    return fit[0]


def _satisfies(version: str, wanted: str) -> bool:
    try:
        return SpecifierSet(wanted if wanted[:1] in "<>=!~" else f"=={wanted}").contains(version, prereleases=True)
    except InvalidSpecifier:
        return version == wanted


def require_current(chosen: Iterable[Locked], asked: Iterable[Edge], environment: Environment, *, file: str) -> None:
    """Refuse a lock of versions that the project does not want, as it was changed since.

    Raises:
        BundleError: the first such version.
    """
    known = {canonicalize_name(each.name): each for each in chosen if not (each.path or each.url)}
    for edge in asked:
        package = known.get(canonicalize_name(edge.name))
        if package is not None and holds(edge.marker, environment, file) and not _allows(edge.version, package.version):
            raise BundleError(
                f"{file} holds {package.name} {package.version}, and pyproject.toml wants {edge.version}: lock the "
                f"project again"
            )


def _allows(wanted: str, version: str) -> bool:
    """Whether a project wants a version, in PEP 440's words or Poetry's; of what is in neither nobody can tell."""
    parts = [caret(part.strip()) for part in wanted.split(",") if part.strip()]
    try:
        return SpecifierSet(",".join(part if part[0] in "<>=!~" else f"=={part}" for part in parts)).contains(
            version, prereleases=True
        )
    except InvalidSpecifier:
        return True


_CONFLICTING: Final = re.compile(r"\bextra (==|!=) '((?:extra|group|project)-\d+-[^']*)'")
"""How a ``uv.lock`` says in markers which of several parts that ``tool.uv.conflicts`` names was chosen: by kind, length
of the project's name, name, and name of the part. Seen in what uv 0.13 writes."""


def uv_chosen(name: str, extras: Iterable[str], groups: Iterable[str]) -> frozenset[str]:
    """What markers of a ``uv.lock`` call a project, and the parts of it that were asked for."""
    own = str(canonicalize_name(name))
    parts = [(kind, part) for kind, parts in (("extra", extras), ("group", groups)) for part in parts]
    found = (f"{kind}-{len(own)}-{own}-{canonicalize_name(part)}" for kind, part in parts)
    return frozenset((f"project-{len(own)}-{own}", *found))


def _decided(marker: str, chosen: frozenset[str], parts: re.Pattern[str] = _CONFLICTING) -> str:
    """A marker in which it is settled which ``parts`` were chosen: PEP 508 knows one extra at a time."""

    def decide(found: re.Match[str]) -> str:
        is_chosen = found[2] in chosen
        return f"python_version {'!=' if is_chosen is (found[1] == '==') else '=='} '0'"

    return parts.sub(decide, marker)


def uv_packages(lock: Mapping[str, Any], chosen: frozenset[str] = frozenset()) -> list[Locked]:
    """The packages of a ``uv.lock``, where these parts were `uv_chosen`."""
    found = []
    for package in lock.get("package", ()):
        source = package.get("source", {})
        path = next((source[kind] for kind in ("editable", "directory", "path", "virtual") if kind in source), "")
        files = [package.get("sdist", {}), *package.get("wheels", ())]
        optional = package.get("optional-dependencies", {})
        url, within = source.get("url", ""), source.get("subdirectory", "")
        if "git" in source:
            place = urlsplit(source["git"])
            url = f"git+{urlunsplit(place._replace(query='', fragment=''))}@{place.fragment}"
            within = parse_qs(place.query).get("subdirectory", [""])[0]
        found.append(
            Locked(
                name=package["name"],
                version=package.get("version", ""),
                hashes=() if path or "git" in source else tuple(each["hash"] for each in files if "hash" in each),
                path=path,
                url=_within(url, within),
                markers=tuple(_decided(each, chosen) for each in package.get("resolution-markers", ())),
                edges=_uv_edges(package.get("dependencies", ()), chosen),
                optional={str(canonicalize_name(name)): _uv_edges(edges, chosen) for name, edges in optional.items()},
            )
        )
    return found


def _within(url: str, folder: str) -> str:
    """An address of which a folder is the package; empty: the whole is. [DOC] pip, VCS support: URL fragments"""
    return f"{url}#subdirectory={quote(folder)}" if folder else url


def _uv_edges(edges: Iterable[Mapping[str, Any]], chosen: frozenset[str]) -> tuple[Edge, ...]:
    return tuple(
        Edge(
            each["name"],
            tuple(each.get("extra", ())),
            _decided(each.get("marker", ""), chosen),
            each.get("version", ""),
        )
        for each in edges
    )


def uv_roots(lock: Mapping[str, Any], name: str, extras: Sequence[str], groups: Sequence[str]) -> list[Edge]:
    """What the project itself wants, with the optional parts that were asked for.

    Raises:
        BundleError: the project or such a part is not in the lock.
    """
    own = next((p for p in lock.get("package", ()) if canonicalize_name(p["name"]) == canonicalize_name(name)), None)
    if own is None:
        raise BundleError(f"uv.lock does not hold the project {name}: run uv lock")
    chosen, about = uv_chosen(name, extras, groups), own.get("metadata", {})
    roots = list(_uv_edges(own.get("dependencies", ()), chosen))
    for key, names, there in (
        ("optional-dependencies", extras, about.get("provides-extras", ())),
        ("dev-dependencies", groups, about.get("requires-dev", ())),
    ):
        for part in map(canonicalize_name, names):
            # Of a part that no Python of the project needs anything for, there is the name alone.
            if part not in {*own.get(key, {}), *there}:
                raise BundleError(f"uv.lock has no {key} {part!r} of {name}: run uv lock, or mend streamer.toml")
            roots += _uv_edges(own.get(key, {}).get(part, ()), chosen)
    return roots


def uv_held(
    lock: Mapping[str, Any], roots: Iterable[Edge], asked: Iterable[Edge], environment: Environment, *, file: str
) -> list[Edge]:
    """What of that which a project asks for its lock decides, and ``tool.uv`` not by overriding or excluding it.

    Raises:
        BundleError: the lock holds none of it among its ``roots``, as the project was changed since.
    """
    manifest = lock.get("manifest", {})
    settled = {*(each["name"] for each in manifest.get("overrides", ())), *manifest.get("excludes", ())}
    found = [edge for edge in asked if canonicalize_name(edge.name) not in settled]
    locked = {canonicalize_name(edge.name) for edge in roots}
    for edge in found:
        name = canonicalize_name(edge.name)
        # Of what no Python of the project needs uv locks nothing.
        if name not in locked and holds(edge.marker, environment, "pyproject.toml"):
            raise BundleError(f"{file} does not hold {name}, which pyproject.toml wants: run uv lock")
    return found


def with_extras(
    own: str, wanted: Iterable[Edge], known: Mapping[str, Iterable[Edge]], environment: Environment, *, file: str
) -> tuple[list[str], list[Edge]]:
    """The extras of a project that it is asked for, and what is then wanted of others.

    Args:
        own: The canonical name of the project. Of it as well extras may be wanted, as by a group: ``chat[fast]``.
        wanted: What is asked for.
        known: What each extra holds.
        environment: The target.
        file: Where markers are from.
    """
    parts: list[str] = []
    others: list[Edge] = []
    waiting = list(wanted)
    while waiting:
        edge = waiting.pop(0)
        if canonicalize_name(edge.name) != own:
            others.append(edge)
        elif holds(edge.marker, environment, file):
            new = [str(canonicalize_name(each)) for each in edge.extras]
            new = [each for each in new if each not in parts]
            parts += new
            waiting += (each for name in new for each in known.get(name, ()))
    return parts, others


_SCP: Final = re.compile(r"^((?:[^@/:]+@)?[^@/:]+):(?!//)")
"""How ssh and git write an address, ``git@host:path``, which is no URL, and so nothing that installers take."""


_OF_THE_PROJECT: Final = re.compile(r"""\bextra (==|!=) ["']([^"']*)["']""")
"""How a ``poetry.lock`` says that a package is there for an extra of the project."""


def poetry_packages(lock: Mapping[str, Any], extras: Iterable[str] = ()) -> list[Locked]:
    """The packages of a ``poetry.lock``, where these parts of the project were asked for."""
    chosen = frozenset(str(canonicalize_name(each)) for each in extras)
    found = []
    for package in lock.get("package", ()):
        source = package.get("source", {})
        is_local = source.get("type") in ("directory", "file")
        url = source["url"] if source.get("type") == "url" else ""
        if source.get("type") == "git":
            place = _SCP.sub(r"ssh://\1/", source["url"])
            url = f"git+{place}@{source['resolved_reference']}"
        marker = package.get("markers", "")
        markers = marker.values() if isinstance(marker, Mapping) else filter(None, (marker,))
        edges = poetry_edges(package.get("dependencies", {}))
        optional = {
            str(canonicalize_name(extra)): tuple(_parsed(each, "poetry.lock") for each in wanted)
            for extra, wanted in package.get("extras", {}).items()
        }
        found.append(
            Locked(
                name=package["name"],
                version=package["version"],
                hashes=() if is_local or url else tuple(each["hash"] for each in package.get("files", ())),
                path=source["url"] if is_local else "",
                url=_within(url, source.get("subdirectory", "")),
                # Of a package in several groups: a marker for each group.
                markers=tuple(_decided(each, chosen, _OF_THE_PROJECT) for each in markers),
                edges=tuple(edges),
                optional=optional,
            )
        )
    return found


def poetry_edges(dependencies: Mapping[str, Any], *, tell: Callable[[str], str] = lambda text: text) -> list[Edge]:
    """A table of dependencies as Poetry writes it, but for the optional ones."""
    edges = []
    for name, value in dependencies.items():
        for each in value if isinstance(value, list) else [value]:
            wanted = {"version": each} if isinstance(each, str) else each
            if name.lower() == "python" or wanted.get("optional"):
                continue
            version = "" if wanted.get("version") in (None, "*") else tell(wanted["version"])
            edges.append(Edge(name, tuple(wanted.get("extras", ())), _poetry_marker(wanted), version))
    return edges


def _poetry_marker(wanted: Mapping[str, Any]) -> str:
    parts = [f"({wanted['markers']})"] if wanted.get("markers") else []
    for specifier in wanted["python"].split(",") if wanted.get("python", "*") != "*" else ():
        for one in caret(specifier.strip()).split(","):
            version = one.strip().lstrip("<>=!~")
            operator = one.strip().removesuffix(version) or "=="
            parts.append(f"python_full_version {operator} '{version.strip()}'")
    return " and ".join(parts)


_SHORT: Final = re.compile(r"([~^])\s*(\d+(?:\.\d+)*)(\S*)")


def caret(specifier: str) -> str:
    """Poetry's ``^1.2`` and ``~1.2`` in PEP 440; anything else as it is."""
    found = _SHORT.fullmatch(specifier.strip())
    if found is None:
        return specifier
    numbers = [int(n) for n in found[2].split(".")]
    if found[1] == "~":
        kept = min(2, len(numbers))
    else:
        kept = next((n for n, number in enumerate(numbers, 1) if number), len(numbers))
    upper = [*numbers[: kept - 1], numbers[kept - 1] + 1]
    return f">={found[2]}{found[3]},<{'.'.join(map(str, upper))}"


def _parsed(text: str, file: str) -> Edge:
    # Poetry writes "name (>=1)" and "name[part] (>=1) ; marker".
    try:
        wanted = Requirement(text)
    except InvalidRequirement as exc:
        raise BundleError(f"{file} has {text!r}, which is no requirement") from exc
    return Edge(wanted.name, tuple(sorted(wanted.extras)), str(wanted.marker or ""), str(wanted.specifier))


def parsed_roots(texts: Iterable[str], file: str) -> list[Edge]:
    """Requirements of PEP 508 as roots.

    Raises:
        BundleError: one is none.
    """
    return [_parsed(text, file) for text in texts]
