"""The guided questions: wrong answers are asked again at once, and AWS is asked what it knows."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from fake_cloud import FakeCloud, NoCredentials, stack

from deploy.cloud import Account
from deploy.command.commands import _ask_secret
from deploy.command.guide import Guide
from deploy.config import Config
from deploy.errors import CredentialsError, DeployError

APP = "from streamer import App\n\napp = App()\n"
NO_ANSWERS = [""] * 7
"""Enter to every question."""


@dataclass
class Regions(FakeCloud):
    """AWS, where one Region cannot be reached."""

    region: str | None = None

    def account(self) -> Account:
        if self.region == "xx-nowhere-1":
            raise DeployError("AWS cannot be reached while asking who we are: is the region right?")
        return Account(account_id="123456789012", region=self.region or "eu-west-3")


Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs the conversation with answers."""
    (tmp_path / "guided_app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("JWT_SECRET", "s" * 32)

    def ask(
        answers: list[str],
        cloud: FakeCloud | None = None,
        *,
        asks_aws: bool = True,
        make: Callable[[Config], FakeCloud] | None = None,
        **said: str | None,
    ) -> Result:
        clouds = make or (lambda config: cloud if cloud is not None else Regions(region=config.region))

        @click.command()
        def command() -> None:
            Guide(tmp_path, said, clouds, asks_aws=asks_aws).run()

        answered = "".join(f"{answer}\n" for answer in answers)
        return CliRunner().invoke(command, [], input=answered, standalone_mode=False)

    return ask


def written(folder: Path) -> dict[str, object]:
    return tomllib.loads((folder / "streamer.toml").read_text())


def test_every_wrong_answer_is_told_at_once_and_asked_again(ask: Ask, tmp_path: Path) -> None:
    answers = ["Chat!", "chat", "nowhere:app", "guided_app:ap", "guided_app:app", "pro d", "prod"]
    answers += ["europe", "xx-nowhere-1", "eu-central-1", "2.7", "3.14", "mips", "arm64", "33", "30"]

    found = ask(answers)

    assert found.exception is None
    for complaint in (
        "service is 'Chat!'",
        "there is no module 'nowhere'",
        "module 'guided_app' has no attribute 'ap'",
        "stage is 'pro d'",
        "region is 'europe', which is no Region",
        "AWS cannot be reached",
        "'2.7' is not one of",
        "'mips' is not one of",
        "CloudWatch Logs takes 1, 3, 5",
    ):
        assert f"Error: {complaint}" in found.output
    assert written(tmp_path) == {
        "service": "chat",
        "app": "guided_app:app",
        "stage": "prod",
        "region": "eu-central-1",
        "python": "3.14",
        "architecture": "arm64",
        "log_retention_days": 30,
        "logging_role": False,
    }


def test_answers_go_into_a_file_that_windows_marked(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "streamer.toml").write_text('\ufeffservice = "chat"\napp = "guided_app:app"\n')

    assert ask(NO_ANSWERS).exception is None
    assert written(tmp_path)["service"] == "chat"


def test_what_the_command_line_left_out_does_not_hide_an_answer(ask: Ask) -> None:
    seen: list[str | None] = []

    class Remembering(Regions):
        def logging_role(self) -> str | None:
            seen.append(self.region)
            return super().logging_role()

    answers = ["chat", "guided_app:app", "", "eu-central-1", *NO_ANSWERS]

    found = ask(answers, make=lambda config: Remembering(region=config.region), region=None)

    assert found.exception is None
    assert seen == ["eu-central-1"]


def test_the_region_and_the_role_for_logs_are_awss_to_know(ask: Ask, tmp_path: Path) -> None:
    cloud = Regions(role=None, found=stack())

    found = ask(["chat", "guided_app:app", *NO_ANSWERS], cloud)

    assert found.exception is None
    assert "AWS Region [eu-west-3]" in found.output
    assert "account 123456789012" in found.output
    assert "the stack chat-dev is there already, and will be changed" in found.output
    assert "API Gateway has no role for its logs in this account and Region; the stack sets one" in found.output
    assert written(tmp_path)["logging_role"] is True


def test_without_credentials_it_ends_before_anything_is_written(ask: Ask, tmp_path: Path) -> None:
    found = ask(["chat", "guided_app:app", *NO_ANSWERS], NoCredentials())

    assert isinstance(found.exception, CredentialsError)
    assert not (tmp_path / "streamer.toml").exists()


def test_a_dry_run_asks_about_the_role_where_nobody_knows(ask: Ask, tmp_path: Path) -> None:
    found = ask(["chat", "guided_app:app", *NO_ANSWERS[:5], "y"], NoCredentials(), asks_aws=False)

    assert found.exception is None
    assert written(tmp_path)["logging_role"] is True


def test_a_stack_of_somebody_else_is_told_before_anything_is_written(ask: Ask, tmp_path: Path) -> None:
    found = ask(["chat", "guided_app:app", *NO_ANSWERS], Regions(found=stack(tags={})))

    assert "a stack named chat-dev exists and was not made by streamer" in str(found.exception)
    assert not (tmp_path / "streamer.toml").exists()


def test_what_the_command_line_says_is_not_asked(ask: Ask, tmp_path: Path) -> None:
    found = ask(["chat", *NO_ANSWERS], region="eu-north-1", app="guided_app:app")

    assert found.exception is None
    assert "AWS Region" not in found.output
    assert written(tmp_path)["region"] == "eu-north-1"


def test_a_secret_is_checked_when_it_is_given_and_the_key_for_tokens_is_made_on_enter() -> None:
    @click.command()
    def command() -> None:
        click.echo(f"made one of {len(_ask_secret('JWT_SECRET', 32))} characters, given {_ask_secret('GREETING', 4)}")

    found = CliRunner().invoke(command, [], input="short\n\nhi\nhello\nhallo\nhello\n", standalone_mode=False)

    assert found.output.splitlines()[-1] == "made one of 43 characters, given hello"
    for told in ("it must have at least 32 characters", "it must have at least 4 characters", "that is another one"):
        assert told in found.output
    assert found.output.count("hello") == 1
