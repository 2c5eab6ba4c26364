"""What ``streamer emulate`` finds in a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.command.target import DEMO, load_target
from streamer.errors import ConfigurationError, TopologyError
from streamer.topology import Topology

ENVIRONMENT = {"JWT_SECRET": "a-secret-of-at-least-thirty-two-characters"}
APP = "from streamer import App\napp = App()\n"
CHAT = """
from streamer.topology import Api, Function, Route, Topology

chat = Topology(
    api=Api(name="chat", routes=(Route(route_key="$default", function={function!r}),)),
    functions=(Function(name="say", handler="handlers.say"),),
)
number = 1
"""


@pytest.fixture(autouse=True)
def _clean_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imported is forgotten, and so is its folder."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name in {"app", "service"} or name.startswith(("app.", "service.")):
            del sys.modules[name]


def test_an_empty_folder_gets_the_demo(tmp_path: Path) -> None:
    target = load_target(None, folder=tmp_path, environment=ENVIRONMENT)

    assert (target.name, target.is_app, target.topology.api.stage) == (DEMO, True, "dev")


@pytest.mark.parametrize("file", ["app.py", "app/__init__.py"])
def test_a_folder_with_an_app_gets_that(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(APP)

    assert load_target(None, folder=tmp_path, environment=ENVIRONMENT).name == "app:app"


def test_a_topology_of_plain_handlers_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="say"))

    target = load_target("service:chat", folder=tmp_path, environment={})

    assert isinstance(target.topology, Topology)
    assert (target.is_app, target.topology.api.name) == (False, "chat")


def test_the_stage_can_be_chosen_for_either(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="say") + APP)

    for name in ("service:chat", "service:app"):
        target = load_target(name, folder=tmp_path, environment=ENVIRONMENT, stage="beta")
        assert target.topology.api.stage == "beta"


def test_a_topology_that_aws_would_refuse_is_refused(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="whisper"))

    with pytest.raises(TopologyError, match="there is no function 'whisper'; there are: say"):
        load_target("service:chat", folder=tmp_path, environment={})


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("service:number", "is of type int; a target is an App or a", id="neither"),
        pytest.param("service:nothing", "module 'service' has no attribute 'nothing'", id="no such attribute"),
        pytest.param("nowhere:app", "there is no module 'nowhere'", id="no such module"),
        pytest.param("service", "write it as module:attribute", id="only a module"),
    ],
)
def test_what_is_no_target_is_named(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="say"))

    with pytest.raises(ConfigurationError, match=complaint):
        load_target(name, folder=tmp_path, environment=ENVIRONMENT)


def test_no_bytecode_is_left_that_could_hide_a_change_of_the_same_second(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="say"))

    load_target("service:chat", folder=tmp_path, environment={})

    assert [path.name for path in tmp_path.iterdir()] == ["service.py"]
