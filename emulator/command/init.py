"""``streamer init``: a new service that runs, with a test. Which files; writing them never replaces one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

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
        "requirements.txt": _REQUIREMENTS,
        "pytest.ini": _PYTEST,
        ".gitignore": _IGNORE,
        ".github/workflows/test.yml": _WORKFLOW.format(python=python, install=_own_installing()),
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
    return {**_common("app:app"), **own, "requirements.txt": _REQUIREMENTS}


TEMPLATES: Final[Mapping[str, Callable[[], Mapping[str, str]]]] = {
    "minimal": _minimal,
    REPORTS: _reports,
    "handlers": _handlers,
}
"""Name of a template to path and content of its files."""


def make_project(folder: Path, template: str) -> list[str]:
    """Write a template's files into a folder, which is made if it is not there; answers their names.

    Raises:
        ConfigurationError: one of them is there already, or cannot be written; so none is.
    """
    files = TEMPLATES[template]()
    taken = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if taken:
        raise ConfigurationError(
            f"{folder} has {', '.join(taken)} already; nothing was written, choose an empty folder"
        )
    begun: list[Path] = []
    try:
        for path, content in ((folder / name, content) for name, content in files.items()):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                begun.append(path)
                file.write(content)
    except OSError as error:
        for path in begun:  # they would keep another try from writing any
            path.unlink(missing_ok=True)
        raise ConfigurationError(f"{error.filename or begun[-1]} cannot be written: {error.strerror}") from error
    return list(files)
