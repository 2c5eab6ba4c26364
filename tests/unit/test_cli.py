"""What the command line understands; what it then does is tested beside the parts that do it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import cli
from deploy.command.options import WithExamples
from emulator.command.help import Command
from emulator.command.options import EmulateOptions
from emulator.command.parameters import Claim, Payload
from streamer._entry import tool

OF_REQUESTS = ("requests show", "requests wait", "requests cancel", "requests retry")
TOKEN = ["token", "--user", "ada", "--tenant", "acme", "--secret", "s" * 32]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a folder of its own, so that none finds an emulator or leaves a secret."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JWT_SECRET", raising=False)


def emulated(*arguments: str) -> EmulateOptions:
    """The options that the emulator would be started with."""
    seen: list[EmulateOptions] = []
    result = CliRunner().invoke(cli.cli, ["emulate", *arguments], obj=seen.append, standalone_mode=False)
    assert result.exception is None
    return seen[0]


def test_without_options_the_emulator_gets_its_own_defaults() -> None:
    assert dataclasses.asdict(emulated()) == dataclasses.asdict(EmulateOptions())


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["shop.service:app"], "target", "shop.service:app"),
        (["--host", "0.0.0.0"], "host", "0.0.0.0"),
        (["--port", "0"], "port", 0),
        (["--stage", "prod"], "stage", "prod"),
        (["--dynamodb", "http://127.0.0.1:8000"], "dynamodb", "http://127.0.0.1:8000"),
        (["--dynamodb", "embedded"], "dynamodb", "embedded"),
        (["--isolation", "inline"], "isolation", "inline"),
        (["--isolation", "process"], "isolation", "process"),
        (["--no-reload"], "reload", False),
        (["--no-console"], "console", False),
        (["--console"], "console", True),
        (["--allow-host", "Box.example"], "allowed_hosts", ("box.example",)),
        (["--allow-host", "fd00::1"], "allowed_hosts", ("fd00::1",)),
        (["--config-env", "prod"], "config_env", "prod"),
        (["--reload"], "reload", True),
        (["--ready-file", "ready.json"], "ready_file", Path("ready.json")),
        (["--log-format", "json"], "log_format", "json"),
        (["--idle-timeout", "0.5"], "idle_timeout", 0.5),
        (["--idle-timeout", "10m"], "idle_timeout", 600.0),
        (["--max-duration", "3"], "max_duration", 3.0),
        (["--integration-timeout", "1"], "integration_timeout", 1.0),
        (["--limit", "account=aws", "--limit", "frame_bytes=9"], "limits", ("account=aws", "frame_bytes=9")),
        (["--assume", "ping_resets_idle=true"], "assumptions", ("ping_resets_idle=true",)),
        (["--state", "tables.db"], "state_file", Path("tables.db")),
        (["--state", "one/tables.db"], "state_file", Path("one/tables.db")),
        (["--log-dir", "logs"], "log_dir", Path("logs")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_an_option_of_emulate_reaches_the_emulator(arguments: list[str], field: str, value: Any) -> None:
    assert dataclasses.asdict(emulated(*arguments)) == dataclasses.asdict(EmulateOptions()) | {field: value}


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int | str | None, str, str]:
    """Exit status, standard output and standard error of the whole command."""
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    captured = capsys.readouterr()
    return caught.value.code, captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        pytest.param(["nonsense"], "See: streamer --help", id="unknown command"),
        pytest.param(["tokne"], "Did you mean 'token'? See: streamer --help", id="mistyped command"),
        pytest.param(["emulate", "--nonsense"], "See: streamer emulate --help", id="unknown option"),
        pytest.param(["emulate", "--port", "70000"], "not in the range of 0 to 65535.", id="port out of range"),
        pytest.param(["listen", "a", "--count", "0"], "0 is not 1 or more.", id="count of nothing"),
        pytest.param(
            ["call", "a", "--usr", "b"], ". Did you mean one of: '--url', '--user'? See:", id="mistyped option"
        ),
        pytest.param(["emulate", "--port", "http"], "'http' is no whole number", id="port that is no number"),
        pytest.param(["listen", "a", "--count", "few"], "'few' is no whole number", id="count that is no number"),
        pytest.param(["requests", "wait", "r", "--timeout", "nan"], "'nan' is not a duration", id="no time to wait"),
        pytest.param(["emulate", "--state", "--port", "0"], "'--state' requires an argument", id="forgotten file"),
        pytest.param(
            ["emulate", "--state", "no/such/tables.db"], "folder no of no/such/tables.db", id="no such folder"
        ),
        pytest.param(["emulate", "--ready-file", "no/such/r.json"], "folder no of", id="no folder of the ready file"),
        pytest.param(["deploy", "--stage", "--dry-run"], "'--stage' requires an argument", id="forgotten stage"),
        pytest.param(["call", "a", "--timeout"], "'--timeout' requires an argument", id="forgotten value at the end"),
        pytest.param(["call", "a", "--timeout"], "See: streamer call --help", id="whose help says more"),
        pytest.param(["describe", "--url", "x"], "is no WebSocket URL", id="a document of a service that is nowhere"),
        pytest.param(["event", "sqs", "--connection-id", "c"], "is for connect, message and", id="whose connection"),
        pytest.param(["emulate", "--dynamodb", "localhost:8000"], "http://127.0.0.1:8000", id="no URL"),
        pytest.param(["emulate", "--stage", "a b"], "is no stage", id="stage with a space"),
        pytest.param(["emulate", "--stage", ""], "--stage is empty", id="empty stage"),
        pytest.param(["emulate", "--isolation", "docker"], "'process', 'inline'", id="unknown isolation"),
        pytest.param(["emulate", "--idle-timeout", "0"], "is not a duration", id="no time at all"),
        pytest.param(["emulate", "--integration-timeout", "1m"], "0.05 to 29 seconds", id="more than AWS allows"),
        pytest.param(["emulate", "--log-dir", __file__], "is a file", id="a file for a folder"),
        pytest.param(["token", "--user", ""], "--user is empty; leave it out for the default", id="empty user"),
        pytest.param(["token", "--user", "", "--tenant", "t"], "is empty", id="empty user"),
        pytest.param([*TOKEN, "--secret", ""], "is empty", id="secret of a variable that is not set"),
        pytest.param([*TOKEN, "--permission", ""], "is empty", id="permission of one"),
        pytest.param(["call", "a", "--permission", ""], "--permission is empty", id="permission of a caller"),
        pytest.param(["tail", "--user", ""], "--user is empty", id="records of no variable"),
        pytest.param(["tail", "--connection="], "--connection is empty", id="records of a connection of no variable"),
        pytest.param(["emulate", "--log-dir", ""], "--log-dir is empty", id="folder of no variable"),
        pytest.param(["emulate", "--state="], "--state is empty", id="file of no variable"),
        pytest.param(["init", ""], "FOLDER is empty", id="new service in no folder"),
        pytest.param(["trace", ""], "ID is empty", id="nothing to trace"),
        pytest.param(["emulate", "--allow-host", "a b"], "is no name of a host", id="no name of a host"),
        pytest.param(["emulate", "--allow-host", "box:8443"], "without scheme and port", id="host with a port"),
        pytest.param(["emulate", "--allow-host", "https://box"], "without scheme and port", id="host with a scheme"),
        pytest.param(["destroy", "--stack-name", "", "--yes"], "--stack-name is empty", id="stack of no variable"),
        pytest.param(["deploy", "--dry-run", "--stage", ""], "--stage is empty", id="stage of no variable"),
        pytest.param(["requests", "cancel", "r", "--stage", ""], "--stage is empty", id="service of no variable"),
        pytest.param(["requests", "--region", "", "show", "r"], "--region is empty", id="Region of no variable"),
        pytest.param(["requests", "retry", "r", "--user", ""], "--user is empty", id="user of no variable"),
        pytest.param([*TOKEN, "--expires-in", "soon"], "90s or 24h", id="malformed duration"),
        pytest.param([*TOKEN, "--claim", "role"], "NAME=VALUE", id="claim without a value"),
        pytest.param(["call"], "ACTION", id="no action"),
        pytest.param(["call", "echo", "{"], "not JSON", id="payload that is not JSON"),
        pytest.param(["call", "echo", f"@{__file__}"], "test_cli.py is not JSON (", id="file that is not JSON"),
        pytest.param(["invoke", "f", "evnt"], "there is no file evnt, and it is not JSON", id="event of no file"),
        pytest.param(["invoke", "f", "{"], "Invalid value for 'EVENT': not JSON (", id="event that is not JSON"),
        pytest.param(["call", "echo", "NaN"], "NaN is not a JSON value", id="payload that only Python takes for JSON"),
        pytest.param(["call", "echo", '{"n": 1e999}'], "not JSON (1e999 is too large a number)", id="infinite payload"),
        pytest.param(["call", "echo", "@no-such-file"], "No such file", id="payload file that is missing"),
        pytest.param(["call", "echo", f"@{Path(__file__).parent}"], "directory", id="payload file that is a folder"),
        pytest.param(["call", "echo", "--id", "a b", "--token", "t"], "request id", id="no request id"),
        pytest.param(["call", "echo", "--url", "http://x", "--token", "t"], "no WebSocket URL", id="wrong scheme"),
        pytest.param(["call", "echo", "--url", "ws://127.0.0.1:1", "--token", "t"], "running?", id="nobody listens"),
        pytest.param(["call", "echo", "--url", "nope"], "is no WebSocket URL, such as ws://", id="no URL at all"),
        pytest.param(
            ["call", "echo", "--url", "wss://"], "is no WebSocket URL, such as ws://", id="URL without a host"
        ),
        pytest.param(["call", "echo", "--url", ""], "--url is empty", id="URL of a variable that is not set"),
        pytest.param(["listen", "news", "--token", ""], "--token is empty", id="token of a variable that is not set"),
        pytest.param(["call", "a", "--url", "ws://127.0.0.1:1", "--token", "a\nb"], "line break", id="broken token"),
        pytest.param(["call", "a", "--url", "wss://[::1", "--token", "t"], "Invalid IPv6 URL", id="broken URL"),
        pytest.param(
            ["call", "a", "--url", "ws://no.invalid", "--token", "t"], "cannot be resolved", id="no such host"
        ),
        pytest.param(["completion", "tcsh"], "'bash', 'zsh', 'fish'", id="unknown shell"),
    ],
)
def test_bad_input_is_one_line_on_standard_error_and_exit_status_2(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(arguments, capsys)

    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("streamer: ")
    assert hint in err


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--debug", "--state", "file"], id="an option whose value may be left out"),
        pytest.param(["--no-reload", "--state", "file"], id="a flag"),
        pytest.param(["--env=--port", "--state", "file"], id="a value that looks like one on purpose"),
        pytest.param(["--state", "file", "--", "--port"], id="what is no option any more"),
    ],
)
def test_no_value_is_missed_where_none_was_forgotten(arguments: list[str]) -> None:
    assert emulated(*arguments).state_file == Path("file")


@pytest.mark.parametrize(
    ("arguments", "payload"),
    [
        pytest.param(["sum", "-5"], -5, id="negative"),
        pytest.param(["--json", "sum", "-1.5e3", "--user", "-1"], -1500.0, id="among options"),
        pytest.param(["sum", "--", "-5"], -5, id="said to be no option"),
        pytest.param(["sum", "--user", "-1"], None, id="the value of an option"),
    ],
)
def test_a_negative_number_is_a_payload_and_no_option(arguments: list[str], payload: float | None) -> None:
    said = cli.cli.commands["call"].make_context("call", arguments).params

    assert said["payload"] == payload
    assert said["user"] in (None, "-1")


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run([], capsys)

    assert (status, out) == (2, "")
    assert "Examples:" in err


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", ["", *cli.cli.commands, *cli.HERE, *cli.WATCHING, *cli.DEPLOYING, *OF_REQUESTS])
def test_every_command_has_help_with_examples(command: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run([*command.split(), option], capsys)

    assert status == 0
    assert f"streamer {command}".strip() in out.partition("Examples:")[2]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(Command("alone", callback=lambda: None, examples=["streamer alone"]), id="of the emulator"),
        pytest.param(WithExamples("alone", callback=lambda: None, epilog="streamer alone"), id="of the deployer"),
    ],
)
def test_a_command_that_is_run_by_itself_has_both_options_of_help(command: click.Command) -> None:
    for option in ("-h", "--help"):
        assert "streamer alone" in CliRunner().invoke(command, [option]).output


@pytest.mark.parametrize(("name", "command"), [*cli.cli.commands.items()])
def test_every_option_has_help_or_says_it_by_its_choices(name: str, command: click.Command) -> None:
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or isinstance(parameter.type, click.Choice), f"{name} {parameter.name}"


def test_the_commands_for_deploying_are_those_that_are_listed() -> None:
    assert set(cli.DEPLOYING) == set(tool("deploy.command.commands").COMMANDS)


def test_the_commands_that_are_loaded_when_they_are_used_are_those_that_are_listed() -> None:
    assert set(cli.HERE) == set(tool("emulator.command.commands").COMMANDS)
    assert set(cli.WATCHING) == set(tool("emulator.command.tail_and_trace").COMMANDS)


def test_summaries_fit_into_the_list_of_commands() -> None:
    assert not [name for name, command in cli.cli.commands.items() if command.get_short_help_str(45).endswith("...")]


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(["--version"], capsys)

    assert status == 0
    assert out.startswith("streamer, version ")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(["completion", shell], capsys)

    assert (status, err) == (0, "")
    assert f"_STREAMER_COMPLETE={shell}_complete" in out


class TestPayload:
    """The forms of PAYLOAD."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            pytest.param('{"a": [1, null]}', {"a": [1, None]}, id="object"),
            pytest.param("3", 3, id="number"),
            pytest.param('"@x"', "@x", id="string that looks like a file"),
        ],
    )
    def test_json_is_taken_as_its_value(self, text: str, value: Any) -> None:
        assert Payload().convert(text, None, None) == value

    @pytest.mark.parametrize("encoding", ["utf-8", pytest.param("utf-8-sig", id="marked as Windows does")])
    def test_json_is_read_from_a_file(self, tmp_path: Path, encoding: str) -> None:
        (tmp_path / "p.json").write_text('{"ä": 1}', encoding)

        assert Payload().convert(f"@{tmp_path / 'p.json'}", None, None) == {"ä": 1}


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("role=admin", ("role", "admin")),
        ("level=3", ("level", 3)),
        ('groups=["a"]', ("groups", ["a"])),
        ("note=a=b", ("note", "a=b")),
        ("empty=", ("empty", "")),
        ("exp=0", ("exp", 0)),
        ("exp=1e999", ("exp", "1e999")),
        ("exp=NaN", ("exp", "NaN")),
        ("deep=" + 99_999 * "[", ("deep", 99_999 * "[")),
    ],
)
def test_a_claim_is_json_or_else_a_string(text: str, claim: tuple[str, Any]) -> None:
    assert Claim().convert(text, None, None) == claim
