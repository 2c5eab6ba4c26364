"""Requirements resolved for Lambda's platform, from prebuilt wheels only, by pip or uv."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from ..errors import BundleError
from .bundle import File

OWN: Final = "streamer-ws"
"""Never installed into the bundle: its runtime is packed from a list, and its tools have no business on Lambda."""

_MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
_GLIBCS: Final = ("manylinux2014", "manylinux_2_28")
"""What Amazon Linux 2023 loads. pip does not take the older tag for granted when the newer one is named."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_INCLUDE: Final = re.compile(r"(?:-r|--requirement)[ =]?\s*(.+)")
_CONSTRAINT: Final = re.compile(r"(?:-c|--constraint)[ =]?\s*(.+)")
_UNUSED: Final = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files of a wheel's metadata that tell how it came here, not what it is."""


def requirement_lines(path: Path) -> list[str]:
    """The requirements in a file and those it includes, one per line, without streamer itself.

    Raises:
        BundleError: a file is missing.
    """
    if not path.is_file():
        raise BundleError(f"there is no requirements file {path}; name one in streamer.toml, or create it")
    text = re.sub(r"\\\r?\n", " ", path.read_text(encoding="utf-8"))
    found: list[str] = []
    for line in (re.sub(r"(^|\s)#.*$", "", raw).strip() for raw in text.splitlines()):
        if included := _INCLUDE.fullmatch(line):
            found.extend(requirement_lines(path.parent / included[1].strip()))
        elif constraint := _CONSTRAINT.fullmatch(line):
            found.append(f"--constraint {(path.parent / constraint[1].strip()).resolve()}")
        elif line and canonical(line) != OWN:
            found.append(line)
    return found


def canonical(requirement: str) -> str:
    """The normalised name that a requirement starts with; empty for an option or a path."""
    name = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def own_requirements(names: Iterable[str]) -> list[str]:
    """What the runtime itself needs, in the very versions that the emulator runs with here."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]


def installed_files(distribution: str) -> dict[str, File]:
    """The files of a pure Python distribution, copied from this environment: no index is needed for them.

    Raises:
        BundleError: it is not installed.
    """
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError as exc:
        raise BundleError(f"{distribution} is not installed here; install streamer-ws again") from exc
    files: dict[str, File] = {}
    for entry in found.files or ():
        path = entry.as_posix()
        if is_useful(path):
            files[path] = File(Path(str(entry.locate())).read_bytes(), canonical(distribution))
    return files


def is_useful(path: str) -> bool:
    """Whether an installed file does anything on Lambda: no scripts, bytecode of this machine, or traces of pip."""
    parts = path.split("/")
    if parts[0] in ("bin", "..", "share", "man") or "__pycache__" in parts or path.endswith((".pyc", ".pyi")):
        return False
    return not (len(parts) > 1 and parts[0].endswith(".dist-info") and parts[-1] in _UNUSED)


def command(*, python: str, architecture: str, target: Path, listed: Path, pip: bool) -> list[str]:
    """How to install a requirements file for Lambda; with uv where this environment has no pip."""
    machine = _MACHINES[architecture]
    common = [
        "--target",
        str(target),
        "--python-version",
        python,
        "--only-binary",
        ":all:",
        "--requirement",
        str(listed),
    ]
    if not pip:
        platform = f"{machine}-{_GLIBCS[-1]}"
        return ["uv", "pip", "install", "--quiet", "--no-config", "--python-platform", platform, *common]
    tags = [option for glibc in _GLIBCS for option in ("--platform", f"{glibc}_{machine}")]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile", "--implementation", "cp"]
    return [sys.executable, "-m", "pip", "install", *quiet, *tags, *common]


def resolve(lines: Sequence[str], *, python: str, architecture: str, folder: Path) -> dict[str, File]:
    """Files of all requirements and what they depend on, as wheels for Lambda. Asks the package index.

    Relative paths in the lines start at ``folder``.

    Raises:
        BundleError: one has no wheel for this Python and architecture, or no installer is here.
    """
    if not lines:
        return {}
    pip = importlib.util.find_spec("pip") is not None
    if not pip and shutil.which("uv") is None:
        raise BundleError("requirements need pip or uv to be resolved, and neither is here; install one of them")
    with tempfile.TemporaryDirectory(prefix="streamer-requirements-") as scratch:
        listed, target = Path(scratch, "requirements.txt"), Path(scratch, "packages")
        listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
        ran = subprocess.run(  # noqa: S603 - the program is ours, the requirements are in a file
            command(python=python, architecture=architecture, target=target, listed=listed, pip=pip),
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        if ran.returncode != 0:
            raise BundleError(explain(ran.stdout + ran.stderr, python=python, architecture=architecture))
        return _read(target)


def explain(output: str, *, python: str, architecture: str) -> str:
    """One line for what pip or uv said."""
    platform = f"Python {python} on {architecture}"
    # Both name the requirement: pip "No matching distribution found for x==1", uv "Because x==1 has no wheels ...".
    for pattern in (r"No matching distribution found for (\S+)", r"[Bb]ecause (\S+) (?:.*?)has no (?:usable )?wheels"):
        if named := re.search(pattern, output):
            return (
                f"there is no wheel of {named[1]} for {platform}; pin a version that has one, "
                f"replace it, or choose another architecture or Python in streamer.toml"
            )
    errors = [line for line in output.splitlines() if line.strip()] or ["it said nothing"]
    first = next((line for line in errors if line.startswith("ERROR")), errors[-1])
    return f"the requirements cannot be resolved for {platform}: {first.removeprefix('ERROR:').strip()}"


def _read(target: Path) -> dict[str, File]:
    owners = _owners(target)
    files: dict[str, File] = {}
    for path in sorted(p for p in target.rglob("*") if p.is_file()):
        name = path.relative_to(target).as_posix()
        if is_useful(name):
            files[name] = File(path.read_bytes(), owners.get(name, name.split("/")[0]))
    return files


def _owners(target: Path) -> dict[str, str]:
    """Path to the name of the distribution that brought it, for the size report."""
    owners: dict[str, str] = {}
    for distribution in importlib.metadata.distributions(path=[str(target)]):
        for entry in distribution.files or ():
            owners[entry.as_posix()] = canonical(distribution.metadata["Name"])
    return owners
