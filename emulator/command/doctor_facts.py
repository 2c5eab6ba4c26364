"""Finds out what `doctor` judges: this interpreter, its packages, the project, its emulator, the port, the system."""

from __future__ import annotations

import contextlib
import http.client
import os
import platform
import re
import resource
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from streamer.aws_limits import LOOPBACK
from streamer.errors import ConfigurationError
from streamer.project import CONFIG_FILE, DEFAULT_APP, Project

from ..functions.processes.means import Means
from .doctor import Facts, Package, Port, Running
from .here.identity import IAM, OWN, PUBLIC_KEY, PUBLISHED_KEYS
from .here.project import Here, here
from .options import EmulateOptions
from .targets.candidates import no_service
from .targets.which_project import has_app, project_at, template_name

DISTRIBUTION: Final = "streamer-ws"
EXTRAS: Final = ("", "emulator")
"""What of streamer's requirements the commands need that run on this machine."""
ANSWER_SECONDS: Final = 2.0
_ENGINES: Final = ("docker", "podman", "nerdctl")
_LISTENING: Final = "0A"
_MEANS: Final = {
    "forks": "forks",
    "death_signal": "death signals",
    "freezes": "freezing between events",
    "subreaper": "subreapers",
    "process_descriptors": "process descriptors",
    "waits_by_id": "waitid",
    "process_files": "/proc",
}
"""What `Means` says, in words."""


def examine() -> Facts:
    """Look at everything; changes nothing."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    found, folder, target, problem = _project()
    key, key_problem = (None, None) if found is None else _key(found)
    running = None if found is None else _running(found)
    return Facts(
        python=(sys.version_info.major, sys.version_info.minor, sys.version_info.micro),
        implementation=platform.python_implementation(),
        executable=sys.executable,
        platform=sys.platform,
        version=metadata.version(DISTRIBUTION),
        packages=packages(metadata.requires(DISTRIBUTION) or []),
        environment=_other_environment(folder),
        folder=str(folder),
        target=target,
        problem=problem,
        is_broken=problem is not None and (found is None or (target is not None and not _names_option(problem))),
        state_folder_writable=_is_writable(folder / ".streamer"),
        running=running,
        port=port_of(EmulateOptions().port),
        key=key,
        key_problem=key_problem,
        files=None if files == resource.RLIM_INFINITY else files,
        missing_means=_missing(Means.of_this_machine()),
        container=next((name for name in _ENGINES if shutil.which(name)), None),
    )


def packages(requirements: list[str]) -> list[Package]:
    """Those of a distribution's requirements that hold here, and what is installed of them."""
    try:
        from packaging.requirements import Requirement  # noqa: PLC0415 - only part of the extra
    except ModuleNotFoundError:
        return [Package(requirement=f"{DISTRIBUTION}[emulator]", version=None, fits=False)]
    found = []
    for text in requirements:
        wanted = Requirement(text)
        if wanted.name == DISTRIBUTION:  # an extra that is made of others
            continue
        if wanted.marker is not None and not any(wanted.marker.evaluate({"extra": extra}) for extra in EXTRAS):
            continue
        try:
            version: str | None = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            version = None
        fits = version is not None and wanted.specifier.contains(version, prereleases=True)
        found.append(Package(requirement=f"{wanted.name}{wanted.specifier}", version=version, fits=fits))
    return found


def _other_environment(folder: Path) -> str | None:
    """The virtual environment that is active, or the project's ``.venv``, if this interpreter is in another."""
    known = os.environ.get("VIRTUAL_ENV") or str(folder / ".venv")
    is_there = Path(known, "pyvenv.cfg").is_file()
    return known if is_there and Path(known).resolve() != Path(sys.prefix).resolve() else None


def _project() -> tuple[Here | None, Path, str | None, str | None]:
    """The project here, its folder, what it would emulate, and why it would not."""
    start = Path.cwd()
    try:
        project = project_at(start, None, None)
        target, found = _target(project), here()
    except ConfigurationError as error:
        return None, start, None, str(error)
    return found, project.folder, target, _complaint(project) if target else str(no_service(project))


def _complaint(project: Project) -> str | None:
    """What ``streamer emulate`` would refuse the target with; None: nothing is known, or a package is missing."""
    name = template_name(None, project, project.folder)
    try:
        if name is None:
            from .described import names_of_actions  # noqa: PLC0415 - so that a package that is missing is told

            names_of_actions(None)
        else:
            from .targets.from_template import load_template  # noqa: PLC0415 - likewise

            with tempfile.TemporaryDirectory() as folder:  # for what is made of it: nothing is changed here
                options = EmulateOptions()
                load_template(name, options, folder=project.folder, state_folder=Path(folder), only_looks=True)
    except ConfigurationError as error:
        return str(error)
    except ModuleNotFoundError:  # none of the project's, of which its import says so
        return None
    return None


def _names_option(problem: str) -> bool:
    """Whether an option of ``streamer emulate`` mends it, such as ``--parameter``: it may well be given one."""
    return " --" in problem


def _target(project: Project) -> str | None:
    if project.app is not None:
        return f"{project.app} ({CONFIG_FILE})"
    if (name := template_name(None, project, project.folder)) is not None:
        return name
    return DEFAULT_APP if has_app(project.code) else None


def _key(found: Here) -> tuple[str | None, str | None]:
    """What commands sign tokens with, and why they cannot."""
    kind = found.ready.verifies_with if found.ready is not None else None
    if kind == IAM:
        return "signatures of AWS, which commands make", None
    if kind in (OWN, PUBLIC_KEY, PUBLISHED_KEYS):
        return ("nothing: plain handlers decide for themselves" if kind == OWN else "your own key, by --token"), None
    try:
        return found.key(None, makes=False).source, None
    except ConfigurationError as error:
        return None, None if found.ready is None else str(error)


def _running(found: Here) -> Running | None:
    if found.ready is None:
        return None
    url = found.ready.websocket_url
    return Running(url=url, pid=found.ready.pid, folder=str(found.folder), answers=_answers(url))


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _is_writable(folder: Path) -> bool:
    place = next(each for each in (folder, *folder.parents) if each.exists())
    return place.is_dir() and os.access(place, os.W_OK)


def _missing(means: Means) -> list[str]:
    return [_MEANS[each.name] for each in fields(means) if each.name in _MEANS and not getattr(means, each.name)]


def port_of(number: int) -> Port:
    """Whether a port can be had, and who has it otherwise."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK[0], number))
        except OSError:
            return Port(number=number, is_free=False, holder=_holder(number))
    return Port(number=number, is_free=True)


def _holder(number: int) -> str | None:
    """Which process of ours listens at a port, and where it was started; None: the system does not tell (macOS)."""
    wanted = {f"socket:[{inode}]" for inode in _listening(number)}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or is another user's
            if not wanted.isdisjoint(map(_leads_to, (process / "fd").iterdir())):
                name = (process / "comm").read_text().strip()
                return f"process {process.name} ({name}) of {(process / 'cwd').readlink()}"
    return None


def _leads_to(file: Path) -> str | None:
    """What an open file of a process is; None: it was closed meanwhile."""
    try:
        return str(file.readlink())
    except FileNotFoundError:
        return None


def _listening(number: int) -> Iterator[str]:
    """Inodes of the sockets that listen at a port."""
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(file).read_text("ascii").splitlines()[1:]:
                parts = line.split()
                if parts[3] == _LISTENING and re.search(f":{number:04X}$", parts[1]):
                    yield parts[9]
