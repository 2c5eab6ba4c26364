"""What all commands see of a project: its folder, streamer.toml, .env."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.config import load
from streamer.errors import ConfigurationError
from streamer.project import dot_env, folder_of, parse, read, undisturbed, variables


@pytest.mark.parametrize("mark", ["streamer.toml", ".streamer"])
def test_the_folder_is_found_upwards(tmp_path: Path, mark: str) -> None:
    below = tmp_path / "src" / "shop"
    below.mkdir(parents=True)
    path = tmp_path / mark
    path.mkdir() if mark.startswith(".") else path.touch()

    assert folder_of(below) == tmp_path


def test_code_that_is_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "streamer.toml").write_text('project = "src"')

    with pytest.raises(ConfigurationError, match=r"streamer\.toml: project says that the code is in .*src, which"):
        read(tmp_path)

    (tmp_path / "src").mkdir()
    assert read(tmp_path).code == (tmp_path / "src").resolve()


def test_without_a_mark_it_is_where_one_is(tmp_path: Path) -> None:
    assert folder_of(tmp_path) == tmp_path


def test_the_home_folder_counts_only_for_who_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".streamer").mkdir()
    (tmp_path / "work").mkdir()

    assert folder_of(tmp_path / "work") == tmp_path / "work"
    assert folder_of(tmp_path) == tmp_path


def test_a_stage_overrides_and_adds(tmp_path: Path) -> None:
    document = {
        "app": "shop:app",
        "environment": {"A": "1", "B": "1"},
        "stages": {"prod": {"project": "src", "environment": {"B": "2"}}},
    }

    found = parse(document, tmp_path, "prod")

    assert (found.app, found.code, found.stage) == ("shop:app", tmp_path / "src", "prod")
    assert found.environment == {"A": "1", "B": "2"}
    assert parse(document, tmp_path).environment == {"A": "1", "B": "1"}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"appp": "a:b"}, "unknown key 'appp'; did you mean 'app'?"),
        ({"stages": {"prod": {"enviroment": {}}}}, "unknown key 'enviroment'; did you mean 'environment'?"),
        ({"zzz": 1}, "unknown key 'zzz'; it knows access_logs, "),
    ],
)
def test_an_unknown_key_is_named(tmp_path: Path, document: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(document, tmp_path)

    assert told in str(caught.value)


@pytest.mark.parametrize("name", ["app", "project", "resources", "service", "region"])
def test_a_key_without_a_value_is_no_default(tmp_path: Path, name: str) -> None:
    for document in ({name: ""}, {"stages": {"prod": {name: ""}}}):
        with pytest.raises(ConfigurationError, match=f"streamer.toml: {name} is empty; leave it out"):
            parse(document, tmp_path)


def test_no_base_path_and_no_table_prefix_are_something(tmp_path: Path) -> None:
    assert parse({"base_path": "", "table_prefix": ""}, tmp_path).base_path == ""


@pytest.mark.parametrize("document", [{"app": 1}, {"environment": {"A": 1}}, {"environment": "A=1"}])
def test_what_makes_no_sense_is_named(tmp_path: Path, document: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=r"streamer\.toml"):
        parse(document, tmp_path)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param("A=1", "1", id="plain"),
        pytest.param("export A = 1 ", "1", id="export and blanks"),
        pytest.param("A=", "", id="empty"),
        pytest.param("A=x # why", "x", id="comment"),
        pytest.param("A=x#y", "x#y", id="no comment without a blank"),
        pytest.param("A='x # y'", "x # y", id="single quotes"),
        pytest.param(r'A="x\ny"', "x\ny", id="a line break within double quotes"),
        pytest.param(r"A='x\ny'", r"x\ny", id="but not within single ones"),
        pytest.param(r'A="x\"y" # why', 'x"y', id="a quote within double quotes"),
        pytest.param(r'A="C:\dir\"', "C:\\dir\\", id="a backslash before the last quote"),
        pytest.param('A=""', "", id="nothing in quotes"),
        pytest.param("A=$HOME=b", "$HOME=b", id="nothing is replaced"),
    ],
)
def test_lines_of_an_env_file(line: str, value: str) -> None:
    assert dot_env(f"# a comment\n\n{line}\n", Path(".env")) == {"A": value}


@pytest.mark.parametrize("line", ["SECRET", "=x", "A B=secret"])
def test_a_line_that_is_none_is_told_by_its_number_only(line: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        dot_env(f"A=1\n{line}\n", Path(".env"))

    assert str(refused.value) == ".env:2: write NAME=VALUE"


def test_the_shell_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB=file\n")

    assert variables(tmp_path, {"A": "shell"}) == {"A": "shell", "B": "file"}
    assert variables(tmp_path / "elsewhere", {"A": "shell"}) == {"A": "shell"}


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\n", "utf-8-sig")  # as editors on Windows begin them
    (tmp_path / "streamer.toml").write_text('app = "service:chat"\n', "utf-8-sig")

    assert variables(tmp_path, {}) == {"A": "file"}
    assert read(tmp_path).app == load(tmp_path, {}).app == "service:chat"


def test_an_env_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"prod\.env cannot be read: No such file"):
        variables(tmp_path, {}, tmp_path / "prod.env")


def test_a_link_that_leads_nowhere_is_no_missing_file(tmp_path: Path) -> None:
    (tmp_path / "streamer.toml").symlink_to("gone.toml")
    (tmp_path / ".env").symlink_to("gone.env")
    below = tmp_path / "src"
    below.mkdir()

    assert folder_of(below) == tmp_path
    with pytest.raises(ConfigurationError, match=r"streamer\.toml cannot be read: .*No such file"):
        read(tmp_path)
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read: No such file"):
        variables(tmp_path, {})


@pytest.fixture
def loggers() -> Iterator[dict[str, logging.Logger]]:
    names = ("undisturbed.there", "undisturbed.new")
    yield {"": logging.root, names[0]: logging.getLogger(names[0])}
    for name in names:
        logging.root.manager.loggerDict.pop(name, None)


def test_what_code_makes_of_the_process_is_undone_in_a_command_that_only_looks_at_it(
    loggers: dict[str, logging.Logger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE", "of the shell")

    def states() -> list[object]:
        return [(each.handlers[:], each.level, each.disabled, each.propagate) for each in loggers.values()]

    before, below, filters = states(), logging.root.manager.disable, warnings.filters[:]
    folder, shell = Path.cwd(), dict(os.environ)
    with undisturbed():
        for each in loggers.values():
            each.addHandler(logging.StreamHandler())
            each.setLevel(logging.DEBUG)
            each.disabled, each.propagate = True, False
        logging.disable(logging.ERROR)
        os.chdir(tmp_path)
        os.environ.update(STAGE="of .env", JWT_SECRET="development's")
        del os.environ["PATH"]
        warnings.filterwarnings("ignore", "undisturbed")
        new = logging.getLogger("undisturbed.new")
        new.handlers = [logging.NullHandler(), logging.StreamHandler()]

    assert (states(), logging.root.manager.disable) == (before, below)
    assert [type(each) for each in new.handlers] == [logging.NullHandler]
    assert (warnings.filters, Path.cwd(), dict(os.environ)) == (filters, folder, shell)
