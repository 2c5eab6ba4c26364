"""``streamer doctor``: what a machine and a project have, judged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from .here.development_secret import make_writable

OLDEST: Final = (3, 11)
NEWEST: Final = (3, 14)
"""The Pythons that the tests run on."""
FEW_FILES: Final = 1024
"""Open files below which a few hundred clients are too many: each is one, and an environment has several."""
PLATFORMS: Final = {"linux": "Linux", "darwin": "macOS"}

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line."""

    name: str
    state: State
    """``warn``: it works, with less; ``fail``: something will not."""
    found: str
    todo: str | None = None
    """What to do about it; None: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A distribution that streamer needs here."""

    requirement: str
    version: str | None
    """None: it is not installed."""
    fits: bool
    """Whether the version is one that streamer was made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """The port that ``streamer emulate`` takes unless told otherwise."""

    number: int
    is_free: bool
    holder: str | None = None
    """Who has it, as far as the system tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The emulator that the project's commands find."""

    url: str
    pid: int
    folder: str
    answers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was found."""

    python: tuple[int, int, int]
    implementation: str
    executable: str
    platform: str
    version: str
    packages: Sequence[Package]
    folder: str
    environment: str | None
    """A virtual environment that is meant, and that this interpreter is not in; None: there is none."""
    target: str | None
    """What is emulated here, and where that is said; None: no service was found."""
    problem: str | None
    """Why no service was found, or would not start; None: nothing is known of that."""
    is_broken: bool
    """Whether there is one, or a configuration, that cannot be used."""
    state_folder_writable: bool
    running: Running | None
    port: Port
    key: str | None
    """What tokens are signed with; None: there is no key yet."""
    key_problem: str | None
    files: int | None
    """Files that the emulator may have open; None: as many as the kernel has, as on macOS."""
    missing_means: Sequence[str]
    """What this system lacks of what execution environments use."""
    container: str | None
    """``docker`` or such, if it is there; it plays no part."""


def diagnose(facts: Facts) -> list[Check]:
    """The lines, in the order in which to read them."""
    return [
        _python(facts),
        _platform(facts),
        _packages(facts.packages),
        _project(facts),
        _state_folder(facts),
        _emulator(facts),
        _tokens(facts),
        _files(facts.files),
        _isolation(facts.missing_means),
        Check("containers", "ok", "not needed" + (f"; {facts.container} is not used" if facts.container else "")),
    ]


def is_healthy(checks: Iterable[Check]) -> bool:
    """Whether nothing fails."""
    return all(check.state != "fail" for check in checks)


def lines(checks: Sequence[Check]) -> list[str]:
    """For people: a line each, and what to do below it."""
    width = max(len(check.name) for check in checks)
    told = []
    for check in checks:
        told.append(f"{check.state:<4}  {check.name:<{width}}  {check.found}")
        if check.todo is not None:
            told.append(f"{'':<{width + 8}}{check.todo}")
    return told


def documents(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """For programs."""
    return [asdict(check) for check in checks]


def _python(facts: Facts) -> Check:
    version = ".".join(map(str, facts.python))
    found = f"{facts.implementation} {version} at {facts.executable}"
    if facts.python[:2] < OLDEST:
        return Check("python", "fail", found, "streamer needs 3.11 or newer; make a virtual environment with one")
    if facts.python[:2] > NEWEST:
        return Check("python", "warn", found, "streamer is tested on 3.11 to 3.14; if it fails, use one of those")
    if facts.implementation != "CPython":
        return Check("python", "warn", found, "Lambda runs CPython, and so do the tests")
    if facts.environment is not None:
        todo = f"functions import what this one has installed, and not what {facts.environment} has: run streamer there"
        return Check("python", "warn", found, todo)
    return Check("python", "ok", found)


def _platform(facts: Facts) -> Check:
    known = PLATFORMS.get(facts.platform)
    found = f"streamer {facts.version} on {known or facts.platform}"
    if known is None:
        return Check("platform", "fail", found, "the emulator needs Linux or macOS; on Windows use WSL")
    return Check("platform", "ok", found)


def _packages(packages: Sequence[Package]) -> Check:
    missing = [each.requirement for each in packages if each.version is None]
    other = [f"{each.requirement} (here: {each.version})" for each in packages if each.version and not each.fits]
    if missing or other:
        wanted = " ".join(f"'{each.requirement}'" for each in packages if each.version is None or not each.fits)
        told = [f"missing: {', '.join(missing)}"] if missing else []
        told += [f"another version is wanted: {', '.join(other)}"] if other else []
        return Check("packages", "fail", "; ".join(told), f"pip install {wanted}")
    return Check("packages", "ok", f"all {len(packages)} that streamer needs are here")


def _project(facts: Facts) -> Check:
    if facts.problem is not None and facts.is_broken:
        return Check("project", "fail", facts.problem, f"mend it in {facts.folder}")
    if facts.problem is not None:
        return Check("project", "warn", facts.problem)
    return Check("project", "ok", f"{facts.target} in {facts.folder}")


def _state_folder(facts: Facts) -> Check:
    if facts.state_folder_writable:
        return Check("state", "ok", ".streamer/ can be written")
    return Check("state", "fail", ".streamer/ cannot be written", make_writable(facts.folder))


def _emulator(facts: Facts) -> Check:
    running, port = facts.running, facts.port
    if running is not None and not running.answers:
        todo = f"end it (kill {running.pid}) and start it again"
        return Check("emulator", "fail", f"process {running.pid} does not answer at {running.url}", todo)
    if running is not None:
        return Check("emulator", "ok", f"runs at {running.url} for {running.folder} (process {running.pid})")
    if port.is_free:
        return Check("emulator", "ok", f"does not run here; port {port.number} is free")
    holder = port.holder or "another program"
    todo = f"end that, or choose a port: streamer emulate --port {port.number + 1}"
    return Check("emulator", "warn", f"does not run here, and port {port.number} is taken by {holder}", todo)


def _tokens(facts: Facts) -> Check:
    if facts.key_problem is not None:
        return Check("tokens", "fail", facts.key_problem, "without that, call, listen and publish need --token")
    if facts.key is None:
        return Check("tokens", "ok", "the first streamer emulate makes a development secret")
    return Check("tokens", "ok", f"signed with {facts.key}")


def _files(files: int | None) -> Check:
    if files is None:
        return Check("files", "ok", "no limit is set to how many may be open at once")
    if files < FEW_FILES:
        todo = "raise it before the start: ulimit -n 10240"
        return Check("files", "warn", f"{files} may be open at once; each client is one", todo)
    return Check("files", "ok", f"{files:,} may be open at once")


def _isolation(missing: Sequence[str]) -> Check:
    if not missing:
        return Check("isolation", "ok", "functions run in processes as on Lambda, with all that Linux offers")
    told = f"functions run in processes; this system lacks {', '.join(missing)}"
    return Check("isolation", "warn", told, "docs/lambda.md says what is lost without each")
