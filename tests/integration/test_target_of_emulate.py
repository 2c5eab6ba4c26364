"""What ``streamer emulate`` finds in a folder."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loaded_target import load_target

from emulator.command.targets.target import DEMO, other_python, prepared
from emulator.command.targets.which_project import pairs
from streamer import App
from streamer.errors import ConfigurationError, TopologyError
from streamer.project import Project, read
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


def project(folder: Path, **settings: Any) -> Project:
    return dataclasses.replace(read(folder), **settings)


def test_the_demo_runs_when_it_is_asked_for(tmp_path: Path) -> None:
    target = load_target(DEMO, project(tmp_path), environment=ENVIRONMENT)

    assert (target.name, target.is_app, target.topology.api.stage) == (DEMO, True, "dev")
    assert "report" in target.actions


@pytest.mark.parametrize(
    ("file", "said"),
    [
        pytest.param(
            "notes.txt", "`streamer init` makes a new one, `streamer emulate --demo` runs a demo", id="nothing"
        ),
        pytest.param("service.py", "it has service:app: name one, such as `streamer emulate service:app`", id="an App"),
        pytest.param("shop/api.py", "it has shop.api:app: name one", id="in a package"),
        pytest.param("src/shop.py", 'src/ has shop:app: write project = "src" and app = "shop:app"', id="src layout"),
        pytest.param("tests/helper.py", "`streamer init` makes a new one", id="only in tests"),
        pytest.param("api/template.yaml", "in api: `streamer emulate api`", id="a template below"),
        pytest.param("infra/main.tf", "Terraform's files are not read; templates of SAM", id="Terraform's"),
    ],
)
def test_a_folder_without_a_service_says_what_could_be_meant(tmp_path: Path, file: str, said: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(APP)

    with pytest.raises(ConfigurationError, match="there is no service in") as refused:
        load_target(None, project(tmp_path), environment=ENVIRONMENT)

    assert said in str(refused.value)


def test_a_project_whose_file_names_nothing_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "streamer.toml").write_text('project = "src"\n')

    with pytest.raises(ConfigurationError, match=r"no service in .*/src: streamer.toml names no app, and there is no"):
        load_target(None, project(tmp_path), environment=ENVIRONMENT)


def test_a_service_in_a_file_named_as_the_package_is_told_to_have_another_name(tmp_path: Path) -> None:
    (tmp_path / "streamer.py").write_text(APP)

    with pytest.raises(ConfigurationError, match="names the package streamer itself; a service's file needs another"):
        load_target("streamer:app", project(tmp_path), environment=ENVIRONMENT)


def test_streamer_toml_names_the_target_its_folder_its_stage_and_variables(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "service.py").write_text(CHAT.format(function="say"))
    (tmp_path / "streamer.toml").write_text(
        'app = "service:chat"\nproject = "src"\nstage = "beta"\n[environment]\nGREETING = "hello"\nLEVEL = "1"\n'
        '[stages.beta.environment]\nLEVEL = "2"\n'
    )

    target = load_target(None, project(tmp_path), environment={})

    assert (target.name, target.topology.api.stage) == ("service:chat", "beta")
    assert target.topology.functions[0].environment == {"GREETING": "hello", "LEVEL": "2"}


def test_the_part_of_the_default_stage_counts_where_no_stage_is_named(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="say"))
    (tmp_path / "streamer.toml").write_text(
        '[environment]\nLEVEL = "1"\n[stages.dev]\napp = "service:chat"\n[stages.dev.environment]\nLEVEL = "2"\n'
        "[stages.dev.functions.say]\nmemory_mb = 512\n"
    )

    target = load_target(None, project(tmp_path), environment={})

    assert target.name == "service:chat"
    assert target.topology.functions[0].environment == {"LEVEL": "2"}
    assert target.topology.functions[0].memory_mb == 512


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param('stage = "a b"', "stage is 'a b'; it takes 1 to 128 letters", id="stage"),
        pytest.param("stage = 3", "stage is 3, which is not text", id="stage of another type"),
        pytest.param("[stages]\ndev = 3", r"below \[stages.NAME\]", id="part of a stage"),
        pytest.param("[stages.prod]\napp = 3", "app is 3, which is not text", id="app of another stage"),
        pytest.param(
            "[stages.prod.environment]\nFOO = 3",
            "table of texts, and FOO is none; write FOO",
            id="variable of another stage",
        ),
        pytest.param('base_path = "chat"', "base_path belongs to a domain", id="base path"),
        pytest.param('[environment]\nAWS_REGION = "x"', "'AWS_REGION' cannot .* Lambda sets it", id="reserved name"),
        pytest.param('[environment]\nA-B = "x"', "'A-B' cannot be .* it takes letters", id="name"),
        pytest.param('[environment]\nA = "x"', "'A' cannot be .* two at least", id="name of one letter"),
        pytest.param('[environment]\nAB = "\\u0000"', "'environment.AB' holds a null character", id="value"),
        pytest.param('[environment]\nLOG_LEVEL = "LOUD"', "LOG_LEVEL is 'LOUD', but must be one of", id="level"),
        pytest.param(
            '[environment]\nREQUEST_TTL_SECONDS = "1"', "must be a whole number of seconds, 900", id="of runs"
        ),
        pytest.param('[environment]\nCONNECTION_TTL_SECONDS = "x"', "CONNECTION_TTL_SECONDS is 'x'", id="of $connect"),
        pytest.param('[environment]\nJWT_JWKS_URL = "https://a/b"', "JWT_SECRET are both set", id="two sorts of keys"),
    ],
)
def test_what_no_deployment_takes_is_refused_by_the_emulator(tmp_path: Path, settings: str, said: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "streamer.toml").write_text(f"{settings}\n")

    with pytest.raises(ConfigurationError, match=said):
        load_target(None, project(tmp_path), environment=ENVIRONMENT)


def test_settings_that_are_resources_are_known_only_when_these_are_made(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "resources.yaml").write_text(
        "Resources:\n  Pool: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: x}}\n"
    )
    (tmp_path / "streamer.toml").write_text('resources = "resources.yaml"\n[environment_from]\nLOG_LEVEL = "Pool"\n')

    target = load_target(None, project(tmp_path), environment=ENVIRONMENT)

    assert "-Pool-" in target.topology.function("connect").environment["LOG_LEVEL"]


@pytest.mark.parametrize("file", ["app.py", "app/__init__.py"])
def test_a_folder_with_an_app_gets_that(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(APP)

    assert load_target(None, project(tmp_path), environment=ENVIRONMENT).name == "app:app"


def test_a_topology_of_plain_handlers_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="say"))

    target = load_target("service:chat", project(tmp_path), environment={})

    assert isinstance(target.topology, Topology)
    assert (target.is_app, target.topology.api.name) == (False, "chat")


@pytest.mark.parametrize(
    ("environment", "settings", "value"),
    [
        pytest.param({}, {}, "own", id="what the topology says"),
        pytest.param({"TOKEN": "shell"}, {}, "shell", id="the shell's, or that of .env"),
        pytest.param({"TOKEN": "shell"}, {"environment": {"TOKEN": "file"}}, "file", id="streamer.toml's, as on AWS"),
    ],
)
def test_plain_handlers_find_their_secrets_in_variables(
    tmp_path: Path, environment: dict[str, str], settings: dict[str, Any], value: str
) -> None:
    secret = 'handler="handlers.say", secrets=("TOKEN",), environment={"TOKEN": "own"}'
    (tmp_path / "service.py").write_text(CHAT.format(function="say").replace('handler="handlers.say"', secret))

    target = load_target("service:chat", project(tmp_path, **settings), environment=environment)

    assert target.topology.function("say").environment == {"TOKEN": value}


def test_a_secret_without_a_value_is_asked_for_as_it_is_by_deploy(tmp_path: Path) -> None:
    secret = 'handler="handlers.say", secrets=("TOKEN",)'
    (tmp_path / "service.py").write_text(CHAT.format(function="say").replace('handler="handlers.say"', secret))

    with pytest.raises(ConfigurationError, match=r"function 'say' needs TOKEN; set it in the environment or in \.env"):
        load_target("service:chat", project(tmp_path), environment={"TOKEN": ""})


def test_the_stage_can_be_chosen_for_either(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="say") + APP)

    for name in ("service:chat", "service:app"):
        target = load_target(name, project(tmp_path, stage="beta"), environment=ENVIRONMENT)
        assert target.topology.api.stage == "beta"


def test_a_topology_that_aws_would_refuse_is_refused(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="whisper"))

    with pytest.raises(TopologyError, match="there is no function 'whisper'; there are: say"):
        load_target("service:chat", project(tmp_path), environment={})


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("service:number", "is of type int; a target is an App, a", id="neither"),
        pytest.param("service:nothing", "module 'service' has no attribute 'nothing'", id="no such attribute"),
        pytest.param("nowhere:app", "there is no module 'nowhere'", id="no such module"),
        pytest.param("service", "write it as module:attribute", id="only a module"),
    ],
)
def test_what_is_no_target_is_named(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="say"))

    with pytest.raises(ConfigurationError, match=complaint):
        load_target(name, project(tmp_path), environment=ENVIRONMENT)


def test_no_bytecode_is_left_that_could_hide_a_change_of_the_same_second(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(CHAT.format(function="say"))

    load_target("service:chat", project(tmp_path), environment={})

    assert [path.name for path in tmp_path.iterdir()] == ["service.py"]


def test_a_function_of_stage_and_prefix_makes_the_topology(tmp_path: Path) -> None:
    made = CHAT.format(function="say").replace("chat = Topology(", "def chat(stage, prefix):\n  return Topology(")
    (tmp_path / "service.py").write_text(made.replace('name="chat",', 'name="chat" + prefix, stage=stage,', 1))

    assert load_target("service:chat", project(tmp_path), environment={}).topology.api.stage == "dev"
    target = load_target("service:chat", project(tmp_path, stage="beta"), environment={})

    assert (target.is_app, target.topology.api.name, target.topology.api.stage) == (False, "chat", "beta")


def test_the_app_of_another_project_is_not_run_in_the_name_of_this_one(tmp_path: Path) -> None:
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "app.py").write_text(
            f"from streamer import App\napp = App()\n@app.action({name!r})\ndef act(request):\n    return 1\n"
        )

        assert load_target("app:app", read(folder), environment=ENVIRONMENT).actions == (name,)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("c2VjcmV0", id="a secret alone"),
        pytest.param("=c2VjcmV0", id="no name"),
        pytest.param("c2VjcmV0+/==", id="a secret that ends with ="),
    ],
)
def test_what_was_given_as_a_variable_and_may_be_a_secret_is_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        pairs(("A=1", text))

    assert str(refused.value) == "--env number 2 is not NAME=VALUE, such as --env GREETING=hello"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        pytest.param(None, None, id="the file does not say"),
        pytest.param("3.13", None, id="the same"),
        pytest.param("3.12", "functions run in Python 3.13 here, and on AWS in 3.12", id="another one"),
    ],
)
def test_another_python_than_that_of_aws_is_told(wanted: str | None, told: str | None) -> None:
    assert other_python(wanted, (3, 13)) == told


def test_the_python_of_the_file_is_told_beside_what_its_resources_are(tmp_path: Path) -> None:
    (tmp_path / "resources.json").write_text('{"Resources": {"Jobs": {"Type": "AWS::SQS::Queue"}}}')
    project = Project(folder=tmp_path, code=tmp_path, resources="resources.json", python="2.7")

    lines = (prepared("app:app", App(), project, environment={"JWT_SECRET": "x" * 32}).told or "").splitlines()

    assert [line.partition(" ")[0] for line in lines] == ["functions", "resources.json:"]
