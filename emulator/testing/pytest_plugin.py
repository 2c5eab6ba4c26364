"""pytest fixtures for end-to-end tests of a service; active wherever streamer and pytest are installed.

Nothing of the emulator is imported before a test asks for a fixture.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from streamer.errors import ConfigurationError
from streamer.project import DEFAULT_APP, Project, folder_of, read, variables

if TYPE_CHECKING:
    from ..command.options import TemplateOptions
    from ..command.targets.target import Target
    from ..wiring.emulator import EmulatorConfig
    from .thread import EmulatorThread

    Start = Callable[[Any, EmulatorConfig], EmulatorThread]


BEGAN: Final = pytest.StashKey[dict[str, int]]()
RECORDED: Final = pytest.StashKey[dict[str, int]]()
EMULATORS: Final = ("streamer", "streamer_session")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--streamer-target`` and ``--streamer-isolation``, and ini options of the same names."""
    group = parser.getgroup("streamer", "end-to-end tests on the streamer emulator")
    group.addoption(
        "--streamer-target",
        metavar="TARGET",
        help="the App, topology or template to emulate, as streamer emulate has it",
    )
    group.addoption(
        "--streamer-isolation",
        choices=["process", "inline"],
        help="where functions run; inline lets breakpoint() and coverage work",
    )
    parser.addini(
        "streamer_target",
        "the App or topology to emulate, as module:attribute, or a template or its folder (default: app:app, else the "
        "folder's template)",
    )
    parser.addini("streamer_isolation", "where functions run: process (as on Lambda) or inline")
    parser.addini("streamer_project", "folder of the service's code, from pytest's root folder", default=".")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what passed through the emulator, and what the functions wrote, during a test that failed."""
    report = yield
    if report.when == "call" and report.failed and item.stash.get(BEGAN, {}):
        from ..functions.readable import readable  # noqa: PLC0415 - see the module's docstring

        for name, after in item.stash.get(RECORDED, {}).items():
            report.sections += _recorded(item, name, after)
        for name, began in item.stash.get(BEGAN, {}).items():
            lines = item.funcargs[name].logs.since(began)  # type: ignore[attr-defined] # every item of ours has them
            text = "\n".join(f"{line.function}: {part}" for line in lines for part in readable(line.text))
            report.sections.append((f"Log of the functions ({name})", text or "nothing"))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Remember where log and recording were when the test began."""
    funcargs: Mapping[str, Any] = getattr(item, "funcargs", {})
    item.stash[RECORDED] = {name: funcargs[name].record_count for name in EMULATORS if name in funcargs}
    item.stash[BEGAN] = {name: funcargs[name].logs.count for name in EMULATORS if name in funcargs}
    return (yield)


def _recorded(item: pytest.Item, name: str, after: int) -> list[tuple[str, str]]:
    """What a test's emulator recorded: its lines, the courses of messages that failed, and a file for the console."""
    from ..console.exporting.report import report  # noqa: PLC0415 - see the module's docstring

    content = item.funcargs[name].recorded(after)  # type: ignore[attr-defined] # every item of ours has them
    if not content or not content["records"]:
        return []
    folder = item.config._tmp_path_factory.getbasetemp() / "streamer-recordings"  # type: ignore[attr-defined] # noqa: SLF001 - as the fixture does
    return [(f"What passed through the emulator ({name})", report(content, folder, item.nodeid))]


def pytest_configure(config: pytest.Config) -> None:
    """Let tests import the service as Lambda does: its folder comes first on the import path."""
    code = project_of(config).code
    if _has_app(code) or project_of(config).app is not None:
        sys.path.insert(0, str(code))


def _has_app(folder: Path) -> bool:
    return (folder / "app.py").is_file() or (folder / "app").is_dir()


def project_of(config: pytest.Config) -> Project:
    """What ``streamer.toml`` says, in pytest's root folder or below it in ``streamer_project``.

    Without a configuration file of pytest's its root folder may be any below the project: found as commands find it.
    """
    folder = (config.rootpath / str(config.getini("streamer_project"))).resolve()
    if config.inipath is None and not _has_app(folder):
        folder = folder_of(folder)
    try:
        return read(folder)
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from error


def _option(config: pytest.Config, name: str) -> str | None:
    return config.getoption(name) or config.getini(name) or None


@pytest.fixture(scope="session")
def streamer_target(pytestconfig: pytest.Config) -> Any:
    """What to emulate: ``module:attribute``, a template or its folder, or a Topology; override it to choose another."""
    from ..command.targets.which_project import template_name  # noqa: PLC0415 - see the module's docstring

    project = project_of(pytestconfig)
    named = _option(pytestconfig, "streamer_target")
    return named or project.app or template_name(None, project, project.folder) or DEFAULT_APP


@pytest.fixture(scope="session")
def streamer_project(pytestconfig: pytest.Config) -> Path:
    """The folder with the service's code: as ``streamer.toml`` says, below pytest's root folder."""
    return project_of(pytestconfig).code


@pytest.fixture(scope="session")
def streamer_environment(pytestconfig: pytest.Config) -> Mapping[str, str]:
    """The shell's variables and those of ``.env``; functions get what the App names. Override it to set some."""
    return variables(project_of(pytestconfig).folder, os.environ)


@pytest.fixture(scope="session")
def streamer_config(
    pytestconfig: pytest.Config, streamer_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> EmulatorConfig:
    """How to emulate it; override it for shorter limits, another isolation or a DynamoDB of your own.

    It has a console, so that failed tests can show what passed through.
    """
    from ..wiring.emulator import EmulatorConfig  # noqa: PLC0415 - see the module's docstring

    isolation: Any = _option(pytestconfig, "streamer_isolation")
    return EmulatorConfig(
        project_folder=streamer_project,
        state_folder=tmp_path_factory.mktemp("streamer"),
        isolation=isolation,
        console=True,
    )


@pytest.fixture(scope="session")
def streamer_template() -> TemplateOptions:
    """What is said of a template: parameters, secrets, other code; override it to say some."""
    from ..command.options import TemplateOptions  # noqa: PLC0415 - see the module's docstring

    return TemplateOptions()


@pytest.fixture(scope="session")
def streamer_start(
    pytestconfig: pytest.Config,
    streamer_project: Path,
    streamer_environment: Mapping[str, str],
    streamer_template: TemplateOptions,
) -> Start:
    """A function of target and config that makes an emulator to enter; for tests that need several, or special ones."""
    from streamer.app import App  # noqa: PLC0415 - see the module's docstring

    from ..command.extras import require  # noqa: PLC0415

    try:
        require("emulator")
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from error
    from ..command.targets.target import find_service, of_template, prepared  # noqa: PLC0415
    from ..command.targets.which_project import template_name  # noqa: PLC0415
    from .thread import emulator_thread, minting_here  # noqa: PLC0415

    built: set[str] = set()
    """Templates whose project was built by this run of pytest already."""

    def start(target: Any, config: EmulatorConfig) -> EmulatorThread:
        def load(environment: Mapping[str, str]) -> Target:
            project = dataclasses.replace(project_of(pytestconfig), code=streamer_project)
            template = template_name(target, project, project.folder)
            if template is not None:
                from ..command.targets.from_template import open_template  # noqa: PLC0415 - no other target pays for it

                options = dataclasses.replace(streamer_template, iam=streamer_template.iam or config.iam)
                if template in built:
                    options = dataclasses.replace(options, build=None)
                opened = open_template(template, options, project.folder)
                built.add(template)
                return of_template(opened)
            _refuse_for_templates_only(streamer_template)
            chosen, found = find_service(target, project, undoes=False)  # tests may import it, too
            if isinstance(found, App):
                project, environment = minting_here(project, environment)
            return prepared(chosen, found, project, environment=environment)

        if isinstance(target, Path):
            target = str(target)
        return emulator_thread(load if isinstance(target, str) else target, config, streamer_environment)

    return start


def _refuse_for_templates_only(options: TemplateOptions) -> None:
    said = [each.name for each in dataclasses.fields(options) if getattr(options, each.name) != each.default]
    if said:
        raise ConfigurationError(f"streamer_template says {', '.join(said)}, and the target is no template")


def _found(start: Start, target: Any, config: EmulatorConfig) -> EmulatorThread:
    """What a target is, ready to be entered; a mistake in the target is told with where that is said."""
    try:
        return start(target, config)
    except ConfigurationError as error:
        if not isinstance(target, str):
            raise
        where = "--streamer-target, streamer_target in pytest's configuration, or app in streamer.toml"
        raise ConfigurationError(f"{error}; the target is {target!r}, from {where}") from error


@contextmanager
def _started(start: Start, target: Any, config: EmulatorConfig) -> Iterator[EmulatorThread]:
    """An emulator that runs; that it cannot is told without the frames that found out."""
    with ExitStack() as stack:
        try:
            emulator = stack.enter_context(_found(start, target, config))
        except ConfigurationError as error:
            pytest.fail(f"streamer: {error}", pytrace=False)
        yield emulator


@pytest.fixture
def streamer(
    streamer_start: Callable[[Any, EmulatorConfig], EmulatorThread],
    streamer_target: Any,
    streamer_config: EmulatorConfig,
) -> Iterator[EmulatorThread]:
    """An emulator of this test's own, with empty tables."""
    with _started(streamer_start, streamer_target, streamer_config) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def streamer_session(
    streamer_start: Callable[[Any, EmulatorConfig], EmulatorThread],
    streamer_target: Any,
    streamer_config: EmulatorConfig,
) -> Iterator[EmulatorThread]:
    """One emulator for the whole run: faster; tests keep out of each other's way by using different users."""
    with _started(streamer_start, streamer_target, streamer_config) as emulator:
        yield emulator
