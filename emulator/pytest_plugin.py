"""pytest fixtures for end-to-end tests of a service; active wherever streamer and pytest are installed.

Nothing of the emulator is imported before a test asks for a fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from streamer.topology import Topology

    from .emulator import EmulatorConfig
    from .thread import EmulatorThread

    Start = Callable[[Any, EmulatorConfig], EmulatorThread]


BEGAN: Final = pytest.StashKey[dict[str, int]]()
EMULATORS: Final = ("streamer", "streamer_session")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--streamer-target`` and ``--streamer-isolation``, and ini options of the same names."""
    group = parser.getgroup("streamer", "end-to-end tests on the streamer emulator")
    group.addoption("--streamer-target", metavar="MODULE:ATTRIBUTE", help="the App or topology to emulate")
    group.addoption(
        "--streamer-isolation",
        choices=["process", "inline"],
        help="where functions run; inline lets breakpoint() and coverage work",
    )
    parser.addini("streamer_target", "the App or topology to emulate, as module:attribute (default: app:app)")
    parser.addini("streamer_isolation", "where functions run: process (as on Lambda) or inline")
    parser.addini("streamer_project", "folder of the service's code, from pytest's root folder", default=".")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the functions wrote during a test that failed."""
    report = yield
    if report.when == "call" and report.failed and item.stash.get(BEGAN, {}):
        from .functions.readable import readable  # noqa: PLC0415 - see the module's docstring

        for name, began in item.stash.get(BEGAN, {}).items():
            lines = item.funcargs[name].logs.since(began)  # type: ignore[attr-defined] # every item of ours has them
            text = "\n".join(f"{line.function}: {part}" for line in lines for part in readable(line.text))
            report.sections.append((f"Log of the functions ({name})", text or "nothing"))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Remember where the log was when the test began."""
    funcargs: Mapping[str, Any] = getattr(item, "funcargs", {})
    item.stash[BEGAN] = {name: funcargs[name].logs.count for name in EMULATORS if name in funcargs}
    return (yield)


def _option(config: pytest.Config, name: str) -> str | None:
    return config.getoption(name) or config.getini(name) or None


@pytest.fixture(scope="session")
def streamer_target(pytestconfig: pytest.Config) -> Any:
    """What to emulate: ``module:attribute``, an App's name or a Topology; override it to choose another."""
    return _option(pytestconfig, "streamer_target") or "app:app"


@pytest.fixture(scope="session")
def streamer_project(pytestconfig: pytest.Config) -> Path:
    """The folder with the service's code: pytest's root folder, or what ``streamer_project`` says in its settings."""
    return pytestconfig.rootpath / str(pytestconfig.getini("streamer_project"))


@pytest.fixture(scope="session")
def streamer_environment() -> Mapping[str, str]:
    """Environment variables the functions may get, as far as the App names them; override it to set some."""
    return os.environ


@pytest.fixture(scope="session")
def streamer_config(
    pytestconfig: pytest.Config, streamer_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> EmulatorConfig:
    """How to emulate it; override it for shorter limits, another isolation or a DynamoDB of your own."""
    from .emulator import EmulatorConfig  # noqa: PLC0415 - see the module's docstring

    isolation: Any = _option(pytestconfig, "streamer_isolation")
    return EmulatorConfig(
        project_folder=streamer_project, state_folder=tmp_path_factory.mktemp("streamer"), isolation=isolation
    )


@pytest.fixture(scope="session")
def streamer_start(streamer_project: Path, streamer_environment: Mapping[str, str]) -> Start:
    """A function of target and config that makes an emulator to enter; for tests that need several, or special ones."""
    from .command.target import load_target  # noqa: PLC0415
    from .thread import emulator_thread  # noqa: PLC0415

    def start(target: Any, config: EmulatorConfig) -> EmulatorThread:
        def load(environment: Mapping[str, str]) -> Topology:
            return load_target(target, folder=streamer_project, environment=environment).topology

        return emulator_thread(load if isinstance(target, str) else target, config, streamer_environment)

    return start


@pytest.fixture
def streamer(
    streamer_start: Callable[[Any, EmulatorConfig], EmulatorThread],
    streamer_target: Any,
    streamer_config: EmulatorConfig,
) -> Iterator[EmulatorThread]:
    """An emulator of this test's own, with empty tables."""
    with streamer_start(streamer_target, streamer_config) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def streamer_session(
    streamer_start: Callable[[Any, EmulatorConfig], EmulatorThread],
    streamer_target: Any,
    streamer_config: EmulatorConfig,
) -> Iterator[EmulatorThread]:
    """One emulator for the whole run: faster; tests keep out of each other's way by using different users."""
    with streamer_start(streamer_target, streamer_config) as emulator:
        yield emulator
