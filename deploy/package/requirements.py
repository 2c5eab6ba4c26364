"""Requirements resolved for Lambda's platform, from prebuilt wheels only, by pip or uv."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import re
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from packaging.tags import parse_tag

from ..errors import BundleError
from . import secrets
from .bundle import RUNTIME_DISTRIBUTIONS, File, Files
from .dependencies import OWN, Dependencies, canonical
from .installer import Installer, an_installer, ran
from .local import lines_for_itself, local_lines
from .target import wheel_tags
from .tokens import tokens

_UNUSED: Final = ("RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "uv_cache.json", "uv_build.json")
"""Files of a wheel's metadata that tell how it came here, not what it is."""


_ADDRESS: Final = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*+(?:\[[^\]]*\])?\s*@\s*(?P<url>[^\s#;]+)")
"""A requirement that says where it comes from. [DOC] PEP 508"""
_UNREACHED: Final = (
    r"Retrying \(Retry|NewConnectionError|NameResolutionError|Failed to fetch|[Cc]ould not connect"
    r"|error sending request"
)


def own_requirements(names: Iterable[str]) -> list[str]:
    """What the runtime itself needs, in the very versions that the emulator runs with here."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]


def needed_by_the_runtime(wheels: Files) -> list[dict[str, File]]:
    """The distributions that the runtime imports, but for those that the user's requirements bring as they pin them."""
    brought = {file.part for file in wheels.values()}
    return [installed_files(name) for name in RUNTIME_DISTRIBUTIONS if canonical(name) not in brought]


def installed_files(distribution: str) -> dict[str, File]:
    """The files of a pure Python distribution, copied from this environment: no index is needed for them.

    Raises:
        BundleError: it is not installed, or not whole, or without a list of its files.
    """
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError as exc:
        raise BundleError(f"{distribution} is not installed here; install streamer-ws again") from exc
    useful = [(path, Path(str(found.locate_file(path)))) for path in _listed(found) or () if is_useful(path)]
    lacking = [path for path, place in useful if not place.is_file()]
    if not useful or lacking:
        # Linux distributions bring theirs without a list; it would be missed at the first handshake on Lambda.
        why = f"without {lacking[0]}" if lacking else "without a list of its files, as by the system's package manager"
        raise BundleError(
            f"{distribution} is installed here {why}; `pip install --ignore-installed {distribution}` in an "
            f"environment of its own mends that"
        )
    return {path: File(place.read_bytes(), canonical(distribution)) for path, place in useful}


def _listed(distribution: importlib.metadata.Distribution) -> list[str] | None:
    """The files that it says it has, there or not; None: it does not say. [DOC] PEP 376, RECORD

    Its ``files`` are only those that are there, as of Python 3.12.
    """
    record = distribution.read_text("RECORD")
    if record is None:
        return None
    return [PurePosixPath(row[0]).as_posix() for row in csv.reader(record.splitlines()) if row]


def is_useful(path: str) -> bool:
    """Whether an installed file does anything on Lambda: no scripts, bytecode of this machine, or traces of pip."""
    parts = path.split("/")
    if parts[0] in ("bin", "..", "share", "man") or "__pycache__" in parts or path.endswith((".pyc", ".pyi")):
        return False
    return not (len(parts) > 1 and parts[0].endswith(".dist-info") and parts[-1] in _UNUSED)


def resolve(
    wanted: Dependencies, *, python: str, architecture: str, folder: Path, installer: Installer | None = None
) -> dict[str, File]:
    """Files of all requirements and what they depend on, as wheels for Lambda. Asks the package index.

    Relative paths in options start at ``folder``. ``installer``: None takes the preferred one.

    Raises:
        BundleError: one has no wheel for this Python and architecture, a local one cannot be built, what was installed
            is not whole, or no installer is here.
    """
    if not wanted.lines and not wanted.local:
        return {}
    installer = installer or an_installer()
    with tempfile.TemporaryDirectory(prefix="streamer-requirements-") as scratch:
        listed, files = Path(scratch, "requirements.txt"), dict[str, File]()
        local = local_lines(wanted.local, installer, Path(scratch, "local"), is_hashed=wanted.is_hashed)
        own = [] if wanted.is_complete else lines_for_itself(Path(scratch, "own"), is_hashed=wanted.is_hashed)
        # Options first: they hold for all lines, and uv and pip agree that they may stand there.
        lines = sorted((*wanted.lines, *local, *own), key=lambda line: not line.startswith("-"))
        for number, (part, is_hashed) in enumerate(_passes(lines, wanted)):
            # Each into a folder of its own: an installer adds nothing to a namespace that is there already.
            target = Path(scratch, f"packages-{number}")
            listed.write_text("\n".join(part) + "\n", encoding="utf-8")
            asked = installer.install(
                listed,
                target,
                python=python,
                architecture=architecture,
                is_complete=wanted.is_complete,
                is_hashed=is_hashed,
                from_source=_from_source(part),
            )
            done = ran(asked, folder)
            if done.returncode != 0:
                raise BundleError(explain(done.stdout + done.stderr, python=python, architecture=architecture))
            require_loadable(target, python, architecture)
            files |= {name: file for name, file in _read(target).items() if file.part != OWN}
        _require_no_secret(files, {canonical(line) for line in local})
        return files


def require_loadable(target: Path, python: str, architecture: str) -> None:
    """Refuse what was built for this machine: pip builds what comes from git, an archive or by ``--no-binary`` here.

    Raises:
        BundleError: a distribution has native code that was built here, or that Lambda does not load.
    """
    known = wheel_tags(python, architecture)
    for distribution in importlib.metadata.distributions(path=[str(target)]):
        about = (distribution.read_text("WHEEL") or "").splitlines()
        found = {tag for line in about if line.startswith("Tag:") for tag in parse_tag(line[4:].strip())}
        is_pure = all(tag.platform == "any" for tag in found)
        if not is_pure and (found.isdisjoint(known) or _was_built_here(distribution)):
            name = canonical(distribution.metadata["Name"] or "")
            raise BundleError(
                f"{name} has native code for {min(map(str, found))}, which this machine built for itself and not for "
                f"Python {python} on {architecture}; build a wheel for Lambda elsewhere and name that"
            )


def _was_built_here(distribution: importlib.metadata.Distribution) -> bool:
    """Whether it comes from elsewhere than an index, and not as a wheel. [DOC] PEP 610"""
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    return bool(origin) and not str(origin.get("url", "")).partition("#")[0].endswith(".whl")


def _require_no_secret(files: Files, local: set[str]) -> None:
    """What is on an index is public; a package of this machine may hold anything."""
    for path, file in files.items():
        kind = secrets.kind(path, file.content) if file.part in local else None
        if kind is not None:
            raise BundleError(f"the package {file.part} would bring {path}, {kind}: keep it out of the package")
        for token in tokens(file.content) if file.part in local else ():
            raise BundleError(
                f"the package {file.part} would bring {token.kind} in line {token.line} of {path}: take it out"
            )


def _passes(lines: list[str], wanted: Dependencies) -> list[tuple[list[str], bool]]:
    """In a lock what comes from git has no hash, and installers want all or none: two rounds."""
    if not wanted.is_complete:
        return [(lines, wanted.is_hashed)]
    hashed, bare = ([line for line in lines if ("--hash" in line) is has] for has in (True, False))
    return [(part, is_hashed) for part, is_hashed in ((hashed, True), (bare, False)) if part]


def _from_source(lines: Iterable[str]) -> list[str]:
    """Names of what comes from a repository or an archive, of which there is no wheel."""
    addresses = (_ADDRESS.match(line) for line in lines)
    return [canonical(each["name"]) for each in addresses if each is not None and not each["url"].endswith(".whl")]


def explain(output: str, *, python: str, architecture: str) -> str:
    """One line for what pip or uv said."""
    platform = f"Python {python} on {architecture}"
    if re.search(_UNREACHED, output):
        return f"the requirements cannot be resolved for {platform}: the package index cannot be reached"
    # Both name the requirement: pip "No matching distribution found for x==1", uv "Because x==1 has no wheels ...".
    for pattern in (r"No matching distribution found for (\S+)", r"[Bb]ecause (\S+) (?:.*?)has no (?:usable )?wheels"):
        if named := re.search(pattern, output):
            return (
                f"there is no wheel of {named[1]} for {platform}; pin a version that has one, "
                f"replace it, or choose another architecture or Python in streamer.toml"
            )
    errors = [line for line in output.splitlines() if line.strip()] or ["it said nothing"]
    # pip says it first in a line of its own; uv goes on with the causes, the last of which is the first one.
    said = next((line for line in errors if line.lower().startswith("error")), errors[-1])
    causes = [line.strip() for line in errors if line.strip().startswith(("cause:", "Caused by:"))]
    words = re.sub(r"^error:\s*", "", said.strip(), flags=re.IGNORECASE)
    return f"the requirements cannot be resolved for {platform}: {': '.join([words, *(causes[-1:])])}"


def _read(target: Path) -> dict[str, File]:
    owners = _owners(target)
    files: dict[str, File] = {}
    if not target.is_dir():  # no requirement is for this target
        return files
    for path in sorted(p for p in target.rglob("*") if p.is_file()):
        name = path.relative_to(target).as_posix()
        if name in owners and is_useful(name):
            is_executable = bool(path.stat().st_mode & stat.S_IXUSR)
            files[name] = File(path.read_bytes(), owners[name], is_executable and not name.endswith(".py"))
    return files


def _owners(target: Path) -> dict[str, str]:
    """Path to the name of the distribution that brought it; what no record names is a trace of the installer.

    Raises:
        BundleError: a distribution says that it has a file which is not there, or does not say what it has.
    """
    owners: dict[str, str] = {}
    for distribution in importlib.metadata.distributions(path=[str(target)]):
        name = canonical(distribution.metadata["Name"] or "")
        listed = _listed(distribution)
        if not name or listed is None:
            raise BundleError(f"{name or 'a requirement'} is broken: its wheel does not say what is in it")
        for path in listed:
            if is_useful(path) and not (target / path).exists():
                raise BundleError(f"{name} is broken: its wheel lacks {path}; install it from elsewhere")
            owners[path] = name
    return owners
