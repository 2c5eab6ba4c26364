import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import pytest

from streamer.actions import Action
from streamer.app import BUILT_IN_ACTIONS, App
from streamer.context import Principal
from streamer.errors import ConfigurationError
from streamer.loading import load_app, load_service


def found(app: App, name: str) -> Action:
    action = app.find(name)
    assert action is not None
    return action


def quick(request: Any) -> None: ...


def slow(request: Any, progress: Any) -> None: ...


def either(request: Any, progress: Any = None) -> None: ...


async def async_slow(request: Any, progress: Any) -> None: ...


def nothing() -> None: ...


def three(request: Any, progress: Any, more: Any) -> None: ...


def generator(request: Any) -> Any:
    yield 1


async def async_generator(request: Any) -> Any:
    yield 1


async def later(payload: Any) -> None: ...


class Fields(TypedDict):
    pieces: int


class Later:
    async def __call__(self, *anything: Any) -> bool:
        return False


class Callable:
    def __call__(self, request: Any, progress: Any) -> None: ...


def test_the_decorator_registers_a_function_and_leaves_it_alone() -> None:
    app = App()

    assert app.action("greet")(quick) is quick
    assert found(app, "greet").function is quick
    assert list(app.actions) == ["greet"]
    assert app.find("other") is None


@pytest.mark.parametrize(
    ("options", "queued"),
    [
        pytest.param({}, False, id="no estimate"),
        pytest.param({"estimated_duration": 5}, False, id="at the threshold"),
        pytest.param({"estimated_duration": 5.01}, True, id="above it"),
        pytest.param({"estimated_duration": 120, "queued": False}, False, id="long but forced quick"),
        pytest.param({"queued": True}, True, id="short but forced queued"),
    ],
)
def test_which_actions_are_queued(options: dict[str, Any], queued: bool) -> None:
    app = App()
    app.action("act", **options)(quick)

    assert found(app, "act").is_queued(threshold_seconds=5.0) is queued


def test_an_action_that_needs_progress_stays_queued_whatever_the_threshold() -> None:
    app = App()
    app.action("act", estimated_duration=10)(slow)

    assert found(app, "act").is_queued(threshold_seconds=60)


@pytest.mark.parametrize(
    ("function", "takes"),
    [
        pytest.param(quick, "none", id="request"),
        pytest.param(slow, "required", id="request and progress"),
        pytest.param(either, "optional", id="progress with a default"),
        pytest.param(async_slow, "required", id="async"),
        pytest.param(Callable(), "required", id="callable object"),
        pytest.param(functools.partial(three, more=1), "required", id="partial"),
        pytest.param(lambda *args: None, "optional", id="any number"),
    ],
)
def test_how_a_function_is_called_follows_from_its_parameters(function: Any, takes: str) -> None:
    app = App()
    app.action("act", queued=True)(function)

    assert found(app, "act").progress_parameter == takes


@pytest.mark.parametrize(
    ("name", "options", "function", "says"),
    [
        pytest.param("", {}, quick, "cannot be the name", id="empty name"),
        pytest.param("a b", {}, quick, "cannot be the name", id="blank in the name"),
        pytest.param("x" * 65, {}, quick, "cannot be the name", id="long name"),
        pytest.param(None, {}, quick, "cannot be the name", id="no name"),
        pytest.param(quick, {}, quick, r'write @app.action\("name"\)', id="decorator without a name"),
        pytest.param("act", {"permissions": "reports"}, quick, "not one string", id="permissions as a string"),
        pytest.param("act", {"estimated_duration": -1}, quick, "0 or more", id="negative estimate"),
        pytest.param("act", {"estimated_duration": float("nan")}, quick, "0 or more", id="estimate is NaN"),
        pytest.param("act", {"estimated_duration": "5m"}, quick, "0 or more seconds, not '5m'", id="estimate as text"),
        pytest.param("act", {"timeout_seconds": "5"}, quick, "more than 0, or None .* not '5'", id="time-out as text"),
        pytest.param("act", {"max_attempts": 3}, quick, "'act' is quick, and max_attempts is for", id="quick attempts"),
        pytest.param(
            "act", {"cancel_on_disconnect": True}, quick, "cancel_on_disconnect is for", id="quick cancelling"
        ),
        pytest.param("act", {"timeout_seconds": 60}, quick, "a timeout above 29 s is for", id="quick, but patient"),
        pytest.param(
            "act", {"queued": False, "estimated_duration": 9, "max_attempts": 2}, quick, "is quick", id="made quick"
        ),
        pytest.param(
            "act", {"estimated_duration": 1200}, slow, "1200 s are more than the 900", id="longer than Lambda"
        ),
        pytest.param(
            "act", {"queued": True, "timeout_seconds": 901}, slow, "901 s are more", id="timeout over Lambda's"
        ),
        pytest.param("act", {"max_attempts": 0}, quick, "whole number from 1", id="no attempts"),
        pytest.param("act", {"max_attempts": True}, quick, "whole number from 1", id="attempts as a boolean"),
        pytest.param("act", {"timeout_seconds": 0}, quick, "more than 0", id="no time"),
        pytest.param("act", {"validator": {}}, quick, "must be a callable", id="validator is a dict"),
        pytest.param("act", {"validator": Principal}, quick, "Principal, which is made of its fields", id="dataclass"),
        pytest.param("act", {"validator": Fields}, quick, "Fields, which is made of its fields", id="TypedDict"),
        pytest.param("act", {"validator": later}, quick, "not async def", id="validator that would be awaited"),
        pytest.param("act", {"validator": Later()}, quick, "not async def", id="object that would be awaited"),
        pytest.param("act", {}, nothing, "must take \\(request\\)", id="takes nothing"),
        pytest.param("act", {"queued": True}, three, "must take \\(request\\)", id="takes three"),
        pytest.param("act", {}, generator, "generator", id="generator"),
        pytest.param("act", {}, async_generator, "generator", id="async generator"),
        pytest.param("act", {}, slow, "pass queued=True", id="quick with progress"),
        pytest.param("act", {"estimated_duration": 9, "queued": False}, slow, "pass queued=True", id="forced quick"),
    ],
)
def test_what_cannot_be_is_refused_at_registration(name: Any, options: Any, function: Any, says: str) -> None:
    app = App()

    with pytest.raises(ConfigurationError, match=says):
        app.action(name, **options)(function)
    assert not app.actions


@pytest.mark.parametrize("name", sorted(BUILT_IN_ACTIONS))
def test_built_in_names_are_taken(name: str) -> None:
    with pytest.raises(ConfigurationError, match="built-in"):
        App().action(name)


def test_a_name_is_used_once() -> None:
    app = App()
    app.action("greet")(quick)

    with pytest.raises(ConfigurationError, match="registered twice"):
        app.action("greet")


def test_environment_is_a_sequence_of_names() -> None:
    with pytest.raises(ConfigurationError, match="not one string"):
        App(environment="DATABASE_URL")


# load_app


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path, whose modules are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_an_app_is_loaded_from_its_module(project: Path) -> None:
    (project / "loadable_app.py").write_text("from streamer import App\napp = App()\nclass box:\n    inner = App()\n")

    assert isinstance(load_app("loadable_app:app"), App)
    assert isinstance(load_app("loadable_app:box.inner"), App)


def test_a_module_called_as_the_package_is_refused_before_functions_import_it(project: Path) -> None:
    (project / "beside_app.py").write_text("from streamer import App\napp = App()\n")
    (project / "streamer.py").write_text("")

    with pytest.raises(ConfigurationError, match=r"streamer\.py is called as the package that functions import"):
        load_service("beside_app:app", stage="dev", table_prefix="")


def test_a_function_may_be_annotated_with_what_only_type_checkers_know(project: Path) -> None:
    """As of Python 3.14 annotations are evaluated when somebody asks for them."""
    future = "" if sys.version_info >= (3, 14) else "from __future__ import annotations\n"
    source = "def chat(stage: str, prefix: str) -> Topology:\n    return stage + prefix\n"
    (project / "typed_service.py").write_text(future + source)

    with pytest.raises(ConfigurationError, match="is of type str; a target is"):
        load_service("typed_service:chat", stage="dev", table_prefix="chat-")


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        pytest.param("", "broken_app", "write it as module:attribute", id="no colon"),
        pytest.param("", "broken_app:", "write it as module:attribute", id="no attribute"),
        pytest.param("", "./broken_app.py:app", "names a file", id="path"),
        pytest.param("", "broken_app.py:app", "names a file", id="file"),
        pytest.param("raise SystemExit(3)", "broken_app:app", r"3 \(broken_app.py, line 1\)$", id="module exits"),
        pytest.param("", "nowhere_app:app", "there is no module 'nowhere_app'", id="no module"),
        pytest.param("", "broken_app.sub:app", "there is no module 'broken_app.sub'", id="no submodule"),
        pytest.param("import nowhere_lib", "broken_app:app", "imports 'nowhere_lib', which is not", id="no dependency"),
        pytest.param("1 / 0", "broken_app:app", r"by zero \(broken_app.py, line 1\)$", id="module raises"),
        pytest.param(
            "class Odd(Exception):\n    def __str__(self): return 1\nraise Odd",
            "broken_app:app",
            r"Odd: <exception str\(\) failed> \(broken_app.py, line 3\)$",
            id="module raises what says nothing",
        ),
        pytest.param("def", "broken_app:app", "SyntaxError", id="module is not Python"),
        pytest.param("", "broken_app:app", "module 'broken_app' has no attribute 'app'$", id="no such attribute"),
        pytest.param(
            "from streamer import App\nmine = App()", "broken_app:app", "it has broken_app:mine", id="another attribute"
        ),
        pytest.param("app = 7", "broken_app:app", "is of type int, not a streamer App", id="not an App"),
    ],
)
def test_which_half_of_a_target_failed(project: Path, source: str, target: str, says: str) -> None:
    (project / "broken_app.py").write_text(source)

    with pytest.raises(ConfigurationError, match=says) as caught:
        load_app(target)
    assert "\n" not in str(caught.value)


def test_topics_may_be_declared_for_documents() -> None:
    app = App()
    app.topic("orders/new", data={"type": "integer"}, description="Every order.")

    assert list(app.topics) == ["orders/new"]
    with pytest.raises(ConfigurationError, match="declared twice"):
        app.topic("orders/new")
    with pytest.raises(ConfigurationError, match="cannot be a topic"):
        app.topic("no blanks")
