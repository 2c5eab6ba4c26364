"""``streamer.toml``."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from deploy.config import Config, load, parse, project_folder, updated
from deploy.errors import DeployError
from streamer.project import KEYS

FILE = """
service = "chat"
region = "eu-central-1"
log_retention_days = 7

[environment]
LOG_LEVEL = "DEBUG"
COLOUR = "red"

[stages.prod]
log_retention_days = 365
environment = { LOG_LEVEL = "INFO" }
"""


@pytest.mark.parametrize(
    ("files", "start", "app", "found"),
    [
        pytest.param(["streamer.toml"], "", None, "", id="the folder itself"),
        pytest.param(["streamer.toml"], "docs", None, "", id="the nearest above"),
        pytest.param(["streamer.toml", "chat/streamer.toml"], "chat/docs", None, "chat", id="the nearest of two"),
        pytest.param(["streamer.toml", "chat/app.py"], "chat", None, "chat", id="one with an app of its own"),
        pytest.param(
            ["streamer.toml", "chat/main.py"], "chat", "main:app", "chat", id="one with the app that is named"
        ),
        pytest.param([], "docs", None, "docs", id="nothing anywhere"),
    ],
)
def test_the_project_of_a_folder(tmp_path: Path, files: list[str], start: str, app: str | None, found: str) -> None:
    (tmp_path / "chat/docs").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    for file in files:
        (tmp_path / file).touch()

    assert project_folder(tmp_path / start, app) == tmp_path / found


def test_without_a_file_the_folder_names_the_service(tmp_path: Path) -> None:
    folder = tmp_path / "My Chat_App"
    folder.mkdir()

    config = load(folder, {})

    assert (config.service, config.stage, config.stack, config.prefix) == (
        "my-chat-app",
        "dev",
        "my-chat-app-dev",
        "my-chat-app-dev_",
    )


def test_a_stage_overrides_the_file_and_the_command_line_overrides_both(tmp_path: Path) -> None:
    config = parse(FILE, tmp_path, {"stage": "prod", "region": "us-west-2", "profile": None})

    assert config.log_retention_days == 365
    assert config.environment == {"LOG_LEVEL": "INFO", "COLOUR": "red"}
    assert config.region == "us-west-2"
    assert config.stack == "chat-prod"


def test_other_stages_do_not_leak(tmp_path: Path) -> None:
    config = parse(FILE, tmp_path, {})

    assert config.log_retention_days == 7
    assert config.environment["LOG_LEVEL"] == "DEBUG"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("servce = 'x'", "unknown key 'servce'", id="typo"),
        pytest.param("stages.prod.servce = 'x'", "unknown key 'servce'", id="typo in a stage"),
        pytest.param("python = 3.13", "python is 3.13, which is not text", id="number for text"),
        pytest.param("tracing = 'yes'", "which is not true or false", id="text for a flag"),
        pytest.param("log_retention_days = true", "which is not a whole number", id="flag for a number"),
        pytest.param("exclude = '*.csv'", "which is not a list of texts", id="text for a list"),
        pytest.param("environment = { A = 1 }", "which is not a table of texts", id="number for a variable"),
        pytest.param("service = 'Chat!'", "service is 'Chat!'", id="service name"),
        pytest.param("service = ", "not valid TOML", id="syntax"),
        pytest.param(f"throttle_rate = {'9' * 6_000}", "not valid TOML", id="more digits than Python reads"),
        pytest.param(f"exclude = {'[' * 100_000}", "not valid TOML", id="nested too deeply"),
        pytest.param('project = "a\\u0000"', "'project' holds a null character", id="null in a path"),
        pytest.param('tags = { "a\\u0000" = "" }', r"'tags.a.x00' holds a null character", id="null in a key"),
        pytest.param("region = 'europe'", "which is no Region of AWS", id="region"),
        pytest.param("stack_name = ''", "stack_name is empty; leave it out", id="no stack"),
        pytest.param("project = ''", "project is empty; leave it out for the default", id="no folder"),
        pytest.param("regoin = 'x'", "unknown key 'regoin'; did you mean 'region'", id="nearly a key"),
        pytest.param("table_prefix = 'a b'", "table_prefix is 'a b'; it takes letters", id="prefix"),
        pytest.param("bucket = 'Mine'", "bucket is 'Mine'; it takes 3 to 63 lower-case", id="bucket"),
        pytest.param(
            "region = 'eu-west-1'\nalarm_topic_arn = 'arn:aws:sns:us-east-1:123456789012:ops'",
            "a topic of their own Region, eu-west-1",
            id="a topic elsewhere",
        ),
    ],
)
def test_mistakes_are_named_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(DeployError, match=complaint) as refused:
        parse(text, tmp_path, {})

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("stage", ["", " ", "*", "../x", "${x}", "a\n", "a" * 129])
def test_a_stage_of_the_command_line_that_is_no_name_is_refused(tmp_path: Path, stage: str) -> None:
    for text in ("", FILE, "stage = 'prod'"):
        with pytest.raises(DeployError, match="it takes 1 to 128 letters, digits, hyphens and underscores"):
            parse(text, tmp_path, {"stage": stage})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param("-----BEGIN PRIVATE KEY-----", "nothing private", id="private key"),
        pytest.param("hello", "must hold a PEM public key", id="something else"),
    ],
)
def test_only_a_public_key_is_taken_for_one(tmp_path: Path, text: str | None, complaint: str) -> None:
    if text is not None:
        (tmp_path / "key.pem").write_text(text)

    with pytest.raises(DeployError, match=complaint):
        Config(folder=tmp_path, service="chat", jwt_public_key="key.pem").settings()


@pytest.mark.parametrize("key", ["jwt_public_key", "resources"])
def test_a_fifo_is_no_file_that_a_setting_names(tmp_path: Path, key: str) -> None:
    os.mkfifo(tmp_path / "named")

    with pytest.raises(DeployError, match=f"{key}: named is no file"):
        parse(f"{key} = 'named'", tmp_path, {}).settings()


@pytest.mark.parametrize(
    ("before", "values", "after"),
    [
        pytest.param("", {"service": "chat"}, 'service = "chat"\n', id="new file"),
        pytest.param(
            '# ours\nservice = "old" # why\n\n[environment]\nservice = "no"\n',
            {"service": "new", "tracing": True},
            '# ours\nservice = "new"\ntracing = true\n\n[environment]\nservice = "no"\n',
            id="comments and tables stay",
        ),
        pytest.param(
            "[environment]\nA = 'b'\n", {"days": 7}, "days = 7\n\n[environment]\nA = 'b'\n", id="only a table"
        ),
    ],
)
def test_settings_are_written_in_place_or_before_the_first_table(
    before: str, values: dict[str, Any], after: str
) -> None:
    assert updated(before, values) == after


def test_updating_twice_changes_nothing_more() -> None:
    once = updated(FILE, {"service": "x", "app": 'a "quoted" one'})

    assert updated(once, {"service": "x", "app": 'a "quoted" one'}) == once


def test_whatever_else_reads_the_file_knows_its_keys_too() -> None:
    assert {field.name for field in fields(Config)} - {"folder"} | {"functions", "stages"} == KEYS
