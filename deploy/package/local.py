"""Packages of this machine as wheels: built by their own backend, so that they hold what they would on an index."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from streamer import __version__

from ..errors import BundleError
from .dependencies import OWN, Local
from .installer import Installer, ran

_NOT_SOURCE: Final = ("*.egg-info", "__pycache__", ".venv", "node_modules", ".tox", ".streamer")
_NOT_SOURCE_AT_THE_TOP: Final = frozenset({"build", "dist", "venv"})
"""Further down a package may well be called so, or keep its pages there."""


def local_lines(local: Iterable[Local], installer: Installer, scratch: Path, *, is_hashed: bool) -> list[str]:
    """Build each package, and write the requirement that installs the wheel.

    Raises:
        BundleError: one cannot be built, or what comes of it runs on one kind of machine only.
    """
    lines = []
    for number, each in enumerate(local):
        wheel = each.path if each.path.suffix == ".whl" else _built(each.path, installer, scratch / str(number))
        try:
            name, _, _, tags = parse_wheel_filename(wheel.name)
        except InvalidWheelFilename as exc:
            raise BundleError(f"{wheel} is not named as a wheel is: {exc}") from exc
        if wheel != each.path and {tag.platform for tag in tags} != {"any"}:
            raise BundleError(
                f"{each.path} has native code, which this machine builds for itself and not for Lambda; "
                "build a wheel for Lambda elsewhere and name that"
            )
        extras = f"[{','.join(each.extras)}]" if each.extras else ""
        digest = f" --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" if is_hashed else ""
        marker = f" ; {each.marker}" if each.marker else ""
        lines.append(f"{name}{extras} @ {wheel.as_uri()}{marker}{digest}")
    return lines


def lines_for_itself(folder: Path, *, is_hashed: bool) -> list[str]:
    """Lines by which packages that need streamer find the version that is here, in which there is nothing.

    The runtime is packed from a list, and no index needs to have that version. The file with the lines is to lie beside
    ``folder``, which they name from there: pip ends a path at a blank, which the folder for scratch may have.
    """
    folder.mkdir()
    name = OWN.replace("-", "_")
    wheel, about = folder / f"{name}-{__version__}-py3-none-any.whl", f"{name}-{__version__}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {OWN}\nVersion: {__version__}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    if is_hashed:  # all that is installed must be listed then
        return [f"{OWN} @ {wheel.as_uri()} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"]
    only = folder / "constraints.txt"
    only.write_text(f"{OWN}=={__version__}\n", "ascii")
    return [f"--find-links {folder.name}", f"--constraint {folder.name}/{only.name}"]


def _built(path: Path, installer: Installer, scratch: Path) -> Path:
    source, made = scratch / "source", scratch / "wheel"
    made.mkdir(parents=True)
    if path.is_dir():
        if not (path / "pyproject.toml").is_file() and not (path / "setup.py").is_file():
            raise BundleError(f"{path} is no package: it has neither pyproject.toml nor setup.py")
        # A copy: backends leave files in the folder that they build, and take in what an earlier build left.
        try:
            shutil.copytree(path, source, symlinks=True, ignore=_without_leftovers(path))
        except shutil.Error as exc:  # of all that it could not copy
            lacking, _, why = exc.args[0][0]
            raise BundleError(f"{path} cannot be built as a package: {lacking} cannot be read: {why}") from exc
    else:
        source = path
    with tempfile.TemporaryDirectory(prefix="streamer-build-") as elsewhere:
        done = ran(installer.build(source, made), elsewhere)
    wheels = sorted(made.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = (done.stdout + done.stderr).splitlines()
        lines = [line.strip() for line in said if line.strip()] or ["it said nothing"]
        telling = next((line for line in lines if "Error:" in line or "error:" in line.lower()), lines[-1])
        raise BundleError(f"{path} cannot be built as a package: {telling.removeprefix('ERROR:').strip()}")
    return wheels[0]


def _without_leftovers(top: Path) -> Callable[[str, list[str]], set[str]]:
    """What is not copied of the names in a folder."""
    anywhere = shutil.ignore_patterns(*_NOT_SOURCE)

    def ignored(folder: str, names: list[str]) -> set[str]:
        at_the_top = _NOT_SOURCE_AT_THE_TOP.intersection(names) if Path(folder) == top else ()
        return {
            *anywhere(folder, names),
            *at_the_top,
            *(each for each in names if not _can_be_read(Path(folder, each))),
        }

    return ignored


def _can_be_read(path: Path) -> bool:
    """Whether it is no socket, and no pipe, which running programs leave in the folders they work in."""
    return path.is_symlink() or path.is_dir() or path.is_file()
