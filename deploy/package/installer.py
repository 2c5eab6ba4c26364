"""How pip and uv are asked, so that both install the same for Lambda."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ..errors import BundleError
from .target import GLIBC_MINOR, MACHINES, markers, platforms

_PIP: Final = """
import json, runpy, sys
target = json.loads(sys.argv.pop(1))
# --platform and --python-version choose wheels; markers pip always evaluates for the Python that runs it.
from pip._vendor.packaging import markers
markers.default_environment = lambda: dict(target)
for name, value in target.items():
    if value and not markers.Marker(f"{name} == '{value}'").evaluate():
        sys.exit("ERROR: this pip cannot evaluate markers for Lambda; install uv, or another release of pip")
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


_SETTLED: Final[Mapping[str, str | None]] = {
    "PIP_DRY_RUN": "0", "PIP_NO_DEPS": "0", "PIP_ROOT": "/", "PIP_USER": "0",
    "PIP_EDITABLE": None, "PIP_PREFIX": None, "PIP_REQUIREMENT": None,
}  # fmt: skip
"""What pip takes from the environment, which wins over ``pip.conf``, besides where packages come from: with any of it
something else would be installed than what is asked for, somewhere else, or nothing, without a word."""


_OWN_PYTHON: Final = "--python="
"""Not the one that ``PIP_PYTHON`` or ``pip.conf`` names: pip would run itself with that anew, and go by its markers."""


def settled(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of an installer, without what would change what it installs and where."""
    others = {name: value for name, value in environment.items() if name not in _SETTLED}
    return others | {name: value for name, value in _SETTLED.items() if value is not None}


def ran(arguments: Sequence[str], folder: str | Path) -> subprocess.CompletedProcess[str]:
    """Run what an `Installer` says, in a folder; what it prints is kept, in whatever encoding it is."""
    return subprocess.run(  # noqa: S603 - the program is ours
        arguments,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd=folder,
        env=settled(os.environ),
    )


@dataclass(frozen=True, slots=True)
class Installer:
    """The program that resolves, downloads and builds."""

    kind: Literal["pip", "uv"]
    program: str
    """Path of uv, or of the Python that has pip."""

    def install(
        self, listed: Path, target: Path, *, python: str, architecture: str, is_complete: bool, is_hashed: bool,
        from_source: Iterable[str] = (),
    ) -> list[str]:  # fmt: skip
        """How to install a requirements file into a folder, for Lambda.

        ``from_source``: names of what is in it of which there is no wheel, as what comes from git.
        """
        options = ["--target", str(target), "--python-version", python, "--only-binary", ":all:"]
        options += ["--no-deps"] if is_complete else []
        options += ["--require-hashes"] if is_hashed else []
        options += ["--requirement", str(listed)]
        if self.kind == "uv":
            platform = f"{MACHINES[architecture]}-manylinux_2_{GLIBC_MINOR}"
            asked = ["--quiet", "--no-config", "--python", sys.executable, "--python-platform", platform]
            asked += [word for name in from_source for word in ("--no-binary", name)]  # pip builds such without a word
            return [self.program, "pip", "install", *asked, *options]
        tags = [word for tag in platforms(architecture) for word in ("--platform", tag)]
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile", "--implementation", "cp"]
        target_markers = json.dumps(markers(python, architecture))
        return [self.program, "-P", "-c", _PIP, target_markers, _OWN_PYTHON, "install", *quiet, *tags, *options]

    def build(self, source: Path, made: Path) -> list[str]:
        """How to build a package of this machine as a wheel."""
        if self.kind == "uv":
            asked = ["--wheel", "--quiet", "--no-config", "--python", sys.executable, "--out-dir", str(made)]
            return [self.program, "build", *asked, str(source)]
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--wheel-dir", str(made)]
        return [self.program, "-P", "-m", "pip", _OWN_PYTHON, "wheel", *quiet, str(source)]


def installers() -> Sequence[Installer]:
    """Those that are here, the preferred one first: pip where this environment has it, else uv."""
    found: list[Installer] = []
    if importlib.util.find_spec("pip") is not None:
        found.append(Installer("pip", sys.executable))
    uv = shutil.which("uv")
    return [*found, Installer("uv", uv)] if uv is not None else found


def an_installer() -> Installer:
    """The preferred one.

    Raises:
        BundleError: neither pip nor uv is here.
    """
    found = installers()
    if not found:
        raise BundleError("requirements need pip or uv to be resolved, and neither is here; install one of them")
    return found[0]
