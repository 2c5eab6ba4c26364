"""``streamer init``: a new service that runs, with a test. Which files; writing them never replaces one.

A folder may be a project already, as ``uv init`` or a new repository makes one: what it has its own way stays out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NamedTuple

from streamer.errors import ConfigurationError

_APP: Final = '''"""A service: one quick action, one that takes a while."""

import time

from streamer import App

app = App()


@app.action("greet")  # quick: answered at once
def greet(request):
    return {"hello": request.payload["name"]}


@app.action("count", estimated_duration=60)  # slow: queued, then run in the background
def count(request, progress):
    for number in range(1, 4):
        progress(number * 30, f"counted to {number}")
        time.sleep(0.1)
    return "done"
'''
_APP_TEST: Final = '''"""The service, end to end: ``streamer`` is an emulator, from streamer's pytest plugin."""


def test_greet(streamer):
    with streamer.connect("ada") as client:
        assert client.request("greet", {"name": "Ada"}) == {"hello": "Ada"}


def test_count_tells_how_far_it_is(streamer):
    told = []
    with streamer.connect("ada") as client:
        assert client.request("count", on_progress=lambda progress: told.append(progress.percentage)) == "done"
    assert told == sorted(told)
'''
_HANDLERS: Final = '''"""Plain Lambda handlers: they know nothing of streamer."""

import json

import boto3


def say(event, _):
    context = event["requestContext"]
    endpoint = f"https://{context['domainName']}/{context['stage']}"
    client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    message = json.loads(event["body"])
    client.post_to_connection(
        ConnectionId=context["connectionId"], Data=json.dumps({"said": message["text"]}).encode()
    )
    return {"statusCode": 200}
'''
_SERVICE: Final = '''"""What the service consists of, for the emulator and for AWS."""

from streamer.topology import Api, Function, Route, Topology

chat = Topology(
    api=Api(name="chat", routes=(Route(route_key="$default", function="say"),)),
    functions=(Function(name="say", handler="handlers.say", posts_to_connections=True),),
)
'''
_SERVICE_TEST: Final = '''"""The service, end to end, with any WebSocket client."""

import json

from websockets.sync.client import connect


def test_what_is_said_comes_back(streamer):
    with connect(streamer.websocket_url) as client:
        client.send(json.dumps({"text": "hello"}))
        assert json.loads(client.recv(timeout=10)) == {"said": "hello"}
'''
_PYTEST: Final = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
PYTEST: Final = "pytest.ini"
REQUIREMENTS: Final = "requirements.txt"
WORKFLOW: Final = ".github/workflows/test.yml"
IGNORED: Final = ".gitignore"
SETTINGS: Final = "pyproject.toml"
"""Of a project that uv, Poetry or the like look after."""
_IGNORE: Final = ".streamer/\n.env\n__pycache__/\n.venv/\n"
_REQUIREMENTS: Final = "# What the functions need on Lambda besides streamer and boto3, which are there.\n"


_WORKFLOW: Final = """name: test
on: [push, pull_request]
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "{python}"
      - run: {install}
      - run: pytest
"""
_LAUNCH: Final = """{
  "version": "0.2.0",
  "configurations": [
    {
      "name": "streamer emulate",
      "type": "debugpy",
      "request": "launch",
      "module": "streamer",
      "args": ["emulate", "--isolation", "inline"],
      "console": "integratedTerminal",
      "justMyCode": true
    },
    {
      "name": "this file's tests",
      "type": "debugpy",
      "request": "launch",
      "module": "pytest",
      "args": ["--streamer-isolation", "inline", "${file}"],
      "console": "integratedTerminal",
      "justMyCode": true
    }
  ]
}
"""
"""Functions run inline, in the process that the editor started, so that its breakpoints stop them."""
DISTRIBUTION: Final = "streamer-ws"
WANTED: Final = f"{DISTRIBUTION}[pytest]"
"""The emulator and what tests need."""
REPORTS: Final = "reports"
"""The example that is a template, too."""
_PLACES: Final = (Path(__file__).parents[1] / "examples", Path(__file__).parents[2] / "examples")
"""Where the examples are: in a wheel, in a checkout."""


def installing(version: str, direct_url: Mapping[str, Any] | None) -> str:
    """The command that installs this streamer somewhere else.

    Args:
        version: streamer's own.
        direct_url: where it was installed from, as pip keeps it (PEP 610); None: from a package index.
    """
    if direct_url is None:
        return f'pip install "{WANTED}=={version}" -r requirements.txt'
    url, source = str(direct_url["url"]), direct_url.get("vcs_info")
    if source is not None:
        url = f"{source['vcs']}+{url}@{source['commit_id']}"
    if not url.startswith("file:"):
        return f'pip install "{WANTED} @ {url}" -r requirements.txt'
    return 'pip install "$(echo vendor/streamer_ws-*.whl)[pytest]" -r requirements.txt  # put its wheel there'


def _own_installing() -> str:
    found = metadata.distribution(DISTRIBUTION)
    text = found.read_text("direct_url.json")
    return installing(found.version, None if text is None else json.loads(text))


def _common(app: str) -> dict[str, str]:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        "streamer.toml": f'app = "{app}"\n\n[environment]  # of every function, here and on AWS\nLOG_LEVEL = "INFO"\n',
        REQUIREMENTS: _REQUIREMENTS,
        PYTEST: _PYTEST,
        IGNORED: _IGNORE,
        WORKFLOW: _WORKFLOW.format(python=python, install=_own_installing()),
        ".vscode/launch.json": _LAUNCH,
    }


def _minimal() -> dict[str, str]:
    return {"app.py": _APP, "tests/test_app.py": _APP_TEST, **_common("app:app")}


def _handlers() -> dict[str, str]:
    return {
        "handlers.py": _HANDLERS,
        "service.py": _SERVICE,
        "tests/test_service.py": _SERVICE_TEST,
        **_common("service:chat"),
    }


def _reports() -> dict[str, str]:
    folder = next(place / REPORTS for place in _PLACES if (place / REPORTS).is_dir())
    kept = [path for path in folder.rglob("*") if path.suffix in (".py", ".md", ".ini", ".txt")]
    own = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(kept)}
    return {**_common("app:app"), **own, REQUIREMENTS: _REQUIREMENTS}


TEMPLATES: Final[Mapping[str, Callable[[], Mapping[str, str]]]] = {
    "minimal": _minimal,
    REPORTS: _reports,
    "handlers": _handlers,
}
"""Name of a template to path and content of its files."""


class Made(NamedTuple):
    """What `make_project` did, by names of files in the folder."""

    files: tuple[str, ...]
    ignored: tuple[str, ...]
    """Lines that were added to the ``.gitignore`` that was there."""
    left_out: Mapping[str, str]
    """Files that the project does without, and why."""


def left_out(settings: str | None, *, is_below_a_repository: bool) -> dict[str, str]:
    """Files that a project does without, and why; ``settings``: its ``pyproject.toml``, None: it has none."""
    found = {}
    if settings is not None:
        found[REQUIREMENTS] = f"{SETTINGS} has them"
        found[WORKFLOW] = f"what {SETTINGS} asks for is installed in a way of its own"
        if "[tool.pytest" in settings:
            found[PYTEST] = f'{SETTINGS} has them; async tests want asyncio_mode = "auto" there'
    elif is_below_a_repository:
        found[WORKFLOW] = "GitHub looks for it at the top of a repository only"
    return found


def make_project(folder: Path, template: str) -> Made:
    """Write a template's files into a folder, which is made if it is not there.

    Raises:
        ConfigurationError: one of them is there already, or cannot be written; so none is.
    """
    unwanted = _left_out(folder)
    files = {name: text for name, text in TEMPLATES[template]().items() if name not in unwanted}
    ignores = folder / IGNORED
    before = _text(ignores) if ignores.is_file() else None
    if before is not None:
        del files[IGNORED]
    taken = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if taken:
        raise ConfigurationError(
            f"{folder} has {', '.join(taken)} already; nothing was written, choose an empty folder"
        )
    added = () if before is None else tuple(line for line in _IGNORE.splitlines() if not _ignores(before, line))
    begun: list[Path] = []
    try:
        for path, content in ((folder / name, content) for name, content in files.items()):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                begun.append(path)
                file.write(content)
        if added:
            with ignores.open("a", encoding="utf-8") as file:
                file.write("\n" * (not f"\n{before}".endswith("\n")) + "".join(f"{line}\n" for line in added))
    except OSError as error:
        for path in begun:  # they would keep another try from writing any
            path.unlink(missing_ok=True)
        raise ConfigurationError(f"{error.filename or begun[-1]} cannot be written: {error.strerror}") from error
    return Made(files=tuple(files), ignored=added, left_out=unwanted)


def _left_out(folder: Path) -> dict[str, str]:
    settings = _text(folder / SETTINGS) if (folder / SETTINGS).is_file() else None
    is_below = any((above / ".git").exists() for above in folder.resolve().parents)
    return left_out(settings, is_below_a_repository=is_below and not (folder / ".git").exists())


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error


def _ignores(text: str, line: str) -> bool:
    return line.rstrip("/") in {each.strip().strip("/") for each in text.splitlines()}
