"""What of ``samconfig.toml`` is read, and parameters in all of SAM's spellings."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.templates.samconfig import overrides, read_config
from streamer.errors import ConfigurationError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("A=1 B=2", {"A": "1", "B": "2"}, id="pairs"),
        pytest.param("A=\"x y\" B='z'", {"A": "x y", "B": "z"}, id="quotes"),
        pytest.param(
            "ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=x=y", {"A": "1", "B": "x=y"}, id="keys"
        ),
        pytest.param(["A=1", "B=2"], {"A": "1", "B": "2"}, id="a list"),
        pytest.param({"A": 1}, {"A": "1"}, id="a table"),
        pytest.param({"A": ["x", " y", None], "B": None}, {"A": "x,y", "B": ""}, id="lists and nothing in a table"),
        pytest.param(["A=1 B=2", [{"B": 3}], None], {"A": "1", "B": "3"}, id="tables in lists in lists"),
        pytest.param("A=", {"A": ""}, id="empty"),
        pytest.param("", {}, id="nothing"),
    ],
)
def test_parameters_in_all_spellings(written: Any, meant: dict[str, str]) -> None:
    assert overrides(written) == meant


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param("A", "part number 1 is not NAME=VALUE", id="no value"),
        pytest.param("=1", "part number 1 is not NAME=VALUE", id="no name"),
        pytest.param('A="x', "No closing quotation", id="a quote"),
        pytest.param(
            ["A=1", "B=x y"],
            "part number 3 is not NAME=VALUE; a value with spaces stands in quotes",
            id="a space",
        ),
        pytest.param(["A=1", 2], "neither texts nor tables, but int", id="a number"),
        pytest.param(
            "file://more.toml", "file://more.toml is not read: write what it has in its place", id="another file"
        ),
    ],
)
def test_parameters_that_are_none_are_refused_with_what_to_do(written: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        overrides(written)

    assert str(refused.value) == f"parameter_overrides: {message}"


def test_later_commands_win_and_parameters_are_joined() -> None:
    text = """
        version = 0.1
        [default.global.parameters]
        stack_name = "one"
        region = "eu-west-1"
        [default.deploy.parameters]
        parameter_overrides = "A=1 B=1"
        [default.local_start_api.parameters]
        parameter_overrides = ["B=2"]
        env_vars = "env.json"
        [test.deploy.parameters]
        stack_name = "two"
    """

    found = read_config(text, "samconfig.toml", "default")

    assert (found.parameters, found.region, found.stack, found.env_vars) == (
        {"A": "1", "B": "2"},
        "eu-west-1",
        "one",
        "env.json",
    )
    assert read_config(text, "samconfig.toml", "test").stack == "two"
    assert read_config(text, "samconfig.toml") == found


def test_a_part_that_is_named_has_to_be_there() -> None:
    with pytest.raises(ConfigurationError, match=r"samconfig\.toml has no part 'prdo'; it has default, prod"):
        read_config("version = 0.1\n[default.deploy]\n[prod.deploy]", "samconfig.toml", "prdo")

    assert read_config("[prod.deploy]", "samconfig.toml").parameters == {}


def test_text_that_is_no_toml_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"samconfig\.toml: not TOML"):
        read_config("[", "samconfig.toml", "default")


def test_a_configuration_may_be_yaml() -> None:
    text = """
version: 0.1
default:
  global: {parameters: {stack_name: hello, region: eu-west-3}}
  deploy:
    parameters:
      parameter_overrides:
        - Rooms=red
"""

    found = read_config(text, "samconfig.yaml", "default")

    assert (found.stack, found.region, found.parameters) == ("hello", "eu-west-3", {"Rooms": "red"})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("samconfig.yaml", "a: [", "samconfig.yaml:2: not YAML: ", id="not YAML"),
        pytest.param("samconfig.yml", "- a", "samconfig.yml: a table is expected at default", id="a list"),
        pytest.param("samconfig.toml", "default = 1", "samconfig.toml: a table is expected at default", id="a number"),
        pytest.param(
            "samconfig.toml",
            "[default.deploy]\nparameters = 'x'",
            "samconfig.toml: a table is expected at parameters",
            id="no table of parameters",
        ),
    ],
)
def test_what_is_no_configuration_is_told(name: str, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_config(text, name, "default")

    assert str(refused.value).startswith(message)
