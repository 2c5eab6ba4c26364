"""The code for Lambda: the runtime from an explicit list, the user's project, its requirements. Reproducible.

The same input gives the same zip to the byte: names sorted, times fixed, modes reduced to plain and executable. The
bundle is named after a hash over paths, modes and contents rather than over the zip, since another zlib packs the
same files into other bytes. Bytecode does not count in it: whether it can be made depends on the machine, and what it
does is what its source does. The Python that it is for does: what is on AWS already is not uploaded again, and with the
bytecode of another Python it would be compiled anew at every cold start.
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import stat
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import BundleError

STAYS_AT_HOME: Final = (
    "__main__.py", "_entry.py", "demo.py", "operating.py", "project.py", "service.py", "testing/*", "protocol/pings.py",
    "observability/printable.py", "stores/local_clients.py", "stores/memory.py",
    "topology/checks.py", "topology/cron.py", "topology/grants.py",
    "topology/sizes.py", "topology/logical_ids.py", "topology/own_resources.py", "topology/permissions.py",
    "topology/variables.py", "topology/whole_numbers.py",
    "client/*", "describe/*", "cli.py", "deploy/*", "emulator/*",
)  # fmt: skip
"""Files of the ``streamer`` package that no handler imports; the tools are in it where a wheel put them. All others
are deployed, the topology among them, which modules of plain handlers may describe themselves with."""

RUNTIME_DISTRIBUTIONS: Final = ("PyJWT",)
"""What the runtime imports beyond the standard library and boto3, which Lambda has."""

UNZIPPED_BYTES: Final = 250 * 1024 * 1024
"""Most that a function may have, unzipped. [DOC] lambda-docs:gettingstarted-limits"""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class File:
    """One file of the bundle."""

    content: bytes
    part: str
    """What it belongs to, for the size report: ``runtime``, ``project`` or a requirement's name."""
    is_executable: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder of the project that is not packed."""

    path: str
    """From the project's folder; a folder ends in a slash."""
    reason: str
    is_told: bool = False
    """Whether the user must hear of it without asking: it looks like a secret, or leads to nothing."""


Files = Mapping[str, File]
"""Path inside the bundle, with forward slashes, to file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of the size report."""

    name: str
    files: int
    unzipped_bytes: int
    zipped_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Code ready to upload."""

    files: Files
    zipped: bytes
    digest: str
    """SHA-256 over the Python it is for and paths, modes and contents of all but the bytecode, in hexadecimal."""
    parts: tuple[Part, ...]
    """Largest first."""
    notes: tuple[str, ...] = ()
    """What the user should know, such as that there is no bytecode and why."""
    import_ms: Mapping[str, float] = field(default_factory=dict)
    """Handler to how long a trial import took; in one process, so what the first one imports is free for the others.
    Empty: there was none."""
    left_out: tuple[LeftOut, ...] = ()
    """What of the project is not in it."""
    source: str = ""
    """The file that the requirements were read from; empty: there is none."""

    @property
    def unzipped_bytes(self) -> int:
        """What the functions unpack."""
        return sum(part.unzipped_bytes for part in self.parts)


def bundle(sources: Files, *, python: str = "", bytecode: Files | None = None, notes: Sequence[str] = ()) -> Bundle:
    """Pack files. Pure.

    Args:
        sources: All but the bytecode.
        python: Minor version that runs them, such as ``3.13``; empty: any does.
        bytecode: What that version made of them; None: nothing.
        notes: What the user should know.

    Raises:
        BundleError: they are more than Lambda takes.
    """
    files = {**sources, **(bytecode or {})}
    unzipped = sum(len(file.content) for file in files.values())
    if unzipped > UNZIPPED_BYTES:
        largest = max(_parts(files, {}), key=lambda part: part.unzipped_bytes)
        raise BundleError(
            f"the code has {unzipped / 2**20:.0f} MB unzipped and Lambda takes 250; most of it is {largest.name} with "
            f"{largest.unzipped_bytes / 2**20:.0f} MB: exclude what is not needed in streamer.toml"
        )
    zipped, sizes = _zip(files)
    whole = digest(sources, python)
    return Bundle(files=files, zipped=zipped, digest=whole, parts=_parts(files, sizes), notes=tuple(notes))


def digest(files: Files, python: str = "") -> str:
    """A hash that changes with every path, mode and content, and with the Python, and with nothing else."""
    whole = hashlib.sha256(f"{python}\0".encode())
    for path in sorted(files):
        file = files[path]
        # A NUL cannot be in a path, and the inner hash has a fixed length, so no two trees look the same.
        whole.update(f"{path}\0{_mode(file):o}\0".encode())
        whole.update(hashlib.sha256(file.content).digest())
    return whole.hexdigest()


def _mode(file: File) -> int:
    return 0o755 if file.is_executable else 0o644


def _zip(files: Files) -> tuple[bytes, dict[str, int]]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, _EPOCH)
            info.create_system = 3  # Unix, whatever this machine is: else the modes mean nothing.
            info.external_attr = (stat.S_IFREG | _mode(files[path])) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[path].content, compresslevel=9)
        sizes = {info.filename: info.compress_size for info in archive.infolist()}
    return buffer.getvalue(), sizes


def _parts(files: Files, zipped_bytes: Mapping[str, int]) -> tuple[Part, ...]:
    names = {file.part for file in files.values()}
    parts = []
    for name in names:
        paths = [path for path, file in files.items() if file.part == name]
        parts.append(
            Part(
                name=name,
                files=len(paths),
                unzipped_bytes=sum(len(files[path].content) for path in paths),
                zipped_bytes=sum(zipped_bytes.get(path, 0) for path in paths),
            )
        )
    return tuple(sorted(parts, key=lambda part: (-part.unzipped_bytes, part.name)))


def runtime_files(package: Path) -> dict[str, File]:
    """The runtime's files, from the installed ``streamer`` package."""
    return {
        f"{package.name}/{name}": File((package / name).read_bytes(), "runtime")
        for name in sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py"))
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in STAYS_AT_HOME)
    }


def combine(*groups: Files) -> dict[str, File]:
    """One tree of several; a later group wins nothing.

    Raises:
        BundleError: two groups have the same path with another content, or the same module at another path.
    """
    whole: dict[str, File] = {}
    modules: dict[str, tuple[int, str]] = {}
    for number, group in enumerate(groups):
        for path in sorted(group):
            name = top_module(path)
            first, other = modules.setdefault(name, (number, path)) if name is not None else (number, path)
            if first != number and other != path:
                parts = f"{other} ({groups[first][other].part}) and {path} ({group[path].part})"
                raise BundleError(f"{parts} are both the module {name}; rename or drop one")
    for group in groups:
        for path, file in group.items():
            if path in whole and whole[path].content != file.content:
                raise BundleError(f"{path} comes from both {whole[path].part} and {file.part}; rename or drop one")
            whole.setdefault(path, file)
    return whole


def top_module(path: str) -> str | None:
    """What ``import`` calls a file in the outermost folder, or a package there; None: neither."""
    folder, _, name = path.partition("/")
    if not name:
        return folder.removesuffix(".py") if folder.endswith(".py") else None
    return folder if name == "__init__.py" else None


def require_handlers(files: Files, handlers: Iterable[str], left_out: Mapping[str, str]) -> None:
    """Make sure that the module of every handler is in the bundle; ``left_out`` tells why a file is not.

    Raises:
        BundleError: one is not.
    """
    for handler in handlers:
        module = handler.rpartition(".")[0].replace(".", "/")
        if f"{module}.py" not in files and f"{module}/__init__.py" not in files:
            why = f"not packed: {left_out[f'{module}.py']}" if f"{module}.py" in left_out else "not in the project"
            raise BundleError(f"the handler {handler} needs {module}.py, which is {why}")


def unpack(files: Files, folder: Path) -> None:
    """Write the tree into an empty folder."""
    for name, file in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(_mode(file))
