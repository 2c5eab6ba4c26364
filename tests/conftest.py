"""What every test can rely on: an environment without settings of the machine, and enough open files."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from emulator.functions.processes import ahead

E2E = Path(__file__).parent / "e2e"
OUR_SETTINGS = ("JWT_", "STREAMER_", "AWS_", "ALLOWED_TENANTS", "TABLE_PREFIX", "LOG_LEVEL", "_HANDLER", "_X_AMZN")
IAM_LOG = "STREAMER_IAM_LOG"
"""What `make test-iam` says to the emulators of the tests: where to write what functions call."""
VERSION_MANAGERS = {"PYENV_ROOT": ".pyenv", "ASDF_DATA_DIR": ".asdf"}
"""Where version managers look for the commands they stand for, and where in the home folder that is by default."""
EXAMPLES = {"tests": 50, "soak": 1000}
"""Of each property, where it does not say itself, by profile: a new seed each time makes up for few of them."""
GARBAGE_THRESHOLDS = (5_000, 20, 50)
"""A file of tests ends with a collection of its own, so that what it left open is told in its name."""
_HOME = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Forget whatever the developer's shell and home say; subprocesses inherit the result.

    The home is an empty folder, with empty files as the configuration of AWS.
    """
    # Below nohup, processes would inherit that the end of a terminal is ignored; a handler is not inherited.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    for name in [name for name in os.environ if name.startswith(OUR_SETTINGS) and name != IAM_LOG]:
        del os.environ[name]
    for name, folder in VERSION_MANAGERS.items():
        os.environ.setdefault(name, str(Path.home() / folder))
    home = config.stash[_HOME] = Path(tempfile.mkdtemp(prefix="home-of-tests-")).resolve()
    os.environ["HOME"] = str(home)
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    (home / ".aws").mkdir()
    for name, file in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        path = home / ".aws" / file
        path.touch()
        os.environ[name] = str(path)
    # How long an example takes says how busy the machine is, nothing of the code.
    for profile, examples in EXAMPLES.items():
        hypothesis.settings.register_profile(
            profile, max_examples=examples, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
        )
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))
    # A shell without job control makes background jobs, such as `make test &`, ignore Ctrl-C; so would all they start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the home."""
    if _HOME in config.stash:
        shutil.rmtree(config.stash[_HOME], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests below ``tests/e2e`` carry the marker, so that ``-m 'not e2e'`` is the quick round.

    What says that it takes longer than any other test is begun first, so that nothing waits for it alone in the end.
    """
    end_to_end = f"{E2E}{os.sep}"
    for item in items:
        if str(item.path).startswith(end_to_end):
            item.add_marker(pytest.mark.e2e)
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Half as many again as there are cores: a third of the time of a test that starts processes is spent waiting."""
    cores = os.cpu_count() or 1
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else cores + cores // 2


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let Hypothesis find once which characters there are: it takes more than a second, and is kept for all workers."""
    if not hasattr(session.config, "workerinput"):
        hypothesis.strategies.text().validate()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while tests are collected: next to nothing is, and looking takes a sixth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Keep the garbage collector off what was imported, and let it look seldom: it took half of an emulator's time.

    Sessions of botocore's share what it reads of AWS's services, as its default session's clients do: each session
    looks through 900 folders and parses the models of its clients, two thirds of the time of a test that asks little
    of them. What it asks of each of its 130 handlers for each session and client it asks once, as it does in functions.
    """
    if (sessions := sys.modules.get("botocore.session")) is not None:
        vars(sessions)["create_loader"] = functools.cache(sessions.create_loader)
        for keep in (ahead.keep_event_names, ahead.see_keywords):
            keep(sys.modules["botocore.hooks"])
    gc.freeze()  # what is garbage by now stays: looking through all that was imported takes half a second
    gc.set_threshold(*GARBAGE_THRESHOLDS)


@pytest.fixture(autouse=True, scope="module")
def _own_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget what a file of tests imported from folders of its own: the next one's ``app`` is another."""
    made, path = f"{tmp_path_factory.getbasetemp()}{os.sep}", list(sys.path)
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith(made):
            del sys.modules[name]
    # What is left, such as the models of AWS's services, is never looked at again.
    gc.collect()
    gc.freeze()


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are not measured where no file can be written: coverage could not write its own either, and says so."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
